//! What the author of a patch should know though nothing is wrong.

use std::fmt;
use std::ops::Range;

use serde_json::{Value, json};

use super::Source;
use crate::printable;

/// What kind of thing an author should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// A name or value has a character that cannot be seen where it is written.
    InvisibleCharacter,
    /// A list of words looks like a command that a shell was to read.
    ShellForm,
    /// A value has a variable that nothing expands.
    UnexpandedVariable,
}

impl NoteKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [
        Self::InvisibleCharacter,
        Self::ShellForm,
        Self::UnexpandedVariable,
    ];

    /// Returns the word that scripts may match, as [`Code::as_str`](super::Code::as_str) is for problems.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvisibleCharacter => "invisible-character",
            Self::ShellForm => "shell-form",
            Self::UnexpandedVariable => "unexpanded-variable",
        }
    }

    /// Returns what it means, as a sentence.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::InvisibleCharacter => {
                "A name or value has a character that cannot be seen where it is written."
            }
            Self::ShellForm => {
                "A list of words looks like a command for a shell, which does not read it."
            }
            Self::UnexpandedVariable => "A value has a variable that nothing expands.",
        }
    }
}

/// A remark on a place in a patch file.
#[derive(Debug, Clone)]
pub struct Note {
    kind: NoteKind,
    /// Line and column of the beginning and the end, from 1, columns in characters.
    pub(super) start: (usize, usize),
    pub(super) end: (usize, usize),
    message: String,
}

impl Note {
    /// Returns a note on some bytes of a file; `message` may quote anything.
    #[must_use]
    pub fn new(kind: NoteKind, source: &Source, range: Range<usize>, message: String) -> Self {
        Self {
            kind,
            start: source.position(range.start),
            end: source.position(range.end),
            message,
        }
    }

    /// Returns what kind of remark it is.
    #[must_use]
    pub fn kind(&self) -> NoteKind {
        self.kind
    }

    /// Returns where it begins: the line and the column, both from 1, the column in characters.
    #[must_use]
    pub fn start(&self) -> (usize, usize) {
        self.start
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
            "code": self.kind.as_str(),
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

#[cfg(test)]
mod tests {
    use super::{Note, NoteKind};
    use crate::problem::Source;

    #[test]
    fn a_note_says_where_it_begins_and_what_it_is_about() {
        let source = Source::new("p.yaml", "a:\n  é: \u{200b}x\n".into());
        let at = |range| {
            Note::new(
                NoteKind::InvisibleCharacter,
                &source,
                range,
                "\u{200b}".into(),
            )
        };
        let note = at(8..12);
        assert_eq!(note.kind(), NoteKind::InvisibleCharacter);
        assert_eq!((note.start(), note.end), ((2, 5), (2, 7)));
        assert_eq!(note.message(), "\\u{200b}");
        assert_eq!(note.to_string(), "2:5: \\u{200b}");
        let expected = serde_json::json!({
            "file": "f", "line": 2, "column": 5, "code": "invisible-character", "message": "\\u{200b}",
        });
        assert_eq!(note.to_json("f"), expected);
        assert_eq!(at(0..1).start(), (1, 1));
    }
}
