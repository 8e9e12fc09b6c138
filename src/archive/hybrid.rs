//! Docker 25 and later: an OCI layout (`index.json`, manifests, blobs) with `manifest.json` and `repositories` beside
//! it, three descriptions of the same images (moby v25 image/tarexport/save.go).
//!
//! `manifest.json` is what `docker load` reads and Docker 25.0 could write the OCI half wrong, so it says which
//! layers an image has; the OCI half must name the same images, and is changed along.

use std::collections::BTreeSet;

use super::derive::{
    DerivedContent, Files, LayerData, Part, Paths, RevisedLayer, State, StateLayer,
};
use super::open::read_document;
use super::v1::Generation;
use super::v1_directories::push_time;
use super::{Archive, MAX_DOCUMENT_BYTES, OciManifest};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::reference::Reference;

/// image-spec media-types.md.
pub(super) const PLAIN_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST_TYPES: [&str; 2] = [
    MANIFEST,
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// containerd's full name of the image, which Docker writes too.
const NAME: &str = "io.containerd.image.name";
/// image-spec annotations.md; Docker puts the bare tag there.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// More legacy blobs than any image has; what may be read to tell the writer.
const MAX_LEGACY_BLOBS: usize = 1000;

fn blob_name(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Finds the OCI manifest of every image, and refuses an archive whose halves disagree.
pub(super) fn attach_manifests(archive: &mut Archive) -> Result<(), Error> {
    let index = archive
        .index
        .clone()
        .expect("the hybrid form has index.json");
    let mut named: Vec<(usize, Reference)> = Vec::new();
    for descriptor in descriptors(&index)? {
        let manifest = read_manifest(archive, &descriptor)?;
        let config = manifest
            .document
            .root
            .get("config")
            .and_then(|config| config.get("digest"));
        let config = config
            .and_then(Value::as_text)
            .and_then(|digest| Digest::parse(&digest).ok());
        let found = archive
            .images
            .iter()
            .position(|image| Some(image.image_id) == config);
        let Some(image) = found else {
            return Err(Error::Mismatch {
                what: format!(
                    "the image that `index.json` names by the manifest `{}`",
                    manifest.digest
                ),
                found: config.map_or_else(|| "no image".to_owned(), |config| config.to_string()),
                wanted: "one of those in `manifest.json`".to_owned(),
            });
        };
        check_layers(archive, image, &manifest)?;
        archive.images[image].manifest = Some(manifest);
        if let Some(name) = descriptor.name {
            named.push((image, name));
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

/// One entry of `index.json`.
struct Descriptor {
    digest: Digest,
    size: Option<u64>,
    name: Option<Reference>,
}

fn descriptors(index: &Document) -> Result<Vec<Descriptor>, Error> {
    let bad = |reason: String| Error::BadDocument {
        name: "index.json".to_owned(),
        reason,
    };
    // Docker 25.0 writes `"manifests": null` for an archive without tags.
    let Some(manifests) = index.root.get("manifests").filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let items = manifests
        .items()
        .ok_or_else(|| bad("`manifests` is no list".to_owned()))?;
    let mut descriptors = Vec::with_capacity(items.len());
    for (i, item) in items.enumerate() {
        let media_type = item
            .get("mediaType")
            .and_then(Value::as_text)
            .unwrap_or_default();
        if !MANIFEST_TYPES.contains(&media_type.as_ref()) {
            return Err(bad(format!(
                "manifests[{i}] is of type `{}`; this version patches image manifests only",
                media_type.escape_debug()
            )));
        }
        let digest = item
            .get("digest")
            .and_then(Value::as_text)
            .and_then(|digest| Digest::parse(&digest).ok());
        let digest =
            digest.ok_or_else(|| bad(format!("manifests[{i}] has no `sha256:` digest")))?;
        let annotation = |key| {
            item.get("annotations")
                .and_then(|all| all.get(key))
                .and_then(Value::as_text)
        };
        let name = annotation(NAME).and_then(|name| Reference::parse(&name).ok());
        descriptors.push(Descriptor {
            digest,
            size: item.get("size").and_then(Value::as_u64),
            name,
        });
    }
    Ok(descriptors)
}

fn read_manifest(archive: &Archive, descriptor: &Descriptor) -> Result<OciManifest, Error> {
    let name = blob_name(descriptor.digest);
    let index = archive.source.resolve(&name, "`index.json`")?;
    let bytes = archive.source.read(index, MAX_DOCUMENT_BYTES)?;
    let found = Digest::of(&bytes);
    if found != descriptor.digest {
        let wanted = descriptor.digest.to_string();
        return Err(Error::Mismatch {
            what: format!("the digest of `{name}`"),
            found: found.to_string(),
            wanted,
        });
    }
    if descriptor.size != Some(bytes.len() as u64) {
        return Err(Error::Mismatch {
            what: format!("the size of `{name}`"),
            found: bytes.len().to_string(),
            wanted: descriptor
                .size
                .map_or_else(|| "no size".to_owned(), |size| size.to_string()),
        });
    }
    Ok(OciManifest {
        digest: found,
        document: read_document(&archive.source, &name)?,
    })
}

/// The same layers must stand in both halves. The order is `manifest.json`'s: Docker 25.0 could shuffle the other.
fn check_layers(archive: &Archive, image: usize, manifest: &OciManifest) -> Result<(), Error> {
    let image = &archive.images[image];
    let layers = manifest.document.root.get("layers").and_then(Value::items);
    let mut listed: Vec<Option<Digest>> = layers
        .into_iter()
        .flatten()
        .map(|layer| {
            layer
                .get("digest")
                .and_then(Value::as_text)
                .and_then(|digest| Digest::parse(&digest).ok())
        })
        .collect();
    let mut wanted: Vec<Option<Digest>> = image
        .layers
        .iter()
        .map(|layer| super::docker::digest_in_name(&archive.source.entries()[layer.entry].name))
        .collect();
    let (n_found, n_wanted) = (listed.len(), wanted.len());
    listed.sort();
    wanted.sort();
    if listed != wanted {
        return Err(Error::Mismatch {
            what: format!("the layers that the manifest `{}` lists", manifest.digest),
            found: format!("{n_found} layers"),
            wanted: format!(
                "the {n_wanted} layers that `manifest.json` lists for `{}`",
                image.display_name()
            ),
        });
    }
    Ok(())
}

/// Tags are in both halves, or loaders would see different ones.
fn check_names(archive: &Archive, image: usize, named: &[(usize, Reference)]) -> Result<(), Error> {
    let found: BTreeSet<&Reference> = named
        .iter()
        .filter(|(i, _)| *i == image)
        .map(|(_, name)| name)
        .collect();
    let wanted: BTreeSet<&Reference> = archive.images[image].tags.iter().collect();
    if found == wanted {
        return Ok(());
    }
    let list = |names: &BTreeSet<&Reference>| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        if names.is_empty() {
            "no tag".to_owned()
        } else {
            names.join(", ")
        }
    };
    Err(Error::Mismatch {
        what: format!(
            "what `index.json` tags as image `{}`",
            archive.images[image].image_id.short()
        ),
        found: list(&found),
        wanted: format!("{}, as `manifest.json` has it", list(&wanted)),
    })
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
        let layers = image
            .layers
            .iter()
            .map(|layer| layer_descriptor(&layer.diff_id.to_string(), layer.size));
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

fn layer_descriptor(digest: &str, size: u64) -> Value {
    Value::object([
        ("mediaType", Value::text(PLAIN_LAYER)),
        ("digest", Value::text(digest)),
        ("size", Value::number(size)),
    ])
}

/// Returns the manifest of a revised image: the old document with another configuration and the layers as they are
/// now; descriptors of kept layers are kept.
pub(super) fn revise_manifest(
    manifest: &OciManifest,
    image_id: Digest,
    config_size: u64,
    revised: &[RevisedLayer],
    layers: &[StateLayer],
) -> OciManifest {
    let mut document = manifest.document.clone();
    document.set(
        &["config"],
        "digest",
        &[],
        Value::text(&image_id.to_string()),
    );
    document.set(&["config"], "size", &[], Value::number(config_size));
    // A copy of the content inside the descriptor is stale now.
    document.remove(&["config"], "data");
    let is_unchanged = revised
        .iter()
        .enumerate()
        .all(|(i, layer)| *layer == RevisedLayer::Kept(i));
    let n_old = manifest
        .document
        .root
        .get("layers")
        .and_then(Value::items)
        .map_or(0, |items| items.len());
    if !(is_unchanged && n_old == revised.len()) {
        let old: Vec<Value> = manifest
            .document
            .root
            .get("layers")
            .and_then(Value::items)
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        document.edit_array("layers", &[], |items| {
            for (i, layer) in layers.iter().enumerate() {
                let digest = layer.diff_id.to_string();
                let kept = old.iter().find(|item| {
                    item.get("digest")
                        .and_then(Value::as_text)
                        .is_some_and(|d| d == digest)
                });
                match items.len() > i && kept.is_some() && items.get(i) == kept.expect("just seen")
                {
                    true => {}
                    false if items.len() > i => {
                        items.replace(
                            i,
                            kept.cloned()
                                .unwrap_or_else(|| layer_descriptor(&digest, layer.size)),
                        );
                    }
                    false => items.push(
                        kept.cloned()
                            .unwrap_or_else(|| layer_descriptor(&digest, layer.size)),
                    ),
                }
            }
            while items.len() > layers.len() {
                items.remove(items.len() - 1);
            }
        });
    }
    OciManifest {
        digest: Digest::of(&document.to_bytes()),
        document,
    }
}

/// Returns the files that Docker writes for `states`.
pub(super) fn files(generation: Option<&Generation>, states: &[State]) -> Files {
    let mut files = Files::default();
    for (image, state) in states.iter().enumerate() {
        let mut layers = Vec::new();
        for (i, layer) in state.layers.iter().enumerate() {
            let path = match &layer.data {
                LayerData::Kept { path, .. } => path.clone(),
                LayerData::Added(_) => format!("blobs/sha256/{}", layer.diff_id.hex()),
            };
            files.push(
                path.clone(),
                DerivedContent::Layer(layer.data.clone(), layer.size),
                image,
                Part::LayerTar(i),
            );
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
    files
}

/// Returns `index.json` in which each image's descriptors name its new manifest, one descriptor per tag.
pub(super) fn index_json(index: &Document, old: &[State], new: &[State]) -> Document {
    let mut document = index.clone();
    let is_same = |before: &State, after: &State| {
        before.tags == after.tags
            && before.manifest.as_ref().map(|m| m.digest)
                == after.manifest.as_ref().map(|m| m.digest)
    };
    if old
        .iter()
        .zip(new)
        .all(|(before, after)| is_same(before, after))
    {
        return document;
    }
    document.edit_array("manifests", &[], |items| {
        for (before, after) in old.iter().zip(new) {
            let (Some(old_manifest), Some(new_manifest)) = (&before.manifest, &after.manifest)
            else {
                continue;
            };
            if is_same(before, after) {
                continue;
            }
            revise_descriptors(items, old_manifest.digest, new_manifest, after);
        }
    });
    document
}

fn revise_descriptors(
    items: &mut crate::image::json::ArrayEdit<'_>,
    old_digest: Digest,
    manifest: &OciManifest,
    state: &State,
) {
    let digest_of = |item: &Value| {
        item.get("digest")
            .and_then(Value::as_text)
            .and_then(|d| Digest::parse(&d).ok())
    };
    let positions: Vec<usize> = (0..items.len())
        .filter(|&i| digest_of(items.get(i)) == Some(old_digest))
        .collect();
    let name_of = |item: &Value| {
        item.get("annotations")
            .and_then(|all| all.get(NAME))
            .and_then(Value::as_text)
            .and_then(|n| Reference::parse(&n).ok())
    };
    let old: Vec<Value> = positions.iter().map(|&i| items.get(i).clone()).collect();
    let at = positions.first().copied().unwrap_or(items.len());
    for &i in positions.iter().rev() {
        items.remove(i);
    }
    if state.tags.is_empty() && at == 0 {
        // Docker 26 lists an image without tags, by a descriptor without a name, if nothing is listed before it.
        items.insert(at, manifest_descriptor(manifest, None));
    }
    for (n, tag) in state.tags.iter().enumerate() {
        match old.iter().find(|item| name_of(item).as_ref() == Some(tag)) {
            Some(descriptor) => {
                items.insert(at + n, descriptor.clone());
                items.set(
                    at + n,
                    "digest",
                    &[],
                    Value::text(&manifest.digest.to_string()),
                );
                items.set(
                    at + n,
                    "size",
                    &[],
                    Value::number(manifest.document.to_bytes().len() as u64),
                );
                items.take(at + n, "data");
            }
            None => items.insert(at + n, manifest_descriptor(manifest, Some(tag))),
        }
    }
}

fn manifest_descriptor(manifest: &OciManifest, tag: Option<&Reference>) -> Value {
    let mut members = vec![
        ("mediaType", Value::text(MANIFEST)),
        ("digest", Value::text(&manifest.digest.to_string())),
        (
            "size",
            Value::number(manifest.document.to_bytes().len() as u64),
        ),
    ];
    if let Some(tag) = tag {
        let annotations = [
            (NAME, Value::text(&tag.full())),
            (REF_NAME, Value::text(tag.tag())),
        ];
        members.push(("annotations", Value::object(annotations)));
    }
    Value::object(members)
}

/// Returns every `created` of the legacy JSON blobs, which nothing references.
pub(super) fn seen_times(archive: &Archive) -> Result<Vec<String>, Error> {
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
