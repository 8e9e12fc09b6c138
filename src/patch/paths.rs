//! Paths of files, on the host and in an image.

use super::decode::{Field, Problems};
use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};

/// Reads the path of a file of the host, below the patch.
pub(super) fn source_path(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.some_word(problems)?;
    if text.contains('\0') {
        let message = format!("{} contains a NUL byte, which a path cannot", field.name);
        problems.add(field.problem(Code::InvalidPath, message));
        return None;
    }
    Some(text.to_owned())
}

/// Reads the path of a file of an image.
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
