//! Reading a layer from its record, and from the layer itself what the record does not have.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

use super::directory::Directory;
use super::{MAX_HEADER_BYTES, name, tag, title, title_bytes};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::tarball::{Input, Range};

/// No layer is longer: what reads it may add to its offsets without looking. In bytes.
const MAX_STREAM_BYTES: u64 = 1 << 56;

/// A record that is being read.
pub struct Replay {
    body: Box<dyn Read>,
    item: Item,
    /// What may still come, before somebody has made it up.
    n_left: u64,
    n_headers_left: u64,
}

/// What is next, as far as it was not handed over.
#[derive(Debug, Clone, Copy)]
enum Item {
    Read(u64),
    Skipped(u64),
    End,
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("item", &self.item)
            .finish_non_exhaustive()
    }
}

/// Why a record does not serve: it is damaged, or ends, or lacks what is asked for.
struct Lacking;

impl From<io::Error> for Lacking {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Replay {
    pub(super) fn open(directory: &Directory, blob: Digest, n_bytes: u64) -> Option<Self> {
        let (file, size) = directory.read(&name(blob, n_bytes))?;
        let start = title_bytes();
        let (body, n_body) = Digest::of_reader(&mut Range::new(&file, start, size)).ok()?;
        let wanted = title(blob, body);
        let mut found = vec![0; wanted.len()];
        file.read_exact_at(&mut found, 0).ok()?;
        if found != wanted.as_bytes() {
            return None;
        }
        let body = Range::new(file, start, start + n_body);
        Some(Self {
            body: Compression::Zstd.decoder(body).ok()?,
            item: Item::Read(0),
            n_left: MAX_STREAM_BYTES,
            n_headers_left: MAX_HEADER_BYTES,
        })
    }

    /// Goes to the next item where nothing is left of this one.
    fn advance(&mut self) -> Result<(), Lacking> {
        while let Item::Read(0) | Item::Skipped(0) = self.item {
            let mut tag = [0];
            self.body.read_exact(&mut tag)?;
            if tag == [tag::END] {
                self.item = Item::End;
                return Ok(());
            }
            let mut n = [0; 8];
            self.body.read_exact(&mut n)?;
            let n = u64::from_le_bytes(n);
            self.n_left = self.n_left.checked_sub(n).ok_or(Lacking)?;
            self.item = match tag[0] {
                tag::READ => {
                    let left = self.n_headers_left.checked_sub(n);
                    self.n_headers_left = left.ok_or(Lacking)?;
                    Item::Read(n)
                }
                tag::SKIPPED => Item::Skipped(n),
                _ => return Err(Lacking),
            };
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Lacking> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.advance()?;
        match &mut self.item {
            Item::End => Ok(0),
            Item::Skipped(_) => Err(Lacking),
            Item::Read(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX);
                let n = n.min(buffer.len());
                // A part of it would already be handed over.
                self.body.read_exact(&mut buffer[..n])?;
                *left -= n as u64;
                Ok(n)
            }
        }
    }

    /// Passes over `n` bytes; returns how many there were before the end.
    fn skip(&mut self, n: u64) -> Result<u64, Lacking> {
        let mut behind = n;
        while behind > 0 {
            self.advance()?;
            match &mut self.item {
                Item::End => break,
                Item::Skipped(left) => {
                    let passed = behind.min(*left);
                    *left -= passed;
                    behind -= passed;
                }
                Item::Read(left) => {
                    let passed = behind.min(*left);
                    let mut bytes = self.body.by_ref().take(passed);
                    if io::copy(&mut bytes, &mut io::sink())? < passed {
                        return Err(Lacking);
                    }
                    *left -= passed;
                    behind -= passed;
                }
            }
        }
        Ok(n - behind)
    }
}

/// The uncompressed stream of a layer from a record; `open` opens the layer, where the record lacks something.
pub struct Replayed<'a, F> {
    /// Nothing once it did.
    record: Option<Replay>,
    layer: Option<Box<dyn Input + 'a>>,
    open: F,
    /// How much of the record was read and passed over. In bytes.
    offset: u64,
}

impl<F> fmt::Debug for Replayed<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replayed")
            .field("record", &self.record)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

impl<'a, F: Fn() -> io::Result<Box<dyn Input + 'a>>> Replayed<'a, F> {
    /// Starts at the beginning of the stream.
    pub fn new(record: Replay, open: F) -> Self {
        Self {
            record: Some(record),
            layer: None,
            open,
            offset: 0,
        }
    }

    /// The layer, which stands where the record ended.
    fn layer(&mut self) -> io::Result<&mut Box<dyn Input + 'a>> {
        self.record = None;
        let layer = if let Some(layer) = self.layer.take() {
            layer
        } else {
            let mut layer = (self.open)()?;
            layer.skip(self.offset)?;
            layer
        };
        Ok(self.layer.insert(layer))
    }
}

impl<'a, F: Fn() -> io::Result<Box<dyn Input + 'a>>> Read for Replayed<'a, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(record) = &mut self.record
            && let Ok(n) = record.read(buffer)
        {
            self.offset += n as u64;
            return Ok(n);
        }
        self.layer()?.read(buffer)
    }
}

impl<'a, F: Fn() -> io::Result<Box<dyn Input + 'a>>> Input for Replayed<'a, F> {
    fn skip(&mut self, n: u64) -> io::Result<()> {
        if let Some(record) = &mut self.record
            && let Ok(passed) = record.skip(n)
        {
            self.offset += passed;
            return if passed == n {
                Ok(())
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        self.layer()?.skip(n)
    }
}
