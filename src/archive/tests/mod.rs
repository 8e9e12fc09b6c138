//! Archives for unit tests, from documents as JSON.

pub(in crate::archive) mod registry;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::documents::graph::OCI_LAYOUT;
use super::{Archive, Source};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::Document;
use crate::media_type::{CONFIG, INDEX, MANIFEST, PLAIN_LAYER};
use crate::tarball::{END_OF_ARCHIVE, Entry, header_group};

/// The files of an archive, by name.
#[derive(Debug, Default, Clone)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

pub(crate) fn parsed(json: &Json) -> Document {
    Document::parse(json.to_string().as_bytes()).unwrap()
}

pub(crate) fn digest_of(descriptor: &Json) -> Digest {
    Digest::parse(descriptor["digest"].as_str().unwrap()).unwrap()
}

/// A descriptor with other annotations.
pub(crate) fn annotated(descriptor: &Json, annotations: &Json) -> Json {
    let mut descriptor = descriptor.clone();
    descriptor["annotations"] = annotations.clone();
    descriptor
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let items = std::fs::read_dir(directory).unwrap();
    let names = items.map(|item| item.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

pub(crate) fn compressed(bytes: &[u8], compression: Compression) -> Vec<u8> {
    let mut encoder = compression.encoder(Vec::new()).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns a tar of these entries, each without a directory of its own.
pub(crate) fn tar<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in files {
        let entry = Entry {
            name: name.into(),
            size: content.len() as u64,
            ..Entry::file()
        };
        tar.extend(header_group(&entry));
        tar.extend_from_slice(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend(END_OF_ARCHIVE);
    tar
}

impl Files {
    pub(crate) fn put(&mut self, name: &str, content: &[u8]) {
        self.0.insert(name.to_owned(), content.to_vec());
    }

    /// Stores bytes under their digest, and returns their descriptor.
    pub(crate) fn blob(&mut self, media_type: &str, content: &[u8]) -> Json {
        let digest = Digest::of(content);
        self.put(&format!("blobs/sha256/{}", digest.hex()), content);
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": content.len()})
    }

    pub(crate) fn remove(&mut self, descriptor: &Json) {
        let name = format!("blobs/sha256/{}", digest_of(descriptor).hex());
        self.0.remove(&name).expect("a blob of that digest");
    }

    pub(crate) fn manifest(&mut self, manifest: &Json) -> Json {
        self.blob(MANIFEST, manifest.to_string().as_bytes())
    }

    /// Stores an image of one layer, which differs from others by its author.
    pub(crate) fn image(&mut self, author: &str) -> Json {
        let layer = self.blob(PLAIN_LAYER, &END_OF_ARCHIVE);
        let config = json!({
            "author": author, "architecture": "amd64", "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        });
        let config = self.blob(CONFIG, config.to_string().as_bytes());
        self.manifest(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
        }))
    }

    pub(crate) fn index(&mut self, manifests: &[Json]) -> Json {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        self.blob(INDEX, index.to_string().as_bytes())
    }

    /// Stores a manifest that is not one of an image.
    pub(crate) fn artifact(&mut self, kind: &str) -> Json {
        let config = self.blob("application/vnd.example", b"{}");
        self.manifest(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": config,
            "layers": [],
        }))
    }

    pub(crate) fn source(&self) -> Source {
        let files = self.0.iter();
        let tar = tar(files.map(|(name, content)| (name.as_str(), content.as_slice())));
        Source::from_bytes(&tar, "a.tar".to_owned(), &std::env::temp_dir()).unwrap()
    }

    /// Returns the layout whose `index.json` lists these.
    pub(crate) fn layout(&self, manifests: &[Json]) -> Self {
        let mut files = self.clone();
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        files.put("index.json", index.to_string().as_bytes());
        files.put("oci-layout", OCI_LAYOUT);
        files
    }

    /// Writes the files into a directory.
    pub(crate) fn write_to(&self, directory: &Path) {
        for (name, content) in &self.0 {
            let path = directory.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }

    pub(super) fn archive(&self) -> Result<Archive, Error> {
        Archive::look_into(self.source(), None)
    }
}
