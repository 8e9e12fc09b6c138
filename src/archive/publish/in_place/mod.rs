//! Revising an archive where it lies in a directory, as a change (`archive::change`): everything new is written beside it
//! and made to last before anything that is there is touched.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, RenameFlags};
use rustix::fs::{fchmod, fstat, linkat, mkdirat, renameat, renameat_with, statat, symlinkat};
use rustix::io::Errno;

use super::content::{create, set_metadata, set_mtime_at, write_content};
use super::file::quoted;
use super::recover::{Root, parent_of};
use super::waiting::Waiting;
use crate::archive::change::{self, Change, DOCUMENTS, Identity, LINES, Line, Outcome};
use crate::archive::draft::{Content, Draft, DraftEntry, NewEntry};
use crate::archive::hidden::claim::{claim, make_directory};
use crate::archive::no_follow::open_directory;
use crate::error::Error;
use crate::printable;
use crate::system;
use crate::tarball::Mtime;

/// What happens to the blobs of a layout that nothing names any more, once it is changed in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// They are removed.
    Removed,
    /// They stay, for readers that began before.
    Kept,
}

/// The list of a change while it is written.
const UNFINISHED_LINES: &str = "lines.new";

/// Writes the changes of `draft` into the directory `path` that it was made from, after ending or taking back what a
/// killed run has left there.
pub(in crate::archive) fn revise_directory(
    draft: &Draft<'_>,
    path: &Path,
    replaced: Replaced,
) -> Result<(), Error> {
    let handle = draft.source.root().expect("a directory is open as one");
    let root = Root { handle, path };
    draft.source.check_at(path)?;
    root.recover()?;
    if draft.is_unchanged() {
        return Ok(());
    }
    if let Some(entry) = draft.source.first_linked() {
        return Err(Error::Output {
            place: printable::path(path),
            reason: format!(
                "cannot be changed in place: `{}` is a link to a file outside; use `-o OUT`, which gets the files themselves",
                entry.name
            ),
        });
    }
    let target = OsStr::new(change::TARGET);
    // The lock is held until the change is over.
    let made = claim(handle, target, |hidden| make_home(handle, hidden));
    let (home, name) = made.map_err(Error::at(path))?;
    let preparation = Preparation {
        draft,
        root,
        home: &home,
        name: &name,
    };
    let made = preparation
        .prepare(replaced)
        .and_then(|change| root.complete(&change, true));
    let Err(error) = made else {
        return Ok(());
    };
    if has_begun(&root, &name) {
        let error = Error::Remains {
            place: printable::path(path),
            cause: Box::new(error),
        };
        return Err(error.after(&[quoted(path)], &[]));
    }
    // What stops it from being taken back now is met again by the next run.
    let _ = root.settle(&name);
    Err(error)
}

/// Makes the directory of a change. Who may read the archive may read that too: it says what the archive will be.
fn make_home(root: &File, hidden: &OsStr) -> Result<File, Errno> {
    let mode = Mode::from_raw_mode(fstat(root)?.st_mode & 0o755 | 0o700);
    // Whatever the umask says.
    make_directory(root, hidden, mode, |home| fchmod(home, mode))
}

/// Tells whether the directory has the new images already.
fn has_begun(root: &Root<'_>, name: &OsStr) -> bool {
    match root.read(name) {
        Ok(Some(change)) => matches!(root.outcome(&change), Ok(Outcome::Forward { .. })),
        _ => false,
    }
}

/// A change on its way.
pub(super) struct Preparation<'a> {
    pub(super) draft: &'a Draft<'a>,
    root: Root<'a>,
    /// The directory of the change.
    home: &'a File,
    name: &'a OsString,
}

/// What a new entry is to the archive that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Directory,
    Created,
    Replaced,
    /// A link may be one that the old documents lead through: what it leads to is there by then.
    ReplacedLink,
    /// By its place among the documents.
    Document(usize),
}

impl Preparation<'_> {
    /// Does everything that comes before the first switch.
    fn prepare(&self, replaced: Replaced) -> Result<Change, Error> {
        let new = self.ranked();
        let mut waiting = Waiting::default();
        for (number, (_, entry)) in new.iter().enumerate() {
            self.write(number, entry, &mut waiting)?;
        }
        // All is read. Links would date what they lead to, and so come behind that.
        self.draft.source.check()?;
        let linked = self.link(&new, &mut waiting)?;
        let lines = self.lines(&new, replaced)?;
        self.write_lines(&lines, &mut waiting)?;
        let change = self.root.read(self.name)?;
        let change = change.expect("its list was just written");
        self.check(&change, &linked)?;
        self.place(&new, &change)?;
        let changed = new.iter().map(|(_, entry)| parent_of(&entry.name));
        let directories: BTreeSet<&str> = changed.chain([""]).collect();
        let home = open_directory(self.home, ".");
        let home = home.map_err(|errno| self.root.failed(self.name, errno.into()))?;
        waiting.add(home.into(), self.root.path)?;
        for directory in directories {
            let opened =
                crate::archive::source::directory::open_directory(self.root.handle, directory);
            let opened = opened.map_err(|error| self.root.failed(directory, error))?;
            waiting.add(opened.into(), &self.root.path.join(directory))?;
        }
        waiting.finish()?;
        self.draft.source.check_at(self.root.path)?;
        self.check(&change, &linked)?;
        Ok(change)
    }

    /// Returns the new entries in the order of their lines.
    fn ranked(&self) -> Vec<(Rank, &NewEntry)> {
        let new = self.draft.entries.iter().filter_map(|entry| match entry {
            DraftEntry::New(entry) => Some(entry),
            DraftEntry::Kept(_) => None,
        });
        let mut new: Vec<_> = new.map(|entry| (self.rank(entry), entry)).collect();
        new.sort_by_key(|(rank, _)| *rank);
        new
    }

    fn rank(&self, entry: &NewEntry) -> Rank {
        let document = DOCUMENTS.iter().position(|name| *name == entry.name);
        let is_there = self.draft.source.find(&entry.name).is_some();
        match (&entry.content, document) {
            (Content::Directory, _) => Rank::Directory,
            (_, Some(document)) => Rank::Document(document),
            (Content::Symlink(_), None) if is_there => Rank::ReplacedLink,
            (_, None) if is_there => Rank::Replaced,
            (_, None) => Rank::Created,
        }
    }

    /// Writes a new file or link, which is to be read before anything is linked to.
    fn write(&self, number: usize, entry: &NewEntry, waiting: &mut Waiting) -> Result<(), Error> {
        match &entry.content {
            Content::Directory | Content::Entry(_) => Ok(()),
            Content::Symlink(target) => {
                let staged = number.to_string();
                symlinkat(target, self.home, &staged)
                    .and_then(|()| set_mtime_at(self.home, &staged, Mtime::of_seconds(entry.mtime)))
                    .map_err(|errno| self.root.failed(&entry.name, errno.into()))
            }
            Content::Bytes(_) | Content::Stored(_) => {
                self.write_file(number, entry, (entry.mode, entry.mtime), waiting)
            }
        }
    }

    fn write_file(
        &self,
        number: usize,
        entry: &NewEntry,
        (mode, mtime): (u32, i64),
        waiting: &mut Waiting,
    ) -> Result<(), Error> {
        let path = self.root.path.join(&entry.name);
        let file = self.create(&number.to_string(), &path)?;
        write_content(self.draft, &entry.content, &file, &path)?;
        set_metadata(&file, mode & 0o7777, Mtime::of_seconds(mtime)).map_err(Error::at(&path))?;
        waiting.add(file, &path)
    }

    /// Gives data that is there another name: a second name costs nothing, and the first goes when nobody names it any
    /// more. Returns the entries that it was done to.
    fn link(
        &self,
        new: &[(Rank, &NewEntry)],
        waiting: &mut Waiting,
    ) -> Result<HashSet<usize>, Error> {
        let source = self.draft.source;
        let mut linked = HashSet::new();
        for (number, (_, entry)) in new.iter().enumerate() {
            let Content::Entry(index) = entry.content else {
                continue;
            };
            if linked.insert(index) {
                source.check_entry(index)?;
            }
            let old = &source.entries()[index];
            let (parent, file_name) = self.root.parent(&old.name)?;
            let staged = number.to_string();
            if linkat(parent, file_name, self.home, &staged, AtFlags::empty()).is_err() {
                // As the other name would have it.
                self.write_file(number, entry, (old.mode, old.mtime), waiting)?;
                source.check_entry(index)?;
            } else if Some(self.staged(number)?) != old.identity() {
                let what = "another file has its name".to_owned();
                return Err(Error::changed(&self.root.path.join(&old.name), what));
            }
        }
        Ok(linked)
    }

    /// Writes the list, which has its name when it is whole.
    fn write_lines(&self, lines: &[Line], waiting: &mut Waiting) -> Result<(), Error> {
        let failed = |error| self.root.failed(self.name, error);
        let path = self.root.path.join(self.name);
        let mut file = self.create(UNFINISHED_LINES, &path)?;
        file.write_all(change::format(lines).as_bytes())
            .map_err(failed)?;
        fchmod(&file, Mode::from(0o644)).map_err(|errno| failed(errno.into()))?;
        renameat(self.home, UNFINISHED_LINES, self.home, LINES)
            .map_err(|errno| failed(errno.into()))?;
        waiting.add(file, &path)
    }

    /// Gives everything its place that the old documents do not name.
    fn place(&self, new: &[(Rank, &NewEntry)], change: &Change) -> Result<(), Error> {
        for (number, line) in change.lines.iter().enumerate() {
            match line {
                Line::Made(name) => self.make_directory(name, new[number].1.mode)?,
                Line::Created(name, _) => {
                    let (parent, file_name) = self.root.parent(name)?;
                    let placed = rename_new(self.home, &number.to_string(), &parent, file_name);
                    placed.map_err(|errno| self.root.failed(name, errno.into()))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn make_directory(&self, name: &str, mode: u32) -> Result<(), Error> {
        let failed = |errno: Errno| self.root.failed(name, errno.into());
        let (parent, file_name) = self.root.parent(name)?;
        let is_new = match mkdirat(&parent, file_name, Mode::from(0o700)) {
            Err(Errno::EXIST) => false,
            made => made.map(|()| true).map_err(failed)?,
        };
        // A link would lead the files of the directory elsewhere.
        let directory = open_directory(&parent, file_name).map_err(failed)?;
        if is_new {
            // Whatever the umask says; it has to be filled.
            let mode = system::mode(mode & 0o7777 | 0o700);
            fchmod(directory, mode).map_err(failed)?;
        }
        Ok(())
    }

    /// Finds out whether everything that is to be replaced is still what was read; `linked` has got another name since.
    fn check(&self, change: &Change, linked: &HashSet<usize>) -> Result<(), Error> {
        let source = self.draft.source;
        for (_, name, old, _) in change.switched() {
            let index = source.find(name).filter(|index| !linked.contains(index));
            if let Some(index) = index {
                source.check_entry(index)?;
            } else if self.root.identity(name)? != old {
                let what = "another file has its name".to_owned();
                return Err(Error::changed(&self.root.path.join(name), what));
            }
        }
        Ok(())
    }

    fn create(&self, name: &str, path: &Path) -> Result<File, Error> {
        create(self.home, name).map_err(|errno| Error::io(path, errno.into()))
    }

    pub(super) fn staged(&self, number: usize) -> Result<Identity, Error> {
        let status = statat(self.home, number.to_string(), AtFlags::SYMLINK_NOFOLLOW);
        let status = status.map_err(|errno| self.root.failed(self.name, errno.into()))?;
        Ok(Identity::from(&crate::file_state::FileState::of(&status)))
    }
}

/// Renames a file to a name that nothing has.
fn rename_new(
    from: impl std::os::fd::AsFd,
    old: &str,
    to: impl std::os::fd::AsFd,
    new: &str,
) -> Result<(), Errno> {
    match renameat_with(&from, old, &to, new, RenameFlags::NOREPLACE) {
        // A file system that cannot tell in the same step has to be asked before.
        Err(Errno::INVAL | Errno::NOSYS) => match statat(&to, new, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => renameat(from, old, to, new),
            Ok(_) => Err(Errno::EXIST),
            Err(errno) => Err(errno),
        },
        renamed => renamed,
    }
}
