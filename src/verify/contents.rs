//! The bytes of blobs and layers against what documents and names say of them.

use std::collections::{BTreeMap, BTreeSet};

use super::checker::Checker;
use super::config::Config;
use super::hash::{self, Facts, Wanted};
use super::layer::{LayerFacts, TarFacts};
use super::oci::Oci;
use super::save::Save;
use super::stated::{self, Sha512, Stated};
use super::{Rule, Severity, attestation, directory};
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
    /// Those of SHA-512.
    wanted_long: BTreeMap<usize, BTreeSet<(Sha512, usize, usize)>>,
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
        if let Some(&diff_id) = config.long_diff_ids.get(&position) {
            let wanted = self.wanted_long.entry(entry).or_default();
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
            if image.is_image && layer.stated_compression().is_some() {
                layers.add(layer.entry, image.config.as_deref(), i);
            }
        }
    }
    let mut long = BTreeSet::new();
    let has_store = has_store(checker.source);
    for (entry, target) in blobs(checker) {
        match named(checker, checker.name(entry), has_store) {
            Some(Stated::Sha512(_)) => long.insert(target),
            _ => stored.insert(target),
        };
    }
    let wanted = Wanted {
        stored,
        long,
        layers: layers.entries.clone(),
        long_layers: layers.wanted_long.keys().copied().collect(),
    };
    let facts = hash::hash(checker.source, &wanted)?;
    check_names(checker, save, &facts);
    for (&entry, layer) in &facts.layers {
        check_layer(checker, entry, layer, &layers);
    }
    check_media_types(checker, oci, &facts);
    check_statements(checker, oci, &facts);
    Ok(facts)
}

/// Returns the entries of the blob store, and the files that links among them lead to: a name is a promise either way.
fn blobs<'a>(checker: &Checker<'a>) -> impl Iterator<Item = (usize, usize)> + use<'a> {
    let (source, is_directory) = (checker.source, checker.is_directory);
    let is_blob = move |name: &str| {
        if is_directory {
            directory::named(name).is_some()
        } else {
            name.starts_with("blobs/")
        }
    };
    let entries = source.entries().iter().enumerate();
    entries.filter_map(move |(entry, item)| {
        let is_first = source.find(&item.name) == Some(entry);
        if !is_first || !is_blob(&item.name) || item.kind == Kind::Directory {
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

/// Returns the digest that a blob's name promises.
fn named(checker: &Checker, name: &str, has_store: bool) -> Option<Stated> {
    if checker.is_directory {
        return directory::named(name);
    }
    let (algorithm, encoded) = name.strip_prefix("blobs/")?.split_once('/')?;
    // Bazel's rules_oci, which keeps no store, puts `.tar.gz` behind the digest.
    let stem = encoded.split_once('.').filter(|_| !has_store);
    let stem = stem.map_or(encoded, |(stem, _)| stem);
    stated::parse(&format!("{algorithm}:{stem}"))
}

/// Tells whether `blobs` is the store of a layout.
fn has_store(source: &Source) -> bool {
    let is_there = |name: &&str| source.find(name).is_some();
    [super::oci::INDEX, super::oci::LAYOUT].iter().any(is_there)
}

fn check_names(checker: &mut Checker, save: &Save, facts: &Facts) {
    let source = checker.source;
    let has_store = has_store(source);
    for (entry, target) in blobs(checker) {
        let place = checker.name(entry);
        let (digest, long) = (facts.digests.get(&target), facts.long.get(&target));
        let found = match named(checker, place, has_store) {
            Some(Stated::Sha256(named)) => digest
                .filter(|found| **found != named)
                .map(Digest::to_string),
            Some(Stated::Sha512(named)) => {
                long.filter(|found| **found != named).map(Sha512::to_string)
            }
            Some(Stated::Other) => {
                let message =
                    "is named by a digest of an unsupported algorithm, and was not checked";
                checker.warning(Rule::UnportableDigest, place, message);
                None
            }
            // Whoever keeps no store may call a directory `blobs`.
            None if !has_store => None,
            None => {
                let message = "is not a blob: its name is not a digest";
                checker.error(Rule::BlobName, place, message);
                checker.use_entry(entry);
                None
            }
        };
        if let Some(found) = found {
            let message = format!("has digest `{found}`, which does not match its name");
            checker.error(Rule::BlobDigest, place, message);
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
        let message = format!("has digest `{found}`, which does not match its name");
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
            "has digest `{digest}`, decompressed `{}`; neither matches its name",
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
        let differs = |checker: &mut Checker, found: String, wanted: String, config, position| {
            let config = checker.name(config);
            let message = format!(
                "has diff id `{found}`, but `{config}` has `{wanted}` for layer {position}"
            );
            checker.error(Rule::DiffId, place, message);
        };
        for (wanted, config, position) in layers.wanted.get(&entry).into_iter().flatten() {
            if *wanted != layer.diff_id {
                let (found, wanted) = (layer.diff_id.to_string(), wanted.to_string());
                differs(checker, found, wanted, *config, *position);
            }
        }
        let long = layers.wanted_long.get(&entry).into_iter().flatten();
        for (wanted, config, position) in long {
            if let Some(found) = layer.long_diff_id.filter(|found| found != wanted) {
                let (found, wanted) = (found.to_string(), wanted.to_string());
                differs(checker, found, wanted, *config, *position);
            }
        }
    }
    if !matches!(layer.compression, Compression::None | Compression::Gzip) {
        let message =
            format!("is compressed with {compression}, which some loaders do not support");
        checker.warning(Rule::UnportableCompression, place, message);
    }
    check_tar(checker, place, &layer.tar, layers.windows.contains(&entry));
}

fn check_tar(checker: &mut Checker, place: &str, tar: &TarFacts, is_windows: bool) {
    if let Some(reason) = &tar.fault {
        checker.error(
            Rule::LayerTar,
            place,
            format!("is not a readable tar: {reason}"),
        );
    }
    if tar.is_too_long {
        let message = "has too many entries to check for repeated paths";
        checker.warning(Rule::LayerTar, place, message);
    }
    for (rule, offenders, what) in [
        (
            Rule::WhiteoutOrder,
            &tar.late_whiteouts,
            "has whiteouts after their siblings",
        ),
        (
            Rule::OpaqueWhiteout,
            &tar.opaque,
            "has opaque directories instead of single whiteouts",
        ),
    ] {
        if let Some(names) = offenders.text() {
            checker.advice(rule, place, format!("{what}: {names}"));
        }
    }
    for (rule, severity, offenders, what) in [
        (
            Rule::LayerDuplicatePath,
            Severity::Error,
            &tar.duplicates,
            "has repeated paths, which docker rejects",
        ),
        (
            Rule::LayerSparse,
            Severity::Error,
            &tar.sparse,
            "has sparse files in GNU's old form, which no engine unpacks",
        ),
        (
            Rule::SparseSave,
            Severity::Warning,
            &tar.unsaved,
            "has sparse files, which docker and podman load and cannot save again",
        ),
        (
            Rule::LayerEntryType,
            Severity::Error,
            &tar.unsupported,
            "has entries of types that no engine unpacks",
        ),
        (
            Rule::WhiteoutDevice,
            Severity::Warning,
            &tar.zero_devices,
            "has character devices 0:0, which overlay file systems treat as whiteouts",
        ),
        (
            Rule::OwnWhiteout,
            Severity::Error,
            &tar.own_whiteouts,
            "has whiteouts of its own files, on which docker fails or loses the files",
        ),
        (
            Rule::WhiteoutDirectory,
            Severity::Warning,
            &tar.hidden_directories,
            "has directories after whiteouts of the same name, in which some engines show the old files",
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
            "has hard links to entries that do not precede them in the layer",
        ),
    ] {
        if rule == Rule::LayerHardLink && is_windows {
            continue;
        }
        if let Some(names) = offenders.text() {
            checker.find(rule, severity, place, &format!("{what}: {names}"));
        }
    }
}

/// A statement is stored as it is, and its diff id is its digest.
fn check_statements(checker: &mut Checker, oci: &Oci, facts: &Facts) {
    for image in oci.images.values() {
        let Some(config) = &image.config else {
            continue;
        };
        for (layer, diff_id) in image.layers.iter().zip(&config.diff_ids) {
            let found = layer.entry.and_then(|entry| facts.digests.get(&entry));
            if let (Some(diff_id), Some(found)) = (diff_id, found)
                && attestation::is_statement(&layer.media_type)
                && diff_id.hex() != found.hex()
            {
                let name = layer.entry.map_or("", |entry| checker.name(entry));
                let message =
                    format!("has diff id `{diff_id}` for `{name}`, which has another digest");
                checker.error(Rule::DiffId, checker.name(config.entry), message);
            }
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
                "has compression {found}, but its media type `{}` means {stated}",
                layer.media_type
            );
            checker.warning(Rule::LayerMediaType, checker.name(entry), message);
        }
    }
}
