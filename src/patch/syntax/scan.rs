//! What is open at a place of a text that is not YAML: quotes, brackets and columns, as far as that can be told.

use std::ops::Range;

/// What was seen before a place.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The last quoted string that ends there, with its quotes.
    pub(super) quoted: Option<Range<usize>>,
    /// The brackets that are open, from the outside in.
    pub(super) brackets: Vec<usize>,
}

/// Reads `text` up to the byte `end`.
pub(super) fn seen_before(text: &str, end: usize) -> Seen {
    let mut seen = Seen::default();
    let mut start = 0;
    // Lines of a block scalar are indented further than this.
    let mut scalar: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let from = start;
        start += line.len();
        if from >= end {
            break;
        }
        // A quoted string goes on over lines.
        let skipped = seen
            .quoted
            .as_ref()
            .map_or(from, |quoted| quoted.end.max(from));
        if skipped >= start {
            continue;
        }
        let is_blank = line.trim().is_empty();
        if scalar.is_some_and(|indent| is_blank || column(line) > indent) {
            continue;
        }
        read_line(text, skipped..start.min(end), &mut seen);
        scalar = begins_scalar(line).then(|| column(line));
    }
    seen
}

fn read_line(text: &str, range: Range<usize>, seen: &mut Seen) {
    let mut before = ' ';
    let mut at = range.start;
    while at < range.end {
        let c = text[at..].chars().next().expect("it is before the end");
        let begins = before.is_whitespace() || "[{,:-".contains(before);
        match c {
            '#' if before.is_whitespace() => return,
            '"' | '\'' if begins => {
                let end = end_of_quoted(text, at, c);
                seen.quoted = Some(at..end);
                before = c;
                at = end;
                continue;
            }
            '[' | '{' if begins => seen.brackets.push(at),
            ']' | '}' => {
                seen.brackets.pop();
            }
            _ => {}
        }
        before = c;
        at += c.len_utf8();
    }
}

/// Returns where a quoted string ends, behind its quote; the end of the text if it is never closed.
fn end_of_quoted(text: &str, start: usize, quote: char) -> usize {
    let mut chars = text[start + 1..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote {
            if quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') {
                chars.next();
                continue;
            }
            return start + 1 + at + 1;
        }
    }
    text.len()
}

/// Tells whether a line ends in the `|` or `>` of a block scalar.
fn begins_scalar(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or_default().trim_end();
    let line = line.trim_end_matches(|c: char| c.is_ascii_digit() || "+-".contains(c));
    let before = line.strip_suffix(['|', '>']).map(str::trim_end);
    before.is_some_and(|before| before.is_empty() || before.ends_with([':', '-']))
}

/// Returns the column of the first character that is not a space, from 0.
pub(super) fn column(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// A column in which keys or items stand, and the last line that has one there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) column: usize,
    /// From 0.
    pub(super) line: usize,
    pub(super) is_item: bool,
}

/// Returns the levels that are open above a line, which counts from 0, from the outside in.
pub(super) fn levels_above(text: &str, line: usize) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    let mut scalar: Option<usize> = None;
    for (number, text) in text.lines().enumerate().take(line) {
        if text.trim().is_empty() || text.trim_start().starts_with('#') {
            continue;
        }
        let mut column = column(text);
        if scalar.is_some_and(|indent| column > indent) {
            continue;
        }
        scalar = begins_scalar(text).then_some(column);
        if text.starts_with("---") {
            levels.clear();
            continue;
        }
        levels.retain(|level| level.column < column);
        let mut rest = &text[column..];
        while let Some(item) = rest.strip_prefix("- ") {
            levels.push(Level {
                column,
                line: number,
                is_item: true,
            });
            let inner = item.trim_start_matches(' ');
            column += rest.len() - inner.len();
            rest = inner;
        }
        if rest == "-" || rest.contains(':') {
            levels.push(Level {
                column,
                line: number,
                is_item: rest == "-",
            });
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::{begins_scalar, levels_above, seen_before};

    #[test]
    fn quotes_and_brackets_are_those_of_yaml() {
        for (text, quoted, brackets) in [
            ("a: [b, {c", "", "[{"),
            ("a: [b]", "", ""),
            ("a: [b]]", "", ""),
            ("a: [b, c], d: {", "", "{"),
            // In a plain text they are characters.
            ("a: b[c", "", ""),
            ("a: b{c d\"e'f", "", ""),
            ("a: it's", "", ""),
            ("a: 'b", "'b", ""),
            ("a: 'b''c' d", "'b''c'", ""),
            ("a: \"b\\\"c\" d", "\"b\\\"c\"", ""),
            ("a: 'b\\' c", "'b\\'", ""),
            ("['a',\"b\"", "\"b\"", "["),
            ("{a:'b'", "'b'", "{"),
            ("-'a'", "'a'", ""),
            ("a: \"b'c\" d", "\"b'c\"", ""),
            ("a: \"[b\" d", "\"[b\"", ""),
            ("a: \"b\nc: [d\ne\" f", "\"b\nc: [d\ne\"", ""),
            // A comment hides the rest of its line.
            ("a: b # 'c [\nd: e", "", ""),
            ("# [\na: [", "", "["),
            ("a: b#'c'", "", ""),
            ("a: [b#[", "", "["),
            ("a: [b#c, {", "", "[{"),
            // So does a block scalar, as long as lines are indented further.
            ("a: |\n  'b [\n\n  c\nd: [", "", "["),
            ("- >-\n  'b\n- [", "", "["),
            ("  a: |2\n    [\n  'b' c", "'b'", ""),
        ] {
            let seen = seen_before(text, text.len());
            let found = seen.quoted.map_or("", |range| &text[range]);
            assert_eq!(found, quoted, "{text}");
            let found: String = seen.brackets.iter().map(|&at| &text[at..=at]).collect();
            assert_eq!(found, brackets, "{text}");
        }
        // What stands behind the place is not seen.
        let seen = seen_before("[a, {\n'b'", 4);
        assert_eq!((seen.quoted, seen.brackets), (None, vec![0]));
    }

    #[test]
    fn a_scalar_begins_at_the_end_of_a_line() {
        for line in [
            "a: |",
            "- >",
            "a: |-",
            "a: >2+",
            "|",
            "a: |  ",
            "a: > # why\n",
        ] {
            assert!(begins_scalar(line), "{line}");
        }
        for line in ["a: b|", "a: b |", "a: #|", "a |", "a: '|'", "", "a:"] {
            assert!(!begins_scalar(line), "{line}");
        }
    }

    #[test]
    fn levels_are_those_that_are_open() {
        for (text, expected) in [
            ("", ""),
            ("a:\n", "0.0"),
            ("a:\n  b: c\n", "0.0 2.1"),
            ("a:\n  b: c\nd: e\n", "0.2"),
            ("a:\n  - b: c\n", "0.0 2.1- 4.1"),
            ("a:\n  - b\n", "0.0 2.1-"),
            ("- - a: b\n", "0.0- 2.0- 4.0"),
            ("-   a: b\n", "0.0- 4.0"),
            ("a:\n  -\n", "0.0 2.1-"),
            ("a:\n\n  # b: c\n", "0.0"),
            ("a: |\n  b: c\n\n    d: e\nf: g\n", "0.4"),
            ("a: |\n  b: c\n", "0.0"),
            ("a: b\n---\n", ""),
            ("a: b\n--- # c: d\n  e: f\n", "2.2"),
            ("a\n", ""),
        ] {
            let levels = levels_above(text, text.lines().count());
            let levels = levels.iter().map(|it| {
                let sign = if it.is_item { "-" } else { "" };
                format!("{}.{}{sign}", it.column, it.line)
            });
            assert_eq!(levels.collect::<Vec<_>>().join(" "), expected, "{text}");
        }
        assert_eq!(levels_above("a:\n  b: c\n", 1).len(), 1, "only lines above");
    }
}
