//! The image from which others begin: no layer, no setting, at most a platform. Dockerfiles call it `scratch`.

use serde_json::{Value, json};

use super::documents::graph::OCI_LAYOUT;
use crate::digest::Digest;
use crate::media_type;
use crate::tarball::{END_OF_ARCHIVE, Entry, Kind, header_group};

/// Returns an archive of an empty image without a name: an OCI layout with a `manifest.json`, which every engine loads
/// (image-spec image-layout.md; moby `image/tarexport/load.go`). `platform` is its os, architecture and variant.
#[must_use]
pub fn scratch(platform: Option<[&str; 3]>) -> Vec<u8> {
    let mut config = json!({
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": [] },
        "history": [],
    });
    let [os, architecture, variant] = platform.unwrap_or_default();
    let fields = [
        ("architecture", architecture),
        ("os", os),
        ("variant", variant),
    ];
    for (field, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        config[field] = value.into();
    }
    let config = bytes(&config);
    let manifest = bytes(&json!({
        "schemaVersion": 2,
        "mediaType": media_type::MANIFEST,
        "config": descriptor(media_type::CONFIG, &config),
        "layers": [],
    }));
    let index = bytes(&json!({
        "schemaVersion": 2,
        "mediaType": media_type::INDEX,
        "manifests": [descriptor(media_type::MANIFEST, &manifest)],
    }));
    let list = bytes(&json!([{ "Config": blob(&config), "RepoTags": null, "Layers": [] }]));
    let mut blobs = [(blob(&config), config), (blob(&manifest), manifest)];
    blobs.sort();
    let mut archive = Vec::new();
    for directory in ["blobs/", "blobs/sha256/"] {
        put(&mut archive, directory, Kind::Directory, &[]);
    }
    for (name, content) in &blobs {
        put(&mut archive, name, Kind::File, content);
    }
    for (name, content) in [
        ("index.json", &index),
        ("manifest.json", &list),
        ("oci-layout", &OCI_LAYOUT.to_vec()),
    ] {
        put(&mut archive, name, Kind::File, content);
    }
    archive.extend_from_slice(&END_OF_ARCHIVE);
    archive
}

fn bytes(document: &Value) -> Vec<u8> {
    document.to_string().into_bytes()
}

fn blob(content: &[u8]) -> String {
    format!("blobs/sha256/{}", Digest::of(content).hex())
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({
        "mediaType": media_type,
        "digest": Digest::of(content).to_string(),
        "size": content.len(),
    })
}

fn put(archive: &mut Vec<u8>, name: &str, kind: Kind, content: &[u8]) {
    let is_directory = kind == Kind::Directory;
    let entry = Entry {
        name: name.into(),
        kind,
        mode: if is_directory { 0o755 } else { 0o644 },
        size: content.len() as u64,
        ..Entry::file()
    };
    archive.extend(header_group(&entry));
    archive.extend_from_slice(content);
    let n_padding = entry.padded_bytes() - entry.size;
    archive.extend_from_slice(
        &END_OF_ARCHIVE[..usize::try_from(n_padding).expect("padding is below a block")],
    );
}
