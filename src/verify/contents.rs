//! The bytes of blobs and layers against what documents and names say of them.

use std::collections::{BTreeMap, BTreeSet};

use super::checker::Checker;
use super::config::Config;
use super::hash::{self, Facts};
use super::layer::LayerFacts;
use super::oci::Oci;
use super::save::Save;
use super::{Rule, Severity};
use crate::archive::Source;
use crate::compression::Compression;
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::tarball::Kind;

/// The entries of layers, and what images say about each.
#[derive(Default)]
struct Layers {
    /// Every diff id that an image has for it, with the config that says so.
    wanted: BTreeMap<usize, BTreeSet<(DiffId, usize, usize)>>,
    /// Layers of which nothing is known but that they are some.
    entries: BTreeSet<usize>,
    /// Layers of Windows images, whose link targets follow other rules.
    windows: BTreeSet<usize>,
}

impl Layers {
    fn add(&mut self, entry: Option<usize>, config: Option<&Config>, position: usize) {
        let Some(entry) = entry else { return };
        self.entries.insert(entry);
        let Some(config) = config else { return };
        if config.text("os") == "windows" {
            self.windows.insert(entry);
        }
        if let Some(&Some(diff_id)) = config.diff_ids.get(position) {
            let wanted = self.wanted.entry(entry).or_default();
            wanted.insert((diff_id, config.entry, position));
        }
    }
}

/// Hashes everything that has to be and compares.
pub(super) fn check(checker: &mut Checker, save: &Save, oci: &Oci) -> Result<Facts, Error> {
    let mut layers = Layers::default();
    let mut stored = BTreeSet::new();
    for item in &save.items {
        stored.extend(item.config_entry);
        for (i, layer) in item.layers.iter().enumerate() {
            layers.add(layer.entry, item.config.as_deref(), i);
            if let Some(entry) = layer.entry
                && promised_hex(&layer.name).is_some()
            {
                stored.insert(entry);
            }
        }
    }
    for image in oci.images.values() {
        for (i, layer) in image.layers.iter().enumerate() {
            if layer.stated_compression().is_some() {
                layers.add(layer.entry, image.config.as_deref(), i);
            }
        }
    }
    stored.extend(blobs(checker.source).map(|(_, target)| target));
    let facts = hash::hash(checker.source, &stored, &layers.entries)?;
    check_names(checker, save, &facts);
    for (&entry, layer) in &facts.layers {
        check_layer(checker, entry, layer, &layers);
    }
    check_media_types(checker, oci, &facts);
    Ok(facts)
}

/// Returns the entries of the blob store, and the files that links among them lead to: a name is a promise either way.
fn blobs(source: &Source) -> impl Iterator<Item = (usize, usize)> {
    let entries = source.entries().iter().enumerate();
    entries.filter_map(|(entry, item)| {
        let is_first = source.find(&item.name) == Some(entry);
        if !is_first || !item.name.starts_with("blobs/") || item.kind == Kind::Directory {
            return None;
        }
        Some((entry, source.resolve(&item.name, "").ok()?))
    })
}

/// Returns the digest that a layer's file name promises in archives without a blob store.
fn promised_hex(name: &str) -> Option<Digest> {
    let stem = name.split_once(".tar")?.0;
    Digest::parse_hex(stem.strip_prefix("sha256:").unwrap_or(stem))
}

fn check_names(checker: &mut Checker, save: &Save, facts: &Facts) {
    for (entry, target) in blobs(checker.source) {
        let item = &checker.source.entries()[entry];
        let Some(found) = facts.digests.get(&target) else {
            continue;
        };
        let hex = item.name.strip_prefix("blobs/sha256/");
        // Bazel's rules_oci puts `.tar.gz` behind the digest.
        let stem = hex.map(|hex| hex.split_once('.').map_or(hex, |(stem, _)| stem));
        match stem.and_then(Digest::parse_hex) {
            None => {
                let message = "is no blob whose name is a digest that can be checked (sha256)";
                checker.warning(Rule::BlobName, &item.name, message);
                checker.use_entry(entry);
            }
            Some(named) if named != *found => {
                let message =
                    format!("holds bytes whose digest is `{found}`, not that of its name");
                checker.error(Rule::BlobDigest, &item.name, message);
            }
            Some(_) => {}
        }
    }
    for item in &save.items {
        check_config_name(checker, item.config_entry, &item.config_name, facts);
        for layer in &item.layers {
            check_layer_name(checker, layer.entry, &layer.name, facts);
        }
    }
}

fn check_config_name(checker: &mut Checker, entry: Option<usize>, name: &str, facts: &Facts) {
    let Some(found) = entry.and_then(|entry| facts.digests.get(&entry)) else {
        return;
    };
    let named = name.strip_suffix(".json").and_then(Digest::parse_hex);
    if let Some(named) = named.or_else(|| Digest::parse(name).ok())
        && named != *found
    {
        let message = format!("holds bytes whose digest is `{found}`, not that of its name");
        checker.error(Rule::ConfigName, name, message);
    }
}

fn check_layer_name(checker: &mut Checker, entry: Option<usize>, name: &str, facts: &Facts) {
    let (Some(named), Some(entry)) = (promised_hex(name), entry) else {
        return;
    };
    let (digest, layer) = (facts.digests.get(&entry), facts.layers.get(&entry));
    let (Some(digest), Some(layer)) = (digest, layer) else {
        return;
    };
    if named != *digest && named.hex() != layer.diff_id.hex() {
        let message = format!(
            "holds bytes whose digest is `{digest}`, decompressed `{}`, and its name says neither",
            layer.diff_id
        );
        checker.error(Rule::LayerName, name, message);
    }
}

fn check_layer(checker: &mut Checker, entry: usize, layer: &LayerFacts, layers: &Layers) {
    let place = checker.name(entry);
    let compression = layer.compression.name();
    if let Some(reason) = &layer.damage {
        let message = format!("is a damaged {compression} stream: {reason}");
        checker.error(Rule::LayerCompression, place, message);
    } else {
        for (wanted, config, position) in layers.wanted.get(&entry).into_iter().flatten() {
            if *wanted != layer.diff_id {
                let message = format!(
                    "holds a layer whose diff id is `{}`, not `{wanted}` as `{}` has it for layer {position}",
                    layer.diff_id,
                    checker.name(*config)
                );
                checker.error(Rule::DiffId, place, message);
            }
        }
    }
    if !matches!(layer.compression, Compression::None | Compression::Gzip) {
        let message = format!("is compressed with {compression}, which some loaders do not know");
        checker.warning(Rule::UnportableCompression, place, message);
    }
    let tar = &layer.tar;
    if let Some(reason) = &tar.fault {
        checker.error(
            Rule::LayerTar,
            place,
            format!("is no tar that can be read: {reason}"),
        );
    }
    if tar.is_too_long {
        let message = "has more entries than are checked for repeated paths";
        checker.warning(Rule::LayerTar, place, message);
    }
    let windows = layers.windows.contains(&entry);
    for (rule, severity, offenders, what) in [
        (
            Rule::LayerDuplicatePath,
            Severity::Error,
            &tar.duplicates,
            "has paths twice, which docker refuses",
        ),
        (
            Rule::LayerSparse,
            Severity::Error,
            &tar.sparse,
            "has sparse files, which docker cannot keep",
        ),
        (
            Rule::LayerWhiteout,
            Severity::Error,
            &tar.whiteouts,
            "has whiteouts that name nothing",
        ),
        (
            Rule::LayerHardLink,
            Severity::Warning,
            &tar.dangling,
            "has hard links to what does not come before them in the layer",
        ),
    ] {
        if rule == Rule::LayerHardLink && windows {
            continue;
        }
        if let Some(names) = offenders.text() {
            checker.find(rule, severity, place, &format!("{what}: {names}"));
        }
    }
}

fn check_media_types(checker: &mut Checker, oci: &Oci, facts: &Facts) {
    for layer in oci.images.values().flat_map(|image| &image.layers) {
        let facts = layer
            .entry
            .and_then(|entry| Some((entry, facts.layers.get(&entry)?)));
        let (Some(stated), Some((entry, facts))) = (layer.stated_compression(), facts) else {
            continue;
        };
        let found = facts.compression.name();
        if stated != found && !layer.is_foreign {
            let message = format!(
                "has compression {found}, and its media type `{}` says {stated}",
                layer.media_type
            );
            checker.warning(Rule::LayerMediaType, checker.name(entry), message);
        }
    }
}
