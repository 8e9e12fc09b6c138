//! Files that get their name when they are complete, and what makes them last.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, linkat, statat};
use rustix::io::Errno;

use crate::archive::hidden::Place;
use crate::archive::hidden::claim::{
    claim_file, hold, nameless, open_directory, or_here, release, sweep,
};
use crate::error::Error;
use crate::printable;

/// A file on its way to a name. Until then it has none, or a hidden one where the file system has no nameless files.
#[derive(Debug)]
pub(crate) struct PendingFile {
    pub(crate) file: File,
    target: PathBuf,
    /// The hidden name, where the file has one already.
    hidden: Option<PathBuf>,
}

impl PendingFile {
    /// Opens a file that will get the name `target`, and removes what killed runs have left on their way to that name.
    pub(crate) fn create(target: &Path) -> Result<Self, Error> {
        let parent = target.parent().unwrap_or(Path::new(""));
        let directory = open_directory(parent).map_err(|error| missing(target, parent, error))?;
        let name = target.file_name().unwrap_or_default();
        sweep(&directory, name);
        let mode = Mode::from(0o666);
        let failed = |errno: Errno| Error::io(or_here(parent), errno.into());
        let file = nameless(&directory, mode).map_err(failed)?;
        // One that nobody can give a name is of no use.
        let (file, hidden) = if let Some(file) = file.filter(|file| proc_path(file).is_some()) {
            (file, None)
        } else {
            let claimed = claim_file(&directory, name, mode);
            let (file, hidden) = claimed.map_err(Error::at(target))?;
            (file, Some(target.with_file_name(hidden)))
        };
        Ok(Self {
            file,
            target: target.to_owned(),
            hidden,
        })
    }

    /// Removes what killed runs have left on their way to the name `target`.
    pub(in crate::archive) fn tidy(target: &Path) -> Result<(), Error> {
        let parent = target.parent().unwrap_or(Path::new(""));
        let directory = open_directory(parent).map_err(|error| missing(target, parent, error))?;
        sweep(&directory, target.file_name().unwrap_or_default());
        Ok(())
    }

    /// Returns the name that it will get.
    pub(in crate::archive) fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the content, which lasts already, its name. That lasts once its directory is synced.
    pub(in crate::archive) fn name(self) -> Result<(), Error> {
        self.name_if(|| Ok(()))
    }

    /// Gives the content its name, if `check`, which is called right before that, finds no reason against it.
    pub(in crate::archive) fn name_if(
        mut self,
        check: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let is_new = self.hidden.is_none() && self.target.symlink_metadata().is_err();
        if !is_new {
            self.hide()?;
        }
        check()?;
        // Something may have got the name since we looked: then as over a file that was there.
        if !is_new || link(&self.file, &self.target).is_err() {
            self.hide()?;
            let hidden = self.hidden.as_ref().expect("it was just hidden");
            std::fs::rename(hidden, &self.target).map_err(Error::at(&self.target))?;
            self.hidden = None;
        }
        Ok(())
    }

    /// Gives the content a hidden name, from which it can be renamed over what has its name.
    fn hide(&mut self) -> Result<(), Error> {
        if self.hidden.is_some() {
            return Ok(());
        }
        let failed = |error| Error::io(&self.target, error);
        let parent = self.target.parent().unwrap_or(Path::new(""));
        let directory = open_directory(parent).map_err(failed)?;
        hold(&self.file).map_err(failed)?;
        let hidden = loop {
            let place = Place::of(&directory).map_err(failed)?;
            let name: OsString = place.name(self.target.file_name().unwrap_or_default());
            let hidden = self.target.with_file_name(name);
            match link(&self.file, &hidden) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                linked => break linked.map(|()| hidden).map_err(failed)?,
            }
        };
        self.hidden = Some(hidden);
        Ok(())
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if let Some(path) = &self.hidden {
            // The failure that led here is the one to report.
            let _ = std::fs::remove_file(path);
        }
        // Under its name it may be changed in place from now on.
        release(&self.file);
    }
}

/// Says which directory is missing, where one is.
pub(super) fn missing(target: &Path, directory: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::Output {
            place: printable::path(target),
            reason: format!(
                "cannot be written: there is no directory `{}`",
                printable::path(directory)
            ),
        },
        _ => Error::io(or_here(directory), error),
    }
}

/// Returns the path by which the system knows an open file, where `/proc` is mounted.
fn proc_path(file: impl AsFd) -> Option<PathBuf> {
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()));
    let is_there = statat(CWD, &path, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    is_there.then_some(path)
}

/// Gives a nameless file a name that nothing has.
fn link(file: &File, path: &Path) -> io::Result<()> {
    let linked = match proc_path(file) {
        Some(open) => linkat(CWD, open, CWD, path, AtFlags::SYMLINK_FOLLOW),
        // Since Linux 6.10 everybody may do that with files of their own.
        #[cfg(all(target_os = "linux", not(ocipatch_portable)))]
        None => linkat(file, "", CWD, path, AtFlags::EMPTY_PATH),
        // There are no nameless files then.
        #[cfg(not(all(target_os = "linux", not(ocipatch_portable))))]
        None => Err(rustix::io::Errno::NOSYS),
    };
    Ok(linked?)
}

/// Makes the names in a directory last.
pub(in crate::archive) fn sync_directory(path: &Path) -> Result<(), Error> {
    let path = or_here(path);
    match File::open(path) {
        // One that nobody may list lasts with everything else.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            rustix::fs::sync();
            Ok(())
        }
        opened => opened
            .and_then(|directory| directory.sync_all())
            .map_err(Error::at(path)),
    }
}

/// Makes the names in each of these directories last.
pub(in crate::archive) fn sync_directories(paths: &[PathBuf]) -> Result<(), Error> {
    paths.iter().try_for_each(|path| sync_directory(path))
}

/// Files and directories that wait for the disk, a few of them at once: each is open, and more wait for the same commits
/// of the file system anyway.
#[derive(Debug, Default)]
pub(in crate::archive) struct Waiting {
    open: Vec<(File, PathBuf)>,
}

/// How many wait at once.
const MAX_WAITING: usize = 6;

impl Waiting {
    /// Adds one, whose path is for messages.
    pub(in crate::archive) fn add(&mut self, file: File, path: &Path) -> Result<(), Error> {
        if self.open.len() == MAX_WAITING {
            self.wait()?;
        }
        self.open.push((file, path.to_owned()));
        Ok(())
    }

    /// Returns when all of them last.
    pub(in crate::archive) fn finish(mut self) -> Result<(), Error> {
        self.wait()
    }

    fn wait(&mut self) -> Result<(), Error> {
        let open = std::mem::take(&mut self.open);
        let sync = |(file, path): &(File, PathBuf)| file.sync_all().map_err(Error::at(path));
        let Some((own, others)) = open.split_first() else {
            return Ok(());
        };
        std::thread::scope(|scope| {
            let others = others.iter().map(|other| {
                let thread = std::thread::Builder::new();
                (other, thread.spawn_scoped(scope, move || sync(other)))
            });
            let others: Vec<_> = others.collect();
            let own = sync(own);
            others
                .into_iter()
                .map(|(other, thread)| match thread {
                    Ok(thread) => thread.join().expect("syncing does not panic"),
                    // No thread to be had: then one after another.
                    Err(_) => sync(other),
                })
                .fold(own, Result::and)
        })
    }
}
