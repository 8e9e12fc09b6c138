//! What the bytes of an archive are, whatever names them.

use std::collections::HashMap;
use std::io;

use crate::archive::Source;
use crate::compression::Compression;
use crate::digest::{DiffId, Digest, Hashing};
use crate::error::Error;

/// What a stored layer is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// The digest of the stored bytes.
    pub(super) digest: Digest,
    /// The digest of the uncompressed ones.
    pub(super) diff_id: DiffId,
    /// How many bytes are stored.
    pub(super) size: u64,
    pub(super) compression: Compression,
}

/// Hashes files, each once.
#[derive(Debug)]
pub(super) struct Measure<'a> {
    source: &'a Source,
    layers: HashMap<usize, Measured>,
    digests: HashMap<usize, Digest>,
}

impl<'a> Measure<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self {
            source,
            layers: HashMap::new(),
            digests: HashMap::new(),
        }
    }

    /// Reads the layer in an entry to its end, as it is stored and uncompressed.
    pub(super) fn layer(&mut self, entry: usize) -> Result<Measured, Error> {
        if let Some(known) = self.layers.get(&entry) {
            return Ok(*known);
        }
        let name = &self.source.entries()[entry].name;
        let blob = self.source.blob(entry)?;
        let compression = blob.compression(name)?;
        let (diff_id, digest) = if compression == Compression::None {
            let diff_id = hash_layer(blob.reader()).map_err(Error::in_place(name))?;
            (diff_id, diff_id.into())
        } else {
            let decoded = compression.decoder(blob.reader()).and_then(hash_layer);
            (decoded.map_err(Error::in_place(name))?, self.digest(entry)?)
        };
        let measured = Measured {
            digest,
            diff_id,
            size: self.source.entries()[entry].size,
            compression,
        };
        self.layers.insert(entry, measured);
        Ok(measured)
    }

    /// Hashes the stored bytes of an entry.
    pub(super) fn digest(&mut self, entry: usize) -> Result<Digest, Error> {
        if let Some(known) = self.digests.get(&entry) {
            return Ok(*known);
        }
        let digest = self.source.digest(entry)?;
        self.digests.insert(entry, digest);
        Ok(digest)
    }
}

fn hash_layer(mut reader: impl io::Read) -> io::Result<DiffId> {
    let mut hashing = Hashing::new(io::sink());
    io::copy(
        &mut io::BufReader::with_capacity(128 * 1024, &mut reader),
        &mut hashing,
    )?;
    let (diff_id, _, _) = hashing.finish_layer();
    Ok(diff_id)
}
