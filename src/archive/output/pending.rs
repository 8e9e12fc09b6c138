//! Files that get their name when they are complete, and what makes them last.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use crate::error::Error;
use crate::printable;

/// A file on its way to a name.
#[derive(Debug)]
pub(crate) struct PendingFile {
    pub(crate) file: File,
    directory: PathBuf,
    target: PathBuf,
    /// The hidden name, where the file needs one already.
    named: Option<PathBuf>,
}

impl PendingFile {
    /// Opens a nameless file beside `target`.
    pub(crate) fn create(target: &Path) -> Result<Self, Error> {
        let directory = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::from(0o666);
        match rustix::fs::openat(CWD, &directory, flags, mode) {
            Ok(file) => Ok(Self {
                file: file.into(),
                directory,
                target: target.to_owned(),
                named: None,
            }),
            // A file system without nameless files.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR) => {
                let path = hidden_name(target);
                let flags = OFlags::CREATE
                    | OFlags::TRUNC
                    | OFlags::RDWR
                    | OFlags::CLOEXEC
                    | OFlags::NOFOLLOW;
                let file = rustix::fs::openat(CWD, &path, flags, mode)
                    .map_err(|e| Error::io(&path, e.into()))?;
                Ok(Self {
                    file: file.into(),
                    directory,
                    target: target.to_owned(),
                    named: Some(path),
                })
            }
            Err(rustix::io::Errno::NOENT) => Err(Error::Output {
                place: printable::path(target),
                reason: format!(
                    "cannot be written: there is no directory `{}`",
                    printable::path(&directory)
                ),
            }),
            Err(error) => Err(Error::io(&directory, error.into())),
        }
    }

    /// Makes the content durable and gives it its name.
    pub(crate) fn publish(self) -> Result<(), Error> {
        self.file.sync_all().map_err(Error::at(&self.target))?;
        let directory = self.directory.clone();
        self.name()?;
        sync_directory(&directory)
    }

    /// The name that the content is to have.
    pub(in crate::archive) fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the content a hidden name.
    pub(in crate::archive) fn hide(&mut self) -> Result<(), Error> {
        if self.named.is_none() {
            let path = hidden_name(&self.target);
            // Left by a run that was killed before it renamed it.
            let _ = std::fs::remove_file(&path);
            link(&self.file, &path).map_err(Error::at(&path))?;
            self.named = Some(path);
        }
        Ok(())
    }

    /// Gives the content its name, in one step where nothing has that yet.
    pub(in crate::archive) fn name_new(&mut self) -> Result<(), Error> {
        if self.named.is_none() && link(&self.file, &self.target).is_ok() {
            return Ok(());
        }
        self.rename()
    }

    /// Gives the content its name; whether that lasts is for the directory's sync to say.
    pub(in crate::archive) fn name(mut self) -> Result<(), Error> {
        self.rename()
    }

    fn rename(&mut self) -> Result<(), Error> {
        self.hide()?;
        let path = self.named.as_ref().expect("it was just named");
        std::fs::rename(path, &self.target).map_err(Error::at(&self.target))?;
        self.named = None;
        Ok(())
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if let Some(path) = &self.named {
            // The failure that led here is the one to report.
            let _ = std::fs::remove_file(path);
        }
    }
}

pub(in crate::archive) fn hidden_name(target: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".ocipatch");
    target.with_file_name(name)
}

fn link(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let open = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    Ok(rustix::fs::linkat(
        CWD,
        open,
        CWD,
        path,
        AtFlags::SYMLINK_FOLLOW,
    )?)
}

pub(in crate::archive) fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(Error::at(path))
}

/// Keeps two runs from changing one archive in place at the same time.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Locks the file or directory at `path` until the value is dropped (advisory, `flock`).
    pub fn take(path: &Path) -> Result<Self, Error> {
        use rustix::fs::{FlockOperation, flock};
        use std::os::unix::fs::MetadataExt;
        loop {
            let file = File::open(path).map_err(Error::at(path))?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let reason = "is being changed by another run".to_owned();
                    return Err(Error::Output {
                        place: printable::path(path),
                        reason,
                    });
                }
                // Where the file system has no locks there is none to take.
                Ok(())
                | Err(
                    rustix::io::Errno::OPNOTSUPP
                    | rustix::io::Errno::NOLCK
                    | rustix::io::Errno::NOSYS,
                ) => {}
                Err(error) => return Err(Error::io(path, error.into())),
            }
            // The run before may have put another file in its place while we opened this one.
            let (locked, there) = (
                file.metadata().map_err(Error::at(path))?,
                std::fs::metadata(path).map_err(Error::at(path))?,
            );
            if (locked.dev(), locked.ino()) == (there.dev(), there.ino()) {
                return Ok(Self { _file: file });
            }
        }
    }
}

/// Makes the content of several files durable at once: a journal that is committed for one is committed for all.
pub(in crate::archive) fn sync_files(files: &[PendingFile]) -> Result<(), Error> {
    together(files, |pending| {
        pending.file.sync_all().map_err(Error::at(&pending.target))
    })
}

/// Makes the names in several directories durable at once.
pub(in crate::archive) fn sync_directories(directories: &[PathBuf]) -> Result<(), Error> {
    together(directories, |path| sync_directory(path))
}

/// Does to all what waits for the disk, at once.
pub(in crate::archive) fn together<T: Sync>(
    things: &[T],
    sync: impl Fn(&T) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    /// More than this wait for the same commits anyway.
    const MAX_THREADS: usize = 8;
    let per_thread = things.len().div_ceil(MAX_THREADS).max(1);
    let sync_all = |part: &[T]| part.iter().try_for_each(&sync);
    std::thread::scope(|scope| {
        let mut parts = things.chunks(per_thread);
        let own = parts.next().unwrap_or_default();
        let others: Vec<_> = parts
            .map(|part| scope.spawn(move || sync_all(part)))
            .collect();
        let own = sync_all(own);
        others
            .into_iter()
            .map(|part| part.join().expect("syncing does not panic"))
            .fold(own, Result::and)
    })
}
