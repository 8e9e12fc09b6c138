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
use crate::digest::Digest;
use crate::error::Error;
use crate::reference::Reference;
use crate::registry::{Access, Name, Registries, Repository};
use files::{Files, Held, Manifest, Parts};
pub use names::{Existing, Moved};

/// An image or an index of a draft, and the names that it gets.
pub type NamedImage = (Digest, Vec<Reference>);

/// What a draft becomes in registries.
#[derive(Debug)]
pub struct Push {
    /// How these are reached.
    pub registries: Registries,
    /// What of the draft gets names.
    pub images: Vec<NamedImage>,
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
    parts: Arc<Parts<'a>>,
    files: &'a Files<'a>,
    push: &'a Push,
    names: Vec<&'a Reference>,
}

impl Target<'_> {
    /// Sends all that is missing but what has a name.
    fn send(&self) -> Result<(), Error> {
        self.send_blobs(&self.parts.blobs)?;
        let (_, below) = self.parts.manifests.split_last().expect("the root is one");
        self.send_manifests(below)?;
        self.send_referrers()
    }

    /// Sends manifests by digest, but for those that are there.
    fn send_manifests(&self, manifests: &[Manifest]) -> Result<(), Error> {
        for manifest in manifests.iter().filter(|manifest| !self.is_there(manifest)) {
            let name = Name::Digest(manifest.digest);
            self.to
                .put_manifest(name, &manifest.media_type, &manifest.bytes)?;
        }
        Ok(())
    }

    /// Tells whether the repository has a manifest, since it was read there.
    fn is_there(&self, manifest: &Manifest) -> bool {
        self.is_same && manifest.is_kept
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

    /// Returns about how many bytes go over the wire: what the registry of the source has can be mounted.
    fn n_sent(&self) -> u64 {
        let is_near = self
            .from
            .is_some_and(|from| from.is_same_registry(&self.to));
        let sent = self.parts.blobs.values();
        let sent = sent.filter(|blob| !(is_near && matches!(blob.held, Some(Held::Entry(_)))));
        sent.fold(0, |n_bytes, blob| n_bytes.saturating_add(blob.size))
    }
}

/// Before more than this is sent, names are looked at that may not be given; besides the look just before they are. In bytes.
const LOOK_FIRST_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests;
