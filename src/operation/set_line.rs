//! `set-line`: a line of a file, which is changed or inserted (as Ansible's `lineinfile` does).

use serde_json::json;

use super::edit_options::{EditOptions, Edited};
use super::{Docs, Inverse, Needs, Room, ValueOf};
use crate::edit::image::EditedImage;
use crate::edit::lines::{LineEnd, TextLine, close, lines};
use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};
use crate::shape::node::Value;
use crate::shape::{
    Expression, Field, PlainText, Problems, Shape, line_regex, one_of, record, shape, words,
};

record! {
    /// A file, and a line of it.
    pub struct SetLine("SetLine") {
        /// The file of the image.
        "path" pub path: ImagePath = required::<ImagePath>("specify the file of the image, as in `path: /etc/hosts`");
        /// A regular expression that matches part of the line to change; of several such lines the last one is changed. Without it the
        /// line is only inserted.
        "match" pub pattern: Option<String> = optional::<Expression>();
        /// The line as it shall be, without its end.
        "line" pub line: String = required::<Line>("write the line, as in `line: PermitRootLogin no`");
        /// Where the line goes if no line matches; the default is `end`.
        "insert" pub insert: Insert = default_to::<Insert>(Insert::At(InsertAt::End));
        /// Where the edit goes.
        pub options: EditOptions = flatten::<EditOptions>();
    }
}

/// Where a line is inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Insert {
    /// At an end of the file.
    At(InsertAt),
    /// Beside a line.
    Beside(InsertBeside),
}

words! {
    /// An end of a file.
    pub enum InsertAt {
        /// Before the first line.
        "start" Start,
        /// Behind the last line.
        "end" End,
    }
}

record! {
    /// A line beside which another one goes: the last one that matches.
    pub struct InsertBeside("InsertBeside") {
        /// The line.
        pub beside: Beside = one_of::<Beside>();
    }
}

/// A side of the last line that matches a regular expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beside {
    /// Behind it.
    After(String),
    /// Before it.
    Before(String),
}

one_of! {
    Beside, "names no line", "names two lines", "write `after` or `before` with a regular expression that matches part of a line";
    /// A regular expression that matches part of the line before.
    "after" Expression => Beside::After;
    /// A regular expression that matches part of the line behind.
    "before" Expression => Beside::Before;
}

shape! {
    /// `start`, `end`, or a line beside which the new one goes
    impl Insert, "Insert" {
        |definitions| json!({
            "anyOf": [definitions.refer::<InsertAt>(), definitions.refer::<InsertBeside>()],
        }),
        |field, problems| match field.node.value {
            Value::Map(_) => InsertBeside::decode(field, problems).map(Insert::Beside),
            _ => InsertAt::decode(field, problems).map(Insert::At),
        }
    }
}

const LINE_HELP: &str = "`append-text` adds several lines, and `replace-text` replaces them";

shape! {
    /// One line, without its end
    struct Line("Line") -> String {
        |_| json!({
            "type": ["string", "number", "boolean"],
            "pattern": "^[^\\n\\r\\u0000]*$",
            "patternErrorMessage": LINE_HELP,
        }),
        line
    }
}

fn line(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = PlainText::decode(field, problems)?;
    if text.contains(['\n', '\r']) {
        let message = format!("{} has a line break", field.name);
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(LINE_HELP));
        return None;
    }
    Some(text)
}

impl Room for SetLine {
    type Shape = Self;

    const KEY: &'static str = "set-line";

    const DOCS: Docs = Docs {
        does: "Replaces the line that matches, or inserts it.",
        takes: "`{path: path, match: regex, line: string}`, and `insert` (`start`, `end`, `{after: regex}` or `{before: regex}`), `in`, `if-missing` and `created-by`",
        example: "{ path: /etc/a, match: '^#?port=', line: port=2 }",
        before: "layers: [etc/ etc/a(\"#port=1\\n\")]",
        after: "layers: [etc/ etc/a(\"#port=1\\n\")] [etc/ etc/a(\"port=2\\n\")]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] = &[
        "{ path: /etc/greeting, match: '^h', line: hi }",
        "{ path: /etc/greeting, line: first, insert: start }",
    ];

    fn needs(set: &ValueOf<Self>) -> Needs<'_> {
        Needs::edit(set.options.place)
    }

    fn plan<'a>(set: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        let Some(file) = set.options.file(&set.path, image) else {
            return;
        };
        let address = image.address();
        let Some(text) = image.utf8(&file, &address.clone().key("path")) else {
            return;
        };
        match set.edited(text) {
            Ok(done) => {
                if let [others @ .., last] = &done.matched[..]
                    && !others.is_empty()
                {
                    let n = done.matched.len();
                    let note = format!(
                        "{n} lines of {} match; the last one, line {last}, is meant",
                        file.name()
                    );
                    image.state.note(note);
                }
                set.options.edit(file, done.edited, image, &address);
            }
            Err(Unplaced { side, pattern }) => {
                let message = format!("no line of {} matches {}", file.name(), quoted(pattern));
                let place = address.key("insert").key(side);
                let help = "name another line, or write `insert: end`";
                image.problem(Code::EditRejected, place, message, help);
            }
        }
    }
}

/// What setting a line comes to.
struct Done {
    edited: Edited,
    /// The numbers of the lines that match.
    matched: Vec<usize>,
}

/// There is no line beside which the new one could go.
struct Unplaced<'a> {
    side: &'static str,
    pattern: &'a str,
}

impl SetLine {
    fn edited(&self, text: &str) -> Result<Done, Unplaced<'_>> {
        let all: Vec<TextLine<'_>> = lines(text.as_bytes()).collect();
        let matched = self
            .pattern
            .as_deref()
            .map(|pattern| matching(pattern, &all));
        let matched = matched.unwrap_or_default();
        let line = self.line.as_bytes();
        let edited = if let Some(&last) = matched.last() {
            replaced(&all, last, line)
        } else if all.iter().any(|it| it.text == line) {
            Edited::Unchanged("has this line".to_owned())
        } else {
            let at = self.place(&all)?;
            inserted(&all, at, line, LineEnd::of(text.as_bytes()))
        };
        let matched = matched.into_iter().map(|i| i + 1).collect();
        Ok(Done { edited, matched })
    }

    /// Returns how many lines stand before the new one.
    fn place(&self, all: &[TextLine<'_>]) -> Result<usize, Unplaced<'_>> {
        let (pattern, side, n_more) = match &self.insert {
            Insert::At(InsertAt::Start) => return Ok(0),
            Insert::At(InsertAt::End) => return Ok(all.len()),
            Insert::Beside(it) => match &it.beside {
                Beside::After(pattern) => (pattern, "after", 1),
                Beside::Before(pattern) => (pattern, "before", 0),
            },
        };
        let last = matching(pattern, all).pop();
        last.map(|at| at + n_more).ok_or(Unplaced { side, pattern })
    }
}

/// Returns the places of the lines that match somewhere.
fn matching(pattern: &str, all: &[TextLine<'_>]) -> Vec<usize> {
    let regex = line_regex(pattern);
    let matches = |(i, line): (usize, &TextLine<'_>)| {
        let text = str::from_utf8(line.text).expect("a line of a UTF-8 text is UTF-8");
        regex.is_match(text).then_some(i)
    };
    all.iter().enumerate().filter_map(matches).collect()
}

fn replaced(all: &[TextLine<'_>], at: usize, line: &[u8]) -> Edited {
    if all[at].text == line {
        return Edited::Unchanged("has this line".to_owned());
    }
    let mut text = Vec::new();
    for (i, old) in all.iter().enumerate() {
        text.extend_from_slice(if i == at { line } else { old.text });
        text.extend_from_slice(old.end);
    }
    Edited::Changed(text)
}

fn inserted(all: &[TextLine<'_>], at: usize, line: &[u8], end: LineEnd) -> Edited {
    let mut text = Vec::new();
    let put = |text: &mut Vec<u8>, lines: &[TextLine<'_>]| {
        for line in lines {
            text.extend_from_slice(line.text);
            text.extend_from_slice(line.end);
        }
    };
    put(&mut text, &all[..at]);
    close(&mut text, end);
    text.extend_from_slice(line);
    text.extend_from_slice(end.as_bytes());
    put(&mut text, &all[at..]);
    Edited::Changed(text)
}
