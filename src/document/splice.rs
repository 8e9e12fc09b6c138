//! Replacements of ranges of a text, collected in any order.

use std::ops::Range;

/// A text, and what is to be replaced in it.
pub(super) struct Splices<'a> {
    pub(super) text: &'a str,
    pub(super) newline: &'static str,
    replaced: Vec<(Range<usize>, String)>,
}

impl<'a> Splices<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let first = text.find('\n');
        let has_return = first.is_some_and(|at| text[..at].ends_with('\r'));
        Self {
            text,
            newline: if has_return { "\r\n" } else { "\n" },
            replaced: Vec::new(),
        }
    }

    pub(super) fn replace(&mut self, range: Range<usize>, new: impl Into<String>) {
        self.replaced.push((range, new.into()));
    }

    pub(super) fn insert(&mut self, at: usize, new: impl Into<String>) {
        self.replace(at..at, new);
    }

    /// Inserts whole lines at the start of a line, or behind a last line without an end.
    pub(super) fn insert_lines(&mut self, at: usize, lines: &str) {
        if at > 0 && !self.text[..at].ends_with('\n') {
            // What is inserted there twice has its line end in between.
            let lines = lines.strip_suffix(self.newline).unwrap_or(lines);
            let new = format!("{}{lines}", self.newline);
            self.insert(at, new);
        } else {
            self.insert(at, lines);
        }
    }

    /// Returns the start of the line that `at` is on.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |before| before + 1)
    }

    /// Returns the start of the line behind the one that `at` is on, or the end of the text.
    pub(super) fn line_end(&self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |length| at + length + 1)
    }

    /// Returns the column of a byte, in characters.
    pub(super) fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    /// Returns the white space that the line of `at` starts with.
    pub(super) fn indent(&self, at: usize) -> &'a str {
        let line = &self.text[self.line_start(at)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// Returns the text with all replacements; of overlapping ones the first counts, and insertions at one place keep their order.
    pub(super) fn apply(mut self) -> String {
        self.replaced
            .sort_by_key(|(range, _)| (range.start, range.end));
        let mut new = String::with_capacity(self.text.len());
        let mut at = 0;
        for (range, text) in &self.replaced {
            if range.start >= at {
                new.push_str(&self.text[at..range.start]);
                new.push_str(text);
            }
            at = at.max(range.end);
        }
        new.push_str(&self.text[at..]);
        new
    }
}
