//! Whose legacy ids an archive has in which some are stale: those of the generation that derives the most of them.

use std::collections::BTreeSet;

use super::generation::Generation;
use super::v1_directories::{directory_of, legacy_json, push_time};
use crate::archive::documents::descriptor::blob_name;
use crate::archive::{Contents, Layer, MAX_DOCUMENT_BYTES};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::Config;
use crate::image::json::{Document, Value};

/// Returns the generation that derives the most of the ids that are there, from the images as they are or as their
/// configurations state them; nothing if none derives any. The one id of an image with one layer covers its configuration, and
/// says nothing if that has changed: then what Docker alone writes beside the layer decides.
pub(super) fn closest_generation(
    contents: &Contents,
    stated: &[Option<Config>],
) -> Result<Option<Generation>, Error> {
    let n_derived =
        |generation: &Generation, config: &Config| n_derived(contents, generation, config);
    let mut times = Vec::new();
    let layers = contents.images.iter().flat_map(|image| &image.layers);
    let documents = layers.filter_map(|layer| legacy_json(contents, layer));
    for index in documents.take(MAX_DOCUMENTS) {
        push_lower_time(
            &mut times,
            &contents.source.read(index, MAX_DOCUMENT_BYTES)?,
        );
    }
    let closest = most_derived(contents, stated, (false, times), n_derived);
    let has_one_layer = contents.images.iter().all(|image| image.layers.len() < 2);
    let is_docker = || {
        let mut layers = contents.images.iter().flat_map(|image| &image.layers);
        has_one_layer && layers.all(|layer| is_dockers(contents, layer))
    };
    Ok(closest
        .filter(|(n_derived, _)| *n_derived > 0 || is_docker())
        .map(|(_, generation)| generation))
}

/// Returns the first generation that derives the most ids, and how many these are; `n_derived` counts those of a configuration.
fn most_derived(
    contents: &Contents,
    stated: &[Option<Config>],
    (since_25, times): (bool, Vec<String>),
    n_derived: impl Fn(&Generation, &Config) -> usize,
) -> Option<(usize, Generation)> {
    let mut most: Option<(usize, Generation)> = None;
    let times = Generation::times(times).into_iter().take(MAX_TIMES);
    for generation in times.flat_map(|time| Generation::candidates(since_25, &time)) {
        let images = contents.images.iter().zip(stated);
        let n: usize = images
            .map(|(image, stated)| {
                let configs = [Some(&image.config), stated.as_ref()].into_iter().flatten();
                let derived = configs.map(|config| n_derived(&generation, config));
                derived.max().unwrap_or_default()
            })
            .sum();
        if most.as_ref().is_none_or(|(most, _)| n > *most) {
            most = Some((n, generation));
        }
    }
    most
}

/// More legacy blobs than any image has; what may be read to tell the writer.
const MAX_LEGACY_BLOBS: usize = 1000;

/// More times of lower layers than daemons have had.
const MAX_TIMES: usize = 4;
/// How many legacy documents are asked for them.
const MAX_DOCUMENTS: usize = 1000;

/// Adds the time of a layer below the top, from its legacy JSON; the top layer has the time of its image.
fn push_lower_time(times: &mut Vec<String>, json: &[u8]) {
    let document = Document::parse(json).ok();
    if document.is_some_and(|document| document.root.get("config").is_none()) {
        push_time(times, json);
    }
}

/// Returns the generation that derives the most of the legacy blobs among `candidates`, and the names of these blobs; nothing if
/// there are none.
pub(super) fn closest_by_blobs(
    contents: &Contents,
    candidates: &[usize],
    stated: &[Option<Config>],
) -> Result<Option<(Generation, Vec<String>)>, Error> {
    let (mut times, mut names) = (Vec::new(), Vec::new());
    for &index in candidates {
        let bytes = contents.source.read(index, MAX_DOCUMENT_BYTES)?;
        if !Document::parse(&bytes).is_ok_and(|document| is_legacy(&document)) {
            continue;
        }
        names.push(contents.source.entries()[index].name.clone());
        push_lower_time(&mut times, &bytes);
    }
    let n_derived = |generation: &Generation, config: &Config| {
        let mut n = 0;
        generation.each_layer(config, &[], |layer| {
            let name = blob_name(Digest::of(&layer.json));
            n += usize::from(contents.source.find(&name).is_some());
            true
        });
        n
    };
    let most = most_derived(contents, stated, (true, times), n_derived);
    let generation = most.map(|(_, generation)| generation);
    Ok(generation
        .map(|generation| (generation, names))
        .filter(|(_, names)| !names.is_empty()))
}

/// Tells whether a document is the legacy JSON of a layer.
fn is_legacy(document: &Document) -> bool {
    let id = document.root.get("id").and_then(Value::as_text);
    id.is_some_and(|id| Digest::parse_hex(&id).is_some())
        && document.root.get("container_config").is_some()
}

/// Returns how many layers of a configuration have their directory where a generation has it.
fn n_derived(contents: &Contents, generation: &Generation, config: &Config) -> usize {
    let mut n = 0;
    generation.each_layer(config, &[], |layer| {
        n += usize::from(
            contents
                .source
                .find(&format!("{}/json", layer.id))
                .is_some(),
        );
        true
    });
    n
}

/// Tells whether the document beside a layer is one of Docker's, in the directory of its id.
fn is_dockers(contents: &Contents, layer: &Layer) -> bool {
    let read = || {
        let bytes = contents
            .source
            .read(legacy_json(contents, layer)?, MAX_DOCUMENT_BYTES)
            .ok()?;
        let document = Document::parse(&bytes).ok().filter(is_legacy)?;
        let id = document.root.get("id")?.as_text()?.into_owned();
        Some(directory_of(&layer.path) == Some(&id))
    };
    read() == Some(true)
}

/// Returns the blobs that may be legacy JSON: small ones that no image has.
pub(super) fn legacy_candidates(contents: &Contents) -> Vec<usize> {
    let known: BTreeSet<usize> = contents
        .images
        .iter()
        .flat_map(|image| {
            image
                .layers
                .iter()
                .filter_map(|layer| layer.entry)
                .chain([image.config_entry])
        })
        .collect();
    let is_candidate = |index: &usize| {
        let entry = &contents.source.entries()[*index];
        entry.kind == crate::tarball::Kind::File
            && entry.name.starts_with("blobs/")
            && entry.size <= 64 * 1024
            && !known.contains(index)
    };
    let candidates = (0..contents.source.entries().len()).filter(is_candidate);
    candidates.take(MAX_LEGACY_BLOBS).collect()
}
