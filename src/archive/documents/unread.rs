//! Images that documents name and that cannot be read: they stay as they are, and a patch that targets one is refused.

use super::descriptor::{NAME, REF_NAME, annotation, digest_of};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::Value;
use crate::reference::Reference;

/// An image, or something else, that a document names and that is not there or not whole.
#[derive(Debug)]
pub struct Unread {
    /// The digest, where the document states one.
    pub digest: Option<Digest>,
    /// Its names.
    pub names: Vec<String>,
    /// Why it cannot be read.
    pub error: Error,
    /// Whether the archive leaves it out, as layouts may; else it is damaged.
    pub is_absent: bool,
}

impl Unread {
    /// Takes the image that a descriptor names.
    pub(in crate::archive) fn new(descriptor: &Value, error: Error) -> Self {
        let name = annotation(descriptor, NAME).or_else(|| annotation(descriptor, REF_NAME));
        Self {
            digest: digest_of(descriptor),
            names: name.into_iter().collect(),
            is_absent: matches!(error, Error::MissingEntry { .. }),
            error,
        }
    }

    /// Takes an error of the whole archive.
    pub(in crate::archive) fn whole(error: Error) -> Self {
        Self {
            digest: None,
            names: vec!["the archive".to_owned()],
            error,
            is_absent: false,
        }
    }

    /// Returns its names, as far as they are tags.
    #[must_use]
    pub fn tags(&self) -> Vec<Reference> {
        let names = self.names.iter();
        names
            .filter_map(|name| Reference::from_ref_name(name).ok())
            .collect()
    }

    /// Returns its name for messages.
    #[must_use]
    pub fn display_name(&self) -> String {
        let digest = || self.digest.map(|digest| digest.to_string());
        let first = self.names.first().cloned().or_else(digest);
        first.unwrap_or_else(|| "an image without a digest".to_owned())
    }
}

impl Error {
    /// Says that `index.json` names no image.
    pub(in crate::archive) fn no_image_listed() -> Self {
        Self::BadDocument {
            name: "index.json".to_owned(),
            reason: "it references no image in the archive".to_owned(),
        }
    }

    /// Tells whether it says what is wrong with what an archive holds, not that it could not be looked at.
    pub(in crate::archive) fn is_about_content(&self) -> bool {
        matches!(
            self,
            Self::MissingEntry { .. }
                | Self::BadEntry { .. }
                | Self::BadDocument { .. }
                | Self::Mismatch { .. }
                | Self::OtherLayers { .. }
                | Self::NotAnImage { .. }
                | Self::Halves(_)
        )
    }
}
