//! OCI layouts (image-spec image-layout.md): `index.json` names manifests, and those name everything else.
//!
//! Each manifest at the top of the index is an image; the same manifest under several names is one image with several
//! tags.

use super::docker::Item;
use super::hybrid::{check_layers, read_manifest};
use super::index::{blob_name, descriptors};
use super::read::read_image;
use super::source::Source;
use super::{Image, OciManifest};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};

/// Reads the images that `index` lists, in its order.
pub(super) fn images(source: &Source, index: &Document) -> Result<Vec<Image>, Error> {
    let mut images: Vec<Image> = Vec::new();
    for descriptor in descriptors(index)? {
        let is_it = |image: &&mut Image| image.manifest_digest() == Some(descriptor.digest);
        if let Some(image) = images.iter_mut().find(is_it) {
            image.tags.extend(descriptor.name);
            continue;
        }
        let manifest = read_manifest(source, &descriptor)?;
        let mut image = read_image(source, &item(&manifest)?)?;
        check_layers(source, &image, &manifest)?;
        image.tags.extend(descriptor.name);
        image.manifest = Some(manifest);
        images.push(image);
    }
    if images.is_empty() {
        let reason = "the list of manifests is empty".to_owned();
        return Err(Error::BadDocument {
            name: "index.json".to_owned(),
            reason,
        });
    }
    Ok(images)
}

/// Says of a manifest what an item of `manifest.json` says of an image.
fn item(manifest: &OciManifest) -> Result<Item, Error> {
    let root = &manifest.document.root;
    let bad = |what: &str| Error::BadDocument {
        name: blob_name(manifest.digest),
        reason: format!("{what} has no `sha256:` digest"),
    };
    let digest_of = |descriptor: &Value| {
        descriptor
            .get("digest")
            .and_then(Value::as_text)
            .and_then(|d| Digest::parse(&d).ok())
    };
    let config = root
        .get("config")
        .and_then(digest_of)
        .ok_or_else(|| bad("`config`"))?;
    let layers = root
        .get("layers")
        .and_then(Value::items)
        .into_iter()
        .flatten();
    let layers = layers.map(|layer| {
        digest_of(layer)
            .map(blob_name)
            .ok_or_else(|| bad("a layer"))
    });
    Ok(Item {
        config: blob_name(config),
        tags: Vec::new(),
        layers: layers.collect::<Result<_, _>>()?,
    })
}
