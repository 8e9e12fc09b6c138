//! Names in a registry: which may be given, and whether one still stands for what was read.

use crate::digest::Digest;
use crate::error::Error;
use crate::reference::Reference;
use crate::registry::{Name, Registries, Repository};

/// What happens to names that exist and stand for something else.
#[derive(Debug, Clone, Default)]
pub struct Existing {
    /// The name that was read, which may be moved as long as it stands for what was read.
    pub moved: Option<Moved>,
    /// Whether every other name may be moved.
    pub is_overwritten: bool,
}

/// A name that was read, and what it stood for.
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

/// What gives a name.
#[derive(Debug)]
pub(super) struct Naming<'a> {
    pub(super) registries: &'a Registries,
    pub(super) to: &'a Repository,
    pub(super) root: Digest,
    pub(super) existing: &'a Existing,
}

/// What a name that may be given stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// What it is to stand for.
    Done,
    /// Something else that may be replaced, or nothing.
    Missing,
}

impl Naming<'_> {
    /// Looks at a name that is about to be given. Between this and the request that gives it others may give it too: registries
    /// have no way to ask for both at once.
    pub(super) fn look(&self, name: &Reference) -> Result<Look, Error> {
        let moved = self.existing.moved.as_ref();
        let moved = moved.filter(|moved| moved.is(name, self.registries));
        if moved.is_none() && self.existing.is_overwritten {
            return Ok(Look::Missing);
        }
        let found = self.to.find_manifest(Name::Tag(name.tag()))?;
        let found = found.map(|found| found.digest);
        if found == Some(self.root) {
            return Ok(Look::Done);
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
            _ => Ok(Look::Missing),
        }
    }
}
