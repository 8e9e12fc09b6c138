//! What the author of a patch should know though nothing is wrong.

use std::fmt;
use std::ops::Range;

use serde_json::{Value, json};

use super::Source;
use crate::printable;

/// A remark on a place in a patch file.
#[derive(Debug, Clone)]
pub struct Note {
    /// Line and column of the beginning and the end, from 1, columns in characters.
    pub(super) start: (usize, usize),
    pub(super) end: (usize, usize),
    message: String,
}

impl Note {
    /// The word that scripts may match, as [`Code::as_str`](super::Code::as_str) is for problems.
    pub const CODE: &'static str = "invisible-character";
    pub(crate) const MEANING: &'static str =
        "A name or value has a character that cannot be seen where it is written.";
    /// The usual cause, and what to do.
    pub(crate) const ADVICE: &'static str = "It usually comes from copied text, and makes two names that look alike different. Type the name again, or write the character as an escape in double quotes if it is meant.";

    /// Returns a note on some bytes of a file; `message` may quote anything.
    #[must_use]
    pub fn new(source: &Source, range: Range<usize>, message: String) -> Self {
        Self {
            start: source.position(range.start),
            end: source.position(range.end),
            message,
        }
    }

    /// Returns the remark, on one line, in characters that may be printed.
    #[must_use]
    pub fn message(&self) -> String {
        printable::line(&self.message)
    }

    /// Returns `{file, line, column, code, message}`, as [`Rejected::to_json`](super::Rejected::to_json) does for problems.
    #[must_use]
    pub fn to_json(&self, file: &str) -> Value {
        json!({
            "file": file,
            "line": self.start.0,
            "column": self.start.1,
            "code": Self::CODE,
            "message": self.message(),
        })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.start;
        write!(f, "{line}:{column}: {}", self.message())
    }
}
