//! `manifest.json` of Docker's archive format: a list of images.

use std::collections::{BTreeMap, BTreeSet};

use super::Listed;
use super::descriptor::digest_of;
use super::graph::{Graph, NodeKind, children};
use super::read::ImageReader;
use super::unread::Unread;
use crate::archive::source::Source;
use crate::archive::source::names;
pub(in crate::archive) use crate::archive::source::names::digest_in_name;
use crate::archive::{Described, Group, Image};
use crate::compression::Compression;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::reference::Reference;

/// The keys of a `manifest.json` item in the order of Docker's struct (image/tarexport, `manifestItem`).
pub(in crate::archive) const ITEM_ORDER: &[&str] =
    &["Config", "RepoTags", "Layers", "Parent", "LayerSources"];

/// One item of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::archive) struct Item {
    pub(in crate::archive) config: String,
    pub(in crate::archive) tags: Vec<String>,
    pub(in crate::archive) layers: Vec<String>,
    /// What descriptors say of the layers, where there are any: bytes, and how they are compressed. Such layers may be left out.
    pub(in crate::archive) stated: Vec<(u64, Compression)>,
}

/// Returns the items of `manifest.json`.
pub(in crate::archive) fn items(manifest: &Document) -> Result<Vec<Item>, Error> {
    let bad = |reason: String| Error::BadDocument {
        name: "manifest.json".to_owned(),
        reason,
    };
    let Some(items) = manifest.root.items() else {
        return Err(bad("the document is not a list of images".to_owned()));
    };
    if items.len() == 0 {
        return Err(bad("the list of images is empty".to_owned()));
    }
    let mut parsed = Vec::with_capacity(items.len());
    for (i, item) in items.enumerate() {
        let texts = |key: &str| {
            let Some(value) = item.field(key) else {
                return Ok(Vec::new());
            };
            let items = value.items().and_then(|items| {
                items
                    .map(|item| Some(item.as_text()?.into_owned()))
                    .collect()
            });
            items.ok_or_else(|| bad(format!("`{key}` of item {i} is not a list of strings")))
        };
        let config = item
            .field("Config")
            .and_then(Value::as_text)
            .map(std::borrow::Cow::into_owned);
        let config = config.ok_or_else(|| bad(format!("item {i} has no `Config`")))?;
        if item
            .field("Parent")
            .is_some_and(|parent| parent.as_text().is_none())
        {
            return Err(bad(format!("`Parent` of item {i} is not a string")));
        }
        if item
            .field("LayerSources")
            .is_some_and(|sources| sources.members().is_none())
        {
            return Err(bad(format!("`LayerSources` of item {i} is not an object")));
        }
        parsed.push(Item {
            config,
            tags: texts("RepoTags")?,
            layers: texts("Layers")?,
            stated: Vec::new(),
        });
    }
    Ok(parsed)
}

/// Returns the names that an item gives its image.
pub(in crate::archive) fn tags(item: &Item) -> Result<Vec<Reference>, Error> {
    let tag = |tag: &String| {
        Reference::parse(tag).map_err(|error| Error::BadDocument {
            name: "manifest.json".to_owned(),
            reason: format!("`RepoTags` holds `{tag}`: {error}"),
        })
    };
    item.tags.iter().map(tag).collect()
}

/// Tells whether `manifest.json` is of Docker's own store, which lists the sources of its layers, and beside it the manifests
/// at the top. Docker with the containerd store may list the sources too, and an index.
pub(in crate::archive) fn list_sources(manifest: &Document, graph: &Graph) -> bool {
    let mut items = manifest.root.items().into_iter().flatten();
    let is_index = |digest| graph.kind(digest) == Some(NodeKind::Index);
    let mut tops = children(&graph.index).filter_map(digest_of);
    items.any(|item| item.get("LayerSources").is_some()) && !tops.any(is_index)
}

/// Reads the images that `manifest.json` lists; each is a group of its own. What cannot be read stays as it is.
pub(in crate::archive) fn images(
    source: &Source,
    manifest: &Document,
) -> Result<(Listed, Vec<Unread>), Error> {
    let (mut images, mut groups, mut described) = (Vec::new(), Vec::new(), Vec::new());
    let mut unread = Vec::new();
    let mut reader = ImageReader::new(source);
    for item in &items(manifest)? {
        let mut image = match reader.read(item, &[], "`manifest.json`", false) {
            Ok(image) => image,
            Err(error) if error.is_about_content() && !reader.is_spent() => {
                unread.push(Unread {
                    digest: digest_in_name(&item.config),
                    names: item.tags.clone(),
                    error,
                    is_absent: false,
                });
                described.push(Described {
                    images: Vec::new(),
                    tags: tags(item).unwrap_or_default(),
                    held: held(source, item),
                });
                continue;
            }
            Err(error) => return Err(error),
        };
        image.group = images.len();
        groups.push(Group {
            root: None,
            n_absent: 0,
        });
        described.push(Described {
            images: vec![images.len()],
            tags: image.tags.clone(),
            held: Vec::new(),
        });
        images.push(image);
    }
    let listed = Listed {
        images,
        groups,
        items: described,
    };
    Ok((listed, unread))
}

/// Returns the files that an item names, those that they link to, and what stands beside its layers in directories of their own.
fn held(source: &Source, item: &Item) -> Vec<String> {
    let files = item.layers.iter().chain([&item.config]);
    let named = files.filter_map(|name| names::clean(name.as_bytes()));
    let mut held: Vec<String> = named.flat_map(|name| source.links_from(name)).collect();
    for layer in &item.layers {
        if let Some(directory) = layer.strip_suffix("/layer.tar") {
            held.extend(["json", "VERSION"].map(|file| format!("{directory}/{file}")));
            held.push(directory.to_owned());
        }
    }
    held
}

/// A name stands for one image, or for those of one group, and for nothing that cannot be read; `document` has the names.
pub(in crate::archive) fn check_tags(
    images: &[Image],
    unread: &[&Reference],
    document: &str,
) -> Result<(), Error> {
    let mut holders: BTreeMap<&Reference, usize> = BTreeMap::new();
    let mut firsts = BTreeSet::new();
    let is_first = |image: &&Image| firsts.insert(image.group);
    let tags = images
        .iter()
        .filter(is_first)
        .flat_map(|image| image.tags.iter().map(|tag| (tag, image.group)));
    let unread = unread.iter().map(|tag| (*tag, usize::MAX));
    for (tag, group) in tags.chain(unread) {
        if holders.insert(tag, group).is_some() {
            let reason = format!("the tag `{tag}` appears twice");
            return Err(Error::BadDocument {
                name: document.to_owned(),
                reason,
            });
        }
    }
    Ok(())
}
