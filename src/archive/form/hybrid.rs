//! Docker 25 and later: an OCI layout (`index.json`, manifests, blobs) with `manifest.json` and `repositories` beside
//! it, three descriptions of the same images (moby v25 image/tarexport/save.go).
//!
//! `manifest.json` is what `docker load` reads and Docker 25.0 could write the OCI half wrong, so it says which
//! layers an image has; the OCI half must name the same images, and is changed along.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::containerd::names_differ;
use super::descriptor::{blob_name, digest_of, listed_name};
use super::graph::{Graph, Kind, children};
use super::read::read_document;
use super::state::{DerivedContent, Files, LayerData, Part, Paths, State};
use super::v1::{Generation, Release};
use super::v1_directories::push_time;
use crate::archive::source::Source;
use crate::archive::{Archive, Dialect, Image, Layer, MAX_DOCUMENT_BYTES, OciManifest};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::media_type::{CONFIG, MANIFEST, PLAIN_LAYER};
use crate::reference::Reference;

/// More legacy blobs than any image has; what may be read to tell the writer.
const MAX_LEGACY_BLOBS: usize = 1000;

/// Finds the OCI manifest of every image, and refuses an archive whose halves disagree.
pub(in crate::archive) fn attach_manifests(archive: &mut Archive) -> Result<(), Error> {
    let graph = archive
        .graph
        .clone()
        .expect("the hybrid form has index.json");
    let mut named: HashMap<usize, BTreeSet<Reference>> = HashMap::new();
    // Several items may name one configuration: images that a patch has made equal.
    let mut twins_by_id: HashMap<Digest, Vec<usize>> = HashMap::new();
    for (i, image) in archive.images.iter().enumerate() {
        twins_by_id.entry(image.image_id).or_default().push(i);
    }
    let mut holders: HashMap<Reference, Vec<usize>> = HashMap::new();
    for (i, image) in archive.images.iter().enumerate() {
        for tag in &image.tags {
            holders.entry(tag.clone()).or_default().push(i);
        }
    }
    let mut attached = HashSet::new();
    for (i, descriptor) in children(&graph.index).enumerate() {
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
        let name = listed_name(descriptor, i)?;
        let holder = name.as_ref().and_then(|name| {
            let holders = holders.get(name).into_iter().flatten();
            let is_twin = |i: &usize| Some(archive.images[*i].image_id) == config;
            holders.copied().find(is_twin)
        });
        // Descriptors without a name that are alike are about the same images.
        if holder.is_some() || attached.insert((config, digest)) {
            for &image in holder
                .as_ref()
                .map_or(twins.as_slice(), std::slice::from_ref)
            {
                attach(archive, image, &manifest)?;
            }
        }
        if let Some(name) = name {
            let names = named.entry(holder.unwrap_or(first)).or_default();
            names.insert(name);
        }
    }
    for i in 0..archive.images.len() {
        check_names(archive, i, &named)?;
        if archive.images[i].manifest.is_none() {
            archive.images[i].manifest = find_unnamed_manifest(archive, i)?;
        }
    }
    Ok(())
}

fn attach(archive: &mut Archive, image: usize, manifest: &OciManifest) -> Result<(), Error> {
    check_layers(&archive.source, &archive.images[image], manifest)?;
    let other = archive.images[image].manifest.replace(manifest.clone());
    match other.filter(|other| other.digest != manifest.digest) {
        None => Ok(()),
        // Only one of them could be revised; the other would name a configuration that is gone.
        Some(other) => Err(Error::BadDocument {
            name: "index.json".to_owned(),
            reason: format!(
                "the image `{}` has two manifests there, `{}` and `{}`",
                archive.images[image].display_name(),
                other.digest,
                manifest.digest
            ),
        }),
    }
}

/// The same layers, of the same sizes, must stand in both halves. The order is `manifest.json`'s: Docker 25.0 could
/// shuffle the other.
pub(in crate::archive) fn check_layers(
    source: &Source,
    image: &Image,
    manifest: &OciManifest,
) -> Result<(), Error> {
    let layers = manifest.document.root.get("layers").and_then(Value::items);
    let stated = |layer: &Value| {
        let digest = layer
            .get("digest")
            .and_then(Value::as_text)
            .and_then(|d| Digest::parse(&d).ok());
        (digest, layer.get("size").and_then(Value::as_u64))
    };
    let mut listed: Vec<_> = layers.into_iter().flatten().map(stated).collect();
    let mut wanted: Vec<_> = image
        .layers
        .iter()
        .map(|layer| (layer.named_digest(source), Some(layer.size)))
        .collect();
    listed.sort();
    wanted.sort();
    if listed.iter().all(|(digest, _)| digest.is_some()) && listed == wanted {
        return Ok(());
    }
    // The same blob with another size says more than that something differs.
    listed.dedup();
    wanted.dedup();
    for (digest, size) in &wanted {
        let from = listed.partition_point(|(d, _)| d < digest);
        let same = listed[from..].iter().take_while(|(d, _)| d == digest);
        let other = same.into_iter().find(|(d, s)| d.is_some() && s != size);
        if let (Some((Some(digest), stated)), Some(size)) = (other, size) {
            return Err(Error::Mismatch {
                what: format!("the size of the layer `{}`", blob_name(*digest)),
                found: size.to_string(),
                wanted: stated.map_or_else(|| "no size".to_owned(), |size| size.to_string()),
            });
        }
    }
    Err(Error::Mismatch {
        what: format!("what the manifest `{}` lists", manifest.digest),
        found: format!("{} layers", listed.len()),
        wanted: format!("the {} layers of {}", wanted.len(), image.display_name()),
    })
}

/// Tags are in both halves, or loaders would see different ones.
fn check_names(
    archive: &Archive,
    image: usize,
    named: &HashMap<usize, BTreeSet<Reference>>,
) -> Result<(), Error> {
    let found = named.get(&image).cloned().unwrap_or_default();
    let wanted: BTreeSet<Reference> = archive.images[image].tags.iter().cloned().collect();
    if found == wanted {
        return Ok(());
    }
    Err(names_differ(&archive.images[image], &found, &wanted))
}

fn plain_descriptor(layer: &Layer) -> Value {
    Value::object([
        ("mediaType", Value::text(PLAIN_LAYER)),
        ("digest", Value::text(&layer.diff_id.to_string())),
        ("size", Value::number(layer.size)),
    ])
}

/// An image without tags is in no index; its manifest is there all the same, and can be derived.
fn find_unnamed_manifest(archive: &Archive, image: usize) -> Result<Option<OciManifest>, Error> {
    let image = &archive.images[image];
    let config_size = archive.source.entries()[image.config_entry].size;
    for platform in [false, true] {
        let mut config = vec![
            ("mediaType", Value::text(CONFIG)),
            ("digest", Value::text(&image.image_id.to_string())),
            ("size", Value::number(config_size)),
        ];
        if platform {
            // Docker 25.0 to 26.0 put the platform there.
            let text = |key| Value::text(&image.config.text(key).unwrap_or_default());
            let platform =
                Value::object([("architecture", text("architecture")), ("os", text("os"))]);
            config.push(("platform", platform));
        }
        let layers = image.layers.iter().map(plain_descriptor);
        let document = Document::new(Value::object([
            ("schemaVersion", Value::number(2)),
            ("mediaType", Value::text(MANIFEST)),
            ("config", Value::object(config)),
            ("layers", Value::array(layers)),
        ]));
        let digest = Digest::of(&document.to_bytes());
        if archive.source.find(&blob_name(digest)).is_some() {
            let document = read_document(&archive.source, &blob_name(digest))?;
            return Ok(Some(OciManifest { digest, document }));
        }
    }
    Ok(None)
}

/// Returns the files that Docker writes for `states`, and those of everything else that `graph` leads to.
pub(in crate::archive) fn files(
    archive: &Archive,
    generation: Option<&Generation>,
    states: &[State],
    graph: Option<&Graph>,
) -> Files {
    let mut files = Files::default();
    for (image, state) in states.iter().enumerate() {
        let mut layers = Vec::new();
        for (i, layer) in state.layers.iter().enumerate() {
            let path = match &layer.data {
                LayerData::Kept { path, .. } => path.clone(),
                LayerData::Added(_) => {
                    blob_name(layer.digest.expect("a new layer's digest is known"))
                }
            };
            files.push_layer(archive, &path, layer, image, Part::LayerTar(i));
            layers.push(path);
        }
        let legacy = generation
            .and_then(|generation| generation.layers(&state.config))
            .unwrap_or_default();
        for (i, layer) in legacy.into_iter().enumerate() {
            let name = blob_name(Digest::of(&layer.json));
            files.push(
                name,
                DerivedContent::Bytes(layer.json),
                image,
                Part::LegacyJson(i),
            );
        }
        let config = blob_name(state.image_id);
        files.push(
            config.clone(),
            DerivedContent::Bytes(state.config.to_bytes()),
            image,
            Part::Config,
        );
        if let Some(manifest) = &state.manifest {
            let bytes = DerivedContent::Bytes(manifest.document.to_bytes());
            files.push(blob_name(manifest.digest), bytes, image, Part::Manifest);
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
        push_graph(&mut files, archive, graph);
    }
    files
}

/// Adds the documents of `graph`, and the blobs of what is no image.
fn push_graph(files: &mut Files, archive: &Archive, graph: &Graph) {
    for (n, digest) in graph.reachable().into_iter().enumerate() {
        let node = &graph.nodes[&digest];
        let bytes = DerivedContent::Bytes(node.document.to_bytes());
        files.push(blob_name(digest), bytes, 0, Part::Node(n));
        if node.kind != Kind::Other {
            continue;
        }
        let root = &node.document.root;
        let layers = root.get("layers").and_then(Value::items);
        let blobs = root.get("config").into_iter();
        for blob in blobs.chain(layers.into_iter().flatten()) {
            let name = digest_of(blob).map(blob_name);
            let Some((path, entry)) = name
                .and_then(|n| Some((archive.source.find(&n)?, n)))
                .map(|(entry, name)| (name, entry))
            else {
                continue;
            };
            let size = archive.source.entries()[entry].size;
            let data = LayerData::Kept {
                entry,
                path: path.clone(),
            };
            files.push(path, DerivedContent::Layer(data, size), 0, Part::OtherBlob);
        }
    }
}

/// Returns the first generation of legacy ids that derives every legacy file of the archive as it is.
pub(in crate::archive) fn detect_generation(
    archive: &Archive,
) -> Result<Option<Generation>, Error> {
    // All that no generation has a say in.
    if !Dialect::Hybrid(None).reproduces(archive)? {
        return Ok(None);
    }
    let times = Generation::times(seen_times(archive)?);
    // For each release the images that have legacy layers at all.
    let mut held: HashMap<Release, Vec<&Image>> = HashMap::new();
    for generation in times
        .iter()
        .flat_map(|time| Generation::candidates(true, time))
    {
        let images = || {
            let images = archive.images.iter();
            images
                .filter(|image| generation.holds(&image.config))
                .collect()
        };
        let images = held.entry(generation.release).or_insert_with(images);
        let mut is_it = true;
        for image in images {
            is_it = derives(archive, &generation, image)?;
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
fn derives(archive: &Archive, generation: &Generation, image: &Image) -> Result<bool, Error> {
    let mut outcome = Ok(true);
    generation.each_layer(&image.config, &[], |layer| {
        let name = blob_name(Digest::of(&layer.json));
        outcome = match archive.source.find(&name) {
            Some(index) => archive.holds(index, &DerivedContent::Bytes(layer.json)),
            None => Ok(false),
        };
        matches!(outcome, Ok(true))
    });
    outcome
}

/// Returns every `created` of the legacy JSON blobs, which nothing references.
fn seen_times(archive: &Archive) -> Result<Vec<String>, Error> {
    let mut times = Vec::new();
    let known: BTreeSet<usize> = archive
        .images
        .iter()
        .flat_map(|image| {
            image
                .layers
                .iter()
                .map(|layer| layer.entry)
                .chain([image.config_entry])
        })
        .collect();
    let is_candidate = |index: &usize| {
        let entry = &archive.source.entries()[*index];
        entry.kind == crate::tarball::Kind::File
            && entry.name.starts_with("blobs/")
            && entry.size <= 64 * 1024
            && !known.contains(index)
    };
    for index in (0..archive.source.entries().len())
        .filter(is_candidate)
        .take(MAX_LEGACY_BLOBS)
    {
        push_time(&mut times, &archive.source.read(index, MAX_DOCUMENT_BYTES)?);
    }
    Ok(times)
}
