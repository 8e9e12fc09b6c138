//! Strings, lists of them, and maps of them.

use std::collections::HashSet;

use serde_json::json;

use super::Shape;
use super::decode::{Field, Problems};
use super::definitions::{Keys, list, map_of, shape, string_like};
use super::habits::{note_shell_form, note_unexpanded};
use super::node::{Node, Value};
use crate::problem::{Code, Problem, quoted};

shape! {
    /// A string; plain scalars are taken literally
    pub(crate) struct Text("Text") -> String {
        |_| json!({ "type": ["string", "number", "boolean"] }),
        |field, problems| Some(field.text(problems)?.to_owned())
    }
}

shape! {
    /// A string without a NUL byte, which no argument of a process can have.
    pub(crate) struct PlainText like Text, -> String {
        |field, problems| plain(field, field.text(problems)?, problems)
    }
}

shape! {
    /// A non-empty string; plain scalars are taken literally
    pub(crate) struct SomeText("SomeText") -> String {
        |_| json!({ "type": ["string", "number", "boolean"], "minLength": 1 }),
        |field, problems| plain(field, field.some_text(problems)?, problems)
    }
}

shape! {
    /// A non-empty string that is no secret.
    pub(crate) struct Word like SomeText, -> String {
        |field, problems| Some(field.some_word(problems)?.to_owned())
    }
}

shape! {
    /// Words, one per argument
    pub(crate) struct Words("Words") -> Vec<String> { list::<Text>, words }
}

shape! {
    /// Dockerfile instructions, except `FROM`, `MAINTAINER` and `ONBUILD`
    pub(crate) struct Instructions("Instructions") -> Vec<String> {
        |_| json!({
            "type": "array",
            "minItems": 1,
            "items": string_like(
                "^(?!\\s*([fF][rR][oO][mM]|[mM][aA][iI][nN][tT][aA][iI][nN][eE][rR]|[oO][nN][bB][uU][iI][lL][dD])(\\s|$))[\\s\\S]",
                "an instruction other than `FROM`, `MAINTAINER` and `ONBUILD`, as in `RUN make`",
            ),
        }),
        instructions
    }
}

shape! {
    /// Labels by key
    pub(crate) struct Labels("Labels") -> Vec<(String, String)> {
        |definitions| map_of::<Text>(KEY, definitions),
        |field, problems| map(field, |key| bad_key("label", Code::InvalidLabelKey, key), problems)
    }
}

shape! {
    /// Annotations by key.
    pub(crate) struct AnnotationMap like Labels, -> Vec<(String, String)> {
        |field, problems| {
            map(field, |key| bad_key("annotation", Code::InvalidAnnotationKey, key), problems)
        }
    }
}

/// The key of a label or annotation.
const KEY: Keys = Keys {
    word: "key",
    pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
    message: "write a key without control characters, as in `org.example.key`",
};
/// The name of an environment variable.
pub(crate) const VARIABLE: Keys = Keys {
    word: "NAME",
    pattern: "^[^=\\u0000-\\u001f\\u007f-\\u009f]+$",
    message: "write the name of a variable, without `=` and control characters",
};

shape! {
    /// Values of environment variables by name
    pub(crate) struct Variables("Variables") -> Vec<(String, String)> {
        |definitions| map_of::<Text>(VARIABLE, definitions),
        variables
    }
}

/// A list of texts of which some may be empty, as arguments of a program may be.
fn words(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let help = "write at least one word; to have none, write `unset` with the name of the field";
    let is_line = |text: &&str| text.trim().contains(' ') && text.len() < 80;
    if let Some(text) = field.node.as_text().filter(is_line)
        && !field.node.is_secret
    {
        let words = text.split_whitespace().map(|word| format!("{word:?}"));
        let words: Vec<String> = words.collect();
        let help = format!(
            "write the words one by one, as in `[{}]`; for a shell, `[\"/bin/sh\", \"-c\", {text:?}]`",
            words.join(", ")
        );
        problems.add(field.wrong_type("a list").with_help(help));
        return None;
    }
    let items = field.items(help, problems)?;
    note_shell_form(&items, problems);
    let words = items.iter().filter_map(|item| {
        let text = item.text(problems)?;
        plain(item, text, problems)
    });
    Some(words.collect())
}

/// A list of distinct texts, each read by `read`.
pub(crate) fn distinct(
    field: &Field<'_>,
    example: &str,
    problems: &mut Problems,
    read: impl Fn(&Field<'_>, &mut Problems) -> Option<Vec<String>>,
) -> Option<Vec<String>> {
    let help = format!("write at least one, as in `[{example}]`");
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for item in field.items(&help, problems)? {
        for text in read(&item, problems).unwrap_or_default() {
            if seen.insert(text.clone()) {
                found.push(text);
            } else {
                let message = format!("{} has {} twice", field.name, quoted(&text));
                problems.add(item.problem(Code::RepeatedItem, message));
            }
        }
    }
    Some(found)
}

/// Instructions for a build on top; Docker allows all but three.
fn instructions(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let help = "write at least one instruction, as in `[\"RUN make\"]`";
    let items = field.items(help, problems)?;
    let mut instructions = Vec::new();
    for item in &items {
        let Some(text) = SomeText::decode(item, problems) else {
            continue;
        };
        let first = text.split_whitespace().next().unwrap_or_default();
        if ["FROM", "MAINTAINER", "ONBUILD"].contains(&first.to_uppercase().as_str()) {
            let message = format!("{} is not allowed in ONBUILD", quoted(first));
            problems.add(item.problem(Code::InvalidValue, message));
        } else {
            instructions.push(text);
        }
    }
    Some(instructions)
}

/// A map of texts whose keys `check` allows.
fn map(
    field: &Field<'_>,
    check: impl Fn(&str) -> Option<(Code, String)>,
    problems: &mut Problems,
) -> Option<Vec<(String, String)>> {
    let help = match assignment(field.node) {
        Some((key, value)) => format!("write `{{ {key}: {value} }}`"),
        None => "write at least one `key: value`".to_owned(),
    };
    let entries = field.entries(&help, problems)?;
    let mut map = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if let Some((code, message)) = check(key) {
            let address = value.address.clone().on_key();
            problems.add(Problem::new(code, address, message));
        }
        if let Some(text) = value.text(problems) {
            map.push((key.to_owned(), text.to_owned()));
        }
    }
    Some(map)
}

/// The first `KEY=VALUE` of what stands where a map is wanted, as other tools take it.
fn assignment(node: &Node) -> Option<(&str, &str)> {
    let item = match &node.value {
        Value::List(items) => items.first()?,
        _ => node,
    };
    let text = item.as_text().filter(|_| !item.is_secret)?;
    let is_word = |text: &&str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
        !text.is_empty() && text.chars().all(is_plain)
    };
    let (key, value) = text.split_once('=')?;
    Some((key, value)).filter(|(key, value)| is_word(key) && is_word(value))
}

fn variables(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<(String, String)>> {
    let variables = map(field, bad_name, problems)?;
    for (name, value) in &variables {
        if value.contains('\0') {
            let address = field.address.clone().key(name);
            let message = format!("the value of `{name}` has a NUL byte");
            problems.add(Problem::new(Code::InvalidValue, address, message));
        }
        if let Some(value) = field.value_of(name) {
            note_unexpanded(name, &value, problems);
        }
    }
    Some(variables)
}

/// What is wrong with the key of a label or annotation.
fn bad_key(thing: &str, code: Code, key: &str) -> Option<(Code, String)> {
    let article = if thing.starts_with('a') { "an" } else { "a" };
    if key.is_empty() {
        return Some((code, format!("{article} {thing} key is empty")));
    }
    let message = format!("the {thing} key {} has a control character", quoted(key));
    key.chars().any(char::is_control).then_some((code, message))
}

pub(crate) fn bad_name(name: &str) -> Option<(Code, String)> {
    if name.is_empty() {
        return Some((
            Code::InvalidEnvName,
            "the name of a variable is empty".to_owned(),
        ));
    }
    let message = format!(
        "the name {} has a `=`, NUL or control character",
        quoted(name)
    );
    name.contains(|c: char| c == '=' || c.is_control())
        .then_some((Code::InvalidEnvName, message))
}

/// No argument, name or path of a process can hold a NUL byte.
pub(crate) fn plain(field: &Field<'_>, text: &str, problems: &mut Problems) -> Option<String> {
    if text.contains('\0') {
        let message = format!("{} has a NUL byte", field.name);
        problems.add(field.problem(Code::InvalidValue, message));
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{assignment, bad_key, bad_name};
    use crate::problem::Code;
    use crate::shape::node;

    #[test]
    fn a_pair_is_seen_as_other_tools_take_it() {
        for (yaml, expected) in [
            ("A=b", Some(("A", "b"))),
            ("[A=b, C=d]", Some(("A", "b"))),
            ("a.b/c-d_1=e=f", None),
            ("A=", None),
            ("=b", None),
            ("A B=c", None),
            ("A=b c", None),
            ("A", None),
            ("[]", None),
            ("{ A: b }", None),
        ] {
            let nodes = node::parse(yaml).unwrap();
            assert_eq!(assignment(&nodes[0]), expected, "{yaml}");
        }
        let mut nodes = node::parse("A=b").unwrap();
        nodes[0].is_secret = true;
        assert_eq!(assignment(&nodes[0]), None);
    }

    #[test]
    fn keys_and_names_have_no_control_characters() {
        let told = |found: Option<(Code, String)>| found.map(|(_, message)| message);
        let key = |thing, key| told(bad_key(thing, Code::InvalidValue, key));
        assert_eq!(key("label", "").unwrap(), "a label key is empty");
        assert_eq!(key("annotation", "").unwrap(), "an annotation key is empty");
        assert!(
            key("label", "a\tb")
                .unwrap()
                .ends_with("has a control character")
        );
        assert_eq!(key("label", "a=b c"), None);
        assert_eq!(
            told(bad_name("")).unwrap(),
            "the name of a variable is empty"
        );
        for name in ["a=b", "a\0", "a\nb"] {
            assert!(
                told(bad_name(name))
                    .unwrap()
                    .contains("has a `=`, NUL or control")
            );
        }
        assert_eq!(bad_name("a b.c"), None);
    }
}
