//! Bytes of an archive that a writer copies without looking at them.

use std::fs::File;

use super::entry::Blob;
use super::{Form, Source};
use crate::compression::Compression;
use crate::tarball::Range;

/// Some bytes of a source, one behind the other. Of files they are a range, which the kernel can copy.
#[derive(Debug, Clone, Copy)]
pub(in crate::archive) struct Piece<'a> {
    pub(in crate::archive) file: &'a File,
    pub(in crate::archive) start: u64,
    pub(in crate::archive) end: u64,
}

impl<'a> Piece<'a> {
    /// Returns how many bytes there are.
    pub(in crate::archive) fn n_bytes(&self) -> u64 {
        self.end - self.start
    }

    pub(in crate::archive) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Reads the bytes from the first one on.
    pub(in crate::archive) fn reader(&self) -> Range<&'a File> {
        Range::new(self.file, self.start, self.end)
    }

    /// Returns both as one, if `next` begins where this ends.
    pub(in crate::archive) fn joined(self, next: Self) -> Option<Self> {
        let is_next = std::ptr::eq(self.file, next.file) && self.end == next.start;
        is_next.then_some(Self {
            end: next.end,
            ..self
        })
    }
}

impl Blob {
    /// Returns the data to be copied.
    pub(in crate::archive) fn piece(&self) -> Piece<'_> {
        Piece {
            file: &self.file,
            start: self.start,
            end: self.start + self.size,
        }
    }
}

impl Source {
    /// Returns an entry as it stands in a tar: header group, data and padding, which the last one of a tar that was cut may lack.
    pub(in crate::archive) fn kept(&self, index: usize) -> Option<Piece<'_>> {
        let Form::Tar(tar) = &self.form else {
            return None;
        };
        let entry = &self.entries[index];
        let data = if entry.kind.has_data() && entry.links_to.is_none() {
            entry.size.next_multiple_of(512)
        } else {
            0
        };
        Some(Piece {
            file: &tar.file,
            start: entry.group_offset,
            end: (entry.group_end + data).min(tar.length),
        })
    }

    /// Returns what stands around the entries of a tar: before them a root directory (`./`) or global headers, if anything, and
    /// behind them the zero blocks and whatever follows.
    pub(in crate::archive) fn around(&self) -> Option<(Piece<'_>, Piece<'_>)> {
        let Form::Tar(tar) = &self.form else {
            return None;
        };
        let piece = |start, end| Piece {
            file: &tar.file,
            start,
            end,
        };
        let first = self.entries.first().map_or(0, |entry| entry.group_offset);
        Some((piece(0, first), piece(tar.end, tar.length)))
    }

    /// Returns the whole archive as it was given: compressed where it was compressed. Of a compressed stream only the tar is
    /// kept.
    pub(in crate::archive) fn given(&self) -> Option<Piece<'_>> {
        let Form::Tar(tar) = &self.form else {
            return None;
        };
        let (file, end) = match (&tar.given, tar.compression) {
            (_, Compression::None) => (&*tar.file, tar.length),
            (Some(given), _) => (given.compressed.as_ref()?, given.state.size),
            (None, _) => return None,
        };
        Some(Piece {
            file,
            start: 0,
            end,
        })
    }
}
