//! OCI manifests of a revised archive: the old ones with what changed, new ones for images that come without, and OCI's
//! media types for Docker's.

use std::collections::{HashMap, VecDeque};

use crate::archive::OciManifest;
use crate::archive::dialect::state::{State, StateLayer};
use crate::archive::documents::descriptor::{
    digest_of, media_type_of, new_descriptor, rewrite_member,
};
use crate::digest::Digest;
use crate::image::json::{Document, Value};
use crate::media_type::{self, CONFIG, MANIFEST};

/// Returns the manifest of a revised image: the old document with another configuration and the layers as they are
/// now; descriptors of kept layers are kept.
pub(super) fn revise_manifest(
    manifest: &OciManifest,
    image_id: Digest,
    config_size: u64,
    layers: &[StateLayer],
) -> OciManifest {
    let mut document = manifest.document.clone();
    rewrite_member(&mut document, "config", image_id, config_size);
    let old: Vec<Value> = manifest
        .document
        .root
        .get("layers")
        .and_then(Value::items)
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let is_docker = old
        .last()
        .is_some_and(|layer| media_type_of(layer).starts_with("application/vnd.docker."));
    let mut by_digest: HashMap<Digest, VecDeque<&Value>> = HashMap::new();
    let mut first: HashMap<Digest, &Value> = HashMap::new();
    for item in &old {
        if let Some(digest) = digest_of(item) {
            first.entry(digest).or_insert(item);
            by_digest.entry(digest).or_default().push_back(item);
        }
    }
    let wanted: Vec<Value> = layers
        .iter()
        .map(|layer| {
            let digest = layer
                .digest
                .expect("the layers of a manifest are named by digest");
            // A layer that stands twice has two descriptors, which may say different things.
            let there = by_digest.get_mut(&digest);
            let kept = there.and_then(|there| {
                let next = there.pop_front()?;
                if there.is_empty() {
                    // Once more than it stood there it is what it was first.
                    there.push_back(first[&digest]);
                }
                Some(next.clone())
            });
            kept.unwrap_or_else(|| {
                let media_type = media_type::layer(layer.compression, is_docker)
                    .expect("a new layer is plain, gzip or zstd");
                new_descriptor(media_type, digest, layer.size)
            })
        })
        .collect();
    if layers.iter().any(StateLayer::is_stored) || wanted.len() != old.len() {
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

/// Returns a manifest that lists what the image is to be: its own where it has one.
pub(super) fn manifest_of(state: &State) -> OciManifest {
    let config_size = state.config.to_bytes().len() as u64;
    match &state.manifest {
        Some(own) => revise_manifest(own, state.image_id, config_size, &state.layers),
        None => new_manifest(state, config_size),
    }
}

fn new_manifest(state: &State, config_size: u64) -> OciManifest {
    let layers = state.layers.iter().map(|layer| {
        let media_type = media_type::layer(layer.compression, false);
        let media_type = media_type.expect("portable layers have one");
        let digest = layer.digest.expect("portable layers have digests");
        new_descriptor(media_type, digest, layer.size)
    });
    let document = Document::new(Value::object([
        ("schemaVersion", Value::number(2)),
        ("mediaType", Value::text(MANIFEST)),
        (
            "config",
            new_descriptor(CONFIG, state.image_id, config_size),
        ),
        ("layers", Value::array(layers)),
    ]));
    OciManifest {
        digest: Digest::of(&document.to_bytes()),
        document,
    }
}

/// Returns the manifest with the media types of OCI, which mean the same (image-spec media-types.md, "Compatibility
/// Matrix"). Docker reads an image whatever its types are; in a layout one that is none makes another artifact of it.
pub(super) fn with_oci_types(manifest: &OciManifest, layers: &[StateLayer]) -> OciManifest {
    let mut document = manifest.document.clone();
    let retyped = |value: &Value| media_type::as_oci(&media_type_of(value)).map(Value::text);
    if let Some(media_type) = retyped(&manifest.document.root) {
        document.set(
            &[],
            "mediaType",
            &["schemaVersion", "mediaType"],
            media_type,
        );
    }
    let config = manifest.document.root.get("config");
    let is_config = |value: &Value| media_type::is_image_config(&media_type_of(value));
    let media_type = config.and_then(|config| {
        retyped(config).or_else(|| (!is_config(config)).then(|| Value::text(CONFIG)))
    });
    if let Some(media_type) = media_type {
        document.set(&["config"], "mediaType", &[], media_type);
    }
    document.edit_array(&[], "layers", &[], |items| {
        for (i, layer) in layers.iter().enumerate().take(items.len()) {
            let is_layer = media_type::is_layer(&media_type_of(items.get(i)));
            let by_content = || media_type::layer(layer.compression, false).map(Value::text);
            let by_content = || (!is_layer).then(by_content).flatten();
            if let Some(media_type) = retyped(items.get(i)).or_else(by_content) {
                items.set(i, "mediaType", &[], media_type);
            }
        }
    });
    debug_assert_eq!(
        document.root.get("config").and_then(digest_of),
        manifest.document.root.get("config").and_then(digest_of)
    );
    OciManifest {
        digest: Digest::of(&document.to_bytes()),
        document,
    }
}
