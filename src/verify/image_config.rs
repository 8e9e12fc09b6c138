//! What tells the manifest of an image from that of an artifact: cosign and others give artifacts the configuration of an image.

use super::checker::Checker;
use super::json::Json;
use crate::error::Error;

/// The types of a configuration of an image.
pub(super) const TYPES: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// Tells whether a media type is one of configurations of images.
pub(super) fn is_config(media_type: &str) -> bool {
    TYPES.contains(&media_type)
}

/// Tells whether a media type is one of layers.
pub(super) fn is_layer(media_type: &str) -> bool {
    let families = [
        "application/vnd.oci.image.layer.",
        "application/vnd.docker.image.rootfs.",
        "application/vnd.docker.container.image.rootfs.",
    ];
    families.iter().any(|family| media_type.starts_with(family))
}

/// Tells whether a configuration has a `rootfs`, as only those have that speak of layers. What is no JSON is for the reader of
/// configurations to tell.
pub(super) fn is_there(checker: &Checker, entry: usize) -> Result<bool, Error> {
    let document = checker.maybe_document(entry)?;
    Ok(document.is_none_or(|(_, json)| json.get_any("rootfs").is_some()))
}

/// Tells whether whatever a manifest lists is a layer.
pub(super) fn has_layers_only(manifest: &Json) -> bool {
    let layers = manifest.get("layers").and_then(Json::list);
    layers.unwrap_or_default().iter().all(|layer| {
        let media_type = layer.get("mediaType").and_then(Json::text);
        media_type.is_none_or(|media_type| media_type.is_empty() || is_layer(media_type))
    })
}
