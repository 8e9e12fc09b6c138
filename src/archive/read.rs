//! Reading the documents of an archive, and what they say of one image.

use std::io::Read;

use super::docker::{self, Item};
use super::source::Source;
use super::{Image, Layer, MAX_DOCUMENT_BYTES};
use crate::compression::{Compression, MAGIC_BYTES};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::Config;
use crate::image::json::Document;

/// Reads a document at the top of the archive, where there is one.
pub(super) fn read_optional(source: &Source, name: &str) -> Result<Option<Document>, Error> {
    source
        .find(name)
        .map(|_| read_document(source, name))
        .transpose()
}

/// Reads and parses a document by name.
pub(super) fn read_document(source: &Source, name: &str) -> Result<Document, Error> {
    let index = source.resolve(name, "the form of the archive")?;
    let bytes = source.read(index, MAX_DOCUMENT_BYTES)?;
    Document::parse(&bytes).map_err(|error| Error::BadDocument {
        name: name.to_owned(),
        reason: error.to_string(),
    })
}

/// Reads what `item` says of an image; `wanted_by` is the document that says it, for messages.
pub(super) fn read_image(source: &Source, item: &Item, wanted_by: &str) -> Result<Image, Error> {
    let config_entry = source.resolve(&item.config, wanted_by)?;
    let bytes = source.read(config_entry, MAX_DOCUMENT_BYTES)?;
    let image_id = Digest::of(&bytes);
    // A name that states a digest is a promise.
    if let Some(stated) = docker::digest_in_name(&item.config)
        && stated != image_id
    {
        let what = format!(
            "the digest of the configuration `{}`",
            item.config.escape_debug()
        );
        return Err(Error::Mismatch {
            what,
            found: image_id.to_string(),
            wanted: stated.to_string(),
        });
    }
    let config = Config::parse(&bytes).map_err(|error| Error::BadDocument {
        name: item.config.clone(),
        reason: error.to_string(),
    })?;
    if config.diff_ids().len() != item.layers.len() {
        return Err(Error::Mismatch {
            what: format!(
                "the number of layers that {wanted_by}, unlike the configuration, lists for `{}`",
                item.config.escape_debug()
            ),
            found: item.layers.len().to_string(),
            wanted: config.diff_ids().len().to_string(),
        });
    }
    let mut layers = Vec::with_capacity(item.layers.len());
    for (path, &diff_id) in item.layers.iter().zip(config.diff_ids()) {
        let entry = source.resolve(path, wanted_by)?;
        layers.push(Layer {
            diff_id,
            path: path.clone(),
            entry,
            size: source.entries()[entry].size,
            compression: compression_of(source, entry)?,
        });
    }
    let tags = docker::tags(item)?;
    Ok(Image {
        config,
        image_id,
        config_entry,
        layers,
        tags,
        manifest: None,
        group: 0,
    })
}

/// Tells how a layer is compressed from its first bytes: names and media types have been wrong before.
fn compression_of(source: &Source, entry: usize) -> Result<Compression, Error> {
    let mut first = Vec::new();
    let failed = |error| Error::Io {
        place: source.entries()[entry].name.clone(),
        source: error,
    };
    source
        .blob(entry)?
        .reader()
        .take(MAGIC_BYTES as u64)
        .read_to_end(&mut first)
        .map_err(failed)?;
    Ok(Compression::detect(&first))
}
