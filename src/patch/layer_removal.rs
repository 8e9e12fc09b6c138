//! `remove-layer`: which layer goes.

use regex_lite::Regex;
use schemars::{JsonSchema, json_schema};

use super::decode::{Field, Problems};
use super::expect::diff_id;
use super::node::Value;
use super::removal::IfMissing;
use super::schema;
use crate::digest::DiffId;
use crate::problem::{Code, quoted};

const SELECTORS: [&str; 3] = ["layer", "diff-id", "created-by"];
const HELP: &str = "write the number of the layer, or one of `layer`, `diff-id` and `created-by`";

/// What `remove-layer` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRemoval {
    /// The layer.
    pub layer: LayerSelector,
    /// What it means that no image has such a layer.
    pub if_missing: IfMissing,
}

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

impl LayerRemoval {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        if !matches!(field.node.value, Value::Map(_)) {
            return Some(Self {
                layer: number(field, problems)?,
                if_missing: IfMissing::Problem,
            });
        }
        let keys = [&SELECTORS[..], &["if-missing"]].concat();
        let record = field.record(&keys, problems)?;
        let if_missing = IfMissing::of(&record, problems);
        let given = SELECTORS.iter().map(|key| (*key, record.get(key)));
        let mut given = given.filter_map(|(key, value)| Some((key, value?)));
        let layer = match (given.next(), given.next()) {
            (Some((key, value)), None) => match key {
                "layer" => number(value, problems),
                "diff-id" => diff_id(value, problems).map(LayerSelector::DiffId),
                _ => created_by(value, problems),
            },
            (found, _) => {
                let (code, message) = match found {
                    None => (Code::MissingKey, "does not say which layer"),
                    Some(_) => (Code::InvalidValue, "says twice which layer"),
                };
                let problem = field.problem(code, format!("{} {message}", field.name));
                problems.add(problem.with_help(HELP));
                None
            }
        };
        Some(Self {
            layer: layer?,
            if_missing: if_missing?,
        })
    }
}

/// Reads the number of a layer; the base is layer 1.
pub(super) fn layer_number(text: &str) -> Option<usize> {
    let number = text.parse().ok();
    number.filter(|n: &usize| *n > 0 && n.to_string() == text)
}

fn number(field: &Field<'_>, problems: &mut Problems) -> Option<LayerSelector> {
    let text = field.word(problems)?;
    let number = layer_number(text);
    if number.is_none() {
        let message = format!("{} is not the number of a layer", quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(
            "the base is layer 1; `diff-id` and `created-by` are other ways to name one",
        ));
    }
    number.map(LayerSelector::Number)
}

fn created_by(field: &Field<'_>, problems: &mut Problems) -> Option<LayerSelector> {
    let text = field.some_text(problems)?;
    if let Err(reason) = Regex::new(text) {
        let message = format!("{} is no regular expression: {reason}", quoted(text));
        problems.add(field.problem(Code::InvalidValue, message));
        return None;
    }
    Some(LayerSelector::CreatedBy(text.to_owned()))
}

schema::schemas! {
    LayerRemovalSchema, "LayerRemoval", |generator| json_schema!({
        "description": "The number of a layer, the base being 1, or a map that says which layer in another way",
        "anyOf": [generator.subschema_for::<LayerNumber>(), generator.subschema_for::<LongLayerRemoval>()],
    });
    LayerNumber, "LayerNumber", |_| json_schema!({
        "description": "The number of a layer; the base is layer 1",
        "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "string", "pattern": "^[1-9][0-9]*$" },
        ],
    });
    DiffIdText, "DiffId", |_| json_schema!({
        "description": "The digest of a layer's uncompressed tar stream",
        "type": "string",
        "pattern": "^sha256:[0-9a-f]{64}$",
    });
}

pub(super) struct LayerRemovalSchema;
struct LayerNumber;
struct DiffIdText;

/// One layer: by `layer`, `diff-id` or `created-by`.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    rename_all = "kebab-case",
    extend("oneOf" = [{ "required": ["layer"] }, { "required": ["diff-id"] }, { "required": ["created-by"] }])
)]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongLayerRemoval {
    /// Its number; the base is layer 1.
    layer: Option<LayerNumber>,
    /// Its diff id.
    diff_id: Option<DiffIdText>,
    /// A regular expression that matches somewhere in what the history says of it.
    created_by: Option<schema::SomeText>,
    /// What it means that no image has such a layer: a problem, which is the default, or nothing to do.
    if_missing: Option<IfMissing>,
}
