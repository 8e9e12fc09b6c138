//! Contents of files, told apart by their digests; each layer is read once, whoever wants something of it.

use std::collections::{BTreeMap, HashMap};
use std::io;

use crate::archive::Source;
use crate::digest::Digest;
use crate::error::Error;
use crate::tarball::{Input, TarReader};

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
            let mut reader = TarReader::new(source.blob(entry)?.into_tar(&name())?);
            let read = read_layer(&mut reader, wanted);
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
