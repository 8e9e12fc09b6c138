//! `manifest.json` of Docker's archive format: a list of images.

use std::collections::{BTreeMap, BTreeSet};

use super::Listed;
use super::read::ImageReader;
use crate::archive::source::Source;
pub(in crate::archive) use crate::archive::source::names::digest_in_name;
use crate::archive::{Described, Group, Image};
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
        let field = |key: &str| {
            item.field(key)
                .map_err(|key| bad(format!("item {i} has `{}` for `{}`", key.found, key.wanted)))
        };
        let texts = |key: &str| {
            let Some(value) = field(key)? else {
                return Ok(Vec::new());
            };
            let items = value.items().and_then(|items| {
                items
                    .map(|item| Some(item.as_text()?.into_owned()))
                    .collect()
            });
            items.ok_or_else(|| bad(format!("`{key}` of item {i} is not a list of strings")))
        };
        let config = field("Config")?
            .and_then(Value::as_text)
            .map(std::borrow::Cow::into_owned);
        let config = config.ok_or_else(|| bad(format!("item {i} has no `Config`")))?;
        if field("Parent")?.is_some_and(|parent| parent.as_text().is_none()) {
            return Err(bad(format!("`Parent` of item {i} is not a string")));
        }
        if field("LayerSources")?.is_some_and(|sources| sources.members().is_none()) {
            return Err(bad(format!("`LayerSources` of item {i} is not an object")));
        }
        parsed.push(Item {
            config,
            tags: texts("RepoTags")?,
            layers: texts("Layers")?,
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

/// Tells whether `manifest.json` is of Docker's own store: only that lists the sources of its layers.
pub(in crate::archive) fn list_sources(manifest: &Document) -> bool {
    let mut items = manifest.root.items().into_iter().flatten();
    items.any(|item| item.get("LayerSources").is_some())
}

/// Reads the images that `manifest.json` lists; each is a group of its own.
pub(in crate::archive) fn images(source: &Source, manifest: &Document) -> Result<Listed, Error> {
    let (mut images, mut groups, mut described) = (Vec::new(), Vec::new(), Vec::new());
    let mut reader = ImageReader::new(source);
    for (i, item) in items(manifest)?.iter().enumerate() {
        let mut image = reader.read(item, &[], "`manifest.json`", false)?;
        image.group = i;
        groups.push(Group {
            root: None,
            n_absent: 0,
        });
        described.push(Described {
            images: vec![i],
            tags: image.tags.clone(),
        });
        images.push(image);
    }
    check_tags(&images, "manifest.json")?;
    Ok(Listed {
        images,
        groups,
        items: described,
    })
}

/// A name stands for one image, or for those of one group; `document` has the names.
pub(in crate::archive) fn check_tags(images: &[Image], document: &str) -> Result<(), Error> {
    let mut holders: BTreeMap<&Reference, usize> = BTreeMap::new();
    let mut firsts = BTreeSet::new();
    let is_first = |image: &&Image| firsts.insert(image.group);
    let tags = images
        .iter()
        .filter(is_first)
        .flat_map(|image| image.tags.iter().map(|tag| (tag, image.group)));
    for (tag, group) in tags {
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
