//! Plans on their way to registries: which images get which names.

use super::Plan;
use crate::apply::{ImageSummary, TagSummary};
use crate::archive::{Destination, Existing, Moved, Push};
use crate::error::Error;
use crate::plan::Change;
use crate::reference::Reference;
use crate::registry::Registries;

/// Which names the patched images get in registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names<'a> {
    /// This one, for the only image.
    One(&'a Reference),
    /// The name that was read.
    Read,
    /// Every name that the images have in the plan.
    All,
}

/// What a push may do to names that exist.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moves {
    /// The name that was read may be moved, as long as it stands for what was read.
    pub the_one_read: bool,
    /// Every other one may be moved.
    pub others: bool,
}

impl Plan<'_> {
    /// Returns the destination that gives the patched images `names` in registries. The plan must be that of a layout: a
    /// [`Job`](super::Job) whose output is [`Form::OCI_DIRECTORY`](crate::archive::Form::OCI_DIRECTORY), or any with an image of a
    /// registry.
    pub fn push(
        &self,
        registries: &Registries,
        names: Names<'_>,
        moves: Moves,
    ) -> Result<Destination, Error> {
        let place = self.archive().contents().source().place();
        let refused = |reason: String| Error::Unconvertible {
            image: place.to_owned(),
            reason,
        };
        let mut images: Vec<(_, Vec<Reference>)> = Vec::new();
        for image in self.targeted() {
            let Some(root) = image.index_digest.or(image.manifest_digest) else {
                let reason = "has no manifest in this form, and so no place in a registry";
                return Err(refused(reason.to_owned()));
            };
            let own = names_of(image);
            match images.iter_mut().find(|(known, _)| *known == root) {
                Some((_, names)) => names.extend(own),
                None => images.push((root, own)),
            }
        }
        let read = self.archive().contents().source().read_name();
        let one = match names {
            Names::All => None,
            Names::One(name) => Some(name),
            Names::Read => Some(read.map(|(name, _)| name).ok_or_else(|| {
                refused("was read by its digest, so there is no tag to move; use `-o docker://NAME:TAG`".to_owned())
            })?),
        };
        if let Some(name) = one {
            let [(_, names)] = images.as_mut_slice() else {
                return Err(refused(format!(
                    "has {} targeted images, but `docker://{}` is one name; use `--push` to give each its own names",
                    images.len(),
                    name.full()
                )));
            };
            *names = vec![name.clone()];
        }
        for (_, names) in &mut images {
            names.sort_by_key(Reference::full);
            names.dedup();
            if let Some(bare) = names.iter().find(|name| name.is_bare()) {
                return Err(refused(format!(
                    "has the tag `{bare}` without a repository; use `retag` in the patch, or `-o docker://NAME:TAG`"
                )));
            }
            if names.is_empty() {
                let reason = "has no name to push; use `add-tag` or `retag` in the patch, or `-o docker://NAME:TAG`";
                return Err(refused(reason.to_owned()));
            }
        }
        let moved = read.map(|(name, digest)| Moved {
            name: name.clone(),
            digest,
        });
        let existing = Existing {
            moved,
            is_overwritten: moves.others,
        };
        if let Some(moved) = existing.moved.as_ref().filter(|_| !moves.the_one_read) {
            let is_moved = |(root, names): &(_, Vec<Reference>)| {
                *root != moved.digest && names.iter().any(|name| moved.is(name, registries))
            };
            if images.iter().any(is_moved) {
                return Err(Error::Output {
                    place: moved.name.full(),
                    reason: "is the tag that was read; use `--in-place` to move it".to_owned(),
                });
            }
        }
        Ok(Destination::Registry(Push {
            registries: registries.clone(),
            images,
            existing,
            spool: self.archive().spool().to_owned(),
        }))
    }
}

/// Returns the names that an image has in the plan.
fn names_of(image: &ImageSummary) -> Vec<Reference> {
    let is_there = |tag: &&TagSummary| tag.change != Change::Removed;
    let there = image.tags.iter().filter(is_there);
    there.map(|tag| tag.tag.clone()).collect()
}
