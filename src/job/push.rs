//! Plans on their way to registries: which images get which names.

use super::Plan;
use crate::archive::{Destination, Existing, Moved, NamedImage, Push};
use crate::error::Error;
use crate::reference::Reference;
use crate::registry::Registries;

/// Which names the patched images get in registries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// This one, for the only image.
    One(Reference),
    /// The name that was read.
    Read,
    /// Every name that the images have in the plan.
    All,
}

/// What a push may do to names that exist.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moves {
    /// The name that was read may be moved, as long as nobody else has moved it.
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
        names: &Names,
        moves: Moves,
    ) -> Result<Destination, Error> {
        let mut images = self.named_images()?;
        let read = self.archive().contents().source().read_name();
        let one = match names {
            Names::All => None,
            Names::One(name) => Some(name),
            Names::Read => Some(read.map(|(name, _)| name).ok_or_else(|| {
                self.refused("was read by its digest, so there is no tag to move; use `-o docker://NAME:TAG`".to_owned())
            })?),
        };
        if let Some(name) = one {
            let [(_, names)] = images.as_mut_slice() else {
                return Err(self.refused(format!(
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
            self.check_names(names)?;
        }
        let moved = read.map(|(name, digest)| Moved {
            name: name.clone(),
            digest,
        });
        if let Some(moved) = moved.as_ref().filter(|_| !moves.the_one_read) {
            let is_moved = |(root, names): &NamedImage| {
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
            existing: Existing {
                moved,
                is_overwritten: moves.others,
            },
            spool: self.archive().spool().to_owned(),
        }))
    }

    /// Returns the digests by which registries know the targeted images, each with the names that the plan gives it.
    fn named_images(&self) -> Result<Vec<NamedImage>, Error> {
        let mut images: Vec<NamedImage> = Vec::new();
        for image in self.targeted() {
            let Some(root) = image.root_digest() else {
                let reason = "has no manifest in this form, and so no place in a registry";
                return Err(self.refused(reason.to_owned()));
            };
            let own = image.names().cloned();
            match images.iter_mut().find(|(known, _)| *known == root) {
                Some((_, names)) => names.extend(own),
                None => images.push((root, own.collect())),
            }
        }
        Ok(images)
    }

    fn check_names(&self, names: &[Reference]) -> Result<(), Error> {
        if names.is_empty() {
            let reason = "has no name to push; use `add-tag` or `retag` in the patch, or `-o docker://NAME:TAG`";
            return Err(self.refused(reason.to_owned()));
        }
        match names.iter().find(|name| name.is_bare()) {
            None => Ok(()),
            Some(bare) => Err(self.refused(format!(
                "has the tag `{bare}` without a repository; use `retag` in the patch, or `-o docker://NAME:TAG`"
            ))),
        }
    }

    fn refused(&self, reason: String) -> Error {
        Error::Unconvertible {
            image: self.archive().contents().source().place().to_owned(),
            reason,
        }
    }
}
