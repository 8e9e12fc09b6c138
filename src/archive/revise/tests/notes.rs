//! What is said of what an archive loses.

use serde_json::json;

use crate::archive::revise::annotations::dropped;
use crate::archive::tests::{Files, annotated};
use crate::media_type::{CONFIG, MANIFEST, PLAIN_LAYER};

#[test]
fn annotations_that_are_lost_are_named_by_their_place() {
    let mut files = Files::default();
    let layers = [b"1", b"2", b"3"].map(|bytes| {
        let layer = files.blob(PLAIN_LAYER, &[&bytes[..], &[0; 1023]].concat());
        match bytes {
            b"2" => annotated(&layer, &json!({"l": "1"})),
            b"3" => annotated(&layer, &json!({})),
            _ => layer,
        }
    });
    let diff_ids = layers.each_ref().map(|layer| &layer["digest"]);
    let config = json!({"rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let config = files.blob(CONFIG, config.to_string().as_bytes());
    let image = files.manifest(&json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        "annotations": {"m": "1", "n": "2"},
    }));
    let image = annotated(
        &image,
        &json!({"org.opencontainers.image.ref.name": "app:1"}),
    );
    let plain = files.image("plain");
    let archive = files.layout(&[image, plain]).archive().unwrap();
    assert!(dropped(&archive, &[1]).is_empty());
    assert_eq!(
        dropped(&archive, &[0, 1]),
        [
            "annotations `m`, `n` of the manifest of `app:1`: not carried over",
            "annotation `l` of the layer 2 of `app:1`: not carried over",
        ]
    );
}
