//! Revising an extracted archive where it lies: new files first, then the documents that name them, then what nothing
//! names any more goes. Readers see the old images or the new ones.
//!
//! Where one document changes, as in an OCI layout, its rename is the whole change, and what has to last is made to last
//! in three rounds. Where several change, the journal keeps what is needed to take the change back.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::directory::OWN_DIRECTORY;
use super::draft::{Content, Draft, DraftEntry, NewEntry};
use super::journal::{Journal, Line};
use super::pending::{PendingFile, hidden_name, sync_directories, sync_directory, sync_files};
use super::write::Sink;
use crate::digest::Digest;
use crate::error::Error;
use crate::tarball::Kind;

/// The documents that say which images there are, in the order in which they are switched.
const DOCUMENTS: [&str; 3] = ["manifest.json", "index.json", "repositories"];

/// Writes the changes of `draft` into the directory `root` that it was made from.
pub(super) fn revise_directory(draft: &Draft<'_>, root: &Path) -> Result<(), Error> {
    if let Some((document, blobs)) = single_switch(draft, root) {
        return switch_document(draft, root, document, &blobs);
    }
    let journal = Journal::begin(root, lines(draft))?;
    if let Err(error) = switch(draft, root) {
        journal.take_back();
        return Err(error);
    }
    journal.commit()
}

fn is_document(entry: &NewEntry) -> bool {
    DOCUMENTS.contains(&entry.name.as_str())
}

fn new_entries<'d>(draft: &'d Draft<'_>) -> impl Iterator<Item = &'d NewEntry> {
    draft.entries.iter().filter_map(|entry| match entry {
        DraftEntry::New(entry) => Some(entry),
        DraftEntry::Kept(_) => None,
    })
}

/// Returns the document and the new files, where a rename of the one is the whole change.
fn single_switch<'d>(
    draft: &'d Draft<'_>,
    root: &Path,
) -> Option<(&'d NewEntry, Vec<&'d NewEntry>)> {
    let (documents, blobs): (Vec<_>, Vec<_>) = new_entries(draft).partition(|new| is_document(new));
    let [document] = documents[..] else {
        return None;
    };
    let replaces = |name: &str| draft.source.find(name).is_some();
    let is_new_file = |new: &&NewEntry| {
        let is_file = matches!(new.content, Content::Bytes(_) | Content::Layer(_));
        let directory = root.join(&new.name);
        is_file && !replaces(&new.name) && directory.parent().is_some_and(Path::is_dir)
    };
    let is_bytes = matches!(document.content, Content::Bytes(_));
    (is_bytes && replaces(&document.name) && blobs.iter().all(is_new_file))
        .then_some((document, blobs))
}

/// Writes the new files, then has the document name them.
fn switch_document(
    draft: &Draft<'_>,
    root: &Path,
    document: &NewEntry,
    blobs: &[&NewEntry],
) -> Result<(), Error> {
    let Content::Bytes(bytes) = &document.content else {
        unreachable!("a single switch is one of bytes");
    };
    let places: Vec<PathBuf> = blobs.iter().map(|new| root.join(&new.name)).collect();
    let mut pending = Vec::with_capacity(blobs.len() + 2);
    for (new, path) in blobs.iter().zip(&places) {
        pending.push(write_file(draft, new, path)?);
    }
    pending.push(write_file(draft, document, &root.join(&document.name))?);
    let (journal, file) = Journal::for_switch(root, lines(draft), Digest::of(bytes))?;
    pending.push(file);
    let switched = sync_files(&pending).and_then(|()| {
        let file = pending.pop().expect("it was pushed last");
        let document = pending.pop().expect("it was pushed before the journal");
        file.name()?;
        pending.into_iter().try_for_each(PendingFile::name)?;
        let mut directories = vec![root.join(OWN_DIRECTORY)];
        directories.extend(
            places
                .iter()
                .filter_map(|path| path.parent().map(Path::to_owned)),
        );
        directories.sort();
        directories.dedup();
        sync_directories(&directories)?;
        document.name()?;
        sync_directory(root)
    });
    if let Err(error) = switched {
        journal.settle();
        return Err(error);
    }
    journal.clean_up()
}

/// Puts every new entry in its place, so that at each moment whatever a document names is there.
fn switch(draft: &Draft<'_>, root: &Path) -> Result<(), Error> {
    let is_link = |entry: &NewEntry| matches!(entry.content, Content::Symlink(_));
    let new = || new_entries(draft);
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

/// Puts a directory, a link or a second name in its place; a file is written, and gets its name later.
fn put(draft: &Draft<'_>, entry: &NewEntry, root: &Path) -> Result<Option<PendingFile>, Error> {
    let path = root.join(&entry.name);
    match &entry.content {
        Content::Directory => match std::fs::create_dir(&path) {
            // A link would lead the files of the directory elsewhere.
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists
                    && path.symlink_metadata().is_ok_and(|old| old.is_dir()) =>
            {
                Ok(None)
            }
            result => result.map(|()| None).map_err(Error::at(&path)),
        },
        Content::Symlink(target) => {
            let hidden = hidden_name(&path);
            let _ = std::fs::remove_file(&hidden);
            std::os::unix::fs::symlink(target, &hidden).map_err(Error::at(&hidden))?;
            std::fs::rename(&hidden, &path)
                .map(|()| None)
                .map_err(Error::at(&path))
        }
        Content::Entry(index) => {
            let old = root.join(&draft.source.entries()[*index].name);
            // A second name costs nothing; the first goes when nobody names it any more.
            match std::fs::hard_link(&old, &path) {
                Ok(()) => Ok(None),
                Err(_) => write_file(draft, entry, &path).map(Some),
            }
        }
        Content::Bytes(_) | Content::Layer(_) => write_file(draft, entry, &path).map(Some),
    }
}

fn write_file(draft: &Draft<'_>, entry: &NewEntry, path: &Path) -> Result<PendingFile, Error> {
    let pending = PendingFile::create(path)?;
    write_content(draft, &entry.content, &pending.file, path)?;
    let mode = entry.mode & 0o7777;
    set_metadata(&pending.file, mode, entry.mtime).map_err(Error::at(path))?;
    Ok(pending)
}

/// Writes the data of a new entry.
pub(super) fn write_content(
    draft: &Draft<'_>,
    content: &Content,
    file: &File,
    path: &Path,
) -> Result<(), Error> {
    let failed = |source| Error::io(path, source);
    match content {
        Content::Directory | Content::Symlink(_) => Ok(()),
        Content::Bytes(bytes) => (&mut &*file).write_all(bytes).map_err(failed),
        Content::Entry(index) => {
            let blob = draft.source.blob(*index)?;
            let mut sink = Sink::Plain(file.try_clone().map_err(failed)?);
            sink.copy(&blob.file, blob.start, blob.start + blob.size)
                .map_err(failed)
        }
        Content::Layer(index) => {
            let mut buffered = io::BufWriter::with_capacity(128 * 1024, file);
            (draft.layers[*index].write)(&mut buffered)?;
            buffered.flush().map_err(failed)
        }
    }
}

/// Sets the permissions and both times, whatever the umask and the clock say.
pub(super) fn set_metadata(file: &File, mode: u32, mtime: i64) -> io::Result<()> {
    rustix::fs::fchmod(file, rustix::fs::Mode::from_raw_mode(mode))?;
    set_mtime(file, mtime)
}

pub(super) fn set_mtime(file: &File, mtime: i64) -> io::Result<()> {
    use rustix::fs::{Timespec, Timestamps};
    let time = Timespec {
        tv_sec: mtime,
        tv_nsec: 0,
    };
    Ok(rustix::fs::futimens(
        file,
        &Timestamps {
            last_access: time,
            last_modification: time,
        },
    )?)
}
