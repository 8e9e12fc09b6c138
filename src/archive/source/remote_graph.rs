//! What an image in a registry consists of: its manifest, or its index with everything that this leads to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::entry::MAX_ENTRIES;
use super::names;
use crate::archive::documents::descriptor::{NAME, REF_NAME, blob_name, digest_of, media_type_of};
use crate::archive::documents::graph::{MAX_DEPTH, children};
use crate::archive::in_parallel::in_parallel;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::media_type::{INDEX, is_index, is_manifest};
use crate::reference::RegistryImage;
use crate::registry::{Manifest, Name, Repository};

/// More manifests than any index has; each is a request.
const MAX_MANIFESTS: usize = 1000;
/// What the manifests of an image may come to together. In bytes.
const MAX_MANIFESTS_BYTES: usize = 64 << 20;

/// What docker and skopeo write into a layout.
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// What stands in a layout.
pub(super) enum Members {
    Directory,
    Document(Vec<u8>),
    /// A blob with that digest, of that many bytes.
    Blob(Digest, u64),
}

/// The manifests of an image in a registry.
pub(super) struct Listing {
    /// The digest of the manifest or index that the name stands for.
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
        for _ in 0..=MAX_DEPTH {
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
            let document = Document::parse(&listed).map_err(|error| Error::BadDocument {
                name: format!("the referrers of {subject}"),
                reason: error.to_string(),
            })?;
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
    pub(super) fn into_members(self) -> Result<Vec<(String, Members)>, Error> {
        let (mut blobs, mut sizes) = (BTreeMap::new(), HashMap::new());
        for manifest in self.manifests.values() {
            if is_index(&manifest.media_type) {
                continue;
            }
            let document = parsed(manifest)?;
            for descriptor in blobs_of(&document) {
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
                blobs.insert(blob_name(digest), Members::Blob(digest, size));
            }
        }
        for manifest in self.manifests.into_values() {
            blobs.insert(
                blob_name(manifest.digest),
                Members::Document(manifest.bytes),
            );
        }
        let directories =
            ["blobs", "blobs/sha256"].map(|name| (name.to_owned(), Members::Directory));
        let documents = [
            ("index.json", index(self.top).to_bytes()),
            ("oci-layout", LAYOUT.to_vec()),
        ];
        let documents = documents.map(|(name, bytes)| (name.to_owned(), Members::Document(bytes)));
        let mut members: Vec<_> = directories
            .into_iter()
            .chain(blobs)
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
    let mut descriptor = vec![
        ("mediaType", Value::text(&root.media_type)),
        ("digest", Value::text(&root.digest.to_string())),
        ("size", Value::number(root.bytes.len() as u64)),
    ];
    if let Some(name) = image.name() {
        let annotations = [
            (NAME, Value::text(&name.full())),
            (REF_NAME, Value::text(name.tag())),
        ];
        descriptor.push(("annotations", Value::object(annotations)));
    }
    Value::object(descriptor)
}

/// Returns the index of a layout.
fn index(top: Vec<Value>) -> Document {
    Document::new(Value::object([
        ("schemaVersion", Value::number(2)),
        ("mediaType", Value::text(INDEX)),
        ("manifests", Value::array(top)),
    ]))
}

fn parsed(manifest: &Manifest) -> Result<Document, Error> {
    Document::parse(&manifest.bytes).map_err(|error| Error::BadDocument {
        name: blob_name(manifest.digest),
        reason: error.to_string(),
    })
}

/// Returns the descriptors of the blobs that a manifest lists and that registries have.
fn blobs_of(manifest: &Document) -> impl Iterator<Item = &Value> {
    let config = manifest.root.get("config");
    let layers = manifest.root.get("layers").and_then(Value::items);
    let blobs = config.into_iter().chain(layers.into_iter().flatten());
    blobs.filter(|descriptor| !crate::media_type::is_foreign(&media_type_of(descriptor)))
}
