//! Rules about which keys of a record go together: how they are checked, and what a schema says of them.

use serde_json::json;

use super::decode::{Problems, Record};
use super::definitions::Json;
use super::parts::MapSchema;
use super::spelling::listed;
use crate::problem::Code;

/// A rule about which keys go together.
pub(crate) trait Rule {
    /// Adds a problem if a record breaks it.
    fn check(&self, record: &Record<'_>, problems: &mut Problems);

    /// Returns keys of which one must be there.
    fn required(&self) -> Option<Vec<&'static str>> {
        None
    }

    /// Adds it to a schema, if a schema can say it.
    fn describe(&self, _: &mut MapSchema) {}
}

/// A record has at least one key; the problem if it has none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotEmpty(pub(crate) Code);

impl Rule for NotEmpty {
    fn check(&self, record: &Record<'_>, problems: &mut Problems) {
        let keys = record.keys();
        // Keys that nobody knows have been reported.
        if record.is_empty() {
            let whole = record.whole();
            let problem = whole.problem(self.0, format!("{} is empty", whole.name));
            let keys = keys.iter().map(|key| format!("`{key}`"));
            problems.add(problem.with_help(format!("it takes {}", listed(keys, "and"))));
        }
    }

    fn describe(&self, schema: &mut MapSchema) {
        *schema.rule("minProperties") = 1.into();
    }
}

/// A record has the key `first` or `second`; help if it has neither.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnyOf {
    pub(crate) first: &'static str,
    pub(crate) second: &'static str,
    pub(crate) help: &'static str,
}

impl Rule for AnyOf {
    fn check(&self, record: &Record<'_>, problems: &mut Problems) {
        if record.get(self.second).is_none() {
            record.require(self.first, Code::MissingKey, self.help, problems);
        }
    }

    fn required(&self) -> Option<Vec<&'static str>> {
        Some(vec![self.first, self.second])
    }

    fn describe(&self, schema: &mut MapSchema) {
        require_any(&[self.first, self.second], schema);
    }
}

/// Each of `keys` requires another key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requires {
    pub(crate) keys: &'static [&'static str],
    pub(crate) other: &'static str,
}

impl Rule for Requires {
    fn check(&self, record: &Record<'_>, problems: &mut Problems) {
        if record.get(self.other).is_some() {
            return;
        }
        for field in self.keys.iter().filter_map(|key| record.get(key)) {
            let message = format!("{} requires `{}`", field.name, self.other);
            problems.add(field.problem(Code::MissingKey, message));
        }
    }

    fn describe(&self, schema: &mut MapSchema) {
        for key in self.keys {
            schema.rule("dependencies")[key] = json!([self.other]);
        }
    }
}

/// Each of `others` has no effect beside `key`: `case` says when, and `help` why or what to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotWith {
    pub(crate) key: &'static str,
    pub(crate) others: &'static [&'static str],
    pub(crate) case: &'static str,
    pub(crate) help: &'static str,
}

impl Rule for NotWith {
    fn check(&self, record: &Record<'_>, problems: &mut Problems) {
        if record.get(self.key).is_some() {
            for other in self.others {
                self.refuse(record, other, problems);
            }
        }
    }

    fn describe(&self, schema: &mut MapSchema) {
        let rule = match self.others {
            [other] => json!({ "required": [self.key, other] }),
            others => {
                let others: Json = others.iter().copied().map(required).collect();
                json!({ "required": [self.key], "anyOf": others })
            }
        };
        let not = schema.rule("not");
        *not = match not.take() {
            Json::Null => rule,
            before => json!({ "anyOf": [before, rule] }),
        };
    }
}

impl NotWith {
    fn refuse(&self, record: &Record<'_>, key: &str, problems: &mut Problems) {
        if let Some(field) = record.get(key) {
            let message = format!("{} has no effect {}", field.name, self.case);
            problems.add(
                field
                    .problem(Code::InvalidValue, message)
                    .with_help(self.help),
            );
        }
    }
}

/// Adds that one of `keys` must be there; an editor then asks for the first, where it would show every alternative of an `anyOf`.
pub(crate) fn require_any(keys: &[&str], schema: &mut MapSchema) {
    let (last, others) = keys.split_last().expect("there are several");
    let (first, between) = others.split_first().expect("there are several");
    let rest = between.iter().fold(
        required(first),
        |rest, key| json!({ "if": required(key), "else": rest }),
    );
    *schema.rule("if") = required(last);
    *schema.rule("else") = rest;
}

fn required(key: &str) -> Json {
    json!({ "required": [key] })
}
