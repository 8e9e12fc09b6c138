//! `docker-registry` that takes the tokens of a server of ours (distribution's `spec/auth/jwt.md`).

use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ocipatch::registry::{Access, Name, Registries, Repository, Settings};
use ocipatch::{Digest, Reference};
use serde_json::{Value, json};

use super::double::{Answer, Asked, Double, with_password};
use super::server::Server;
use crate::engine::tool;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry, who gives its tokens, and the files of both.
pub(crate) struct Guarded {
    pub(crate) server: Server,
    issuer: Double,
    /// How long tokens last, in seconds.
    lifetime: Arc<AtomicU64>,
    _directory: Arc<tempfile::TempDir>,
}

impl Guarded {
    pub(crate) fn start() -> Option<Self> {
        tool("openssl")?;
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let path = directory.path();
        openssl(
            path,
            "req -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=issuer -keyout key.pem -out cert.pem",
            b"",
        );
        let lifetime = Arc::new(AtomicU64::new(300));
        let (files, seconds) = (Arc::clone(&directory), Arc::clone(&lifetime));
        let issuer = Double::new(move |asked| {
            let is_known = asked.header("authorization") == Some("Basic bWU6c2VjcmV0");
            let token = token(
                files.path(),
                asked,
                is_known,
                seconds.load(Ordering::SeqCst),
            );
            Answer::new(200).body(json!({"token": token}).to_string())
        });
        let auth = format!(
            "auth:\n  token:\n    realm: http://{}/token\n    service: reg\n    issuer: tok\n    rootcertbundle: {}",
            issuer.domain(),
            path.join("cert.pem").to_str().unwrap()
        );
        Some(Self {
            server: Server::with("", &auth)?,
            issuer,
            lifetime,
            _directory: directory,
        })
    }

    /// How many tokens were given.
    pub(crate) fn n_tokens(&self) -> usize {
        self.issuer.lines().len()
    }

    fn registries(&self) -> Registries {
        Registries::new(with_password(self.server.domain())).unwrap()
    }

    fn repository(&self, registries: &Registries, path: &str) -> Repository {
        let name = format!("{}/{path}", self.server.domain());
        registries.repository(&Reference::parse(&name).unwrap())
    }
}

fn openssl(directory: &Path, arguments: &str, input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    let mut process = command
        .current_dir(directory)
        .args(arguments.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments}");
    output.stdout
}

fn base64(directory: &Path, bytes: &[u8]) -> String {
    String::from_utf8(openssl(directory, "base64 -A", bytes)).unwrap()
}

fn base64_url(directory: &Path, bytes: &[u8]) -> String {
    let text = base64(directory, bytes);
    text.trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_")
}

/// A token for the scopes that were asked for: all of them to who is known, reading `public` to everyone else.
fn token(directory: &Path, asked: &Asked, is_known: bool, lifetime: u64) -> String {
    let query = asked.target.split_once('?').unwrap().1;
    let scopes = query
        .split('&')
        .filter_map(|field| field.strip_prefix("scope="));
    let access = scopes.filter_map(|scope| {
        let scope = scope.replace("%2C", ",");
        let [kind, name, actions] = scope.split(':').collect::<Vec<_>>().try_into().unwrap();
        let actions: Vec<&str> = match (is_known, name) {
            (true, _) => actions.split(',').collect(),
            (false, "public") => vec!["pull"],
            (false, _) => return None,
        };
        Some(json!({"type": kind, "name": name, "actions": actions}))
    });
    let access: Vec<Value> = access.collect();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let der = openssl(directory, "x509 -in cert.pem -outform DER", b"");
    let head = json!({"typ": "JWT", "alg": "RS256", "x5c": [base64(directory, &der)]});
    let claims = json!({
        "iss": "tok", "sub": "me", "aud": "reg", "nbf": now - 120, "iat": now - 120, "jti": "1",
        // The registry allows a minute of difference between clocks.
        "exp": now + lifetime - 60,
        "access": access,
    });
    let parts = [head, claims].map(|part| base64_url(directory, part.to_string().as_bytes()));
    let signed = parts.join(".");
    let signature = openssl(directory, "dgst -sha256 -sign key.pem", signed.as_bytes());
    format!("{signed}.{}", base64_url(directory, &signature))
}

fn push(repository: &Repository, bytes: &'static [u8]) -> Digest {
    let digest = Digest::of(bytes);
    let upload = repository.start_upload().unwrap();
    let open = || Ok(Box::new(Cursor::new(bytes)) as Box<dyn Read + Send>);
    let size = bytes.len() as u64;
    repository.upload(upload, digest, size, &open).unwrap();
    digest
}

fn manifest(config: Digest, size: usize) -> Vec<u8> {
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "layers": [],
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.to_string(), "size": size},
    });
    manifest.to_string().into_bytes()
}

#[test]
fn one_refusal_and_one_token_serve_for_two_repositories() {
    let Some(guarded) = Guarded::start() else {
        return;
    };
    let registries = guarded.registries();
    let from = guarded.repository(&registries, "from");
    let bytes = b"{}";
    let config = push(&from, bytes);
    from.put_manifest(
        Name::Tag("1"),
        MANIFEST_TYPE,
        &manifest(config, bytes.len()),
    )
    .unwrap();

    let Guarded {
        mut server, issuer, ..
    } = guarded;
    server.forget();
    let n_before = issuer.lines().len();
    let registries = Registries::new(with_password(server.domain())).unwrap();
    let repository = |path: &str| {
        let name = format!("{}/{path}", server.domain());
        registries.repository(&Reference::parse(&name).unwrap())
    };
    let (from, to) = (repository("from"), repository("to"));
    registries.announce(&from, Access::Pull);
    registries.announce(&to, Access::Push);
    let manifest = from.manifest(Name::Tag("1")).unwrap();
    assert!(to.mount(config, &from).unwrap().is_none());
    to.put_manifest(Name::Tag("1"), &manifest.media_type, &manifest.bytes)
        .unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 4, "{requests:?}");
    assert_eq!(requests[0], "GET /v2/from/manifests/1 401");
    assert_eq!(requests[1], "GET /v2/from/manifests/1 200");
    assert!(requests[2].ends_with("from=from 201"), "{requests:?}");
    assert_eq!(requests[3], "PUT /v2/to/manifests/1 201");
    assert_eq!(issuer.lines().len() - n_before, 1);
}

#[test]
fn a_token_that_ends_midway_is_renewed() {
    let Some(guarded) = Guarded::start() else {
        return;
    };
    let app = guarded.repository(&guarded.registries(), "app");
    // It has ended when the registry sees it for the second time; the registry alone knows.
    guarded.lifetime.store(3, Ordering::SeqCst);
    push(&app, b"one");
    std::thread::sleep(std::time::Duration::from_secs(4));
    guarded.lifetime.store(300, Ordering::SeqCst);
    push(&app, b"two");
    assert_eq!(guarded.issuer.lines().len(), 2);
}

#[test]
fn who_has_no_password_reads_what_everyone_may_read() {
    let Some(guarded) = Guarded::start() else {
        return;
    };
    let known = guarded.registries();
    let bytes = b"{}";
    for path in ["public", "private"] {
        let repository = guarded.repository(&known, path);
        let config = push(&repository, bytes);
        repository
            .put_manifest(
                Name::Tag("1"),
                MANIFEST_TYPE,
                &manifest(config, bytes.len()),
            )
            .unwrap();
    }
    let anyone = Registries::new(Settings::default()).unwrap();
    let public = guarded.repository(&anyone, "public");
    public.manifest(Name::Tag("1")).unwrap();
    let private = guarded.repository(&anyone, "private");
    let error = private.manifest(Name::Tag("1")).unwrap_err().to_string();
    assert!(
        error.contains("401") && error.contains("docker login"),
        "{error}"
    );
    // What may not be read is not mounted, and can still be sent.
    let error = public.start_upload().unwrap_err().to_string();
    assert!(error.contains("401"), "{error}");
    assert_eq!(public.tags().unwrap(), ["1"]);
}
