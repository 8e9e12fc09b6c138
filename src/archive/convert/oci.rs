//! Manifests for images that come without, and OCI's media types for Docker's.

use super::Form;
use super::layers::Layers;
use crate::archive::form::descriptor::{digest_of, media_type_of, new_descriptor};
use crate::archive::form::graph::Graph;
use crate::archive::form::state::{State, StateLayer};
use crate::archive::revision::index::revise_manifest;
use crate::archive::{Archive, OciManifest};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::media_type::{self, CONFIG, MANIFEST};

/// Gives an image portable layers and a manifest that lists them: its own where it has one.
pub(super) fn describe(
    state: &mut State,
    layers: &mut Layers<'_>,
    form: Form,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let portable = state
        .layers
        .iter()
        .map(|layer| layers.portable(layer, notes));
    state.layers = portable.collect::<Result<_, _>>()?;
    let config_size = state.config.to_bytes().len() as u64;
    let own = state.manifest.as_ref();
    let manifest = own.map(|own| revise_manifest(own, state.image_id, config_size, &state.layers));
    let manifest = manifest.unwrap_or_else(|| new_manifest(state, config_size));
    state.manifest = Some(if form.is_docker() {
        manifest
    } else {
        with_oci_types(&manifest, &state.layers)
    });
    Ok(())
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

/// Revises the documents of a layout, in OCI's media types where the form wants these.
pub(super) fn revise_graph(
    archive: &Archive,
    graph: &Graph,
    roots: &[Option<Digest>],
    (old, new): (&[State], &mut [State]),
    form: Form,
) -> (Graph, Vec<Option<Digest>>) {
    if !form.is_docker() {
        for state in new.iter_mut() {
            let manifest = state.manifest.as_ref();
            state.manifest = manifest.map(|manifest| with_oci_types(manifest, &state.layers));
        }
    }
    graph.revise(roots, old, new, &archive.dialect, !form.is_docker())
}

/// Returns the manifest with the media types of OCI, which mean the same (image-spec media-types.md, "Compatibility
/// Matrix"). Docker reads an image whatever its types are; in a layout one that is none makes another artifact of it.
fn with_oci_types(manifest: &OciManifest, layers: &[StateLayer]) -> OciManifest {
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
