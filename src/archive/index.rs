//! `index.json` and OCI manifests of a revised archive: the old documents with what changed.

use super::OciManifest;
use super::derive::RevisedLayer;
use super::state::{State, StateLayer};
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

pub(super) fn layer_descriptor(digest: &str, size: u64) -> Value {
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
    items: &mut ArrayEdit<'_>,
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
