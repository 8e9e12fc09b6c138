//! A patch that a program writes: names and values in, a text out that is read back as the same.
//!
//! Whatever characters a text has, it stays that text, for this program and for every reader of YAML: what another
//! reader could take for a number, a truth or nothing is quoted.

use std::fmt;

use super::PatchFile;
use super::scalar::{has_command, scalar};
pub use crate::operation::DraftValue;
use crate::printable;

/// A flow list is no longer than this. In characters.
const MAX_FLOW_CHARS: usize = 90;
/// One document of a patch file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatchDraft {
    /// Lines above the patch.
    pub comments: Vec<String>,
    /// Sections before `operations`, in order.
    pub sections: Vec<(&'static str, DraftValue)>,
    /// Operations by name, in order.
    pub operations: Vec<(&'static str, DraftValue)>,
}

impl PatchDraft {
    /// Tells whether the language has this operation with this value.
    #[must_use]
    pub fn can_say(operation: &'static str, value: &DraftValue) -> bool {
        let draft = Self {
            operations: vec![(operation, value.clone())],
            ..Self::default()
        };
        PatchFile::parse("", draft.to_string().as_bytes()).is_ok()
    }

    /// Tells whether the language has this precondition with this value.
    #[must_use]
    pub fn can_expect(name: &str, value: &DraftValue) -> bool {
        let expected = DraftValue::Map(vec![(name.to_owned(), value.clone())]);
        let draft = Self {
            sections: vec![("expect", DraftValue::List(vec![expected]))],
            operations: vec![("set-user", DraftValue::text("x"))],
            ..Self::default()
        };
        PatchFile::parse("", draft.to_string().as_bytes()).is_ok()
    }

    /// Returns an operation or a precondition as an item of a list, over as many lines as it has.
    #[must_use]
    pub fn item((name, value): &(&'static str, DraftValue)) -> String {
        format!("  - {}", Pair("    ", name, value))
    }

    /// Returns the text with each short operation on one line, as people write them.
    #[must_use]
    pub fn in_short(&self) -> String {
        let head = Self {
            operations: Vec::new(),
            ..self.clone()
        };
        let operations = self.operations.iter();
        let operations: String = operations.map(|it| item("  ", it)).collect();
        format!("{head}{operations}")
    }
}

impl fmt::Display for PatchDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for comment in &self.comments {
            writeln!(
                f,
                "{}",
                format!("# {}", printable::line(comment)).trim_end()
            )?;
        }
        writeln!(f, "apiVersion: ocipatch/v1")?;
        for (key, value) in &self.sections {
            write_pair(f, "", key, value)?;
        }
        writeln!(f, "operations:")?;
        let mut operations = self.operations.iter();
        operations.try_for_each(|operation| f.write_str(&Self::item(operation)))
    }
}

/// Writes a pair, of which the first line is indented already.
fn write_pair(
    f: &mut fmt::Formatter<'_>,
    indent: &str,
    key: &str,
    value: &DraftValue,
) -> fmt::Result {
    write!(f, "{}:", scalar(key))?;
    let inner = format!("{indent}  ");
    match value {
        DraftValue::Map(pairs) => {
            writeln!(f)?;
            for (key, value) in pairs {
                f.write_str(&inner)?;
                write_pair(f, &inner, key, value)?;
            }
            Ok(())
        }
        DraftValue::List(items) => {
            if let Some(list) = flow(items) {
                return writeln!(f, " {list}");
            }
            writeln!(f)?;
            items.iter().try_for_each(|item| {
                write!(f, "{inner}- ")?;
                write_item(f, &inner, item)
            })
        }
        DraftValue::Text(text) if is_block(text) => {
            writeln!(f, " |")?;
            let text = text.replace("${", "$${");
            text.lines().try_for_each(|line| match line {
                "" => writeln!(f),
                line => writeln!(f, "{inner}{line}"),
            })
        }
        value => writeln!(f, " {}", single(value).unwrap_or_default()),
    }
}

/// Tells whether a text is read back as it is from below a `|`: whole lines, of which the first says how far they are indented.
fn is_block(text: &str) -> bool {
    let is_plain = |c: char| c == '\n' || c == '\t' || printable::is_visible(c);
    text.ends_with('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\t', '\n'])
        && text.chars().all(is_plain)
        && !has_command(text)
}

/// Returns the lines of an operation below `operations`, where items begin with a `-` behind `indent`.
pub(super) fn item(indent: &str, (name, value): &(&'static str, DraftValue)) -> String {
    if let Some(line) = flow_item(name, value) {
        return format!("{indent}- {line}\n");
    }
    let inner = format!("{indent}  ");
    format!("{indent}- {}", Pair(&inner, name, value))
}

/// A pair whose first line is indented already.
struct Pair<'a>(&'a str, &'a str, &'a DraftValue);

impl fmt::Display for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pair(f, self.0, self.1, self.2)
    }
}

/// Tells whether a value has a text that is better read line by line.
fn has_block(value: &DraftValue) -> bool {
    match value {
        DraftValue::Map(pairs) => pairs.iter().any(|(_, value)| has_block(value)),
        DraftValue::List(items) => items.iter().any(has_block),
        DraftValue::Text(text) => is_block(text),
        DraftValue::Number(_) | DraftValue::Word(_) => false,
    }
}

/// Returns an operation as one line, if it is short.
fn flow_item(name: &str, value: &DraftValue) -> Option<String> {
    if has_block(value) {
        return None;
    }
    let line = format!("{name}: {}", in_flow(value)?);
    (line.chars().count() <= MAX_FLOW_CHARS + 20).then_some(line)
}

/// Returns an operation as an item of a list in brackets.
pub(super) fn bracketed((name, value): &(&'static str, DraftValue)) -> Option<String> {
    Some(format!("{{ {name}: {} }}", in_flow(value)?))
}

/// Returns a value in brackets.
fn in_flow(value: &DraftValue) -> Option<String> {
    match value {
        DraftValue::Map(pairs) => {
            let pair = |(key, value): &(String, DraftValue)| {
                Some(format!("{}: {}", scalar(key), in_flow(value)?))
            };
            let pairs: Option<Vec<String>> = pairs.iter().map(pair).collect();
            Some(format!("{{ {} }}", pairs?.join(", ")))
        }
        DraftValue::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(in_flow).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        value => single(value),
    }
}

fn write_item(f: &mut fmt::Formatter<'_>, indent: &str, item: &DraftValue) -> fmt::Result {
    let inner = format!("{indent}  ");
    match item {
        DraftValue::Map(pairs) => pairs.iter().enumerate().try_for_each(|(i, (key, value))| {
            f.write_str(if i > 0 { &inner } else { "" })?;
            write_pair(f, &inner, key, value)
        }),
        DraftValue::List(items) => writeln!(f, "{}", flow(items).unwrap_or_default()),
        value => writeln!(f, "{}", single(value).unwrap_or_default()),
    }
}

/// Returns a short list of texts and numbers as one line.
fn flow(items: &[DraftValue]) -> Option<String> {
    let items: Option<Vec<String>> = items.iter().map(single).collect();
    let list = format!("[{}]", items?.join(", "));
    (list.chars().count() <= MAX_FLOW_CHARS).then_some(list)
}

fn single(value: &DraftValue) -> Option<String> {
    match value {
        DraftValue::Text(text) => Some(scalar(text)),
        DraftValue::Number(number) => Some(number.to_string()),
        DraftValue::Word(word) => Some((*word).to_owned()),
        DraftValue::List(_) | DraftValue::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DraftValue, PatchDraft, is_block};
    use crate::image::json::Value;
    use crate::patch::{Operation, PatchFile};

    fn operations(draft: &PatchDraft) -> Vec<Operation> {
        let text = draft.to_string();
        let file = PatchFile::parse("x", text.as_bytes());
        let file = file.unwrap_or_else(|rejected| panic!("{text}{:#}", rejected.to_json()));
        file.patches()[0].operations.clone()
    }

    #[test]
    fn a_draft_is_a_patch_as_a_person_would_write_it() {
        let pair = |key: &str, value| (key.to_owned(), value);
        let draft = PatchDraft {
            comments: vec!["One\nline".to_owned(), String::new()],
            sections: vec![
                (
                    "target",
                    DraftValue::Map(vec![pair("images", DraftValue::texts(&["app:1"]))]),
                ),
                (
                    "expect",
                    DraftValue::List(vec![DraftValue::Map(vec![pair(
                        "layers",
                        DraftValue::Number(2),
                    )])]),
                ),
            ],
            operations: vec![
                (
                    "set-label",
                    DraftValue::Map(vec![pair("a", DraftValue::text("b"))]),
                ),
                (
                    "set-cmd",
                    DraftValue::texts(&["x".repeat(100), "no".to_owned()]),
                ),
            ],
        };
        let long = "x".repeat(100);
        let expected = format!(
            "# One\\nline\n#\napiVersion: ocipatch/v1\ntarget:\n  images: [\"app:1\"]\nexpect:\n  - layers: 2\n\
             operations:\n  - set-label:\n      a: b\n  - set-cmd:\n      - {long}\n      - \"no\"\n"
        );
        assert_eq!(draft.to_string(), expected);
        assert_eq!(operations(&draft).len(), 2);
    }

    #[test]
    fn items_of_a_list_have_their_pairs_below_each_other() {
        let pair = |key: &str, value| (key.to_owned(), value);
        let file = |path: &str| {
            let (path, content) = (DraftValue::text(path), DraftValue::text("x\ny\n"));
            DraftValue::Map(vec![pair("path", path), pair("content", content)])
        };
        let files = pair("files", DraftValue::List(vec![file("/a"), file("/b")]));
        let draft = PatchDraft {
            operations: vec![("add-layer", DraftValue::Map(vec![files]))],
            ..PatchDraft::default()
        };
        let file = |path: &str| {
            format!("        - path: {path}\n          content: |\n            x\n            y\n")
        };
        let files = file("/a") + &file("/b");
        let expected =
            format!("apiVersion: ocipatch/v1\noperations:\n  - add-layer:\n      files:\n{files}");
        assert_eq!(draft.to_string(), expected);
        assert_eq!(operations(&draft).len(), 1);
    }

    #[test]
    fn a_short_operation_is_on_one_line() {
        for (n, lines) in [
            (99, "  - set-cmd: [%]\n"),
            (100, "  - set-cmd:\n      - %\n"),
        ] {
            let text = "x".repeat(n);
            let draft = PatchDraft {
                operations: vec![("set-cmd", DraftValue::texts(std::slice::from_ref(&text)))],
                ..PatchDraft::default()
            };
            let head = "apiVersion: ocipatch/v1\noperations:\n";
            let expected = format!("{head}{}", lines.replace('%', &text));
            assert_eq!(draft.in_short(), expected);
        }
    }

    #[test]
    fn whole_lines_of_what_can_be_seen_are_a_block() {
        for (text, is) in [
            ("a\n", true),
            ("a\n\n  b\tc\n", true),
            ("", false),
            ("a", false),
            ("a\n\n", false),
            (" a\n", false),
            ("\ta\n", false),
            ("\na\n", false),
            ("a\u{1b}\n", false),
            ("a\r\n", false),
            ("a\n::b\n", false),
        ] {
            assert_eq!(is_block(text), is, "{text:?}");
        }
    }

    #[test]
    fn what_the_language_does_not_have_cannot_be_said() {
        let label = || DraftValue::Map(vec![("a".to_owned(), DraftValue::text("b"))]);
        for (name, value, expected) in [
            ("set-label", label(), true),
            ("set-label", DraftValue::Number(2), false),
            ("set-labels", label(), false),
        ] {
            assert_eq!(PatchDraft::can_say(name, &value), expected, "{name}");
        }
        for (name, value, expected) in [
            ("layers", DraftValue::Number(2), true),
            ("layers", label(), false),
            ("layer", DraftValue::Number(2), false),
        ] {
            assert_eq!(PatchDraft::can_expect(name, &value), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(texts in prop::collection::vec(".*|[ \\t\\r\\n~#:,&*!|>%@`'\"$\\{}\\[\\]?\\\\-]{0,6}|(?s).{0,8}", 1..4)) {
            let texts: Vec<String> = texts.into_iter().map(|text| text.replace('\0', "")).collect();
            let keyed = texts.iter().enumerate();
            let pairs: Vec<(String, String)> = keyed.map(|(i, text)| {
                let key: String = text.chars().filter(|c| !c.is_control()).collect();
                (format!("{key}{i}"), text.clone())
            }).collect();
            let map = pairs.iter().map(|(key, value)| (key.clone(), DraftValue::text(value)));
            let draft = PatchDraft {
                comments: texts.clone(),
                operations: vec![
                    ("set-label", DraftValue::Map(map.collect())),
                    ("set-cmd", DraftValue::texts(&texts)),
                ],
                ..PatchDraft::default()
            };
            let read = operations(&draft);
            prop_assert_eq!(&read[0], &Operation::SetLabel(pairs));
            let Operation::SetField(set) = &read[1] else {
                panic!("{read:?}")
            };
            prop_assert_eq!(set.value(), &Value::texts(&texts));
        }
    }
}
