//! `.ci/release`, with the program of the tests in place of a static one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::Command;

use crate::binary::{self, ok};

fn shell(script: &str) -> String {
    let mut bash = Command::new("bash");
    bash.current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["-euo", "pipefail", "-c", script]);
    let output = bash.env("SOURCE_DATE_EPOCH", "1").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_release_has_everything_and_its_checksum() {
    if crate::engine::tool("python3").is_none() {
        return;
    }
    let program = binary::command();
    let program = Path::new(program.get_program()).to_str().unwrap();
    shell(&format!(".ci/release --binary {program}"));
    shell("cd target/dist && sha256sum --check --strict SHA256SUMS");
    let listed = shell("tar -tzf target/dist/*.tar.gz");
    let name = format!("ocipatch-{}-", env!("CARGO_PKG_VERSION"));
    assert!(
        listed.lines().all(|line| line.starts_with(&name)),
        "{listed}"
    );
    let help = ok(["--help"]);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    let words = commands.filter_map(|line| line.split_whitespace().next());
    let pages: Vec<String> = words
        .filter(|it| *it != "help")
        .map(|it| format!("/man/ocipatch-{it}.1"))
        .collect();
    assert!(pages.len() > 10, "{help}");
    let files = [
        "/ocipatch",
        "/THIRD-PARTY-NOTICES",
        "/man/ocipatch.1",
        "/completions/_ocipatch",
    ];
    for file in files.iter().map(|file| (*file).to_owned()).chain(pages) {
        assert!(
            listed.lines().any(|line| line.ends_with(&file)),
            "{file}: {listed}"
        );
    }
    // What the `Containerfile` copies: the program, and a directory in which every user may keep what is large.
    let modes = shell(
        "cd target/dist/context && grep -q '^COPY rootfs/ /' Containerfile && stat -c %a rootfs/usr/bin/ocipatch rootfs/var/tmp",
    );
    assert_eq!(modes, "755\n1777\n");
    // The Debian package takes nothing that is not there.
    let missing = shell(
        "cd target/dist && ln -sfn ocipatch-*-linux stage && cd ../.. && sed -n 's/^  \\[\"\\([^\"]*\\)\", \"usr.*/\\1/p' Cargo.toml | while read -r file; do compgen -G \"$file\" >/dev/null || echo \"$file\"; done; rm target/dist/stage",
    );
    assert_eq!(missing, "");
}
