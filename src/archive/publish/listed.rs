//! What a change of a directory does, entry by entry, before any of it is done.

use std::collections::HashSet;

use super::in_place::{Preparation, Rank, Replaced};
use super::recover::parent_of;
use crate::archive::change::Line;
use crate::archive::draft::{Content, DraftEntry, NewEntry};
use crate::error::Error;
use crate::tarball::Kind;

/// Blobs are named by what is in them, so that old and new ones can be side by side.
const BLOBS: &str = "blobs";

impl Preparation<'_> {
    /// Returns what the change does, entry by entry.
    pub(super) fn lines(
        &self,
        new: &[(Rank, &NewEntry)],
        replaced: Replaced,
    ) -> Result<Vec<Line>, Error> {
        let source = self.draft.source;
        let mut lines = Vec::new();
        for (number, (rank, entry)) in new.iter().enumerate() {
            let name = entry.name.clone();
            lines.push(match rank {
                Rank::Directory => Line::Made(name),
                Rank::Created => Line::Created(name, self.staged(number)?),
                Rank::Replaced | Rank::ReplacedLink | Rank::Document(_) => Line::Switched {
                    old: source
                        .find(&name)
                        .and_then(|index| source.entries()[index].identity()),
                    new: self.staged(number)?,
                    name,
                },
            });
        }
        lines.extend(self.obsolete(replaced));
        let changed = lines.iter().filter_map(|line| match line {
            Line::Made(name)
            | Line::Created(name, _)
            | Line::Obsolete(name, _)
            | Line::Emptied(name)
            | Line::Switched { name, .. } => Some(parent_of(name).to_owned()),
            Line::Dated { .. } => None,
        });
        let changed: HashSet<String> = changed.collect();
        lines.extend(self.dates(&changed));
        Ok(lines)
    }

    /// What the new archive does not have any more.
    fn obsolete(&self, replaced: Replaced) -> Vec<Line> {
        let source = self.draft.source;
        let mut is_needed = vec![false; source.entries().len()];
        for entry in &self.draft.entries {
            match entry {
                DraftEntry::Kept(index) => is_needed[*index] = true,
                DraftEntry::New(new) => {
                    if let Some(index) = source.find(&new.name) {
                        is_needed[index] = true;
                    }
                }
            }
        }
        let is_kept = |name: &str| {
            replaced == Replaced::Kept && (name == BLOBS || name.starts_with("blobs/"))
        };
        let entries = source.entries().iter().zip(is_needed);
        let orphans = entries.filter(|(entry, is_needed)| !is_needed && !is_kept(&entry.name));
        let line = |(entry, _): (&crate::archive::SourceEntry, bool)| match entry.kind {
            Kind::Directory => Line::Emptied(entry.name.clone()),
            _ => Line::Obsolete(
                entry.name.clone(),
                entry.identity().expect("entries of a directory are files"),
            ),
        };
        orphans.map(line).collect()
    }

    /// The times of the directories in which something changes, and of those that get another.
    fn dates(&self, changed: &HashSet<String>) -> Vec<Line> {
        let source = self.draft.source;
        let dated = |entry: &DraftEntry| match entry {
            DraftEntry::Kept(index) => {
                let kept = &source.entries()[*index];
                (kept.kind == Kind::Directory).then(|| (kept.name.clone(), kept.mtime, kept.mtime))
            }
            DraftEntry::New(new) => {
                let old = source.find(&new.name).map(|index| &source.entries()[index]);
                let old = old.map_or(new.mtime, |old| old.mtime);
                (new.content == Content::Directory).then(|| (new.name.clone(), old, new.mtime))
            }
        };
        let dates = self.draft.entries.iter().filter_map(dated);
        dates
            .filter(|(name, old, new)| old != new || changed.contains(name))
            .map(|(name, old, new)| Line::Dated { name, old, new })
            .collect()
    }
}
