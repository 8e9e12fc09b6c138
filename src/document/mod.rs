//! Edits of JSON, TOML and YAML texts that keep every byte they are not about: comments, order, quoting and spacing.
//!
//! A text is parsed into values that know their places. The edit changes the values, the same way for every format, and
//! the format replaces the places whose values changed. The result is parsed again, and must say exactly what the edit made of the
//! values; a text that cannot be edited that way is refused.
//!
//! Edits can be applied twice: a value that is there stays as it is spelled, what is absent is not removed again, and an
//! item that a list already contains is not appended again. An index in `unset` is the one exception.

mod brackets;
mod change;
mod json;
mod node;
mod number;
mod pointer;
mod splice;
mod toml;
mod yaml;

use std::fmt;

pub use node::Value;
pub use pointer::{InvalidPointer, Pointer};

/// How deep a document may nest.
const MAX_DEPTH: usize = 128;
/// How many values a document may have.
const MAX_VALUES: usize = 1_000_000;

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON (RFC 8259).
    Json,
    /// TOML 1.0 and 1.1.
    Toml,
    /// YAML 1.2, in spellings that YAML 1.1 reads the same way.
    Yaml,
}

/// What to change; `unset` comes first, then `merge`, then `set`.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// Values to remove, if they are there; indexes are those of the document before the edit.
    pub unset: Vec<Pointer>,
    /// A merge patch (RFC 7396).
    pub merge: Option<Value>,
    /// Values to set in turn; missing maps and lists on the way are made, and `-` appends to a list.
    pub set: Vec<(Pointer, Value)>,
}

/// Why a text is not edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The pointer that it is about.
    pub pointer: Option<Pointer>,
    /// The reason in words.
    pub reason: String,
}

impl Refused {
    fn at(pointer: Pointer, reason: String) -> Self {
        Self {
            pointer: Some(pointer),
            reason,
        }
    }

    fn too_many() -> Self {
        Self::whole(format!("it has more than {MAX_VALUES} values"))
    }

    fn whole(reason: impl Into<String>) -> Self {
        Self {
            pointer: None,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pointer {
            Some(pointer) => write!(f, "`{pointer}`: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Refused {}

impl Format {
    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
        }
    }

    /// Edits a text; returns the new one, or nothing if the text already says all of it.
    pub fn edit(self, text: &str, edit: &Edit) -> Result<Option<String>, Refused> {
        let (mark, text) = match text.strip_prefix('\u{feff}') {
            Some(rest) => ("\u{feff}", rest),
            None => ("", text),
        };
        let edited = match self {
            Self::Json => json::edit(text, edit),
            Self::Toml => toml::edit(text, edit),
            Self::Yaml => yaml::edit(text, edit),
        };
        Ok(edited?.map(|new| format!("{mark}{new}")))
    }
}

/// Returns an edited text if it says exactly what the edit made of the values.
fn checked(
    text: String,
    expected: &node::Node,
    read: impl FnOnce(&str) -> Result<node::Node, Refused>,
) -> Result<String, Refused> {
    match read(&text) {
        Ok(found) if found.means(expected) => Ok(text),
        _ => Err(Refused::whole(
            "it cannot be edited without changing other parts",
        )),
    }
}

/// Returns where a byte is, for a reader.
fn line_and_column(text: &str, offset: usize) -> String {
    let offset = (0..=offset.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at));
    let before = &text[..offset.unwrap_or(0)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!("line {line}, column {column}")
}
