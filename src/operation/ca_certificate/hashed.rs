//! Directories in which OpenSSL finds a certificate by the hash of its subject.

use std::collections::BTreeSet;

use super::certificate::Certificate;
use super::stores::real;
use crate::image_path::ImagePath;
use crate::rootfs::Rootfs;
use crate::tarball::Kind;

/// Where they are, by the paths that programs open.
const HASHED: [&str; 6] = [
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted/pem/directory-hash",
    "/etc/ca-certificates/extracted/cadir",
    "/var/lib/ca-certificates/pem",
    "/var/lib/ca-certificates/openssl",
];

/// One of them, and the links that come into it.
pub(super) struct HashedDirectory {
    /// Its real path.
    path: ImagePath,
    /// The names in it, the new ones among them.
    names: BTreeSet<Vec<u8>>,
    /// Names of links, and where they lead.
    links: Vec<(Vec<u8>, Vec<u8>)>,
}

impl HashedDirectory {
    /// Returns those of an image: at least one certificate has its link there.
    pub(super) fn all(tree: &Rootfs) -> Vec<Self> {
        let paths = HASHED
            .iter()
            .filter_map(|path| real(tree, path, Kind::Directory));
        // Several names lead to one directory.
        let paths: BTreeSet<ImagePath> = paths.collect();
        let directories = paths.into_iter().map(|path| {
            let names = tree.children(&path).expect("it is a directory");
            let names = names.map(|(name, _)| name.to_vec()).collect();
            let links = Vec::new();
            Self { path, names, links }
        });
        let has_hashes = |it: &Self| it.names.iter().any(|name| is_hash(name));
        directories.filter(has_hashes).collect()
    }

    /// Links to the file of a certificate as `update-ca-certificates` and `openssl rehash` do.
    pub(super) fn add(&mut self, certificate: &Certificate, file: &ImagePath) {
        // Alpine marks what its own `update-ca-certificates` has made.
        let is_alpine = self.names.iter().any(|name| name.starts_with(b"ca-cert-"));
        let prefix: &[u8] = if is_alpine { b"ca-cert-" } else { b"" };
        let link = [prefix, &stem(file), b".pem"].concat();
        if !self.names.insert(link.clone()) {
            return;
        }
        let mut hashes =
            (0..).map(|n| format!("{:08x}.{n}", certificate.subject_hash).into_bytes());
        let hash = hashes.find(|hash| !self.names.contains(hash));
        let hash = hash.expect("there are more numbers than names");
        self.names.insert(hash.clone());
        let target = [b"/", file.entry_name()].concat();
        self.links.extend([(link.clone(), target), (hash, link)]);
    }

    /// Returns the new links by their real paths, with where they lead.
    pub(super) fn links(self) -> impl Iterator<Item = (ImagePath, Vec<u8>)> {
        let Self { path, links, .. } = self;
        let links = links.into_iter();
        links.map(move |(name, target)| (path.join(&name), target))
    }
}

/// Returns what `update-ca-certificates` of Debian makes of the name of a file, without its extension.
fn stem(file: &ImagePath) -> Vec<u8> {
    let name = file.file_name().expect("a file has a name");
    let stem = name.rsplitn(2, |byte| *byte == b'.').last().unwrap_or(name);
    let plain = |byte: &u8| match byte {
        b' ' | b',' => b'_',
        b'(' | b')' => b'=',
        other => *other,
    };
    stem.iter().map(plain).collect()
}

/// Tells whether a name is eight hexadecimal digits and a number, as in `5ad8a5d6.0`.
fn is_hash(name: &[u8]) -> bool {
    name.split_at_checked(9).is_some_and(|(start, number)| {
        let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        start[..8].iter().all(is_hex)
            && start[8] == b'.'
            && !number.is_empty()
            && number.iter().all(u8::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::is_hash;

    #[test]
    fn a_hash_has_eight_digits_and_a_number() {
        for (name, expected) in [
            ("5ad8a5d6.0", true),
            ("00000000.12", true),
            ("5ad8a5d6.", false),
            ("5ad8a5d6", false),
            ("5ad8a5d.0", false),
            ("5ad8a5d6x0", false),
            ("5ad8a5dg.0", false),
            ("5AD8A5D6.0", false),
            ("5ad8a5d6.r", false),
            ("5ad8a5d6.0a", false),
        ] {
            assert_eq!(is_hash(name.as_bytes()), expected, "{name}");
        }
    }
}
