//! The paths that a layer has named so far, known by digests: memory does not depend on their length.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

type Key = [u8; 32];

/// How the name of a whiteout begins.
pub(super) const WHITEOUT: &[u8] = b".wh.";

/// A cleaned path as a digest for each directory on the way and one for itself. Each is made of the one before, so that
/// deep paths cost no more than their length.
pub(super) struct Keys<'a> {
    /// From the root on, which a path that begins with `/` has another one of.
    keys: Vec<Key>,
    /// The last component.
    pub(super) last: &'a [u8],
}

impl<'a> Keys<'a> {
    pub(super) fn of(name: &'a [u8]) -> Self {
        let relative = name.strip_prefix(b"/");
        let root = if relative.is_some() { "/" } else { "" };
        let mut keys = vec![Sha256::digest(root).into()];
        let mut last = name;
        for component in relative.unwrap_or(name).split(|&b| b == b'/') {
            let above = keys.last().expect("the root has a key");
            let hasher = Sha256::new().chain_update(above);
            keys.push(hasher.chain_update(component).finalize().into());
            last = component;
        }
        Self { keys, last }
    }

    fn own(&self) -> &Key {
        self.keys.last().expect("the root has a key")
    }

    fn above(&self) -> &[Key] {
        &self.keys[..self.keys.len() - 1]
    }
}

/// What a whiteout before a path has hidden.
pub(super) enum Hidden {
    /// The path.
    Itself,
    /// A directory on the way, which the layer has not named since.
    Above,
}

/// The paths of a layer.
#[derive(Default)]
pub(super) struct Named {
    names: HashSet<Key>,
    /// Directories in which something was named that is no whiteout.
    parents: HashSet<Key>,
    /// Those, and the ones above them.
    ancestors: HashSet<Key>,
    /// What whiteouts speak of.
    hidden: HashSet<Key>,
}

impl Named {
    pub(super) fn n_names(&self) -> usize {
        self.names.len()
    }

    pub(super) fn has(&self, path: &Keys<'_>) -> bool {
        self.names.contains(path.own())
    }

    /// Tells whether something is in the directory of `path` that is no whiteout.
    pub(super) fn is_sibling(&self, path: &Keys<'_>) -> bool {
        path.above()
            .last()
            .is_some_and(|directory| self.parents.contains(directory))
    }

    /// Takes down that a whiteout hides `path`; tells whether that was named before, or something in it.
    pub(super) fn hide(&mut self, path: &Keys<'_>) -> bool {
        self.hidden.insert(*path.own());
        self.has(path) || self.ancestors.contains(path.own())
    }

    /// Returns what of `path` a whiteout has hidden.
    pub(super) fn hidden_at(&self, path: &Keys<'_>) -> Option<Hidden> {
        if self.hidden.contains(path.own()) {
            return Some(Hidden::Itself);
        }
        let is_lost = |key: &&Key| self.hidden.contains(*key) && !self.names.contains(*key);
        path.above().iter().find(is_lost).map(|_| Hidden::Above)
    }

    /// Takes down a name; false if it was there before.
    pub(super) fn insert(&mut self, path: &Keys<'_>) -> bool {
        if !path.last.starts_with(WHITEOUT) {
            self.parents.extend(path.above().last());
            for key in path.above().iter().rev() {
                if !self.ancestors.insert(*key) {
                    break;
                }
            }
        }
        self.names.insert(*path.own())
    }
}

#[cfg(test)]
mod tests {
    use super::{Hidden, Keys, Named};

    /// What was told of each name as it came: whether it is new, hidden, behind siblings, or hides something.
    fn told(names: &str) -> String {
        let mut named = Named::default();
        let each = names.split(' ').map(|name| {
            let path = Keys::of(name.as_bytes());
            let mut told = String::new();
            if let Some(hidden) = path.last.strip_prefix(b".wh.") {
                let directory = &name[..name.len() - path.last.len()];
                let hidden = [directory.as_bytes(), hidden].concat();
                told.push_str(if named.is_sibling(&path) { "s" } else { "" });
                let is_own = named.hide(&Keys::of(&hidden));
                told.push_str(if is_own { "o" } else { "" });
            } else {
                told.push_str(match named.hidden_at(&path) {
                    Some(Hidden::Itself) => "h",
                    Some(Hidden::Above) => "a",
                    None => "",
                });
            }
            let had = named.has(&path);
            assert_eq!(named.insert(&path), !had);
            told + if had { "2" } else { "-" }
        });
        each.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_are_told_apart_and_by_what_came_before() {
        for (names, wanted) in [
            ("a b a", "- - 2"),
            ("a /a", "- -"),
            ("a/b a b", "- - -"),
            (".wh.a b a", "- - h-"),
            ("b .wh.a", "- s-"),
            ("d/b .wh.a", "- -"),
            ("d/b d/.wh.a", "- s-"),
            (".wh.b .wh.a", "- -"),
            ("a .wh.a", "- so-"),
            ("d/e/a .wh.d", "- o-"),
            ("d/e/a d/.wh.e", "- o-"),
            ("d/e/a d/e/.wh.f", "- s-"),
            ("d/.wh.a .wh.d", "- -"),
            (".wh.d d/e/a", "- a-"),
            (".wh.d d d/a", "- h- -"),
            ("d/.wh.e d/e/f/a d/g", "- a- -"),
        ] {
            assert_eq!(told(names), wanted, "{names}");
        }
    }

    #[test]
    fn names_are_counted_once() {
        let mut named = Named::default();
        for (name, n) in [("a", 1), ("b", 2), ("a", 2)] {
            named.insert(&Keys::of(name.as_bytes()));
            assert_eq!(named.n_names(), n);
        }
    }
}
