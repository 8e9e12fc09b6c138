//! Images in registries as people name them: skopeo's `docker://` before a reference, with a tag, a digest or both.

use std::fmt;

use super::{InvalidReference, Reference};
use crate::digest::Digest;

/// What stands before the name of an image in a registry (containers-transports(5)).
pub const WORD: &str = "docker://";

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryImage {
    /// The name; its tag is `latest` where none was written.
    reference: Reference,
    has_tag: bool,
    /// The digest, if the name has one.
    digest: Option<Digest>,
}

/// Why a text behind `docker://` names no image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidImage {
    /// The name is none.
    Name(InvalidReference),
    /// What follows `@` is no SHA-256 digest.
    Digest,
}

impl fmt::Display for InvalidImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(invalid) => invalid.fmt(f),
            Self::Digest => f.write_str("its digest is not `sha256:` and 64 lower-case hex digits"),
        }
    }
}

impl std::error::Error for InvalidImage {}

impl RegistryImage {
    /// Parses a text that begins with `docker://`; nothing if it does not.
    #[must_use]
    pub fn parse(text: &str) -> Option<Result<Self, InvalidImage>> {
        text.strip_prefix(WORD).map(Self::parse_name)
    }

    fn parse_name(text: &str) -> Result<Self, InvalidImage> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = Digest::parse(digest).map_err(|_| InvalidImage::Digest)?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        let reference = Reference::parse(name).map_err(InvalidImage::Name)?;
        let has_tag = name
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'));
        Ok(Self {
            reference,
            has_tag: has_tag || digest.is_none(),
            digest,
        })
    }

    /// Returns the image with a name.
    #[must_use]
    pub fn of_tag(reference: Reference) -> Self {
        Self {
            reference,
            has_tag: true,
            digest: None,
        }
    }

    /// Returns the image that had this digest under a name.
    #[must_use]
    pub fn pinned(reference: Reference, digest: Digest) -> Self {
        Self {
            digest: Some(digest),
            ..Self::of_tag(reference)
        }
    }

    /// Returns the repository, with whatever tag.
    #[must_use]
    pub fn repository(&self) -> &Reference {
        &self.reference
    }

    /// Returns the name, unless it is by digest alone.
    #[must_use]
    pub fn name(&self) -> Option<&Reference> {
        self.has_tag.then_some(&self.reference)
    }

    /// Returns the digest, where one is written.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }
}

impl fmt::Display for RegistryImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WORD)?;
        if self.has_tag {
            f.write_str(&self.reference.full())?;
        } else {
            f.write_str(&self.reference.full_repository())?;
        }
        match self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}
