//! One image described twice: `manifest.json` and `index.json` must mean the same.

use std::collections::{BTreeMap, BTreeSet};

use super::checker::Checker;
use super::hash::Facts;
use super::oci::{INDEX, Oci, OciImage};
use super::save::{Item, MANIFEST, Save};
use super::{ImageSummary, Rule, tags};
use crate::reference::Reference;

/// Compares the images that both documents describe.
pub(super) fn check(checker: &mut Checker, save: &Save, oci: &Oci) {
    // A document that could not be read says nothing that another could contradict.
    if save.items.is_empty() || checker.source.find(INDEX).is_none() {
        return;
    }
    for item in &save.items {
        check_item(checker, item, save, oci);
    }
    let configs: BTreeSet<Option<usize>> =
        save.items.iter().map(|item| item.config_entry).collect();
    for (&entry, image) in &oci.images {
        // `manifest.json` has room for one platform of an index.
        if image.is_top && image.config.is_some() && !configs.contains(&config_entry(image)) {
            let message = format!(
                "references `{}`, whose config is not in `manifest.json`",
                checker.name(entry)
            );
            checker.error(Rule::HybridImage, INDEX, message);
        }
    }
}

fn config_entry(image: &OciImage) -> Option<usize> {
    image.config.as_ref().map(|config| config.entry)
}

fn check_item(checker: &mut Checker, item: &Item, save: &Save, oci: &Oci) {
    let Some(config) = item.config_entry else {
        return;
    };
    let twins: Vec<&OciImage> = oci
        .images
        .values()
        .filter(|image| config_entry(image) == Some(config))
        .collect();
    if twins.is_empty() {
        // Docker 25 leaves untagged images out of the index.
        if !item.tags.is_empty() {
            let message = format!(
                "does not reference `{}`, which `manifest.json` names",
                item.config_name
            );
            checker.error(Rule::HybridImage, INDEX, message);
        }
        return;
    }
    let mine = layers_of(item);
    let theirs_of = |twin: &&OciImage| -> Vec<Option<usize>> {
        twin.layers.iter().map(|layer| layer.entry).collect()
    };
    // One image may be stored in several ways, such as plain and compressed, each with an item of its own.
    let is_one_of_several = twins.iter().any(|twin| theirs_of(twin) == mine);
    let equal = save
        .items
        .iter()
        .filter(|other| other.config_entry == Some(config));
    let described: BTreeSet<Vec<Option<usize>>> = equal.map(layers_of).collect();
    for twin in &twins {
        let theirs = theirs_of(twin);
        if is_one_of_several && described.contains(&theirs) {
            continue;
        }
        if mine.len() != theirs.len() {
            // Each is compared with the config as well, where `layer-count` tells which is wrong.
            continue;
        }
        if let Some(i) = (0..mine.len()).find(|&i| mine[i] != theirs[i]) {
            let name = |entry: Option<usize>| entry.map_or("nothing", |entry| checker.name(entry));
            let message = format!(
                "references `{}` as layer {i} of `{}`, but `manifest.json` has `{}`",
                name(theirs[i]),
                item.config_name,
                name(mine[i])
            );
            checker.error(Rule::HybridImage, INDEX, message);
        }
    }
    check_tags(checker, item, save, &twins);
}

fn layers_of(item: &Item) -> Vec<Option<usize>> {
    item.layers.iter().map(|layer| layer.entry).collect()
}

fn check_tags(checker: &mut Checker, item: &Item, save: &Save, twins: &[&OciImage]) {
    let parse = |name: &String| Reference::parse(name).ok();
    let valid = |tag: &String| tags::parse(tag).ok();
    // Items of one configuration are one image with the names of all.
    let equal = save
        .items
        .iter()
        .filter(|other| other.config_entry == item.config_entry);
    let tags: BTreeSet<Reference> = equal
        .flat_map(|item| &item.tags)
        .filter_map(valid)
        .collect();
    // Of a name by digest `repo-tag` tells.
    let is_tag = |name: &&String| !name.contains('@');
    let names = || twins.iter().flat_map(|twin| &twin.names).filter(is_tag);
    let references = || twins.iter().flat_map(|twin| &twin.ref_names).filter(is_tag);
    // So it is by `ctr images export --skip-manifest-json`; Docker's own store writes both.
    let is_silent = item.tags.is_empty() && item.json().get("LayerSources").is_none();
    if let (true, Some(name)) = (is_silent, names().chain(references()).next()) {
        let message = format!(
            "has no tag for `{}`, but `index.json` has `{name}`; Docker loads it without a name",
            item.config_name
        );
        checker.warning(Rule::HybridTag, MANIFEST, message);
        return;
    }
    let names: Vec<&String> = names().collect();
    let annotated: BTreeSet<Reference> = names.iter().filter_map(|name| parse(name)).collect();
    for name in names {
        if parse(name).is_none_or(|name| !tags.contains(&name)) {
            let message = format!(
                "names `{}` `{name}`, but `manifest.json` does not",
                item.config_name
            );
            checker.error(Rule::HybridTag, INDEX, message);
        }
    }
    for tag in tags.difference(&annotated) {
        let message = format!(
            "does not name `{}` `{tag}`, but `manifest.json` does",
            item.config_name
        );
        checker.error(Rule::HybridTag, INDEX, message);
    }
    // containerd writes the tag that the name has; of a name without one that is nothing.
    for name in references().filter(|name| !name.is_empty()) {
        // Docker writes the tag alone; others write the whole name.
        let is_known = tags.iter().any(|tag| tag.tag() == name)
            || parse(name).is_some_and(|name| tags.contains(&name));
        if !is_known {
            let message = format!(
                "has the reference `{name}` for `{}`, but `manifest.json` has no such tag",
                item.config_name
            );
            checker.error(Rule::HybridTag, INDEX, message);
        }
    }
}

/// Returns the images for the report: those of `manifest.json`, then what only the index has.
pub(super) fn summaries(save: &Save, oci: &Oci, facts: &Facts) -> Vec<ImageSummary> {
    let id = |entry: Option<usize>| entry.and_then(|entry| facts.digests.get(&entry)).copied();
    let mut images = Vec::new();
    let mut seen = BTreeSet::new();
    for item in &save.items {
        seen.extend(item.config_entry);
        images.push(ImageSummary {
            image_id: id(item.config_entry),
            tags: item.tags.clone(),
            platform: item
                .config
                .as_ref()
                .map(|config| config.platform())
                .unwrap_or_default(),
            n_layers: item.layers.len(),
        });
    }
    let by_position: BTreeMap<usize, &OciImage> = oci
        .images
        .values()
        .map(|image| (image.position, image))
        .collect();
    for image in by_position.into_values() {
        let Some(config) = &image.config else {
            continue;
        };
        // An attestation has a config only to please registries.
        if !seen.insert(config.entry) || config.text("os") == "unknown" {
            continue;
        }
        let names = if image.names.is_empty() {
            &image.ref_names
        } else {
            &image.names
        };
        images.push(ImageSummary {
            image_id: id(Some(config.entry)),
            tags: names.clone(),
            platform: config.platform(),
            n_layers: image.layers.len(),
        });
    }
    images
}
