//! Credentials where users have them, as the program finds them: files, variables, helpers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::double::{Answer, Double};
use crate::binary::command;

/// A registry that tells what it was sent, and the home of a user.
struct User {
    registry: Double,
    home: tempfile::TempDir,
}

impl User {
    fn new() -> Self {
        let registry = Double::new(|asked| {
            let host = asked.header("host").unwrap();
            let realm = format!(r#"Bearer realm="http://{host}/token",service="s""#);
            match (asked.target.as_str(), asked.header("authorization")) {
                ("/token", _) => Answer::new(200).body(r#"{"token":"exchanged"}"#),
                (target, None) if target.contains("/guarded/") => {
                    Answer::new(401).header("WWW-Authenticate", &realm)
                }
                (_, None) => Answer::new(401).header("WWW-Authenticate", "Basic"),
                _ => Answer::new(404),
            }
        });
        let home = tempfile::tempdir().unwrap();
        Self { registry, home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file, in which `HOST` is the registry.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text.replace("HOST", self.registry.domain())).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A helper of that name: a script that has read the host which it is asked for.
    fn helper(&self, name: &str, script: &str) {
        let path = self.write(
            &format!("bin/docker-credential-{name}"),
            &format!("#!/bin/sh\nread host\n{script}\n"),
        );
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What the registry was sent last for an image, and what the user was told.
    fn asks(
        &self,
        image: &str,
        environment: &[(&str, &str)],
        options: &[&str],
    ) -> (String, String) {
        let mut program = command();
        for name in [
            "DOCKER_CONFIG",
            "DOCKER_AUTH_CONFIG",
            "REGISTRY_AUTH_FILE",
            "XDG_RUNTIME_DIR",
            "XDG_CONFIG_HOME",
        ] {
            program.env_remove(name);
        }
        let bin = self.path("bin");
        let path = std::env::var("PATH").unwrap();
        let output = program
            .args(["inspect", "-v"])
            .args(options)
            .arg(format!("docker://{}/{image}", self.registry.domain()))
            .env("HOME", self.home.path())
            .env("PATH", format!("{}:{path}", bin.display()))
            .envs(
                environment
                    .iter()
                    .map(|(name, value)| (*name, value.replace("HOST", self.registry.domain()))),
            )
            .output()
            .unwrap();
        let sent = self.registry.headers("authorization").pop();
        let sent = sent.flatten().unwrap_or_default();
        (sent, String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn files_and_variables_have_passwords() {
    let user = User::new();
    user.write(
        "docker/config.json",
        r#"{"auths":{"HOST":{"auth":"ZG9ja2VyOnA="}}}"#,
    );
    user.write(
        "run/containers/auth.json",
        r#"{"auths":{"HOST":{"auth":"aG9zdDpw"},"HOST/team":{"auth":"dGVhbTpw"},"HOST/team/app":{"auth":"YXBwOnA="}}}"#,
    );
    let named = user.write(
        "named.json",
        r#"{"auths":{"HOST":{"username":"named","password":"p"}}}"#,
    );
    let docker = user.path("docker");
    let docker = ("DOCKER_CONFIG", docker.to_str().unwrap());
    let run = user.path("run");
    let run = ("XDG_RUNTIME_DIR", run.to_str().unwrap());
    let text = (
        "DOCKER_AUTH_CONFIG",
        r#"{"auths":{"HOST":{"auth":"dGV4dDpw"}}}"#,
    );
    let named_by = ("REGISTRY_AUTH_FILE", named.as_str());
    for (image, environment, options, expected) in [
        ("team/app", &[docker][..], &[][..], "Basic ZG9ja2VyOnA="),
        ("team/app", &[run], &[], "Basic YXBwOnA="),
        ("team/other", &[run], &[], "Basic dGVhbTpw"),
        ("teams", &[run], &[], "Basic aG9zdDpw"),
        ("team/app", &[text, docker], &[], "Basic dGV4dDpw"),
        (
            "team/app",
            &[text, docker, named_by],
            &[],
            "Basic bmFtZWQ6cA==",
        ),
        (
            "team/app",
            &[docker],
            &["--authfile", &named],
            "Basic bmFtZWQ6cA==",
        ),
        ("team/app", &[], &[], ""),
    ] {
        let (sent, said) = user.asks(image, environment, options);
        assert_eq!(sent, expected, "{said}");
        let secret = expected.split(' ').next_back().unwrap();
        assert!(secret.is_empty() || !said.contains(secret), "{said}");
    }
    let (_, said) = user.asks("app", &[("REGISTRY_AUTH_FILE", "/missing.json")], &[]);
    assert!(said.contains("`/missing.json`"), "{said}");
}

#[test]
fn helpers_have_passwords_and_tokens() {
    let user = User::new();
    user.helper(
        "store",
        r#"echo "{\"ServerURL\":\"$host\",\"Username\":\"store\",\"Secret\":\"$host\"}""#,
    );
    user.helper(
        "token",
        r#"echo '{"ServerURL":"","Username":"<token>","Secret":"refresh"}'"#,
    );
    user.helper(
        "empty",
        "echo credentials not found in native keychain; exit 1",
    );
    user.helper("broken", "echo s3cret; echo s3cret >&2; exit 1");
    user.helper("odd", "echo s3cret");
    let asks = |config: &str, image: &str| {
        user.write(".docker/config.json", config);
        user.asks(image, &[], &[])
    };
    let (sent, _) = asks(
        r#"{"credHelpers":{"HOST":"store"},"credsStore":"broken"}"#,
        "app",
    );
    assert!(sent.starts_with("Basic c3RvcmU6MTI3LjAuMC4x"), "{sent}");
    let (sent, _) = asks(r#"{"auths":{"HOST":{}},"credsStore":"store"}"#, "app");
    assert!(sent.starts_with("Basic c3RvcmU6MTI3LjAuMC4x"), "{sent}");
    let (sent, _) = asks(r#"{"credsStore":"token"}"#, "guarded/app");
    assert_eq!(sent, "Bearer exchanged");
    assert!(user.registry.lines().contains(&"POST /token".to_owned()));
    let (sent, said) = asks(r#"{"credsStore":"empty"}"#, "app");
    assert!(sent.is_empty() && said.contains("401"), "{said}");
    for helper in ["broken", "odd", "missing"] {
        let (_, said) = asks(&format!(r#"{{"credsStore":"{helper}"}}"#), "app");
        assert!(
            said.contains("config.json") && !said.contains("s3cret"),
            "{said}"
        );
    }
}
