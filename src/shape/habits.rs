//! Values that are right, and probably not meant: shells and Dockerfiles read them in another way.

use super::decode::{Field, Problems};
use crate::problem::{NoteKind, quoted};

/// Programs that read a command themselves.
const SHELLS: [&str; 9] = [
    "sh",
    "ash",
    "bash",
    "busybox",
    "cmd",
    "dash",
    "powershell",
    "pwsh",
    "zsh",
];
/// Words that mean something to a shell alone.
const OPERATORS: [&str; 8] = ["&&", "||", "|", ";", ">", ">>", "<", "2>&1"];

/// Notes words of a command that only a shell would understand: an engine runs the list as it is
/// (image-spec config.md, `Entrypoint` and `Cmd`).
pub(crate) fn note_shell_form(items: &[Field<'_>], problems: &mut Problems) {
    let words: Vec<&str> = items
        .iter()
        .filter_map(|item| item.node.as_text())
        .collect();
    let Some(first) = words.first() else { return };
    if is_shell(first) || items.iter().any(|item| item.node.is_secret) {
        return;
    }
    if let ([word], [item]) = (&words[..], items)
        && word.trim().contains(char::is_whitespace)
        && !word.starts_with('/')
    {
        let split: Vec<String> = word
            .split_whitespace()
            .map(|word| format!("{word:?}"))
            .collect();
        let message = format!(
            "no shell splits {}; write `[{}]`, or `[\"/bin/sh\", \"-c\", {word:?}]`",
            quoted(word),
            split.join(", ")
        );
        return problems.note(item.node, NoteKind::ShellForm, message);
    }
    for item in items {
        let word = item.node.as_text().unwrap_or_default();
        let what = if OPERATORS.contains(&word) {
            format!("{} is an argument here", quoted(word))
        } else if let Some(variable) = variable_in(word) {
            format!("nothing expands {} here", quoted(variable))
        } else {
            continue;
        };
        let message =
            format!("{what}: no shell reads the list; `[\"/bin/sh\", \"-c\", \"…\"]` runs one");
        return problems.note(item.node, NoteKind::ShellForm, message);
    }
}

/// Notes a variable in the value of a variable: a build replaces it, an image has it as it is.
pub(super) fn note_unexpanded(name: &str, value: &Field<'_>, problems: &mut Problems) {
    let text = value.node.as_text().unwrap_or_default();
    let Some(variable) = variable_in(text).filter(|_| !value.node.is_secret) else {
        return;
    };
    let bare = variable
        .trim_start_matches(['$', '{'])
        .trim_end_matches('}');
    let message = if bare == name {
        format!(
            "nothing expands {} in a value; `prepend-env` and `append-env` keep what {} has",
            quoted(variable),
            quoted(name)
        )
    } else {
        format!(
            "nothing expands {} in a value: the image gets it as it is written",
            quoted(variable)
        )
    };
    problems.note(value.node, NoteKind::UnexpandedVariable, message);
}

fn is_shell(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    let name = name.strip_suffix(".exe").unwrap_or(name);
    SHELLS.contains(&name)
}

/// Returns the first `$NAME` or `${NAME}` of a text.
fn variable_in(text: &str) -> Option<&str> {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices('$').find_map(|(at, _)| {
        let rest = &text[at + 1..];
        let (braced, name) = match rest.strip_prefix('{') {
            Some(name) => (true, name),
            None => (false, rest),
        };
        let length = name.find(|c| !is_part(c)).unwrap_or(name.len());
        let is_name = name.starts_with(is_first);
        match braced {
            _ if !is_name => None,
            false => Some(&text[at..=at + length]),
            // `${NAME:-default}` too is one of a shell.
            true => name.find('}').map(|end| &text[at..=at + 2 + end]),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::variable_in;

    #[test]
    fn variables_are_those_of_a_shell() {
        for (text, expected) in [
            ("/opt/bin:$PATH", Some("$PATH")),
            ("${HOME}/bin", Some("${HOME}")),
            ("a${B:-c}d", Some("${B:-c}")),
            ("$$ $1 $ ${1} ${", None),
            ("é$é $a", Some("$a")),
            ("", None),
        ] {
            assert_eq!(variable_in(text), expected, "{text}");
        }
    }
}
