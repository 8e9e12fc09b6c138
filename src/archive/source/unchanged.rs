//! Whether an archive is still what was read.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::directory::{self, state_of};
use super::{Form, Source};
use crate::error::Error;
use crate::file_state::FileState;

impl Source {
    /// Tells whether what was read is still what was planned for: a file that was given, and of a directory each file
    /// whose data was asked for. An error names the first that changed.
    ///
    /// Whoever copies from an archive asks when the last byte is copied, and before anything gets its name.
    pub fn check(&self) -> Result<(), Error> {
        match &self.form {
            Form::Tar(tar) => {
                let Some(given) = &tar.given else {
                    return Ok(());
                };
                let state = state_of(given.compressed.as_ref().unwrap_or(&tar.file));
                let state = state.map_err(Error::in_place(&self.place))?;
                compare(&given.state, &state, &self.place)
            }
            Form::Directory(directory) => {
                let is_read = directory.is_read.iter().enumerate();
                let mut read = is_read.filter(|(_, is_read)| is_read.load(Ordering::Relaxed));
                read.try_for_each(|(index, _)| self.check_entry(index))
            }
            // What was read was named by its digest.
            Form::Remote(_) => Ok(()),
        }
    }

    /// Does as [`Source::check`] does, for one entry.
    pub(in crate::archive) fn check_entry(&self, index: usize) -> Result<(), Error> {
        let Form::Directory(directory) = &self.form else {
            return self.check();
        };
        let state = directory::state(&directory.root, &self.entries[index], &self.place)?;
        self.compare_entry(index, &state)
    }

    pub(super) fn compare_entry(&self, index: usize, now: &FileState) -> Result<(), Error> {
        let Form::Directory(directory) = &self.form else {
            return Ok(());
        };
        let entry = &self.entries[index];
        let file = entry.on_disk.as_ref();
        let was = &file.expect("entries of a directory are files").state;
        // Ending a change gives files their names and takes others away, which dates what they share with those.
        if directory.is_mid_change && was.has_content_of(now) {
            return Ok(());
        }
        compare(was, now, &format!("{}/{}", self.place, entry.name))
    }

    /// Tells whether `path` still leads to the file or directory that was opened, in the state that it was opened in.
    pub(in crate::archive) fn check_at(&self, path: &Path) -> Result<(), Error> {
        let found = rustix::fs::stat(path).map_err(|errno| Error::io(path, errno.into()))?;
        let found = FileState::of(&found);
        match &self.form {
            Form::Tar(tar) => match &tar.given {
                Some(given) => compare(&given.state, &found, &self.place),
                None => Ok(()),
            },
            Form::Directory(directory) => {
                let open = state_of(&directory.root).map_err(Error::at(path))?;
                if (open.device, open.inode) == (found.device, found.inode) {
                    return Ok(());
                }
                let what = "another directory has its name".to_owned();
                Err(Error::changed(path, what))
            }
            Form::Remote(_) => Ok(()),
        }
    }
}

/// The error of a file that is `now` in another state.
pub(super) fn compare(was: &FileState, now: &FileState, place: &str) -> Result<(), Error> {
    match was.difference(now) {
        None => Ok(()),
        Some(what) => Err(Error::Changed {
            place: place.to_owned(),
            what,
        }),
    }
}
