//! The headers of compressed layers that were read before, so that no layer is decompressed twice to be planned with.
//!
//! A record has the bytes that a reader of the uncompressed tar asked for, and the lengths of what it passed over. So it depends
//! on no type of this crate: whoever reads it later walks the same stream. It is found by the digest of the stored blob, which
//! decides every byte of it.
//!
//! A cache never fails: what is missing, damaged, foreign, or cannot be written is as if it were not there, and what a record
//! does not have is read from the layer.

mod directory;
mod record;
mod replay;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::digest::Digest;
use directory::Directory;
pub use record::{Recorder, Recording};
pub use replay::{Replay, Replayed};

/// What all records may take. In bytes.
const MAX_BYTES: u64 = 512 << 20;
/// What one may take, compressed. In bytes.
const MAX_RECORD_BYTES: u64 = 64 << 20;
/// How many there may be: the directory is listed whenever one is written.
const MAX_RECORDS: usize = 4096;
/// What is kept of the headers of one layer, before it is compressed. In bytes.
const MAX_HEADER_BYTES: u64 = 1 << 30;

/// A directory of records. It is open only while it is asked for something: descriptors may be scarce.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
}

impl Cache {
    /// Uses the directory `path`, which is made if it does not exist.
    ///
    /// It is made with mode 0700, and only inside a directory that belongs to the user. One that belongs to somebody else, that
    /// others may write to, or that is a symbolic link is not used.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self {
            // A slash at the end would have a link followed.
            path: path.components().collect(),
        }
    }

    fn directory(&self) -> Option<Directory> {
        Directory::open(&self.path)
    }

    /// Tells whether there may be a record of a blob that has so many bytes; if not, nobody has to hash the blob.
    #[must_use]
    pub fn may_have(&self, n_bytes: u64) -> bool {
        self.directory()
            .is_some_and(|directory| directory.has_record_of(n_bytes))
    }

    /// Returns the record of a blob, checked against its own digest.
    #[must_use]
    pub fn find(&self, blob: Digest, n_bytes: u64) -> Option<Replay> {
        Replay::open(&self.directory()?, blob, n_bytes)
    }

    /// Removes the record of a blob, which lacks something.
    pub fn remove(&self, blob: Digest, n_bytes: u64) {
        if let Some(directory) = self.directory() {
            directory.remove(&name(blob, n_bytes));
        }
    }

    /// Starts a record; nothing where there is no place for one.
    #[must_use]
    pub fn start(&self) -> Option<Recording> {
        Recording::start(self.directory()?)
    }
}

/// Returns what the record of a blob is called.
fn name(blob: Digest, n_bytes: u64) -> String {
    format!("{n_bytes}-{}", blob.hex())
}

/// Returns how many bytes the blob has whose record is called so.
fn blob_bytes(record: &str) -> Option<u64> {
    let (n_bytes, blob) = record.split_once('-')?;
    let n_bytes = n_bytes.parse().ok()?;
    let blob = Digest::parse_hex(blob)?;
    (record == name(blob, n_bytes)).then_some(n_bytes)
}

/// Returns how a record begins: what it is, its version, the digest of the blob, and that of everything behind.
fn title(blob: Digest, body: Digest) -> String {
    format!("ocipatch layer headers, version 1\n{blob}\n{body}\n")
}

/// How long a title is. In bytes.
fn title_bytes() -> u64 {
    let any = Digest::of(b"");
    title(any, any).len() as u64
}

/// What comes next in the body of a record; a length in bytes follows but the last one, 8 bytes with the least one first.
mod tag {
    /// Bytes that were read, which follow.
    pub(super) const READ: u8 = b'r';
    /// Bytes that were passed over.
    pub(super) const SKIPPED: u8 = b's';
    /// The end of the stream was seen here.
    pub(super) const END: u8 = b'e';
}
