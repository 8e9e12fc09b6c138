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

use self::change::change;
use self::node::Node;

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
            Some(pointer) if !pointer.steps().is_empty() => {
                write!(f, "`{pointer}`: {}", self.reason)
            }
            _ => f.write_str(&self.reason),
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
        let mut edited = match self {
            Self::Json => json::edit(text, edit),
            Self::Toml => toml::edit(text, edit),
            Self::Yaml => yaml::edit(text, edit),
        }?;
        if let Some(new) = &mut edited {
            new.insert_str(0, mark);
        }
        Ok(edited)
    }
}

/// Reads a text, changes its values and writes the changes. The result must say exactly what the edit made of the values.
fn edited<P>(
    text: &str,
    edit: &Edit,
    read: impl Fn(&str) -> Result<(Node, P), Refused>,
    write: impl FnOnce(&str, &Node, P) -> Result<String, Refused>,
) -> Result<Option<String>, Refused> {
    let (old, places) = read(text)?;
    let mut new = old.clone();
    change(&mut new, edit)?;
    if new.means(&old) {
        return Ok(None);
    }
    // Reading the result takes as much memory again.
    drop(old);
    let text = write(text, &new, places)?;
    match read(&text) {
        Ok((found, _)) if found.means(&new) => Ok(Some(text)),
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

#[cfg(test)]
mod tests {
    use super::{Edit, MAX_DEPTH, Node, Pointer, Refused, Value, edited, line_and_column, yaml};

    #[test]
    fn a_result_that_says_anything_else_is_no_result() {
        let read = |text: &str| Ok((Node::new(&Value::Text(text.to_owned())), ()));
        let set = |new: &str| Edit {
            set: vec![(Pointer::default(), Value::Text(new.to_owned()))],
            ..Edit::default()
        };
        let edited =
            |new, written: &str| edited("a", &set(new), read, |_, _, ()| Ok(written.to_owned()));
        assert_eq!(edited("a", "b"), Ok(None));
        assert_eq!(edited("b", "b"), Ok(Some("b".to_owned())));
        assert_eq!(
            edited("b", "c").unwrap_err().to_string(),
            "it cannot be edited without changing other parts"
        );
    }

    #[test]
    fn what_is_refused_is_named_unless_it_is_the_whole_document() {
        for (pointer, told) in [("", "why"), ("/a", "`/a`: why")] {
            let pointer = Pointer::parse(pointer).unwrap();
            assert_eq!(Refused::at(pointer, "why".to_owned()).to_string(), told);
        }
    }

    #[test]
    fn depth_is_limited_and_length_is_not() {
        let first = |depth: usize| Edit {
            set: vec![(
                Pointer::parse(&"/0".repeat(depth)).unwrap(),
                Value::Text("b".to_owned()),
            )],
            ..Edit::default()
        };
        for (text, depth) in [("- [a]\n", 2), ("- {a: 1}\n", 1), ("- - a\n", 2)] {
            let text = text.repeat(2 * MAX_DEPTH);
            assert!(
                yaml::edit(&text, &first(depth)).unwrap().is_some(),
                "{text}"
            );
        }
        for (depth, is_fine) in [(MAX_DEPTH, true), (MAX_DEPTH + 1, false)] {
            let text = "[".repeat(depth) + "a" + &"]".repeat(depth);
            let edited = yaml::edit(&text, &first(depth));
            assert_eq!(edited.is_ok(), is_fine, "{depth}: {edited:?}");
        }
    }

    #[test]
    fn a_place_has_a_line_and_a_column() {
        for (offset, place) in [
            (0, "line 1, column 1"),
            (1, "line 1, column 2"),
            // Within a character.
            (2, "line 1, column 2"),
            (3, "line 1, column 3"),
            (4, "line 2, column 1"),
            (5, "line 2, column 2"),
            (9, "line 2, column 2"),
        ] {
            assert_eq!(line_and_column("aé\nb", offset), place, "{offset}");
        }
    }
}
