//! A directory made of the entries of a file tree, as `docker export | tar -x` makes it: complete or not at all.
//!
//! Root gets owners, all permission bits, devices and extended attributes, as with GNU tar; everybody else owns what is made, without
//! set-id bits, and may read it and look into it. No link is followed, so nothing is made outside the directory.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Uid, XattrFlags, chownat, fchown, fsetxattr, linkat, mkdirat,
    symlinkat,
};
use rustix::io::Errno;

use super::content::{create, set_metadata, set_mtime_at};
use super::new_directory::new_directory;
use crate::archive::no_follow::{open_below, open_directory};
use crate::error::Error;
use crate::printable;
use crate::system;
use crate::tarball::{Entry, Kind};

/// How much is copied at once. In bytes.
const CHUNK: usize = 1 << 16;

/// The content of an entry, and what messages call its source.
pub type EntryContent<'a> = (&'a mut (dyn Read + 'a), &'a str);

/// What could not be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NotMade {
    /// Devices, which only root can make.
    pub n_devices: usize,
    /// Extended attributes that this user or file system cannot set.
    pub n_xattrs: usize,
}

/// A directory that is being filled.
#[derive(Debug)]
pub struct TreeWriter {
    root: File,
    path: PathBuf,
    is_root: bool,
    /// The directory of the last entry.
    parent: Option<(Vec<u8>, OwnedFd)>,
    /// Those made so far; they get their metadata last, since what is made in one sets its time.
    directories: Vec<Entry>,
    not_made: NotMade,
}

/// Makes a directory, which must not exist or be empty, of the entries that `fill` hands over.
pub fn write_tree(
    directory: &Path,
    fill: impl FnOnce(&mut TreeWriter) -> Result<(), Error>,
) -> Result<NotMade, Error> {
    new_directory(directory, |temporary| {
        let mut writer = TreeWriter {
            root: File::open(temporary).map_err(Error::at(temporary))?,
            path: directory.to_owned(),
            is_root: rustix::process::geteuid().is_root(),
            parent: None,
            directories: Vec::new(),
            not_made: NotMade::default(),
        };
        fill(&mut writer)?;
        writer.finish()
    })
}

impl TreeWriter {
    /// Makes one entry. Its directories, and the file that a hard link names, were made before it.
    pub fn put(&mut self, entry: &Entry, content: Option<EntryContent<'_>>) -> Result<(), Error> {
        let (path, name) = split(&entry.name);
        let parent = match self.parent.take() {
            Some((last, parent)) if last == path => parent,
            _ => self.open(path).map_err(|error| self.failed(entry, error))?,
        };
        match entry.kind {
            Kind::File => self.file(entry, name, &parent, content)?,
            _ => self
                .make(entry, name, &parent)
                .map_err(|error| self.failed(entry, error))?,
        }
        self.parent = Some((path.to_owned(), parent));
        Ok(())
    }

    fn open(&self, path: &[u8]) -> io::Result<OwnedFd> {
        if path.is_empty() {
            return Ok(self.root.try_clone()?.into());
        }
        Ok(open_below(&self.root, path)?)
    }

    fn failed(&self, entry: &Entry, source: io::Error) -> Error {
        let place = printable::path(&self.path);
        let name = printable::decoded(&entry.name);
        Error::Io {
            place: format!("{place}/{name}"),
            source,
        }
    }

    /// Makes what has no content.
    fn make(&mut self, entry: &Entry, name: &[u8], parent: &OwnedFd) -> io::Result<()> {
        match entry.kind {
            Kind::Directory => {
                mkdirat(parent, name, Mode::from_raw_mode(0o700))?;
                self.directories.push(entry.clone());
                return Ok(());
            }
            Kind::HardLink => {
                let (path, first) = split(&entry.link_name);
                let parent_of_first = self.open(path)?;
                return match linkat(parent_of_first, first, parent, name, AtFlags::empty()) {
                    Err(Errno::NOENT) if self.not_made.n_devices > 0 => {
                        self.not_made.n_devices += 1;
                        Ok(())
                    }
                    linked => Ok(linked?),
                };
            }
            Kind::Symlink => symlinkat(entry.link_name.as_slice(), parent, name)?,
            Kind::Fifo => {
                let mode = system::mode(entry.mode & 0o777);
                make_node(parent, name, FileType::Fifo, mode, (0, 0))?;
            }
            Kind::CharDevice | Kind::BlockDevice => {
                let kind = match entry.kind {
                    Kind::CharDevice => FileType::CharacterDevice,
                    _ => FileType::BlockDevice,
                };
                let mode = system::mode(entry.mode & 0o777);
                match make_node(parent, name, kind, mode, entry.device) {
                    Err(Errno::PERM | Errno::ACCESS) => {
                        self.not_made.n_devices += 1;
                        return Ok(());
                    }
                    made => made?,
                }
            }
            Kind::File | Kind::Unsupported(_) | Kind::Global => return Ok(()),
        }
        if self.is_root {
            let (uid, gid) = owner(entry);
            chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
            if entry.kind != Kind::Symlink {
                let mode = system::mode(entry.mode & 0o7777);
                rustix::fs::chmodat(parent, name, mode, AtFlags::empty())?;
            }
        }
        self.not_made.n_xattrs += entry.xattrs.len();
        Ok(set_mtime_at(parent, name, entry.mtime)?)
    }

    fn file(
        &mut self,
        entry: &Entry,
        name: &[u8],
        parent: &OwnedFd,
        content: Option<EntryContent<'_>>,
    ) -> Result<(), Error> {
        let file = create(parent, name).map_err(|errno| self.failed(entry, errno.into()))?;
        if let Some((content, source)) = content {
            copy(content, source, &file, |error| self.failed(entry, error))?;
            file.set_len(entry.size)
                .map_err(|error| self.failed(entry, error))?;
        }
        self.describe(entry, &file, 0o400)
            .map_err(|error| self.failed(entry, error))
    }

    /// Gives a file or directory its metadata; others than root keep at least the permissions `least`.
    fn describe(&mut self, entry: &Entry, file: &File, least: u32) -> io::Result<()> {
        if self.is_root {
            let (uid, gid) = owner(entry);
            fchown(file, uid, gid)?;
        }
        // Behind the owner: a change of that removes capabilities.
        for (name, value) in &entry.xattrs {
            match fsetxattr(file, name.as_slice(), value, XattrFlags::empty()) {
                Ok(()) => {}
                Err(Errno::PERM | Errno::OPNOTSUPP | Errno::INVAL | Errno::ACCESS) => {
                    self.not_made.n_xattrs += 1;
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        let mode = if self.is_root {
            entry.mode & 0o7777
        } else {
            entry.mode & 0o777 | least
        };
        set_metadata(file, mode, entry.mtime)
    }

    fn finish(mut self) -> Result<NotMade, Error> {
        for entry in std::mem::take(&mut self.directories).iter().rev() {
            let (path, name) = split(&entry.name);
            let described = self
                .open(path)
                .and_then(|parent| Ok(open_directory(parent, name)?))
                .and_then(|directory| self.describe(entry, &directory.into(), 0o700));
            described.map_err(|error| self.failed(entry, error))?;
        }
        Ok(self.not_made)
    }
}

/// Copies content; what is zero becomes a hole.
fn copy(
    content: &mut dyn Read,
    source: &str,
    mut file: &File,
    failed: impl Fn(io::Error) -> Error,
) -> Result<(), Error> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let n = content.read(&mut chunk).map_err(Error::in_place(source))?;
        let bytes = &chunk[..n];
        if n == 0 {
            return Ok(());
        }
        let written = if bytes.iter().all(|&byte| byte == 0) {
            let n = i64::try_from(n).expect("a chunk is small");
            file.seek(SeekFrom::Current(n)).map(drop)
        } else {
            file.write_all(bytes)
        };
        written.map_err(&failed)?;
    }
}

/// Splits a name into its directory and its last component.
fn split(name: &[u8]) -> (&[u8], &[u8]) {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    match name.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&name[..slash], &name[slash + 1..]),
        None => (b"", name),
    }
}

/// Makes a device or a pipe.
#[cfg(all(target_os = "linux", not(ocipatch_portable)))]
fn make_node(
    parent: &OwnedFd,
    name: &[u8],
    kind: FileType,
    mode: Mode,
    (major, minor): (u32, u32),
) -> Result<(), Errno> {
    let device = rustix::fs::makedev(major, minor);
    rustix::fs::mknodat(parent, name, kind, mode, device)
}

/// Other systems have no call for that which takes the handle of a directory.
#[cfg(not(all(target_os = "linux", not(ocipatch_portable))))]
fn make_node(_: &OwnedFd, _: &[u8], kind: FileType, _: Mode, _: (u32, u32)) -> Result<(), Errno> {
    match kind {
        FileType::Fifo => Err(Errno::NOSYS),
        _ => Err(Errno::PERM),
    }
}

/// Ids are 32 bits; the highest leaves the owner as it is.
fn owner(entry: &Entry) -> (Option<Uid>, Option<Gid>) {
    let id = |id: u64| u32::try_from(id).ok().filter(|&id| id != u32::MAX);
    (
        id(entry.uid).map(Uid::from_raw),
        id(entry.gid).map(Gid::from_raw),
    )
}
