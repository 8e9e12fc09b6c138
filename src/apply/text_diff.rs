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
