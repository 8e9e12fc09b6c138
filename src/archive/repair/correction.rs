//! What a repaired archive has otherwise than the archive: line by line what was there, and what it becomes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::archive::draft::{Content, Draft, DraftEntry, NewEntry};
use crate::archive::{MAX_DOCUMENT_BYTES, Source};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::printable;
use crate::tarball::Kind;

/// One thing that was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The entry of the archive, under the name that it had.
    pub place: String,
    /// What of it was wrong.
    pub change: Change,
}

/// What a correction does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The entry gets this name.
    Renamed(String),
    /// The entry is new.
    Added,
    /// The entry is removed.
    Removed,
    /// The link leads elsewhere.
    Relinked {
        /// Where it led.
        old: String,
        /// Where it leads.
        new: String,
    },
    /// The entry is of another kind or has other bytes, and is no document.
    Replaced,
    /// The document of a legacy layer, which repeats what the image and the layers below it are.
    Rederived,
    /// A value in the document changes, as compact JSON; at least one of both is there.
    Value {
        /// The keys from the root, such as `rootfs.diff_ids[1]`.
        path: String,
        /// What was there.
        old: Option<String>,
        /// What is there now.
        new: Option<String>,
    },
}

impl fmt::Display for Correction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        let line = match &self.change {
            Change::Renamed(new) => format!("{place}: is renamed to `{new}`"),
            Change::Added => format!("{place}: is added"),
            Change::Removed => format!("{place}: is removed"),
            Change::Relinked { old, new } => format!("{place}: links to `{old}`, becomes `{new}`"),
            Change::Replaced => format!("{place}: is replaced"),
            Change::Rederived => format!("{place}: is recomputed"),
            Change::Value {
                path,
                old: Some(old),
                new: Some(new),
            } => format!("{place}: `{path}` is `{old}`, becomes `{new}`"),
            Change::Value { path, old, new } => match (old, new) {
                (Some(old), _) => format!("{place}: `{path}` is `{old}`, is removed"),
                (None, new) => {
                    let new = new.as_deref().unwrap_or_default();
                    format!("{place}: `{path}` is missing, becomes `{new}`")
                }
            },
        };
        f.write_str(&printable::line(&line))
    }
}

impl Draft<'_> {
    /// Returns what it has otherwise than the archive that it is drafted from, in its order; what is removed comes last.
    pub fn corrections(&self) -> Result<Vec<Correction>, Error> {
        corrections(self)
    }
}

fn corrections(draft: &Draft<'_>) -> Result<Vec<Correction>, Error> {
    let source = draft.source;
    let mut gone: BTreeSet<usize> = (0..source.entries().len()).collect();
    for entry in &draft.entries {
        if let DraftEntry::Kept(index) = entry {
            gone.remove(index);
        }
    }
    let mut corrections = Vec::new();
    let mut renamed = BTreeMap::new();
    for entry in &draft.entries {
        if let DraftEntry::New(new) = entry {
            let old = counterpart(source, new, &gone);
            if let Some(old) = old {
                gone.remove(&old);
            }
            compare(source, old, new, &mut renamed, &mut corrections)?;
        }
    }
    let gone = gone.into_iter().map(|index| &source.entries()[index]);
    // Of a directory that was renamed, its own entry.
    let is_left = |name: &str| !renamed.contains_key(name);
    corrections.extend(
        gone.filter(|entry| is_left(&entry.name))
            .map(|entry| Correction {
                place: entry.name.clone(),
                change: Change::Removed,
            }),
    );
    Ok(corrections)
}

/// Returns the old entry that a new one is in the place of: of its name, else whose data it has, else whose header it has.
fn counterpart(source: &Source, new: &NewEntry, gone: &BTreeSet<usize>) -> Option<usize> {
    let data = match new.content {
        Content::Entry(index) => Some(index),
        _ => None,
    };
    let kind = new.content.kind();
    let model = new
        .model
        .filter(|&model| source.entries()[model].kind == kind);
    let candidates = [source.find(&new.name), data, model];
    let mut candidates = candidates.into_iter().flatten();
    candidates.find(|index| gone.contains(index))
}

fn compare(
    source: &Source,
    old: Option<usize>,
    new: &NewEntry,
    renamed: &mut BTreeMap<String, String>,
    corrections: &mut Vec<Correction>,
) -> Result<(), Error> {
    let mut say = |place: &str, change| {
        corrections.push(Correction {
            place: place.to_owned(),
            change,
        });
    };
    let Some(index) = old else {
        say(&new.name, Change::Added);
        return Ok(());
    };
    let old = &source.entries()[index];
    if old.name != new.name {
        // A directory is renamed once, and not for each file in it.
        let (from, to) = common(&old.name, &new.name);
        let is_known = renamed.insert(from.to_owned(), to.to_owned()).as_deref() == Some(to);
        if !is_known {
            say(from, Change::Renamed(to.to_owned()));
        }
    }
    match &new.content {
        Content::Bytes(bytes) if old.kind == Kind::File => {
            let was = source.read(index, MAX_DOCUMENT_BYTES)?;
            if was != *bytes {
                compare_documents(&was, bytes, &mut |change| say(&old.name, change));
            }
        }
        Content::Symlink(target) if old.kind == Kind::Symlink => {
            let was = String::from_utf8_lossy(&old.link_name).into_owned();
            if was != *target {
                let new = target.clone();
                say(&old.name, Change::Relinked { old: was, new });
            }
        }
        Content::Entry(data) if *data == index => {}
        Content::Directory if old.kind == Kind::Directory => {}
        _ => say(&old.name, Change::Replaced),
    }
    Ok(())
}

/// Leaves out what two names have in common at their ends.
fn common<'a>(old: &'a str, new: &'a str) -> (&'a str, &'a str) {
    match (old.rsplit_once('/'), new.rsplit_once('/')) {
        (Some((old, one)), Some((new, other))) if one == other => common(old, new),
        _ => (old, new),
    }
}

fn compare_documents(old: &[u8], new: &[u8], say: &mut dyn FnMut(Change)) {
    let (Ok(old), Ok(new)) = (Document::parse(old), Document::parse(new)) else {
        return say(Change::Replaced);
    };
    let id = new.root.get("id").and_then(Value::as_text);
    if id.is_some_and(|id| Digest::parse_hex(&id).is_some()) {
        return say(Change::Rederived);
    }
    let mut n = 0;
    compare_values("", &old.root, &new.root, &mut |change| {
        n += 1;
        say(change);
    });
    if n == 0 {
        say(Change::Replaced);
    }
}

fn compare_values(path: &str, old: &Value, new: &Value, say: &mut dyn FnMut(Change)) {
    if old.means(new) {
        return;
    }
    let change = |path: String, old: Option<&Value>, new: Option<&Value>| Change::Value {
        path,
        old: old.map(Value::compact),
        new: new.map(Value::compact),
    };
    if let (Some(before), Some(after)) = (old.members(), new.members()) {
        for (key, value) in before {
            let path = key_path(path, &key);
            match new.get(&key) {
                Some(new) => compare_values(&path, value, new, say),
                None => say(change(path, Some(value), None)),
            }
        }
        for (key, value) in after.filter(|(key, _)| old.get(key).is_none()) {
            say(change(key_path(path, &key), None, Some(value)));
        }
        return;
    }
    let (Some(before), Some(after)) = (old.items(), new.items()) else {
        let path = if path.is_empty() { "." } else { path };
        return say(change(path.to_owned(), Some(old), Some(new)));
    };
    let (before, after): (Vec<_>, Vec<_>) = (before.collect(), after.collect());
    let is_same = |(a, b): &(&&Value, &&Value)| a.means(b);
    let n_first = before.iter().zip(&after).take_while(is_same).count();
    let rest = before[n_first..]
        .iter()
        .rev()
        .zip(after[n_first..].iter().rev());
    let n_last = rest.take_while(is_same).count();
    let old = &before[n_first..before.len() - n_last];
    let new = &after[n_first..after.len() - n_last];
    for i in 0..old.len().max(new.len()) {
        let path = format!("{path}[{}]", n_first + i);
        match (old.get(i), new.get(i)) {
            (Some(old), Some(new)) => compare_values(&path, old, new, say),
            (old, new) => say(change(path, old.copied(), new.copied())),
        }
    }
}

fn key_path(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}
