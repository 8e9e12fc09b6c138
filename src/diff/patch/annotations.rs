//! The annotations that a patch can speak of.

use crate::annotation::{AnnotationPlace, ImageAnnotations, PATCHED_BASE, PATCHES};
use crate::archive::speaks_of_bytes;

/// Returns annotations without those that a changed document cannot keep, and those that tell of patches, as history does.
pub(super) fn lasting(mut annotations: ImageAnnotations) -> ImageAnnotations {
    for place in AnnotationPlace::ALL {
        if let Some(pairs) = annotations.on_mut(place) {
            let tells_of_patches = |key: &str| [PATCHED_BASE, PATCHES].contains(&key);
            pairs.remove(|key| speaks_of_bytes(key) || tells_of_patches(key));
        }
    }
    annotations
}
