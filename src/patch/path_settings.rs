//! `set-mode` and `set-owner`: paths of the image, and what each is to have.

use super::file_mode::FileMode;
use crate::image_path::ImagePath;
use crate::problem::Address;
use crate::shape::{
    EditPlace, Ids, IfMissing, NoNewLayer, PathMap, Paths, Shape, Short, Word, record,
};

record! {
    /// What to set, and options.
    pub struct PathSettings<T: Setting>(T::LONG) {
        /// Values by path or pattern; the last match wins.
        "set" pub settings: Vec<(ImagePath, T)> = required::<Paths<T>>(T::HELP);
        /// What to do if a pattern matches nothing: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
        /// The layer that is changed.
        "in" pub place: EditPlace = default::<EditPlace>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
        is_long: bool = is_long();
    }
    short Short::Map { key: "set", unless: "set" }, T::EITHER, T::EITHER_DESCRIPTION;
    rule NoNewLayer;
}

impl<T> PathSettings<T> {
    /// Returns the address of the setting `index`, given the one of the operation.
    #[must_use]
    pub fn address(&self, operation: Address, index: usize) -> Address {
        if self.is_long {
            operation.key("set").index(index)
        } else {
            operation.index(index)
        }
    }
}

/// What an operation sets of files.
pub(crate) trait Setting: PathMap<To: Shape<Value = Self>> + Sized {
    /// The name of the long form in the schema.
    const LONG: &'static str;
    /// The name of both forms.
    const EITHER: &'static str;
    /// What both forms are.
    const EITHER_DESCRIPTION: &'static str;
}

impl PathMap for FileMode {
    type To = Self;

    const NAME: &'static str = "Modes";
    const DESCRIPTION: &'static str = "Permissions by path or pattern; the last match wins";
    const HELP: &'static str = "write at least one path, as in `{ /usr/bin/app: \"0755\" }`";
}

impl Setting for FileMode {
    const LONG: &'static str = "LongModeSettings";
    const EITHER: &'static str = "ModeSettings";
    const EITHER_DESCRIPTION: &'static str =
        "Permissions by path or pattern, or a map of these and of options";
}

/// User and group.
impl PathMap for (u32, u32) {
    type To = Ids;

    const NAME: &'static str = "Owners";
    const DESCRIPTION: &'static str = "Owners by path or pattern; the last match wins";
    const HELP: &'static str = "write at least one path, as in `{ /srv/app: \"1000:1000\" }`";
}

impl Setting for (u32, u32) {
    const LONG: &'static str = "LongOwnerSettings";
    const EITHER: &'static str = "OwnerSettings";
    const EITHER_DESCRIPTION: &'static str =
        "Owners by path or pattern, or a map of these and of options";
}
