//! Docker 1.10 to 24: `<v1 id>/{VERSION,json,layer.tar}`, `<image id>.json` (moby v20.10 image/tarexport/save.go).
//!
//! A diff id that an earlier layer of the archive has already becomes a symbolic link to that layer's file.

use std::collections::HashMap;

use super::state::{DerivedContent, Files, LayerData, Part, Paths, State};
use super::v1::{Generation, LegacyLayer};
use super::{Archive, MAX_DOCUMENT_BYTES};
use crate::digest::DiffId;
use crate::error::Error;
use crate::image::json::{Document, Value};

/// Returns the files that Docker writes for `states`, in that order of saving.
///
/// Without a generation the directories of kept layers keep their names, whatever they are.
pub(super) fn files(archive: &Archive, generation: Option<&Generation>, states: &[State]) -> Files {
    let mut files = Files::default();
    let mut first_paths: HashMap<DiffId, String> = HashMap::new();
    for (image, state) in states.iter().enumerate() {
        let legacy = match generation {
            Some(generation) => generation.layers(&state.config),
            None => Generation::candidates(false, &[])[0].layers(&state.config),
        };
        let mut layers = Vec::new();
        for (i, layer) in state.layers.iter().enumerate() {
            let kept_path = match &layer.data {
                LayerData::Kept { path, .. } if generation.is_none() => Some(path),
                _ => None,
            };
            if let Some(path) = kept_path {
                layers.push(path.clone());
                first_paths
                    .entry(layer.diff_id)
                    .or_insert_with(|| path.clone());
                continue;
            }
            let legacy = legacy_layer(legacy.as_deref(), i, layer.diff_id);
            let directory = legacy.id;
            let path = format!("{directory}/layer.tar");
            let is_saved = files.files.iter().any(|file| file.name == directory);
            if !is_saved {
                files.push(
                    directory.clone(),
                    DerivedContent::Directory,
                    image,
                    Part::LayerDirectory(i),
                );
                let version = DerivedContent::Bytes(b"1.0".to_vec());
                files.push(
                    format!("{directory}/VERSION"),
                    version,
                    image,
                    Part::Version(i),
                );
                files.push(
                    format!("{directory}/json"),
                    DerivedContent::Bytes(legacy.json),
                    image,
                    Part::LegacyJson(i),
                );
                let content = match first_paths.get(&layer.diff_id) {
                    Some(first) => DerivedContent::Symlink(format!("../{first}")),
                    None => DerivedContent::Layer(layer.data.clone(), layer.size),
                };
                // Docker dates what it wrote by itself, not what it linked (save.go, `saveLayer`).
                let is_link = matches!(content, DerivedContent::Symlink(_));
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
        let config = push_config(&mut files, archive, image, state);
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

/// A config that Docker's structs cannot hold has no legacy ids of Docker's; nobody checks them, so any name does.
fn legacy_layer(layers: Option<&[LegacyLayer]>, i: usize, diff_id: DiffId) -> LegacyLayer {
    match layers {
        Some(layers) => layers[i].clone(),
        None => LegacyLayer {
            id: diff_id.hex(),
            json: format!("{{\"id\":\"{}\"}}", diff_id.hex()).into_bytes(),
        },
    }
}

/// Adds the configuration of an image under the name that it gets; returns that name.
pub(super) fn push_config(
    files: &mut Files,
    archive: &Archive,
    image: usize,
    state: &State,
) -> String {
    let name = config_name(archive, image, state);
    let content = DerivedContent::Bytes(state.config.to_bytes());
    files.push(name.clone(), content, image, Part::Config);
    name
}

/// The name of a configuration: the old one where nothing changed, else the digest in the dress of the old name.
fn config_name(archive: &Archive, image: usize, state: &State) -> String {
    let old = &archive.images[image];
    let old_name = &archive.source.entries()[old.config_entry].name;
    if old.image_id == state.image_id {
        return old_name.clone();
    }
    if old_name.contains(&old.image_id.hex()) {
        return old_name.replace(&old.image_id.hex(), &state.image_id.hex());
    }
    format!("{}.json", state.image_id.hex())
}

/// Returns every `created` in the legacy JSON files: the zone of the daemon that wrote them shows there.
pub(super) fn seen_times(archive: &Archive) -> Result<Vec<String>, Error> {
    let mut times = Vec::new();
    for layer in archive.images.iter().flat_map(|image| &image.layers) {
        let Some(index) = legacy_json(archive, layer) else {
            continue;
        };
        push_time(&mut times, &archive.source.read(index, MAX_DOCUMENT_BYTES)?);
    }
    Ok(times)
}

/// Returns the legacy JSON file beside a layer.
pub(super) fn legacy_json(archive: &Archive, layer: &super::Layer) -> Option<usize> {
    let directory = layer.path.strip_suffix("/layer.tar")?;
    archive.source.find(&format!("{directory}/json"))
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
