//! Docker 25 and later: an OCI layout (`index.json`, manifests, blobs) with `manifest.json` and `repositories` beside
//! it, three descriptions of the same images (moby v25 image/tarexport/save.go).
//!
//! `manifest.json` is what `docker load` reads and Docker 25.0 could write the OCI half wrong, so it says which
//! layers an image has; the OCI half must name the same images, and is changed along.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::closest::{closest_by_blobs, legacy_candidates};
use super::generation::{Generation, Release};
use super::state::{Files, Part, Paths, State};
use super::unnamed::find_unnamed_manifest;
use super::v1_directories::push_time;
use super::{Closest, Dialect, Facts, Index, Tagless, reproduces};
use crate::archive::documents::descriptor::{blob_name, digest_of, name_of};
use crate::archive::documents::graph::{Graph, NodeKind, children};
use crate::archive::documents::halves::{check_layers, disagreement, names_differ, unlisted};
use crate::archive::documents::store::Store;
use crate::archive::documents::{Documents, Listed, items};
use crate::archive::draft::Content;
use crate::archive::source::Source;
use crate::archive::{Contents, Image, MAX_DOCUMENT_BYTES, OciManifest};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::Config;
use crate::image::json::Value;
use crate::reference::Reference;

/// The dialect; of archives whose legacy blobs nothing we know derives, without a generation.
#[derive(Debug)]
pub(super) struct Hybrid(Option<Generation>);

pub(super) const UNKNOWN: Hybrid = Hybrid(None);

impl Dialect for Hybrid {
    fn facts(&self) -> &'static Facts {
        &Facts {
            description: "docker save, Docker 25 or later",
            keeps_layers_plain: true,
            is_of_dockers_store: true,
            has_full_names: false,
            manifest_json: Some(Tagless::Null),
            index: Some(Index {
                says_which_images: false,
                lists_nameless: false,
                has_whole_names: true,
                store: Store::Blobs,
            }),
        }
    }

    fn files(&self, contents: &Contents, states: &[State], graph: Option<&Graph>) -> Files {
        files(contents, self.0.as_ref(), states, graph)
    }

    fn closest(
        &self,
        contents: &Contents,
        stated: &[Option<Config>],
    ) -> Result<Option<Closest>, Error> {
        if self.0.is_some() {
            return Ok(None);
        }
        let closest = closest_by_blobs(contents, &legacy_candidates(contents), stated)?;
        Ok(closest.map(|(generation, stale)| Closest {
            dialect: Box::new(Self(Some(generation))),
            stale,
            names_layers: false,
        }))
    }
}

/// Reads the images where both halves are there, and `manifest.json` is that of Docker's own store.
pub(super) fn list(source: &Source, documents: &mut Documents) -> Result<Option<Listed>, Error> {
    let both = documents.both();
    let Some((manifest, graph)) =
        both.filter(|(manifest, graph)| items::list_sources(manifest, graph))
    else {
        return Ok(None);
    };
    let (mut listed, unread) = items::images(source, manifest).map_err(unlisted)?;
    if let Some(unread) = unread.into_iter().next() {
        return Err(unlisted(unread.error));
    }
    attach_manifests(source, graph, &mut listed.images).map_err(disagreement)?;
    for image in &listed.images {
        listed.groups[image.group].root = image.manifest_digest();
    }
    Ok(Some(listed))
}

pub(super) fn recognize(contents: &Contents) -> Result<Option<Box<dyn Dialect>>, Error> {
    let generation = detect_generation(contents)?;
    Ok(generation.map(|generation| Box::new(Hybrid(Some(generation))) as Box<dyn Dialect>))
}

/// Finds the OCI manifest of every image, and refuses an archive whose halves disagree.
fn attach_manifests(source: &Source, graph: &Graph, images: &mut [Image]) -> Result<(), Error> {
    let mut named: HashMap<usize, BTreeSet<Reference>> = HashMap::new();
    // Several items may name one configuration: images that a patch has made equal.
    let mut twins_by_id: HashMap<Digest, Vec<usize>> = HashMap::new();
    for (i, image) in images.iter().enumerate() {
        twins_by_id.entry(image.image_id).or_default().push(i);
    }
    let mut holders: HashMap<Reference, Vec<usize>> = HashMap::new();
    for (i, image) in images.iter().enumerate() {
        for tag in &image.tags {
            holders.entry(tag.clone()).or_default().push(i);
        }
    }
    let mut attached = HashSet::new();
    for descriptor in children(&graph.index) {
        let node = digest_of(descriptor).and_then(|d| Some((d, graph.nodes.get(&d)?)));
        let Some((digest, node)) = node else {
            continue;
        };
        let manifest = OciManifest {
            digest,
            document: node.document.clone(),
        };
        let config = manifest
            .document
            .root
            .get("config")
            .and_then(|config| config.get("digest"));
        let config = config
            .and_then(Value::as_text)
            .and_then(|digest| Digest::parse(&digest).ok());
        let twins = config.and_then(|config| twins_by_id.get(&config));
        let Some((twins, &first)) = twins.and_then(|twins| Some((twins, twins.first()?))) else {
            return Err(Error::Mismatch {
                what: format!(
                    "the image that `index.json` names by the manifest `{}`",
                    manifest.digest
                ),
                found: config.map_or_else(|| "no image".to_owned(), |config| config.to_string()),
                wanted: "one of those in manifest.json".to_owned(),
            });
        };
        let name = name_of(descriptor);
        let holder = name.as_ref().and_then(|name| {
            let holders = holders.get(name).into_iter().flatten();
            let is_twin = |i: &usize| Some(images[*i].image_id) == config;
            holders.copied().find(is_twin)
        });
        // Descriptors without a name that are alike are about the same images.
        if holder.is_some() || attached.insert((config, digest)) {
            for &image in holder
                .as_ref()
                .map_or(twins.as_slice(), std::slice::from_ref)
            {
                attach(source, &mut images[image], &manifest)?;
            }
        }
        if let Some(name) = name {
            let names = named.entry(holder.unwrap_or(first)).or_default();
            names.insert(name);
        }
    }
    for (i, image) in images.iter_mut().enumerate() {
        check_names(image, &named.remove(&i).unwrap_or_default())?;
        if image.manifest.is_none() {
            image.manifest = find_unnamed_manifest(source, image)?;
        }
    }
    Ok(())
}

fn attach(source: &Source, image: &mut Image, manifest: &OciManifest) -> Result<(), Error> {
    check_layers(source, image, manifest)?;
    let other = image.manifest.replace(manifest.clone());
    match other.filter(|other| other.digest != manifest.digest) {
        None => Ok(()),
        // Only one of them could be revised; the other would name a configuration that is gone.
        Some(other) => Err(Error::BadDocument {
            name: "index.json".to_owned(),
            reason: format!(
                "the image `{}` has two manifests there, `{}` and `{}`",
                image.display_name(),
                other.digest,
                manifest.digest
            ),
        }),
    }
}

/// Tags are in both halves, or loaders would see different ones.
fn check_names(image: &Image, found: &BTreeSet<Reference>) -> Result<(), Error> {
    let wanted: BTreeSet<Reference> = image.tags.iter().cloned().collect();
    if *found == wanted {
        return Ok(());
    }
    Err(names_differ(image, found, &wanted))
}

/// Returns the files that Docker writes for `states`, and those of everything else that `graph` leads to.
pub(super) fn files(
    contents: &Contents,
    generation: Option<&Generation>,
    states: &[State],
    graph: Option<&Graph>,
) -> Files {
    let mut files = Files::default();
    let blob = |digest| graph.map_or_else(|| blob_name(digest), |graph| graph.blob_name(digest));
    let document =
        |digest| graph.map_or_else(|| blob_name(digest), |graph| graph.document_name(digest));
    for (image, state) in states.iter().enumerate() {
        let mut layers = Vec::new();
        for (i, layer) in state.layers.iter().enumerate() {
            let path = layer
                .path
                .clone()
                .unwrap_or_else(|| blob(layer.digest.expect("what gets a name has a digest")));
            files.push_layer(contents, &path, layer, image, Part::LayerTar(i));
            layers.push(path);
        }
        let legacy = generation
            .and_then(|generation| generation.layers_above(&state.config, &[]))
            .unwrap_or_default();
        for (i, layer) in legacy.into_iter().enumerate() {
            let name = blob_name(Digest::of(&layer.json));
            files.push(name, Content::Bytes(layer.json), image, Part::LegacyJson(i));
        }
        let config = blob(state.image_id);
        files.push(
            config.clone(),
            Content::Bytes(state.config.to_bytes()),
            image,
            Part::Config,
        );
        if let Some(manifest) = &state.manifest {
            let bytes = Content::Bytes(manifest.document.to_bytes());
            files.push(document(manifest.digest), bytes, image, Part::Manifest);
        }
        let top = state
            .layers
            .last()
            .map(|layer| layer.diff_id.hex())
            .unwrap_or_default();
        files.paths.push(Paths {
            config,
            layers,
            top,
        });
    }
    if let Some(graph) = graph {
        push_graph(&mut files, contents, graph);
    }
    files
}

/// Adds the documents of `graph`, and the blobs of what is no image.
fn push_graph(files: &mut Files, contents: &Contents, graph: &Graph) {
    for (n, digest) in graph.reachable().into_iter().enumerate() {
        let node = &graph.nodes[&digest];
        let bytes = Content::Bytes(node.document.to_bytes());
        files.push(graph.document_name(digest), bytes, 0, Part::Node(n));
        if node.kind != NodeKind::Other {
            continue;
        }
        let root = &node.document.root;
        let layers = root.get("layers").and_then(Value::items);
        let blobs = root.get("config").into_iter();
        for digest in blobs
            .chain(layers.into_iter().flatten())
            .filter_map(digest_of)
        {
            let there = contents.graph.as_ref();
            let there = there.and_then(|there| contents.source.find(&there.blob_name(digest)));
            if let Some(entry) = there {
                let name = graph.blob_name(digest);
                files.push(name, Content::Entry(entry), 0, Part::OtherBlob);
            }
        }
    }
}

/// Returns the first generation of legacy ids that derives every legacy file of the archive as it is.
fn detect_generation(contents: &Contents) -> Result<Option<Generation>, Error> {
    // All that no generation has a say in.
    if !reproduces(&UNKNOWN, contents)? {
        return Ok(None);
    }
    let times = Generation::times(seen_times(contents)?);
    // For each release the images that have legacy layers at all.
    let mut held: HashMap<Release, Vec<&Image>> = HashMap::new();
    for generation in times
        .iter()
        .flat_map(|time| Generation::candidates(true, time))
    {
        let images = || {
            let images = contents.images.iter();
            images
                .filter(|image| generation.holds(&image.config))
                .collect()
        };
        let images = held.entry(generation.release).or_insert_with(images);
        let mut is_it = true;
        for image in images {
            is_it = derives(contents, &generation, image)?;
            if !is_it {
                break;
            }
        }
        if is_it {
            return Ok(Some(generation));
        }
    }
    Ok(None)
}

/// Tells whether the legacy layers of an image are in the archive as a generation writes them.
fn derives(contents: &Contents, generation: &Generation, image: &Image) -> Result<bool, Error> {
    let mut outcome = Ok(true);
    generation.each_layer(&image.config, &[], |layer| {
        let name = blob_name(Digest::of(&layer.json));
        outcome = match contents.source.find(&name) {
            Some(index) => contents.holds(index, &Content::Bytes(layer.json), &[]),
            None => Ok(false),
        };
        matches!(outcome, Ok(true))
    });
    outcome
}

/// Returns every `created` of the legacy JSON blobs, which nothing references.
fn seen_times(contents: &Contents) -> Result<Vec<String>, Error> {
    let mut times = Vec::new();
    for index in legacy_candidates(contents) {
        push_time(
            &mut times,
            &contents.source.read(index, MAX_DOCUMENT_BYTES)?,
        );
    }
    Ok(times)
}
