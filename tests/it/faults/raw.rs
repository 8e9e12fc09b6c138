//! An archive in a directory as programs see it that know nothing of changes.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::Path;

use ocipatch::digest::Digest;
use serde_json::Value;

/// Whatever the documents name is there, and is what they say.
pub(crate) fn leads_somewhere(directory: &Path, what: &str) {
    let mut n_documents = 0;
    if let Ok(index) = fs::read(directory.join("index.json")) {
        n_documents += 1;
        let index: Value = serde_json::from_slice(&index).expect(what);
        assert!(index["manifests"][0]["digest"].is_string(), "{what}");
        follow(directory, &index, what);
    }
    if let Ok(manifest) = fs::read(directory.join("manifest.json")) {
        n_documents += 1;
        let manifest: Value = serde_json::from_slice(&manifest).expect(what);
        for item in manifest.as_array().unwrap() {
            let layers = item["Layers"].as_array().unwrap();
            for path in layers.iter().chain([&item["Config"]]) {
                let path = directory.join(path.as_str().unwrap());
                assert!(path.is_file(), "{}: {what}", path.display());
            }
        }
    }
    assert!(n_documents > 0, "{what}");
}

/// Follows every descriptor of a document.
fn follow(layout: &Path, value: &Value, what: &str) {
    if let (Some(digest), Some(size)) = (value["digest"].as_str(), value["size"].as_u64()) {
        let path = layout.join("blobs").join(digest.replace(':', "/"));
        let blob = fs::read(&path).unwrap_or_else(|error| panic!("{digest}: {error}: {what}"));
        assert_eq!(Digest::of(&blob).to_string(), digest, "{what}");
        assert_eq!(blob.len() as u64, size, "{what}");
        if let Ok(document) = serde_json::from_slice(&blob) {
            follow(layout, &document, what);
        }
    }
    for inner in value.as_object().into_iter().flat_map(|map| map.values()) {
        follow(layout, inner, what);
    }
    for inner in value.as_array().into_iter().flatten() {
        follow(layout, inner, what);
    }
}
