//! A draft on its way to registries: what they do not have is sent, and names are given last.
//!
//! Blobs go first, then the manifests that an index lists, by digest, then the index or manifest under its names
//! (distribution-spec, "Push"; a registry refuses a manifest that names what it does not have). Whatever ends this before,
//! every name is as it was.

mod files;
mod names;
mod referrers;
mod sending;

use std::path::PathBuf;
use std::sync::Arc;

use crate::archive::draft::Draft;
use crate::archive::in_parallel::in_parallel;
use crate::digest::Digest;
use crate::error::Error;
use crate::reference::Reference;
use crate::registry::{Access, Name, Registries, Repository};
use files::{Files, Manifest, Parts};
pub use names::{Existing, Moved};
use names::{Look, Naming};
use sending::Sending;

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
        target.send().inspect_err(|_| target.forget())?;
    }
    let mut open = Vec::new();
    for target in &targets {
        open.extend(target.look()?.into_iter().map(|name| (target, name)));
    }
    for (i, (target, name)) in open.iter().enumerate() {
        let named = target.name(name).inspect_err(|_| target.forget());
        named.map_err(|error| {
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
        in_parallel(&blobs, |(digest, blob)| {
            let send = || self.sending().send(**digest, blob);
            // What is only said to be there is not remembered for other images.
            if self.is_same && blob.new.is_none() {
                send()
            } else {
                self.to.once(**digest, send)
            }
        })?;
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
        let stored = self.to.put_manifest(tag, &root.media_type, &root.bytes);
        stored.map(drop)
    }

    /// A registry that takes no manifest may have lost what this lists.
    fn forget(&self) {
        for digest in self.parts.blobs.keys() {
            self.to.forget(*digest);
        }
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
