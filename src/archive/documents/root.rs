//! What the names of images stand for, where the form has manifests.

use super::descriptor::media_type_of;
use super::graph::Graph;
use crate::digest::Digest;

/// What the names of a group of images stand for: a manifest or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The digest of the document.
    pub digest: Digest,
    /// Its media type (image-spec media-types.md).
    pub media_type: String,
    /// How many bytes it has.
    pub size: u64,
}

impl Root {
    /// Describes what `roots` name among the documents of `graph`.
    pub(in crate::archive) fn all(
        graph: Option<&Graph>,
        roots: &[Option<Digest>],
    ) -> Vec<Option<Self>> {
        let root = |digest: &Option<Digest>| {
            let digest = (*digest)?;
            let document = &graph?.nodes.get(&digest)?.document;
            Some(Self {
                digest,
                media_type: media_type_of(&document.root),
                size: document.to_bytes().len() as u64,
            })
        };
        roots.iter().map(root).collect()
    }
}
