//! Values of documents for people: of a change, the part that differs.

use serde_json::Value;

use crate::apply::text_diff::TextDiff;
use crate::apply::text_lines;
use crate::page::{Page, Paint, Part};

/// What a value may have to be shown to its end. In characters.
const MAX_SHOWN: usize = 300;
/// What both sides of a change may have together to be shown whole, on one line. In characters.
const MAX_WHOLE: usize = 72;
/// What they may have together to stand on one line at all. In characters.
const MAX_LINE: usize = 120;
/// How much is shown of what both sides have in common, before and behind what differs. In characters.
const MAX_AROUND: usize = 16;

/// Adds a value that comes, goes or becomes another, behind what names it.
pub(in crate::apply) fn put_change(
    page: &mut Page,
    indent: usize,
    name: &[Part],
    sides: (Option<&Value>, Option<&Value>),
) {
    match sides {
        (None, None) => page.line(indent, name),
        (Some(value), None) | (None, Some(value)) => {
            let text = Shown::of(value).text();
            page.line(
                indent,
                &[name, &[(Paint::Plain, cut(text, page.view.is_full))]].concat(),
            );
        }
        (Some(old), Some(new)) => put_both(page, indent, name, old, new),
    }
}

/// Returns a value that comes, goes or becomes another, on one line.
pub(in crate::apply) fn on_one_line(sides: (Option<&Value>, Option<&Value>)) -> String {
    match sides {
        (None, None) => String::new(),
        (Some(value), None) | (None, Some(value)) => cut(Shown::of(value).text(), false),
        (Some(old), Some(new)) => {
            let (old, new) = differing(&Shown::of(old), &Shown::of(new));
            format!("{old} → {new}")
        }
    }
}

fn put_both(page: &mut Page, indent: usize, name: &[Part], old: &Value, new: &Value) {
    let is_full = page.view.is_full;
    let arrow = || (Paint::Plain, " → ".to_owned());
    let one_line = |old: String, new: String| {
        [name, &[(Paint::Removed, old), arrow(), (Paint::Added, new)]].concat()
    };
    let (whole_old, whole_new) = (Shown::of(old), Shown::of(new));
    let n_chars = n(&whole_old.body) + n(&whole_new.body);
    if n_chars <= MAX_WHOLE {
        return page.line(indent, &one_line(whole_old.text(), whole_new.text()));
    }
    match (old, new) {
        (Value::String(old), Value::String(new)) if has_lines(old) && has_lines(new) => {
            page.line(indent, name);
            let diff = TextDiff::between(old.as_bytes(), new.as_bytes());
            return text_lines::put(page, indent + 4, &diff);
        }
        (Value::Array(old), Value::Array(new)) => {
            page.line(indent, name);
            return put_words(page, indent + 4, old, new);
        }
        _ => {}
    }
    let (old, new) = if is_full {
        (whole_old.text(), whole_new.text())
    } else {
        differing(&whole_old, &whole_new)
    };
    if n(&old) + n(&new) <= MAX_LINE {
        return page.line(indent, &one_line(old, new));
    }
    page.line(indent, name);
    page.put(indent + 4, Paint::Removed, format!("- {old}"));
    page.put(indent + 4, Paint::Added, format!("+ {new}"));
}

/// A value as a text between its marks, so that it can be cut and still has them.
struct Shown {
    body: String,
    mark: &'static str,
    /// The text itself is cut, not its spelling, which has escapes.
    is_text: bool,
}

impl Shown {
    fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self {
                body: text.clone(),
                mark: "\"",
                is_text: true,
            },
            value => Self {
                body: value.to_string(),
                mark: "",
                is_text: false,
            },
        }
    }

    fn spelled(&self, body: &str) -> String {
        if !self.is_text {
            return body.to_owned();
        }
        let spelled = Value::from(body).to_string();
        spelled[1..spelled.len() - 1].to_owned()
    }

    fn text(&self) -> String {
        let Self { body, mark, .. } = self;
        format!("{mark}{}{mark}", self.spelled(body))
    }

    /// Returns what stands between two numbers of characters, marked where something is left out.
    fn part(&self, from: usize, to: usize) -> String {
        let n_chars = n(&self.body);
        let part: String = self.body.chars().skip(from).take(to - from).collect();
        let n_more = n(&part).saturating_sub(MAX_SHOWN);
        let part: String = part.chars().take(MAX_SHOWN).collect();
        let before = if from > 0 { "…" } else { "" };
        let behind = if to < n_chars || n_more > 0 {
            "…"
        } else {
            ""
        };
        let Self { mark, .. } = self;
        let more = more(n_more);
        format!("{mark}{before}{}{behind}{mark}{more}", self.spelled(&part))
    }
}

/// Returns the parts of two values that differ, with a little of what both have around them.
fn differing(old: &Shown, new: &Shown) -> (String, String) {
    let (olds, news): (Vec<char>, Vec<char>) =
        (old.body.chars().collect(), new.body.chars().collect());
    let n_first = olds.iter().zip(&news).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&olds[n_first..], &news[n_first..]);
    let ends = old_rest.iter().rev().zip(new_rest.iter().rev());
    let n_last = ends.take_while(|(a, b)| a == b).count();
    let from = before(&olds[..n_first]);
    let to = n_last - around(&olds[olds.len() - n_last..]);
    (
        old.part(from, olds.len() - to),
        new.part(from, news.len() - to),
    )
}

/// Returns where the last characters of a text begin that are worth showing: at the first word of them, if there is one.
fn before(text: &[char]) -> usize {
    let Some(start) = text.len().checked_sub(MAX_AROUND) else {
        return 0;
    };
    let is_border = |c: &char| !c.is_alphanumeric();
    start + text[start..].iter().position(is_border).unwrap_or(0)
}

/// Returns how many of the first characters of a text are worth showing.
fn around(text: &[char]) -> usize {
    if text.len() < MAX_AROUND {
        return text.len();
    }
    let is_border = |c: &char| !c.is_alphanumeric();
    let border = text[..MAX_AROUND].iter().rposition(is_border);
    border.map_or(MAX_AROUND, |border| border + 1)
}

fn has_lines(text: &str) -> bool {
    text.trim_end().contains('\n')
}

/// Adds every word of two lists, a line each: those that go, those that come, and those that stay.
fn put_words(page: &mut Page, indent: usize, old: &[Value], new: &[Value]) {
    let n_first = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[n_first..], &new[n_first..]);
    let ends = old_rest.iter().rev().zip(new_rest.iter().rev());
    let n_last = ends.take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old.len() - n_last, new.len() - n_last);
    for (words, sign, paint) in [
        (&old[..n_first], ' ', Paint::Plain),
        (&old[n_first..old_end], '-', Paint::Removed),
        (&new[n_first..new_end], '+', Paint::Added),
        (&new[new_end..], ' ', Paint::Plain),
    ] {
        for word in words {
            let word = cut(Shown::of(word).text(), page.view.is_full);
            page.put(indent, paint, format!("{sign} {word}"));
        }
    }
}

/// Cuts a text that is long, and says how much of it is missing.
pub(in crate::apply) fn cut(text: String, is_full: bool) -> String {
    let n_more = n(&text).saturating_sub(MAX_SHOWN);
    if is_full || n_more == 0 {
        return text;
    }
    let start: String = text.chars().take(MAX_SHOWN).collect();
    format!("{start}…{}", more(n_more))
}

fn more(n_more: usize) -> String {
    match n_more {
        0 => String::new(),
        1 => " (1 more character)".to_owned(),
        n => format!(" ({n} more characters)"),
    }
}

fn n(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests;
