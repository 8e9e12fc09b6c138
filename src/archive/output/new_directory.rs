//! Directories that are there complete or not at all.

use std::io;
use std::path::Path;

use super::file::quoted;
use super::pending::{hidden_name, sync_directory};
use crate::archive::source::directory::OWN_DIRECTORY;
use crate::error::Error;
use crate::ledger::followed;
use crate::printable;

/// Makes a directory of what `fill` puts into it; it is there when that is complete, under no name that matters before.
pub(in crate::archive) fn new_directory<T>(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Error> {
    // A link is followed, so that the directory it names is made and the link stays.
    let path = &*followed(path).map_err(Error::at(path))?.0;
    let place = || printable::path(path);
    match std::fs::read_dir(path) {
        Ok(mut items) => {
            if items.next().is_some() {
                return Err(Error::Output {
                    place: place(),
                    reason: "is a directory that is not empty".to_owned(),
                });
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io(path, error)),
    }
    let temporary = hidden_name(path);
    remove_tree(&temporary)?;
    std::fs::create_dir(&temporary).map_err(Error::at(&temporary))?;
    let filled = fill(&temporary).and_then(|filled| {
        // Renaming onto an empty directory replaces it.
        std::fs::rename(&temporary, path).map_err(Error::at(path))?;
        Ok(filled)
    });
    if filled.is_err() {
        let _ = remove_tree(&temporary);
    }
    let filled = filled?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let synced = sync_directory(parent.unwrap_or(Path::new(".")));
    synced.map_err(|error| error.after(&[quoted(path)], &[]))?;
    Ok(filled)
}

/// Removes a directory of ours with what is in it; its absence is fine.
pub(in crate::archive) fn remove_tree(path: &Path) -> Result<(), Error> {
    debug_assert!(path.file_name().is_some_and(|name| name != OWN_DIRECTORY));
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}
