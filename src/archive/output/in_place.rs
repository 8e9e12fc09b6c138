//! Revising an extracted archive where it lies: new files first, then the documents that name them, then what nothing
//! names any more goes. Readers see the old images or the new ones.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::journal::{self, Journal, Line};
use super::pending::{PendingFile, sync_directories, sync_directory, sync_files};
use super::place::{DOCUMENTS, put};
use super::switch::{self, Switch};
use crate::archive::draft::{Content, Draft, DraftEntry, NewEntry};
use crate::error::Error;
use crate::tarball::Kind;

/// Writes the changes of `draft` into the directory `root` that it was made from.
pub(in crate::archive) fn revise_directory(draft: &Draft<'_>, root: &Path) -> Result<(), Error> {
    let lines = lines(draft);
    if let Some(switch) = Switch::of(draft, &lines)? {
        return switch.make(draft, root);
    }
    let journal = Journal::begin(root, lines)?;
    if let Err(error) = switch_all(draft, root) {
        journal.take_back();
        return Err(error);
    }
    journal.commit()
}

/// Takes back or ends what a run that was cut short has left in the directory `root`.
pub fn recover(root: &Path) -> Result<(), Error> {
    let handle = File::open(root).map_err(Error::at(root))?;
    switch::recover(root, &handle)?;
    journal::recover(root, &handle)
}

/// Puts every new entry in its place, so that at each moment whatever a document names is there.
fn switch_all(draft: &Draft<'_>, root: &Path) -> Result<(), Error> {
    let is_document = |entry: &NewEntry| DOCUMENTS.contains(&entry.name.as_str());
    let is_link = |entry: &NewEntry| matches!(entry.content, Content::Symlink(_));
    let new = || {
        draft.entries.iter().filter_map(|entry| match entry {
            DraftEntry::New(entry) => Some(entry),
            DraftEntry::Kept(_) => None,
        })
    };
    let blobs = || new().filter(|entry| !is_document(entry));
    let mut pending = Vec::new();
    for entry in blobs().filter(|entry| !is_link(entry)) {
        pending.extend(put(draft, entry, root)?);
    }
    let n_blobs = pending.len();
    for document in DOCUMENTS {
        for entry in new().filter(|entry| entry.name == document) {
            pending.extend(put(draft, entry, root)?);
        }
    }
    sync_files(&pending)?;
    let documents = pending.split_off(n_blobs);
    pending.into_iter().try_for_each(PendingFile::name)?;
    // A link may be one that the old documents lead through: what it leads to is there by now.
    for entry in blobs().filter(|entry| is_link(entry)) {
        put(draft, entry, root)?;
    }
    let places = blobs().map(|entry| root.join(&entry.name));
    let mut directories: Vec<PathBuf> = places
        .filter_map(|path| path.parent().map(Path::to_owned))
        .collect();
    directories.push(root.to_owned());
    directories.sort();
    directories.dedup();
    sync_directories(&directories)?;
    documents.into_iter().try_for_each(PendingFile::name)?;
    sync_directory(root)
}

/// What the journal of the change holds.
fn lines(draft: &Draft<'_>) -> Vec<Line> {
    let source = draft.source;
    let mut is_needed = vec![false; source.entries().len()];
    let mut lines = Vec::new();
    for entry in &draft.entries {
        // Every change in a directory dates it by the clock; what is in the archive does not come from a clock.
        let (name, is_directory, mtime) = match entry {
            DraftEntry::Kept(index) => {
                is_needed[*index] = true;
                let kept = &source.entries()[*index];
                (&kept.name, kept.kind == Kind::Directory, kept.mtime)
            }
            DraftEntry::New(new) => {
                let is_directory = new.content == Content::Directory;
                match source.find(&new.name) {
                    Some(index) => {
                        is_needed[index] = true;
                        if !is_directory {
                            lines.push(Line::Replaced(new.name.clone()));
                        }
                    }
                    None => lines.push(Line::Created(new.name.clone())),
                }
                (&new.name, is_directory, new.mtime)
            }
        };
        if is_directory {
            lines.push(Line::Dated(name.clone(), mtime));
        }
    }
    let orphans = source.entries().iter().zip(is_needed);
    let orphans = orphans.filter(|(_, is_needed)| !is_needed);
    lines.extend(orphans.map(|(entry, _)| Line::Obsolete(entry.name.clone())));
    lines
}
