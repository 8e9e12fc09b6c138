//! How an archive names the documents and blobs that its manifests list, and the `dir:` form, in which no `index.json` lists
//! the manifest.

use super::descriptor::{
    REF_NAME, REFERRED, annotation, blob_name, digest_of, media_type_of, new_descriptor,
};
use super::graph::{Graph, NodeKind, children, new_index};
use super::unread::Unread;
use crate::archive::source::Source;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::media_type::{DOCKER_CONFIG, DOCKER_MANIFEST, INDEX, MANIFEST};

/// How the documents and blobs of an archive are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::archive) enum Store {
    /// `blobs/sha256/<hex>`, and `index.json` at the top (image-spec image-layout.md).
    Blobs,
    /// `<hex>`, `<hex>.manifest.json` for a manifest that an index lists, and `manifest.json` at the top, which is a manifest or
    /// an index (containers/image `directory/directory_transport.go`).
    Flat,
}

/// The member of an implied descriptor that has the name of a file of signatures.
const FILE: &str = "file";

impl Graph {
    /// Reads the `dir:` form, whose `manifest.json` is `manifest`, as the layout that it would be: its `index.json` is implied
    /// and lists what is at the top, and each file of signatures as a referrer.
    pub(in crate::archive) fn read_directory(
        source: &Source,
        manifest: &Document,
    ) -> Result<(Self, Vec<Unread>), Error> {
        if manifest.root.get("schemaVersion").and_then(Value::as_u64) == Some(1) {
            return Err(Error::BadDocument {
                name: "manifest.json".to_owned(),
                reason: "is a manifest of Docker's schema 1; convert it with `skopeo copy --format v2s2 dir:DIR dir:NEW`".to_owned(),
            });
        }
        let bytes = manifest.to_bytes();
        let top = Digest::of(&bytes);
        let top_descriptor = new_descriptor(&media_type(manifest), top, bytes.len() as u64);
        let implied = |signatures: Vec<Value>| {
            let manifests = [top_descriptor.clone()].into_iter().chain(signatures);
            new_index(manifests)
        };
        let (mut graph, unread) = Self::read_in(source, &implied(Vec::new()), Store::Flat)?;
        let images = graph.nodes.iter();
        let images = images.filter(|(_, node)| node.kind == NodeKind::Image);
        let mut signatures = signatures(source, top, "");
        for (digest, _) in images.filter(|(digest, _)| **digest != top) {
            let prefix = format!("{}.", digest.hex());
            signatures.extend(self::signatures(source, *digest, &prefix));
        }
        graph.index = implied(signatures);
        Ok((graph, unread))
    }

    /// Returns the document at the top.
    pub(in crate::archive) fn top_name(&self) -> &'static str {
        match self.store {
            Store::Blobs => "index.json",
            Store::Flat => "manifest.json",
        }
    }

    /// Returns the name of a blob that is no manifest and no index.
    pub(in crate::archive) fn blob_name(&self, digest: Digest) -> String {
        match self.store {
            Store::Blobs => blob_name(digest),
            Store::Flat => digest.hex(),
        }
    }

    /// Returns the name of a manifest or an index.
    pub(in crate::archive) fn document_name(&self, digest: Digest) -> String {
        match self.store {
            Store::Blobs => blob_name(digest),
            Store::Flat if children(&self.index).find_map(digest_of) == Some(digest) => {
                self.top_name().to_owned()
            }
            Store::Flat => format!("{}.manifest.json", digest.hex()),
        }
    }

    /// Returns the files of signatures: the name that each has, and the one that it is to have.
    pub(in crate::archive) fn signatures(&self) -> impl Iterator<Item = (String, String)> {
        children(&self.index).filter_map(|descriptor| {
            let file = descriptor.get(FILE)?.as_text()?.into_owned();
            Some((file, annotation(descriptor, REF_NAME)?))
        })
    }

    /// Has it name documents and blobs as `store` does; a layout has no place for files of signatures.
    pub(in crate::archive) fn store_as(&mut self, store: Store, notes: &mut Vec<String>) {
        if self.store == Store::Flat && store == Store::Blobs {
            let files = self.signatures();
            notes.extend(files.map(|(file, _)| {
                format!("left out, since only the `dir:` form has a place for it: {file}")
            }));
            self.index.edit_array(&[], "manifests", &[], |items| {
                for i in (0..items.len()).rev() {
                    if items.get(i).get(FILE).is_some() {
                        items.remove(i);
                    }
                }
            });
        }
        self.store = store;
    }
}

/// Returns the media type that a manifest or an index states, or that its content shows.
pub(in crate::archive) fn media_type(document: &Document) -> String {
    let stated = media_type_of(&document.root);
    if !stated.is_empty() {
        return stated;
    }
    let config = document.root.get("config").map(media_type_of);
    let shown = if document.root.get("manifests").is_some() {
        INDEX
    } else if config.is_some_and(|config| config == DOCKER_CONFIG) {
        DOCKER_MANIFEST
    } else {
        MANIFEST
    };
    shown.to_owned()
}

/// Returns the files of signatures of a manifest, which are numbered from 1 without a gap, as descriptors that refer to it.
fn signatures(source: &Source, manifest: Digest, prefix: &str) -> Vec<Value> {
    let files = (1..).map(|n: usize| format!("{prefix}signature-{n}"));
    let there = files.take_while(|file| source.find(file).is_some());
    let descriptor = |file: String| {
        let annotations = [
            (REFERRED, Value::text(&manifest.to_string())),
            (REF_NAME, Value::text(&file)),
        ];
        Value::object([
            (FILE, Value::text(&file)),
            ("annotations", Value::object(annotations)),
        ])
    };
    there.map(descriptor).collect()
}
