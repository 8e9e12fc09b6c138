//! Paths of files, on the host and in an image.

use serde_json::json;

use super::decode::{Field, Problems};
use super::definitions::{Keys, shape, string_like};
use super::pattern::MAX_PATTERN_BYTES;
use crate::image_path::ImagePath;
use crate::problem::{Code, Problem, quoted};

/// An absolute path without `..` that is not the root.
pub(crate) const PATH_KEY: Keys = Keys {
    word: "/path",
    pattern: "^(?!(.*/)?\\.\\.(/|$))/+[^/\\u0000][^\\u0000]*$",
    message: PATH_HELP,
};
/// An absolute path without `..`.
pub(crate) const ANY_PATH: Keys = Keys {
    word: "/path",
    pattern: "^(?!(.*/)?\\.\\.(/|$))/[^\\u0000]*$",
    message: PATH_HELP,
};
const PATH_HELP: &str = "write an absolute path, as in `/etc/app.conf`";

shape! {
    /// An absolute path in the image, without `..`
    impl ImagePath, "ImagePath" {
        |_| string_like(ANY_PATH.pattern, ANY_PATH.message),
        image_path
    }
}

shape! {
    /// A path, without NUL bytes
    pub(crate) struct SourcePath("SourcePath") -> String {
        |_| json!({
            "type": ["string", "number", "boolean"],
            "minLength": 1,
            "pattern": "^[^\\u0000]*$",
            "patternErrorMessage": "write a path without a NUL byte",
        }),
        source_path
    }
}

/// Reads the path of a file of the host, below the patch.
fn source_path(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.some_word(problems)?;
    if text.contains('\0') {
        let message = format!("{} contains a NUL byte, which a path cannot", field.name);
        problems.add(field.problem(Code::InvalidPath, message));
        return None;
    }
    Some(text.to_owned())
}

/// Reads the path of a file of an image.
fn image_path(field: &Field<'_>, problems: &mut Problems) -> Option<ImagePath> {
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

/// Reads the path that is the key of `field`.
pub(crate) fn path_key(
    name: &str,
    field: &Field<'_>,
    problems: &mut Problems,
) -> Option<ImagePath> {
    let mut problem = |message: String, help: &str| {
        let address = field.address.clone().on_key();
        problems.add(Problem::new(Code::InvalidPath, address, message).with_help(help));
    };
    match ImagePath::parse(name) {
        Ok(_) if name.len() > MAX_PATTERN_BYTES => {
            let message = format!(
                "{} is a path of {} bytes; at most {MAX_PATTERN_BYTES} are allowed",
                quoted(name),
                name.len()
            );
            problem(message, "this is the limit of Linux");
            None
        }
        Ok(path) if path.is_root() => {
            let message = "the root directory cannot be changed".to_owned();
            problem(message, "`/*` is everything in it");
            None
        }
        Ok(path) => Some(path),
        Err(reason) => {
            let message = format!("{} is not a path: {reason}", quoted(name));
            problem(message, PATH_HELP);
            None
        }
    }
}
