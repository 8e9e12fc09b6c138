//! One entry of an archive on disk, and its data.

use std::fs::File;
use std::sync::Arc;

use crate::tarball::{Kind, Range};

/// More entries than any image has; what a hostile archive may make us hold.
pub(in crate::archive) const MAX_ENTRIES: usize = 100_000;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEntry {
    /// The cleaned name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes of data.
    pub size: u64,
    /// The target of a link, as spelled.
    pub link_name: Vec<u8>,
    /// Permission bits, and file type bits where the header has them.
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Where the header group begins; 0 in a directory.
    pub(in crate::archive) group_offset: u64,
    /// Where the data begins.
    pub(in crate::archive) data_offset: u64,
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
            data_offset: 0,
        }
    }
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
