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

#[cfg(test)]
mod tests {
    use super::{CHARS_BEFORE, MAX_CHARS, MAX_LINES, counts, cuts, part, put};
    use crate::apply::text_diff::{DiffLine, TextDiff};
    use crate::page::{Page, View};
    use crate::plan::Change;

    fn shown(diff: &TextDiff, is_full: bool) -> String {
        let mut page = Page::new(View {
            is_full,
            ..View::default()
        });
        put(&mut page, 2, diff);
        page.into_text()
    }

    #[test]
    fn lines_are_numbered_and_gaps_are_marked() {
        let before: Vec<String> = (1..=12).map(|n| format!("{n}\n")).collect();
        let before = before.concat();
        let after = before.replace("\n2\n", "\nx\n").replace("\n12\n", "\ny");
        let diff = TextDiff::between(before.as_bytes(), after.as_bytes());
        let expected = "   1   1\n   2 - 2\n   2 + x\n   3   3\n   …\n  11   11\n  12 - 12\n  12 + y  (no newline at the end)\n";
        assert_eq!(shown(&diff, false), expected);
        assert_eq!(counts(&diff), "+2 -2");
        // Where one place is next to another there is no gap.
        let after = before.replace("\n2\n", "\nx\n").replace("\n5\n", "\ny\n");
        let diff = TextDiff::between(before.as_bytes(), after.as_bytes());
        assert!(!shown(&diff, false).contains('…'));
    }

    #[test]
    fn what_is_not_shown_of_a_text_is_counted() {
        let line = format!("{}\n", "x".repeat(MAX_CHARS + 1));
        for (n, end) in [
            (MAX_LINES, ""),
            (MAX_LINES + 1, "  … and 1 more line\n"),
            (MAX_LINES + 2, "  … and 2 more lines\n"),
        ] {
            let mut diff = TextDiff::between(b"", line.repeat(n).as_bytes());
            let text = shown(&diff, false);
            assert_eq!(text.matches(" + xx").count(), MAX_LINES);
            assert!(text.contains(&format!("{}…\n", "x".repeat(MAX_CHARS))));
            assert!(text.ends_with(end) && (text.contains("more line") != end.is_empty()));
            let full = shown(&diff, true);
            assert_eq!(full.matches(line.as_str()).count(), n);
            assert!(!full.contains('…'));
            diff.more_lines = 7;
            let more = 7 + n - MAX_LINES;
            assert!(shown(&diff, false).ends_with(&format!("  … and {more} more lines\n")));
            assert!(shown(&diff, true).ends_with("  … and 7 more lines\n"));
            diff.is_private = true;
            assert!(!shown(&diff, false).contains("more line"));
            let private = format!("+{n} -0  (not shown: some users of the image may not read it)");
            assert_eq!(counts(&diff), private);
        }
    }

    #[test]
    fn what_is_left_out_of_a_line_is_marked() {
        for (text, range, expected) in [
            ("abcdef", 0..6, "abcdef"),
            ("abcdef", 0..9, "abcdef"),
            ("abcdef", 0..5, "abcde…"),
            ("abcdef", 1..6, "…bcdef"),
            ("abcdef", 2..4, "…cd…"),
            ("äöüß", 1..3, "…öü…"),
        ] {
            assert_eq!(part(text, range), expected, "{text}");
        }
    }

    #[test]
    fn long_lines_are_cut_before_what_differs() {
        let long = |n: usize, end: &str| "x".repeat(n) + end;
        let line = |(change, text): (char, String)| DiffLine {
            change: match change {
                '+' => Change::Added,
                '-' => Change::Removed,
                _ => Change::Kept,
            },
            number: 1,
            text,
            is_open: false,
        };
        for (lines, expected) in [
            // A line that fits is whole, and one alone is shown from its start.
            (vec![('-', long(50, "a")), ('+', long(50, "b"))], vec![0, 0]),
            (vec![('-', long(200, "a"))], vec![0]),
            (
                vec![('+', long(200, "a")), ('-', long(200, "b"))],
                vec![0, 0],
            ),
            (vec![('-', long(99, "a")), ('+', long(99, "b"))], vec![0, 0]),
            (
                vec![('-', long(99, "a")), ('+', long(99, "bc"))],
                vec![69, 69],
            ),
            (
                vec![('-', long(99, "ac")), ('+', long(99, "b"))],
                vec![69, 69],
            ),
            (
                vec![('-', long(20, &long(90, "a"))), ('+', "y".into())],
                vec![0, 0],
            ),
            // Each removed line has the added one in its place, across lines that stay.
            (
                vec![
                    (' ', long(300, "")),
                    ('-', long(200, "a")),
                    ('-', long(150, "a")),
                    ('-', long(140, "a")),
                    ('+', long(200, "b")),
                    ('+', long(150, "b")),
                    (' ', long(300, "")),
                    ('-', long(130, "a")),
                    ('+', long(130, "b")),
                    ('+', long(130, "c")),
                ],
                vec![0, 170, 120, 0, 170, 120, 0, 100, 100, 0],
            ),
        ] {
            let lines: Vec<DiffLine> = lines.into_iter().map(line).collect();
            let expected: Vec<_> = expected.into_iter().map(|at| at..at + MAX_CHARS).collect();
            assert_eq!(cuts(&lines), expected);
        }
        assert_eq!(CHARS_BEFORE, 30);
    }
}
