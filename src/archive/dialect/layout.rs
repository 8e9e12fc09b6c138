//! OCI layouts (image-spec image-layout.md): `index.json` names manifests or indexes of them, and those name everything
//! else.
//!
//! What stands at the top of the index under one digest is a group: one image, or one for each of several platforms, under
//! the same names.

use std::collections::HashSet;

use super::{Dialect, Facts, Index, hybrid};
use crate::archive::dialect::state::{Files, State};
use crate::archive::documents::descriptor::{digest_of, media_type_of};
use crate::archive::documents::graph::Graph;
use crate::archive::documents::halves::check_layers;
use crate::archive::documents::items::Item;
use crate::archive::documents::read::ImageReader;
use crate::archive::documents::store::Store;
use crate::archive::documents::unread::Unread;
use crate::archive::documents::{Documents, Listed};
use crate::archive::source::Source;
use crate::archive::{Contents, Group, Image, OciManifest};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::Value;
use crate::media_type;
use crate::reference::Reference;

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
                store: Store::Blobs,
            }),
        }
    }

    fn files(&self, contents: &Contents, states: &[State], graph: Option<&Graph>) -> Files {
        hybrid::files(contents, None, states, graph)
    }
}

/// Reads the images where there is an `index.json` alone, or the single manifest of a `dir:`.
pub(super) fn list(source: &Source, documents: &mut Documents) -> Result<Option<Listed>, Error> {
    if documents.manifest.is_some() {
        return Ok(None);
    }
    let Some(graph) = documents.graph.as_mut() else {
        return Ok(None);
    };
    let found = images(source, graph)?;
    graph.demote(&found.others);
    documents.unread.extend(found.unread);
    Ok(Some(Listed {
        images: found.images,
        groups: found.groups,
        items: Vec::new(),
    }))
}

/// What a graph leads to.
pub(super) struct Found {
    pub(super) images: Vec<Image>,
    pub(super) groups: Vec<Group>,
    /// The manifests of what looks like an image and is none, or none that can be read.
    others: Vec<Digest>,
    unread: Vec<Unread>,
}

impl Found {
    /// Refuses what cannot be read: what two documents say of images is compared as a whole.
    pub(super) fn whole(self) -> Result<(Vec<Image>, Vec<Group>), Error> {
        match self.unread.into_iter().next() {
            Some(unread) => Err(unread.error),
            None if self.images.is_empty() => Err(Error::no_image_listed()),
            None => Ok((self.images, self.groups)),
        }
    }
}

/// Reads the images that `graph` leads to, group by group.
pub(super) fn images(source: &Source, graph: &Graph) -> Result<Found, Error> {
    let mut found = Found {
        images: Vec::new(),
        groups: Vec::new(),
        others: Vec::new(),
        unread: Vec::new(),
    };
    let mut reader = ImageReader::new(source);
    let mut seen = HashSet::new();
    for root in graph.roots()? {
        let mut n_absent = root.n_absent;
        let n_before = found.images.len();
        let is_one_of_several = n_absent > 0 || root.images.len() > 1;
        for digest in root.images {
            let document = graph.nodes[&digest].document.clone();
            let manifest = OciManifest { digest, document };
            let is_shared = !seen.insert(digest) || found.images.len() > n_before;
            let read = read(
                (&mut reader, source),
                graph,
                manifest,
                &root.names,
                is_shared,
            );
            let error = match read {
                Ok(mut image) => {
                    image.group = found.groups.len();
                    found.images.push(image);
                    continue;
                }
                Err(error) => error,
            };
            match error {
                // Layers may be there for the sake of another platform.
                Error::MissingEntry { .. } if is_one_of_several => n_absent += 1,
                Error::NotAnImage { .. } => found.others.push(digest),
                error if error.is_about_content() && !reader.is_spent() => {
                    found.others.push(digest);
                    found.unread.push(Unread {
                        digest: Some(digest),
                        names: root.names.iter().map(Reference::familiar).collect(),
                        is_absent: matches!(error, Error::MissingEntry { .. }),
                        error,
                    });
                }
                error => return Err(error),
            }
        }
        if found.images.len() > n_before {
            found.groups.push(Group {
                root: Some(root.digest),
                n_absent,
            });
        }
    }
    Ok(found)
}

fn read(
    (reader, source): (&mut ImageReader<'_>, &Source),
    graph: &Graph,
    manifest: OciManifest,
    names: &[Reference],
    is_shared: bool,
) -> Result<Image, Error> {
    let wanted_by = format!("`{}`", graph.document_name(manifest.digest));
    let mut image = reader.read(&item(graph, &manifest)?, names, &wanted_by, is_shared)?;
    check_layers(source, &image, &manifest)?;
    image.manifest = Some(manifest);
    Ok(image)
}

/// Says of a manifest what an item of `manifest.json` says of an image.
pub(in crate::archive) fn item(graph: &Graph, manifest: &OciManifest) -> Result<Item, Error> {
    let root = &manifest.document.root;
    let bad = |what: &str| Error::BadDocument {
        name: graph.document_name(manifest.digest),
        reason: format!("{what} has no `sha256:` digest"),
    };
    let config = root
        .get("config")
        .and_then(digest_of)
        .ok_or_else(|| bad("`config`"))?;
    let layers = || {
        let layers = root.get("layers").and_then(Value::items);
        layers.into_iter().flatten()
    };
    let stated = layers().map(|layer| {
        let size = layer.get("size").and_then(Value::as_u64);
        (
            size.unwrap_or_default(),
            media_type::compression(&media_type_of(layer)),
        )
    });
    let stated = stated.collect();
    let layers = layers().map(|layer| {
        digest_of(layer)
            .map(|digest| graph.blob_name(digest))
            .ok_or_else(|| bad("a layer"))
    });
    Ok(Item {
        config: graph.blob_name(config),
        tags: Vec::new(),
        layers: layers.collect::<Result<_, _>>()?,
        stated,
    })
}
