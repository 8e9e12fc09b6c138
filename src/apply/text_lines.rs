//! The lines of a text that change, for people: numbered, and cut where they are long.

use std::ops::Range;

use super::text_diff::{DiffLine, TextDiff};
use crate::page::{Page, Paint};
use crate::plan::Change;

/// How many lines are shown of one text.
const MAX_LINES: usize = 40;
/// How much of a line is shown, around what changes in it. In characters.
const MAX_CHARS: usize = 100;
/// How much of it before that. In characters.
const CHARS_BEFORE: usize = 30;

/// Returns how many lines change.
pub(super) fn counts(diff: &TextDiff) -> String {
    let counts = format!("+{} -{}", diff.added, diff.removed);
    if diff.is_private {
        return counts + "  (not shown: some users of the image may not read it)";
    }
    counts
}

/// Adds the lines that change, with their numbers.
pub(super) fn put(page: &mut Page, indent: usize, diff: &TextDiff) {
    let is_full = page.view.is_full;
    let n_shown = if is_full {
        diff.lines.len()
    } else {
        diff.lines.len().min(MAX_LINES)
    };
    let lines = &diff.lines[..n_shown];
    let width = lines
        .iter()
        .map(|line| line.number)
        .max()
        .unwrap_or_default()
        .to_string()
        .len();
    let mut before: Option<&DiffLine> = None;
    for (line, cut) in lines.iter().zip(cuts(lines)) {
        let is_behind_a_gap = before.is_some_and(|before| {
            (before.change, line.change) == (Change::Kept, Change::Kept)
                && before.number + 1 != line.number
        });
        if is_behind_a_gap {
            page.put(indent, Paint::Quiet, format!("{:>width$}", "…"));
        }
        let (sign, paint) = match line.change {
            Change::Kept => (' ', Paint::Plain),
            change => (change.sign(), change.paint()),
        };
        let end = if line.is_open {
            "  (no newline at the end)"
        } else {
            ""
        };
        let text = if is_full {
            line.text.clone()
        } else {
            part(&line.text, cut)
        };
        let number = format!("{:>width$} ", line.number);
        page.line(
            indent,
            &[
                (Paint::Quiet, number),
                (paint, format!("{sign} {text}{end}")),
            ],
        );
        before = Some(line);
    }
    let n_more = diff.more_lines + diff.lines.len() - n_shown;
    if n_more > 0 && !diff.is_private {
        let lines = if n_more == 1 { "line" } else { "lines" };
        page.put(indent, Paint::Quiet, format!("… and {n_more} more {lines}"));
    }
}

/// Returns the part of a line between two numbers of characters, marked where something is left out.
fn part(text: &str, range: Range<usize>) -> String {
    let before = if range.start > 0 { "…" } else { "" };
    let mut rest = text.chars().skip(range.start);
    let mut part: String = before.to_owned();
    part.extend(rest.by_ref().take(range.len()));
    if rest.next().is_some() {
        part.push('…');
    }
    part
}

/// Returns which part of each line is shown: where lines are long, from where a removed one differs from the one in its place.
fn cuts(lines: &[DiffLine]) -> Vec<Range<usize>> {
    let mut cuts = vec![0..MAX_CHARS; lines.len()];
    let mut i = 0;
    while i < lines.len() {
        let run = |from: usize, change| {
            let rest = &lines[from..];
            rest.iter().take_while(|line| line.change == change).count()
        };
        let n_removed = run(i, Change::Removed);
        let n_added = run(i + n_removed, Change::Added);
        for k in 0..n_removed.min(n_added) {
            let start = common_start(&lines[i + k].text, &lines[i + n_removed + k].text);
            cuts[i + k] = start..start + MAX_CHARS;
            cuts[i + n_removed + k] = start..start + MAX_CHARS;
        }
        i += (n_removed + n_added).max(1);
    }
    cuts
}

fn common_start(old: &str, new: &str) -> usize {
    let is_long = |text: &str| text.chars().nth(MAX_CHARS).is_some();
    if !is_long(old) && !is_long(new) {
        return 0;
    }
    let both = old.chars().zip(new.chars());
    let n_same = both.take_while(|(a, b)| a == b).count();
    n_same.saturating_sub(CHARS_BEFORE)
}
