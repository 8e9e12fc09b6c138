//! What a fleet needs of registries, and of the engine that patches one image.

use crate::digest::Digest;
use crate::error::Error;
use crate::gather::{NotPlanned, Patches};
use crate::platform::PlatformPattern;
use crate::reference::Reference;

/// An image to patch.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// The source.
    pub from: &'a Reference,
    /// The digest by which the source is opened, so that it does not matter where its tag has moved.
    pub digest: Digest,
    /// The destination.
    pub to: &'a Reference,
    /// The patches, in order.
    pub patches: &'a Patches,
    /// The only platform to write.
    pub platform: Option<&'a PlatformPattern>,
}

/// Registries and the engine. Several threads call every method at once.
pub trait World: Sync {
    /// Returns every tag of a repository, in any order; the tag of `repository` is ignored.
    fn tags(&self, repository: &Reference) -> Result<Vec<String>, Error>;

    /// Returns the digest that a tag has, by one request without a body; nothing if there is no such tag.
    fn digest(&self, name: &Reference) -> Result<Option<Digest>, Error>;

    /// Plans an image and gives `decide` the digest of the result. It is pushed if `decide` returns `true`, and before that nothing is
    /// sent.
    fn patch(
        &self,
        task: &Task<'_>,
        decide: &mut dyn FnMut(Digest) -> Result<bool, Error>,
    ) -> Result<(), NotPlanned>;
}
