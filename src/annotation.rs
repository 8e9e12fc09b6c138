//! Annotations: texts by key in the documents above a configuration (image-spec annotations.md).

use std::sync::Arc;

use crate::ordered::OrderedMap;

/// The digest of the manifest that the first of an image's patches was applied to. Not
/// `org.opencontainers.image.base.digest`: that is what the image was built from, which may be known already and stays true.
pub const PATCHED_BASE: &str = "ocipatch.base.digest";
/// The patches of an image, as `NAME@sha256:DIGEST`, joined by commas.
pub const PATCHES: &str = "ocipatch.patches";

/// Which document an annotation stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnnotationPlace {
    /// The manifest of the image.
    #[default]
    Manifest,
    /// The index that the image's names stand for.
    Index,
    /// The descriptors that lead to the manifest.
    Descriptor,
}

/// The annotations of one document, in its order. A copy shares them until one of the two is changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Annotations(Arc<OrderedMap<String, String>>);

/// The annotations of an image; nothing where the archive has no such document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageAnnotations {
    /// Those of the manifest.
    pub manifest: Option<Annotations>,
    /// Those of the index that the names stand for.
    pub index: Option<Annotations>,
    /// Those of the descriptors, less the image's name.
    pub descriptor: Option<Annotations>,
}

/// What is said about an image: attestations, signatures and other referrers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Referring {
    /// How many there are.
    pub n: usize,
    /// The names of the first few, in the order in which they are listed.
    pub first: Vec<String>,
}

impl Referring {
    /// How many names are told; of one index for many platforms each image has all that is said about it.
    pub const MAX_NAMES: usize = 5;
}

/// A change of one annotation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AnnotationEdit {
    /// The document.
    pub on: AnnotationPlace,
    /// The key.
    pub key: String,
    /// The value before; nothing where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The value after; nothing where the annotation goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

impl AnnotationPlace {
    /// Every place, the usual one first.
    pub const ALL: [Self; 3] = [Self::Manifest, Self::Index, Self::Descriptor];

    /// Returns the word that a patch has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Index => "index",
            Self::Descriptor => "descriptor",
        }
    }
}

impl FromIterator<(String, String)> for Annotations {
    /// Takes pairs in order; of a key that comes twice the first place and the last value count.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(Arc::new(pairs.into_iter().collect()))
    }
}

impl Annotations {
    /// Returns keys and values in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns keys and values in order, as texts of their own.
    #[must_use]
    pub fn to_vec(&self) -> Vec<(String, String)> {
        let pairs = self.pairs();
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Sets a value, of a new key behind all others; returns the one before.
    pub fn set(&mut self, key: &str, value: &str) -> Option<String> {
        Arc::make_mut(&mut self.0).insert(key.to_owned(), value.to_owned())
    }

    /// Removes the annotations that `goes` says so of; returns them.
    pub fn remove(&mut self, goes: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let keys = self.0.keys();
        let gone: Vec<String> = keys.filter(|key| goes(key)).cloned().collect();
        let take = |key: String| self.take(&key).map(|value| (key, value));
        gone.into_iter().filter_map(take).collect()
    }

    /// Removes the annotation of a key; returns its value.
    pub fn take(&mut self, key: &str) -> Option<String> {
        if !self.0.contains(key) {
            return None;
        }
        Arc::make_mut(&mut self.0).remove(key)
    }
}

impl ImageAnnotations {
    /// Returns the annotations of one document.
    #[must_use]
    pub fn on(&self, place: AnnotationPlace) -> Option<&Annotations> {
        match place {
            AnnotationPlace::Manifest => self.manifest.as_ref(),
            AnnotationPlace::Index => self.index.as_ref(),
            AnnotationPlace::Descriptor => self.descriptor.as_ref(),
        }
    }

    /// Returns the annotations of one document, to be changed.
    pub fn on_mut(&mut self, place: AnnotationPlace) -> Option<&mut Annotations> {
        match place {
            AnnotationPlace::Manifest => self.manifest.as_mut(),
            AnnotationPlace::Index => self.index.as_mut(),
            AnnotationPlace::Descriptor => self.descriptor.as_mut(),
        }
    }

    /// Returns what leads from here to `new`.
    #[must_use]
    pub fn edits(&self, new: &Self) -> Vec<AnnotationEdit> {
        let mut edits = Vec::new();
        for on in AnnotationPlace::ALL {
            let (Some(before), Some(after)) = (self.on(on), new.on(on)) else {
                continue;
            };
            if Arc::ptr_eq(&before.0, &after.0) {
                continue;
            }
            let new_ones = after.pairs().filter(|(key, _)| before.get(key).is_none());
            for (key, _) in before.pairs().chain(new_ones) {
                let (old, new) = (before.get(key), after.get(key));
                if old != new {
                    let (old, new) = (old.map(str::to_owned), new.map(str::to_owned));
                    let key = key.to_owned();
                    edits.push(AnnotationEdit { on, key, old, new });
                }
            }
        }
        edits
    }
}
