//! What images consist of, from the files of a draft.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::archive::MAX_DOCUMENT_BYTES;
use crate::archive::documents::descriptor::{blob_name, digest_of, media_type_of};
use crate::archive::documents::graph::{blobs, children};
use crate::archive::documents::read::parse;
use crate::archive::documents::store::media_type as media_type_or_implied;
use crate::archive::draft::{Content, Draft, DraftEntry, NewEntry};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::Value;
use crate::media_type::{is_foreign, is_index, is_manifest};

/// What one image or index consists of, from the draft.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    /// The manifests below it and itself, those that others list first.
    pub(super) manifests: Vec<Manifest>,
    pub(super) blobs: BTreeMap<Digest, Blob<'a>>,
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
    by_name: HashMap<&'a str, Held<'a>>,
}

/// Where the content of a file is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Held<'a> {
    /// An entry of the old archive.
    Entry(usize),
    /// A new entry of the draft.
    New(&'a NewEntry),
}

/// A blob of an image.
#[derive(Debug)]
pub(super) struct Blob<'a> {
    pub(super) size: u64,
    /// Nothing if the draft leaves it out.
    pub(super) held: Option<Held<'a>>,
    /// The document that lists it.
    pub(super) wanted_by: String,
}

impl<'a> Files<'a> {
    pub(super) fn of(draft: &'a Draft<'a>) -> Self {
        let by_name = draft.entries.iter().map(|entry| match entry {
            DraftEntry::Kept(index) => (
                draft.source.entries()[*index].name.as_str(),
                Held::Entry(*index),
            ),
            DraftEntry::New(new) => {
                let held = match new.content {
                    Content::Entry(index) => Held::Entry(index),
                    _ => Held::New(new),
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
        let index = parse(&self.bytes(held)?, "index.json")?;
        Ok(children(&index).filter_map(digest_of).collect())
    }

    /// Returns what an image or an index consists of.
    pub(super) fn parts(&self, root: Digest) -> Result<Parts<'a>, Error> {
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
        parts: &mut Parts<'a>,
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
        let document = parse(&bytes, &name)?;
        for child in children(&document) {
            let media_type = media_type_of(child);
            if let Some(digest) = digest_of(child)
                && (is_index(&media_type) || is_manifest(&media_type))
            {
                self.collect(digest, Some(media_type), seen, parts)?;
            }
        }
        for descriptor in blobs(&document) {
            self.put_blob(descriptor, &name, parts)?;
        }
        let is_stated = !media_type_of(&document.root).is_empty();
        let media_type = stated.filter(|_| !is_stated);
        let media_type = media_type.unwrap_or_else(|| media_type_or_implied(&document));
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
        parts: &mut Parts<'a>,
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
        let size = match held {
            Some(Held::Entry(index)) => self.draft.source.entries()[index].size,
            Some(Held::New(new)) => self.draft.size(new),
            None => {
                let size = descriptor.get("size").and_then(Value::as_u64);
                size.unwrap_or_default()
            }
        };
        let wanted_by = wanted_by.to_owned();
        let blob = Blob {
            size,
            held,
            wanted_by,
        };
        parts.blobs.insert(digest, blob);
        Ok(())
    }

    fn bytes(&self, held: Held<'_>) -> Result<Vec<u8>, Error> {
        match held {
            Held::Entry(index) => self.draft.source.read(index, MAX_DOCUMENT_BYTES),
            Held::New(new) => match &new.content {
                Content::Bytes(bytes) => Ok(bytes.clone()),
                _ => Err(Error::BadEntry {
                    name: new.name.clone(),
                    reason: "is not a document".to_owned(),
                }),
            },
        }
    }
}
