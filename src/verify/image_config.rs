//! Distinguishes images from artifacts: cosign and other tools give an artifact the configuration type of an image.

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

/// Tells whether a configuration has a `rootfs`, as every configuration of an image has. One that cannot be read is reported as
/// that.
pub(super) fn has_rootfs(checker: &mut Checker, entry: usize) -> Result<bool, Error> {
    let document = checker.document(entry)?;
    Ok(document.is_none_or(|json| json.get_any("rootfs").is_some()))
}

/// Tells whether every entry in `layers` of a manifest is a layer.
pub(super) fn has_layers_only(manifest: &Json) -> bool {
    let layers = manifest.get("layers").and_then(Json::list);
    layers.unwrap_or_default().iter().all(|layer| {
        let media_type = layer.get("mediaType").and_then(Json::text);
        media_type.is_none_or(|media_type| media_type.is_empty() || is_layer(media_type))
    })
}
