//! What an image in a registry consists of: its manifest, or its index with everything that this leads to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::entry::MAX_ENTRIES;
use super::names;
use crate::archive::documents::descriptor::{
    NAME, REF_NAME, blob_name, describe, digest_of, media_type_of,
};
use crate::archive::documents::graph::{MAX_DEPTH, OCI_LAYOUT, blobs, children, new_index};
use crate::archive::documents::read::parse;
use crate::archive::in_parallel::in_parallel;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::media_type::{is_foreign, is_index, is_manifest};
use crate::reference::RegistryImage;
use crate::registry::{Manifest, Name, Repository};

/// More manifests than any index has; each is a request.
const MAX_MANIFESTS: usize = 1000;
/// What the manifests of an image may come to together. In bytes.
const MAX_MANIFESTS_BYTES: usize = 64 << 20;

/// What stands in a layout.
pub(super) enum Listed {
    Directory,
    Document(Vec<u8>),
    /// A blob with that digest, of that many bytes.
    Blob(Digest, u64),
}

/// The manifests of an image in a registry.
pub(super) struct Listing {
    /// The digest of the manifest or index that has the name.
    pub(super) root: Digest,
    /// What stands at the top: the image, and behind it what refers to it.
    top: Vec<Value>,
    manifests: BTreeMap<Digest, Manifest>,
}

impl Listing {
    /// Fetches what an image in a registry leads to. A manifest that the registry does not have is left out, as those of other
    /// platforms may be.
    pub(super) fn fetch(
        repository: &Repository,
        image: &RegistryImage,
        referrers: Referrers,
    ) -> Result<Self, Error> {
        let name = match image.digest() {
            Some(digest) => Name::Digest(digest),
            None => Name::Tag(image.repository().tag()),
        };
        let root = repository.manifest(name)?;
        let mut listing = Self {
            root: root.digest,
            top: vec![top(&root, image)],
            manifests: BTreeMap::new(),
        };
        let n_bytes = AtomicUsize::new(0);
        let mut level = vec![root];
        for depth in 0.. {
            let mut wanted = Vec::new();
            let mut seen = HashSet::new();
            for manifest in level {
                if is_index(&manifest.media_type) {
                    let document = parsed(&manifest)?;
                    let below = children(&document).filter(|child| is_wanted(child));
                    let below = below.filter_map(digest_of);
                    wanted.extend(below.filter(|digest| seen.insert(*digest)));
                }
                listing.manifests.insert(manifest.digest, manifest);
            }
            wanted.retain(|digest| !listing.manifests.contains_key(digest));
            if wanted.is_empty() {
                break;
            }
            if depth > MAX_DEPTH {
                return Err(Error::BadDocument {
                    name: image.to_string(),
                    reason: format!("has indexes within indexes, more than {MAX_DEPTH} deep"),
                });
            }
            check_number(listing.manifests.len() + wanted.len(), &image.to_string())?;
            level = fetch_all(repository, &wanted, &n_bytes)?;
        }
        if referrers == Referrers::Fetched {
            listing.fetch_referrers(repository, &n_bytes)?;
        }
        Ok(listing)
    }

    /// Fetches what refers to the image, or to one of its index (distribution-spec, "Listing Referrers").
    fn fetch_referrers(
        &mut self,
        repository: &Repository,
        n_bytes: &AtomicUsize,
    ) -> Result<(), Error> {
        let subjects: Vec<Digest> = self.manifests.keys().copied().collect();
        let found = Mutex::new(BTreeMap::new());
        in_parallel(&subjects, |subject| {
            let listed = repository.referrers(*subject)?;
            let document = parse(&listed, &format!("the referrers of {subject}"))?;
            let mut found = found.lock().expect("inserting does not panic");
            let wanted = children(&document).filter(|child| is_wanted(child));
            found.extend(wanted.filter_map(|child| Some((digest_of(child)?, child.clone()))));
            Ok(())
        })?;
        let mut found = found.into_inner().expect("inserting does not panic");
        found.retain(|digest, _| !self.manifests.contains_key(digest));
        let wanted: Vec<Digest> = found.keys().copied().collect();
        check_number(self.manifests.len() + wanted.len(), "the list of referrers")?;
        for manifest in fetch_all(repository, &wanted, n_bytes)? {
            self.top.extend(found.remove(&manifest.digest));
            self.manifests.insert(manifest.digest, manifest);
        }
        Ok(())
    }

    /// Returns the entries of the layout that it would be, each with its name, in walk order. Layers that are not distributed are
    /// left out (image-spec layer.md, "Non-Distributable Layers").
    pub(super) fn into_members(self) -> Result<Vec<(String, Listed)>, Error> {
        let (mut named, mut sizes) = (BTreeMap::new(), HashMap::new());
        for manifest in self.manifests.values() {
            if is_index(&manifest.media_type) {
                continue;
            }
            let document = parsed(manifest)?;
            let is_there = |blob: &&Value| !is_foreign(&media_type_of(blob));
            for descriptor in blobs(&document).filter(is_there) {
                let size = descriptor.get("size").and_then(Value::as_u64);
                let Some((digest, size)) = digest_of(descriptor).zip(size) else {
                    continue;
                };
                let known = sizes.insert(digest, size);
                if let Some(known) = known.filter(|known| *known != size) {
                    return Err(Error::Mismatch {
                        what: format!("the size of `{digest}`, which is listed twice,"),
                        found: size.to_string(),
                        wanted: known.to_string(),
                    });
                }
                if sizes.len() > MAX_ENTRIES {
                    return Err(Error::BadDocument {
                        name: blob_name(manifest.digest),
                        reason: format!("the image has more than {MAX_ENTRIES} blobs"),
                    });
                }
                named.insert(blob_name(digest), Listed::Blob(digest, size));
            }
        }
        for manifest in self.manifests.into_values() {
            named.insert(blob_name(manifest.digest), Listed::Document(manifest.bytes));
        }
        let directories =
            ["blobs", "blobs/sha256"].map(|name| (name.to_owned(), Listed::Directory));
        let documents = [
            ("index.json", new_index(self.top).to_bytes()),
            ("oci-layout", OCI_LAYOUT.to_vec()),
        ];
        let documents = documents.map(|(name, bytes)| (name.to_owned(), Listed::Document(bytes)));
        let mut members: Vec<_> = directories
            .into_iter()
            .chain(named)
            .chain(documents)
            .collect();
        members.sort_by(|(a, _), (b, _)| names::walk_order(a, b));
        Ok(members)
    }
}

/// Tells whether a descriptor of an index names a manifest or another index.
fn is_wanted(descriptor: &Value) -> bool {
    let media_type = media_type_of(descriptor);
    is_index(&media_type) || is_manifest(&media_type)
}

/// Fetches manifests, several at once; those that the registry does not have are left out. `n_bytes` counts what they come to.
fn fetch_all(
    repository: &Repository,
    wanted: &[Digest],
    n_bytes: &AtomicUsize,
) -> Result<Vec<Manifest>, Error> {
    let found = Mutex::new(BTreeMap::new());
    in_parallel(wanted, |digest| {
        let manifest = match repository.manifest(Name::Digest(*digest)) {
            Ok(manifest) => manifest,
            Err(Error::NotInRegistry { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let before = n_bytes.fetch_add(manifest.bytes.len(), Ordering::Relaxed);
        if before + manifest.bytes.len() > MAX_MANIFESTS_BYTES {
            return Err(Error::BadDocument {
                name: repository.shown(),
                reason: format!(
                    "the manifests of the image have more than {MAX_MANIFESTS_BYTES} bytes together"
                ),
            });
        }
        let mut found = found.lock().expect("inserting does not panic");
        found.insert(*digest, manifest);
        Ok(())
    })?;
    let found = found.into_inner().expect("inserting does not panic");
    Ok(found.into_values().collect())
}

/// Refuses to fetch more manifests than an image has.
fn check_number(n_manifests: usize, name: &str) -> Result<(), Error> {
    if n_manifests <= MAX_MANIFESTS {
        return Ok(());
    }
    Err(Error::BadDocument {
        name: name.to_owned(),
        reason: format!("leads to {n_manifests} manifests; at most {MAX_MANIFESTS} are allowed"),
    })
}

/// Whether what refers to an image is read with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referrers {
    /// It stays where it is: with the image as it was.
    Left,
    /// It is, by a request for each manifest.
    Fetched,
}

/// Describes the image, under the name by which it was asked for, if that is a tag.
fn top(root: &Manifest, image: &RegistryImage) -> Value {
    let annotations = image.name().map(|name| {
        let names = [
            (NAME, Value::text(&name.full())),
            (REF_NAME, Value::text(name.tag())),
        ];
        ("annotations", Value::object(names))
    });
    let size = root.bytes.len() as u64;
    describe(&root.media_type, root.digest, size, annotations)
}

fn parsed(manifest: &Manifest) -> Result<Document, Error> {
    parse(&manifest.bytes, &blob_name(manifest.digest))
}

#[cfg(test)]
mod tests;
