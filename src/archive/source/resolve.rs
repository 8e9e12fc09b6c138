//! What a name leads to, through links inside the archive.

use super::{Source, names};
use crate::error::Error;
use crate::tarball::Kind;

/// How many links may lead from one name to its data.
const MAX_HOPS: usize = 8;

impl Source {
    /// Returns the regular file that `name` (as a document spells it) leads to, through links inside the archive.
    pub fn resolve(&self, name: &str, wanted_by: &str) -> Result<usize, Error> {
        let missing = || Error::MissingEntry {
            name: name.to_owned(),
            wanted_by: wanted_by.to_owned(),
        };
        let mut cleaned = names::clean(name.as_bytes()).ok_or_else(missing)?;
        for _ in 0..MAX_HOPS {
            let missing = || self.linked_directory(&cleaned).unwrap_or_else(missing);
            let index = self.find(&cleaned).ok_or_else(missing)?;
            let entry = &self.entries[index];
            let bad = |reason: &str| Error::BadEntry {
                name: entry.name.clone(),
                reason: reason.to_owned(),
            };
            let target = match entry.kind {
                Kind::File => return Ok(index),
                Kind::Symlink => names::resolve(&entry.name, &entry.link_name),
                Kind::HardLink => names::clean(&entry.link_name),
                _ => return Err(bad("is not a regular file")),
            };
            let target = target.ok_or_else(|| bad(&self.outside(&entry.name)))?;
            if self.find(&target).is_none() {
                return Err(bad("links to a missing entry"));
            }
            if entry.kind == Kind::HardLink {
                // One that follows a file has become a file.
                return Err(bad("is a hard link to an entry that does not precede it"));
            }
            cleaned = target;
        }
        Err(Error::BadEntry {
            name: name.to_owned(),
            reason: "is a link that leads to itself".to_owned(),
        })
    }

    /// Returns a cleaned name and those that it leads to through symbolic links, whether anything is there or not.
    pub(in crate::archive) fn links_from(&self, name: String) -> Vec<String> {
        let mut names = vec![name];
        for hop in 0..MAX_HOPS {
            let found = self.find(&names[hop]).map(|index| &self.entries[index]);
            let link = found.filter(|entry| entry.kind == Kind::Symlink);
            match link.and_then(|entry| names::resolve(&entry.name, &entry.link_name)) {
                Some(target) => names.push(target),
                None => break,
            }
        }
        names
    }

    /// Says what can be done about the link of that name, which leaves the archive.
    fn outside(&self, name: &str) -> String {
        if !self.is_directory() {
            return "links outside the archive".to_owned();
        }
        if names::digest_in_name(name).is_some() {
            return "links outside the archive, where there is no such file".to_owned();
        }
        let copy = self.copy();
        format!("links outside the archive, and its name states no digest of a file there; {copy}")
    }

    /// Says how links become what they lead to.
    fn copy(&self) -> String {
        let place = &self.place;
        format!("copy the files with `cp -rL {place} COPY`, and use COPY")
    }

    /// The error of a name in a directory that is a link.
    fn linked_directory(&self, name: &str) -> Option<Error> {
        let mut above = name.match_indices('/').map(|(at, _)| &name[..at]);
        let is_link = |name: &&str| {
            let found = self.find(name);
            found.is_some_and(|index| self.entries[index].kind == Kind::Symlink)
        };
        let name = above.find(is_link)?.to_owned();
        let mut reason = "is a link to a directory, which is not followed".to_owned();
        if self.is_directory() {
            reason = format!("{reason}; {}", self.copy());
        }
        Some(Error::BadEntry { name, reason })
    }
}
