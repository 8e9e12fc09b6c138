//! OCI layouts (image-spec image-layout.md): `index.json` names manifests or indexes of them, and those name everything
//! else.
//!
//! What stands at the top of the index under one digest is a group: one image, or one for each of several platforms, under
//! the same names.

use std::collections::HashSet;

use super::{Dialect, Facts, Index, hybrid};
use crate::archive::dialect::state::{Files, State};
use crate::archive::documents::descriptor::{blob_name, digest_of};
use crate::archive::documents::graph::Graph;
use crate::archive::documents::halves::check_layers;
use crate::archive::documents::items::{self, Item};
use crate::archive::documents::read::ImageReader;
use crate::archive::documents::{Documents, Listed};
use crate::archive::source::Source;
use crate::archive::{Contents, Group, Image, OciManifest};
use crate::error::Error;
use crate::image::json::Value;

/// The dialect. Archives of another form that are to be a layout are written in it.
#[derive(Debug)]
pub(in crate::archive) struct Layout;

impl Dialect for Layout {
    fn facts(&self) -> &'static Facts {
        &Facts {
            description: "OCI layout",
            keeps_layers_plain: false,
            is_of_dockers_store: false,
            has_full_names: false,
            manifest_json: None,
            index: Some(Index {
                says_which_images: true,
                lists_nameless: true,
                has_whole_names: false,
            }),
        }
    }

    fn files(&self, contents: &Contents, states: &[State], graph: Option<&Graph>) -> Files {
        hybrid::files(contents, None, states, graph)
    }
}

/// Reads the images where there is an `index.json` alone.
pub(super) fn list(source: &Source, documents: &Documents) -> Result<Option<Listed>, Error> {
    let graph = documents.graph.as_ref();
    let Some(graph) = graph.filter(|_| documents.manifest.is_none()) else {
        return Ok(None);
    };
    let (images, groups) = images(source, graph)?;
    items::check_tags(&images, "index.json")?;
    Ok(Some(Listed {
        images,
        groups,
        items: Vec::new(),
    }))
}

/// Reads the images that `graph` leads to, group by group.
pub(super) fn images(source: &Source, graph: &Graph) -> Result<(Vec<Image>, Vec<Group>), Error> {
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
pub(in crate::archive) fn item(manifest: &OciManifest) -> Result<Item, Error> {
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
