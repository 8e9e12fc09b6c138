//! A draft on its way to registries: what they do not have is sent, and names are given last.
//!
//! Blobs go first, then the manifests that an index lists, by digest, then the index or manifest under its names
//! (distribution-spec, "Push"; a registry refuses a manifest that names what it does not have). Whatever ends this before,
//! every name stands for what it did.

mod names;
mod referrers;
mod sending;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use crate::archive::documents::descriptor::{blob_name, digest_of, media_type_of};
use crate::archive::documents::graph::children;
use crate::archive::draft::{Content, Draft, DraftEntry};
use crate::archive::in_parallel::in_parallel;
use crate::archive::source::names::digest_in_name;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::media_type::{DOCKER_MANIFEST, INDEX, MANIFEST, is_foreign, is_index, is_manifest};
use crate::reference::Reference;
use crate::registry::{Access, Name, Registries, Repository};
pub use names::{Existing, Moved};
use names::{Look, Naming};
use sending::{Blob, Sending};

/// What a draft becomes in registries.
#[derive(Debug)]
pub struct Push {
    /// How these are reached.
    pub registries: Registries,
    /// Images or indexes of the draft, and the names that each gets.
    pub images: Vec<(Digest, Vec<Reference>)>,
    /// What happens to names that exist.
    pub existing: Existing,
    /// The directory for files without a name.
    pub spool: PathBuf,
}

impl Push {
    /// Returns the names in words.
    #[must_use]
    pub fn shown(&self) -> String {
        let names = self.images.iter().flat_map(|(_, names)| names);
        let names: Vec<String> = names.map(|name| format!("`{}`", name.full())).collect();
        names.join(", ")
    }
}

/// What one image or index consists of, from the draft.
#[derive(Debug, Default)]
struct Parts {
    /// The manifests below it and itself, those that others list first.
    manifests: Vec<Manifest>,
    blobs: BTreeMap<Digest, Blob>,
}

#[derive(Debug)]
struct Manifest {
    digest: Digest,
    media_type: String,
    bytes: Vec<u8>,
    /// Whether the repository that was read has it.
    is_kept: bool,
}

/// The files of a draft by their names.
struct Files<'a> {
    draft: &'a Draft<'a>,
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

/// Sends `draft`, which is a layout, to registries: to all of them what they lack, then the names.
pub(super) fn push(draft: &Draft<'_>, push: &Push) -> Result<(), Error> {
    let files = Files::of(draft);
    let mut targets = Vec::new();
    for (root, names) in &push.images {
        let parts = Arc::new(files.parts(*root)?);
        for names in by_repository(names) {
            let to = push.registries.repository(names[0]);
            push.registries.announce(&to, Access::Push);
            targets.push(Target {
                is_same: draft
                    .source
                    .repository()
                    .is_some_and(|from| from.is_same(&to)),
                from: draft.source.repository(),
                to,
                parts: Arc::clone(&parts),
                files: &files,
                push,
                names,
            });
        }
    }
    // A name that may not be given is told before much is sent.
    if targets
        .iter()
        .any(|target| target.n_sent() > LOOK_FIRST_BYTES)
    {
        for target in &targets {
            target.look()?;
        }
    }
    for target in &targets {
        target.send()?;
    }
    let mut open = Vec::new();
    for target in &targets {
        open.extend(target.look()?.into_iter().map(|name| (target, name)));
    }
    for (i, (target, name)) in open.iter().enumerate() {
        target.name(name).map_err(|error| {
            let shown = |names: &[(&Target<'_>, &Reference)]| -> Vec<String> {
                names.iter().map(|(_, name)| name.full()).collect()
            };
            match i {
                0 => error,
                _ => error.after(&shown(&open[..i]), &shown(&open[i..])),
            }
        })?;
    }
    Ok(())
}

/// Sorts names by their repository, in the order of the first ones.
fn by_repository(names: &[Reference]) -> Vec<Vec<&Reference>> {
    let mut sorted: Vec<Vec<&Reference>> = Vec::new();
    for name in names {
        let same =
            |others: &&mut Vec<&Reference>| others[0].full_repository() == name.full_repository();
        match sorted.iter_mut().find(same) {
            Some(others) => others.push(name),
            None => sorted.push(vec![name]),
        }
    }
    sorted
}

/// One image on its way to one repository.
struct Target<'a> {
    to: Repository,
    from: Option<&'a Repository>,
    /// Whether it was read there.
    is_same: bool,
    parts: Arc<Parts>,
    files: &'a Files<'a>,
    push: &'a Push,
    names: Vec<&'a Reference>,
}

impl<'a> Target<'a> {
    /// Sends all that is missing but what has a name.
    fn send(&self) -> Result<(), Error> {
        let blobs: Vec<_> = self.parts.blobs.iter().collect();
        in_parallel(&blobs, |(digest, blob)| self.sending().send(**digest, blob))?;
        let (_, below) = self.parts.manifests.split_last().expect("the root is one");
        for manifest in below
            .iter()
            .filter(|manifest| !(self.is_same && manifest.is_kept))
        {
            let name = Name::Digest(manifest.digest);
            self.to
                .put_manifest(name, &manifest.media_type, &manifest.bytes)?;
        }
        self.send_referrers()
    }

    /// Returns the names that are still to be given; an error if one of them may not be.
    fn look(&self) -> Result<Vec<&'a Reference>, Error> {
        let naming = Naming {
            registries: &self.push.registries,
            to: &self.to,
            root: self.root().digest,
            existing: &self.push.existing,
        };
        let mut open = Vec::new();
        for name in &self.names {
            if naming.look(name)? == Look::Missing {
                open.push(*name);
            }
        }
        Ok(open)
    }

    /// Gives a name.
    fn name(&self, name: &Reference) -> Result<(), Error> {
        let root = self.root();
        let tag = Name::Tag(name.tag());
        self.to.put_manifest(tag, &root.media_type, &root.bytes)
    }

    fn root(&self) -> &Manifest {
        self.parts.manifests.last().expect("the root is one")
    }

    fn sending(&self) -> Sending<'_> {
        Sending {
            to: &self.to,
            from: self.from,
            draft: self.files.draft,
            spool: &self.push.spool,
        }
    }

    /// Returns about how many bytes go over the wire: what the registry of the source has can be mounted.
    fn n_sent(&self) -> u64 {
        let is_near = self
            .from
            .is_some_and(|from| from.is_same_registry(&self.to));
        let sent = self.parts.blobs.values();
        let sent = sent.filter(|blob| !(is_near && blob.entry.is_some()));
        sent.fold(0, |n_bytes, blob| n_bytes.saturating_add(blob.size))
    }
}

/// Before more than this is sent, names are looked at that may not be given; besides the look just before they are. In bytes.
const LOOK_FIRST_BYTES: u64 = 1 << 20;

impl<'a> Files<'a> {
    fn of(draft: &'a Draft<'a>) -> Self {
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
    fn listed(&self) -> Result<Vec<Digest>, Error> {
        let Some(&held) = self.by_name.get("index.json") else {
            return Ok(Vec::new());
        };
        let index = parsed("index.json", &self.bytes(held)?)?;
        Ok(children(&index).filter_map(digest_of).collect())
    }

    /// Returns what an image or an index consists of.
    fn parts(&self, root: Digest) -> Result<Parts, Error> {
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
        let (Some(digest), media_type) = (digest_of(descriptor), media_type_of(descriptor)) else {
            return Err(Error::BadDocument {
                name: wanted_by.to_owned(),
                reason: "names a blob without a `sha256:` digest".to_owned(),
            });
        };
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
        // Whoever sends an entry of a registry names it by what that calls it.
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
            Held::Entry(index) => self
                .draft
                .source
                .read(index, crate::archive::MAX_DOCUMENT_BYTES),
            Held::New(place) => match &self.draft.entries[place] {
                DraftEntry::New(new) => match &new.content {
                    Content::Bytes(bytes) => Ok(bytes.clone()),
                    _ => Err(Error::BadEntry {
                        name: new.name.clone(),
                        reason: "is not a document".to_owned(),
                    }),
                },
                DraftEntry::Kept(index) => self
                    .draft
                    .source
                    .read(*index, crate::archive::MAX_DOCUMENT_BYTES),
            },
        }
    }
}

fn parsed(name: &str, bytes: &[u8]) -> Result<Document, Error> {
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
    } else if config.as_deref() == Some(crate::media_type::DOCKER_CONFIG) {
        DOCKER_MANIFEST
    } else {
        MANIFEST
    };
    implied.to_owned()
}
