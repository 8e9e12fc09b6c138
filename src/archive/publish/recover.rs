//! Ending a change of a directory, or taking it back: by the run that makes it, and by the next one if that was killed.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::content::set_mtime;
use super::lock::busy;
use super::waiting::Waiting;
use crate::archive::change::{Change, Identity, LINES, Line, Outcome};
use crate::archive::hidden::claim::hold;
use crate::archive::hidden::tree::remove_tree;
use crate::archive::no_follow;
use crate::archive::source::directory::{changes, open_directory, open_parent};
use crate::error::Error;
use crate::file_state::FileState;
use crate::tarball::Mtime;

/// A directory that is changed, and its path for messages.
#[derive(Debug, Clone, Copy)]
pub(in crate::archive) struct Root<'a> {
    pub(in crate::archive) handle: &'a File,
    pub(in crate::archive) path: &'a Path,
}

impl Root<'_> {
    /// Ends or takes back what runs that were killed have left.
    pub(in crate::archive) fn recover(&self) -> Result<(), Error> {
        for name in changes(self.handle).map_err(Error::at(self.path))? {
            let home = File::from(self.home(&name)?);
            if !hold(&home).map_err(|error| self.failed(&name, error))? {
                return Err(busy(self.path));
            }
            self.settle(&name)?;
        }
        Ok(())
    }

    /// Ends or takes back the change of that name.
    pub(in crate::archive) fn settle(&self, name: &OsStr) -> Result<(), Error> {
        let Some(change) = self.read(name)? else {
            return remove_tree(self.handle, name).map_err(|error| self.failed(name, error));
        };
        match self.outcome(&change)? {
            Outcome::Back => self.take_back(&change),
            Outcome::Forgotten => self.end(&change),
            Outcome::Forward { is_alone } => self.complete(&change, is_alone),
        }
    }

    pub(in crate::archive) fn read(&self, name: &OsStr) -> Result<Option<Change>, Error> {
        Change::read(self.handle, name).map_err(|error| self.failed(name, error))
    }

    /// Tells what becomes of a change, by what is there.
    pub(in crate::archive) fn outcome(&self, change: &Change) -> Result<Outcome, Error> {
        let mut found = HashMap::new();
        for (_, name, ..) in change.switched() {
            found.insert(name, self.identity(name)?);
        }
        Ok(change.outcome(|name| found.get(name).copied().flatten()))
    }

    /// Removes what the change created.
    fn take_back(&self, change: &Change) -> Result<(), Error> {
        for line in change.lines.iter().rev() {
            match line {
                Line::Created(name, new) => self.remove(name, new)?,
                Line::Made(name) => self.remove_directory(name)?,
                _ => {}
            }
        }
        self.date(change, |old, _| old)?;
        self.end(change)
    }

    /// Puts everything in its place that is not there yet, and removes what is obsolete.
    pub(in crate::archive) fn complete(
        &self,
        change: &Change,
        is_alone: bool,
    ) -> Result<(), Error> {
        for (number, name, old, new) in change.switched() {
            if change.is_staged(number) && self.identity(name)? == old {
                self.switch(change, number, name, old, new)?;
            }
        }
        self.sync_parents(change.switched().map(|(_, name, ..)| name))?;
        if is_alone {
            let lines = || change.lines.iter().rev();
            let obsolete = lines().filter_map(|line| match line {
                Line::Obsolete(name, old) => Some((name.as_str(), old)),
                _ => None,
            });
            for (name, old) in obsolete.clone() {
                self.remove(name, old)?;
            }
            // What was to be removed must not come back when nothing tells of it any more.
            self.sync_parents(obsolete.map(|(name, _)| name))?;
            for line in lines() {
                if let Line::Emptied(name) = line {
                    self.remove_directory(name)?;
                }
            }
        }
        self.date(change, |_, new| new)?;
        self.end(change)
    }

    /// Gives a new file its place.
    fn switch(
        &self,
        change: &Change,
        number: usize,
        name: &str,
        old: Option<Identity>,
        new: Identity,
    ) -> Result<(), Error> {
        let home = self.home(&change.name)?;
        let staged = number.to_string();
        let switched = if old.is_some_and(|old| old.inode == new.inode) {
            // Two names of one file: a rename would leave both.
            unlinkat(&home, &staged, AtFlags::empty())
        } else {
            let (parent, file_name) = self.parent(name)?;
            renameat(&home, &staged, &parent, file_name)
        };
        switched.map_err(|errno| self.failed(name, errno.into()))
    }

    /// Removes the change itself, `lines` before what it is about.
    fn end(&self, change: &Change) -> Result<(), Error> {
        let home = self.home(&change.name)?;
        unlinkat(&home, LINES, AtFlags::empty())
            .map_err(|errno| self.failed(&change.name, errno.into()))?;
        remove_tree(self.handle, &change.name).map_err(|error| self.failed(&change.name, error))
    }

    /// Gives directories their times.
    fn date(&self, change: &Change, date: impl Fn(i64, i64) -> i64) -> Result<(), Error> {
        for line in &change.lines {
            let Line::Dated { name, old, new } = line else {
                continue;
            };
            match open_directory(self.handle, name) {
                Err(error) if is_absence(&error) => {}
                Err(error) => return Err(self.failed(name, error)),
                Ok(directory) => {
                    let mtime = Mtime::of_seconds(date(*old, *new));
                    let dated = set_mtime(&directory.into(), mtime);
                    dated.map_err(|error| self.failed(name, error))?;
                }
            }
        }
        Ok(())
    }

    /// Removes a file or link, if it is that one.
    fn remove(&self, name: &str, identity: &Identity) -> Result<(), Error> {
        if self.identity(name)? != Some(*identity) {
            return Ok(());
        }
        let (parent, file_name) = self.parent(name)?;
        unlinkat(parent, file_name, AtFlags::empty())
            .map_err(|errno| self.failed(name, errno.into()))
    }

    /// Removes a directory, if there is nothing in it.
    fn remove_directory(&self, name: &str) -> Result<(), Error> {
        let removed = open_parent(self.handle, name)
            .and_then(|(parent, name)| Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?));
        match removed {
            Err(error) if is_absence(&error) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => removed.map_err(|error| self.failed(name, error)),
        }
    }

    /// Looks at an entry; nothing if there is none, or no directory that it could be in.
    pub(in crate::archive) fn identity(&self, name: &str) -> Result<Option<Identity>, Error> {
        let found = open_parent(self.handle, name)
            .and_then(|(parent, name)| Ok(statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?));
        match found {
            Ok(status) => Ok(Some(Identity::from(&FileState::of(&status)))),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(self.failed(name, error)),
        }
    }

    /// Makes the names in the directories of entries last; one that is gone was emptied before.
    pub(in crate::archive) fn sync_parents<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<(), Error> {
        let mut waiting = Waiting::default();
        let parents: BTreeSet<&str> = names.map(parent_of).collect();
        for parent in parents {
            match open_directory(self.handle, parent) {
                Err(error) if is_absence(&error) => {}
                Err(error) => return Err(self.failed(parent, error)),
                Ok(directory) => waiting.add(directory.into(), &self.path.join(parent))?,
            }
        }
        waiting.finish()
    }

    pub(in crate::archive) fn parent<'n>(
        &self,
        name: &'n str,
    ) -> Result<(OwnedFd, &'n str), Error> {
        open_parent(self.handle, name).map_err(|error| self.failed(name, error))
    }

    /// Opens the directory of the change of that name.
    fn home(&self, name: &OsStr) -> Result<OwnedFd, Error> {
        no_follow::open_directory(self.handle, name)
            .map_err(|errno| self.failed(name, errno.into()))
    }

    pub(in crate::archive) fn failed(&self, name: impl AsRef<Path>, error: io::Error) -> Error {
        Error::io(&self.path.join(name), error)
    }
}

/// Returns the directory of an entry.
pub(in crate::archive) fn parent_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Tells whether an error says that something is not there.
fn is_absence(error: &io::Error) -> bool {
    // A link or file stands where a directory should: what would be in that is not there either.
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    ) || error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}
