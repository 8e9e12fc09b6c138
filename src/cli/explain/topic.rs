//! What there is to explain, and how it is called.

use std::ffi::OsStr;
use std::sync::LazyLock;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use serde_json::Value;

use super::forms::FORMS;
use super::language::Node;
use crate::operation::{Definition, definitions};
use crate::patch::Expectation;
use crate::problem::{Code, NoteKind};

/// Names nearer than this are meant (Jaro-Winkler).
const NEAR: f64 = 0.8;
/// More suggestions than this are a list of topics.
const MAX_SUGGESTIONS: usize = 3;

/// Something that can be explained.
#[derive(Debug)]
pub(super) enum Topic<'a> {
    Operation(&'static Definition, Node<'a>),
    Precondition(&'a str, Node<'a>),
    /// A key by the path that leads to it.
    Key(&'a str, Node<'a>),
    Problem(Code),
    /// What `check` notes though nothing is wrong.
    Note(NoteKind),
    Form(&'static str, &'static str, &'static str),
}

/// The schemas of the files that people write.
#[derive(Debug)]
pub(super) struct Language {
    patch: Value,
    fleet: Value,
}

impl Language {
    pub(super) fn new() -> Self {
        Self {
            patch: crate::patch::schema(),
            fleet: crate::fleet::schema(),
        }
    }

    pub(super) fn operations(&self) -> Node<'_> {
        Node::definition(&self.patch, "Operation")
    }

    pub(super) fn preconditions(&self) -> Node<'_> {
        Node::definition(&self.patch, "Expectation")
    }

    pub(super) fn patch(&self) -> Node<'_> {
        Node::root(&self.patch)
    }

    pub(super) fn fleet(&self) -> Node<'_> {
        Node::root(&self.fleet)
    }

    /// Returns the topic of that name.
    pub(super) fn find<'a>(&'a self, name: &'a str) -> Option<Topic<'a>> {
        if let Some(definition) = definitions().iter().find(|it| it.name == name) {
            return Some(Topic::Operation(definition, self.operations().at(name)?));
        }
        if let Some(code) = Code::ALL.iter().find(|code| code.as_str() == name) {
            return Some(Topic::Problem(*code));
        }
        if let Some(kind) = NoteKind::ALL.into_iter().find(|kind| kind.as_str() == name) {
            return Some(Topic::Note(kind));
        }
        if let Some((name, is, rest)) = FORMS.iter().find(|(form, ..)| *form == name) {
            return Some(Topic::Form(name, is, rest));
        }
        let precondition = |path: &'a str| {
            let node = self.preconditions().at(path)?;
            let is_whole = Expectation::NAMES.contains(&path);
            Some(if is_whole {
                Topic::Precondition(path, node)
            } else {
                Topic::Key(name, node)
            })
        };
        let key = |place: Node<'a>| Some(Topic::Key(name, place.at(name)?));
        let found = key(self.operations())
            .or_else(|| precondition(name.strip_prefix("expect.")?))
            .or_else(|| key(self.patch()))
            .or_else(|| precondition(name));
        if found.is_some() {
            return found;
        }
        let node = match name.strip_prefix("fleet") {
            Some("") => self.fleet(),
            Some(path) => self.fleet().at(path.strip_prefix('.')?)?,
            None => return None,
        };
        Some(Topic::Key(name, node))
    }

    /// Returns the names of topics, each with a sentence.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let mut names = Vec::new();
        let mut add = |name: String, sentence: &str| names.push((name, sentence.to_owned()));
        for key in self.operations().keys() {
            add(key.name.to_owned(), key.node.sentence());
            for option in key.node.keys() {
                add(
                    format!("{}.{}", key.name, option.name),
                    option.node.sentence(),
                );
            }
        }
        for key in self.patch().keys() {
            add(key.name.to_owned(), key.node.sentence());
            // Those of operations and preconditions have topics of their own.
            if !["operations", "expect"].contains(&key.name) {
                for option in key.node.keys() {
                    add(
                        format!("{}.{}", key.name, option.name),
                        option.node.sentence(),
                    );
                }
            }
        }
        for key in self.preconditions().keys() {
            add(
                format!("expect.{}", key.name),
                first_line(key.node.sentence()),
            );
        }
        add("fleet".to_owned(), self.fleet().sentence());
        for key in self.fleet().keys() {
            add(format!("fleet.{}", key.name), key.node.sentence());
        }
        for code in Code::ALL {
            add(code.as_str().to_owned(), code.meaning());
        }
        for kind in NoteKind::ALL {
            add(kind.as_str().to_owned(), kind.meaning());
        }
        for (form, is, _) in FORMS {
            add((*form).to_owned(), is);
        }
        names
    }

    /// Returns the names that are most like a word, the best first.
    pub(super) fn nearest(&self, word: &str) -> Vec<String> {
        let names = self.names().into_iter().map(|(name, _)| name);
        let mut near: Vec<(f64, String)> = names
            .map(|name| (strsim::jaro_winkler(&name, &word.to_lowercase()), name))
            .filter(|(likeness, _)| *likeness > NEAR)
            .collect();
        near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        near.truncate(MAX_SUGGESTIONS);
        near.into_iter().map(|(_, name)| name).collect()
    }
}

pub(super) fn first_line(text: &str) -> &str {
    text.split_once('\n').map_or(text, |(first, _)| first)
}

/// Takes any name: which ones there are is said by the command, and by the completions of shells.
#[derive(Debug, Clone)]
pub(super) struct TopicParser;

impl TypedValueParser for TopicParser {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        static NAMES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| Language::new().names());
        let values = NAMES.iter();
        let values =
            values.map(|(name, it)| PossibleValue::new(name.as_str()).help(first_line(it)));
        Some(Box::new(values))
    }
}
