//! The text of a topic, for a terminal of 80 columns.

use std::fmt::Write as _;

use super::forms::FORMS;
use super::language::{Key, Node};
use super::topic::{Language, Topic, first_line};
use crate::problem::{Code, NoteKind};

/// Lines are no longer. In columns.
const WIDTH: usize = 80;

/// Returns the page of a topic.
pub(super) fn page(topic: &Topic<'_>) -> String {
    let mut page = Page::default();
    match topic {
        Topic::Operation(definition, node) => {
            let docs = definition.docs;
            page.title("operation", definition.name);
            page.paragraphs(docs.does);
            page.paragraphs(&format!("Takes {}.", docs.takes));
            page.heading("Example");
            page.verbatim(&format!("- {}: {}", definition.name, docs.example));
            page.heading("turns");
            page.verbatim(docs.before);
            page.heading("into");
            page.verbatim(docs.after);
            page.value(node, definition.name);
        }
        Topic::Precondition(name, node) => {
            page.title("precondition", &format!("expect.{name}"));
            page.paragraphs(node.sentence());
            page.value(node, &format!("expect.{name}"));
        }
        Topic::Key(name, node) => {
            page.title("key", name);
            page.paragraphs(node.sentence());
            page.value(node, name);
        }
        Topic::Problem(code) => {
            page.finding("problem", code.as_str(), [code.meaning(), code.advice()]);
        }
        Topic::Note(kind) => page.finding("note", kind.as_str(), [kind.meaning(), kind.advice()]),
        Topic::Form(name, is, rest) => {
            page.title("form", name);
            page.paragraphs(is);
            page.paragraphs(rest);
        }
    }
    page.text
}

/// Returns the list of topics, in groups.
pub(super) fn list(language: &Language) -> String {
    let mut page = Page::default();
    page.paragraphs("`ocipatch explain TOPIC` explains one of these. Options have topics too: `add-layer.files`, `target.images`.");
    let keys = |node: Node<'_>, prefix: &str| {
        let keys = node.keys().into_iter();
        keys.map(|key| {
            (
                format!("{prefix}{}", key.name),
                first_line(key.node.sentence()).to_owned(),
            )
        })
        .collect::<Vec<_>>()
    };
    let codes = Code::ALL.iter();
    let codes = codes.map(|code| (code.as_str().to_owned(), code.meaning().to_owned()));
    let notes = NoteKind::ALL.into_iter();
    let notes = notes.map(|kind| (kind.as_str().to_owned(), kind.meaning().to_owned()));
    let forms = FORMS.iter();
    let forms = forms.map(|(name, is, _)| ((*name).to_owned(), (*is).to_owned()));
    for (heading, topics) in [
        ("Operations", keys(language.operations(), "")),
        ("Preconditions", keys(language.preconditions(), "expect.")),
        ("Keys of a patch", keys(language.patch(), "")),
        ("Keys of a fleet", keys(language.fleet(), "fleet.")),
        ("Forms of archives", forms.collect()),
        ("Problem codes", codes.collect()),
        ("Notes", notes.collect()),
    ] {
        page.heading(heading);
        let widest = topics.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, sentence) in topics {
            let first = format!("  {name:widest$}  ");
            page.wrapped(&sentence, &first, &" ".repeat(widest + 4));
        }
    }
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn title(&mut self, kind: &str, name: &str) {
        writeln!(self.text, "{name} ({kind})").expect("writing to a String succeeds");
    }

    fn heading(&mut self, heading: &str) {
        writeln!(self.text, "\n{heading}:").expect("writing to a String succeeds");
    }

    /// Adds paragraphs, which an empty line parts.
    fn paragraphs(&mut self, text: &str) {
        for paragraph in text.split("\n\n") {
            if !self.text.is_empty() {
                self.text.push('\n');
            }
            self.wrapped(paragraph, "", "");
        }
    }

    fn verbatim(&mut self, text: &str) {
        self.wrapped(text, "  ", "    ");
    }

    fn wrapped(&mut self, text: &str, first: &str, rest: &str) {
        let text = text.split('\n').collect::<Vec<_>>().join(" ");
        let options = textwrap::Options::new(WIDTH)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for line in textwrap::wrap(&text, options) {
            writeln!(self.text, "{}", line.trim_end()).expect("writing to a String succeeds");
        }
    }

    fn finding(&mut self, kind: &str, code: &str, paragraphs: [&str; 2]) {
        self.title(kind, code);
        for paragraph in paragraphs {
            self.paragraphs(paragraph);
        }
    }

    /// Adds what a value looks like, and its keys.
    fn value(&mut self, node: &Node<'_>, topic: &str) {
        let keys = node.keys();
        self.shape(node, "");
        if keys.is_empty() {
            self.words(node, "");
        }
        if keys.is_empty() {
            return;
        }
        self.heading("Keys");
        let mut has_more = None;
        for Key {
            name,
            is_required,
            node,
        } in keys
        {
            let required = if is_required { " (required)" } else { "" };
            writeln!(self.text, "  {name}{required}").expect("writing to a String succeeds");
            self.wrapped(node.sentence(), "      ", "      ");
            self.shape(&node, "      ");
            self.words(&node, "      ");
            if has_more.is_none() && !node.keys().is_empty() {
                has_more = Some(name);
            }
        }
        if let Some(name) = has_more {
            self.paragraphs(&format!(
                "For the keys below one of these: ocipatch explain {topic}.{name}"
            ));
        }
    }

    /// Adds the shape of a value, with an example.
    fn shape(&mut self, node: &Node<'_>, indent: &str) {
        let Some(shape) = node.shape() else {
            return;
        };
        if indent.is_empty() {
            self.text.push('\n');
        }
        let example = node.examples().into_iter().next();
        let example = example.filter(|example| !shape.contains(example.as_str()));
        let example = example.map(|example| format!("; for example `{example}`"));
        let shape = shape.trim_end_matches('.');
        let text = format!("Value: {shape}{}", example.unwrap_or_default());
        self.wrapped(&text, indent, &format!("{indent}  "));
    }

    /// Adds the words of which one is written.
    fn words(&mut self, node: &Node<'_>, indent: &str) {
        for (word, docs) in node.words() {
            let colon = if docs.is_empty() { "" } else { ": " };
            let text = format!("`{word}`{colon}{docs}");
            self.wrapped(&text, &format!("{indent}- "), &format!("{indent}  "));
        }
    }
}
