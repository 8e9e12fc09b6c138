//! Contents of files, told apart by their digests; each layer is read once, whoever wants something of it.

use std::collections::{BTreeMap, HashMap};
use std::io;

use crate::archive::{BlobId, Source};
use crate::digest::Digest;
use crate::error::Error;
use crate::printable;
use crate::tarball::{ContentReader, Input, MAX_HOLE_BYTES, TarReader};

/// Where a content stands: the stored layer, and bytes into its uncompressed stream.
pub(super) type Place = (BlobId, u64);

/// Contents that are wanted, and their digests once they are read.
#[derive(Debug, Default)]
pub(super) struct Contents {
    wanted: BTreeMap<BlobId, HashMap<u64, Option<Digest>>>,
}

impl Contents {
    pub(super) fn want(&mut self, (layer, offset): Place) {
        self.wanted.entry(layer).or_default().insert(offset, None);
    }

    /// Returns the digest of a content that was wanted and read.
    pub(super) fn digest(&self, (layer, offset): Place) -> Option<Digest> {
        *self.wanted.get(&layer)?.get(&offset)?
    }

    pub(super) fn read(&mut self, source: &Source) -> Result<(), Error> {
        for (&layer, wanted) in &mut self.wanted {
            let mut reader = TarReader::new(source.tar(layer)?);
            let read = read_layer(&mut reader, wanted);
            read.map_err(|reason| {
                Error::unreadable_layer(source.name_of(layer).to_owned(), reason)
            })?;
        }
        Ok(())
    }
}

fn read_layer(
    reader: &mut TarReader<impl Input>,
    wanted: &mut HashMap<u64, Option<Digest>>,
) -> Result<(), io::Error> {
    let mut n_holes = 0_u64;
    while let Some(entry) = reader.next().map_err(io::Error::other)? {
        if let Some(digest) = wanted.get_mut(&reader.offset()) {
            let sparse = entry.sparse.as_ref();
            n_holes += sparse.map_or(0, |map| map.hole_bytes(entry.size));
            if n_holes > MAX_HOLE_BYTES {
                let name = printable::decoded(&entry.name);
                return Err(io::Error::other(format!(
                    "with `{name}` the sparse files to compare have {n_holes} bytes of holes; at most {MAX_HOLE_BYTES} are read"
                )));
            }
            let mut content = ContentReader::new(&mut *reader, entry.size, sparse);
            *digest = Some(Digest::of_reader(&mut content)?.0);
        }
    }
    Ok(())
}
