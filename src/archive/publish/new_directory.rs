//! Directories that are there complete or not at all.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, renameat, statat};
use rustix::io::Errno;

use super::file::quoted;
use super::pending::{missing, sync_directory};
use crate::archive::hidden::claim::{claim, list, make_directory, open_directory, sweep};
use crate::archive::hidden::tree::remove_tree;
use crate::error::Error;
use crate::ledger::followed;
use crate::printable;

/// Makes a directory of what `fill` puts into it; it has a hidden name until that is complete. Of several runs that make
/// the same directory one succeeds.
pub(in crate::archive) fn new_directory<T>(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Error> {
    let not_empty = || Error::NotEmpty {
        place: printable::path(path),
    };
    // A link is followed, so that the directory it names is made and the link stays.
    let (target, _) = followed(path).map_err(Error::at(path))?;
    let Some(name) = target.file_name() else {
        return Err(Error::Output {
            place: printable::path(path),
            reason: "is not a valid name for a new directory".to_owned(),
        });
    };
    match open_directory(&target).and_then(list) {
        Ok(names) if names.is_empty() => {}
        Ok(_) => return Err(not_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io(path, error)),
    }
    let parent = target.parent().unwrap_or(Path::new(""));
    let directory = open_directory(parent).map_err(|error| missing(path, parent, error))?;
    sweep(&directory, name);
    let make = |hidden: &OsStr| make_directory(&directory, hidden, Mode::from(0o777), |_| Ok(()));
    // The lock is held until the directory has its name.
    let (_lock, hidden) = claim(&directory, name, make).map_err(Error::at(path))?;
    let made = fill(&target.with_file_name(&hidden)).and_then(|filled| {
        // Renaming onto an empty directory replaces it.
        match renameat(&directory, &hidden, &directory, name) {
            Ok(()) => Ok(filled),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Err(not_empty()),
            Err(errno) => Err(Error::io(path, errno.into())),
        }
    });
    match made {
        Ok(filled) => {
            let synced = sync_directory(parent).map(|()| filled);
            synced.map_err(|error| error.after(&[quoted(path)], &[]))
        }
        Err(error) => {
            // What stops it from being removed now is met again by the next run.
            let _ = remove_tree(&directory, &hidden);
            Err(error)
        }
    }
}

/// Makes the names in a directory and below it last; the files are synced already.
pub(in crate::archive) fn sync_tree(root: &Path) -> Result<(), Error> {
    let mut directories: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let failed = |error| Error::io(&directory, error);
        let handle = File::open(&directory).map_err(failed)?;
        for name in list(&handle).map_err(failed)? {
            let status = statat(&handle, &name, AtFlags::SYMLINK_NOFOLLOW);
            let mode = status.map_err(|errno| failed(errno.into()))?.st_mode;
            if FileType::from_raw_mode(mode) == FileType::Directory {
                directories.push(directory.join(name));
            }
        }
        handle.sync_all().map_err(failed)?;
    }
    Ok(())
}
