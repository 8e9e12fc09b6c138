//! Archives and patches with much of one thing in them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use ocipatch::compression::Compression;
use ocipatch::digest::Digest;
use ocipatch::tarball::{END_OF_ARCHIVE, Entry, header_group};
use serde_json::{Value, json};

const OCI: &str = "application/vnd.oci.image";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Returns a tar of files.
pub(super) fn tar<N: AsRef<[u8]>, C: AsRef<[u8]>>(
    files: impl IntoIterator<Item = (N, C)>,
) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in files {
        let content = content.as_ref();
        tar.extend(header_group(&Entry {
            name: name.as_ref().to_vec(),
            size: content.len() as u64,
            ..Entry::file()
        }));
        tar.extend(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend(END_OF_ARCHIVE);
    tar
}

/// Returns a tar of `n` empty files.
pub(super) fn files(n: usize) -> Vec<u8> {
    tar((0..n).map(|i| (format!("f{i}"), "")))
}

/// Returns a tar of one file.
pub(super) fn file(name: impl Display) -> Vec<u8> {
    tar([(name.to_string(), "")])
}

/// Returns `n` paths in one tar, each nearly as long as Linux has them.
pub(super) fn deep(n: usize) -> Vec<u8> {
    tar((0..n).map(|i| (format!("d{i}/{}f", "a/".repeat(2000)), "")))
}

/// An image to be written.
#[derive(Clone, Default)]
pub(super) struct Image {
    pub(super) config: Value,
    pub(super) history: Vec<Value>,
    /// Its layers, by their numbers among all.
    pub(super) layers: Vec<usize>,
    pub(super) tags: Vec<String>,
}

impl Image {
    /// Returns an image of the first layer alone.
    pub(super) fn named(tag: &str) -> Self {
        Self {
            config: json!({}),
            layers: vec![0],
            tags: vec![tag.to_owned()],
            ..Self::default()
        }
    }

    pub(super) fn of(config: Value) -> Self {
        Self {
            config,
            ..Self::named("app:1")
        }
    }

    fn document(&self, layers: &[Vec<u8>]) -> Vec<u8> {
        let diff_ids = self.layers.iter().map(|&i| Digest::of(&layers[i]));
        let diff_ids: Vec<String> = diff_ids.map(|id| id.to_string()).collect();
        let mut document = json!({
            "architecture": "amd64", "os": "linux", "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        if !self.history.is_empty() {
            document["history"] = self.history.clone().into();
        }
        document.to_string().into_bytes()
    }
}

/// Writes what crane writes; returns what headers and documents come to.
pub(super) fn docker(path: &Path, images: &[Image], layers: &[Vec<u8>]) -> u64 {
    let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
    let names = layers.iter().map(|layer| Digest::of(layer).hex() + ".tar");
    let names: Vec<String> = names.collect();
    entries.extend(names.iter().cloned().zip(layers.iter().cloned()));
    let mut items = Vec::new();
    for image in images {
        let config = image.document(layers);
        let name = Digest::of(&config).to_string();
        let layers: Vec<&str> = image.layers.iter().map(|&i| names[i].as_str()).collect();
        items.push(json!({"Config": name, "RepoTags": image.tags, "Layers": layers}));
        if entries.last().is_none_or(|(last, _)| *last != name) {
            entries.push((name, config));
        }
    }
    let manifest = Value::from(items).to_string().into_bytes();
    entries.push(("manifest.json".to_owned(), manifest));
    put(path, &tar(entries))
}

/// Writes an OCI layout; `is_one_index` makes the images the platforms of one.
pub(super) fn layout(
    path: &Path,
    images: &[Image],
    layers: &[Vec<u8>],
    (is_packed, is_one_index): (bool, bool),
) -> u64 {
    let mut blobs = BTreeMap::new();
    let mut n_more = 0;
    let mut blob = |bytes: Vec<u8>, kind: &str| {
        let digest = Digest::of(&bytes);
        let descriptor = json!({"mediaType": format!("{OCI}.{kind}"), "digest": digest.to_string(), "size": bytes.len()});
        blobs.insert(format!("blobs/sha256/{}", digest.hex()), bytes);
        descriptor
    };
    let described = layers.iter().map(|layer| {
        if is_packed {
            n_more += layer.len() as u64;
            return blob(gzip(layer), "layer.v1.tar+gzip");
        }
        blob(layer.clone(), "layer.v1.tar")
    });
    let described: Vec<Value> = described.collect();
    let mut roots = Vec::new();
    for (n, image) in images.iter().enumerate() {
        let config = blob(image.document(layers), "config.v1+json");
        let of_image: Vec<&Value> = image.layers.iter().map(|&i| &described[i]).collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": format!("{OCI}.manifest.v1+json"), "config": config, "layers": of_image});
        let mut root = blob(manifest.to_string().into_bytes(), "manifest.v1+json");
        if is_one_index {
            root["platform"] =
                json!({"os": "linux", "architecture": "amd64", "variant": format!("v{n}")});
            roots.push(root);
            continue;
        }
        roots.extend(image.tags.iter().map(|tag| {
            let mut root = root.clone();
            root["annotations"] = json!({ REF_NAME: tag });
            root
        }));
    }
    if is_one_index {
        let index = json!({"schemaVersion": 2, "mediaType": format!("{OCI}.index.v1+json"), "manifests": roots});
        let mut root = blob(index.to_string().into_bytes(), "index.v1+json");
        root["annotations"] = json!({ REF_NAME: "app:1" });
        roots = vec![root];
    }
    let index = json!({"schemaVersion": 2, "manifests": roots});
    blobs.insert("index.json".to_owned(), index.to_string().into_bytes());
    let version = json!({"imageLayoutVersion": "1.0.0"});
    blobs.insert("oci-layout".to_owned(), version.to_string().into_bytes());
    put(path, &tar(blobs)) + n_more
}

/// Writes a layout of one image.
pub(super) fn one(path: &Path, image: &Image, layers: &[Vec<u8>]) -> u64 {
    layout(path, std::slice::from_ref(image), layers, (false, false))
}

/// Writes a patch of these operations.
pub(super) fn patch(home: &Path, operations: impl IntoIterator<Item = String>) -> u64 {
    let lines = operations.into_iter().map(|it| format!("  - {it}\n"));
    let head = "apiVersion: ocipatch/v1\ntarget: {images: [\"*\"]}\noperations:\n";
    let text = head.to_owned() + &lines.collect::<String>();
    put(&home.join("patch.yaml"), text.as_bytes())
}

/// Returns an operation with many parts.
pub(super) fn parts(
    before: &str,
    n: usize,
    part: impl Fn(usize) -> String,
    after: &str,
) -> [String; 1] {
    let parts: Vec<String> = (0..n).map(part).collect();
    [format!("{before}{}{after}", parts.join(", "))]
}

fn put(path: &Path, bytes: &[u8]) -> u64 {
    fs::write(path, bytes).unwrap();
    bytes.len() as u64
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = Compression::Gzip.encoder(Vec::new()).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
