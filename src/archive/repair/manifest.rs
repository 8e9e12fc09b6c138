//! The manifest of an image as it must be: with the configuration and the layers that the image has.

use std::collections::{HashMap, VecDeque};

use super::graph::{right_item, right_member};
use super::reading::Found;
use crate::archive::dialect::state::StateLayer;
use crate::archive::documents::descriptor::{blob_name, digest_of, media_type_of, new_descriptor};
use crate::archive::{OciManifest, Source};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::image::json::{ArrayEdit, Value};
use crate::media_type;

/// Returns the manifest `stated` with the configuration and the layers of `found`; descriptors keep what they state besides.
pub(super) fn right(source: &Source, stated: &OciManifest, found: &Found) -> OciManifest {
    let mut document = stated.document.clone();
    let config_size = found.state.config.to_bytes().len() as u64;
    right_member(&mut document, "config", found.state.image_id, config_size);
    let old = document.root.get("layers").and_then(Value::items);
    let old: Vec<Value> = old.into_iter().flatten().cloned().collect();
    let is_docker = old
        .last()
        .is_some_and(|layer| media_type_of(layer).starts_with("application/vnd.docker."));
    let entry = |descriptor: &Value| {
        let name = blob_name(digest_of(descriptor)?);
        source.resolve(&name, "a descriptor").ok()
    };
    let mut by_entry: HashMap<usize, VecDeque<&Value>> = HashMap::new();
    for descriptor in &old {
        if let Some(entry) = entry(descriptor) {
            by_entry.entry(entry).or_default().push_back(descriptor);
        }
    }
    let layers = found.image.layers.iter().zip(&found.state.layers);
    let wanted = layers.map(|(layer, state)| {
        let own = layer.entry.and_then(|entry| by_entry.get_mut(&entry));
        let own = own.and_then(VecDeque::pop_front);
        own.cloned().unwrap_or_else(|| new_layer(state, is_docker))
    });
    let wanted: Vec<Value> = wanted.collect();
    document.edit_array(&[], "layers", &[], |items| {
        while items.len() > wanted.len() {
            items.remove(items.len() - 1);
        }
        for (i, descriptor) in wanted.into_iter().enumerate() {
            if i == items.len() {
                items.push(descriptor);
            } else if *items.get(i) != descriptor {
                items.replace(i, descriptor);
            }
            right_layer(items, i, &found.state.layers[i]);
        }
    });
    OciManifest {
        digest: Digest::of(&document.to_bytes()),
        document,
    }
}

fn new_layer(layer: &StateLayer, is_docker: bool) -> Value {
    let media_type = media_type::layer(layer.compression, is_docker);
    // bzip2 and xz have no media type: every reader tells them by their first bytes.
    let media_type = media_type.unwrap_or(media_type::PLAIN_LAYER);
    let digest = layer.digest.expect("layers were hashed");
    new_descriptor(media_type, digest, layer.size)
}

/// Has the descriptor of a layer state its digest, its size and how it is compressed.
fn right_layer(items: &mut ArrayEdit<'_>, i: usize, layer: &StateLayer) {
    let digest = layer.digest.expect("layers were hashed");
    right_item(items, i, digest, layer.size);
    let stated = media_type_of(items.get(i));
    if stated.is_empty() || compression_of(&stated) == Some(layer.compression) {
        return;
    }
    let is_docker = stated.starts_with("application/vnd.docker.");
    if let Some(media_type) = media_type::layer(layer.compression, is_docker) {
        items.set(i, "mediaType", &[], Value::text(media_type));
    }
}

/// Returns the compression that the media type of a layer states.
fn compression_of(media_type: &str) -> Option<Compression> {
    let ends = [
        ("gzip", Compression::Gzip),
        ("zstd", Compression::Zstd),
        ("tar", Compression::None),
    ];
    let ends = ends.iter().find(|(end, _)| media_type.ends_with(end));
    ends.map(|(_, compression)| *compression)
}

#[cfg(test)]
mod tests {
    use super::right_layer;
    use crate::archive::dialect::state::StateLayer;
    use crate::compression::Compression;
    use crate::digest::{DiffId, Digest};
    use crate::image::json::{Document, Value};

    #[test]
    fn a_layer_states_how_it_is_compressed_where_there_is_a_word_for_it() {
        let digest = Digest::of(b"layer");
        let oci = "application/vnd.oci.image.layer.v1.tar";
        let docker = "application/vnd.docker.image.rootfs.diff.tar";
        let [oci_gzip, oci_zstd] = ["gzip", "zstd"].map(|end| format!("{oci}+{end}"));
        let [docker_gzip, docker_zstd] = ["gzip", "zstd"].map(|end| format!("{docker}.{end}"));
        for (stated, compression, expected) in [
            (oci, Compression::None, oci),
            (oci, Compression::Gzip, &oci_gzip),
            (&oci_gzip, Compression::Gzip, &oci_gzip),
            (&oci_gzip, Compression::Zstd, &oci_zstd),
            (&oci_zstd, Compression::None, oci),
            (docker, Compression::Gzip, &docker_gzip),
            (&docker_gzip, Compression::Zstd, &docker_zstd),
            (&docker_zstd, Compression::None, docker),
            ("of/another", Compression::Gzip, &oci_gzip),
            // Every reader tells these by their first bytes, and one that states nothing by all.
            (&oci_gzip, Compression::Xz, &oci_gzip),
            ("", Compression::Gzip, ""),
        ] {
            let descriptor = format!(
                r#"{{"layers":[{{"mediaType":"{stated}","digest":"sha256:{}","size":1}}]}}"#,
                "0".repeat(64)
            );
            let mut document = Document::parse(descriptor.as_bytes()).unwrap();
            let layer = StateLayer {
                diff_id: DiffId::parse_hex(&digest.hex()).unwrap(),
                digest: Some(digest),
                size: 5,
                compression,
                path: None,
                content: None,
            };
            document.edit_array(&[], "layers", &[], |items| right_layer(items, 0, &layer));
            let found = document.root.get("layers").and_then(Value::items);
            let found = found.unwrap().next().unwrap().clone();
            let text = |key: &str| found.get(key).and_then(Value::as_text).unwrap();
            assert_eq!(text("mediaType"), expected, "{stated} {compression:?}");
            assert_eq!(text("digest"), digest.to_string());
            assert_eq!(found.get("size").and_then(Value::as_u64), Some(5));
        }
    }
}
