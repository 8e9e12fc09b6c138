//! The v1 form of layers: directories with `VERSION`, `json` and `layer.tar`, or since Docker 25 loose blobs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Rule;
use super::checker::Checker;
use super::config::Config;
use super::containers_image::{self, Legacy};
use super::derive::{self, Generation, V1};
use super::json::Json;
use super::save::{Item, Save};
use crate::digest::Digest;
use crate::error::Error;
use crate::tarball::Kind;
use crate::timestamp::Timestamp;

/// More layers than any loader takes (docker stops at 125); ids of more are not derived.
const MAX_LAYERS: usize = 128;
/// Times of lower layers that are tried; an archive is written by one daemon.
const MAX_TIMES: usize = 4;

/// Splits `<64 hex>/layer.tar` and the like.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    let (directory, file) = name.split_once('/')?;
    Digest::parse_hex(directory)?;
    Some((directory, file))
}

/// Tells whether the archive has v1 directories (nix writes `<diff id>/layer.tar` and nothing else).
pub(super) fn has_directories(checker: &Checker) -> bool {
    let mut entries = checker.source.entries().iter();
    entries
        .any(|entry| split(&entry.name).is_some_and(|(_, file)| matches!(file, "VERSION" | "json")))
}

/// Returns the v1 directories that have a description and a layer, each once.
pub(super) fn directories_with_layers(checker: &Checker) -> Vec<String> {
    let has_layer = |directory: &str| {
        let layer = format!("{directory}/layer.tar");
        checker.source.find(&layer).is_some()
    };
    let entries = checker.source.entries().iter();
    let directories = entries.filter_map(|entry| match split(&entry.name)? {
        (directory, "json") if has_layer(directory) => Some(directory.to_owned()),
        _ => None,
    });
    let directories: BTreeSet<String> = directories.collect();
    directories.into_iter().collect()
}

/// What the archive says about a v1 id.
pub(super) struct Found {
    place: String,
    json: Json,
    bytes: Vec<u8>,
}

/// Checks v1 directories and the loose documents that took their place.
pub(super) fn check(checker: &mut Checker, save: &Save) -> Result<(), Error> {
    let directories = has_directories(checker);
    let found = if directories {
        read_directories(checker, save)?
    } else {
        BTreeMap::new()
    };
    let loose = read_loose(checker)?;
    let derived = derive_all(checker, &found, &loose);
    // Before Docker 1.10 the chain is what says which layers there are.
    let listed = save.items.iter().filter(|_| !checker.is_layout());
    let listed: Vec<&Item> = listed.collect();
    for item in listed {
        let config = item.config.as_ref().map(|config| config.entry);
        let derived = config.and_then(|entry| derived.get(&entry));
        check_chain(checker, item, &found, derived.map(Vec::as_slice));
    }
    check_links(checker, save, &found)?;
    // Which generation wrote a loose document is told by the document itself.
    let mut known: HashMap<&str, &V1> = HashMap::new();
    for v1 in derived.values().flatten() {
        known.insert(&v1.id, v1);
    }
    let has_no_index = checker.has_null_manifests;
    for (entry, document) in loose {
        let id = document
            .json
            .get("id")
            .and_then(Json::text)
            .unwrap_or_default();
        // An orphan stays unused, and is reported as one.
        if has_no_index && is_manifest_of_ours(checker, &document.json) {
            checker.use_entry(entry);
        }
        if let Some(v1) = known.get(id) {
            checker.use_entry(entry);
            check_document(checker, v1, &document);
        }
    }
    Ok(())
}

fn read_directories(checker: &mut Checker, save: &Save) -> Result<BTreeMap<String, Found>, Error> {
    let names = save.items.iter().flat_map(|item| &item.layers);
    let mut directories: BTreeSet<String> = names
        .filter_map(|layer| Some(split(&layer.name)?.0.to_owned()))
        .collect();
    // podman links to its layers from directories that `manifest.json` does not name.
    for (i, entry) in checker.source.entries().iter().enumerate() {
        if let Some((directory, "layer.tar")) = split(&entry.name)
            && entry.kind == Kind::Symlink
            && !checker.is_used(i)
            && checker
                .source
                .resolve(&entry.name, "")
                .is_ok_and(|target| checker.is_used(target))
        {
            directories.insert(directory.to_owned());
            checker.use_entry(i);
        }
    }
    let mut found = BTreeMap::new();
    for directory in directories {
        let version = format!("{directory}/VERSION");
        match checker.source.find(&version) {
            None => checker.warning(
                Rule::V1Version,
                &version,
                "is missing, but every v1 directory has it",
            ),
            Some(entry) => {
                checker.use_entry(entry);
                let is_right = checker.source.entries()[entry].size == 3
                    && checker.source.read(entry, 3)? == b"1.0";
                if !is_right {
                    checker.error(Rule::V1Version, &version, "is not `1.0`");
                }
            }
        }
        let place = format!("{directory}/json");
        let Some(entry) = checker.source.find(&place) else {
            checker.error(
                Rule::V1Json,
                &place,
                "is missing, but every v1 directory has it",
            );
            continue;
        };
        checker.use_entry(entry);
        if checker.source.entries()[entry].kind != Kind::File {
            checker.error(Rule::V1Json, &place, "is not a regular file");
            continue;
        }
        let Some((bytes, json)) = checker.maybe_document(entry)? else {
            checker.error(Rule::BadJson, &place, "is not a JSON object");
            continue;
        };
        let id = json.get("id").and_then(Json::text).unwrap_or_default();
        if id != directory {
            let message = format!("has `{id}` at `.id`, not the name of its directory");
            checker.error(Rule::V1Json, &place, message);
        }
        found.insert(directory, Found { place, json, bytes });
    }
    Ok(found)
}

/// Reads the blobs that nothing refers to and that look like V1 documents.
pub(super) fn read_loose(checker: &Checker) -> Result<Vec<(usize, Found)>, Error> {
    let mut loose = Vec::new();
    let mut n_bytes = 0;
    for (i, entry) in checker.source.entries().iter().enumerate() {
        if checker.is_used(i) || entry.kind != Kind::File || !entry.name.starts_with("blobs/") {
            continue;
        }
        // Documents of honest archives take kilobytes in all.
        if n_bytes + entry.size > 16 << 20 {
            continue;
        }
        if let Some((bytes, json)) = checker.maybe_document(i)? {
            n_bytes += entry.size;
            let place = entry.name.clone();
            loose.push((i, Found { place, json, bytes }));
        }
    }
    Ok(loose)
}

/// Derives the ids of every config under the generation that explains most of what is in the archive.
fn derive_all(
    checker: &Checker,
    found: &BTreeMap<String, Found>,
    loose: &[(usize, Found)],
) -> BTreeMap<usize, Vec<V1>> {
    let documents: Vec<&Found> = found
        .values()
        .chain(loose.iter().map(|(_, found)| found))
        .collect();
    if documents.is_empty() {
        return BTreeMap::new();
    }
    let mut ids = BTreeSet::new();
    let mut times = vec!["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"];
    for found in documents {
        let text = |key| found.json.get(key).and_then(Json::text).unwrap_or_default();
        ids.insert(text("id"));
        let created = text("created");
        let is_epoch = Timestamp::parse(created).is_ok_and(|time| time.unix_seconds() == 0);
        if is_epoch && !times.contains(&created) && times.len() < MAX_TIMES {
            times.push(created);
        }
    }
    let generations: Vec<Generation> = times
        .iter()
        .flat_map(|time| Generation::all(time))
        .collect();
    let configs = checker.configs.values().flatten();
    configs
        .filter(|config| config.diff_ids.len() <= MAX_LAYERS)
        .map(|config| (config.entry, best(config, &generations, &ids)))
        .collect()
}

fn best(config: &Config, generations: &[Generation], ids: &BTreeSet<&str>) -> Vec<V1> {
    let mut best: (usize, Vec<V1>) = (0, Vec::new());
    for generation in generations {
        let Some(layers) = derive::derive(config, generation) else {
            break;
        };
        let is_known = |layer: &&V1| ids.contains(layer.id.as_str());
        // An id depends on those below it, so what counts is how far up they are known.
        let n_known = layers.iter().take_while(is_known).count();
        if best.1.is_empty() || n_known > best.0 {
            best = (n_known, layers);
        }
        if best.0 == best.1.len() {
            break;
        }
    }
    best.1
}

/// Checks that the directories of an image are a chain, and the chain that its config leads to.
fn check_chain(
    checker: &mut Checker,
    item: &Item,
    found: &BTreeMap<String, Found>,
    derived: Option<&[V1]>,
) {
    let directories: Option<Vec<&str>> = item
        .layers
        .iter()
        .map(|layer| Some(split(&layer.name)?.0))
        .collect();
    let Some(directories) = directories else {
        // podman has ids of its own.
        return;
    };
    for (i, directory) in directories.iter().enumerate() {
        let Some(document) = found.get(*directory) else {
            continue;
        };
        let wanted = i
            .checked_sub(1)
            .map(|below| directories[below])
            .unwrap_or_default();
        let parent = document
            .json
            .get("parent")
            .and_then(Json::text)
            .unwrap_or_default();
        if parent != wanted {
            let message = format!("has `{parent}` at `.parent`, but the layer below is `{wanted}`");
            checker.error(Rule::V1Parent, &document.place, message);
        }
    }
    let Some(derived) = derived.filter(|derived| derived.len() == directories.len()) else {
        return;
    };
    let wrong = derived
        .iter()
        .zip(&directories)
        .find(|(v1, directory)| v1.id != **directory);
    if let Some((v1, directory)) = wrong {
        let message = format!(
            "is the id of a layer of `{}`, but no version of Docker derives it; expected `{}`",
            item.config_name, v1.id
        );
        checker.warning(Rule::V1Id, &format!("{directory}/json"), message);
        return;
    }
    for (v1, directory) in derived.iter().zip(&directories) {
        if let Some(document) = found.get(*directory) {
            check_document(checker, v1, document);
        }
    }
}

/// Checks the directories in which podman and skopeo link to layers: they are those that the configurations lead to.
fn check_links(
    checker: &mut Checker,
    save: &Save,
    found: &BTreeMap<String, Found>,
) -> Result<(), Error> {
    let named: BTreeSet<&str> = save
        .items
        .iter()
        .flat_map(|item| &item.layers)
        .filter_map(|layer| Some(split(&layer.name)?.0))
        .collect();
    let links: BTreeMap<&String, &Found> = found
        .iter()
        .filter(|(directory, _)| !named.contains(directory.as_str()))
        .collect();
    if links.is_empty() {
        return Ok(());
    }
    let mut unknown: BTreeSet<&String> = links.keys().copied().collect();
    for item in &save.items {
        let Some(derived) = derive_links(checker, item)? else {
            // Whose directory is whose cannot be told.
            return Ok(());
        };
        for (legacy, layer) in derived.iter().zip(&item.layers) {
            let Some(document) = links.get(&legacy.id) else {
                let message = format!(
                    "has no directory `{}` for the layer `{}`, which podman would have",
                    legacy.id, layer.name
                );
                checker.warning(Rule::V1Id, &item.config_name, message);
                return Ok(());
            };
            unknown.remove(&legacy.id);
            if document.bytes != legacy.document.as_bytes() {
                let message = "contradicts the config";
                checker.warning(Rule::V1Json, &document.place, message);
            }
            let link = format!("{}/layer.tar", legacy.id);
            let target = checker.source.resolve(&link, &document.place).ok();
            if layer.entry.is_some() && target != layer.entry {
                let message = format!("does not lead to the layer `{}`", layer.name);
                checker.error(Rule::V1Link, &link, message);
            }
        }
    }
    for directory in unknown {
        let message = "is not the id of a layer of an image";
        checker.warning(Rule::V1Id, &links[directory].place, message);
    }
    Ok(())
}

/// Derives what podman would have for the layers of an image.
pub(super) fn derive_links(checker: &Checker, item: &Item) -> Result<Option<Vec<Legacy>>, Error> {
    let Some(config) = &item.config else {
        return Ok(None);
    };
    if config.diff_ids.len() > MAX_LAYERS {
        return Ok(None);
    }
    let size = checker.source.entries()[config.entry].size;
    let bytes = checker.source.read(config.entry, size)?;
    let is_there = |id: &str| checker.source.find(&format!("{id}/layer.tar")).is_some();
    Ok(containers_image::derive(config, &bytes, is_there))
}

fn check_document(checker: &mut Checker, v1: &V1, document: &Found) {
    let id = document.json.get("id").and_then(Json::text);
    let parent = document.json.get("parent").and_then(Json::text);
    let is_consistent = id == Some(&v1.id) && parent == v1.parent.as_deref();
    if !is_consistent && !document.place.starts_with("blobs/") {
        // Reported already, as `v1-json` or `v1-parent` of the directory.
        return;
    }
    if !v1
        .documents
        .iter()
        .any(|text| text.as_bytes() == document.bytes)
    {
        let message = format!("has id `{}` and contradicts the config", v1.id);
        checker.warning(Rule::V1Json, &document.place, message);
    }
}

/// Docker 25.0 writes the manifest of an untagged image and then forgets to name it.
fn is_manifest_of_ours(checker: &Checker, json: &Json) -> bool {
    let digest = json.get("config").and_then(|config| config.get("digest"));
    let hex = digest
        .and_then(Json::text)
        .and_then(|text| text.strip_prefix("sha256:"));
    let entry = hex.and_then(|hex| checker.source.find(&format!("blobs/sha256/{hex}")));
    entry.is_some_and(|entry| checker.configs.contains_key(&entry))
}
