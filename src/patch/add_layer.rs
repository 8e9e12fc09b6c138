//! `add-layer`: where files come from, and where they go.

use schemars::JsonSchema;

use super::decode::{Field, Problems};
use super::schema;
use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};

/// What `add-layer` takes.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AddLayer {
    /// The directory to take the files from, relative to the patch file.
    #[schemars(with = "schema::SomeText")]
    pub from: String,
    /// The directory of the image to put them into; `/` if not given.
    #[schemars(with = "Option<ImagePath>")]
    pub to: ImagePath,
}

impl AddLayer {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let record = field.record(&["from", "to"], problems)?;
        let help = "say which directory to add, as in `from: ./rootfs`";
        let from = record
            .require("from", Code::MissingKey, help, problems)
            .and_then(|from| source_path(from, problems));
        let to = match record.get("to") {
            Some(to) => image_path(to, problems),
            None => Some(ImagePath::root()),
        };
        Some(Self {
            from: from?,
            to: to?,
        })
    }
}

fn source_path(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.some_word(problems)?;
    if text.contains('\0') {
        let message = format!("{} has a NUL byte, which no path can hold", field.name);
        problems.add(field.problem(Code::InvalidPath, message));
        return None;
    }
    Some(text.to_owned())
}

pub(super) fn image_path(field: &Field<'_>, problems: &mut Problems) -> Option<ImagePath> {
    let text = field.word(problems)?;
    match ImagePath::parse(text) {
        Ok(path) => Some(path),
        Err(reason) => {
            let message = format!("{} is {}: {reason}", field.name, quoted(text));
            problems.add(field.problem(Code::InvalidPath, message));
            None
        }
    }
}
