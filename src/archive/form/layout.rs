//! OCI layouts (image-spec image-layout.md): `index.json` names manifests or indexes of them, and those name everything
//! else.
//!
//! What stands at the top of the index under one digest is a group: one image, or one for each of several platforms, under
//! the same names.

use std::collections::HashSet;

use super::descriptor::{blob_name, digest_of};
use super::docker::Item;
use super::graph::Graph;
use super::hybrid::check_layers;
use super::read::ImageReader;
use crate::archive::source::Source;
use crate::archive::{Group, Image, OciManifest};
use crate::error::Error;
use crate::image::json::Value;

/// Reads the images that `graph` leads to, group by group.
pub(in crate::archive) fn images(
    source: &Source,
    graph: &Graph,
) -> Result<(Vec<Image>, Vec<Group>), Error> {
    let (mut images, mut groups) = (Vec::new(), Vec::new());
    let mut reader = ImageReader::new(source);
    let mut seen = HashSet::new();
    for root in graph.roots()? {
        let mut n_absent = root.n_absent;
        let n_before = images.len();
        let is_one_of_several = n_absent > 0 || root.images.len() > 1;
        for digest in root.images {
            let document = graph.nodes[&digest].document.clone();
            let manifest = OciManifest { digest, document };
            let item = item(&manifest)?;
            // Layers may be there for the sake of another platform.
            if is_one_of_several && source.find(&item.config).is_none() {
                n_absent += 1;
                continue;
            }
            let wanted_by = format!("`{}`", blob_name(digest));
            let is_shared = !seen.insert(digest) || images.len() > n_before;
            let mut image = reader.read(&item, &root.names, &wanted_by, is_shared)?;
            check_layers(source, &image, &manifest)?;
            image.manifest = Some(manifest);
            image.group = groups.len();
            images.push(image);
        }
        if images.len() > n_before {
            groups.push(Group {
                root: Some(root.digest),
                n_absent,
            });
        }
    }
    if images.is_empty() {
        let reason = if graph.nodes.is_empty() {
            "the list of manifests is empty"
        } else {
            "it references no image in the archive"
        };
        return Err(Error::BadDocument {
            name: "index.json".to_owned(),
            reason: reason.to_owned(),
        });
    }
    Ok((images, groups))
}

/// Says of a manifest what an item of `manifest.json` says of an image.
fn item(manifest: &OciManifest) -> Result<Item, Error> {
    let root = &manifest.document.root;
    let bad = |what: &str| Error::BadDocument {
        name: blob_name(manifest.digest),
        reason: format!("{what} has no `sha256:` digest"),
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
