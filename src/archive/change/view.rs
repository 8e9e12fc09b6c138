//! A directory in the middle of a change, as it will be once the next run has ended that or taken it back.

use std::collections::{HashMap, HashSet};

use super::{Change, Identity, Line, Outcome};
use crate::archive::source::entry::SourceEntry;
use crate::printable;
use crate::tarball::Kind;

impl Change {
    /// Turns the entries that are there into those that there will be.
    pub(in crate::archive) fn show(mut self, entries: &mut Vec<SourceEntry>) {
        let by_name: HashMap<&str, usize> = entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (entry.name.as_str(), index))
            .collect();
        let now = |name: &str| {
            by_name
                .get(name)
                .and_then(|&index| entries[index].identity())
        };
        match self.outcome(now) {
            Outcome::Back => self.show_taken_back(entries),
            Outcome::Forgotten => {}
            Outcome::Forward { is_alone } => {
                self.show_staged(entries);
                if is_alone {
                    self.show_removed(entries);
                }
                self.show_dates(entries, |_, new| new);
            }
        }
    }

    fn show_taken_back(&self, entries: &mut Vec<SourceEntry>) {
        self.leave_out(entries, |line| match line {
            Line::Created(name, new) => Some((name, *new)),
            _ => None,
        });
        let made = self.lines.iter().filter_map(|line| match line {
            Line::Made(name) => Some(name.as_str()),
            _ => None,
        });
        remove_empty(made.collect(), entries);
        self.show_dates(entries, |old, _| old);
    }

    /// Puts the files that have no place yet where they will be.
    fn show_staged(&mut self, entries: &mut Vec<SourceEntry>) {
        let by_name: HashMap<String, usize> = entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (entry.name.clone(), index))
            .collect();
        for (number, line) in self.lines.iter().enumerate() {
            let Line::Switched { name, old, .. } = line else {
                continue;
            };
            let Some(mut staged) = self.staged.remove(&number) else {
                continue;
            };
            staged.name.clone_from(name);
            let place = format!("{}/{number}", printable::path(&self.name));
            staged.on_disk.as_mut().expect("it was found there").stored = Some(place);
            match by_name.get(name) {
                Some(&index) if entries[index].identity() == *old => entries[index] = staged,
                None if old.is_none() => entries.push(staged),
                _ => {}
            }
        }
    }

    fn show_removed(&self, entries: &mut Vec<SourceEntry>) {
        self.leave_out(entries, |line| match line {
            Line::Obsolete(name, old) => Some((name, *old)),
            _ => None,
        });
        let emptied = self.lines.iter().filter_map(|line| match line {
            Line::Emptied(name) => Some(name.as_str()),
            _ => None,
        });
        remove_empty(emptied.collect(), entries);
    }

    /// Leaves out the files that `file` finds in the lines, where they are still those.
    fn leave_out(
        &self,
        entries: &mut Vec<SourceEntry>,
        file: impl Fn(&Line) -> Option<(&String, Identity)>,
    ) {
        let files: HashMap<&String, Identity> = self.lines.iter().filter_map(file).collect();
        entries.retain(|entry| {
            let identity = files.get(&entry.name).copied();
            identity.is_none() || entry.identity() != identity
        });
    }

    fn show_dates(&self, entries: &mut [SourceEntry], date: impl Fn(i64, i64) -> i64) {
        let dates: HashMap<&str, i64> = self
            .lines
            .iter()
            .filter_map(|line| match line {
                Line::Dated { name, old, new } => Some((name.as_str(), date(*old, *new))),
                _ => None,
            })
            .collect();
        for entry in entries {
            if let (Kind::Directory, Some(date)) = (entry.kind, dates.get(entry.name.as_str())) {
                entry.mtime = *date;
            }
        }
    }
}

/// Leaves out those of the directories that nothing is in, but for others of them.
fn remove_empty(mut directories: HashSet<&str>, entries: &mut Vec<SourceEntry>) {
    for entry in entries.iter() {
        if entry.kind == Kind::Directory && directories.contains(entry.name.as_str()) {
            continue;
        }
        for (at, _) in entry.name.match_indices('/') {
            directories.remove(&entry.name[..at]);
        }
    }
    entries.retain(|entry| {
        entry.kind != Kind::Directory || !directories.contains(entry.name.as_str())
    });
}
