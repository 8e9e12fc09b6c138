//! Names and values that are not what they look like: they have characters that cannot be seen.
//!
//! An image may need such a name, so it is no mistake; mostly it was pasted from a web page, and nothing finds it by its
//! visible characters. Every key and value of a patch is looked at, so that no operation can be forgotten.

use crate::printable::{code_point, is_visible};
use crate::problem::{MAX_PROBLEMS, Note, NoteKind, Source, quoted};
use crate::shape::node::{Node, Value};

/// More characters than this are not listed for one name.
const MAX_LISTED: usize = 3;

/// Returns a note for each key and value with a character that cannot be seen and should be.
pub(super) fn notes(documents: &[Node], source: &Source) -> Vec<Note> {
    let mut found = Found {
        source,
        notes: Vec::new(),
    };
    for document in documents {
        found.look(document);
    }
    found.notes
}

struct Found<'a> {
    source: &'a Source,
    notes: Vec<Note>,
}

impl Found<'_> {
    fn look(&mut self, node: &Node) {
        if node.is_alias {
            return;
        }
        match &node.value {
            Value::Null | Value::Unknown => {}
            Value::Text(text) => self.note(node, "the value", &hidden_in_value(text)),
            Value::List(items) => items.iter().for_each(|item| self.look(item)),
            Value::Map(pairs) => {
                for (key, value) in pairs {
                    let name = key.as_text().unwrap_or_default();
                    let subject = format!("the name {}", quoted(name));
                    self.note(key, &subject, &hidden_in_name(name));
                    self.look(value);
                }
            }
        }
    }

    fn note(&mut self, node: &Node, subject: &str, hidden: &[char]) {
        // Of a secret not even a character is told.
        if !hidden.is_empty() && !node.is_secret && self.notes.len() < MAX_PROBLEMS {
            let message = format!("{subject} has {}", listed(hidden));
            let note = Note::new(
                NoteKind::InvisibleCharacter,
                self.source,
                node.span.clone(),
                message,
            );
            self.notes.push(note);
        }
    }
}

/// The characters of a name that nobody sees, blanks at either end included.
fn hidden_in_name(text: &str) -> Vec<char> {
    let is_end = |at: usize, c: char| at == 0 || at + c.len_utf8() == text.len();
    let is_hidden = |(at, c): &(usize, char)| {
        (!is_visible(*c) && !is_part_of_a_letter(text, *at, *c)) || (*c == ' ' && is_end(*at, *c))
    };
    let hidden = text.char_indices().filter(is_hidden);
    hidden.map(|(_, c)| c).collect()
}

/// The same of a value. Of prose, which has blanks of every kind, the ends alone, and what acts on a terminal or turns
/// the text around it.
fn hidden_in_value(text: &str) -> Vec<char> {
    let inner = text.trim_matches([' ', '\t', '\n', '\r']);
    if !inner.contains([' ', '\t', '\n', '\r']) {
        return hidden_in_name(inner);
    }
    let is_end = |at: usize, c: char| at == 0 || at + c.len_utf8() == inner.len();
    let is_line_break = |c: char| matches!(c, '\t' | '\n' | '\r');
    let acts = |c: char| {
        c.is_control() && !is_line_break(c)
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let is_hidden = |(at, c): &(usize, char)| {
        let is_invisible = !is_visible(*c) && !is_part_of_a_letter(inner, *at, *c);
        acts(*c) || (is_invisible && is_end(*at, *c))
    };
    let hidden = inner.char_indices().filter(is_hidden);
    hidden.map(|(_, c)| c).collect()
}

/// Joiners and variation selectors behind a character of another script, or a symbol, are how that is written.
fn is_part_of_a_letter(text: &str, at: usize, c: char) -> bool {
    let before = text[..at].chars().next_back();
    matches!(c, '\u{200c}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
        && before.is_some_and(|before| {
            !before.is_ascii() && is_visible(before) || c == '\u{200d}' && before == '\u{fe0f}'
        })
}

/// Names characters for a message.
fn listed(characters: &[char]) -> String {
    let mut points: Vec<String> = Vec::new();
    for point in characters.iter().map(|c| code_point(*c)) {
        if !points.contains(&point) {
            points.push(point);
        }
    }
    let s = if points.len() == 1 { "" } else { "s" };
    let more = if points.len() > MAX_LISTED {
        ", …"
    } else {
        ""
    };
    points.truncate(MAX_LISTED);
    format!("the invisible character{s} {}{more}", points.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{Note, hidden_in_name, hidden_in_value, listed};
    use crate::patch::{ArgValues, PatchFile};

    #[test]
    fn a_note_lists_a_few_characters_once() {
        for (hidden, text) in [
            ("\u{200b}", "the invisible character U+200B"),
            ("\u{200b}\u{200b}", "the invisible character U+200B"),
            ("\u{200b}\u{ad}", "the invisible characters U+200B, U+00AD"),
            (
                "\u{200b}\u{ad}\u{feff}",
                "the invisible characters U+200B, U+00AD, U+FEFF",
            ),
            (
                "\u{200b}\u{ad}\u{feff}\u{2060}",
                "the invisible characters U+200B, U+00AD, U+FEFF, …",
            ),
        ] {
            assert_eq!(listed(&hidden.chars().collect::<Vec<_>>()), text);
        }
    }

    #[test]
    fn names_and_values_are_told_and_secrets_are_not() {
        let text = "apiVersion: ocipatch/v1\nargs: { a: { secret: true }, b: {} }\noperations:\n- set-label: { \"k\u{200b}\": x, l: [\"v\u{200b}\"] , m: \"${a}\", n: \"${b}\" }\n";
        let text = text.replace("[\"v\u{200b}\"]", "\"v\u{200b}\"");
        let mut values = ArgValues::default();
        let mut give = |name: &str, value: &str| {
            values.given.insert(name.to_owned(), value.to_owned());
        };
        give("a", "s\u{ad}");
        give("b", "t\u{ad}");
        let file = PatchFile::parse_with("x", text.as_bytes(), &values).expect("it is a patch");
        let notes: Vec<String> = file.notes().iter().map(Note::message).collect();
        let of =
            |subject: &str, point: &str| format!("{subject} has the invisible character {point}");
        let expected = [
            of("the name `k\\u{200b}`", "U+200B"),
            of("the value", "U+200B"),
            of("the value", "U+00AD"),
        ];
        assert_eq!(notes, expected);
    }

    #[test]
    fn a_name_hides_nothing() {
        for (name, n) in [
            ("KEY", 0),
            ("a b", 0),
            (" KEY", 1),
            ("KEY ", 1),
            ("\u{a0}KEY", 1),
            ("K\u{200b}EY\u{feff}", 2),
            ("KEY\u{2060}", 1),
            ("KEY\u{ad}", 1),
            ("KEY\u{3000}", 1),
            ("KEY\u{200d}", 1),
            ("KEY\u{fe0f}", 1),
            ("❤\u{fe0f}", 0),
            ("👩\u{200d}💻", 0),
            ("می\u{200c}خواهم", 0),
            ("é", 0),
        ] {
            assert_eq!(hidden_in_name(name).len(), n, "{name:?}");
        }
    }

    #[test]
    fn a_value_hides_nothing_that_is_not_prose() {
        for (value, n) in [
            ("a text\n", 0),
            (" x ", 0),
            ("x\u{200b}y", 1),
            ("linux/amd64\u{a0}", 1),
            ("10\u{a0}000 fichiers\u{a0}!", 0),
            ("two words\u{a0}", 1),
            ("\u{feff}two words", 1),
            ("two \u{202e}words", 1),
            ("two \u{1b}[31mwords", 1),
            ("a\r\n\tb\n", 0),
            ("two ❤\u{fe0f}", 0),
        ] {
            assert_eq!(hidden_in_value(value).len(), n, "{value:?}");
        }
    }
}
