//! Texts as scalars of YAML that every reader takes for the same text.

use crate::printable;

/// Plain words that some reader of YAML takes for something else than a text.
const OTHER_TYPES: [&str; 11] = [
    "y", "n", "yes", "no", "true", "false", "on", "off", "null", "nan", "inf",
];

/// Returns a text as YAML, with `${` as what stands for these characters.
pub(super) fn scalar(text: &str) -> String {
    let text = text.replace("${", "$${");
    if is_plain(&text) {
        return text;
    }
    let is_visible = |c: char| c != '\'' && printable::is_visible(c);
    if text.contains('\\') && text.chars().all(is_visible) && !has_command(&text) {
        // A regular expression is read as it is.
        return format!("'{text}'");
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if !printable::is_visible(c) => quoted.push_str(&code_point(c)),
            '[' if printable::begins_command(&quoted) => quoted.push_str(&code_point('[')),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Tells whether a text needs no quotes: no reader of YAML takes it for anything else, in a list or out of it.
fn is_plain(text: &str) -> bool {
    let word = text.strip_prefix("--").or_else(|| text.strip_prefix('-'));
    let first = word.unwrap_or(text).chars().next();
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "_./@+=-".contains(c);
    let mut words = text.split(' ');
    let is_start = |c: char| match c {
        '_' | '/' => word.is_none(),
        // With a letter that is in no number, as in `30s` and `80/tcp`.
        '0'..='9' => {
            word.is_none() && text.contains(|c| ('g'..='z').contains(&c) && !"ox".contains(c))
        }
        c => c.is_ascii_alphabetic(),
    };
    first.is_some_and(is_start)
        && words.all(|word| !word.is_empty() && word.chars().all(is_inner))
        && !OTHER_TYPES.contains(&text.to_ascii_lowercase().as_str())
}

/// A character as double-quoted YAML escapes it.
fn code_point(c: char) -> String {
    match u32::from(c) {
        code @ ..=0xff => format!("\\x{code:02x}"),
        code @ ..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

/// Tells whether a CI runner could take something in a text for a command: GitHub's looks for `::` behind blanks too.
pub(super) fn has_command(text: &str) -> bool {
    let mut brackets = text.match_indices('[');
    brackets.any(|(at, _)| printable::begins_command(&text[..at]))
        || text.lines().any(|line| line.trim_start().starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::{has_command, scalar};

    #[test]
    fn what_a_runner_takes_for_a_command_is_known() {
        for (text, is_command) in [
            ("::set-env", true),
            ("a\n \t::set-env", true),
            ("##[error]", true),
            ("a\n##[error]", true),
            ("a::b", false),
            (":a", false),
            ("[a]", false),
            ("", false),
        ] {
            assert_eq!(has_command(text), is_command, "{text}");
        }
    }

    #[test]
    fn what_could_be_no_text_is_quoted() {
        for (text, written) in [
            ("abc", "abc"),
            ("-v", "-v"),
            ("--flag=x", "--flag=x"),
            ("/bin/app", "/bin/app"),
            ("Ann Example", "Ann Example"),
            ("org.example/a-b_c@d", "org.example/a-b_c@d"),
            ("1m30s", "1m30s"),
            ("80/tcp", "80/tcp"),
            ("", "\"\""),
            ("0x1f", "\"0x1f\""),
            ("1e5", "\"1e5\""),
            ("1.10", "\"1.10\""),
            ("NO", "\"NO\""),
            ("NULL", "\"NULL\""),
            ("~", "\"~\""),
            (".inf", "\".inf\""),
            ("-1", "\"-1\""),
            ("---", "\"---\""),
            ("-", "\"-\""),
            ("app:2", "\"app:2\""),
            (" a", "\" a\""),
            ("a  b", "\"a  b\""),
            ("a #b", "\"a #b\""),
            ("a\n b\t", "\"a\\n b\\t\""),
            ("\"\\", "'\"\\'"),
            ("\\'", "\"\\\\'\""),
            ("a${b}", "\"a$${b}\""),
            ("##[a]", "\"##\\x5ba]\""),
            ("x: [a]", "\"x: [a]\""),
            (
                "\u{1b}\u{85}\u{2028}é\u{feff}",
                "\"\\x1b\\x85\\u2028é\\ufeff\"",
            ),
        ] {
            assert_eq!(scalar(text), written);
        }
    }
}
