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

#[cfg(test)]
mod tests {
    use super::{Change, Correction, common, compare_documents};
    use crate::archive::Source;
    use crate::archive::draft::drafting::Drafting;
    use crate::archive::draft::{Content, Draft};

    /// Says what differs as a user reads it.
    fn differences(old: &str, new: &str) -> Vec<String> {
        let mut told = Vec::new();
        compare_documents(old.as_bytes(), new.as_bytes(), &mut |change| {
            let place = "x".to_owned();
            told.push(Correction { place, change }.to_string());
        });
        told
    }

    #[test]
    fn a_document_differs_by_its_values() {
        let id = "0123456789abcdef".repeat(4);
        let legacy = format!(r#"{{"id":"{id}","a":1}}"#);
        for (old, new, expected) in [
            (r#"{"a":1}"#, r#"{"a": 1}"#, &["x: is replaced"][..]),
            ("no JSON", "{}", &["x: is replaced"]),
            ("{}", "no JSON", &["x: is replaced"]),
            (r#"{"a":1}"#, &legacy, &["x: is recomputed"]),
            (
                r#"{"id":"a"}"#,
                r#"{"id":"b"}"#,
                &["x: `id` is `\"a\"`, becomes `\"b\"`"],
            ),
            ("1", "2", &["x: `.` is `1`, becomes `2`"]),
            ("{}", "[]", &["x: `.` is `{}`, becomes `[]`"]),
            (
                r#"{"a":1,"b":{"c":2,"d":3},"e":4}"#,
                r#"{"f":5,"b":{"d":6,"g":7},"e":4}"#,
                &[
                    "x: `a` is `1`, is removed",
                    "x: `b.c` is `2`, is removed",
                    "x: `b.d` is `3`, becomes `6`",
                    "x: `b.g` is missing, becomes `7`",
                    "x: `f` is missing, becomes `5`",
                ],
            ),
            (
                r#"{"a":[1,2,3,4]}"#,
                r#"{"a":[1,5,4]}"#,
                &[
                    "x: `a[1]` is `2`, becomes `5`",
                    "x: `a[2]` is `3`, is removed",
                ],
            ),
            (
                r#"{"a":[1,4]}"#,
                r#"{"a":[1,2,3,4]}"#,
                &[
                    "x: `a[1]` is missing, becomes `2`",
                    "x: `a[2]` is missing, becomes `3`",
                ],
            ),
            (
                r#"[[{"b":1}]]"#,
                r#"[[{"b":2}]]"#,
                &["x: `[0][0].b` is `1`, becomes `2`"],
            ),
        ] {
            assert_eq!(differences(old, new), expected, "{old} {new}");
        }
    }

    #[test]
    fn a_directory_is_renamed_once() {
        assert_eq!(common("a/x/y", "b/x/y"), ("a", "b"));
        assert_eq!(common("a/x", "b/y"), ("a/x", "b/y"));
        assert_eq!(common("x", "b/x"), ("x", "b/x"));
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for name in ["a", "b"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        for name in ["a/one", "a/two", "b/three", "top", "same", "was"] {
            std::fs::write(at(name), name).unwrap();
        }
        std::os::unix::fs::symlink("top", at("link")).unwrap();
        std::os::unix::fs::symlink("top", at("other")).unwrap();
        let source = Source::open(home.path(), home.path()).unwrap();
        let find = |name: &str| source.find(name).unwrap();
        let mut drafting = Drafting::new(&source);
        for name in [
            "a", "a/one", "a/two", "b", "b/three", "link", "other", "top", "was",
        ] {
            drafting.remove(name);
        }
        let one = find("a/one");
        drafting.put("n", Content::Directory, find("a"), 0);
        drafting.put("n/one", Content::Entry(one), one, 0);
        drafting.put("n/two", Content::Entry(find("a/two")), one, 0);
        drafting.put("m", Content::Entry(find("b/three")), find("b/three"), 0);
        drafting.put("top", Content::Entry(find("same")), find("same"), 0);
        drafting.put(
            "link",
            Content::Symlink("n/one".to_owned()),
            find("link"),
            0,
        );
        drafting.put(
            "other",
            Content::Symlink("top".to_owned()),
            find("other"),
            0,
        );
        drafting.put("was", Content::Symlink("m".to_owned()), find("link"), 0);
        drafting.put("new", Content::Bytes(b"new".to_vec()), find("b"), 0);
        drafting.put("same", Content::Bytes(b"same".to_vec()), find("same"), 0);
        let told = drafting.finish().corrections().unwrap();
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "link: links to `top`, becomes `n/one`",
                "b/three: is renamed to `m`",
                "a: is renamed to `n`",
                "new: is added",
                "top: is replaced",
                "was: is replaced",
                "b: is removed",
            ]
        );
        assert_eq!(Draft::keep_all(&source).corrections().unwrap(), []);
        let gone = Draft::anew(&source).corrections().unwrap();
        assert!(
            gone.iter()
                .all(|correction| correction.change == Change::Removed)
        );
        assert_eq!(gone.len(), source.entries().len());
    }
}
