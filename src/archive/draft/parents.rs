//! The directories of a draft: on a disk each file needs one, and one that has lost all that was in it goes.

use std::collections::HashSet;

use super::{Content, Draft, DraftEntry};
use crate::tarball::Kind;

impl Draft<'_> {
    /// Leaves out directories whose files have all gone, and where the old archive is a directory adds those that new
    /// files need. A tar need not name them.
    pub(in crate::archive) fn fit_directories(&mut self) {
        let source = self.source;
        let files = source.entries().iter();
        let files = files.filter(|entry| entry.kind != Kind::Directory);
        let filled = parents(files.map(|entry| entry.name.as_str()));
        let names = self.entries.iter().filter_map(|entry| match entry {
            DraftEntry::Kept(index) => {
                let kept = &source.entries()[*index];
                (kept.kind != Kind::Directory).then_some(kept.name.as_str())
            }
            DraftEntry::New(new) => {
                (new.content != Content::Directory).then_some(new.name.as_str())
            }
        });
        let needed: HashSet<String> = parents(names).into_iter().map(str::to_owned).collect();
        self.entries.retain(|entry| match entry {
            DraftEntry::Kept(index) => {
                let kept = &source.entries()[*index];
                let is_emptied =
                    filled.contains(kept.name.as_str()) && !needed.contains(&kept.name);
                kept.kind != Kind::Directory || !is_emptied
            }
            DraftEntry::New(_) => true,
        });
        if source.is_directory() {
            self.add_directories();
        }
    }

    fn add_directories(&mut self) {
        let mut missing: Vec<(String, usize, i64)> = Vec::new();
        for entry in &self.entries {
            let DraftEntry::New(new) = entry else {
                continue;
            };
            for directory in above(&new.name) {
                let is_there = self.source.find(directory).is_some()
                    || missing.iter().any(|(name, ..)| name == directory)
                    || self.has_new(directory);
                if let (false, Some(model)) = (is_there, new.model) {
                    missing.push((directory.to_owned(), model, new.mtime));
                }
            }
        }
        for (name, model, mtime) in missing {
            self.put(&name, Content::Directory, model, mtime);
        }
    }

    fn has_new(&self, name: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| matches!(entry, DraftEntry::New(new) if new.name == name))
    }
}

/// Returns every directory that one of these names lies in.
fn parents<'n>(names: impl Iterator<Item = &'n str>) -> HashSet<&'n str> {
    names.flat_map(above).collect()
}

/// Returns the directories that a name lies in, the innermost last.
fn above(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}
