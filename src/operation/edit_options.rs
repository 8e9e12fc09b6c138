//! What the operations that edit text files have in common.

use crate::edit::files::EditTarget;
use crate::edit::image::EditedImage;
use crate::edit::text::{NamedFile, TextEdit, TextFile};
use crate::image_path::ImagePath;
use crate::problem::Address;
use crate::shape::{EditPlace, IfMissing, NoNewLayer, Word, record};

record! {
    /// Where an edit goes, and what is told of it.
    pub struct EditOptions("EditOptions") {
        /// The layer that is changed.
        "in" pub place: EditPlace = default::<EditPlace>();
        /// What to do if no image has the file: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
    }
    rule NoNewLayer;
}

impl EditOptions {
    /// Finds and reads the file at `path`, as [`EditedImage::named_text`] does.
    pub(super) fn file(&self, path: &ImagePath, image: &mut EditedImage<'_>) -> Option<TextFile> {
        let address = image.address().key("path");
        image.named_text(&NamedFile {
            path,
            address,
            if_missing: self.if_missing,
            help: "`add-layer` with `files` adds a new file; `if-missing: ignore` allows the file to be missing",
        })
    }

    /// Changes a file, or notes why there is nothing to do.
    pub(super) fn edit(
        &self,
        file: TextFile,
        edited: Edited,
        image: &mut EditedImage<'_>,
        address: &Address,
    ) {
        match edited {
            Edited::Unchanged(what) => image.state.note(format!("{} already {what}", file.name())),
            Edited::Changed(text) => {
                let target = EditTarget {
                    place: self.place,
                    created_by: self.created_by.as_deref(),
                    address,
                };
                image.edit_text(TextEdit { file, text }, &target);
            }
        }
    }
}

/// What an edit comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edited {
    /// Nothing: the file already does what these words say.
    Unchanged(String),
    /// The new text.
    Changed(Vec<u8>),
}
