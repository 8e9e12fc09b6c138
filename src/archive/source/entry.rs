//! One entry of an archive on disk, and its data.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Stat, readlinkat, statat};

use super::names;
use crate::archive::change::Identity;
use crate::digest::Digest;
use crate::file_state::FileState;
use crate::system::permissions;
use crate::tarball::{Kind, Range};

/// More entries than any image has; what a hostile archive may make us hold.
pub(in crate::archive) const MAX_ENTRIES: usize = 100_000;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEntry {
    /// The cleaned name.
    pub name: String,
    /// What it is. A hard link to an earlier file or symbolic link is what that is; others lead to nothing that tar extracts.
    pub kind: Kind,
    /// Bytes of data, which a hard link has in common with its target.
    pub size: u64,
    /// The target of a link, as spelled; that of a symbolic link also where a hard link to it stands here.
    pub link_name: Vec<u8>,
    /// Permission bits, and file type bits where the header has them.
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Where the header group begins; 0 in a directory.
    pub(in crate::archive) group_offset: u64,
    /// Where the header group ends.
    pub(in crate::archive) group_end: u64,
    /// Where the data begins: behind the group, unless a hard link has that of its target.
    pub(in crate::archive) data_offset: u64,
    /// The entry that this is a hard link to, as the header names it.
    pub(in crate::archive) links_to: Option<usize>,
    /// What a file of a directory is on the disk.
    pub(in crate::archive) on_disk: Option<OnDisk>,
}

/// A file that is an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::archive) struct OnDisk {
    /// The state that it was found in.
    pub(in crate::archive) state: FileState,
    /// Where it is, while a change that was cut short has not given it its name.
    pub(in crate::archive) stored: Option<String>,
    /// Of a link that leads to a file outside of the directory, the digest that the name promises: bytes with another one are
    /// not the archive's.
    pub(in crate::archive) linked: Option<Digest>,
}

impl SourceEntry {
    /// Looks at a file, following no link; as an entry it is called `name`.
    pub(in crate::archive) fn on_disk(
        directory: impl AsFd,
        file_name: &OsStr,
        name: String,
    ) -> io::Result<Self> {
        let mut status = statat(&directory, file_name, AtFlags::SYMLINK_NOFOLLOW)?;
        let mut link_name = Vec::new();
        let mut linked = None;
        let kind = match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => {
                link_name = readlinkat(&directory, file_name, Vec::new())?.into_bytes();
                let leaves = names::resolve(&name, &link_name).is_none();
                linked = names::digest_in_name(&name).filter(|_| leaves);
                let target = linked.and_then(|_| target_of(&directory, file_name));
                if let Some(target) = target {
                    (status, link_name) = (target, Vec::new());
                    Kind::File
                } else {
                    linked = None;
                    Kind::Symlink
                }
            }
            FileType::CharacterDevice => Kind::CharDevice,
            FileType::BlockDevice => Kind::BlockDevice,
            // A socket is as little a blob as a pipe is.
            _ => Kind::Fifo,
        };
        let state = FileState::of(&status);
        Ok(Self {
            name,
            kind,
            size: if kind == Kind::File { state.size } else { 0 },
            link_name,
            mode: permissions(&status),
            mtime: status.st_mtime,
            group_offset: 0,
            group_end: 0,
            data_offset: 0,
            links_to: None,
            on_disk: Some(OnDisk {
                state,
                stored: None,
                linked,
            }),
        })
    }

    /// Returns an entry of an image in a registry: dated 1970, readable by all.
    pub(in crate::archive) fn remote(name: String, kind: Kind, size: u64) -> Self {
        Self {
            name,
            kind,
            size,
            link_name: Vec::new(),
            mode: if kind == Kind::Directory {
                0o755
            } else {
                0o644
            },
            mtime: 0,
            group_offset: 0,
            group_end: 0,
            data_offset: 0,
            links_to: None,
            on_disk: None,
        }
    }

    /// Returns the digest of a file outside of the directory that a link of its name leads to.
    pub(in crate::archive) fn linked(&self) -> Option<Digest> {
        self.on_disk.as_ref()?.linked
    }

    /// Returns what tells a file on the disk from others.
    pub(in crate::archive) fn identity(&self) -> Option<Identity> {
        self.on_disk
            .as_ref()
            .map(|file| Identity::from(&file.state))
    }

    /// Returns the entry that this is a hard link to, which stands before it.
    #[must_use]
    pub fn links_to(&self) -> Option<usize> {
        self.links_to
    }

    /// Tells whether the header is that of a hard link.
    #[must_use]
    pub fn is_hard_link(&self) -> bool {
        self.kind == Kind::HardLink || self.links_to.is_some()
    }
}

/// Looks at the regular file that a link leads to, if it leads to one.
fn target_of(directory: impl AsFd, link: &OsStr) -> Option<Stat> {
    let target = statat(directory, link, AtFlags::empty()).ok()?;
    (FileType::from_raw_mode(target.st_mode) == FileType::RegularFile).then_some(target)
}

/// Makes a hard link what it is a name of, if that stands before it: tar extracts no others.
pub(super) fn follow_hard_link(
    entries: &mut [SourceEntry],
    index: usize,
    earlier: &HashMap<String, usize>,
) {
    let (before, rest) = entries.split_at_mut(index);
    let entry = &mut rest[0];
    if entry.kind != Kind::HardLink {
        return;
    }
    let target = names::clean(&entry.link_name).and_then(|name| earlier.get(&name).copied());
    let Some(target) = target else { return };
    let named = &before[target];
    match named.kind {
        Kind::File => {}
        Kind::Symlink => entry.link_name.clone_from(&named.link_name),
        _ => return,
    }
    (entry.kind, entry.size) = (named.kind, named.size);
    (entry.data_offset, entry.links_to) = (named.data_offset, Some(target));
}

/// Which stored bytes of an archive a layer has: layers with the same are the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub(in crate::archive) usize);

/// The data of an entry, open to be read. Where it lies is not told.
#[derive(Debug, Clone)]
pub struct Blob {
    pub(super) file: Arc<File>,
    /// Where the data begins in the file.
    pub(super) start: u64,
    pub(super) size: u64,
}

impl Blob {
    pub(super) fn new(file: Arc<File>, start: u64, size: u64) -> Self {
        Self { file, start, size }
    }

    /// Returns how many bytes there are.
    #[must_use]
    pub fn n_bytes(&self) -> u64 {
        self.size
    }

    /// Reads the data from its beginning.
    #[must_use]
    pub fn reader(&self) -> Range<&File> {
        Range::new(&self.file, self.start, self.start + self.size)
    }

    /// Reads the data from its beginning.
    #[must_use]
    pub fn into_reader(self) -> Range<Arc<File>> {
        let (start, end) = (self.start, self.start + self.size);
        Range::new(self.file, start, end)
    }
}
