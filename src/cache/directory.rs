//! The directory of a cache: who may own it, how a file gets into it, and which files have to go.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, fstat,
    futimens, openat, renameat, stat, statat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{geteuid, getpid};

use super::{MAX_BYTES, MAX_RECORD_BYTES, MAX_RECORDS, blob_bytes, title_bytes};

/// What files are called before they are complete.
const TEMPORARY: &str = "new-";
/// Runs in other PID namespaces have the same numbers; so many collisions are none.
const MAX_TRIES: u32 = 16;
/// Nobody writes longer on a file that is not complete. In seconds.
const MAX_AGE: i64 = 3600;

/// An open directory that belongs to the user alone.
#[derive(Debug)]
pub(super) struct Directory {
    handle: File,
}

/// A file on its way into the directory, which is removed unless it is kept.
#[derive(Debug)]
pub(super) struct Temporary {
    directory: Directory,
    name: String,
}

/// Whether only the user can have made it, and only the user can change it.
fn is_private(status: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(status.st_mode) == kind
        && status.st_uid == geteuid().as_raw()
        && status.st_mode & 0o022 == 0
}

impl Directory {
    /// Opens the directory, and makes it if it does not exist.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || openat(CWD, path, flags, Mode::empty());
        let handle = match open() {
            Err(Errno::NOENT) => {
                make(path)?;
                open()
            }
            opened => opened,
        };
        let handle = File::from(handle.ok()?);
        let status = fstat(&handle).ok()?;
        is_private(&status, FileType::Directory).then_some(Self { handle })
    }

    /// The names of files in it that are text.
    fn names(&self) -> impl Iterator<Item = String> {
        let items = Dir::read_from(&self.handle).ok().into_iter().flatten();
        items.filter_map(|item| item.ok()?.file_name().to_str().ok().map(str::to_owned))
    }

    pub(super) fn has_record_of(&self, n_bytes: u64) -> bool {
        self.names().any(|name| blob_bytes(&name) == Some(n_bytes))
    }

    /// Opens a file that can be a record, and says that it was used; returns its size too.
    pub(super) fn read(&self, name: &str) -> Option<(File, u64)> {
        // A pipe put in its place must not block us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.handle, name, flags, Mode::empty()).ok()?;
        let status = fstat(&file).ok()?;
        let size = u64::try_from(status.st_size).ok()?;
        let limit = title_bytes() + MAX_RECORD_BYTES;
        if !is_private(&status, FileType::RegularFile) || size > limit {
            return None;
        }
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        };
        let times = Timestamps {
            last_access: now,
            last_modification: now,
        };
        // What cannot be marked as used is only removed sooner.
        let _ = futimens(&file, &times);
        Some((file.into(), size))
    }

    /// Makes a file with a name of its own.
    pub(super) fn make_file(self) -> Option<(Temporary, File)> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..MAX_TRIES {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{TEMPORARY}{}-{number}", getpid().as_raw_pid());
            match openat(&self.handle, &name, flags, Mode::from(0o600)) {
                Err(Errno::EXIST) => {}
                Err(_) => return None,
                Ok(file) => {
                    let directory = self;
                    return Some((Temporary { directory, name }, file.into()));
                }
            }
        }
        None
    }

    /// Removes what has been unused longest until the rest is within the limits, and what runs that were killed have left.
    fn prune(&self, kept: &str) {
        let status = |name: &str| statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).ok();
        // The time of the file that was written last is the time of the file system.
        let Some(now) = status(kept) else { return };
        let mut records = Vec::new();
        for name in self.names() {
            let Some(status) = status(&name) else {
                continue;
            };
            if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
                continue;
            }
            if blob_bytes(&name).is_some() {
                records.push((status.st_mtime, status.st_mtime_nsec, name, status.st_size));
            } else if name.starts_with(TEMPORARY)
                && status.st_mtime.saturating_add(MAX_AGE) < now.st_mtime
            {
                self.remove(&name);
            }
        }
        records.sort();
        let size = |size: i64| u64::try_from(size).unwrap_or(0);
        let sizes = records.iter().map(|record| size(record.3));
        let mut n_bytes = sizes.fold(0, u64::saturating_add);
        let mut n_records = records.len();
        for (_, _, name, bytes) in records {
            if n_bytes <= MAX_BYTES && n_records <= MAX_RECORDS {
                return;
            }
            if name != kept {
                self.remove(&name);
                n_bytes = n_bytes.saturating_sub(size(bytes));
                n_records -= 1;
            }
        }
    }

    pub(super) fn remove(&self, name: &str) {
        // What somebody else has removed meanwhile is removed.
        let _ = unlinkat(&self.handle, name, AtFlags::empty());
    }
}

impl Temporary {
    /// Gives the file its name; one that is there is replaced.
    pub(super) fn keep(mut self, name: &str) -> Option<()> {
        let directory = &self.directory.handle;
        renameat(directory, &self.name, directory, name).ok()?;
        // Whoever takes the old name now is somebody else.
        self.name.clear();
        self.directory.prune(name);
        Some(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            self.directory.remove(&self.name);
        }
    }
}

/// Makes a directory, and those above it that do not exist, in one that belongs to the user: nothing of root's is left in the home
/// of somebody else.
fn make(path: &Path) -> Option<()> {
    let above = path.ancestors().skip(1);
    let is_there = |path: &&Path| !matches!(stat(*path), Err(Errno::NOENT));
    let found = stat(above.clone().find(is_there)?).ok()?;
    if found.st_uid != geteuid().as_raw() {
        return None;
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .ok()
}
