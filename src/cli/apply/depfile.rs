//! Rules for make: an output, and every file that it was made of.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// Returns a rule that makes `output` depend on `inputs`, and an empty rule for each of these: one that was removed since is no
/// missing target, as with `gcc -MP`. Inputs that make has no spelling for are left out, and a comment says how many.
pub(super) fn rules(output: &str, inputs: impl IntoIterator<Item = PathBuf>) -> String {
    let inputs: BTreeSet<PathBuf> = inputs.into_iter().collect();
    let spelled = inputs.iter().filter_map(|path| path.to_str());
    let spelled: Vec<&str> = spelled.filter(|name| has_spelling(name)).collect();
    let comment = match inputs.len() - spelled.len() {
        0 => String::new(),
        n => format!("# not listed: {n} with names that make cannot express\n"),
    };
    let needed: Vec<String> = spelled.iter().map(|name| prerequisite(name)).collect();
    let rule = format!("{}: {}\n", target(output), needed.join(" \\\n  "));
    let phony = spelled.iter().map(|name| format!("\n{}:\n", target(name)));
    [comment, rule].into_iter().chain(phony).collect()
}

/// Tells whether GNU make 4.3 can be given a name: it takes `;` and `|` for syntax however they are escaped, and `a(b)` for a
/// member of a library.
pub(super) fn has_spelling(name: &str) -> bool {
    let is_syntax = |c: char| matches!(c, ';' | '|') || c.is_control();
    let is_member = name.ends_with(')') && name.contains('(');
    !name.contains(is_syntax) && !is_member && !name.ends_with(['\\', ' '])
}

/// `%` is a pattern in a target, and nothing else.
fn target(name: &str) -> String {
    escaped(name, " #:*?[]%")
}

fn prerequisite(name: &str) -> String {
    escaped(name, " #:*?[]")
}

fn escaped(name: &str, special: &str) -> String {
    // A user's home directory otherwise.
    let mut text = String::from(if name.starts_with('~') { "./" } else { "" });
    let mut n_backslashes = 0;
    for c in name.chars() {
        if special.contains(c) {
            // Backslashes before an escaped character are escaped too, others are not.
            text += &"\\".repeat(n_backslashes + 1);
        }
        match c {
            '$' => text += "$$",
            // As it is, the line would set a variable.
            '=' => text += "$(or =)",
            c => text.push(c),
        }
        n_backslashes = if c == '\\' { n_backslashes + 1 } else { 0 };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{has_spelling, prerequisite, target};

    #[test]
    fn a_name_is_escaped_for_make() {
        for (name, escaped) in [
            ("a", "a"),
            ("a b", "a\\ b"),
            ("a\\ b", "a\\\\\\ b"),
            ("a\\b c", "a\\b\\ c"),
            ("a\\\\#", "a\\\\\\\\\\#"),
            ("~a", "./~a"),
            ("a$b", "a$$b"),
            ("a=b", "a$(or =)b"),
        ] {
            assert_eq!(target(name), escaped, "{name}");
            assert_eq!(prerequisite(name), escaped, "{name}");
        }
        assert_eq!((&*target("a%"), &*prerequisite("a%")), ("a\\%", "a%"));
    }

    #[test]
    fn a_name_that_make_takes_for_syntax_has_no_spelling() {
        for (name, has) in [
            ("a b", true),
            ("a)", true),
            ("a(b", true),
            ("(a)b", true),
            ("a(b)", false),
            ("a;b", false),
            ("a|b", false),
            ("a\tb", false),
            ("a\\", false),
            ("a ", false),
        ] {
            assert_eq!(has_spelling(name), has, "{name}");
        }
    }
}
