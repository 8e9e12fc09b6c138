//! Sparse files in PAX form, as GNU tar writes them with `--format=posix --sparse`: the stream has the pieces that hold
//! data, and a map says where in the file each of them belongs.
//!
//! To every engine these are ordinary files whose holes are zeros, because Go reads them so (`archive/tar`,
//! `Reader.handleSparseFile`): in the formats 0.0 (a record for each number), 0.1 (one record) and 1.0 (in front of the
//! data). Docker 20.10 and 26, podman 4.3, containerd 1.6 and umoci 0.4 unpack all three; Docker with its own store and
//! podman then fail to save the image. GNU's old form, of type `S`, is another matter: no engine unpacks it.

mod read;
mod records;

use std::io::{self, Read};
use std::sync::Arc;

use super::TypeFlag;

pub(super) use records::{Description, NAME, fold_pairs, order};

/// The type of a sparse file in GNU's old form.
pub(super) const GNU_SPARSE: TypeFlag = TypeFlag(b'S');
/// What the holes of files may come to where they are filled with zeros, to be written or hashed: a header of 1 KiB can
/// promise 8 EiB. In bytes.
pub const MAX_HOLE_BYTES: u64 = 64 << 30;

/// Where the pieces of a sparse file belong; what is between and behind them is zeros.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SparseMap(Arc<[Piece]>);

/// A run of bytes that the stream has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Piece {
    /// Where it belongs, in bytes from the start of the file.
    offset: u64,
    n_bytes: u64,
}

impl SparseMap {
    /// Takes pairs of offset and length for a file of `size` bytes; nothing if they overlap, are out of order or lead out
    /// of the file (Go, `validateSparseEntries`).
    pub(super) fn new(numbers: &[u64], size: u64) -> Option<Self> {
        let (pairs, rest) = numbers.as_chunks::<2>();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut end = 0;
        for &[offset, n_bytes] in pairs {
            if offset < end {
                return None;
            }
            end = offset.checked_add(n_bytes).filter(|&end| end <= size)?;
            match pieces.last_mut() {
                _ if n_bytes == 0 => {}
                Some(last) if last.offset + last.n_bytes == offset => last.n_bytes += n_bytes,
                _ => pieces.push(Piece { offset, n_bytes }),
            }
        }
        rest.is_empty().then(|| Self(pieces.into()))
    }

    /// Returns how many bytes of the file the stream has.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.0.iter().map(|piece| piece.n_bytes).sum()
    }

    /// Returns how many bytes of a file of `size` bytes are in no piece.
    #[must_use]
    pub fn hole_bytes(&self, size: u64) -> u64 {
        size.saturating_sub(self.stored_bytes())
    }

    /// Returns where each piece belongs and how many bytes it has, in the order of the stream.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|piece| (piece.offset, piece.n_bytes))
    }
}

/// Reads the content of a file from the bytes that a stream has of it. Memory does not depend on its size.
#[derive(Debug)]
pub struct ContentReader<'a, R> {
    input: R,
    /// The pieces that are not read to their end.
    pieces: &'a [Piece],
    is_sparse: bool,
    position: u64,
    size: u64,
}

impl<'a, R: Read> ContentReader<'a, R> {
    /// Reads a file of `size` bytes, of which `input` is at the first that the stream has.
    pub fn new(input: R, size: u64, sparse: Option<&'a SparseMap>) -> Self {
        Self {
            input,
            pieces: sparse.map_or(&[], |map| &map.0),
            is_sparse: sparse.is_some(),
            position: 0,
            size,
        }
    }

    /// Returns up to where the bytes from here on are a hole, or are in the stream.
    fn run(&mut self) -> (bool, u64) {
        while let [first, rest @ ..] = self.pieces
            && first.offset + first.n_bytes <= self.position
        {
            self.pieces = rest;
        }
        match self.pieces.first() {
            _ if !self.is_sparse => (false, self.size),
            Some(piece) if piece.offset <= self.position => (false, piece.offset + piece.n_bytes),
            Some(piece) => (true, piece.offset),
            None => (true, self.size),
        }
    }
}

impl<R: Read> Read for ContentReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (is_hole, end) = self.run();
        let left = usize::try_from(end - self.position).unwrap_or(usize::MAX);
        let n = buffer.len().min(left);
        if n == 0 {
            return Ok(0);
        }
        let n = if is_hole {
            buffer[..n].fill(0);
            n
        } else {
            match self.input.read(&mut buffer[..n])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => n,
            }
        };
        self.position += n as u64;
        Ok(n)
    }
}
