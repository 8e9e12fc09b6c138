//! Credentials in docker's `config.json` and podman's `auth.json` (containers-auth.json(5)).

use std::fs;
use std::io::ErrorKind;

use serde_json::Value;

use crate::error::Error;

use super::super::DOCKER_HUB;
use super::super::answer::failure;
use super::super::settings::{CredentialSource, Settings};
use super::Scope;

/// What files call Docker Hub; `docker login` writes the first.
const DOCKER_HUB_NAMES: [&str; 4] = [
    "https://index.docker.io/v1/",
    "index.docker.io",
    "docker.io",
    DOCKER_HUB,
];

/// Who asks; a secret, and therefore without `Debug`.
pub(in super::super) enum Credential {
    Password {
        name: String,
        password: String,
    },
    /// A token that a token server takes for a password.
    Identity(String),
}

impl Credential {
    /// Returns what the first source has for the first repository, or for its registry.
    pub(super) fn find(
        settings: &Settings,
        authority: &str,
        needed: &[Scope],
    ) -> Result<Option<Self>, Error> {
        let path = needed.first().map_or("", |scope| &scope.path);
        for source in &settings.credentials {
            let Some((name, text)) = read(source)? else {
                continue;
            };
            if let Some(credential) = find_in(&name, &text, authority, path)? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }
}

/// The name and the text of a source; nothing if it need not exist and does not.
fn read(source: &CredentialSource) -> Result<Option<(String, String)>, Error> {
    let (path, is_named) = match source {
        CredentialSource::Text(name, text) => return Ok(Some((name.clone(), text.clone()))),
        CredentialSource::File(path) => (path, false),
        CredentialSource::Named(path) => (path, true),
    };
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some((crate::printable::path(path), text))),
        Err(error) if !is_named && may_be_absent(error.kind()) => Ok(None),
        Err(error) => Err(Error::io(path, error)),
    }
}

/// Another user's home, such as root's, may be closed to a service.
fn may_be_absent(kind: ErrorKind) -> bool {
    use ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    matches!(kind, NotFound | NotADirectory | PermissionDenied)
}

/// What a file has for a repository, the most specific key first.
fn find_in(
    name: &str,
    text: &str,
    authority: &str,
    path: &str,
) -> Result<Option<Credential>, Error> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    // What is wrong with it would show what is in it.
    let Ok(Value::Object(mut document)) = serde_json::from_str(text) else {
        return Err(failure(name, "is not a JSON object of credentials"));
    };
    let empty = Value::Null;
    let helpers = document.get("credHelpers").unwrap_or(&empty).clone();
    let auths = document.get("auths").unwrap_or(&empty).clone();
    let has_auth = |key: &str| {
        let fields = ["auth", "username", "identitytoken"].map(|field| &auths[key][field]);
        fields
            .into_iter()
            .any(|field| field.as_str().is_some_and(|text| !text.is_empty()))
    };
    let keys = keys(authority, path);
    let is_helped = |key: &&String| {
        helpers[key.as_str()]
            .as_str()
            .is_some_and(|helper| !helper.is_empty())
    };
    let key = keys.iter().find(|key| is_helped(key) || has_auth(key));
    let store = document.get("credsStore").and_then(Value::as_str);
    let key = match (key, store) {
        (Some(key), _) => key.clone(),
        (None, Some(store)) if !store.is_empty() => stored_as(authority).to_owned(),
        _ => return Ok(None),
    };
    // Only this key is asked for: others may be broken, or differ by the spelling of the same host.
    document.retain(|section, _| section != "auths");
    if has_auth(&key) {
        document.insert(
            "auths".into(),
            serde_json::json!({ key.clone(): auths[&key] }),
        );
    }
    credential(name, &Value::Object(document).to_string(), &key)
}

/// `host/team/app`, `host/team`, `host`, and other spellings of the host.
fn keys(authority: &str, path: &str) -> Vec<String> {
    let names: Vec<&str> = if authority == DOCKER_HUB {
        DOCKER_HUB_NAMES.to_vec()
    } else {
        vec![authority]
    };
    let mut keys = Vec::new();
    let mut prefix = path;
    while !prefix.is_empty() {
        let plain = names.iter().filter(|name| !name.contains("://"));
        keys.extend(plain.map(|name| format!("{name}/{prefix}")));
        prefix = prefix.rsplit_once('/').map_or("", |(prefix, _)| prefix);
    }
    keys.extend(names.iter().map(|name| (*name).to_owned()));
    let hosts = names.iter().filter(|name| !name.contains("://"));
    for host in hosts {
        for (scheme, end) in [
            ("https", ""),
            ("https", "/"),
            ("https", "/v1/"),
            ("https", "/v2/"),
            ("http", ""),
            ("http", "/"),
        ] {
            keys.push(format!("{scheme}://{host}{end}"));
        }
    }
    keys
}

/// What `docker login` calls a registry when it stores its password.
fn stored_as(authority: &str) -> &str {
    if authority == DOCKER_HUB {
        DOCKER_HUB_NAMES[0]
    } else {
        authority
    }
}

/// The credential under a key. What a helper prints is never shown: it may be a password.
fn credential(name: &str, text: &str, key: &str) -> Result<Option<Credential>, Error> {
    use docker_credential::CredentialRetrievalError::{
        HelperCommunicationError, HelperFailure, NoCredentialConfigured,
    };
    use docker_credential::DockerCredential;

    let shown = crate::printable::line(key);
    match docker_credential::get_credential_from_reader(text.as_bytes(), key) {
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credential::Identity(token))),
        Ok(DockerCredential::UsernamePassword(name, password)) => {
            Ok(Some(Credential::Password { name, password }))
        }
        Err(NoCredentialConfigured) => Ok(None),
        // The words of docker-credential-helpers.
        Err(HelperFailure { stdout, stderr, .. })
            if [&stdout, &stderr]
                .iter()
                .any(|text| text.contains("credentials not found")) =>
        {
            Ok(None)
        }
        Err(HelperFailure { helper, .. }) => Err(failure(
            name,
            format!(
                "`{}` has no credentials for `{shown}`: it failed",
                crate::printable::line(&helper)
            ),
        )),
        Err(HelperCommunicationError) => Err(failure(
            name,
            format!(
                "the credential helper for `{shown}` cannot be run; install it, or remove its entry"
            ),
        )),
        Err(_) => Err(failure(
            name,
            format!("the credentials for `{shown}` cannot be read"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::{Credential, CredentialSource, find_in, may_be_absent, read};

    fn found(config: &str, authority: &str, path: &str) -> String {
        match find_in("config.json", config, authority, path) {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(Credential::Password { name, password })) => format!("{name}:{password}"),
            Ok(Some(Credential::Identity(token))) => format!("<token> {token}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_most_specific_key_has_the_credentials() {
        let auth = |names: &[&str]| {
            let auths: Vec<String> = names
                .iter()
                .map(|name| format!(r#""{name}":{{"username":"{name}","password":"p"}}"#))
                .collect();
            format!(r#"{{"auths":{{{}}}}}"#, auths.join(","))
        };
        let all = ["r.io/a/b", "r.io/a", "r.io", "r.io:5000", "other.io"];
        for (keys, authority, path, expected) in [
            (&all[..], "r.io", "a/b", "r.io/a/b:p"),
            (&all, "r.io", "a/b/c", "r.io/a/b:p"),
            (&all, "r.io", "a/bc", "r.io/a:p"),
            (&all, "r.io", "ab", "r.io:p"),
            (&all, "r.io:5000", "a/b", "r.io:5000:p"),
            (&all, "r.io:5001", "a/b", "nothing"),
            (&all, "sub.r.io", "a/b", "nothing"),
            (&["https://r.io"], "r.io", "a", "https://r.io:p"),
            (&["https://r.io/v1/"], "r.io", "a", "https://r.io/v1/:p"),
            (
                &["https://index.docker.io/v1/"],
                "registry-1.docker.io",
                "library/a",
                "https://index.docker.io/v1/:p",
            ),
            (
                &["docker.io"],
                "registry-1.docker.io",
                "library/a",
                "docker.io:p",
            ),
            (
                &["docker.io/library"],
                "registry-1.docker.io",
                "library/a",
                "docker.io/library:p",
            ),
            (
                &["index.docker.io"],
                "registry-1.docker.io",
                "library/a",
                "index.docker.io:p",
            ),
            (
                &["registry-1.docker.io"],
                "registry-1.docker.io",
                "library/a",
                "registry-1.docker.io:p",
            ),
            (&["docker.io"], "r.io", "library/a", "nothing"),
        ] {
            assert_eq!(
                found(&auth(keys), authority, path),
                expected,
                "{keys:?} {authority}/{path}"
            );
        }
    }

    #[test]
    fn files_are_read_as_docker_and_podman_write_them() {
        for (config, expected) in [
            ("", "nothing"),
            ("{}", "nothing"),
            (r#"{"auths":{"r.io":{}}}"#, "nothing"),
            (r#"{"auths":{"r.io":{"auth":""}}}"#, "nothing"),
            (r#"{"auths":{"r.io":{"auth":"bWU6YTpi"}}}"#, "me:a:b"),
            (r#"{"auths":{"r.io":{"identitytoken":"t"}}}"#, "<token> t"),
            (
                r#"{"auths":{"broken":{"auth":"?"},"r.io":{"auth":"bWU6YTpi"}}}"#,
                "me:a:b",
            ),
            (
                r#"{"auths":null,"credHelpers":null,"credsStore":""}"#,
                "nothing",
            ),
        ] {
            assert_eq!(found(config, "r.io", "app"), expected, "{config}");
        }
        for config in [
            r#"{"auths":{"r.io":{"auth":"c2VjcmV0"}}}"#,
            r#"{"auths":{"r.io":{"auth":"!secret"}}}"#,
            r#"{"auths":{"r.io":{"username":"secret","password":1}}}"#,
            r#"{"credsStore":"no-such-helper-secret"}"#,
            r#"{"credHelpers":{"r.io":"no-such-helper-secret"}}"#,
            r#"{"auths":"secret"#,
            "[\"secret\"]",
        ] {
            let error = found(config, "r.io", "app");
            assert!(error.starts_with("`config.json`"), "{error}");
            assert!(
                !error.contains("secret") && !error.contains("c2VjcmV0"),
                "{error}"
            );
        }
    }

    #[test]
    fn only_a_file_that_nobody_named_may_be_absent() {
        let home = tempfile::tempdir().unwrap();
        let there = home.path().join("there");
        std::fs::write(&there, "{}").unwrap();
        for (path, text) in [
            (there.clone(), Ok(Some("{}"))),
            (home.path().join("absent"), Ok(None)),
            (there.join("absent"), Ok(None)),
            (home.path().to_owned(), Err(())),
        ] {
            let found = |source| match read(&source) {
                Ok(found) => Ok(found.map(|(_, text)| text)),
                Err(_) => Err(()),
            };
            let text = text.map(|text| text.map(str::to_owned));
            assert_eq!(
                found(CredentialSource::File(path.clone())),
                text,
                "{path:?}"
            );
            let named = if text == Ok(None) { Err(()) } else { text };
            assert_eq!(found(CredentialSource::Named(path)), named);
        }
        assert!(may_be_absent(ErrorKind::PermissionDenied));
        assert!(!may_be_absent(ErrorKind::InvalidData));
    }
}
