//! Operations that are added to the text of a patch file, of which every other byte stays.

use super::ArgValues;
use super::draft::{DraftValue, bracketed, item};
use super::file::PatchFile;
use crate::problem::Address;

impl PatchFile {
    /// Returns the text with these operations at the end of its last document, which was read with `values` for its args. Nothing if
    /// they cannot be said there, or if nobody can tell where they would go.
    #[must_use]
    pub fn with_operations(
        &self,
        added: &[(&'static str, DraftValue)],
        values: &ArgValues,
    ) -> Option<String> {
        let text = self.text();
        let document = self.patches().len() - 1;
        let n_operations = self.patches()[document].operations.len();
        let operations = Address::document(document).key("operations");
        let list = self.locate(&operations)?;
        let whole = if text[list.clone()].starts_with('[') {
            in_brackets(text, list.start, added)?
        } else {
            let last = self.locate(&operations.index(n_operations - 1))?;
            in_lines(text, last.start, added)?
        };
        // Whatever was misjudged here shows when it is read again.
        let read = Self::parse_with(self.path(), whole.as_bytes(), values).ok()?;
        let (before, after) = (self.patches(), read.patches());
        let kept = after
            .get(document)?
            .operations
            .len()
            .checked_sub(added.len());
        let is_kept = before.len() == after.len() && kept == Some(n_operations);
        is_kept.then_some(whole)
    }
}

/// Adds operations to a list whose bracket opens at `start`.
fn in_brackets(text: &str, start: usize, added: &[(&'static str, DraftValue)]) -> Option<String> {
    let last = start + last_of_list(&text[start..])?;
    let added: Option<Vec<String>> = added.iter().map(bracketed).collect();
    let added = added?.join(", ");
    let (before, after) = text.split_at(last + 1);
    let comma = if before.ends_with(',') { " " } else { ", " };
    Some(format!("{before}{comma}{added}{after}"))
}

/// Returns where the last byte of the list stands whose bracket a text begins with, before the bracket that closes it: blanks and
/// comments are passed over, and no bracket is looked for in quotes.
fn last_of_list(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0;
    let (mut at, mut last) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(last);
                }
            }
            b'#' if bytes[at - 1].is_ascii_whitespace() => {
                at += text[at..].find('\n')?;
                continue;
            }
            // A quote within a word is a letter.
            b'\'' if !is_in_word(bytes[at - 1]) => at += 1 + text[at + 1..].find('\'')?,
            b'"' if !is_in_word(bytes[at - 1]) => at += 1 + unescaped_quote(&bytes[at + 1..])?,
            _ => {}
        }
        if !bytes[at].is_ascii_whitespace() {
            last = at;
        }
        at += 1;
    }
    None
}

fn is_in_word(before: u8) -> bool {
    !before.is_ascii_whitespace() && !b"[]{},:'\"".contains(&before)
}

fn unescaped_quote(text: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    text.iter().position(|&byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })
}

/// Adds operations behind the last one, which begins at `last`.
fn in_lines(text: &str, last: usize, added: &[(&'static str, DraftValue)]) -> Option<String> {
    let dash = text[..last].rfind('-')?;
    let line = text[..dash].rfind('\n').map_or(0, |at| at + 1);
    let indent = &text[line..dash];
    if !indent.bytes().all(|byte| byte == b' ') {
        return None;
    }
    let end = last + end_of_item(&text[last..], indent.len());
    let (before, after) = text.split_at(end);
    let line_break = if before.ends_with('\n') { "" } else { "\n" };
    let added: String = added
        .iter()
        .map(|operation| item(indent, operation))
        .collect();
    let has_cr = text.contains("\r\n");
    let added = format!("{line_break}{added}");
    let added = if has_cr {
        added.replace('\n', "\r\n")
    } else {
        added
    };
    Some(format!("{before}{added}{after}"))
}

/// Returns how long an item is whose first line begins with its text, and whose dash is behind `indent` blanks.
///
/// What belongs to it is indented further. Comments and blank lines behind it belong to what follows, if they are not.
fn end_of_item(text: &str, indent: usize) -> usize {
    let mut end = 0;
    let mut at = 0;
    for (i, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim_start_matches(' ');
        let is_blank = content.trim_end().is_empty();
        let is_inside = i == 0 || line.len() - content.len() > indent;
        if !is_inside && !is_blank && !content.starts_with('#') {
            break;
        }
        at += line.len();
        if is_inside && !is_blank {
            end = at;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::{ArgValues, DraftValue};
    use crate::patch::PatchFile;

    fn added(text: &str) -> Option<String> {
        let file = PatchFile::parse("x", text.as_bytes()).unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), DraftValue::text(value));
        let label = DraftValue::Map(vec![pair("a", "b")]);
        let append = DraftValue::Map(vec![pair("path", "/a"), pair("content", "x\ny\n")]);
        let added = [("set-label", label), ("append-text", append)];
        file.with_operations(&added, &ArgValues::default())
    }

    #[test]
    fn operations_go_behind_the_last_one_and_nothing_else_changes() {
        let new = "  - set-label: { a: b }\n  - append-text:\n      path: /a\n      content: |\n        x\n        y\n";
        for (before, after) in [
            (
                "apiVersion: ocipatch/v1\noperations:\n  - retag: [a:1]\n",
                "",
            ),
            (
                "apiVersion: ocipatch/v1 # v\noperations:\n  # why\n  - retag: [a:1] # so\n",
                "\n# the end\n",
            ),
            (
                "operations:\n  - retag: [a:1]\n    # about it\n",
                "# about the version\napiVersion: ocipatch/v1\n",
            ),
            (
                "operations:\n  - retag: [a:1]\n",
                "  # behind\napiVersion: ocipatch/v1\n",
            ),
            (
                "operations:\n  - retag: [a:1]\n",
                "# one\napiVersion: ocipatch/v1\ntarget:\n    images: [a]\n",
            ),
            (
                "operations:\n  - append-text:\n      path: /a\n      content: |\n        # no comment\n\n        x\n",
                "\napiVersion: ocipatch/v1\n",
            ),
            (
                "apiVersion: ocipatch/v1\noperations: [retag: [b:2]]\n---\napiVersion: ocipatch/v1\noperations:\n  - set-env:\n      A: >\n        folded\n",
                "...\n",
            ),
        ] {
            assert_eq!(
                added(&format!("{before}{after}")),
                Some(format!("{before}{new}{after}"))
            );
        }
    }

    #[test]
    fn args_stay_args() {
        let text = "apiVersion: ocipatch/v1\nargs: { a: { required: true } }\noperations: [retag: [\"a:${a}\"]]\n";
        let mut values = ArgValues::default();
        values.given.insert("a".to_owned(), "1".to_owned());
        let file = PatchFile::parse_with("x", text.as_bytes(), &values).unwrap();
        let label = DraftValue::Map(vec![("a".to_owned(), DraftValue::text("${b}"))]);
        let expected = text.replace("]]", "], { set-label: { a: \"$${b}\" } }]");
        assert_eq!(
            file.with_operations(&[("set-label", label)], &values),
            Some(expected)
        );
    }

    #[test]
    fn other_ways_to_write_a_list_are_kept_too() {
        for (before, after) in [
            (
                "apiVersion: ocipatch/v1\noperations:\n- retag: [a:1]",
                "apiVersion: ocipatch/v1\noperations:\n- retag: [a:1]\n- set-label: { a: b }\n",
            ),
            (
                "operations:\r\n - retag: [a:1]\r\napiVersion: ocipatch/v1\r\n",
                "operations:\r\n - retag: [a:1]\r\n - set-label: { a: b }\r\n",
            ),
            (
                "apiVersion: ocipatch/v1\noperations: [retag: [a:1]]\n",
                "apiVersion: ocipatch/v1\noperations: [retag: [a:1], { set-label: { a: b } }",
            ),
            (
                "operations: [set-label: { a: \"]\\\"\", b: it's, c: ']''', d: 'x]y', p: 'xy]z', e: f#g, h: '', i: ']', j: k\"l, m: \"\\\\\", n: \"a\\t]\", o: \"ab\\t]\" }, # ]\n]\napiVersion: ocipatch/v1\n",
                "operations: [set-label: { a: \"]\\\"\", b: it's, c: ']''', d: 'x]y', p: 'xy]z', e: f#g, h: '', i: ']', j: k\"l, m: \"\\\\\", n: \"a\\t]\", o: \"ab\\t]\" }, { set-label: { a: b } }",
            ),
            (
                "operations: [{ retag: [a:1] },\n  ] # list\napiVersion: ocipatch/v1\n",
                "operations: [{ retag: [a:1] }, { set-label: { a: b } }",
            ),
        ] {
            let found = added(before).unwrap();
            assert!(found.starts_with(after), "{found}");
            assert_eq!(
                PatchFile::parse("x", found.as_bytes()).unwrap().patches()[0]
                    .operations
                    .len(),
                3
            );
        }
    }
}
