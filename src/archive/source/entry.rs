//! One entry of an archive on disk, and its data.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use super::names;
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
}

impl SourceEntry {
    pub(in crate::archive) fn on_disk(
        name: String,
        kind: Kind,
        size: u64,
        link_name: Vec<u8>,
        mode: u32,
        mtime: i64,
    ) -> Self {
        Self {
            name,
            kind,
            size,
            link_name,
            mode,
            mtime,
            group_offset: 0,
            group_end: 0,
            data_offset: 0,
            links_to: None,
        }
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

/// The data of an entry: a range of an open file.
#[derive(Debug, Clone)]
pub struct Blob {
    /// The file.
    pub file: Arc<File>,
    /// Where the data begins in it.
    pub start: u64,
    /// How many bytes there are.
    pub size: u64,
}

impl Blob {
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
