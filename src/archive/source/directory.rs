//! An archive that was extracted: walking it and opening its files, never through a symbolic link.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::entry::{MAX_ENTRIES, SourceEntry};
use super::names;
use crate::error::Error;
use crate::tarball::Kind;

/// A directory of ours inside an unpacked archive; no part of the image.
pub(in crate::archive) const OWN_DIRECTORY: &str = ".ocipatch";
/// Below it what takes back a change that is under way, if that stops.
pub(in crate::archive) const UNDO: &str = "undo";
/// In there what is to be done.
pub(in crate::archive) const LINES: &str = "journal";
/// Archives are two or three directories deep.
const MAX_DEPTH: usize = 16;

/// Returns all entries below `root` in walk order.
pub(in crate::archive) fn walk(root: &File, path: &Path) -> Result<Vec<SourceEntry>, Error> {
    if is_under_way(root) {
        return Err(Error::NotAnImage {
            place: path.display().to_string(),
            reason: "was left in the middle of a change; `ocipatch apply --in-place` takes that back and begins again".to_owned(),
        });
    }
    let mut entries = Vec::new();
    walk_into(root, "", path, &mut entries, 0)?;
    entries.sort_by(|a, b| names::walk_order(&a.name, &b.name));
    Ok(entries)
}

/// Tells whether a change in the directory was cut short before it took place.
fn is_under_way(root: &File) -> bool {
    let name = format!("{OWN_DIRECTORY}/{UNDO}/{LINES}");
    open_parent(root, &name).is_ok_and(|(parent, file_name)| {
        rustix::fs::statat(&parent, file_name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    })
}

/// Tells whether a name is one that our files have before they are complete; a run that was cut short leaves them.
fn is_hidden(file_name: &str) -> bool {
    file_name.len() > OWN_DIRECTORY.len()
        && file_name.starts_with('.')
        && file_name.ends_with(OWN_DIRECTORY)
}

fn walk_into(
    directory: &impl AsFd,
    prefix: &str,
    root: &Path,
    entries: &mut Vec<SourceEntry>,
    depth: usize,
) -> Result<(), Error> {
    let place = root.join(prefix);
    let failed = |error: rustix::io::Errno| Error::io(&place, error.into());
    if depth > MAX_DEPTH {
        let reason = format!("lies more than {MAX_DEPTH} directories deep");
        return Err(Error::BadEntry {
            name: prefix.to_owned(),
            reason,
        });
    }
    for item in Dir::read_from(directory).map_err(failed)? {
        let item = item.map_err(failed)?;
        let file_name = item.file_name();
        if matches!(file_name.to_bytes(), b"." | b"..") {
            continue;
        }
        let Ok(file_name_text) = file_name.to_str() else {
            let name = format!("{prefix}/{}", file_name.to_string_lossy());
            return Err(Error::BadEntry {
                name,
                reason: "has a name that is no text".to_owned(),
            });
        };
        if file_name_text.contains('\n') {
            // A journal has a line for each name.
            return Err(Error::BadEntry {
                name: format!("{prefix}/{}", file_name_text.escape_default()),
                reason: "has a name of several lines".to_owned(),
            });
        }
        if depth == 0 && file_name_text == OWN_DIRECTORY || is_hidden(file_name_text) {
            continue;
        }
        let name = if prefix.is_empty() {
            file_name_text.to_owned()
        } else {
            format!("{prefix}/{file_name_text}")
        };
        if entries.len() == MAX_ENTRIES {
            let reason = format!("holds more than {MAX_ENTRIES} files");
            return Err(Error::NotAnImage {
                place: root.display().to_string(),
                reason,
            });
        }
        let status =
            rustix::fs::statat(directory, file_name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        let mut link_name = Vec::new();
        let kind = match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => {
                link_name = rustix::fs::readlinkat(directory, file_name, Vec::new())
                    .map_err(failed)?
                    .into_bytes();
                Kind::Symlink
            }
            FileType::CharacterDevice => Kind::CharDevice,
            FileType::BlockDevice => Kind::BlockDevice,
            // A socket is as little a blob as a pipe is.
            _ => Kind::Fifo,
        };
        let size = if kind == Kind::File {
            u64::try_from(status.st_size).unwrap_or(0)
        } else {
            0
        };
        let mode = status.st_mode & 0o7777;
        entries.push(SourceEntry::on_disk(
            name.clone(),
            kind,
            size,
            link_name,
            mode,
            status.st_mtime,
        ));
        if kind == Kind::Directory {
            let inner = open(directory, file_name_text, OFlags::DIRECTORY)
                .map_err(|error| Error::io(&place, error))?;
            walk_into(&inner, &name, root, entries, depth + 1)?;
        }
    }
    Ok(())
}

/// Opens a regular file below `root`; it must still be the file that was indexed.
pub(in crate::archive) fn open_file(
    root: &File,
    entry: &SourceEntry,
    place: &str,
) -> Result<File, Error> {
    let failed = |source| Error::Io {
        place: format!("{place}/{}", entry.name),
        source,
    };
    let (parent, file_name) = open_parent(root, &entry.name).map_err(failed)?;
    // A pipe that took the file's place must not make the open wait.
    let file = open(&parent, file_name, OFlags::NONBLOCK).map_err(failed)?;
    let metadata = File::from(file);
    let status = metadata.metadata().map_err(failed)?;
    if !status.is_file() || status.len() != entry.size {
        return Err(Error::Changed {
            place: format!("{place}/{}", entry.name),
        });
    }
    Ok(metadata)
}

/// Opens the directory that holds `name`, component by component, and returns the last component.
pub(in crate::archive) fn open_parent<'n>(
    root: &File,
    name: &'n str,
) -> io::Result<(OwnedFd, &'n str)> {
    let mut directory: OwnedFd = root.try_clone()?.into();
    let mut rest = name;
    while let Some((component, after)) = rest.split_once('/') {
        directory = open_directory(&directory, component)?;
        rest = after;
    }
    Ok((directory, rest))
}

/// Opens a directory within another one.
pub(in crate::archive) fn open_directory(
    directory: &impl AsFd,
    component: &str,
) -> io::Result<OwnedFd> {
    open(directory, component, OFlags::DIRECTORY)
}

fn open(directory: &impl AsFd, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, name, flags, Mode::empty())?)
}
