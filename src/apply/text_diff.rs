//! What an edit changes of a text, line by line, for people and programs.

use std::ops::Range;

use diffy::{DiffOptions, Line};
use serde::Serialize;

use crate::plan::{Change, TextChange};
use crate::printable;
use crate::secret::Secrets;

/// How many lines are told of; of more there is a number.
const MAX_LINES: usize = 40;
/// What two texts may differ in to be compared line by line with every line: what that costs grows with the square. In lines.
const MAX_COMPARED: usize = 4000;
/// How much of a line is told, around what changes in it. In characters.
const MAX_CHARS: usize = 100;
/// How much of it before that. In characters.
const CHARS_BEFORE: usize = 30;

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
    /// What it says, without its end and cut where it is long.
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
        let all = compare(&lines_of(before), &lines_of(after));
        let n = |kind| all.iter().filter(|(change, ..)| *change == kind).count();
        let n_told = if change.is_private {
            0
        } else {
            all.len().min(MAX_LINES)
        };
        let has_cr = |(_, _, line): &Raw<'_>| line.ends_with(b"\r\n");
        let ends_with_cr = all[..n_told].iter().all(has_cr);
        let starts = starts(&all[..n_told]);
        let told = all[..n_told].iter().zip(starts);
        Self {
            added: n(Change::Added),
            removed: n(Change::Removed),
            lines: told
                .map(|(line, start)| told_line(line, start, ends_with_cr))
                .collect(),
            more_lines: all.len() - n_told,
            is_private: change.is_private,
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

/// Returns how many characters at the start of each line are left out: those that a removed line and the one in its place have in
/// common, if a line is long.
fn starts(lines: &[Raw<'_>]) -> Vec<usize> {
    let mut starts = vec![0; lines.len()];
    let mut i = 0;
    while i < lines.len() {
        let run = |from: usize, change| {
            let rest = &lines[from..];
            rest.iter().take_while(|line| line.0 == change).count()
        };
        let n_removed = run(i, Change::Removed);
        let n_added = run(i + n_removed, Change::Added);
        for k in 0..n_removed.min(n_added) {
            let start = common_start(lines[i + k].2, lines[i + n_removed + k].2);
            starts[i + k] = start;
            starts[i + n_removed + k] = start;
        }
        i += (n_removed + n_added).max(1);
    }
    starts
}

fn common_start(old: &[u8], new: &[u8]) -> usize {
    let (old, new) = (printable::decoded(old), printable::decoded(new));
    let n_same = old
        .chars()
        .zip(new.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let is_long = |text: &str| text.chars().nth(MAX_CHARS).is_some();
    if is_long(&old) || is_long(&new) {
        n_same.saturating_sub(CHARS_BEFORE)
    } else {
        0
    }
}

fn told_line((change, number, line): &Raw<'_>, start: usize, has_cr: bool) -> DiffLine {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let is_open = text.len() == line.len();
    let text = text.strip_suffix(b"\r").filter(|_| has_cr).unwrap_or(text);
    let text = printable::decoded(text);
    let mut told: String = if start > 0 { "…" } else { "" }.to_owned();
    let mut rest = text.chars().skip(start);
    told.extend(rest.by_ref().take(MAX_CHARS));
    if rest.next().is_some() {
        told.push('…');
    }
    DiffLine {
        change: *change,
        number: *number,
        text: told,
        is_open,
    }
}
