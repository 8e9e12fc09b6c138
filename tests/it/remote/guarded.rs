//! A registry that wants tokens: one refusal and one token more than without.

use super::Site;
use crate::registry::token::Guarded;

#[test]
fn tokens_cost_two_requests_whatever_is_asked_for() {
    let Some(mut guarded) = Guarded::start() else {
        return;
    };
    let domain = guarded.server.domain().to_owned();
    let directory = tempfile::tempdir().unwrap();
    crate::binary::write_files(
        directory.path(),
        &[(
            "label.yaml",
            "apiVersion: ocipatch/v1\noperations: [set-label: {team: web}]\n",
        )],
    );
    let credentials = format!(r#"{{"auths":{{"{domain}":{{"auth":"bWU6c2VjcmV0"}}}}}}"#);
    let mut run = |line: &str| {
        guarded.server.forget();
        let n_tokens = guarded.n_tokens();
        let words = line.split(' ').map(|word| match word.strip_prefix('@') {
            Some(name) => format!("docker://{domain}/{name}"),
            None => word.to_owned(),
        });
        let mut program = crate::binary::command();
        program.args(words).current_dir(directory.path());
        let output = program
            .env("DOCKER_AUTH_CONFIG", &credentials)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}\n{told}");
        assert!(!told.contains("secret") && !told.contains("bWU6"), "{told}");
        (guarded.server.requests(), guarded.n_tokens() - n_tokens)
    };
    let archive = crate::edit::fixture("docker26.tar");
    run(&format!("apply -q {} -o @app:1", archive.display()));
    let (same, n_tokens) = run("apply -q label.yaml @app:1 -o @app:2 --overwrite");
    assert_eq!((same.len(), n_tokens), (6, 1), "{same:#?}");
    // Of two layers each is mounted.
    let (other, n_tokens) = run("apply -q label.yaml @app:1 -o @copy:2 --overwrite");
    assert_eq!((other.len(), n_tokens), (8, 1), "{other:#?}");
    assert_eq!(
        other
            .iter()
            .filter(|request| request.contains("mount="))
            .count(),
        2
    );
    let (shown, n_tokens) = run("plan -v label.yaml @app:1");
    assert_eq!((shown.len(), n_tokens), (3, 1), "{shown:#?}");
}

#[test]
fn who_has_no_password_is_told_so() {
    let Some(guarded) = Guarded::start() else {
        return;
    };
    let site = Site::of(guarded.server);
    let told = site.fails(3, "inspect @private:1");
    assert!(told.contains("login"), "{told}");
}
