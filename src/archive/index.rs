//! `index.json` and OCI manifests of a revised archive: the old documents with what changed.

use super::state::{LayerData, State, StateLayer};
use super::{Dialect, OciManifest};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{ArrayEdit, Document, Value};
use crate::reference::Reference;

/// image-spec media-types.md.
pub(super) const PLAIN_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST_TYPES: [&str; 2] = [
    MANIFEST,
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// containerd's full name of the image, which Docker writes too.
const NAME: &str = "io.containerd.image.name";
/// image-spec annotations.md; Docker puts the bare tag there.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

pub(super) fn blob_name(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// One entry of `index.json`.
pub(super) struct Descriptor {
    pub(super) digest: Digest,
    pub(super) size: Option<u64>,
    pub(super) name: Option<Reference>,
}

pub(super) fn descriptors(index: &Document) -> Result<Vec<Descriptor>, Error> {
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
                "manifests[{i}] is of type `{}`; images of several platforms cannot be patched yet",
                media_type.escape_debug()
            )));
        }
        let digest = item
            .get("digest")
            .and_then(Value::as_text)
            .and_then(|digest| Digest::parse(&digest).ok());
        let digest =
            digest.ok_or_else(|| bad(format!("manifests[{i}] has no `sha256:` digest")))?;
        let bad_name = |name: &str| {
            bad(format!(
                "manifests[{i}] is named `{}`, which is no reference",
                name.escape_debug()
            ))
        };
        let annotation = |key| {
            item.get("annotations")
                .and_then(|all| all.get(key))
                .and_then(Value::as_text)
        };
        // containerd's name is the whole one; without it the tag or reference that the writer was given.
        let name = match (annotation(NAME), annotation(REF_NAME)) {
            (Some(name), _) => Some(Reference::parse(&name).map_err(|_| bad_name(&name))?),
            (None, Some(name)) => {
                Some(Reference::from_ref_name(&name).map_err(|_| bad_name(&name))?)
            }
            (None, None) => None,
        };
        descriptors.push(Descriptor {
            digest,
            size: item.get("size").and_then(Value::as_u64),
            name,
        });
    }
    Ok(descriptors)
}

pub(super) fn layer_descriptor(media_type: &str, digest: &str, size: u64) -> Value {
    Value::object([
        ("mediaType", Value::text(media_type)),
        ("digest", Value::text(digest)),
        ("size", Value::number(size)),
    ])
}

/// Returns the media type of a new layer among `neighbours`: Docker's family of types or OCI's (media-types.md).
fn layer_type(neighbours: &[Value], compression: Compression) -> &'static str {
    let is_docker = neighbours
        .last()
        .and_then(|layer| layer.get("mediaType"))
        .and_then(Value::as_text)
        .is_some_and(|media_type| media_type.starts_with("application/vnd.docker."));
    match (is_docker, compression) {
        (true, Compression::Gzip) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        (true, Compression::Zstd) => "application/vnd.docker.image.rootfs.diff.tar.zstd",
        (true, _) => "application/vnd.docker.image.rootfs.diff.tar",
        (false, Compression::Gzip) => "application/vnd.oci.image.layer.v1.tar+gzip",
        (false, Compression::Zstd) => "application/vnd.oci.image.layer.v1.tar+zstd",
        (false, _) => PLAIN_LAYER,
    }
}

/// Returns the manifest of a revised image: the old document with another configuration and the layers as they are
/// now; descriptors of kept layers are kept.
pub(super) fn revise_manifest(
    manifest: &OciManifest,
    image_id: Digest,
    config_size: u64,
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
    let old: Vec<Value> = manifest
        .document
        .root
        .get("layers")
        .and_then(Value::items)
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let wanted: Vec<Value> = layers
        .iter()
        .map(|layer| {
            let digest = layer
                .digest
                .expect("the layers of a manifest are named by digest")
                .to_string();
            let is_it = |item: &&Value| {
                item.get("digest")
                    .and_then(Value::as_text)
                    .is_some_and(|d| d == digest)
            };
            let kept = old.iter().find(is_it).cloned();
            kept.unwrap_or_else(|| {
                layer_descriptor(layer_type(&old, layer.compression), &digest, layer.size)
            })
        })
        .collect();
    if layers
        .iter()
        .any(|layer| matches!(layer.data, LayerData::Added(_)))
        || wanted.len() != old.len()
    {
        document.edit_array(&[], "layers", &[], |items| {
            for (i, descriptor) in wanted.into_iter().enumerate() {
                if i == items.len() {
                    items.push(descriptor);
                } else if *items.get(i) != descriptor {
                    items.replace(i, descriptor);
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

/// Returns `index.json` in which each image's descriptors name its new manifest, one descriptor per tag.
pub(super) fn index_json(
    index: &Document,
    dialect: &Dialect,
    old: &[State],
    new: &[State],
) -> Document {
    let mut document = index.clone();
    let digest = |state: &State| state.manifest.as_ref().map(|manifest| manifest.digest);
    let is_same = |before: &State, after: &State| {
        before.tags == after.tags && digest(before) == digest(after)
    };
    if old
        .iter()
        .zip(new)
        .all(|(before, after)| is_same(before, after))
    {
        return document;
    }
    document.edit_array(&[], "manifests", &[], |items| {
        // Told before any of them changes: an image may become what another was.
        let mut owners: Vec<Option<usize>> = (0..items.len())
            .map(|i| owner_of(items.get(i), old))
            .collect();
        for (i, (before, after)) in old.iter().zip(new).enumerate() {
            if let Some(manifest) = &after.manifest
                && !is_same(before, after)
            {
                revise_descriptors(items, &mut owners, i, manifest, after, dialect);
            }
        }
    });
    document
}

/// Returns the image that a descriptor is of. Images may be equal; then the name tells them apart.
fn owner_of(descriptor: &Value, images: &[State]) -> Option<usize> {
    let digest = digest_of(descriptor)?;
    let name = name_of(descriptor);
    let is_described = |i: &usize| {
        let manifest = images[*i].manifest.as_ref();
        manifest.is_some_and(|manifest| manifest.digest == digest)
    };
    let is_named = |i: &usize| {
        name.as_ref()
            .is_some_and(|name| images[*i].tags.contains(name))
    };
    let mut described = (0..images.len()).filter(is_described);
    let first = described.clone().next();
    described.find(is_named).or(first)
}

fn digest_of(descriptor: &Value) -> Option<Digest> {
    let digest = descriptor.get("digest")?.as_text()?;
    Digest::parse(&digest).ok()
}

fn revise_descriptors(
    items: &mut ArrayEdit<'_>,
    owners: &mut Vec<Option<usize>>,
    image: usize,
    manifest: &OciManifest,
    state: &State,
    dialect: &Dialect,
) {
    let positions: Vec<usize> = (0..items.len())
        .filter(|&i| owners[i] == Some(image))
        .collect();
    let old: Vec<Value> = positions.iter().map(|&i| items.get(i).clone()).collect();
    let at = positions.first().copied().unwrap_or(items.len());
    for &i in positions.iter().rev() {
        items.remove(i);
        owners.remove(i);
    }
    // Docker 26 lists an image without tags, by a descriptor without a name, only if nothing is listed before it.
    if state.tags.is_empty() && (at == 0 || dialect.lists_nameless()) {
        owners.insert(at, Some(image));
        items.insert(
            at,
            old.first()
                .cloned()
                .unwrap_or_else(|| manifest_descriptor(manifest)),
        );
        rewrite_descriptor(items, at, manifest);
        items.take_within(at, "annotations", NAME);
        items.take_within(at, "annotations", REF_NAME);
    }
    for (n, tag) in state.tags.iter().enumerate() {
        let named = old.iter().find(|item| name_of(item).as_ref() == Some(tag));
        // Another name of the image is the same descriptor otherwise.
        let model = named.or(old.first()).cloned();
        owners.insert(at + n, Some(image));
        items.insert(
            at + n,
            model.unwrap_or_else(|| manifest_descriptor(manifest)),
        );
        rewrite_descriptor(items, at + n, manifest);
        if named.is_none() {
            name_descriptor(items, at + n, tag, dialect);
        }
    }
}

fn name_of(descriptor: &Value) -> Option<Reference> {
    let annotation = |key| {
        descriptor
            .get("annotations")
            .and_then(|all| all.get(key))
            .and_then(Value::as_text)
    };
    match (annotation(NAME), annotation(REF_NAME)) {
        (Some(name), _) => Reference::parse(&name).ok(),
        (None, Some(name)) => Reference::from_ref_name(&name).ok(),
        (None, None) => None,
    }
}

/// Names a descriptor as its writer does: containerd by both annotations, others by the reference alone.
fn name_descriptor(items: &mut ArrayEdit<'_>, i: usize, tag: &Reference, dialect: &Dialect) {
    let has_name = items
        .get(i)
        .get("annotations")
        .is_some_and(|all| all.get(NAME).is_some());
    if *dialect == Dialect::Layout && !has_name {
        items.set_within(i, "annotations", REF_NAME, Value::text(&tag.familiar()));
    } else {
        items.set_within(i, "annotations", NAME, Value::text(&tag.full()));
        items.set_within(i, "annotations", REF_NAME, Value::text(tag.tag()));
    }
}

/// Makes a descriptor name other bytes: what it says of the old ones goes, the rest stays.
fn rewrite_descriptor(items: &mut ArrayEdit<'_>, i: usize, manifest: &OciManifest) {
    let digest = manifest.digest.to_string();
    if items
        .get(i)
        .get("digest")
        .and_then(Value::as_text)
        .is_some_and(|old| old == digest)
    {
        return;
    }
    items.set(i, "digest", &[], Value::text(&digest));
    items.set(
        i,
        "size",
        &[],
        Value::number(manifest.document.to_bytes().len() as u64),
    );
    // A copy of the old content.
    items.take(i, "data");
    // Where the old content can be had (containerd's labels); the new one is nowhere yet.
    let annotations = items.get(i).get("annotations").and_then(Value::members);
    let stale: Vec<String> = annotations
        .into_iter()
        .flatten()
        .map(|(key, _)| key.into_owned())
        .filter(|key| key.starts_with("containerd.io/distribution.source."))
        .collect();
    for key in stale {
        items.take_within(i, "annotations", &key);
    }
}

fn manifest_descriptor(manifest: &OciManifest) -> Value {
    let media_type = manifest
        .document
        .root
        .get("mediaType")
        .and_then(Value::as_text);
    Value::object([
        (
            "mediaType",
            Value::text(media_type.as_deref().unwrap_or(MANIFEST)),
        ),
        ("digest", Value::text(&manifest.digest.to_string())),
        (
            "size",
            Value::number(manifest.document.to_bytes().len() as u64),
        ),
    ])
}
