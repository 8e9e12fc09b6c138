//! The new text of a replacement, with what groups of the pattern have matched.

use regex_lite::{Captures, escape};

/// A text in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
}

impl Template {
    /// Returns the new text for a pattern: `$` and digits are a group, `$$` is a `$`, and any other `$` is one too.
    pub(super) fn of_pattern(with: &str) -> Self {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = with;
        while let Some((before, behind)) = rest.split_once('$') {
            text.push_str(before);
            let n_digits = behind.bytes().take_while(u8::is_ascii_digit).count();
            let group = behind[..n_digits].parse();
            rest = match (group, behind.strip_prefix('$')) {
                (Ok(group), _) => {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(Piece::Group(group));
                    &behind[n_digits..]
                }
                (Err(_), behind_two) => {
                    text.push('$');
                    behind_two.unwrap_or(behind)
                }
            };
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Self(pieces)
    }

    /// Returns the highest number of a group that is used.
    pub(super) fn last_group(&self) -> Option<usize> {
        let group = |piece: &Piece| match piece {
            Piece::Group(group) => Some(*group),
            Piece::Text(_) => None,
        };
        self.0.iter().filter_map(group).max()
    }

    /// Returns the text for a match.
    pub(super) fn expand(&self, captures: &Captures<'_>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Group(group) => {
                let found = captures.get(*group);
                found.map_or_else(String::new, |found| found.as_str().to_owned())
            }
        };
        self.0.iter().map(piece).collect()
    }

    /// Returns a regular expression for what the text may have come to; nothing if that may be anything.
    pub(super) fn trace(&self) -> Option<String> {
        let is_text = |piece: &Piece| matches!(piece, Piece::Text(_));
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => escape(text),
            Piece::Group(_) => "(?:.*)".to_owned(),
        };
        let has_text = self.0.iter().any(is_text);
        has_text.then(|| self.0.iter().map(piece).collect())
    }
}
