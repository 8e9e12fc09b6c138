//! Paths of files, on the host and in an image.

use serde_json::json;

use super::decode::{Field, Problems};
use super::definitions::{Keys, shape, string_like};
use super::pattern::MAX_PATTERN_BYTES;
use crate::image_path::{ImagePath, InvalidImagePath};
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
            let problem = field.problem(Code::InvalidPath, message);
            problems.add(problem.with_help(path_help(text)));
            None
        }
    }
}

/// Returns the help for a text that is no path: the path that it is without its first slash, as in a tar.
fn path_help(text: &str) -> String {
    if ImagePath::parse(text) == Err(InvalidImagePath::Parent) {
        return "write the path without `..`".to_owned();
    }
    let absolute = format!("/{}", text.trim_start_matches("./"));
    // The home of somebody, and a path of Windows, are no paths of an image in other words.
    let is_foreign = text.starts_with(['/', '~']) || text.contains('\\');
    if !is_foreign
        && absolute.len() <= 80
        && ImagePath::parse(&absolute).is_ok_and(|path| !path.is_root())
    {
        return format!("write {}", quoted(&absolute));
    }
    PATH_HELP.to_owned()
}

/// Reads the path that is the key of `field`, which may be the root.
pub(crate) fn any_path_key(
    name: &str,
    field: &Field<'_>,
    problems: &mut Problems,
) -> Option<ImagePath> {
    let parsed = ImagePath::parse(name).map_err(|reason| {
        let message = format!("{} is not a path: {reason}", quoted(name));
        wrong_key(field, message, &path_help(name))
    });
    parsed.map_err(|problem| problems.add(problem)).ok()
}

/// Reads the path that is the key of `field`.
pub(crate) fn path_key(
    name: &str,
    field: &Field<'_>,
    problems: &mut Problems,
) -> Option<ImagePath> {
    let path = any_path_key(name, field, problems)?;
    if name.len() > MAX_PATTERN_BYTES {
        let message = format!(
            "{} is a path of {} bytes; at most {MAX_PATTERN_BYTES} are allowed",
            quoted(name),
            name.len()
        );
        problems.add(wrong_key(field, message, "this is the limit of Linux"));
        return None;
    }
    if path.is_root() {
        let message = "the root directory cannot be changed".to_owned();
        problems.add(wrong_key(field, message, "`/*` is everything in it"));
        return None;
    }
    Some(path)
}

/// Returns the problem of a key that is no path, or not the right one.
pub(super) fn wrong_key(field: &Field<'_>, message: String, help: &str) -> Problem {
    let address = field.address.clone().on_key();
    Problem::new(Code::InvalidPath, address, message).with_help(help)
}

#[cfg(test)]
mod tests {
    use super::{PATH_HELP, path_help};

    #[test]
    fn a_path_that_lacks_its_slash_is_written_out() {
        for (text, path) in [
            ("etc/passwd", Some("/etc/passwd")),
            ("./etc/passwd", Some("/etc/passwd")),
            ("etc/", Some("/etc/")),
            ("a b", Some("/a b")),
            ("", None),
            (".", None),
            ("./", None),
            ("../a", None),
            ("a/../b", None),
            ("/a\0", None),
            ("~/a", None),
            ("C:\\a", None),
            ("a\0", None),
            (&"a".repeat(79), Some(&format!("/{}", "a".repeat(79)))),
            (&"a".repeat(80), None),
        ] {
            let help = path.map_or(PATH_HELP.to_owned(), |path| format!("write `{path}`"));
            assert_eq!(path_help(text), help, "{text}");
        }
        assert_eq!(path_help("/a/../b"), "write the path without `..`");
    }
}
