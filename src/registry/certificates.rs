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
