//! What images consist of, from the files of a draft.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::sending::Blob;
use crate::archive::MAX_DOCUMENT_BYTES;
use crate::archive::documents::descriptor::{blob_name, digest_of, media_type_of};
use crate::archive::documents::graph::children;
use crate::archive::draft::{Content, Draft, DraftEntry};
use crate::archive::source::names::digest_in_name;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::media_type::{
    DOCKER_CONFIG, DOCKER_MANIFEST, INDEX, MANIFEST, is_foreign, is_index, is_manifest,
};

/// What one image or index consists of, from the draft.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The manifests below it and itself, those that others list first.
    pub(super) manifests: Vec<Manifest>,
    pub(super) blobs: BTreeMap<Digest, Blob>,
}

#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
    /// Whether the repository that was read has it.
    pub(super) is_kept: bool,
}

/// The files of a draft by their names.
pub(super) struct Files<'a> {
    pub(super) draft: &'a Draft<'a>,
    by_name: HashMap<&'a str, Held>,
}

/// Where the content of a file is.
#[derive(Debug, Clone, Copy)]
enum Held {
    /// An entry of the old archive.
    Entry(usize),
    /// The entry of the draft at that place.
    New(usize),
}

impl<'a> Files<'a> {
    pub(super) fn of(draft: &'a Draft<'a>) -> Self {
        let entries = draft.entries.iter().enumerate();
        let by_name = entries.map(|(place, entry)| match entry {
            DraftEntry::Kept(index) => (
                draft.source.entries()[*index].name.as_str(),
                Held::Entry(*index),
            ),
            DraftEntry::New(new) => {
                let held = match new.content {
                    Content::Entry(index) => Held::Entry(index),
                    _ => Held::New(place),
                };
                (new.name.as_str(), held)
            }
        });
        Self {
            by_name: by_name.collect(),
            draft,
        }
    }

    /// Returns what `index.json` lists.
    pub(super) fn listed(&self) -> Result<Vec<Digest>, Error> {
        let Some(&held) = self.by_name.get("index.json") else {
            return Ok(Vec::new());
        };
        let index = parsed("index.json", &self.bytes(held)?)?;
        Ok(children(&index).filter_map(digest_of).collect())
    }

    /// Returns what an image or an index consists of.
    pub(super) fn parts(&self, root: Digest) -> Result<Parts, Error> {
        let mut parts = Parts::default();
        let mut seen = BTreeSet::new();
        self.collect(root, None, &mut seen, &mut parts)?;
        Ok(parts)
    }

    fn collect(
        &self,
        digest: Digest,
        stated: Option<String>,
        seen: &mut BTreeSet<Digest>,
        parts: &mut Parts,
    ) -> Result<(), Error> {
        let name = blob_name(digest);
        let Some(&held) = self.by_name.get(name.as_str()) else {
            // A platform that the archive leaves out.
            return Ok(());
        };
        if !seen.insert(digest) {
            return Ok(());
        }
        let bytes = self.bytes(held)?;
        let document = parsed(&name, &bytes)?;
        for child in children(&document) {
            let media_type = media_type_of(child);
            if let Some(digest) = digest_of(child)
                && (is_index(&media_type) || is_manifest(&media_type))
            {
                self.collect(digest, Some(media_type), seen, parts)?;
            }
        }
        for descriptor in blobs_of(&document) {
            self.put_blob(descriptor, &name, parts)?;
        }
        let own = Some(media_type_of(&document.root)).filter(|own| !own.is_empty());
        let media_type = own.or(stated).unwrap_or_else(|| implied(&document));
        parts.manifests.push(Manifest {
            digest,
            media_type,
            bytes,
            is_kept: matches!(held, Held::Entry(_)),
        });
        Ok(())
    }

    fn put_blob(
        &self,
        descriptor: &Value,
        wanted_by: &str,
        parts: &mut Parts,
    ) -> Result<(), Error> {
        let Some(digest) = digest_of(descriptor) else {
            // Whether a registry has what another digest names, it says when it gets the manifest.
            if self.draft.source.repository().is_some() {
                return Ok(());
            }
            return Err(Error::BadDocument {
                name: wanted_by.to_owned(),
                reason: "names a blob without a `sha256:` digest".to_owned(),
            });
        };
        let media_type = media_type_of(descriptor);
        let held = self.by_name.get(blob_name(digest).as_str()).copied();
        if held.is_none() && is_foreign(&media_type) {
            return Ok(());
        }
        let source = self.draft.source;
        let (entry, new, size) = match held {
            Some(Held::Entry(index)) => (Some(index), None, source.entries()[index].size),
            Some(Held::New(place)) => {
                let DraftEntry::New(new) = &self.draft.entries[place] else {
                    unreachable!("it was found as a new one")
                };
                (None, Some(place), self.draft.size(new))
            }
            None => {
                let size = descriptor.get("size").and_then(Value::as_u64);
                (None, None, size.unwrap_or_default())
            }
        };
        // A registry knows an entry by its digest alone.
        let entry = entry.filter(|&index| {
            source.repository().is_none()
                || digest_in_name(&source.entries()[index].name) == Some(digest)
        });
        parts.blobs.insert(
            digest,
            Blob {
                size,
                entry,
                new,
                wanted_by: wanted_by.to_owned(),
            },
        );
        Ok(())
    }

    fn bytes(&self, held: Held) -> Result<Vec<u8>, Error> {
        match held {
            Held::Entry(index) => self.draft.source.read(index, MAX_DOCUMENT_BYTES),
            Held::New(place) => match &self.draft.entries[place] {
                DraftEntry::New(new) => match &new.content {
                    Content::Bytes(bytes) => Ok(bytes.clone()),
                    _ => Err(Error::BadEntry {
                        name: new.name.clone(),
                        reason: "is not a document".to_owned(),
                    }),
                },
                DraftEntry::Kept(index) => self.draft.source.read(*index, MAX_DOCUMENT_BYTES),
            },
        }
    }
}

pub(super) fn parsed(name: &str, bytes: &[u8]) -> Result<Document, Error> {
    Document::parse(bytes).map_err(|error| Error::BadDocument {
        name: name.to_owned(),
        reason: error.to_string(),
    })
}

/// Returns the descriptors of the blobs that a manifest lists.
fn blobs_of(manifest: &Document) -> impl Iterator<Item = &Value> {
    let config = manifest.root.get("config");
    let layers = manifest.root.get("layers").and_then(Value::items);
    config.into_iter().chain(layers.into_iter().flatten())
}

/// Returns the media type of a document that states none.
fn implied(document: &Document) -> String {
    let config = document.root.get("config").map(media_type_of);
    let implied = if document.root.get("manifests").is_some() {
        INDEX
    } else if config.as_deref() == Some(DOCKER_CONFIG) {
        DOCKER_MANIFEST
    } else {
        MANIFEST
    };
    implied.to_owned()
}
