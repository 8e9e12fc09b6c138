//! Revising an extracted archive where it lies: new files first, then the documents that name them, then what nothing
//! names any more goes. Readers see the old images or the new ones.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::draft::{Content, Draft, DraftEntry, NewEntry};
use super::journal::{self, Journal, Line};
use super::pending::{PendingFile, hidden_name, sync_directories, sync_directory, sync_files};
use super::switch::{self, Switch};
use super::write::Sink;
use crate::error::Error;
use crate::tarball::Kind;

/// The documents that say which images there are, in the order in which they are switched.
pub(super) const DOCUMENTS: [&str; 3] = ["manifest.json", "index.json", "repositories"];

/// Writes the changes of `draft` into the directory `root` that it was made from.
pub(super) fn revise_directory(draft: &Draft<'_>, root: &Path) -> Result<(), Error> {
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

/// Puts a directory, a link or a second name in its place; a file is written, and gets its name later.
pub(super) fn put(
    draft: &Draft<'_>,
    entry: &NewEntry,
    root: &Path,
) -> Result<Option<PendingFile>, Error> {
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
            // Whatever the umask says; it has to be filled.
            result => result
                .and_then(|()| {
                    let mode = entry.mode & 0o7777 | 0o700;
                    std::fs::set_permissions(&path, Permissions::from_mode(mode))
                })
                .map(|()| None)
                .map_err(Error::at(&path)),
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
