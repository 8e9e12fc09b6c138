//! Which layer of an image, or which of them, an operation is about.

use schemars::json_schema;

use super::decode::{Field, Problems, Record};
use super::expect::diff_id;
use super::pattern;
use super::schema;
use crate::digest::DiffId;
use crate::problem::{Code, quoted};

/// The keys of a map that names one layer; one of them stands there.
pub(super) const SELECTORS: [&str; 3] = ["layer", "diff-id", "created-by"];
const HELP: &str = "write the number of the layer, or one of `layer`, `diff-id` and `created-by`";
const RANGE_HELP: &str =
    "write `all`, the number of a layer, or the first and the last one, as in `2-4`";

/// How a layer is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerSelector {
    /// By its number; the base is layer 1.
    Number(usize),
    /// By the digest of its uncompressed tar stream.
    DiffId(DiffId),
    /// By a regular expression that matches somewhere in what the history says of it.
    CreatedBy(String),
}

/// Layers that stand one upon the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerRange {
    /// All of them.
    All,
    /// From this one to that one, the base being 1.
    Numbers(usize, usize),
    /// Those that operations of the plan have made.
    Added,
}

impl LayerSelector {
    /// Reads the one of [`SELECTORS`] that `record`, which is at `field`, has.
    pub(super) fn of_record(
        field: &Field<'_>,
        record: &Record<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let given = SELECTORS.iter().map(|key| (*key, record.get(key)));
        let mut given = given.filter_map(|(key, value)| Some((key, value?)));
        match (given.next(), given.next()) {
            (Some((key, value)), None) => match key {
                "layer" => Self::number(value, problems),
                "diff-id" => diff_id(value, problems).map(Self::DiffId),
                _ => created_by(value, problems),
            },
            (found, _) => {
                let (code, message) = match found {
                    None => (Code::MissingKey, "does not select a layer"),
                    Some(_) => (Code::InvalidValue, "selects a layer twice"),
                };
                let problem = field.problem(code, format!("{} {message}", field.name));
                problems.add(problem.with_help(HELP));
                None
            }
        }
    }

    /// Reads the number of a layer; the base is layer 1.
    pub(super) fn number(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let text = field.word(problems)?;
        let number = layer_number(text);
        if number.is_none() {
            let message = format!("{} is not the number of a layer", quoted(text));
            let problem = field.problem(Code::InvalidValue, message);
            problems.add(
                problem
                    .with_help("the base is layer 1; `diff-id` and `created-by` also select one"),
            );
        }
        number.map(Self::Number)
    }
}

impl LayerRange {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let text = field.word(problems)?;
        let range = Self::parse(text);
        if range.is_none() {
            let message = format!("{} is {}", field.name, quoted(text));
            let problem = field.problem(Code::InvalidValue, message);
            problems.add(problem.with_help(RANGE_HELP));
        }
        range
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => return Some(Self::All),
            "added" => return Some(Self::Added),
            _ => {}
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (layer_number(first)?, layer_number(last)?);
        (first <= last).then_some(Self::Numbers(first, last))
    }
}

/// Reads the number of a layer; the base is layer 1.
pub(super) fn layer_number(text: &str) -> Option<usize> {
    let number = text.parse().ok();
    number.filter(|n: &usize| *n > 0 && n.to_string() == text)
}

fn created_by(field: &Field<'_>, problems: &mut Problems) -> Option<LayerSelector> {
    let text = field.some_text(problems)?;
    pattern::regex(text, str::to_owned, field, problems)?;
    Some(LayerSelector::CreatedBy(text.to_owned()))
}

schema::schemas! {
    LayerNumber, "LayerNumber", |_| json_schema!({
        "description": "The number of a layer; the base is layer 1",
        "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "string", "pattern": "^[1-9][0-9]*$" },
        ],
    });
    LayerRange, "LayerRange", |_| json_schema!({
        "description": "`all` layers, the layers `added` by the plan, one layer by its number, or the first and last one as in `2-4`; the base is layer 1",
        "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "string", "pattern": "^(all|added|[1-9][0-9]*(-[1-9][0-9]*)?)$" },
        ],
    });
    DiffIdText, "DiffId", |_| json_schema!({
        "description": "The digest of a layer's uncompressed tar stream",
        "type": "string",
        "pattern": "^sha256:[0-9a-f]{64}$",
    });
}

pub(super) struct LayerNumber;
pub(super) struct DiffIdText;
