//! Names of entries: one spelling to look them up by, and the order in which Docker writes them.

use std::cmp::Ordering;

use crate::digest::Digest;

/// Archives are extracted too, and Linux has no longer paths. In bytes.
pub(in crate::archive) const MAX_BYTES: usize = 4096;

/// Returns the name without `./`, `//`, leading and trailing `/`; nothing where it leaves the archive or is no text.
///
/// The root entry (`./`) is the empty name.
#[must_use]
pub fn clean(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name)
        .ok()
        .filter(|name| !name.contains('\0'))?;
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Resolves a link's target against the directory of the entry that holds it; nothing where it leaves the archive.
#[must_use]
pub fn resolve(entry: &str, target: &[u8]) -> Option<String> {
    let target = std::str::from_utf8(target)
        .ok()
        .filter(|target| !target.starts_with('/') && !target.contains('\0'))?;
    let directory = entry
        .rsplit_once('/')
        .map_or("", |(directory, _)| directory);
    let mut parts: Vec<&str> = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Returns the 64 lower-case hex digits within a name, if there are some: a digest or an id.
#[must_use]
pub(in crate::archive) fn hex_within(name: &str) -> Option<&str> {
    let is_hex = |part: &&str| Digest::parse_hex(part).is_some();
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .find(is_hex)
}

/// Returns the digest that a file name states: `<hex>.json`, `sha256:<hex>`, `blobs/sha256/<hex>`, `<hex>.tar.gz`.
pub(in crate::archive) fn digest_in_name(name: &str) -> Option<Digest> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let base = base.strip_prefix("sha256:").unwrap_or(base);
    let ends = [".json", ".tar", ".tar.gz", ".tar.zst"];
    let base = ends
        .iter()
        .find_map(|end| base.strip_suffix(end))
        .unwrap_or(base);
    Digest::parse_hex(base)
}

/// Compares as Go's `filepath.Walk` visits: each directory before its content, siblings by their bytes.
#[must_use]
pub fn walk_order(a: &str, b: &str) -> Ordering {
    a.split('/').cmp(b.split('/'))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::{clean, hex_within, resolve, walk_order};

    #[test]
    fn names_never_leave_the_archive() {
        assert_eq!(clean(b"./a//b/").as_deref(), Some("a/b"));
        assert_eq!(clean(b"/a").as_deref(), Some("a"));
        assert_eq!(clean(b"a/../../x"), None);
        assert_eq!(clean(b"a\xff"), None);
        assert_eq!(
            resolve("a/layer.tar", b"../b/layer.tar").as_deref(),
            Some("b/layer.tar")
        );
        assert_eq!(resolve("a/layer.tar", b"../../x"), None);
        assert_eq!(resolve("a", b"/etc/passwd"), None);
    }

    #[test]
    fn a_digest_is_found_wherever_it_stands() {
        let hex = "0123456789abcdef".repeat(4);
        for (name, found) in [
            (format!("blobs/sha256/{hex}.tar.gz"), true),
            (format!("sha256:{hex}"), true),
            (hex.clone(), true),
            (format!("{hex}0"), false),
            (format!("layer{hex}"), false),
            (hex.to_uppercase(), false),
            ("config.json".to_owned(), false),
        ] {
            assert_eq!(hex_within(&name).is_some(), found, "{name}");
        }
    }

    #[test]
    fn a_directory_comes_before_its_content_and_siblings_sort_by_bytes() {
        assert_eq!(walk_order("a/z", "a.json"), Ordering::Less);
        assert_eq!(walk_order("a", "a/b"), Ordering::Less);
        assert_eq!(walk_order("manifest.json", "f/json"), Ordering::Greater);
    }
}
