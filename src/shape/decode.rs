//! From nodes to values: fields, lists and maps, and the problems of those that do not fit.
//!
//! A function here returns what it could read and adds a problem for everything that it could not, so that one run
//! finds all mistakes.

use std::collections::HashSet;

use super::Shape;
use super::known::{Known, Meant};
use super::node::{Node, Value};
use super::spelling::{listed, spaced};
use crate::problem::{Address, Code, MAX_PROBLEMS, Problem, quoted};

pub(crate) use super::problems::Problems;

const SECRETS_HELP: &str = "a secret can be the value of a label, a variable or an annotation, a word of a command, or the content of a file";

/// A node, where it is, and what to call it in a message.
#[derive(Debug, Clone)]
pub(crate) struct Field<'a> {
    pub(crate) node: &'a Node,
    pub(crate) address: Address,
    pub(crate) name: String,
}

impl<'a> Field<'a> {
    pub(crate) fn problem(&self, code: Code, message: impl AsRef<str>) -> Problem {
        Problem::new(code, self.address.clone(), message)
    }

    /// Returns the scalar as it was written, where it may be empty.
    pub(crate) fn text(&self, problems: &mut Problems) -> Option<&'a str> {
        if matches!(self.node.value, Value::Null) {
            let problem = self.wrong_type("text");
            let key = self.name.trim_matches('`');
            problems.add(problem.with_help(match spaced(key) {
                Some(pair) => format!("write a space after the `:`, as in `{pair}`"),
                None => "write `\"\"` for an empty string".to_owned(),
            }));
            return None;
        }
        self.scalar(problems)
    }

    /// Returns the scalar as it was written, where an empty one means nothing.
    ///
    /// It names something, and names are shown in more than one spelling: it holds no secret.
    pub(crate) fn word(&self, problems: &mut Problems) -> Option<&'a str> {
        if self.node.is_secret {
            let message = format!("{} contains a secret, and would be visible", self.name);
            let problem = self.problem(Code::MisplacedArg, message);
            problems.add(problem.with_help(SECRETS_HELP));
            return None;
        }
        self.scalar(problems)
    }

    /// Returns the scalar as it was written, which is not empty.
    pub(crate) fn some_text(&self, problems: &mut Problems) -> Option<&'a str> {
        self.filled(self.scalar(problems)?, problems)
    }

    /// Returns what [`word`](Self::word) does, which is not empty.
    pub(crate) fn some_word(&self, problems: &mut Problems) -> Option<&'a str> {
        self.filled(self.word(problems)?, problems)
    }

    fn scalar(&self, problems: &mut Problems) -> Option<&'a str> {
        let text = self.node.as_text();
        if text.is_none() && !matches!(self.node.value, Value::Unknown) {
            problems.add(self.wrong_type("text"));
        }
        text
    }

    fn filled(&self, text: &'a str, problems: &mut Problems) -> Option<&'a str> {
        if text.is_empty() {
            problems.add(self.problem(Code::Empty, format!("{} is empty", self.name)));
            return None;
        }
        Some(text)
    }

    /// Returns what one of these words means; the first is the one that need not be written.
    pub(crate) fn choice<T: Copy>(
        &self,
        choices: &[(&'static str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        self.among(choices, problems, || {
            let others = choices[1..].iter().map(|(word, _)| format!("`{word}`"));
            let or = if choices.len() == 2 { "or " } else { "" };
            let default = choices[0].0;
            format!(
                "use `{default}` (the default), {or}{}",
                listed(others, "or")
            )
        })
    }

    /// Returns what one of these words means; none of them is said by leaving it out.
    pub(crate) fn one_of<T: Copy>(
        &self,
        choices: &[(&'static str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        self.among(choices, problems, || {
            let words = choices.iter().map(|(word, _)| format!("`{word}`"));
            format!("use {}", listed(words, "or"))
        })
    }

    fn among<T: Copy>(
        &self,
        choices: &[(&'static str, T)],
        problems: &mut Problems,
        help: impl FnOnce() -> String,
    ) -> Option<T> {
        let text = self.word(problems)?;
        let choice = choices.iter().find(|(word, _)| *word == text);
        if choice.is_none() {
            let message = format!("{} is {}", self.name, quoted(text));
            let problem = self.problem(Code::InvalidValue, message);
            problems.add(problem.with_help(help()));
        }
        choice.map(|(_, value)| *value)
    }

    /// Returns the value of a key, if this is a map that has it.
    pub(crate) fn value_of(&self, key: &str) -> Option<Self> {
        let Value::Map(pairs) = &self.node.value else {
            return None;
        };
        let mut keys = pairs.iter().map(|(found, _)| found.as_text());
        let index = keys.position(|found| found == Some(key))?;
        Some(Self {
            node: &pairs[index].1,
            address: self.address.clone().index(index),
            name: quoted(key),
        })
    }

    /// Returns the items of a list, of which there is at least one.
    pub(crate) fn items(&self, help: &str, problems: &mut Problems) -> Option<Vec<Self>> {
        let Value::List(items) = &self.node.value else {
            let problem = self.wrong_type("a list");
            problems.add(match &self.node.value {
                Value::Text(text) if text.len() < 40 && !text.contains(['"', '\\', '\n']) => {
                    problem.with_help(format!("write `[\"{text}\"]`"))
                }
                Value::Map(pairs)
                    if !pairs.is_empty() && pairs.iter().all(|(key, _)| is_dashed(key)) =>
                {
                    let first = pairs[0].0.as_text().unwrap_or_default();
                    let item = first.trim_start_matches('-');
                    problem.with_help(format!("write a space after each `-`, as in `- {item}`"))
                }
                Value::Map(pairs) if pairs.len() > 1 => {
                    problem.with_help(format!("start each item with `- `; {help}"))
                }
                _ => problem.with_help(help),
            });
            return None;
        };
        if items.is_empty() {
            let problem = self.problem(Code::Empty, format!("{} is an empty list", self.name));
            problems.add(problem.with_help(help));
            return None;
        }
        let fields = items.iter().enumerate().map(|(i, node)| Self {
            node,
            address: self.address.clone().on_value().index(i),
            name: format!("item {} of {}", i + 1, self.name),
        });
        Some(fields.collect())
    }

    /// Returns the pairs of a map, of which there is at least one; no two keys are the same.
    pub(crate) fn entries(
        &self,
        help: &str,
        problems: &mut Problems,
    ) -> Option<Vec<(&'a str, Self)>> {
        let Value::Map(pairs) = &self.node.value else {
            problems.add(
                self.wrong_type("a map")
                    .with_help(with_space(self.node.as_text(), help)),
            );
            return None;
        };
        if pairs.is_empty() {
            let problem = self.problem(Code::Empty, format!("{} is an empty map", self.name));
            problems.add(problem.with_help(help));
            return None;
        }
        Some(self.distinct_pairs(pairs, problems))
    }

    /// Returns the fields of a map that may have only known keys.
    pub(crate) fn record(&self, known: &Known, problems: &mut Problems) -> Option<Record<'a>> {
        let Value::Map(pairs) = &self.node.value else {
            let wanted = known.keys.iter().map(|key| format!("`{key}`"));
            let help = format!("it takes {}", listed(wanted, "and"));
            let is_known = |pair: &&str| {
                known
                    .keys
                    .iter()
                    .any(|key| pair.starts_with(&format!("{key}:")))
            };
            let text = self.node.as_text().filter(is_known);
            problems.add(self.wrong_type("a map").with_help(with_space(text, &help)));
            return None;
        };
        let fields = self.distinct_pairs(pairs, problems);
        let unknown = fields.iter().filter(|(key, _)| !known.keys.contains(key));
        let unknown: Vec<&(&str, Self)> = unknown.take(MAX_PROBLEMS + 1).collect();
        let meant = known.meant(&fields, &unknown);
        for (key, field) in unknown {
            let problem = Problem::new(
                Code::UnknownKey,
                field.address.clone().on_key(),
                format!("{} is not a key of {}", quoted(key), self.name),
            );
            problems.add(problem.with_help(known.help(key, &meant)));
        }
        Some(Record {
            whole: self.clone(),
            keys: known.keys.clone(),
            fields,
            meant,
            is_short: false,
        })
    }

    /// Repeated keys and merge keys are left out: they have been reported for the whole document.
    fn distinct_pairs(
        &self,
        pairs: &'a [(Node, Node)],
        problems: &mut Problems,
    ) -> Vec<(&'a str, Self)> {
        let mut seen = HashSet::new();
        let mut fields = Vec::new();
        for (i, (key, node)) in pairs.iter().enumerate() {
            let address = self.address.clone().on_value().index(i);
            let key_field = Self {
                node: key,
                address: address.clone().on_key(),
                name: format!("a key of {}", self.name),
            };
            let Some(key) = key_field.word(problems) else {
                continue;
            };
            if key != "<<" && seen.insert(key) {
                fields.push((
                    key,
                    Self {
                        node,
                        address,
                        name: quoted(key),
                    },
                ));
            }
        }
        fields
    }

    pub(crate) fn wrong_type(&self, wanted: &str) -> Problem {
        let (code, found) = match self.node.value {
            Value::Null => (Code::Null, "null"),
            Value::Text(_) | Value::Unknown => (Code::WrongType, "text"),
            Value::List(_) => (Code::WrongType, "a list"),
            Value::Map(_) => (Code::WrongType, "a map"),
        };
        self.problem(code, format!("{} is {found}; expected {wanted}", self.name))
    }
}

/// Returns the help for what is not a map: `help`, unless it is a pair without its space.
fn with_space(text: Option<&str>, help: &str) -> String {
    match text.and_then(spaced) {
        Some(pair) => format!("write a space after the `:`, as in `{pair}`"),
        None => help.to_owned(),
    }
}

/// Tells whether a key is an item of a list without its space.
fn is_dashed(key: &Node) -> bool {
    key.as_text()
        .is_some_and(|key| key.len() > 1 && key.starts_with('-'))
}

/// A map with known keys.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    whole: Field<'a>,
    keys: Vec<&'static str>,
    fields: Vec<(&'a str, Field<'a>)>,
    meant: Meant,
    is_short: bool,
}

impl<'a> Record<'a> {
    /// Returns the record that `field` is short for: `key` has its value, and there is nothing else.
    pub(crate) fn short(field: &Field<'a>, key: &'static str) -> Self {
        Self {
            whole: field.clone(),
            keys: vec![key],
            fields: vec![(key, field.clone())],
            meant: Meant::default(),
            is_short: true,
        }
    }

    pub(crate) fn is_short(&self) -> bool {
        self.is_short
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns the map itself.
    pub(crate) fn whole(&self) -> &Field<'a> {
        &self.whole
    }

    /// Returns the keys that it may have.
    pub(crate) fn keys(&self) -> &[&'static str] {
        &self.keys
    }

    /// Returns the value of a key; nothing if it is not there or wrong, which is reported elsewhere.
    pub(crate) fn peek<S: Shape>(&self, key: &str) -> Option<S::Value> {
        S::decode(self.get(key)?, &mut Problems::default())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Field<'a>> {
        self.fields
            .iter()
            .find_map(|(name, field)| (*name == key).then_some(field))
    }

    /// Tells whether a key is probably there under another name, which has been reported.
    pub(crate) fn is_meant(&self, key: &str) -> bool {
        self.meant.includes(key)
    }

    /// Returns a field that must be there, or tells that it is not.
    pub(crate) fn require(
        &self,
        key: &str,
        code: Code,
        help: &str,
        problems: &mut Problems,
    ) -> Option<&Field<'a>> {
        let field = self.get(key);
        if field.is_none() && !self.is_meant(key) {
            let message = format!("{} has no `{key}`", self.whole.name);
            problems.add(self.whole.problem(code, message).with_help(help));
        }
        field
    }
}
