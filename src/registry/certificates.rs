//! Which authorities are trusted, and the certificate of the client, from files (containers-certs.d(5), and where systems keep
//! their authorities).

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, parse_pem};

use crate::error::Error;
use crate::printable;

use super::answer::failure;
use super::settings::Settings;

/// Where systems have the authorities that they trust, all in one file.
const BUNDLES: [&str; 5] = [
    // Debian, Alpine, Arch
    "/etc/ssl/certs/ca-certificates.crt",
    // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    // openSUSE
    "/etc/ssl/ca-bundle.pem",
    // BSD, macOS
    "/etc/ssl/cert.pem",
];

/// Returns the authorities that are trusted for every host.
pub(super) fn roots(settings: &Settings) -> Result<Vec<Certificate<'static>>, Error> {
    if settings.roots.is_empty() {
        let bundle = BUNDLES
            .map(Path::new)
            .into_iter()
            .find(|path| path.exists());
        return bundle.map_or_else(|| Ok(Vec::new()), certificates);
    }
    let mut roots = Vec::new();
    for path in &settings.roots {
        if !path.is_dir() {
            roots.extend(certificates(path)?);
            continue;
        }
        for file in files(path)? {
            // Such a directory has links that lead nowhere, and more than certificates.
            roots.extend(certificates(&file).unwrap_or_default());
        }
    }
    Ok(roots)
}

/// What a host has of its own.
#[derive(Default)]
pub(super) struct Own {
    /// Authorities that are trusted for it, besides those for every host.
    pub(super) authorities: Vec<Certificate<'static>>,
    /// What we show it.
    pub(super) client: Option<ClientCert>,
}

/// Returns what the first directory that has one of the host has: `*.crt` are authorities, `client.cert` belongs to `client.key`.
pub(super) fn own(settings: &Settings, authority: &str) -> Result<Own, Error> {
    let mut directories = settings.certs_d.iter().map(|path| path.join(authority));
    let Some(directory) = directories.find(|path| path.is_dir()) else {
        return Ok(Own::default());
    };
    let mut own = Own::default();
    for file in files(&directory)? {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("crt") => own.authorities.extend(certificates(&file)?),
            Some("cert") => {
                let chain = certificates(&file)?;
                let key = key(&file)?;
                check(&chain, &key).map_err(|error| {
                    let reason = format!("does not belong to the key beside it: {error}");
                    failure(&printable::path(&file), reason)
                })?;
                own.client = Some(ClientCert::new_with_certs(&chain, key));
            }
            _ => {}
        }
    }
    Ok(own)
}

/// The files of a directory, by name.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let items = fs::read_dir(directory).map_err(Error::at(directory))?;
    let paths = items.map(|item| item.map(|item| item.path()));
    let mut files = paths
        .collect::<Result<Vec<_>, _>>()
        .map_err(Error::at(directory))?;
    files.sort();
    Ok(files)
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    let text = fs::read(path).map_err(Error::at(path))?;
    let items = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(failure(
            &printable::path(path),
            format!("is not PEM: {error}"),
        ))),
    });
    let certificates: Vec<Certificate<'static>> = items.collect::<Result<_, Error>>()?;
    if certificates.is_empty() {
        return Err(failure(&printable::path(path), "has no certificate in PEM"));
    }
    Ok(certificates)
}

/// Tells whether a key is that of a certificate: `ureq` takes that for granted.
fn check(chain: &[Certificate<'_>], key: &PrivateKey<'_>) -> Result<(), String> {
    let chain = chain
        .iter()
        .map(|certificate| certificate.der().to_vec().into());
    let key = PrivateKeyDer::try_from(key.der().to_vec())?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain.collect(), key, &provider)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// The key beside a certificate: `client.key` for `client.cert`.
fn key(certificate: &Path) -> Result<PrivateKey<'static>, Error> {
    let path = certificate.with_extension("key");
    let text = fs::read(&path).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            let name = printable::path(certificate);
            failure(&name, "has no key beside it: the file that ends in `.key`")
        } else {
            Error::io(&path, error)
        }
    })?;
    // What is wrong with a key is not said with what is in it.
    PrivateKey::from_pem(&text)
        .map_err(|_| failure(&printable::path(&path), "has no private key in PEM"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Own, Settings, own};

    // Of nobody, and for nothing but these tests.
    const CERTIFICATE: &[&str] = &[
        "MIIBbjCCARWgAwIBAgIUa/yIvtGJyxXRDCe34C6j2D2kOFYwCgYIKoZIzj0EAwIw",
        "DDEKMAgGA1UEAwwBYTAgFw0yNjExMjYyMjQ4MjRaGA8yMTI2MTEwMjIyNDgyNFow",
        "DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIKKW68jCkc+",
        "LO4ZZdln6fr3zJN+vXZ9wElH08WiVY/gO9yCDIYoUAJD2lFJIIAb4CBv9oZX93gf",
        "v48WCtfD6ZOjUzBRMB0GA1UdDgQWBBS/fUqqUMpMNs2kpkMXPFUEUNVKbzAfBgNV",
        "HSMEGDAWgBS/fUqqUMpMNs2kpkMXPFUEUNVKbzAPBgNVHRMBAf8EBTADAQH/MAoG",
        "CCqGSM49BAMCA0cAMEQCIF8ph/tD2g/3b6sNvVAjAfUYxsKsb0bp0Mj3VoTS5x+O",
        "AiB3qSCSXZzrQ0111d3W+j+b0WkBBS2ySnsVlYjWxXN0tw==",
    ];
    const KEY: &[&str] = &[
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/nsYe4SCxTqsiAJp",
        "vS8u+tAONTdnG07qatV08IDF4KWhRANCAASCiluvIwpHPizuGWXZZ+n698yTfr12",
        "fcBJR9PFolWP4DvcggyGKFACQ9pRSSCAG+Agb/aGV/d4H7+PFgrXw+mT",
    ];
    const OTHER_KEY: &[&str] = &[
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5QfQ67i7JCI0HY0T",
        "mAW3RW41tWjQfe7plfUmeb4aua6hRANCAASQ0JjQoJ+NoJDX+gGEvgjUenC7FgiB",
        "YQdEri4Njttn0c4OfiGX01hf6p3wqoyROZwAIZ0HSbiR+eWOV92Yt6Tu",
    ];

    fn pem(kind: &str, lines: &[&str]) -> String {
        format!(
            "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
            lines.join("\n")
        )
    }

    #[test]
    fn authorities_are_in_files_and_directories() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let certificate = pem("CERTIFICATE", CERTIFICATE);
        fs::create_dir(at("all")).unwrap();
        fs::write(at("all/a.pem"), &certificate).unwrap();
        fs::write(at("all/README"), "none").unwrap();
        std::os::unix::fs::symlink("nowhere", at("all/link")).unwrap();
        fs::write(at("two.pem"), certificate.repeat(2)).unwrap();
        fs::write(at("none.pem"), "none").unwrap();
        let roots = |names: &[&str]| {
            let roots = names.iter().map(|name| at(name)).collect();
            let settings = Settings {
                roots,
                ..Settings::default()
            };
            let found = super::roots(&settings).map_err(|error| error.to_string());
            found.map(|roots| roots.len())
        };
        assert_eq!(roots(&["all"]), Ok(1));
        assert_eq!(roots(&["two.pem", "all"]), Ok(3));
        assert!(
            roots(&["none.pem"])
                .unwrap_err()
                .contains("has no certificate in PEM")
        );
        assert!(roots(&["nothing"]).is_err());
    }

    #[test]
    fn a_host_has_authorities_and_a_certificate_with_its_key() {
        let directory = tempfile::tempdir().unwrap();
        let host = directory.path().join("r.example:5000");
        fs::create_dir(&host).unwrap();
        let nothing = directory.path().join("nothing");
        let settings = Settings {
            certs_d: vec![nothing, directory.path().to_owned()],
            ..Settings::default()
        };
        let found = |authority: &str| {
            let found = own(&settings, authority).map_err(|error| error.to_string());
            found.map(
                |Own {
                     authorities,
                     client,
                 }| (authorities.len(), client.is_some()),
            )
        };
        let write = |name: &str, text: &str| fs::write(host.join(name), text).unwrap();
        assert_eq!(found("r.example:5000"), Ok((0, false)));
        write("ca.crt", &pem("CERTIFICATE", CERTIFICATE));
        write("README", "none");
        assert_eq!(found("r.example:5000"), Ok((1, false)));
        assert_eq!(found("r.example"), Ok((0, false)));
        write("client.cert", &pem("CERTIFICATE", CERTIFICATE));
        let fails = |reason: &str| {
            let error = found("r.example:5000").unwrap_err();
            assert!(error.contains(reason), "{error}");
        };
        fails("has no key beside it");
        fs::create_dir(host.join("client.key")).unwrap();
        fails("client.key");
        fs::remove_dir(host.join("client.key")).unwrap();
        write("client.key", "none");
        fails("has no private key in PEM");
        write("client.key", &pem("PRIVATE KEY", OTHER_KEY));
        fails("does not belong to the key beside it");
        write("client.key", &pem("PRIVATE KEY", KEY));
        assert_eq!(found("r.example:5000"), Ok((1, true)));
        write("ca.crt", "none");
        fails("has no certificate in PEM");
    }
}
