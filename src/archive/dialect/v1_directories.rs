//! Docker 1.10 to 24: `<v1 id>/{VERSION,json,layer.tar}`, `<image id>.json` (moby v20.10 image/tarexport/save.go).
//!
//! A diff id that an earlier layer of the archive has already becomes a symbolic link to that layer's file.

use std::collections::{HashMap, HashSet};

use super::generation::{Generation, LegacyLayer};
use super::go::object;
use super::state::{Files, Part, Paths, State, StateLayer};
use super::{Dialect, Facts, Tagless, reproduces};
use crate::archive::documents::graph::Graph;
use crate::archive::draft::Content;
use crate::archive::{Contents, Image, Layer, MAX_DOCUMENT_BYTES, names};
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::image::json::{Document, Value, encode};
use crate::tarball::Kind;

/// The dialect; without a generation nothing we know derives its ids.
#[derive(Debug)]
struct V1Directories(Option<Generation>);

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
            Some(_) => &KNOWN,
            None => &UNKNOWN,
        }
    }

    fn files(&self, contents: &Contents, states: &[State], _: Option<&Graph>) -> Files {
        files(contents, self.0.as_ref(), states)
    }
}

pub(super) fn recognize(contents: &Contents) -> Result<Option<Box<dyn Dialect>>, Error> {
    // Without a layer nothing tells who wrote it; Docker saves no such image.
    let has_layers = contents.images.iter().any(|image| !image.layers.is_empty());
    if has_layers && let Some(generation) = detect_generation(contents)? {
        return Ok(Some(Box::new(V1Directories(Some(generation)))));
    }
    let mut layers = contents.images.iter().flat_map(|image| &image.layers);
    let has_directories = layers.any(|layer| legacy_json(contents, layer).is_some());
    Ok(has_directories.then(|| Box::new(V1Directories(None)) as Box<dyn Dialect>))
}

/// Returns the files that Docker writes for `states`, in that order of saving.
///
/// Without a generation the directories of kept layers keep their names, whatever they are.
fn files(contents: &Contents, generation: Option<&Generation>, states: &[State]) -> Files {
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
        let kept_paths: Vec<Option<&String>> = state
            .layers
            .iter()
            .map(|layer| layer.path.as_ref().filter(|_| generation.is_none()))
            .collect();
        let legacy = legacy_layers(generation, state, &kept_paths);
        let mut layers = Vec::new();
        for (i, layer) in state.layers.iter().enumerate() {
            if let Some(path) = kept_paths[i] {
                let kept = Kept {
                    contents,
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

fn directory_of(path: &str) -> Option<&str> {
    path.strip_suffix("/layer.tar")
}

/// The directory of a layer that keeps its name, whatever that is.
struct Kept<'a> {
    contents: &'a Contents,
    layer: &'a StateLayer,
    path: &'a str,
    /// The directory of the layer below, as it is to be.
    below: Option<&'a str>,
    /// Where it was in the image.
    position: Option<usize>,
    /// The file of an earlier layer that is the same.
    first: Option<&'a String>,
}

impl Kept<'_> {
    /// Adds what stands in the directory, so that it goes when the layer does.
    fn push(&self, files: &mut Files, image: usize, i: usize) {
        let Some(directory) = directory_of(self.path) else {
            files.push_layer(
                self.contents,
                self.path,
                self.layer,
                image,
                Part::LayerTar(i),
            );
            return;
        };
        let source = &self.contents.source;
        let mut push = |name: &str, content: Content, part: Part| {
            files.push(name.to_owned(), content, image, part);
            files.stamp_fixed(name);
        };
        if source.find(directory).is_some() {
            push(directory, Content::Directory, Part::LayerDirectory(i));
        }
        let version = format!("{directory}/VERSION");
        if let Some(content) = self.as_it_is(&version) {
            push(&version, content, Part::Version(i));
        }
        let json = format!("{directory}/json");
        let relinked = || self.relinked(&json, image);
        if let Some(content) = relinked().or_else(|| self.as_it_is(&json)) {
            push(&json, content, Part::LegacyJson(i));
        }
        if let Some(content) = self.tar() {
            push(self.path, content, Part::LayerTar(i));
        }
    }

    /// The file of that name, if it is one.
    fn as_it_is(&self, name: &str) -> Option<Content> {
        let entry = self.contents.source.find(name)?;
        let found = &self.contents.source.entries()[entry];
        (found.kind == Kind::File).then_some(Content::Entry(entry))
    }

    /// The layer, or the link to it as long as that leads there.
    fn tar(&self) -> Option<Content> {
        let source = &self.contents.source;
        let found = &source.entries()[source.find(self.path)?];
        let own = || self.layer.content.clone();
        match found.kind {
            Kind::File => own(),
            Kind::Symlink => {
                let target = String::from_utf8(found.link_name.clone()).ok()?;
                let leads_to = names::resolve(&found.name, target.as_bytes());
                match self.first {
                    Some(first) if leads_to.as_ref() == Some(first) => {
                        Some(Content::Symlink(target))
                    }
                    Some(first) => Some(Content::Symlink(format!("../{first}"))),
                    None => own(),
                }
            }
            _ => None,
        }
    }

    /// The document of the layer with another parent, where it named the one below and that is another now.
    fn relinked(&self, json: &str, image: usize) -> Option<Content> {
        let contents = self.contents;
        let old = &contents.images[image].layers;
        let below = self.position?.checked_sub(1).map(|below| &old[below].path);
        let below = below.and_then(|path| directory_of(path));
        let index = contents.source.find(json).filter(|_| below != self.below)?;
        let bytes = contents.source.read(index, MAX_DOCUMENT_BYTES).ok()?;
        let mut document = Document::parse(&bytes).ok()?;
        let named = document.root.get("parent").and_then(Value::as_text);
        if named.as_deref() != below {
            return None;
        }
        match self.below {
            Some(parent) => document.set(&[], "parent", &["id", "parent"], Value::text(parent)),
            None => {
                document.remove(&[], "parent");
            }
        }
        Some(Content::Bytes(document.to_bytes()))
    }
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
fn positions(image: &Image) -> HashMap<&str, usize> {
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
        let dialect = V1Directories(Some(generation));
        if reproduces(&dialect, contents)? {
            return Ok(dialect.0);
        }
    }
    Ok(None)
}

/// Returns the legacy JSON file beside a layer.
fn legacy_json(contents: &Contents, layer: &Layer) -> Option<usize> {
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
