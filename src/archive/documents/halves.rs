//! The two halves of archives that describe their images twice: what is said where they disagree.

use std::collections::BTreeSet;

use super::descriptor::blob_name;
use crate::archive::source::Source;
use crate::archive::{Image, OciManifest};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::Value;
use crate::reference::Reference;

/// Says what can be done about halves that disagree.
pub(in crate::archive) fn disagreement(error: Error) -> Error {
    match error {
        Error::Mismatch { .. } | Error::BadDocument { .. } => Error::Halves(Box::new(error)),
        error => error,
    }
}

/// Says what can be done about a half that does not list what the other does: no images, or other layers.
pub(in crate::archive) fn unlisted(error: Error) -> Error {
    match error {
        Error::OtherLayers { .. } => Error::Halves(Box::new(error)),
        Error::BadDocument { ref name, .. } if name == "index.json" => {
            Error::Halves(Box::new(error))
        }
        error => error,
    }
}

/// The error of halves that name an image differently.
pub(in crate::archive) fn names_differ(
    image: &Image,
    found: &BTreeSet<Reference>,
    wanted: &BTreeSet<Reference>,
) -> Error {
    let list = |names: &BTreeSet<Reference>| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        if names.is_empty() {
            "no tag".to_owned()
        } else {
            names.join(", ")
        }
    };
    Error::Mismatch {
        what: format!(
            "what `index.json`, unlike `manifest.json`, tags as image `{}`",
            image.image_id.short()
        ),
        found: list(found),
        wanted: list(wanted),
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
