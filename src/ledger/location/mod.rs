//! Where a path leads, whether something is there yet or not.

use std::ffi::OsString;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat};

use super::resolve::{Descriptor, followed, resolved};
use crate::printable;
use crate::system::{device, n_links};

/// A file or directory, known by its device and inode if it exists, and by its place if it has one.
#[derive(Debug, Clone, Default)]
pub struct Location {
    shown: String,
    there: Option<There>,
    name: Option<Name>,
    /// The number of the open file of this process that the path names, if it names one.
    descriptor: Option<u32>,
    /// It is open: it will be written where it is, and not replaced.
    is_open: bool,
    /// What is there is held open, and stays what it is.
    is_held: bool,
}

/// Device and inode.
pub(super) type Id = (u64, u64);

/// What exists at a location.
#[derive(Debug, Clone)]
pub(super) struct There {
    pub(super) id: Id,
    pub(super) kind: LocationKind,
    n_links: u64,
}

/// What kind of file something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LocationKind {
    File,
    Directory,
    /// A disk: overwriting it destroys what it contains, as with a file.
    BlockDevice,
    /// A terminal, `/dev/null` and the like.
    CharDevice,
    Pipe,
    Socket,
}

/// A place in the file system.
#[derive(Debug, Clone)]
struct Name {
    /// The absolute path without links; what does not exist yet is as spelled.
    path: PathBuf,
    /// The directories above it that exist, from the innermost to the root.
    above: Vec<Id>,
    /// The path below the innermost of them.
    below: Vec<OsString>,
    /// The mount that it is on, or will be, where the system reports it (Linux 5.8).
    mount: Option<u64>,
}

impl Location {
    /// Looks at a path: links are followed, and neither the path nor its parents have to exist.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self::of_named(path, &printable::path(path))
    }

    /// Looks at a path that is called `shown` in messages.
    pub(crate) fn of_named(path: &Path, shown: &str) -> Self {
        Self {
            shown: shown.to_owned(),
            there: There::at(path),
            name: Name::of(path),
            descriptor: match followed(path) {
                Ok((_, Descriptor::Own(number))) => Some(number),
                _ => None,
            },
            is_open: false,
            is_held: false,
        }
    }

    /// Looks at a file that is open already; `shown` is its name in messages.
    #[must_use]
    pub fn of_open(file: &impl AsFd, shown: &str) -> Self {
        let file = file.as_fd();
        let there = There::of_open(file);
        // A file that was renamed or removed since has another name or none.
        let named = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok();
        let id = |there: &There| there.id;
        let named = named.filter(|path| There::at(path).as_ref().map(id) == there.as_ref().map(id));
        Self {
            shown: shown.to_owned(),
            there,
            name: named.and_then(|path| Name::of(&path)),
            descriptor: None,
            is_open: true,
            is_held: true,
        }
    }

    /// Looks at standard output.
    pub(crate) fn standard_output() -> Self {
        Self {
            descriptor: Some(1),
            ..Self::of_open(&std::io::stdout(), "standard output")
        }
    }

    /// Looks at standard error.
    pub(crate) fn standard_error() -> Self {
        Self {
            descriptor: Some(2),
            ..Self::of_open(&std::io::stderr(), "standard error")
        }
    }

    /// Returns the location of the same file under the name that it was opened by.
    pub(crate) fn opened_at(path: &Path, file: &impl AsFd) -> Self {
        let named = Self::of(path);
        Self {
            there: There::of_open(file).or(named.there),
            is_held: true,
            ..named
        }
    }

    /// Tells whether a regular file is there.
    pub(crate) fn is_file(&self) -> bool {
        self.kind() == Some(LocationKind::File)
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn is_standard_error(&self) -> bool {
        self.descriptor == Some(2)
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open || self.descriptor.is_some()
    }

    pub(super) fn kind(&self) -> Option<LocationKind> {
        self.there.as_ref().map(|there| there.kind)
    }

    /// Tells whether both are one file, or will be once it is made.
    pub(super) fn is(&self, other: &Self) -> bool {
        if let (Some(a), Some(b)) = (&self.there, &other.there)
            && a.id == b.id
            && self.is_still_there()
            && other.is_still_there()
        {
            return true;
        }
        match (&self.name, &other.name) {
            (Some(a), Some(b)) => a.above.first() == b.above.first() && a.below == b.below,
            _ => false,
        }
    }

    /// Tells whether what was found is there yet. Where another run has replaced it, a new file may have its inode by now.
    fn is_still_there(&self) -> bool {
        let Some(name) = self.name.as_ref().filter(|_| !self.is_held) else {
            return true;
        };
        let id = |there: &There| there.id;
        There::at(&name.path).as_ref().map(id) == self.there.as_ref().map(id)
    }

    /// Tells whether both are the same stream that this process was started with.
    pub(super) fn is_same_stream(&self, other: &Self) -> bool {
        self.descriptor.is_some() && self.descriptor == other.descriptor
    }

    /// Returns the path of this below `directory`, if it is there by its name.
    pub(super) fn path_below(&self, directory: &Self) -> Option<PathBuf> {
        let name = self.name.as_ref()?;
        let Some(there) = &directory.there else {
            // Neither exists: what is there is the same, and what is spelled begins alike.
            let directory = directory.name.as_ref()?;
            let is_above = name.above.first() == directory.above.first()
                && name.below.len() > directory.below.len();
            return name
                .below
                .strip_prefix(directory.below.as_slice())
                .filter(|_| is_above)
                .map(|rest| rest.iter().collect());
        };
        let n_between = name.above.iter().position(|&id| id == there.id)?;
        Some(name.last(n_between + name.below.len()))
    }

    /// Returns the path below `directory`, if this is there by another name: that of a hard link, or of a mount.
    ///
    /// The directory is searched only if there can be such a name.
    pub(super) fn hidden_path_below(
        &self,
        directory: &Self,
        is_left_out: &dyn Fn(&Path) -> bool,
    ) -> Option<PathBuf> {
        let (root, there) = (directory.name.as_ref()?, directory.there.as_ref()?);
        let own = self.there.as_ref();
        let is_linked = |own: &There| own.n_links > 1 || own.n_links > 0 && self.name.is_none();
        let has_names =
            own.is_some_and(|own| own.kind != LocationKind::Directory && is_linked(own));
        // Another mount of the same file system may be a part of the directory.
        let is_mounted = |name: &&Name| {
            let is_known = name.mount.is_some() && root.mount.is_some();
            let is_alike = name.above.first().is_some_and(|id| id.0 == there.id.0);
            is_known && is_alike && name.mount != root.mount
        };
        let mounted = self.name.as_ref().filter(is_mounted);
        if !has_names && mounted.is_none() {
            return None;
        }
        let found = |id: Id, path: &Path| {
            if own.is_some_and(|own| own.id == id) {
                return Some(path.to_owned());
            }
            let name = mounted?;
            let n_between = name.above.iter().position(|&above| above == id)?;
            Some(path.join(name.last(n_between + name.below.len())))
        };
        search(&root.path, &|id, path| {
            found(id, path).filter(|path| !is_left_out(path))
        })
    }
}

impl There {
    fn at(path: &Path) -> Option<Self> {
        rustix::fs::stat(path).ok().map(|stat| Self::of(&stat))
    }

    fn of_open(file: impl AsFd) -> Option<Self> {
        rustix::fs::fstat(file).ok().map(|stat| Self::of(&stat))
    }

    fn of(stat: &Stat) -> Self {
        Self {
            id: (device(stat), stat.st_ino),
            kind: match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => LocationKind::Directory,
                FileType::BlockDevice => LocationKind::BlockDevice,
                FileType::CharacterDevice => LocationKind::CharDevice,
                FileType::Fifo => LocationKind::Pipe,
                FileType::Socket => LocationKind::Socket,
                _ => LocationKind::File,
            },
            n_links: n_links(stat),
        }
    }
}

impl Name {
    fn of(path: &Path) -> Option<Self> {
        let path = resolved(path)?;
        let (mut above, mut below) = (Vec::new(), Vec::new());
        let mut mount = mount_of(&path);
        let mut rest = path.as_path();
        while let (Some(parent), Some(name)) = (rest.parent(), rest.file_name()) {
            if above.is_empty() {
                below.push(name.to_owned());
                mount = mount.or_else(|| mount_of(parent));
            }
            let directory = There::at(parent).filter(|there| there.kind == LocationKind::Directory);
            above.extend(directory.map(|there| there.id));
            rest = parent;
        }
        below.reverse();
        Some(Self {
            path,
            above,
            below,
            mount,
        })
    }

    /// Returns the last components of the path.
    fn last(&self, n: usize) -> PathBuf {
        let n_all = self.path.components().count();
        self.path.components().skip(n_all - n).collect()
    }
}

#[cfg(all(target_os = "linux", not(ocipatch_portable)))]
fn mount_of(path: &Path) -> Option<u64> {
    use rustix::fs::{AtFlags, CWD, StatxFlags};
    let stat = rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok()?;
    let is_known = stat.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    is_known.then_some(stat.stx_mnt_id)
}

#[cfg(not(all(target_os = "linux", not(ocipatch_portable))))]
fn mount_of(_: &Path) -> Option<u64> {
    None
}

/// Looks at everything below a directory, following no link, until `find` finds something.
fn search(root: &Path, find: &dyn Fn(Id, &Path) -> Option<PathBuf>) -> Option<PathBuf> {
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        // What may not be looked at cannot be read as an input either.
        let Ok(items) = std::fs::read_dir(root.join(&directory)) else {
            continue;
        };
        for item in items.flatten() {
            let path = directory.join(item.file_name());
            let Ok(stat) = rustix::fs::lstat(item.path()) else {
                continue;
            };
            let there = There::of(&stat);
            if let Some(found) = find(there.id, &path) {
                return Some(found);
            }
            if there.kind == LocationKind::Directory {
                directories.push(path);
            }
        }
    }
    None
}

impl fmt::Display for LocationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::BlockDevice | Self::CharDevice => "device",
            Self::Pipe => "pipe",
            Self::Socket => "socket",
        })
    }
}

#[cfg(test)]
mod tests;
