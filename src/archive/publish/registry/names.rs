//! Names in a registry: which may be written, and whether one is still the image that was read.

use super::Target;
use crate::digest::Digest;
use crate::error::Error;
use crate::reference::Reference;
use crate::registry::{Name, Registries};

/// What happens to names that exist and refer to something else.
#[derive(Debug, Clone, Default)]
pub struct Existing {
    /// The name that was read, which may be moved as long as nobody else has moved it.
    pub moved: Option<Moved>,
    /// Whether every other name may be moved.
    pub is_overwritten: bool,
}

/// A name that was read, and its digest then.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The name.
    pub name: Reference,
    /// The digest of the manifest or index.
    pub digest: Digest,
}

impl Moved {
    /// Tells whether that is another spelling of a name: hosts have upper case too, and Docker Hub has several.
    #[must_use]
    pub fn is(&self, name: &Reference, registries: &Registries) -> bool {
        let repository = |name: &Reference| registries.repository(name);
        self.name.tag() == name.tag() && repository(&self.name).is_same(&repository(name))
    }
}

impl<'a> Target<'a> {
    /// Looks at the names, and returns those that are still to be written; an error if one of them may not be. Between this and the
    /// request that writes a name others may write it too: registries have no way to ask for both at once.
    pub(super) fn look(&self) -> Result<Vec<&'a Reference>, Error> {
        let mut open = Vec::new();
        for name in &self.names {
            if !self.is_written(name)? {
                open.push(*name);
            }
        }
        Ok(open)
    }

    /// Tells whether a name refers to the new image already; an error if it may not be moved.
    fn is_written(&self, name: &Reference) -> Result<bool, Error> {
        let existing = &self.push.existing;
        let moved = existing.moved.as_ref();
        let moved = moved.filter(|moved| moved.is(name, &self.push.registries));
        if moved.is_none() && existing.is_overwritten {
            return Ok(false);
        }
        let found = self.to.find_manifest(Name::Tag(name.tag()))?;
        let found = found.map(|found| found.digest);
        if found == Some(self.root().digest) {
            return Ok(true);
        }
        match (moved, found) {
            (Some(moved), found) if found != Some(moved.digest) => Err(Error::Moved {
                name: name.full(),
                found: found.map(|found| found.to_string()),
                read: moved.digest.to_string(),
            }),
            (None, Some(found)) => Err(Error::Output {
                place: name.full(),
                reason: format!(
                    "exists already, with the digest {found}; use `--overwrite` to move it"
                ),
            }),
            _ => Ok(false),
        }
    }
}
