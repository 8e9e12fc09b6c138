//! Where distributions keep the certificates that their programs trust.

use std::collections::BTreeSet;

use crate::image_path::ImagePath;
use crate::rootfs::{Resolution, Rootfs};
use crate::tarball::Kind;

/// Files with all certificates, by the paths that programs open. Several lead to one file.
const BUNDLES: [&str; 12] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/certs/ca-bundle.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/email-ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/objsign-ca-bundle.pem",
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    "/etc/ca-certificates/extracted/email-ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
];

/// Stores in other formats, which the programs of the distributions make of the rest.
const OTHERS: [&str; 7] = [
    "/etc/ssl/certs/java/cacerts",
    "/etc/pki/java/cacerts",
    "/etc/pki/ca-trust/extracted/java/cacerts",
    "/etc/pki/ca-trust/extracted/edk2/cacerts.bin",
    "/etc/pki/ca-trust/extracted/openssl/ca-bundle.trust.crt",
    "/etc/ca-certificates/extracted/ca-bundle.trust.crt",
    "/var/lib/ca-certificates/java-cacerts",
];
/// How the path of the keystore of a Java runtime ends.
const KEYSTORE: &str = "/lib/security/cacerts";

/// Where a family of distributions keeps certificates that were added: its bundles are made of them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Anchors {
    pub(super) directory: &'static str,
    /// How the files are named there.
    pub(super) extension: &'static str,
}

/// `update-ca-certificates` of Debian, Ubuntu and Alpine.
const DEBIAN: Anchors = Anchors {
    directory: "/usr/local/share/ca-certificates",
    extension: ".crt",
};
/// `update-ca-trust` of Fedora and Red Hat, `update-ca-certificates` of SUSE, `update-ca-trust` of Arch.
const BY_PATH: [(&str, Anchors); 4] = [
    (
        "/etc/pki/",
        Anchors {
            directory: "/etc/pki/ca-trust/source/anchors",
            extension: ".pem",
        },
    ),
    ("/var/lib/ca-certificates/", SUSE),
    ("/etc/ssl/ca-bundle.pem", SUSE),
    (
        "/etc/ca-certificates/",
        Anchors {
            directory: "/etc/ca-certificates/trust-source/anchors",
            extension: ".pem",
        },
    ),
];
const SUSE: Anchors = Anchors {
    directory: "/etc/pki/trust/anchors",
    extension: ".pem",
};

/// Returns the real paths of all bundles.
pub(super) fn bundles(tree: &Rootfs) -> BTreeSet<ImagePath> {
    BUNDLES
        .iter()
        .filter_map(|path| real(tree, path, Kind::File))
        .collect()
}

/// Returns where the family that has this bundle keeps what was added.
pub(super) fn anchors_of(bundle: &ImagePath) -> Anchors {
    let name = bundle.to_text();
    let found = BY_PATH.iter().find(|(start, _)| name.starts_with(start));
    found.map_or(DEBIAN, |(_, anchors)| *anchors)
}

/// Returns the stores that are left alone.
pub(super) fn others(tree: &Rootfs) -> BTreeSet<ImagePath> {
    let known = OTHERS
        .iter()
        .filter_map(|path| real(tree, path, Kind::File));
    let is_keystore = |path: &ImagePath| path.to_text().ends_with(KEYSTORE);
    let runtimes = tree
        .iter()
        .filter(|(path, node)| node.kind == Kind::File && is_keystore(path));
    known.chain(runtimes.map(|(path, _)| path)).collect()
}

/// Returns where a path leads, if that is such a thing.
pub(super) fn real(tree: &Rootfs, path: &str, kind: Kind) -> Option<ImagePath> {
    let path = ImagePath::parse(path).expect("it is absolute");
    match tree.resolve(&path) {
        Resolution::Found { path } => {
            let node = tree.get(&path).expect("what was found is there");
            (node.kind == kind).then_some(path)
        }
        _ => None,
    }
}
