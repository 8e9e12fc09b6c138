//! What is in a host directory. Everything is opened relative to a handle of it and no symbolic link is followed, so
//! nobody who may write into the directory can make us read outside it.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{self, Access, AtFlags, Dir, FileType, OFlags};
use rustix::io::Errno;

use super::xattrs;
use crate::file_state::FileState;
use crate::printable;
use crate::system::{n_links, permissions};

/// Why a layer of ours has no character device 0:0. Docker with overlay2, podman with overlay and containerd with overlayfs
/// hide with it what lower layers have at its path; on other stores it is a device.
pub const ZERO_DEVICE: &str =
    "the character device 0:0, which overlay file systems treat as a whiteout";

/// A host directory held open.
#[derive(Debug)]
pub struct SourceDirectory {
    path: PathBuf,
    handle: OwnedFd,
}

/// What a source entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink {
        /// Where it points, as spelled.
        target: Vec<u8>,
    },
    /// A named pipe.
    Fifo,
    /// A character device: major and minor number.
    CharDevice(u32, u32),
    /// A block device: major and minor number.
    BlockDevice(u32, u32),
}

/// Something in the host directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEntry {
    /// Its path relative to the directory, without `.` and `..`.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: SourceKind,
    /// Permission bits.
    pub mode: u32,
    /// The owner's numeric id.
    pub uid: u32,
    /// The group's numeric id.
    pub gid: u32,
    /// Extended attributes, where they were asked for: name, raw value.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// How many names the file has on the host.
    pub n_links: u64,
    /// The state it was found in.
    pub state: FileState,
}

/// A file whose content is to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostFile {
    /// Which of the source directories holds it.
    pub root: usize,
    /// Its path relative to that directory.
    pub path: Vec<u8>,
    /// The state it must still be in.
    pub state: FileState,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// Entries sorted by path bytes, a directory before what it holds; the directory itself is not among them.
    pub entries: Vec<SourceEntry>,
    /// What cannot become part of a layer: relative path and reason, sorted.
    pub problems: Vec<(Vec<u8>, &'static str)>,
}

/// The host refused.
#[derive(Debug)]
pub struct HostError {
    /// The host path.
    pub path: PathBuf,
    /// What the system said.
    pub error: io::Error,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = printable::path(&self.path);
        f.write_str(&printable::line(&format!("`{path}`: {}", self.error)))
    }
}

impl std::error::Error for HostError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl SourceDirectory {
    /// Opens a directory. `path` itself may be a symbolic link: whoever names it has decided where it may lead.
    pub fn open(path: &Path) -> Result<Self, HostError> {
        let handle = fs::open(path, DIRECTORY, fs::Mode::empty()).map_err(|errno| HostError {
            path: path.to_owned(),
            error: errno.into(),
        })?;
        Ok(Self {
            path: path.to_owned(),
            handle,
        })
    }

    /// Returns everything in the directory that `is_excluded` lets pass; what is below an excluded directory is not
    /// looked at. `keeps_xattrs` asks for extended attributes.
    pub fn scan(
        &self,
        is_excluded: &dyn Fn(&[u8]) -> bool,
        keeps_xattrs: bool,
    ) -> Result<Scan, HostError> {
        let mut scan = Scan::default();
        let mut directories = vec![Vec::new()];
        while let Some(directory) = directories.pop() {
            match self.open_directory(&directory) {
                Ok(handle) => {
                    self.scan_directory(&directory, &handle, is_excluded, &mut scan)?;
                    let found = scan.entries.iter().rev();
                    let inside = found.take_while(|entry| parent(&entry.path) == directory);
                    directories.extend(
                        inside
                            .filter(|entry| entry.kind == SourceKind::Directory)
                            .map(|entry| entry.path.clone()),
                    );
                }
                Err(Errno::ACCESS) if !directory.is_empty() => {
                    scan.problems.push((directory, "no permission to read it"));
                }
                Err(errno) => return Err(self.error(&directory, errno)),
            }
        }
        if keeps_xattrs {
            self.read_xattrs(&mut scan)?;
        }
        scan.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        scan.problems.sort_unstable();
        Ok(scan)
    }

    /// Returns what stands at one relative path. `keeps_xattrs` asks for extended attributes.
    pub fn entry(
        &self,
        path: &[u8],
        keeps_xattrs: bool,
    ) -> Result<Result<SourceEntry, &'static str>, HostError> {
        let (directory, name) = (parent(path), file_name(path));
        let handle = self
            .open_directory(directory)
            .map_err(|errno| self.error(directory, errno))?;
        let failed = |errno| self.error(path, errno);
        let mut entry = source_entry(handle.as_fd(), path, name).map_err(failed)?;
        if let (Ok(entry), true) = (&mut entry, keeps_xattrs) {
            let name = OsStr::from_bytes(name);
            entry.xattrs = xattrs::read(handle.as_fd(), name).map_err(failed)?;
        }
        Ok(entry)
    }

    /// Entries of one directory stand together: it is opened once for all of them.
    fn read_xattrs(&self, scan: &mut Scan) -> Result<(), HostError> {
        let mut opened: Option<(Vec<u8>, OwnedFd)> = None;
        for entry in &mut scan.entries {
            let directory = parent(&entry.path);
            let failed = |errno| self.error(&entry.path, errno);
            let handle = match opened.take().filter(|(path, _)| path == directory) {
                Some((_, handle)) => handle,
                None => self.open_directory(directory).map_err(failed)?,
            };
            let name = OsStr::from_bytes(file_name(&entry.path));
            entry.xattrs = xattrs::read(handle.as_fd(), name).map_err(failed)?;
            opened = Some((directory.to_vec(), handle));
        }
        Ok(())
    }

    /// Opens a file of `directory` for reading, which is the one that its path leads into.
    pub(super) fn open_in(directory: impl AsFd, path: &[u8]) -> Result<File, Errno> {
        // A pipe put in the file's place must not block us; the caller checks what was opened.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let name = OsStr::from_bytes(file_name(path));
        fs::openat(directory, name, flags, fs::Mode::empty()).map(File::from)
    }

    pub(super) fn error(&self, path: &[u8], errno: Errno) -> HostError {
        HostError {
            path: self.host_path(path),
            error: errno.into(),
        }
    }

    pub(super) fn host_path(&self, path: &[u8]) -> PathBuf {
        if path.is_empty() {
            self.path.clone()
        } else {
            self.path.join(OsStr::from_bytes(path))
        }
    }

    /// One component after another, so that depth costs no handles and no link is followed on the way.
    pub(super) fn open_directory(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let flags = DIRECTORY | OFlags::NOFOLLOW;
        let mut handle = fs::openat(&self.handle, ".", flags, fs::Mode::empty())?;
        for name in path.split(|&b| b == b'/').filter(|name| !name.is_empty()) {
            handle = fs::openat(&handle, OsStr::from_bytes(name), flags, fs::Mode::empty())?;
        }
        Ok(handle)
    }

    fn scan_directory(
        &self,
        directory: &[u8],
        handle: &OwnedFd,
        is_excluded: &dyn Fn(&[u8]) -> bool,
        scan: &mut Scan,
    ) -> Result<(), HostError> {
        let mut names = Vec::new();
        let list = Dir::read_from(handle).map_err(|errno| self.error(directory, errno))?;
        for found in list {
            let found = found.map_err(|errno| self.error(directory, errno))?;
            let name = found.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        for name in names {
            let path = if directory.is_empty() {
                name.clone()
            } else {
                [directory, b"/", &name].concat()
            };
            if is_excluded(&path) {
                continue;
            }
            match source_entry(handle.as_fd(), &path, &name)
                .map_err(|errno| self.error(&path, errno))?
            {
                Ok(entry) => scan.entries.push(entry),
                Err(reason) => scan.problems.push((path, reason)),
            }
        }
        Ok(())
    }
}

/// Looks at one name; a kind of file that no layer can hold is a reason, not an error.
fn source_entry(
    directory: BorrowedFd<'_>,
    path: &[u8],
    name: &[u8],
) -> Result<Result<SourceEntry, &'static str>, Errno> {
    let name = OsStr::from_bytes(name);
    let stat = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let numbers = || (fs::major(stat.st_rdev), fs::minor(stat.st_rdev));
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => SourceKind::Directory,
        FileType::RegularFile => {
            match fs::accessat(directory, name, Access::READ_OK, AtFlags::EACCESS) {
                Ok(()) => SourceKind::File,
                Err(Errno::ACCESS) => return Ok(Err("no permission to read it")),
                Err(errno) => return Err(errno),
            }
        }
        FileType::Symlink => SourceKind::Symlink {
            target: fs::readlinkat(directory, name, Vec::new())?.into_bytes(),
        },
        FileType::Fifo => SourceKind::Fifo,
        FileType::CharacterDevice if numbers() == (0, 0) => return Ok(Err(ZERO_DEVICE)),
        FileType::CharacterDevice => SourceKind::CharDevice(numbers().0, numbers().1),
        FileType::BlockDevice => SourceKind::BlockDevice(numbers().0, numbers().1),
        FileType::Socket => return Ok(Err("a socket, which a layer cannot contain")),
        FileType::Unknown => return Ok(Err("a kind of file that a layer cannot contain")),
    };
    Ok(Ok(SourceEntry {
        path: path.to_vec(),
        kind,
        mode: permissions(&stat),
        uid: stat.st_uid,
        gid: stat.st_gid,
        xattrs: Vec::new(),
        n_links: n_links(&stat),
        state: FileState::of(&stat),
    }))
}

pub(super) fn parent(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|&b| b == b'/');
    slash.map_or(b"", |slash| &path[..slash])
}

fn file_name(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|&b| b == b'/');
    slash.map_or(path, |slash| &path[slash + 1..])
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd as _;

    use super::{SourceKind, source_entry};

    #[test]
    fn a_device_is_added_with_its_numbers() {
        let devices = File::open("/dev").unwrap();
        let entry = source_entry(devices.as_fd(), b"/dev/null", b"null").unwrap();
        let kind = entry.unwrap().kind;
        assert!(matches!(kind, SourceKind::CharDevice(major, minor) if (major, minor) != (0, 0)));
    }
}
