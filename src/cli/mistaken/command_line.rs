//! The command line as it was typed, with some words replaced.

use std::ffi::{OsStr, OsString};

use crate::printable;

/// Options whose values may be secrets.
const SECRET: &str = "--arg";

/// Returns the command line with other words for those that `replace` knows; values of args are left out.
pub(in crate::cli) fn retyped(replace: impl Fn(&OsStr) -> Option<OsString>) -> String {
    let words = typed().into_iter();
    let words: Vec<OsString> = words.map(|word| replace(&word).unwrap_or(word)).collect();
    spelled(&words)
}

/// Returns the command line with another output, and in this form, if there is one.
pub(in crate::cli) fn with_output(output: &str, form: Option<&str>) -> String {
    let mut words: Vec<OsString> = Vec::new();
    let mut typed = typed().into_iter();
    while let Some(word) = typed.next() {
        let text = word.to_string_lossy();
        let is_form = form.is_some() && text.starts_with("--to");
        if matches!(&*text, "-o" | "--output") || is_form && text == "--to" {
            typed.next();
        } else if !is_form && !text.starts_with("-o") && !text.starts_with("--output=") {
            words.push(word);
        }
    }
    if let Some(form) = form {
        words.extend(["--to".into(), form.into()]);
    }
    words.extend(["-o".into(), output.into()]);
    spelled(&words)
}

/// Returns the words behind the name of the program.
pub(in crate::cli) fn typed() -> Vec<OsString> {
    std::env::args_os().skip(1).collect()
}

/// Returns words as a shell takes them, behind the name of the program.
pub(in crate::cli) fn spelled(words: &[OsString]) -> String {
    let mut line = "ocipatch".to_owned();
    let mut is_secret = false;
    for word in words {
        let text = printable::path(word);
        let hidden = if is_secret {
            text.split_once('=').map(|(name, _)| name)
        } else {
            text.strip_prefix(SECRET)
                .and_then(|rest| rest.strip_prefix('='))
                .and_then(|pair| pair.split_once('='))
                .map(|(name, _)| &text[..SECRET.len() + 1 + name.len()])
        };
        is_secret = word == SECRET;
        line.push(' ');
        line.push_str(&quoted(hidden.unwrap_or(&text)));
        if hidden.is_some() {
            line.push_str("=…");
        }
    }
    line
}

/// Returns a word in quotes where a shell would see more in it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::spelled;

    #[test]
    fn words_are_spelled_for_a_shell_and_values_of_args_are_left_out() {
        for (words, line) in [
            (
                &["plan", "a b.yaml", "it's.tar"][..],
                r"plan 'a b.yaml' 'it'\''s.tar'",
            ),
            (
                &["apply", "--arg", "TOKEN=x", "fix.yaml"],
                "apply --arg TOKEN=… fix.yaml",
            ),
            (
                &["apply", "--arg=TOKEN=x=y", "--arg"],
                "apply --arg=TOKEN=… --arg",
            ),
            (&["cat", "", "--arg", "none"], "cat '' --arg none"),
        ] {
            let words: Vec<_> = words.iter().map(Into::into).collect();
            assert_eq!(spelled(&words), format!("ocipatch {line}"));
        }
    }
}
