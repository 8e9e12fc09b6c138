//! Patterns and regular expressions of a patch, within bounds: what one costs over a tree or a text depends on its length.

use regex_lite::{Regex, RegexBuilder};

use serde_json::json;

use super::decode::{Field, Problems};
use super::definitions::{list, shape};
use super::strings::SomeText;
use crate::problem::{Code, Problem, quoted};
use crate::reference::Glob;

shape! {
    /// A pattern: `*` matches any characters, `?` matches one
    impl Glob, "Glob" {
        |_| json!({ "type": ["string", "number", "boolean"], "minLength": 1 }),
        |field, problems| glob(field.some_word(problems)?, field, problems)
    }
}

shape! {
    /// Patterns over names
    pub(crate) struct Globs("Globs") -> Vec<Glob> { list::<Glob>, globs }
}

shape! {
    /// A regular expression, as it is written.
    pub(crate) struct Expression like SomeText, -> String {
        |field, problems| {
            let text = field.some_text(problems)?;
            regex(text, str::to_owned, field, problems)?;
            Some(text.to_owned())
        }
    }
}

/// Returns a regular expression that was decoded by [`Expression`] or made of escaped texts. `^` and `$` match at every line, whatever
/// ends it.
pub(crate) fn line_regex(text: &str) -> Regex {
    let mut builder = RegexBuilder::new(text);
    // What it may come to was limited as it was decoded; an escaped text is as long as its patch has it.
    let builder = builder.multi_line(true).crlf(true).size_limit(usize::MAX);
    builder.build().expect("it is an expression")
}

/// The longest pattern over names or paths: no path is longer. In bytes.
pub const MAX_PATTERN_BYTES: usize = Glob::MAX_BYTES;
/// What a regular expression may compile to; one for a semantic version takes less than 1 KiB. In bytes.
pub const MAX_REGEX_BYTES: usize = 64 << 10;

/// Returns the problem of a pattern that is too long.
pub(crate) fn too_long(field: &Field<'_>, text: &str) -> Option<Problem> {
    let n_bytes = text.len();
    (n_bytes > MAX_PATTERN_BYTES).then(|| {
        let message = format!(
            "{} is a pattern of {n_bytes} bytes; at most {MAX_PATTERN_BYTES} are allowed",
            field.name
        );
        field.problem(Code::InvalidValue, message)
    })
}

pub(crate) const GLOBS_HELP: &str = "write at least one pattern; `\"*\"` matches everything";

fn globs(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<Glob>> {
    let items = field.items(GLOBS_HELP, problems)?;
    let mut globs = Vec::with_capacity(items.len());
    for item in &items {
        let text = item.some_text(problems);
        globs.extend(text.and_then(|text| glob(text, item, problems)));
    }
    Some(globs)
}

/// Reads a pattern over names.
pub(crate) fn glob(text: &str, field: &Field<'_>, problems: &mut Problems) -> Option<Glob> {
    let glob = Glob::new(text);
    match too_long(field, text).filter(|_| glob.has_wildcard()) {
        None => Some(glob),
        Some(problem) => {
            problems.add(problem.with_help("a `*` matches any number of characters"));
            None
        }
    }
}

/// Compiles a regular expression that stands at `field`, wrapped as `wrap` has it.
pub(crate) fn regex(
    text: &str,
    wrap: fn(&str) -> String,
    field: &Field<'_>,
    problems: &mut Problems,
) -> Option<Regex> {
    if let Some(problem) = too_long(field, text) {
        problems.add(problem);
        return None;
    }
    let compile = |text: &str| RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build();
    // What is no expression by itself is none in a wrapping either, whatever its brackets close.
    let message = match compile(text).and_then(|_| compile(&wrap(text))) {
        Ok(regex) => return Some(regex),
        Err(reason) if reason.to_string().contains("size limit") => format!(
            "{} compiles to more than {MAX_REGEX_BYTES} bytes, the limit for a regular expression",
            quoted(text)
        ),
        Err(reason) => format!("{} is not a regular expression: {reason}", quoted(text)),
    };
    problems.add(field.problem(Code::InvalidValue, message));
    None
}
