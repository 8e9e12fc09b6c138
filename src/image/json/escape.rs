//! JSON strings: decoding any spelling, and Go's own spelling for what we write.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write;

/// Returns the text of a valid JSON string with its quotes; lone surrogates become U+FFFD.
#[must_use]
pub fn decode(spelled: &str) -> Cow<'_, str> {
    let inner = &spelled[1..spelled.len() - 1];
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = rest.as_bytes()[at + 1];
        rest = &rest[at + 2..];
        match escape {
            b'b' => text.push('\u{8}'),
            b'f' => text.push('\u{c}'),
            b'n' => text.push('\n'),
            b'r' => text.push('\r'),
            b't' => text.push('\t'),
            b'u' => {
                let first = hex(rest);
                rest = &rest[4..];
                let low = rest
                    .strip_prefix("\\u")
                    .map(hex)
                    .filter(|low| (0xdc00..0xe000).contains(low));
                match (first, low) {
                    (0xd800..0xdc00, Some(low)) => {
                        rest = &rest[6..];
                        let code = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
                        text.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                    }
                    _ => text.push(char::from_u32(first).unwrap_or('\u{fffd}')),
                }
            }
            other => text.push(other.into()),
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Tells whether a valid JSON string with its quotes means `text`, looking no further than it has to.
pub(super) fn spells(spelled: &str, text: &str) -> bool {
    let inner = &spelled[1..spelled.len() - 1];
    match inner.len().cmp(&text.len()) {
        // Every escape is longer than what it stands for.
        Ordering::Less => false,
        Ordering::Equal => inner == text && !text.contains('\\'),
        Ordering::Greater => inner.contains('\\') && decode(spelled) == text,
    }
}

/// The four digits that a validated `\u` escape begins with.
fn hex(rest: &str) -> u32 {
    rest.get(..4)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .unwrap_or(0xfffd)
}

/// Returns `text` as a JSON string as Go's `encoding/json` (before 1.22) writes it, HTML escaping on.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len() + 2);
    spelled.push('"');
    for c in text.chars() {
        match c {
            '"' => spelled.push_str("\\\""),
            '\\' => spelled.push_str("\\\\"),
            '\n' => spelled.push_str("\\n"),
            '\r' => spelled.push_str("\\r"),
            '\t' => spelled.push_str("\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                push_escape(&mut spelled, c);
            }
            c => spelled.push(c),
        }
    }
    spelled.push('"');
    spelled
}

/// Returns a spelled string with `<`, `>`, `&` and the two line separators escaped, as Go's `json.Compact` does.
pub(super) fn html(spelled: &str) -> Cow<'_, str> {
    let is_html = |c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
    if !spelled.contains(is_html) {
        return Cow::Borrowed(spelled);
    }
    Cow::Owned(spelled.chars().fold(String::new(), |mut text, c| {
        if is_html(c) {
            push_escape(&mut text, c);
        } else {
            text.push(c);
        }
        text
    }))
}

fn push_escape(text: &mut String, c: char) {
    write!(text, "\\u{:04x}", u32::from(c)).expect("writing to a String succeeds");
}
