//! The directories of a draft: on a disk each file needs one, and one that has lost all that was in it goes.

use std::collections::{HashMap, HashSet};

use super::Content;
use super::drafting::{Drafting, Head};
use crate::tarball::Kind;

/// Directories that have entries, as a tree of names.
pub(in crate::archive) struct Directories<'n> {
    /// By the number of a directory and a name in it, the root being 0.
    children: HashMap<(usize, &'n str), usize>,
    /// For each, the old entry.
    entries: Vec<Option<usize>>,
}

impl<'n> Directories<'n> {
    pub(in crate::archive) fn new(named: impl Iterator<Item = (usize, &'n str)>) -> Self {
        let mut all = Self {
            children: HashMap::new(),
            entries: vec![None],
        };
        for (entry, name) in named {
            let mut at = 0;
            for part in name.split('/') {
                let next = all.entries.len();
                at = *all.children.entry((at, part)).or_insert(next);
                if at == next {
                    all.entries.push(None);
                }
            }
            all.entries[at] = Some(entry);
        }
        all
    }

    /// Returns the entries of the directories that files of these names are in.
    pub(in crate::archive) fn above<'f>(
        &self,
        files: impl Iterator<Item = &'f str>,
    ) -> HashSet<usize> {
        let mut found = HashSet::new();
        for name in files {
            let mut at = 0;
            let (directory, _) = name.rsplit_once('/').unwrap_or_default();
            for part in directory.split('/') {
                match self.children.get(&(at, part)) {
                    Some(&next) => at = next,
                    None => break,
                }
                found.extend(self.entries[at]);
            }
        }
        found
    }
}

impl Drafting<'_> {
    /// Leaves out directories whose files have all gone, and where the old archive is a directory adds those that new
    /// files need. A tar need not name them.
    pub(in crate::archive) fn fit_directories(&mut self) {
        let entries = self.source.entries();
        let is_kept = |i: &usize| self.heads[*i] == Head::Kept;
        let is_directory = |i: &usize| entries[*i].kind == Kind::Directory;
        let all = 0..entries.len();
        let named = all.clone().filter(is_directory);
        let directories = Directories::new(named.map(|i| (i, entries[i].name.as_str())));
        let files = all.filter(|i| !is_directory(i));
        let filled = directories.above(files.clone().map(|i| entries[i].name.as_str()));
        let kept = files.filter(is_kept).map(|i| entries[i].name.as_str());
        let new = self.by_name.values().map(|&number| &self.new[number]);
        let new = new.filter(|new| new.content != Content::Directory);
        let needed = directories.above(kept.chain(new.map(|new| new.name.as_str())));
        for &emptied in filled.difference(&needed) {
            self.leave_out(emptied);
        }
        if self.source.is_directory() {
            self.add_directories();
        }
    }

    fn add_directories(&mut self) {
        let mut missing: Vec<(String, usize, i64)> = Vec::new();
        let mut seen = HashSet::new();
        for new in &self.new {
            let Some(model) = new.model else { continue };
            for directory in above(&new.name) {
                let is_there = self.source.find(directory).is_some()
                    || self.by_name.contains_key(directory)
                    || !seen.insert(directory);
                if !is_there {
                    missing.push((directory.to_owned(), model, new.mtime));
                }
            }
        }
        for (name, model, mtime) in missing {
            self.put(&name, Content::Directory, model, mtime);
        }
    }
}

/// Returns the directories that a name lies in, the innermost last.
fn above(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}
