//! Values as YAML that readers of 1.1 and of 1.2 take for the same.

use std::fmt::Write;

use granit_parser::ScalarStyle;

use super::layout::Layout;
use super::scalar::resolve;
use crate::document::node::{Key, Kind, Node};

/// Returns a value that goes between brackets.
pub(super) fn flow(node: &Node) -> String {
    inline(node, None, true)
}

/// Returns a value on one line; a string keeps the quotes of the one that it replaces.
pub(super) fn inline(node: &Node, replaced: Option<ScalarStyle>, in_flow: bool) -> String {
    match &node.kind {
        Kind::Null => "null".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(spelled) | Kind::Other(spelled) => spelled.clone(),
        Kind::Text(text) => string(text, replaced, in_flow),
        Kind::List(items) => {
            let items: Vec<_> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Map(pairs) => {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(key, node)| flow_pair(key, node))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

pub(super) fn flow_pair(key: &Key, node: &Node) -> String {
    format!("{}: {}", self::key(key, true), flow(node))
}

fn key(key: &Key, in_flow: bool) -> String {
    let text = key.text();
    if is_plain(text, in_flow) && !text.contains(':') {
        text.to_owned()
    } else {
        quoted(text)
    }
}

fn string(text: &str, replaced: Option<ScalarStyle>, in_flow: bool) -> String {
    match replaced {
        Some(ScalarStyle::SingleQuoted) if text.chars().all(is_printable) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        Some(ScalarStyle::DoubleQuoted) => quoted(text),
        _ if is_plain(text, in_flow) => text.to_owned(),
        _ => quoted(text),
    }
}

/// Tells whether a value is written on lines of its own.
pub(super) fn is_block(node: &Node) -> bool {
    node.kind.children().next().is_some()
}

/// Returns the lines of a map or a list that has something in it, each with a line end; the first line has no indentation.
pub(super) fn block(node: &Node, indent: usize, layout: Layout) -> String {
    let lines = node.kind.children().map(|(key, node)| match key {
        Some(key) => pair(key, node, indent, layout),
        None => item(node, None, indent, layout),
    });
    lines.collect::<Vec<_>>().join(&" ".repeat(indent))
}

/// Returns an item with its dash, which is at the column `indent`; a string is quoted like the one before it.
pub(super) fn item(
    node: &Node,
    like: Option<ScalarStyle>,
    indent: usize,
    layout: Layout,
) -> String {
    if is_block(node) {
        format!("- {}", block(node, indent + 2, layout))
    } else {
        format!("- {}{}", inline(node, like, false), layout.newline)
    }
}

/// Returns a key and its value; the key is at the column `indent`.
pub(super) fn pair(key: &Key, node: &Node, indent: usize, layout: Layout) -> String {
    let (key, newline) = (self::key(key, false), layout.newline);
    if !is_block(node) {
        return format!("{key}: {}{newline}", inline(node, None, false));
    }
    let within = within(node, indent, layout);
    format!(
        "{key}:{newline}{}{}",
        " ".repeat(within),
        block(node, within, layout)
    )
}

/// Returns the column of the lines of a value, given that of its key.
pub(super) fn within(node: &Node, indent: usize, layout: Layout) -> usize {
    match node.kind {
        Kind::List(_) => indent + layout.list_step,
        _ => indent + layout.step,
    }
}

/// Returns the lines of a literal scalar after its first header, if it can say the text.
pub(super) fn literal(text: &str, indent: usize, newline: &str) -> Option<String> {
    let (lines, header) = match text.strip_suffix('\n') {
        Some(lines) => (lines, "|"),
        None => (text, "|-"),
    };
    let starts_well = !lines.starts_with([' ', '\t', '\n'])
        && !lines.ends_with('\n')
        && lines.contains(|c: char| !c.is_whitespace());
    let fits = |c: char| c == '\n' || c == '\t' || is_printable(c);
    if !text.contains('\n') || !starts_well || !text.chars().all(fits) {
        return None;
    }
    let mut spelled = header.to_owned();
    for line in lines.split('\n') {
        spelled.push_str(newline);
        if !line.is_empty() {
            write!(spelled, "{:indent$}{line}", "").expect("writing to a String succeeds");
        }
    }
    Some(spelled)
}

/// Tells whether a string may be written without quotes.
fn is_plain(text: &str, in_flow: bool) -> bool {
    let starts =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '.' | '$' | '(' | '+' | '^');
    let mut chars = text.chars();
    let starts_well = match (chars.next(), chars.next()) {
        (Some('-'), Some(second)) => {
            !text.starts_with("---") && (second.is_alphanumeric() || second == '-')
        }
        (Some(first), _) => starts(first),
        (None, _) => false,
    };
    let fits = |c: char| {
        c.is_alphanumeric()
            || " _-./()+$^;~=@%<>*&!?|'\"\\`#:".contains(c)
            || (!in_flow && ",[]{}".contains(c))
    };
    let has_mark = text.contains(" #")
        || text.contains(": ")
        || text.ends_with([':', ' '])
        || (in_flow && text.contains([':', '?']));
    starts_well
        && !text.starts_with("...")
        && text.chars().all(fits)
        && !has_mark
        && matches!(resolve(text), Kind::Text(_))
}

/// Tells whether a character may be in a scalar as it is, on one line (YAML 1.2.2, section 5.1).
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// Returns a string in double quotes, with escapes that YAML shares with JSON.
fn quoted(text: &str) -> String {
    let mut spelled = String::from('"');
    for c in text.chars() {
        match c {
            '"' => spelled.push_str("\\\""),
            '\\' => spelled.push_str("\\\\"),
            '\n' => spelled.push_str("\\n"),
            '\r' => spelled.push_str("\\r"),
            '\t' => spelled.push_str("\\t"),
            c if is_printable(c) => spelled.push(c),
            c => write!(spelled, "\\u{:04x}", u32::from(c)).expect("writing to a String succeeds"),
        }
    }
    spelled.push('"');
    spelled
}

#[cfg(test)]
mod tests {
    use super::{is_plain, is_printable, literal, quoted};

    #[test]
    fn a_literal_says_lines_or_is_none() {
        for (text, expected) in [
            ("a\nb\n", Some("|\n  a\n  b")),
            ("a\nb", Some("|-\n  a\n  b")),
            ("a\n\n\tb\n", Some("|\n  a\n\n  \tb")),
            ("a\n", Some("|\n  a")),
            ("a", None),
            ("", None),
            ("\n", None),
            (" a\nb\n", None),
            ("\ta\nb\n", None),
            ("\na\n", None),
            ("a\n\n", None),
            ("a\n\n\n", None),
            ("a\r\nb\n", None),
            ("a\u{7f}\nb\n", None),
            ("\u{a0}\n\u{a0}\n", None),
        ] {
            assert_eq!(literal(text, 2, "\n").as_deref(), expected, "{text:?}");
        }
        assert_eq!(literal("a\nb\n", 1, "\r\n").unwrap(), "|\r\n a\r\n b");
    }

    #[test]
    fn what_every_reader_takes_for_a_string_needs_no_quotes() {
        for (text, in_block, in_flow) in [
            ("a", true, true),
            ("é", true, true),
            ("a b", true, true),
            ("_a", true, true),
            ("/a", true, true),
            (".a", true, true),
            ("$(a)", true, true),
            ("(a)", true, true),
            ("+a", true, true),
            ("^a", true, true),
            ("-a", true, true),
            ("--a", true, true),
            ("a#b", true, true),
            ("a:b", true, false),
            ("a?b", true, false),
            ("a,b", true, false),
            ("a[b", true, false),
            ("a]b", true, false),
            ("a{b", true, false),
            ("a}b", true, false),
            ("a: b", false, false),
            ("a #b", false, false),
            ("a:", false, false),
            ("a ", false, false),
            ("", false, false),
            (" a", false, false),
            ("-", false, false),
            ("- a", false, false),
            ("-,", false, false),
            ("---", false, false),
            ("---a", false, false),
            ("...", false, false),
            ("...a", false, false),
            ("#a", false, false),
            ("*a", false, false),
            ("&a", false, false),
            ("!a", false, false),
            ("%a", false, false),
            ("@a", false, false),
            ("`a", false, false),
            ("?a", false, false),
            ("a\tb", false, false),
            ("a\nb", false, false),
            ("1", false, false),
            ("true", false, false),
            ("no", false, false),
            ("null", false, false),
        ] {
            assert_eq!(is_plain(text, false), in_block, "{text:?}");
            assert_eq!(
                is_plain(text, true),
                in_flow,
                "{text:?} in a flow collection"
            );
        }
    }

    #[test]
    fn what_cannot_be_printed_is_an_escape() {
        assert_eq!(
            quoted("\"\\\n\r\t é\u{7f}\u{85}\u{2028}\u{feff}\u{1f600}"),
            "\"\\\"\\\\\\n\\r\\t é\\u007f\\u0085\\u2028\\ufeff\u{1f600}\""
        );
        for c in [
            ' ',
            '~',
            '\u{a0}',
            '\u{2027}',
            '\u{202a}',
            '\u{fffd}',
            '\u{10000}',
        ] {
            assert!(is_printable(c), "{c:?}");
        }
        for c in [
            '\t', '\u{1f}', '\u{7f}', '\u{9f}', '\u{2028}', '\u{2029}', '\u{feff}', '\u{fffe}',
        ] {
            assert!(!is_printable(c), "{c:?}");
        }
    }
}
