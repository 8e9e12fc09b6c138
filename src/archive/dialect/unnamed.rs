//! The manifest of an image without a name: Docker 25.0 writes it and lists it nowhere.

use crate::archive::documents::descriptor::blob_name;
use crate::archive::documents::read::read_document;
use crate::archive::source::Source;
use crate::archive::{Image, Layer, OciManifest};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::media_type::{CONFIG, MANIFEST, PLAIN_LAYER};

fn plain_descriptor(layer: &Layer) -> Value {
    Value::object([
        ("mediaType", Value::text(PLAIN_LAYER)),
        ("digest", Value::text(&layer.diff_id.to_string())),
        ("size", Value::number(layer.size)),
    ])
}

/// An image without tags is in no index; its manifest is there all the same, and can be derived.
pub(super) fn find_unnamed_manifest(
    source: &Source,
    image: &Image,
) -> Result<Option<OciManifest>, Error> {
    let config_size = source.entries()[image.config_entry].size;
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
        if source.find(&blob_name(digest)).is_some() {
            let document = read_document(source, &blob_name(digest))?;
            return Ok(Some(OciManifest { digest, document }));
        }
    }
    Ok(None)
}
