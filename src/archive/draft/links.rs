//! Hard links among the entries of a draft.

use std::collections::HashSet;

use super::{Content, Draft, DraftEntry, NewEntry};
use crate::tarball::Kind;

impl Draft<'_> {
    /// Makes entries of their own of hard links whose target is no longer there before them, or no longer what it was.
    pub(in crate::archive) fn free_links(&mut self) {
        let source = self.source;
        // Old entries whose content is in the draft under their old name.
        let mut kept: HashSet<usize> = HashSet::new();
        for entry in &mut self.entries {
            let index = match entry {
                DraftEntry::Kept(index) => *index,
                DraftEntry::New(NewEntry { name, content, .. }) => {
                    if let Content::Entry(index) = *content
                        && source.entries()[index].name == *name
                    {
                        kept.insert(index);
                    }
                    continue;
                }
            };
            let old = &source.entries()[index];
            if old.links_to.is_some_and(|target| !kept.contains(&target)) {
                let content = match old.kind {
                    Kind::Symlink => {
                        Content::Symlink(String::from_utf8_lossy(&old.link_name).into_owned())
                    }
                    _ => Content::Entry(index),
                };
                *entry = DraftEntry::New(NewEntry {
                    name: old.name.clone(),
                    content,
                    mode: old.mode,
                    mtime: old.mtime,
                    model: Some(index),
                });
            }
            kept.insert(index);
        }
    }
}
