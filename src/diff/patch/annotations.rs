//! The operations that turn the annotations of one document into those of another.

use super::Operations;
use super::named::NamedChanges;
use crate::annotation::{AnnotationPlace, Annotations, ImageAnnotations, PATCHED_BASE, PATCHES};
use crate::archive::speaks_of_bytes;
use crate::patch::{DraftValue, PatchDraft};

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

/// Returns what turns `old` into `new` at one place; nothing where the old archive has no such document.
pub(super) fn operations(
    old: &ImageAnnotations,
    new: &ImageAnnotations,
    on: AnnotationPlace,
) -> Operations {
    let Some(before) = old.on(on) else {
        return Operations::new();
    };
    let after = new.on(on).map(Annotations::to_vec).unwrap_or_default();
    let changes = NamedChanges::between(
        &before.to_vec(),
        &after,
        "unset-annotation",
        "set-annotation",
    );
    let place = || ("on".to_owned(), DraftValue::text(on.name()));
    let is_usual = on == AnnotationPlace::Manifest;
    let mut operations = Operations::new();
    if let Some(gone) = changes.gone.list() {
        operations.push((
            "unset-annotation",
            if is_usual {
                gone
            } else {
                DraftValue::Map(vec![place(), ("match".to_owned(), gone)])
            },
        ));
    }
    if !changes.set.is_empty() {
        let short = DraftValue::Map(changes.set);
        let is_short = is_usual && PatchDraft::can_say("set-annotation", &short);
        operations.push((
            "set-annotation",
            if is_short {
                short
            } else {
                DraftValue::Map(vec![place(), ("set".to_owned(), short)])
            },
        ));
    }
    operations
}
