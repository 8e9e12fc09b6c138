//! Annotations: texts by key in the documents above a configuration (image-spec annotations.md).

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

/// The annotations of an image; nothing where the archive has no such document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageAnnotations {
    /// Those of the manifest.
    pub manifest: Option<Vec<(String, String)>>,
    /// Those of the index that the names stand for.
    pub index: Option<Vec<(String, String)>>,
    /// Those of the descriptors, less the image's name.
    pub descriptor: Option<Vec<(String, String)>>,
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

impl ImageAnnotations {
    /// Returns the annotations of one document.
    #[must_use]
    pub fn on(&self, place: AnnotationPlace) -> Option<&Vec<(String, String)>> {
        match place {
            AnnotationPlace::Manifest => self.manifest.as_ref(),
            AnnotationPlace::Index => self.index.as_ref(),
            AnnotationPlace::Descriptor => self.descriptor.as_ref(),
        }
    }

    /// Returns the annotations of one document, to be changed.
    pub fn on_mut(&mut self, place: AnnotationPlace) -> Option<&mut Vec<(String, String)>> {
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
            let value = |of: &[(String, String)], key: &str| {
                let found = of.iter().find(|(k, _)| k == key);
                found.map(|(_, value)| value.clone())
            };
            let is_new = |(key, _): &&(String, String)| value(before, key).is_none();
            for (key, _) in before.iter().chain(after.iter().filter(is_new)) {
                let (old, new) = (value(before, key), value(after, key));
                if old != new {
                    let key = key.clone();
                    edits.push(AnnotationEdit { on, key, old, new });
                }
            }
        }
        edits
    }
}
