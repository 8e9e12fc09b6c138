//! Reading the documents of an archive, and what they say of one image.

use super::descriptor::blob_name;
use super::docker::{self, Item};
use crate::archive::source::Source;
use crate::archive::{Image, Layer, MAX_DOCUMENT_BYTES, OciManifest};
use crate::compression::Compression;
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::image::Config;
use crate::image::json::{Document, Value};

/// Reads a document at the top of the archive, where there is one.
pub(in crate::archive) fn read_optional(
    source: &Source,
    name: &str,
) -> Result<Option<Document>, Error> {
    source
        .find(name)
        .map(|_| read_document(source, name))
        .transpose()
}

/// Reads and parses a document by name.
pub(in crate::archive) fn read_document(source: &Source, name: &str) -> Result<Document, Error> {
    let index = source.resolve(name, "the form of the archive")?;
    parse(&source.read(index, MAX_DOCUMENT_BYTES)?, name)
}

fn parse(bytes: &[u8], name: &str) -> Result<Document, Error> {
    Document::parse(bytes).map_err(|error| Error::BadDocument {
        name: name.to_owned(),
        reason: error.to_string(),
    })
}

/// Reads what `item` says of an image; `wanted_by` is the document that says it, for messages.
pub(in crate::archive) fn read_image(
    source: &Source,
    item: &Item,
    wanted_by: &str,
) -> Result<Image, Error> {
    let config_entry = source.resolve(&item.config, wanted_by)?;
    let bytes = source.read(config_entry, MAX_DOCUMENT_BYTES)?;
    let image_id = Digest::of(&bytes);
    // A name that states a digest is a promise.
    if let Some(stated) = docker::digest_in_name(&item.config)
        && stated != image_id
    {
        let what = format!("the digest of the configuration `{}`", item.config);
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
        return Err(Error::OtherLayers {
            document: wanted_by.to_owned(),
            reason: format!(
                "lists {} layers for `{}`, which has {} diff ids",
                item.layers.len(),
                item.config,
                config.diff_ids().len()
            ),
        });
    }
    let mut layers = Vec::with_capacity(item.layers.len());
    for (path, &diff_id) in item.layers.iter().zip(config.diff_ids()) {
        let entry = source.resolve(path, wanted_by)?;
        let layer = Layer {
            diff_id,
            path: path.clone(),
            entry,
            size: source.entries()[entry].size,
            compression: compression_of(source, entry)?,
        };
        check_name(source, &layer, &config, item, wanted_by)?;
        layers.push(layer);
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

/// A plain layer that is named by the diff id of another layer of the image stands in that one's place.
fn check_name(
    source: &Source,
    layer: &Layer,
    config: &Config,
    item: &Item,
    wanted_by: &str,
) -> Result<(), Error> {
    let name = &source.entries()[layer.entry].name;
    let Some(stated) = docker::digest_in_name(name) else {
        return Ok(());
    };
    let is_others = |diff_id: &DiffId| Digest::from(*diff_id) == stated;
    let is_misplaced = layer.compression == Compression::None
        && stated != layer.diff_id.into()
        && config.diff_ids().iter().any(is_others);
    if !is_misplaced {
        return Ok(());
    }
    Err(Error::OtherLayers {
        document: wanted_by.to_owned(),
        reason: format!(
            "lists the layer `{}` where `{}` has the diff id `{}`",
            layer.path, item.config, layer.diff_id
        ),
    })
}

/// Tells how a layer is compressed from its first bytes: names and media types have been wrong before.
fn compression_of(source: &Source, entry: usize) -> Result<Compression, Error> {
    source
        .blob(entry)?
        .compression(&source.entries()[entry].name)
}

/// Reads a document that a descriptor names; its digest and size must be as stated.
pub(in crate::archive) fn read_manifest(
    source: &Source,
    descriptor: &Value,
    digest: Digest,
) -> Result<OciManifest, Error> {
    let name = blob_name(digest);
    let index = source.resolve(&name, "`index.json`")?;
    let bytes = source.read(index, MAX_DOCUMENT_BYTES)?;
    let found = Digest::of(&bytes);
    if found != digest {
        return Err(Error::Mismatch {
            what: format!("the digest of `{name}`"),
            found: found.to_string(),
            wanted: digest.to_string(),
        });
    }
    let size = descriptor.get("size").and_then(Value::as_u64);
    if size != Some(bytes.len() as u64) {
        return Err(Error::Mismatch {
            what: format!("the size of `{name}`"),
            found: bytes.len().to_string(),
            wanted: size.map_or_else(|| "no size".to_owned(), |size| size.to_string()),
        });
    }
    Ok(OciManifest {
        digest: found,
        document: parse(&bytes, &name)?,
    })
}
