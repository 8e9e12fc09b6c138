//! `docker-registry` behind TLS, with an authority of its own and certificates of clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ocipatch::registry::{Name, Registries, Repository, Settings};
use ocipatch::{Error, Reference};

use super::server::Server;
use crate::engine::tool;

/// Certificates that openssl made.
struct Authority {
    directory: tempfile::TempDir,
}

impl Authority {
    fn new() -> Option<Self> {
        tool("openssl")?;
        let directory = tempfile::tempdir().unwrap();
        let authority = Self { directory };
        authority.run("req -x509 -newkey ed25519 -nodes -days 36500 -subj /CN=ours -keyout ca.key -out ca.crt");
        for (name, extension) in [
            ("server", "subjectAltName=IP:127.0.0.1"),
            ("client", "extendedKeyUsage=clientAuth"),
            ("other", "subjectAltName=DNS:other.example"),
        ] {
            fs::write(authority.path("extension"), extension).unwrap();
            authority.run(&format!(
                "req -newkey ed25519 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
            ));
            authority.run(&format!(
                "x509 -req -days 36500 -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile extension -out {name}.crt"
            ));
        }
        Some(authority)
    }

    fn run(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        let output = command
            .current_dir(self.directory.path())
            .args(arguments.split(' '))
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {stderr}");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A registry with the certificate of that name; one that wants certificates of clients if `is_strict`.
    fn server(&self, name: &str, is_strict: bool) -> Option<Server> {
        let path = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let clients = if is_strict {
            format!("\n    clientcas: [{}]", path("ca.crt"))
        } else {
            String::new()
        };
        let (certificate, key) = (path(&format!("{name}.crt")), path(&format!("{name}.key")));
        let tls = format!("  tls:\n    certificate: {certificate}\n    key: {key}{clients}");
        Server::with(&tls, "")
    }

    /// The certificates for a registry, in a directory as docker and podman have them.
    fn certs_d(&self, server: &Server, files: &[(&str, &str)]) -> PathBuf {
        let certs_d = self.path(&format!("certs.d-{}", files.len()));
        let directory = certs_d.join(server.domain());
        fs::create_dir_all(&directory).unwrap();
        for (from, to) in files {
            fs::copy(self.path(from), directory.join(to)).unwrap();
        }
        certs_d
    }
}

fn repository(server: &Server, settings: Settings) -> Repository {
    let name = format!("{}/app", server.domain());
    let registries = Registries::new(settings).unwrap();
    registries.repository(&Reference::parse(&name).unwrap())
}

fn with_certs_d(certs_d: &Path) -> Settings {
    Settings {
        certs_d: vec![certs_d.to_owned()],
        ..Settings::default()
    }
}

fn reason(result: Result<Option<ocipatch::registry::Found>, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn an_authority_of_its_own_is_trusted_for_one_host() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let Some(server) = authority.server("server", false) else {
        return;
    };
    let certs_d = authority.certs_d(&server, &[("ca.crt", "ca.crt")]);
    let app = repository(&server, with_certs_d(&certs_d));
    assert!(app.find_manifest(Name::Tag("1")).unwrap().is_none());
    // Nobody is believed without it, and nothing is asked in the clear instead.
    let empty = authority.path("certs.d-empty");
    fs::create_dir_all(empty.join(server.domain())).unwrap();
    let app = repository(&server, with_certs_d(&empty));
    let reason = reason(app.find_manifest(Name::Tag("1")));
    assert!(reason.contains("certificate"), "{reason}");
    let asked = server.requests();
    assert_eq!(asked, ["HEAD /v2/app/manifests/1 404"]);
    // `SSL_CERT_FILE`, and `SSL_CERT_DIR` with more in it than certificates.
    for roots in [authority.path("ca.crt"), authority.path("")] {
        let app = repository(
            &server,
            Settings {
                roots: vec![roots],
                ..with_certs_d(&empty)
            },
        );
        assert!(app.find_manifest(Name::Tag("1")).unwrap().is_none());
    }
}

#[test]
fn a_certificate_is_that_of_the_host() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let Some(server) = authority.server("other", false) else {
        return;
    };
    let certs_d = authority.certs_d(&server, &[("ca.crt", "ca.crt")]);
    let app = repository(&server, with_certs_d(&certs_d));
    let reason = reason(app.find_manifest(Name::Tag("1")));
    assert!(reason.contains("certificate"), "{reason}");
    assert!(server.requests().is_empty());
}

#[test]
fn a_client_shows_its_certificate() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let Some(server) = authority.server("server", true) else {
        return;
    };
    let certs_d = authority.certs_d(&server, &[("ca.crt", "ca.crt")]);
    let app = repository(&server, with_certs_d(&certs_d));
    assert!(app.find_manifest(Name::Tag("1")).is_err());
    let client = [
        ("ca.crt", "ca.crt"),
        ("client.crt", "client.cert"),
        ("client.key", "client.key"),
    ];
    let certs_d = authority.certs_d(&server, &client);
    let app = repository(&server, with_certs_d(&certs_d));
    assert!(app.find_manifest(Name::Tag("1")).unwrap().is_none());
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let Some(server) = authority.server("server", false) else {
        return;
    };
    fs::write(authority.path("empty"), "").unwrap();
    fs::write(
        authority.path("broken"),
        "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    for (i, (files, name)) in [
        (&[("empty", "ca.crt")][..], "ca.crt"),
        (&[("broken", "ca.crt")], "ca.crt"),
        (&[("client.crt", "client.cert")], "client.cert"),
        (
            &[("client.crt", "client.cert"), ("other.key", "client.key")],
            "client.cert",
        ),
        (
            &[("client.crt", "client.cert"), ("client.crt", "client.key")],
            "client.key",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let certs_d = authority.certs_d(&server, files);
        let own = authority.path(&format!("broken-{i}"));
        fs::rename(certs_d, &own).unwrap();
        let app = repository(&server, with_certs_d(&own));
        let reason = reason(app.find_manifest(Name::Tag("1")));
        assert!(
            reason.contains(&format!("{}/{name}", server.domain())),
            "{reason}"
        );
    }
    let named = Settings {
        roots: vec![authority.path("missing.pem")],
        ..with_certs_d(&authority.path(""))
    };
    fs::create_dir_all(authority.path(server.domain())).unwrap();
    let reason = reason(repository(&server, named).find_manifest(Name::Tag("1")));
    assert!(reason.contains("missing.pem"), "{reason}");
}
