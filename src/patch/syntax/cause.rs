//! Why a text is not YAML, where the lines around the parser's place tell more than the parser does.

use std::ops::Range;

use super::scan::{column, levels_above, seen_before};
use crate::problem::{line_after, quoted};
use crate::shape::spaced;

/// A mistake: what to mark, what is wrong, and what to do.
#[derive(Debug)]
pub(super) struct Cause {
    pub(super) place: Range<usize>,
    pub(super) message: String,
    pub(super) help: String,
}

/// Returns the cause of what the parser said about `place`.
pub(super) fn cause(said: &str, place: &Range<usize>, text: &str) -> Option<Cause> {
    if said.contains("alias") || said.contains("anchor") {
        return alias(place, text);
    }
    if said.contains("trailing content after") {
        return quote(place, text);
    }
    if said.contains("tab") {
        return tab(place, text);
    }
    let is_flow = [
        "only valid inside a block",
        "flow mapping",
        "flow sequence",
        "placement of ':'",
    ];
    if is_flow.iter().any(|words| said.contains(words)) {
        return bracket(place, text);
    }
    let is_block = [
        "mapping values are not allowed",
        "did not find expected key",
        "did not find expected '-' indicator",
        "simple key expected",
    ];
    if is_block.iter().any(|words| said.contains(words)) {
        return indentation(place, text).or_else(|| no_space(place, text));
    }
    None
}

/// A pattern such as `*.vendor` is an alias to YAML.
pub(super) fn alias(place: &Range<usize>, text: &str) -> Option<Cause> {
    let (line, _) = line_at(text, place.start);
    let rest = text.get(place.start..line.end)?;
    let means = match rest.chars().next()? {
        '*' => "an alias",
        '&' => "an anchor",
        _ => return None,
    };
    let end = rest.find([' ', ',', ']', '}', '\t']).unwrap_or(rest.len());
    let word = &rest[..end];
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut anchors = text.match_indices('&');
    let has_anchors = anchors.any(|(at, _)| text[at + 1..].starts_with(is_name));
    if has_anchors && word.len() > 1 && word[1..].chars().all(is_name) {
        return None;
    }
    Some(Cause {
        place: place.start..place.start + end,
        message: format!(
            "{} starts with `{}`, which means {means} in YAML",
            quoted(word),
            &word[..1]
        ),
        help: format!("quote it: `'{word}'`"),
    })
}

/// A quoted string ends where it should not.
fn quote(place: &Range<usize>, text: &str) -> Option<Cause> {
    let found = seen_before(text, place.start).quoted?;
    if !text.get(found.end..place.start)?.trim().is_empty() {
        return None;
    }
    let (line, first) = line_at(text, found.start);
    let last = line_after(&text.as_bytes()[..found.end]);
    let quote = &text[found.start..=found.start];
    if first == last {
        let help = if quote == "'" {
            "write `''` for a `'` inside single quotes, or use double quotes"
        } else {
            "write `\\\"` for a `\"` inside double quotes, or use single quotes"
        };
        return Some(Cause {
            place: found.start..place.end,
            message: "text follows the end of a quoted string".to_owned(),
            help: help.to_owned(),
        });
    }
    Some(Cause {
        place: found.start..line.end,
        message: format!("the quote is not closed on its line; it ends on line {last}"),
        help: format!("close it with `{quote}`"),
    })
}

/// A list or map in brackets goes on over lines that are not meant to be in it.
fn bracket(place: &Range<usize>, text: &str) -> Option<Cause> {
    let start = *seen_before(text, place.start).brackets.last()?;
    let (line, first) = line_at(text, start);
    if first == line_after(&text.as_bytes()[..place.start]) {
        return None;
    }
    let close = if text[start..].starts_with('[') {
        ']'
    } else {
        '}'
    };
    Some(Cause {
        place: start..line.end,
        message: "the bracket is never closed".to_owned(),
        help: format!("close it with `{close}`"),
    })
}

/// A tab among the spaces that indent a line.
fn tab(place: &Range<usize>, text: &str) -> Option<Cause> {
    let (line, _) = line_at(text, place.start);
    let mut start = line.start;
    for line in text[line.start..].split_inclusive('\n').take(2) {
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        if let Some(at) = indent.find('\t') {
            return Some(Cause {
                place: start + at..start + at + 1,
                message: "found a tab where YAML expects spaces".to_owned(),
                help: "indent with spaces".to_owned(),
            });
        }
        start += line.len();
    }
    None
}

/// `key:value` on the line or the one above it.
fn no_space(place: &Range<usize>, text: &str) -> Option<Cause> {
    let (here, number) = line_at(text, place.start);
    let above = text[..here.start].trim_end_matches(['\n', '\r']);
    let above = line_at(text, above.len()).0;
    let lines = [here, above];
    let lines = &lines[..if number == 1 { 1 } else { 2 }];
    lines.iter().find_map(|line| {
        let whole = &text[line.clone()];
        let content = whole.trim_start_matches([' ', '-']);
        let spaced = spaced(content)?;
        let start = line.end - content.len();
        Some(Cause {
            place: start..line.end,
            message: "found no space after the `:`".to_owned(),
            help: format!("write `{spaced}`"),
        })
    })
}

/// A line that is indented a little more or less than the one that it belongs to.
fn indentation(place: &Range<usize>, text: &str) -> Option<Cause> {
    let (line, number) = line_at(text, place.start);
    let content = &text[line.clone()];
    let (found, word) = (column(content), content.trim_start_matches(' '));
    let is_item = word.starts_with("- ") || word == "-";
    if word.is_empty() || !is_item && !word.contains(':') {
        return None;
    }
    let levels = levels_above(text, number - 1);
    // The first line of a value may be indented by any number of spaces.
    let above = text[..line.start].lines().rev();
    let above = above.map(|line| line.split(" #").next().unwrap_or_default().trim());
    let opens = above
        .into_iter()
        .find(|line| !line.is_empty() && !line.starts_with('#'));
    let innermost = levels.last().map_or(0, |level| level.column);
    if opens.is_some_and(|line| line.ends_with(':')) && found > innermost {
        return None;
    }
    if !is_item
        && levels
            .iter()
            .any(|level| level.is_item && level.column == found)
    {
        return Some(Cause {
            place: line.start + found..line.end.min(place.end.max(line.start + found + 1)),
            message: "found a key where the list expects its next `- ` item".to_owned(),
            help: format!("start it with `- `: `- {}`", key_of(word)),
        });
    }
    let levels = levels.iter().filter(|level| level.is_item == is_item);
    let nearest =
        levels.min_by_key(|level| (level.column.abs_diff(found), usize::MAX - level.column))?;
    if nearest.column == found || nearest.column.abs_diff(found) > MAX_SLIP {
        return None;
    }
    let shown = if is_item {
        "the item".to_owned()
    } else {
        quoted(key_of(word))
    };
    let spaces = |n: usize| format!("{n} space{}", if n == 1 { "" } else { "s" });
    let to = nearest.line + 1;
    Some(Cause {
        place: line.start + found..line.end.min(place.end.max(line.start + found + 1)),
        message: format!(
            "{shown} is indented by {}, line {to} by {}",
            spaces(found),
            nearest.column
        ),
        help: format!(
            "align it with line {to}: indent it by {}",
            spaces(nearest.column)
        ),
    })
}

fn key_of(line: &str) -> &str {
    line.split(':').next().unwrap_or_default()
}

/// A line that is off by more than this belongs elsewhere. In columns.
const MAX_SLIP: usize = 3;

/// Returns the line that a byte is on, without its end, and its number from 1.
fn line_at(text: &str, at: usize) -> (Range<usize>, usize) {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    let length = text[start..end].trim_end_matches('\r').len();
    (start..start + length, line_after(&text.as_bytes()[..start]))
}

#[cfg(test)]
mod tests {
    use super::cause;

    /// What is marked, what is said of it, and what helps; `|` is the parser's place.
    fn told(said: &str, text: &str) -> Option<[String; 3]> {
        let at = text.find('|').expect("the place is marked");
        let text = text.replacen('|', "", 1);
        let end = text[at..].find(' ').map_or(text.len(), |end| at + end);
        let cause = cause(said, &(at..end), &text)?;
        Some([text[cause.place].to_owned(), cause.message, cause.help])
    }

    #[test]
    fn the_cause_is_what_the_lines_around_tell() {
        let second_colon = "mapping values are not allowed in this context";
        let in_flow = "did not find expected ',' or ']' while parsing a flow sequence";
        let trailing = "found trailing content after a quoted scalar";
        let (none, tab, alias) = ("", "found a tab character", "unknown alias");
        #[rustfmt::skip]
        let rows = [
            (none, "a: |*b", None),
            // The first line of a value may be indented by any number of spaces.
            (second_colon, "a:\n  b: c|: d", None),
            (second_colon, "a:\n\n  # e\n  b: c|: d", None),
            (second_colon, "a:\n  b: 1\n   |c: 2", Some(["c:", "`c` is indented by 3 spaces, line 2 by 2", "align it with line 2: indent it by 2 spaces"])),
            (second_colon, "a:\n  b: 1\n |c: 2", Some(["c:", "`c` is indented by 1 space, line 2 by 2", "align it with line 2: indent it by 2 spaces"])),
            (second_colon, "a:\n  - b\n   |- c", Some(["-", "the item is indented by 3 spaces, line 2 by 2", "align it with line 2: indent it by 2 spaces"])),
            (second_colon, "a:\n  - b:\n    |- c", Some(["-", "the item is indented by 4 spaces, line 2 by 2", "align it with line 2: indent it by 2 spaces"])),
            (second_colon, "a:\n  - b: 1\n  |c: 2", Some(["c:", "found a key where the list expects its next `- ` item", "start it with `- `: `- c`"])),
            (second_colon, "a: 1\n   |b: 2", Some(["b:", "`b` is indented by 3 spaces, line 1 by 0", "align it with line 1: indent it by 0 spaces"])),
            // The parser may mean a place in front of the key.
            (second_colon, "a:\n  b: 1\n|   c: 2", Some(["c", "`c` is indented by 3 spaces, line 2 by 2", "align it with line 2: indent it by 2 spaces"])),
            (second_colon, "a:\n  - b: 1\n|  c: 2", Some(["c", "found a key where the list expects its next `- ` item", "start it with `- `: `- c`"])),
            // More than a slip.
            (second_colon, "a: 1\n    |b: 2", None),
            (second_colon, "a: 1\n|b: 2", None),
            (second_colon, "a: 1\n  |b", None),
            (second_colon, "a:b|: c", Some(["a:b: c", "found no space after the `:`", "write `a: b: c`"])),
            (second_colon, "- a:b\r\n  |c: d", Some(["a:b", "found no space after the `:`", "write `a: b`"])),
            (second_colon, "a:b\n\n\nd: e\n|c: d", None),
            (in_flow, "a: [b\n|c: d", Some(["[b", "the bracket is never closed", "close it with `]`"])),
            (in_flow, "a: { b\nc: d\n|e", Some(["{ b", "the bracket is never closed", "close it with `}`"])),
            (in_flow, "a: [b |c: d", None),
            (in_flow, "a: b\n|c", None),
            (trailing, "a: 'b' |c d", Some(["'b' c", "text follows the end of a quoted string", "write `''` for a `'` inside single quotes, or use double quotes"])),
            (trailing, "a: \"b\" |c", Some(["\"b\" c", "text follows the end of a quoted string", "write `\\\"` for a `\"` inside double quotes, or use single quotes"])),
            (trailing, "a: 'b\nc: '|d'", Some(["'b", "the quote is not closed on its line; it ends on line 2", "close it with `'`"])),
            (trailing, "a: 'b'\nc: |d", None),
            (trailing, "a: |d", None),
            (tab, "a:\n \t |b: c", Some(["\t", "found a tab where YAML expects spaces", "indent with spaces"])),
            (tab, "a:|\n\tb: c", Some(["\t", "found a tab where YAML expects spaces", "indent with spaces"])),
            (tab, "a:|\n b: c\n\td", None),
            (tab, "a:\t|b", None),
            (alias, "a: [|*.b, c]", Some(["*.b", "`*.b` starts with `*`, which means an alias in YAML", "quote it: `'*.b'`"])),
            ("anchor", "a: |&", Some(["&", "`&` starts with `&`, which means an anchor in YAML", "quote it: `'&'`"])),
            (alias, "a: |*b", Some(["*b", "`*b` starts with `*`, which means an alias in YAML", "quote it: `'*b'`"])),
            // An alias that somebody means, since there are anchors.
            (alias, "a: &_1 b\nc: |*b-1\n", None),
            (alias, "a: &_1 b\nc: |*\n", Some(["*", "`*` starts with `*`, which means an alias in YAML", "quote it: `'*'`"])),
            (alias, "a: &_1 b\nc: |*b.c\n", Some(["*b.c", "`*b.c` starts with `*`, which means an alias in YAML", "quote it: `'*b.c'`"])),
            (alias, "a: |b", None),
        ];
        for (said, text, wanted) in rows {
            let wanted = wanted.map(|texts| texts.map(str::to_owned));
            assert_eq!(told(said, text), wanted, "{text}");
        }
    }
}
