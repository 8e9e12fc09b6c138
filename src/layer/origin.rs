//! Tar streams that a layer takes contents from, besides files of the host.

use std::io::Read;

use super::{SourceDirectory, WriteError};
use crate::error::Error;
use crate::tarball::{ContentReader, Input, SparseMap, read_some};

/// Where content is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The layer at this position of the image as it is.
    Layer(usize),
    /// A stream from outside the archive: its place among all that were opened for the plan.
    Import(usize),
}

/// Content in a tar stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kept {
    /// The stream.
    pub origin: Origin,
    /// Where the content begins, in bytes from the start of the uncompressed stream.
    pub offset: u64,
    /// How many bytes it has.
    pub size: u64,
    /// Where the pieces of a sparse file belong, of which alone the stream has bytes.
    pub sparse: Option<SparseMap>,
}

impl Kept {
    /// Reads the content; `stream` is at its first byte.
    pub fn read<R: Read>(&self, stream: R) -> ContentReader<'_, R> {
        ContentReader::new(stream, self.size, self.sparse.as_ref())
    }

    fn stored_bytes(&self) -> u64 {
        let sparse = self.sparse.as_ref();
        sparse.map_or(self.size, SparseMap::stored_bytes)
    }
}

/// Opens the uncompressed stream of an origin from its start.
pub type OpenOrigin<'a> = dyn Fn(Origin) -> Result<Box<dyn Input>, Error> + Sync + 'a;

/// Everything that layers are written from.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The directories that host files are named in.
    pub roots: &'a [SourceDirectory],
    /// Opens what content is kept in.
    pub open: &'a OpenOrigin<'a>,
}

impl std::fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inputs").finish_non_exhaustive()
    }
}

/// Reads contents of origins; those that are asked for in the order of their stream are read in one pass.
pub(super) struct OriginReader<'a> {
    inputs: Inputs<'a>,
    current: Option<Current>,
}

struct Current {
    origin: Origin,
    input: Box<dyn Input>,
    offset: u64,
}

impl<'a> OriginReader<'a> {
    pub(super) fn new(inputs: Inputs<'a>) -> Self {
        Self {
            inputs,
            current: None,
        }
    }

    /// Gives `put` the bytes of `kept`.
    pub(super) fn copy(
        &mut self,
        kept: &Kept,
        buffer: &mut [u8],
        put: &mut dyn FnMut(&[u8]) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let is_ahead =
            |current: &Current| current.origin == kept.origin && current.offset <= kept.offset;
        let mut current = match self.current.take().filter(is_ahead) {
            Some(current) => current,
            None => Current {
                origin: kept.origin,
                input: (self.inputs.open)(kept.origin).map_err(WriteError::Origin)?,
                offset: 0,
            },
        };
        let failed = |error| WriteError::Read(kept.origin, error);
        let skipped = current.input.skip(kept.offset - current.offset);
        skipped.map_err(failed)?;
        let mut content = kept.read(&mut current.input);
        loop {
            match read_some(&mut content, buffer).map_err(failed)? {
                0 => break,
                n => put(&buffer[..n])?,
            }
        }
        current.offset = kept.offset + kept.stored_bytes();
        self.current = Some(current);
        Ok(())
    }
}
