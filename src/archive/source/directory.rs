//! An archive that was extracted: walking it and opening its files, never through a symbolic link.
//!
//! There is one exception. Bazel's trees have links for blobs, which lead to files elsewhere. Such a link is followed if its
//! name states a digest ([`SourceEntry::linked`]), and nothing is read of the file before it has that digest: whoever made the
//! link had its bytes. A document at the top, whose bytes nothing states, is never read through a link that leaves the
//! directory.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, statat};

use super::entry::{MAX_ENTRIES, SourceEntry};
use super::names;
use crate::archive::change::{self, Change};
use crate::archive::hidden::claim::list;
use crate::archive::hidden::{OWN_DIRECTORY, Place, is_hidden, refuse_reserved};
use crate::archive::no_follow;
use crate::error::Error;
use crate::file_state::FileState;
use crate::printable;
use crate::tarball::Kind;

/// How often a directory is read that is another each time.
const MAX_WALKS: usize = 10;

/// What is in a directory.
#[derive(Debug)]
pub(in crate::archive) struct Walk {
    /// All entries, in walk order.
    pub(in crate::archive) entries: Vec<SourceEntry>,
    /// Whether a change was cut short here, or is under way.
    pub(in crate::archive) is_mid_change: bool,
}

/// Returns all entries below `root`, as they are once a change that was cut short is ended or taken back.
pub(in crate::archive) fn walk(root: &File, path: &Path) -> Result<Walk, Error> {
    for _ in 1..MAX_WALKS {
        match walk_once(root, path) {
            // A run is changing the archive: it was the old one, and is the new one now.
            Err(Error::Changed { .. }) => {}
            result => return result,
        }
    }
    walk_once(root, path)
}

fn walk_once(root: &File, path: &Path) -> Result<Walk, Error> {
    let mut entries = Vec::new();
    let mut directories = vec![String::new()];
    while let Some(directory) = directories.pop() {
        let first = entries.len();
        walk_one(root, &directory, path, &mut entries)?;
        let found = entries[first..].iter();
        let inner = found.filter(|entry| entry.kind == Kind::Directory);
        directories.extend(inner.map(|entry| entry.name.clone()));
    }
    let mut is_mid_change = false;
    for name in changes(root).map_err(Error::at(path))? {
        let place = path.join(&name);
        let read =
            Change::read(root, &name).map_err(|error| failed(printable::path(&place), error))?;
        is_mid_change = true;
        if let Some(change) = read {
            change.show(&mut entries);
        }
    }
    entries.sort_by(|a, b| names::walk_order(&a.name, &b.name));
    Ok(Walk {
        entries,
        is_mid_change,
    })
}

/// Returns the hidden names of the changes that runs have begun in `root`.
pub(in crate::archive) fn changes(root: &File) -> io::Result<Vec<OsString>> {
    let place = Place::of(root)?;
    let target = OsStr::new(change::TARGET);
    let mut changes = list(root)?;
    changes.retain(|name| place.is_for(name.as_bytes(), target));
    changes.sort();
    Ok(changes)
}

fn walk_one(
    root: &File,
    prefix: &str,
    path: &Path,
    entries: &mut Vec<SourceEntry>,
) -> Result<(), Error> {
    let place = path.join(prefix);
    let failed = |error| failed(printable::path(&place), error);
    let directory = open_directory(root, prefix).map_err(failed)?;
    for file_name in list(&directory).map_err(failed)? {
        if is_left_by_us(&directory, &file_name).map_err(failed)? {
            continue;
        }
        let Some(text) = file_name.to_str() else {
            let name = format!("{prefix}/{}", printable::path(&file_name));
            return Err(Error::BadEntry {
                name,
                reason: "has a name that is not UTF-8".to_owned(),
            });
        };
        if text.contains('\n') {
            // The list of a change has a line for each name.
            return Err(Error::BadEntry {
                name: format!("{prefix}/{text}"),
                reason: "has a name of several lines".to_owned(),
            });
        }
        let name = if prefix.is_empty() {
            text.to_owned()
        } else {
            format!("{prefix}/{text}")
        };
        // As in a tar, the path is what bounds the depth.
        if name.len() > names::MAX_BYTES {
            let reason = format!("has a path of over {} bytes", names::MAX_BYTES);
            return Err(Error::BadEntry { name, reason });
        }
        let entry = SourceEntry::on_disk(&directory, &file_name, name).map_err(failed)?;
        if entry.name == OWN_DIRECTORY && entry.kind == Kind::Directory {
            continue;
        }
        refuse_reserved(&entry.name)?;
        if entries.len() == MAX_ENTRIES {
            let reason = format!("holds more than {MAX_ENTRIES} files");
            return Err(Error::NotAnImage {
                place: printable::path(path),
                reason,
            });
        }
        entries.push(entry);
    }
    Ok(())
}

/// The error of something that was there a moment ago, or of the system.
fn failed(place: String, source: io::Error) -> Error {
    if source.kind() == io::ErrorKind::NotFound {
        let what = "it no longer exists".to_owned();
        return Error::Changed { place, what };
    }
    Error::Io { place, source }
}

/// Tells whether a file is on its way to another name, or was left there by a run that was killed.
fn is_left_by_us(directory: impl AsFd, file_name: &OsStr) -> io::Result<bool> {
    let name = file_name.as_bytes();
    Ok(is_hidden(name) && Place::of(directory)?.is_own(name))
}

/// Opens a regular file below `root`.
pub(in crate::archive) fn open_file(
    root: &File,
    entry: &SourceEntry,
    place: &str,
) -> Result<File, Error> {
    let open_at = |name: &str| {
        let (parent, file_name) = open_parent(root, name)?;
        // A pipe that took the file's place must not make the open wait.
        if entry.linked().is_some() {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            return Ok(openat(&parent, file_name, flags, Mode::empty())?);
        }
        Ok(no_follow::open(&parent, file_name, OFlags::NONBLOCK)?)
    };
    let opened = found(entry, open_at).map(File::from);
    opened.map_err(|error| failed(format!("{place}/{}", entry.name), error))
}

/// Looks at the file of an entry, following no link but that to a file outside.
pub(in crate::archive) fn state(
    root: &File,
    entry: &SourceEntry,
    place: &str,
) -> Result<FileState, Error> {
    let stat_at = |name: &str| {
        let (parent, file_name) = open_parent(root, name)?;
        let flags = match entry.linked() {
            Some(_) => AtFlags::empty(),
            None => AtFlags::SYMLINK_NOFOLLOW,
        };
        Ok(statat(parent, file_name, flags)?)
    };
    let stat = found(entry, stat_at);
    stat.map(|stat| FileState::of(&stat))
        .map_err(|error| failed(format!("{place}/{}", entry.name), error))
}

/// Has `find` find an entry where it is stored, or by its name, which it may have got since.
fn found<T>(entry: &SourceEntry, find: impl Fn(&str) -> io::Result<T>) -> io::Result<T> {
    let stored = entry.on_disk.as_ref().and_then(|file| file.stored.as_ref());
    match stored.map(|stored| find(stored)) {
        None => find(&entry.name),
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => find(&entry.name),
        Some(found) => found,
    }
}

/// Looks at an open file.
pub(in crate::archive) fn state_of(file: &File) -> io::Result<FileState> {
    Ok(FileState::of(&fstat(file)?))
}

/// Opens the directory that holds `name`, component by component, and returns the last component.
pub(in crate::archive) fn open_parent<'n>(
    root: &File,
    name: &'n str,
) -> io::Result<(OwnedFd, &'n str)> {
    let (directory, file_name) = name.rsplit_once('/').unwrap_or(("", name));
    Ok((open_directory(root, directory)?, file_name))
}

/// Opens the directory `name` below `root`, through no link; `root` itself if that is empty.
pub(in crate::archive) fn open_directory(root: &File, name: &str) -> io::Result<OwnedFd> {
    if name.is_empty() {
        return Ok(root.try_clone()?.into());
    }
    Ok(no_follow::open_below(root, name)?)
}
