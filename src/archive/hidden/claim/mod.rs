//! Taking hidden names, and removing those that nobody holds any more.

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::fs::{flock, fstat, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::{Errno, retry_on_intr};

use super::Place;
use super::tree::remove_tree;
use crate::archive::no_follow;

/// A new name is taken with the next random part; so many collisions are none.
const MAX_TRIES: usize = 100;

/// Opens the directory that `path` names for looking up and making names in it.
pub(in crate::archive) fn open_directory(path: &Path) -> io::Result<File> {
    // Nobody has to be allowed to list a directory to write a file there.
    #[cfg(all(target_os = "linux", not(ocipatch_portable)))]
    let access = OFlags::PATH;
    #[cfg(not(all(target_os = "linux", not(ocipatch_portable))))]
    let access = OFlags::RDONLY;
    let flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, or_here(path), flags, Mode::empty())?.into())
}

/// Returns a directory as the system wants it spelled: the one in which a bare name is has no name.
pub(in crate::archive) fn or_here(directory: &Path) -> &Path {
    if directory.as_os_str().is_empty() {
        return Path::new(".");
    }
    directory
}

/// Has `make` make a file or directory under a hidden name in `directory`, and holds a lock on it.
///
/// `make` is called again, with another name, if something has the name, or if a run that sweeps took it away.
pub(in crate::archive) fn claim(
    directory: &File,
    target: &OsStr,
    make: impl Fn(&OsStr) -> Result<File, Errno>,
) -> io::Result<(File, OsString)> {
    for _ in 0..MAX_TRIES {
        let place = Place::of(directory)?;
        let name = place.name(target);
        let file = match make(&name) {
            Err(Errno::EXIST) => continue,
            made => made?,
        };
        match settle(directory, target, place, name.clone(), &file) {
            Ok(Some(name)) => return Ok((file, name)),
            // A run that sweeps has it, and takes it away; who only holds it up does not.
            Ok(None) => drop(remove(directory, &name, &file)),
            Err(error) => {
                let _ = remove(directory, &name, &file);
                return Err(error);
            }
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Makes a file under a hidden name in `directory` as [`claim`] does.
pub(in crate::archive) fn claim_file(
    directory: &File,
    target: &OsStr,
    mode: Mode,
) -> io::Result<(File, OsString)> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
    let make = |name: &OsStr| openat(directory, name, flags, mode).map(File::from);
    claim(directory, target, make)
}

/// Opens a new file in `directory` that has no name; nothing where the file system has no such files.
#[cfg(all(target_os = "linux", not(ocipatch_portable)))]
pub(in crate::archive) fn nameless(directory: &File, mode: Mode) -> Result<Option<File>, Errno> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match openat(directory, ".", flags, mode) {
        Ok(file) => Ok(Some(file.into())),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => Ok(None),
        Err(errno) => Err(errno),
    }
}

#[cfg(not(all(target_os = "linux", not(ocipatch_portable))))]
pub(in crate::archive) fn nameless(_: &File, _: Mode) -> Result<Option<File>, Errno> {
    Ok(None)
}

/// Makes a directory, and has `prepare` do something with it; on failure it is gone again.
pub(in crate::archive) fn make_directory(
    directory: &File,
    name: &OsStr,
    mode: Mode,
    prepare: impl FnOnce(&File) -> Result<(), Errno>,
) -> Result<File, Errno> {
    mkdirat(directory, name, mode)?;
    let made = no_follow::open_directory(directory, name)
        .map(File::from)
        .and_then(|made| prepare(&made).map(|()| made));
    if made.is_err() {
        let _ = unlinkat(directory, name, AtFlags::REMOVEDIR);
    }
    made
}

/// Locks what was made, and returns its name; nothing if a run that sweeps took it away.
fn settle(
    directory: &File,
    target: &OsStr,
    place: Place,
    name: OsString,
    file: &File,
) -> io::Result<Option<OsString>> {
    if !hold(file)? || !is_named(directory, &name, file)? {
        return Ok(None);
    }
    // The first change in a directory of a lower layer of overlayfs makes another one of it.
    let now = Place::of(directory)?;
    if now == place {
        return Ok(Some(name));
    }
    let right = now.name(target);
    renameat(directory, &name, directory, &right)?;
    Ok(Some(right))
}

/// Locks an open file or directory until it is closed; false if somebody else has.
///
/// Where the file system has no locks there is none to take, and what is left there is not removed.
pub(in crate::archive) fn hold(file: &File) -> io::Result<bool> {
    match lock(file) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        result => result,
    }
}

/// Gives back what [`hold`] took, also where a process that was started meanwhile has the file open for a moment longer.
pub(in crate::archive) fn release(file: &File) {
    // What fails here ends with the file.
    let _ = flock(file, FlockOperation::Unlock);
}

/// Locks an open file or directory; false if somebody else has.
pub(in crate::archive) fn lock(file: &File) -> io::Result<bool> {
    match retry_on_intr(|| flock(file, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        // NFS locks only what is open for writing.
        Err(Errno::OPNOTSUPP | Errno::NOLCK | Errno::NOSYS | Errno::BADF | Errno::INVAL) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Tells whether `name` still leads to the open `file`.
fn is_named(directory: impl AsFd, name: &OsStr, file: &File) -> io::Result<bool> {
    let open = fstat(file)?;
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => Ok((named.st_dev, named.st_ino) == (open.st_dev, open.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Removes what runs that were killed have left in `directory` on its way to the name `target`.
///
/// What cannot be removed is no reason not to go on; the next run meets it again.
pub(in crate::archive) fn sweep(directory: &File, target: &OsStr) {
    let (Ok(place), Ok(listed)) = (Place::of(directory), list(directory)) else {
        return;
    };
    for name in listed {
        if place.is_for(name.as_bytes(), target) {
            let _ = remove_leftover(directory, &name);
        }
    }
}

/// Returns the names in a directory, however it is open.
pub(in crate::archive) fn list(directory: impl AsFd) -> io::Result<Vec<OsString>> {
    let readable = no_follow::open_directory(directory, ".")?;
    let mut names = Vec::new();
    for item in Dir::new(readable)? {
        let name = item?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(OsStr::from_bytes(name.to_bytes()).to_owned());
        }
    }
    Ok(names)
}

fn remove_leftover(directory: &File, name: &OsStr) -> io::Result<()> {
    let file = File::from(no_follow::open(directory, name, OFlags::NONBLOCK)?);
    // Its run may also have given it its name since we read the directory.
    if lock(&file)? {
        remove(directory, name, &file)?;
    }
    Ok(())
}

/// Removes the open file or directory `file`, if it is what `name` leads to.
fn remove(directory: &File, name: &OsStr, file: &File) -> io::Result<()> {
    if !is_named(directory, name, file)? {
        return Ok(());
    }
    match FileType::from_raw_mode(fstat(file)?.st_mode) {
        FileType::Directory => remove_tree(directory, name),
        _ => Ok(unlinkat(directory, name, AtFlags::empty())?),
    }
}
