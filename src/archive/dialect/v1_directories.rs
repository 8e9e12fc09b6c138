//! Docker 1.10 to 24: `<v1 id>/{VERSION,json,layer.tar}`, `<image id>.json` (moby v20.10 image/tarexport/save.go).
//!
//! A diff id that an earlier layer of the archive has already becomes a symbolic link to that layer's file.

use std::collections::{HashMap, HashSet};

use super::closest::closest_generation;
use super::generation::{Generation, LegacyLayer};
use super::go::object;
use super::state::{Files, Part, Paths, State};
use super::v1_kept::Kept;
use super::{Closest, Dialect, Facts, Tagless, reproduces};
use crate::archive::documents::graph::Graph;
use crate::archive::draft::Content;
use crate::archive::{Contents, Image, Layer, MAX_DOCUMENT_BYTES, names};
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::image::Config;
use crate::image::json::encode;
use crate::image::json::{Document, Value};

/// The dialect.
#[derive(Debug)]
struct V1Directories(Ids);

/// How layers get their ids.
#[derive(Debug)]
enum Ids {
    /// By the rules of a generation.
    Derived(Generation),
    /// Nothing we know derives them: they stay, and so does what each names as its parent.
    Kept,
    /// They stay, and each names the layer below.
    Chained,
}

impl Ids {
    fn generation(&self) -> Option<&Generation> {
        match self {
            Self::Derived(generation) => Some(generation),
            Self::Kept | Self::Chained => None,
        }
    }
}

impl Dialect for V1Directories {
    fn facts(&self) -> &'static Facts {
        const KNOWN: Facts = Facts {
            description: "docker save, Docker 1.10 to 24",
            keeps_layers_plain: true,
            is_of_dockers_store: true,
            has_full_names: false,
            manifest_json: Some(Tagless::Null),
            index: None,
        };
        const UNKNOWN: Facts = Facts {
            description: "docker save, legacy ids of an unknown writer",
            ..KNOWN
        };
        match self.0 {
            Ids::Derived(_) => &KNOWN,
            Ids::Kept | Ids::Chained => &UNKNOWN,
        }
    }

    fn files(&self, contents: &Contents, states: &[State], _: Option<&Graph>) -> Files {
        files(contents, &self.0, states)
    }

    fn closest(
        &self,
        contents: &Contents,
        stated: &[Option<Config>],
    ) -> Result<Option<Closest>, Error> {
        if self.0.generation().is_some() {
            return Ok(None);
        }
        let generation = closest_generation(contents, stated)?;
        let ids = generation.map_or(Ids::Chained, Ids::Derived);
        Ok(Some(Closest {
            dialect: Box::new(Self(ids)),
            stale: Vec::new(),
            names_layers: false,
        }))
    }
}

pub(super) fn recognize(contents: &Contents) -> Result<Option<Box<dyn Dialect>>, Error> {
    // Without a layer nothing tells who wrote it; Docker saves no such image.
    let has_layers = contents.images.iter().any(|image| !image.layers.is_empty());
    if has_layers && let Some(generation) = detect_generation(contents)? {
        return Ok(Some(Box::new(V1Directories(Ids::Derived(generation)))));
    }
    let mut layers = contents.images.iter().flat_map(|image| &image.layers);
    let has_directories = layers.any(|layer| legacy_json(contents, layer).is_some());
    Ok(has_directories.then(|| Box::new(V1Directories(Ids::Kept)) as Box<dyn Dialect>))
}

/// Returns the files that Docker writes for `states`, in that order of saving.
///
/// Without a generation the directories of kept layers keep their names, whatever they are.
fn files(contents: &Contents, ids: &Ids, states: &[State]) -> Files {
    let generation = ids.generation();
    let is_chained = matches!(ids, Ids::Chained);
    let mut files = Files::default();
    let mut first_paths: HashMap<DiffId, String> = HashMap::new();
    // Not every writer has entries for directories.
    let layers = contents.images.iter().flat_map(|image| &image.layers);
    let has_directories = layers
        .filter_map(|layer| directory_of(&layer.path))
        .any(|directory| contents.source.find(directory).is_some());
    let shared = shared_configs(contents);
    for (image, state) in states.iter().enumerate() {
        let positions = positions(&contents.images[image]);
        let mut seen = HashSet::new();
        let kept_paths: Vec<Option<&String>> = state
            .layers
            .iter()
            .map(|layer| {
                let path = layer.path.as_ref().filter(|_| generation.is_none())?;
                // One directory cannot name two layers below.
                let is_again = is_chained && !seen.insert(path);
                (!is_again).then_some(path)
            })
            .collect();
        let legacy = legacy_layers(generation, state, &kept_paths);
        let mut layers = Vec::new();
        for (i, layer) in state.layers.iter().enumerate() {
            if let Some(path) = kept_paths[i] {
                let kept = Kept {
                    contents,
                    is_chained,
                    layer,
                    path,
                    below: layers.last().and_then(|path: &String| directory_of(path)),
                    position: positions.get(path.as_str()).copied(),
                    first: first_paths.get(&layer.diff_id),
                };
                kept.push(&mut files, image, i);
                layers.push(path.clone());
                first_paths
                    .entry(layer.diff_id)
                    .or_insert_with(|| path.clone());
                continue;
            }
            let LegacyLayer { id, json } = &legacy[i];
            let directory = id.clone();
            let path = format!("{directory}/layer.tar");
            let is_saved = files.get(&path).is_some();
            if !is_saved {
                if has_directories {
                    files.push(
                        directory.clone(),
                        Content::Directory,
                        image,
                        Part::LayerDirectory(i),
                    );
                }
                let version = Content::Bytes(b"1.0".to_vec());
                files.push(
                    format!("{directory}/VERSION"),
                    version,
                    image,
                    Part::Version(i),
                );
                files.push(
                    format!("{directory}/json"),
                    Content::Bytes(json.clone()),
                    image,
                    Part::LegacyJson(i),
                );
                let content = match first_paths.get(&layer.diff_id) {
                    Some(first) => Some(Content::Symlink(format!("../{first}"))),
                    None => layer.content.clone(),
                };
                // Docker dates what it wrote by itself, not what it linked (save.go, `saveLayer`).
                let is_link = matches!(content, Some(Content::Symlink(_)));
                files.push(path.clone(), content, image, Part::LayerTar(i));
                first_paths
                    .entry(layer.diff_id)
                    .or_insert_with(|| path.clone());
                if is_link {
                    files.stamp_saved(&directory);
                }
            }
            layers.push(path);
        }
        let config = push_config(&mut files, contents, image, state, &shared);
        let top = layers
            .last()
            .and_then(|path| path.rsplit_once('/'))
            .map_or("", |(directory, _)| directory);
        files.paths.push(Paths {
            config,
            top: top.to_owned(),
            layers,
        });
    }
    files
}

pub(super) fn directory_of(path: &str) -> Option<&str> {
    path.strip_suffix("/layer.tar")
}

/// Returns the legacy layers of an image; those at `kept_paths` have the names of their directories for ids.
fn legacy_layers(
    generation: Option<&Generation>,
    state: &State,
    kept_paths: &[Option<&String>],
) -> Vec<LegacyLayer> {
    let ids: Vec<Option<&str>> = kept_paths
        .iter()
        .map(|path| path.map(|path| directory_of(path).unwrap_or(path)))
        .collect();
    let likeliest = Generation::likeliest();
    let generation = generation.unwrap_or(&likeliest);
    let layers = generation.layers_above(&state.config, &ids);
    layers.unwrap_or_else(|| unlike_docker(state, &ids))
}

/// A config that Docker's structs cannot hold has no legacy ids of Docker's; nobody checks them, so any that tell two
/// layers apart do.
fn unlike_docker(state: &State, ids: &[Option<&str>]) -> Vec<LegacyLayer> {
    let mut layers: Vec<LegacyLayer> = Vec::new();
    for (layer, id) in state.layers.iter().zip(ids) {
        let parent = layers.last().map_or("", |layer| &layer.id);
        let id = id.map_or_else(
            || Digest::of(format!("{} {parent}", layer.diff_id).as_bytes()).hex(),
            str::to_owned,
        );
        let mut fields = vec![("id", encode(&id))];
        if !parent.is_empty() {
            fields.push(("parent", encode(parent)));
        }
        let json = object(fields).into_bytes();
        layers.push(LegacyLayer { id, json });
    }
    layers
}

/// Returns where the layers of an image are, by path; of a path that comes twice where it comes first.
pub(super) fn positions(image: &Image) -> HashMap<&str, usize> {
    let layers = image.layers.iter().enumerate().rev();
    layers.map(|(i, layer)| (layer.path.as_str(), i)).collect()
}

/// Returns the configurations that several images have, by entry.
pub(super) fn shared_configs(contents: &Contents) -> HashSet<usize> {
    let mut seen = HashSet::new();
    let entries = contents.images.iter().map(|image| image.config_entry);
    entries.filter(|entry| !seen.insert(*entry)).collect()
}

/// Adds the configuration of an image under the name that it gets; returns that name. Those that are `shared` are of
/// several images.
pub(super) fn push_config(
    files: &mut Files,
    contents: &Contents,
    image: usize,
    state: &State,
    shared: &HashSet<usize>,
) -> String {
    let name = config_name(contents, image, state, shared);
    let content = Content::Bytes(state.config.to_bytes());
    files.push(name.clone(), content, image, Part::Config);
    name
}

/// The name of a configuration: the old one, in which a digest is the one that it has now.
fn config_name(
    contents: &Contents,
    image: usize,
    state: &State,
    shared: &HashSet<usize>,
) -> String {
    let old = &contents.images[image];
    let old_name = &contents.source.entries()[old.config_entry].name;
    if old.image_id == state.image_id {
        return old_name.clone();
    }
    if let Some(stated) = names::hex_within(old_name) {
        return old_name.replace(stated, &state.image_id.hex());
    }
    if shared.contains(&old.config_entry) {
        // The other images may not become what this one becomes.
        return format!("{}.json", state.image_id.hex());
    }
    old_name.clone()
}

/// Returns the first generation of legacy ids that derives every legacy file of the archive as it is.
fn detect_generation(contents: &Contents) -> Result<Option<Generation>, Error> {
    let mut layers = contents.images.iter().flat_map(|image| &image.layers);
    if layers.any(|layer| legacy_json(contents, layer).is_none()) {
        return Ok(None);
    }
    // Lower layers have one time, which is the daemon's zero: what the first of them says is what all must say.
    let mut images = contents
        .images
        .iter()
        .filter(|image| image.layers.len() > 1);
    let mut times = Generation::times(Vec::new());
    if let Some(image) = images.next() {
        times.clear();
        if let Some(index) = legacy_json(contents, &image.layers[0]) {
            push_time(
                &mut times,
                &contents.source.read(index, MAX_DOCUMENT_BYTES)?,
            );
        }
    }
    for generation in times
        .iter()
        .take(1)
        .flat_map(|time| Generation::candidates(false, time))
    {
        let dialect = V1Directories(Ids::Derived(generation.clone()));
        if reproduces(&dialect, contents)? {
            return Ok(Some(generation));
        }
    }
    Ok(None)
}

/// Returns the legacy JSON file beside a layer.
pub(super) fn legacy_json(contents: &Contents, layer: &Layer) -> Option<usize> {
    let directory = directory_of(&layer.path)?;
    contents.source.find(&format!("{directory}/json"))
}

/// Adds `created` of a legacy JSON text; anything else is no legacy JSON, and nothing to complain about here.
pub(super) fn push_time(times: &mut Vec<String>, json: &[u8]) {
    let Ok(document) = Document::parse(json) else {
        return;
    };
    let created = document.root.get("created").and_then(Value::as_text);
    if let Some(created) = created
        && !times.iter().any(|time| *time == created)
    {
        times.push(created.into_owned());
    }
}
