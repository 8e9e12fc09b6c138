//! Layers on their way into a layout: named by the digest of their bytes, in a compression that OCI has a name for.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use super::manifest::{manifest_of, with_oci_types};
use super::target::Target;
use crate::archive::Contents;
use crate::archive::dialect::state::{State, StateLayer};
use crate::archive::draft::{Content, StoredLayer};
use crate::archive::source::spool::Spool;
use crate::compression::Compression;
use crate::digest::{Digest, Hashing};
use crate::error::Error;

/// The layers of the new archive.
pub(super) struct Layers<'a> {
    contents: &'a Contents,
    spool: Spool<'a>,
    /// By the entry that they come from: images share layers.
    known: HashMap<usize, StateLayer>,
    stored: Vec<StoredLayer<'a>>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(
        contents: &'a Contents,
        stored: Vec<StoredLayer<'a>>,
        spool: &'a Path,
    ) -> Self {
        Self {
            contents,
            spool: Spool::new(spool),
            known: HashMap::new(),
            stored,
        }
    }

    /// Returns the layers that the archive does not have.
    pub(super) fn finish(self) -> Vec<StoredLayer<'a>> {
        self.stored
    }

    /// Makes an image one of another form: unless the documents of a layout stay, it gets layers that every reader knows and
    /// a manifest that lists them.
    pub(super) fn fit(
        &mut self,
        state: &mut State,
        target: &Target<'_>,
        notes: &mut Vec<String>,
    ) -> Result<(), Error> {
        if target.graph.is_none() {
            let layers = state.layers.iter();
            let portable = layers.map(|layer| self.portable(layer, notes));
            state.layers = portable.collect::<Result<_, _>>()?;
            state.manifest = Some(manifest_of(state));
        }
        if target.facts().is_bare_layout() {
            let manifest = state.manifest.as_ref();
            state.manifest = manifest.map(|manifest| with_oci_types(manifest, &state.layers));
        }
        state.rename_layers();
        Ok(())
    }

    /// Returns a layer with its digest, and in another compression where it must be.
    fn portable(
        &mut self,
        layer: &StateLayer,
        notes: &mut Vec<String>,
    ) -> Result<StateLayer, Error> {
        let Some(Content::Entry(entry)) = layer.content else {
            return Ok(layer.clone());
        };
        if let Some(known) = self.known.get(&entry) {
            return Ok(known.clone());
        }
        let portable = match layer.compression {
            // The configuration says what it hashes to.
            Compression::None => StateLayer {
                digest: Some(layer.diff_id.into()),
                ..layer.clone()
            },
            Compression::Gzip | Compression::Zstd => StateLayer {
                digest: Some(self.digest(entry)?),
                ..layer.clone()
            },
            Compression::Bzip2 | Compression::Xz => {
                notes.push(format!(
                    "the layer {} is now compressed with gzip: OCI has no media type for {}",
                    layer.diff_id.short(),
                    layer.compression.name()
                ));
                self.recompressed(layer, entry)?
            }
        };
        self.known.insert(entry, portable.clone());
        Ok(portable)
    }

    /// Hashes the bytes of an entry, unless its name among the blobs of a layout states it.
    fn digest(&self, entry: usize) -> Result<Digest, Error> {
        let source = &self.contents.source;
        let name = &source.entries()[entry].name;
        let stated = name
            .strip_prefix("blobs/sha256/")
            .and_then(Digest::parse_hex);
        if let Some(digest) = stated {
            return Ok(digest);
        }
        let hashed = Digest::of_reader(&mut source.blob(entry)?.reader());
        hashed
            .map(|(digest, _)| digest)
            .map_err(Error::in_place(name))
    }

    fn recompressed(&mut self, layer: &StateLayer, entry: usize) -> Result<StateLayer, Error> {
        let name = &self.contents.source.entries()[entry].name;
        let unreadable = Error::in_place(name);
        let blob = self.contents.source.blob(entry)?;
        let mut input = layer
            .compression
            .decoder(blob.reader())
            .map_err(unreadable)?;
        let (file, start) = self.spool.begin()?;
        let failed = |source| self.spool.error(source);
        let buffered = io::BufWriter::with_capacity(128 * 1024, &*file);
        let encoder = Compression::Gzip
            .encoder(Hashing::new(buffered))
            .map_err(failed)?;
        let mut output = Hashing::new(encoder);
        io::copy(&mut input, &mut output).map_err(unreadable)?;
        let (found, _, encoder) = output.finish_layer();
        if found != layer.diff_id {
            return Err(Error::Mismatch {
                what: format!("the diff id of the layer `{name}`"),
                found: found.to_string(),
                wanted: layer.diff_id.to_string(),
            });
        }
        let (digest, size, buffered) = encoder.finish().map_err(failed)?.finish();
        buffered
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        let stored = StoredLayer::spooled(
            (file, start),
            layer.diff_id,
            digest,
            size,
            Compression::Gzip,
        );
        let state = StateLayer::stored(self.stored.len(), &stored);
        self.stored.push(stored);
        Ok(state)
    }
}
