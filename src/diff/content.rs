//! Contents of files, told apart by their digests; each layer is read once, whoever wants something of it.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use crate::archive::Source;
use crate::compression::{Compression, MAGIC_BYTES};
use crate::digest::Digest;
use crate::error::Error;
use crate::tarball::{Input, Stream, TarReader};

/// Where a content stands: the entry of the archive that holds the layer, and bytes into its uncompressed stream.
pub(super) type Place = (usize, u64);

/// Contents that are wanted, and their digests once they are read.
#[derive(Debug, Default)]
pub(super) struct Contents {
    wanted: BTreeMap<usize, HashMap<u64, Option<Digest>>>,
}

impl Contents {
    pub(super) fn want(&mut self, (entry, offset): Place) {
        self.wanted.entry(entry).or_default().insert(offset, None);
    }

    /// Returns the digest of a content that was wanted and read.
    pub(super) fn digest(&self, (entry, offset): Place) -> Option<Digest> {
        *self.wanted.get(&entry)?.get(&offset)?
    }

    pub(super) fn read(&mut self, source: &Source) -> Result<(), Error> {
        for (&entry, wanted) in &mut self.wanted {
            let name = || source.entries()[entry].name.clone();
            let failed = |source| Error::Io {
                place: name(),
                source,
            };
            let blob = source.blob(entry)?;
            let mut first = Vec::new();
            let mut start = blob.reader().take(MAGIC_BYTES as u64);
            start.read_to_end(&mut first).map_err(failed)?;
            let read = match Compression::detect(&first) {
                Compression::None => read_layer(&mut TarReader::new(blob.reader()), wanted),
                compression => {
                    let decoder = compression.decoder(blob.reader()).map_err(failed)?;
                    read_layer(&mut TarReader::new(Stream(decoder)), wanted)
                }
            };
            read.map_err(|reason| Error::BadEntry {
                name: name(),
                reason: format!("is no readable layer: {reason}"),
            })?;
        }
        Ok(())
    }
}

fn read_layer(
    reader: &mut TarReader<impl Input>,
    wanted: &mut HashMap<u64, Option<Digest>>,
) -> Result<(), io::Error> {
    while reader.next().map_err(io::Error::other)?.is_some() {
        if let Some(digest) = wanted.get_mut(&reader.offset()) {
            *digest = Some(Digest::of_reader(reader)?.0);
        }
    }
    Ok(())
}
