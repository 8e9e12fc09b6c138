//! Entries of a draft as files on a disk, with the permissions and times that they are to have.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::pending::{PendingFile, hidden_name};
use super::write::Sink;
use crate::archive::draft::{Content, Draft, NewEntry};
use crate::error::Error;

/// The documents that say which images there are, in the order in which they are switched.
pub(in crate::archive) const DOCUMENTS: [&str; 3] = ["manifest.json", "index.json", "repositories"];

/// Puts a directory, a link or a second name in its place; a file is written, and gets its name later.
pub(in crate::archive) fn put(
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
pub(in crate::archive) fn write_content(
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
pub(in crate::archive) fn set_metadata(file: &File, mode: u32, mtime: i64) -> io::Result<()> {
    rustix::fs::fchmod(file, rustix::fs::Mode::from_raw_mode(mode))?;
    set_mtime(file, mtime)
}

pub(in crate::archive) fn set_mtime(file: &File, mtime: i64) -> io::Result<()> {
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
