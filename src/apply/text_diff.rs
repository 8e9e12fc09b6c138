//! What an edit changes of a text, line by line, for people and programs.

use std::ops::Range;

use diffy::{DiffOptions, Line};
use serde::Serialize;

use crate::plan::{Change, TextChange};
use crate::printable;
use crate::secret::Secrets;

/// How many lines are told of; of more there is a number.
const MAX_LINES: usize = 10_000;
/// What two texts may differ in to be compared line by line with every line: what that costs grows with the square. In lines.
const MAX_COMPARED: usize = 4000;

/// The lines of a text that an edit changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TextDiff {
    /// How many lines are added.
    pub added: usize,
    /// How many are removed.
    pub removed: usize,
    /// The first of them, each with a neighbour; nothing of a file that only some users of the image may read.
    pub lines: Vec<DiffLine>,
    /// How many lines are left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_lines: usize,
    /// Whether they are left out because only some users of the image may read the file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_private: bool,
}

/// A line of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffLine {
    /// Added, removed or kept.
    pub change: Change,
    /// Its number in the old text if it is removed, else in the new one; the first is 1.
    pub number: usize,
    /// What it says, without its end.
    pub text: String,
    /// Whether it has no end, as the last line of a text may.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_open: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// A line as it is compared.
type Raw<'t> = (Change, usize, &'t [u8]);

impl TextDiff {
    /// Compares the texts before and after, with secrets masked in both.
    pub(super) fn of(change: &TextChange, secrets: &Secrets) -> Self {
        let mask = |text: &[u8]| secrets.mask(&printable::decoded(text)).into_bytes();
        let masked = (!secrets.is_empty()).then(|| (mask(&change.before), mask(&change.after)));
        let (before, after) = match &masked {
            Some((before, after)) => (&before[..], &after[..]),
            None => (&change.before[..], &change.after[..]),
        };
        let mut diff = Self::between(before, after);
        if change.is_private {
            diff.more_lines += diff.lines.len();
            diff.lines.clear();
            diff.is_private = true;
        }
        diff
    }

    /// Compares two texts.
    pub(super) fn between(before: &[u8], after: &[u8]) -> Self {
        let all = compare(&lines_of(before), &lines_of(after));
        let n = |kind| all.iter().filter(|(change, ..)| *change == kind).count();
        let first = &all[..all.len().min(MAX_LINES)];
        let has_cr = first.iter().all(|(_, _, line)| line.ends_with(b"\r\n"));
        Self {
            added: n(Change::Added),
            removed: n(Change::Removed),
            lines: first.iter().map(|line| told(line, has_cr)).collect(),
            more_lines: all.len() - first.len(),
            is_private: false,
        }
    }
}

fn lines_of(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Returns the lines that differ, in order, each with its neighbours.
fn compare<'t>(old: &[&'t [u8]], new: &[&'t [u8]]) -> Vec<Raw<'t>> {
    let n_same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[n_same..], &new[n_same..]);
    let ends = old_rest.iter().rev().zip(new_rest.iter().rev());
    let n_same_end = ends.take_while(|(a, b)| a == b).count();
    // A neighbour on each side belongs to what is told.
    let start = n_same.saturating_sub(1);
    let end = n_same_end.saturating_sub(1);
    let old = (start, &old[start..old.len() - end]);
    let new = (start, &new[start..new.len() - end]);
    if old.1.len() + new.1.len() <= MAX_COMPARED {
        closely(old, new)
    } else if old.1.len() == new.1.len() {
        pairwise(old, new)
    } else {
        let removed = numbered(Change::Removed, old, 0..old.1.len());
        removed
            .chain(numbered(Change::Added, new, 0..new.1.len()))
            .collect()
    }
}

fn numbered<'s, 't>(
    change: Change,
    (before, lines): (usize, &'s [&'t [u8]]),
    range: Range<usize>,
) -> impl Iterator<Item = Raw<'t>> + use<'s, 't> {
    range.map(move |i| (change, before + i + 1, lines[i]))
}

fn closely<'t>(old: (usize, &[&'t [u8]]), new: (usize, &[&'t [u8]])) -> Vec<Raw<'t>> {
    let (old_text, new_text) = (old.1.concat(), new.1.concat());
    let patch = DiffOptions::new()
        .set_context_len(1)
        .create_patch_bytes(&old_text, &new_text);
    let mut all = Vec::new();
    for hunk in patch.hunks() {
        let start =
            |range: diffy::HunkRange| range.start().saturating_sub(usize::from(!range.is_empty()));
        let (mut i, mut j) = (start(hunk.old_range()), start(hunk.new_range()));
        for line in hunk.lines() {
            let (change, at) = match line {
                Line::Context(_) => (Change::Kept, (new, j)),
                Line::Delete(_) => (Change::Removed, (old, i)),
                Line::Insert(_) => (Change::Added, (new, j)),
            };
            i += usize::from(change != Change::Added);
            j += usize::from(change != Change::Removed);
            let ((before, lines), at) = at;
            all.push((change, before + at + 1, lines[at]));
        }
    }
    all
}

/// Compares each line with the one at its place.
fn pairwise<'t>(old: (usize, &[&'t [u8]]), new: (usize, &[&'t [u8]])) -> Vec<Raw<'t>> {
    let differ = |i: &usize| old.1[*i] != new.1[*i];
    let mut all = Vec::new();
    for i in (0..old.1.len()).filter(differ) {
        all.extend(numbered(Change::Removed, old, i..i + 1));
        all.extend(numbered(Change::Added, new, i..i + 1));
    }
    all
}

fn told((change, number, line): &Raw<'_>, has_cr: bool) -> DiffLine {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let is_open = text.len() == line.len();
    let text = text.strip_suffix(b"\r").filter(|_| has_cr).unwrap_or(text);
    DiffLine {
        change: *change,
        number: *number,
        text: printable::decoded(text).into_owned(),
        is_open,
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_COMPARED, MAX_LINES, TextDiff};
    use crate::plan::{Change, TextChange};
    use crate::secret::Secrets;

    /// The lines of a difference, such as `+2 text`; `$` ends one that has no end.
    fn lines(diff: &TextDiff) -> Vec<String> {
        let lines = diff.lines.iter().map(|line| {
            let sign = match line.change {
                Change::Added => '+',
                Change::Removed => '-',
                _ => ' ',
            };
            let end = if line.is_open { "$" } else { "" };
            format!("{sign}{} {}{end}", line.number, line.text)
        });
        lines.collect()
    }

    #[test]
    fn each_line_that_differs_is_told_with_its_neighbours() {
        for (before, after, expected) in [
            ("a\nb\n", "a\nb\n", &[][..]),
            ("", "a\n", &["+1 a"]),
            ("a\n", "", &["-1 a"]),
            (
                "a\nb\nc\nd\n",
                "a\nb\nx\nd\n",
                &[" 2 b", "-3 c", "+3 x", " 4 d"],
            ),
            ("a\nb\nc\n", "a\nx\nb\nc\n", &[" 1 a", "+2 x", " 3 b"]),
            ("a\nb\nc\n", "b\nc\n", &["-1 a", " 1 b"]),
            // Two places, each with its neighbours.
            (
                "a\nb\nc\nd\ne\nf\ng\n",
                "a\nx\nc\nd\ne\ny\ng\n",
                &[
                    " 1 a", "-2 b", "+2 x", " 3 c", " 5 e", "-6 f", "+6 y", " 7 g",
                ],
            ),
            ("a\nb", "a\nb\n", &[" 1 a", "-2 b$", "+2 b"]),
            ("a\r\nb\r\n", "a\r\nc\r\n", &[" 1 a", "-2 b", "+2 c"]),
            // Where lines end in different ways that is what differs.
            ("a\r\nb\n", "a\nb\n", &["-1 a\r", "+1 a", " 2 b"]),
        ] {
            let diff = TextDiff::between(before.as_bytes(), after.as_bytes());
            assert_eq!(lines(&diff), expected, "{before:?} {after:?}");
            let n = |sign| {
                expected
                    .iter()
                    .filter(|line| line.starts_with(sign))
                    .count()
            };
            assert_eq!((diff.added, diff.removed), (n('+'), n('-')));
            assert_eq!((diff.more_lines, diff.is_private), (0, false));
        }
    }

    #[test]
    fn long_texts_are_compared_place_by_place_or_not_at_all() {
        let text = |n: usize, line: &str| format!("{line}\n").repeat(n);
        let told = |before: &str, after: &str| {
            let before = format!("first\nsecond\n{before}last\n");
            let diff = TextDiff::between(
                before.as_bytes(),
                format!("first\nsecond\n{after}last\n").as_bytes(),
            );
            (lines(&diff), diff.added, diff.removed)
        };
        // With a neighbour on each side.
        let most = MAX_COMPARED / 2 - 2;
        let half = most / 2;
        let one = text(half, "a") + &text(1, "x") + &text(most - half - 1, "a");
        let other = text(half, "b") + &text(1, "x") + &text(most - half - 1, "b");
        let (closely, added, removed) = told(&one, &other);
        assert_eq!((added, removed), (most - 1, most - 1));
        assert_eq!(closely[0], " 2 second");
        assert!(closely.contains(&format!(" {} x", 3 + half)));
        // Of one line more each with the one in its place.
        let (pairwise, added, removed) = told(&(one.clone() + "c\n"), &(other.clone() + "d\n"));
        assert_eq!((added, removed), (most, most));
        assert_eq!(pairwise[..4], ["-3 a", "+3 b", "-4 a", "+4 b"]);
        assert_eq!(pairwise.last().unwrap(), &format!("+{} d", 3 + most));
        // Of other lengths all goes and all comes, the neighbours too.
        let (all, added, removed) = told(&(one + "c\n"), &(other + "d\ne\n"));
        assert_eq!((added, removed), (most + 4, most + 3));
        assert_eq!(all[..2], ["-2 second", "-3 a"]);
        assert_eq!(all.last().unwrap(), &format!("+{} last", 5 + most));
    }

    #[test]
    fn more_lines_than_anybody_reads_are_counted() {
        let after = "a\n".repeat(MAX_LINES + 3);
        let diff = TextDiff::between(b"", after.as_bytes());
        assert_eq!((diff.lines.len(), diff.more_lines), (MAX_LINES, 3));
        assert_eq!((diff.added, diff.removed), (MAX_LINES + 3, 0));
    }

    #[test]
    fn secrets_are_masked_and_private_texts_left_out() {
        let mut secrets = Secrets::default();
        let mut change = TextChange {
            before: b"a\nkey: hunter2\n".as_slice().into(),
            after: b"a\nkey: x\n".as_slice().into(),
            is_private: false,
        };
        assert_eq!(
            lines(&TextDiff::of(&change, &secrets))[1],
            "-2 key: hunter2"
        );
        secrets.add("hunter2");
        let masked = TextDiff::of(&change, &secrets);
        assert_eq!(
            lines(&masked)[1],
            format!("-2 {}", secrets.mask("key: hunter2"))
        );
        assert!(!lines(&masked)[1].contains("hunter2"));
        change.is_private = true;
        let private = TextDiff::of(&change, &secrets);
        assert_eq!((private.lines.len(), private.more_lines), (0, 3));
        assert!(private.is_private);
        assert_eq!((private.added, private.removed), (1, 1));
    }
}
