//! `${name}`: values of args filled into the texts of a patch.
//!
//! Texts are filled in after YAML was read and before anything has a meaning, so a value stays the text that it is:
//! it cannot become a list, a key or an operation. Keys hold no args, nor do `apiVersion` and `args` itself.

use super::args::Args;
use crate::problem::{Address, Code, Problem, quoted};
use crate::shape::node::{Node, Value};
use crate::shape::{Field, Problems, suggestion};

/// More text than this comes of no honest patch. In bytes, in all of a document.
const MAX_FILLED_BYTES: usize = 16 * 1024 * 1024;
const ESCAPE_HELP: &str = "write `$${` for the characters `${`";

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// Characters that stand for themselves.
    Text(&'a str),
    /// `${name}`
    Arg(&'a str),
    /// `${` and what follows, where that is no name and `}`.
    Malformed(&'a str),
}

/// Fills in the texts of the document of that number.
pub(super) fn substitute(
    document: &mut Node,
    number: usize,
    args: &mut Args,
    problems: &mut Problems,
) {
    let Value::Map(pairs) = &mut document.value else {
        return;
    };
    let mut filler = Filler {
        args,
        problems,
        n_bytes: 0,
    };
    for (i, (key, value)) in pairs.iter_mut().enumerate() {
        let address = Address::document(number).index(i);
        match (key.as_text(), &mut value.value) {
            (Some("apiVersion" | "args"), _) => {}
            (Some("operations"), Value::List(operations)) => {
                for (o, operation) in operations.iter_mut().enumerate() {
                    filler.fill(operation, &address.clone().index(o).in_operation(o));
                }
            }
            _ => filler.fill(value, &address),
        }
    }
}

/// Returns a text that may hold `$${` and no args.
pub(super) fn literal(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.text(problems)?;
    let mut result = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => result.push_str(text),
            Piece::Arg(_) | Piece::Malformed(_) => {
                let message = format!(
                    "{} contains `${{`, but args cannot refer to each other",
                    field.name
                );
                problems.add(
                    field
                        .problem(Code::MisplacedArg, message)
                        .with_help(ESCAPE_HELP),
                );
                return None;
            }
        }
    }
    Some(result)
}

/// Tells whether an arg may be named so.
pub(crate) fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(is_letter)
        && text
            .chars()
            .all(|c| is_letter(c) || c.is_ascii_digit() || c == '-')
}

/// Cuts a text into its pieces.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            pieces.extend([Piece::Text(&rest[..at - 1]), Piece::Text("${")]);
            rest = &rest[at + 2..];
            continue;
        }
        pieces.push(Piece::Text(&rest[..at]));
        let inside = &rest[at + 2..];
        let end = inside.find('}').filter(|&end| is_name(&inside[..end]));
        let Some(end) = end else {
            pieces.push(Piece::Malformed(&rest[at..]));
            return pieces;
        };
        pieces.push(Piece::Arg(&inside[..end]));
        rest = &inside[end + 1..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// The filling of one document.
struct Filler<'a> {
    args: &'a mut Args,
    problems: &'a mut Problems,
    n_bytes: usize,
}

impl Filler<'_> {
    fn fill(&mut self, node: &mut Node, address: &Address) {
        match &mut node.value {
            Value::Null | Value::Unknown => {}
            Value::Text(text) => {
                let Some(filled) = text.contains("${").then(|| self.fill_text(text, address))
                else {
                    return;
                };
                (node.value, node.is_secret) = match filled {
                    Some((text, is_secret)) => (Value::Text(text), is_secret),
                    None => (Value::Unknown, false),
                };
            }
            Value::List(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    self.fill(item, &address.clone().index(i));
                }
            }
            Value::Map(pairs) => {
                for (i, (key, value)) in pairs.iter_mut().enumerate() {
                    let address = address.clone().index(i);
                    self.fill_key(key, &address);
                    self.fill(value, &address);
                }
            }
        }
    }

    /// Returns the text with its args filled in, and whether it holds a secret; nothing where a value is not known.
    fn fill_text(&mut self, text: &str, address: &Address) -> Option<(String, bool)> {
        let mut filled = Some(String::new());
        let mut is_secret = false;
        for piece in pieces(text) {
            let known = match piece {
                Piece::Text(text) => Some(text),
                Piece::Malformed(text) => {
                    let message = format!("{} is not `${{name}}`", quoted(text));
                    self.add(Code::MalformedArg, address, message, ESCAPE_HELP);
                    None
                }
                Piece::Arg(name) => {
                    if let Some(filling) = self.args.fill(name) {
                        is_secret |= filling.is_secret;
                        filling.text
                    } else {
                        let names = self.args.names();
                        let names: Vec<&str> = names.iter().map(String::as_str).collect();
                        let help = undeclared(name, &names);
                        let message = format!("`args` does not declare {}", quoted(name));
                        self.problems.add(
                            Problem::new(Code::UndeclaredArg, address.clone(), message)
                                .with_help(help),
                        );
                        None
                    }
                }
            };
            self.n_bytes = self.n_bytes.saturating_add(known.map_or(0, str::len));
            if self.n_bytes > MAX_FILLED_BYTES {
                let message = "the arguments expand to too much text".to_owned();
                self.add(Code::TooComplex, address, message, "use shorter values");
                return None;
            }
            filled = filled.zip(known).map(|(filled, known)| filled + known);
        }
        filled.map(|filled| (filled, is_secret))
    }

    fn fill_key(&mut self, key: &mut Node, address: &Address) {
        let Some(text) = key.as_text().filter(|text| text.contains("${")) else {
            return;
        };
        let mut filled = String::new();
        for piece in pieces(text) {
            let Piece::Text(text) = piece else {
                let message = format!(
                    "{} is a key; only values can contain arguments",
                    quoted(text)
                );
                let address = address.clone().on_key();
                return self.add(Code::MisplacedArg, &address, message, ESCAPE_HELP);
            };
            filled.push_str(text);
        }
        key.value = Value::Text(filled);
    }

    fn add(&mut self, code: Code, address: &Address, message: String, help: &str) {
        self.problems
            .add(Problem::new(code, address.clone(), message).with_help(help));
    }
}

fn undeclared(name: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return format!(
            "declare it, as in `args: {{{name}: {{default: \"\"}}}}`; or {ESCAPE_HELP}"
        );
    }
    suggestion(name, names)
}

#[cfg(test)]
mod tests {
    use super::{Piece, is_name, pieces};
    use crate::patch::PatchFile;

    #[test]
    fn args_are_filled_in_everywhere_but_in_args() {
        let parse = |default: &str, key: &str| {
            let args = format!("args: {{ a: {{ default: \"{default}\" }} }}");
            let text = format!(
                "apiVersion: ocipatch/v1\n{args}\n{key}: {{ images: [\"${{a}}\"] }}\noperations:\n  - set-label: {{ k: \"${{a}}\" }}\n"
            );
            PatchFile::parse("p", text.as_bytes())
        };
        assert_eq!(
            parse("$${x}", "target").unwrap().args(),
            [vec![("a".to_owned(), "${x}".to_owned())]]
        );
        for default in ["${a}", "${x"] {
            assert!(parse(default, "target").is_err(), "{default}");
        }
    }

    #[test]
    fn the_version_of_the_language_is_no_arg() {
        for version in ["ocipatch/v1", "${a}", "${b}"] {
            let text = format!(
                "apiVersion: \"{version}\"\nargs: {{ a: {{ default: ocipatch/v1 }} }}\noperations:\n  - set-label: {{ k: \"${{a}}\" }}\n"
            );
            let is_parsed = PatchFile::parse("p", text.as_bytes()).is_ok();
            assert_eq!(is_parsed, !version.starts_with('$'), "{version}");
        }
    }

    #[test]
    fn a_text_is_cut_at_its_args() {
        use Piece::{Arg, Malformed, Text};
        for (text, expected) in [
            ("a", vec![Text("a")]),
            ("$a $ {b} $", vec![Text("$a $ {b} $")]),
            ("a${b}c", vec![Text("a"), Arg("b"), Text("c")]),
            (
                "${a}${b-1}",
                vec![Text(""), Arg("a"), Text(""), Arg("b-1"), Text("")],
            ),
            ("$${a}", vec![Text(""), Text("${"), Text("a}")]),
            ("$$${a}", vec![Text("$"), Text("${"), Text("a}")]),
            ("é${a", vec![Text("é"), Malformed("${a")]),
            ("${}", vec![Text(""), Malformed("${}")]),
            ("${a:-b}", vec![Text(""), Malformed("${a:-b}")]),
        ] {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }

    #[test]
    fn names_are_words() {
        for name in ["a", "_", "A-b_1"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "1a", "-a", "a b", "é", "a.b"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
