//! A draft while entries come and go: each new one gets the place that the order of the old archive has for it.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use super::{Content, Draft, DraftEntry, NewEntry};
use crate::archive::source::Source;
use crate::archive::source::names;
use crate::tarball::Kind;

/// What is where an entry of the old archive was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// That entry.
    Kept,
    /// Nothing.
    Gone,
    /// A new entry of its name, by number.
    New(usize),
}

/// The entries of the old archive, each with what is behind it.
#[derive(Debug)]
pub(in crate::archive) struct Drafting<'a> {
    pub(super) source: &'a Source,
    pub(super) new: Vec<NewEntry>,
    /// For each old entry.
    pub(super) heads: Vec<Head>,
    /// New entries by the number of old ones before them, in order.
    behind: HashMap<usize, Vec<usize>>,
    /// For each new entry the number of old ones before it.
    n_before: Vec<usize>,
    pub(super) by_name: HashMap<String, usize>,
    /// Old entries of a name that another one has before them.
    again: HashMap<&'a str, Vec<usize>>,
    unordered: Option<Unordered<'a>>,
}

/// What places in an archive without order are found by.
#[derive(Debug)]
struct Unordered<'a> {
    /// The old entries that are kept.
    kept: BTreeSet<usize>,
    /// By directory, the old entries in it.
    old: HashMap<&'a str, Vec<usize>>,
    /// By directory, the new entries that were put there.
    new: HashMap<String, Vec<usize>>,
    /// At each number of old entries, in the manner of a Fenwick tree, the largest `n_before` of the new entries whose model
    /// is one of those.
    furthest: Vec<usize>,
}

fn directory(name: &str) -> Option<&str> {
    name.rsplit_once('/').map(|(directory, _)| directory)
}

impl<'a> Drafting<'a> {
    /// Starts from the archive as it is.
    pub(in crate::archive) fn new(source: &'a Source) -> Self {
        let entries = source.entries();
        let mut again: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, entry) in entries.iter().enumerate() {
            if source.find(&entry.name) != Some(i) {
                again.entry(&entry.name).or_default().push(i);
            }
        }
        Self {
            source,
            new: Vec::new(),
            heads: vec![Head::Kept; entries.len()],
            behind: HashMap::new(),
            n_before: Vec::new(),
            by_name: HashMap::new(),
            again,
            unordered: (!source.is_walk_ordered()).then(|| Unordered::of(source)),
        }
    }

    /// Returns the draft.
    pub(in crate::archive) fn finish(mut self) -> Draft<'a> {
        let mut entries = Vec::with_capacity(self.heads.len() + self.new.len());
        let mut new: Vec<Option<NewEntry>> = self.new.into_iter().map(Some).collect();
        let mut take = |number: usize| new[number].take().expect("each is in one place");
        for n in 0..=self.heads.len() {
            match n.checked_sub(1).map(|i| (i, self.heads[i])) {
                None | Some((_, Head::Gone)) => {}
                Some((i, Head::Kept)) => entries.push(DraftEntry::Kept(i)),
                Some((_, Head::New(number))) => entries.push(DraftEntry::New(take(number))),
            }
            let behind = self.behind.remove(&n).into_iter().flatten();
            entries.extend(behind.map(|number| DraftEntry::New(take(number))));
        }
        Draft {
            entries,
            is_anew: false,
            ..Draft::anew(self.source)
        }
    }

    /// Leaves out the entry of that name.
    pub(in crate::archive) fn remove(&mut self, name: &str) {
        for i in self.old_of(name) {
            self.leave_out(i);
        }
        let Some(number) = self.by_name.remove(name) else {
            return;
        };
        let n_before = self.n_before[number];
        if let Some(head) = n_before.checked_sub(1).map(|i| &mut self.heads[i])
            && *head == Head::New(number)
        {
            *head = Head::Gone;
        }
        if let Some(behind) = self.behind.get_mut(&n_before) {
            behind.retain(|other| *other != number);
        }
    }

    /// Returns the old entries of a name.
    fn old_of(&self, name: &str) -> Vec<usize> {
        let again = self.again.get(name).into_iter().flatten().copied();
        self.source.find(name).into_iter().chain(again).collect()
    }

    pub(super) fn leave_out(&mut self, i: usize) {
        if self.heads[i] == Head::Kept {
            self.heads[i] = Head::Gone;
        }
        if let Some(unordered) = &mut self.unordered {
            unordered.kept.remove(&i);
        }
    }

    /// Puts an entry where one of its name stands, or where the order of the archive has it: sorted where Docker's
    /// order is kept, else behind its model, else before `manifest.json`.
    pub(in crate::archive) fn put(
        &mut self,
        name: &str,
        content: Content,
        model: usize,
        mtime: i64,
    ) {
        let entry = NewEntry {
            name: name.to_owned(),
            mode: self.mode(&content, model),
            content,
            mtime,
            model: Some(model),
        };
        if let Some(&number) = self.by_name.get(name) {
            self.new[number] = entry;
            return;
        }
        let number = self.new.len();
        let old = self.old_of(name);
        let place = old.iter().find(|&&i| self.heads[i] == Head::Kept).copied();
        if let Some(place) = place {
            for i in old {
                self.leave_out(i);
            }
            self.heads[place] = Head::New(number);
            self.n_before.push(place + 1);
        } else {
            let (n_before, at) = self.place_of(name, model);
            self.behind.entry(n_before).or_default().insert(at, number);
            self.n_before.push(n_before);
            if let (Some(unordered), Some(directory)) = (&mut self.unordered, directory(name)) {
                let inside = unordered.new.entry(directory.to_owned()).or_default();
                inside.push(number);
            }
        }
        if let Some(unordered) = &mut self.unordered {
            unordered.note(model, self.n_before[number]);
        }
        self.by_name.insert(name.to_owned(), number);
        self.new.push(entry);
    }

    /// Returns the mode of a new entry, of which Docker before 25 wrote the file type bits too, later ones do not: as the
    /// model has it.
    fn mode(&self, content: &Content, model: usize) -> u32 {
        let entries = self.source.entries();
        let like = &entries[model];
        let permissions = match content {
            Content::Directory if like.kind == Kind::Directory => 0o40_000 | like.mode & 0o7777,
            Content::Directory => 0o40755,
            // Docker writes 0777, containers/image 0; nobody reads it.
            Content::Symlink(_) if like.kind == Kind::Symlink => 0o120_000 | like.mode & 0o7777,
            Content::Symlink(_) => 0o120_777,
            Content::Entry(index) => 0o100_000 | entries[*index].mode & 0o7777,
            Content::Bytes(_) | Content::Stored(_) if like.kind == Kind::File => {
                0o100_000 | like.mode & 0o7777
            }
            Content::Bytes(_) | Content::Stored(_) => 0o100_644,
        };
        let has_type_bits = like.mode & !0o7777 != 0;
        if has_type_bits {
            permissions
        } else {
            permissions & 0o7777
        }
    }

    /// Returns behind how many old entries a new one goes, and how many new ones are between.
    fn place_of(&self, name: &str, model: usize) -> (usize, usize) {
        let Some(unordered) = &self.unordered else {
            let is_before = |other: &str| names::walk_order(other, name) == Ordering::Less;
            let entries = self.source.entries();
            let n_before = entries.partition_point(|entry| is_before(&entry.name));
            let behind = self.behind.get(&n_before).map_or(&[][..], Vec::as_slice);
            let is_new_before = |number: &usize| is_before(&self.new[*number].name);
            return (n_before, behind.partition_point(is_new_before));
        };
        let own = directory(name).and_then(|own| self.last_in(unordered, own));
        own.unwrap_or_else(|| self.behind_model(unordered, model))
    }

    /// Returns the place behind what comes last in a directory.
    fn last_in(&self, unordered: &Unordered<'_>, directory: &str) -> Option<(usize, usize)> {
        let new = unordered.new.get(directory).into_iter().flatten().rev();
        let is_there = |number: &&usize| self.by_name.get(&self.new[**number].name) == Some(number);
        if let Some(&number) = new.into_iter().find(is_there) {
            return Some(self.behind_new(number));
        }
        let old = unordered.old.get(directory)?.iter().rev();
        let last = old.into_iter().find(|&&i| self.heads[i] != Head::Gone)?;
        Some((last + 1, 0))
    }

    fn behind_new(&self, number: usize) -> (usize, usize) {
        let n_before = self.n_before[number];
        let behind = self.behind.get(&n_before).map_or(&[][..], Vec::as_slice);
        let at = behind.iter().rposition(|&other| other == number);
        (n_before, at.map_or(0, |at| at + 1))
    }

    /// Returns the place behind the model of an entry and what shares a directory with that.
    fn behind_model(&self, unordered: &Unordered<'_>, model: usize) -> (usize, usize) {
        let shared = directory(&self.source.entries()[model].name);
        let old = shared.and_then(|shared| unordered.old.get(shared)?.last());
        let last = old.copied().unwrap_or(model);
        let kept = unordered.kept.range(..=last).next_back();
        let kept = kept.map_or((0, 0), |&kept| (kept + 1, 0));
        let n_before = unordered.furthest_of(last);
        let is_model_before = |number: usize| self.new[number].model.is_some_and(|m| m <= last);
        let behind = self.behind.get(&n_before).map_or(&[][..], Vec::as_slice);
        let new = behind.iter().rposition(|&number| is_model_before(number));
        kept.max((n_before, new.map_or(0, |at| at + 1)))
    }
}

impl<'a> Unordered<'a> {
    fn of(source: &'a Source) -> Self {
        let entries = source.entries();
        let mut old: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, entry) in entries.iter().enumerate() {
            if let Some(directory) = directory(&entry.name) {
                old.entry(directory).or_default().push(i);
            }
        }
        Self {
            kept: (0..entries.len()).collect(),
            old,
            new: HashMap::new(),
            furthest: vec![0; entries.len() + 1],
        }
    }

    /// Notes where a new entry with that model is.
    fn note(&mut self, model: usize, n_before: usize) {
        let mut i = model + 1;
        while i < self.furthest.len() {
            self.furthest[i] = self.furthest[i].max(n_before);
            i += i & i.wrapping_neg();
        }
    }

    /// Returns the largest `n_before` of the new entries whose model is `last` or before it.
    fn furthest_of(&self, last: usize) -> usize {
        let (mut i, mut found) = (last + 1, 0);
        while i > 0 {
            found = found.max(self.furthest[i]);
            i -= i & i.wrapping_neg();
        }
        found
    }
}
