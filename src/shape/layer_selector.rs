//! Which layer of an image, or which of them, an operation is about.

use serde_json::json;

use super::decode::{Field, Problems};
use super::definitions::{Keys, map_of, shape, string_like};
use super::pattern::Expression;
use super::{one_of, words};
use crate::compression::Compression;
use crate::digest::DiffId;
use crate::problem::{Code, quoted};

const RANGE_HELP: &str =
    "write `all`, the number of a layer, or the first and the last one, as in `2-4`";

const DIFF_ID_HELP: &str = "write `sha256:` and 64 lower-case hex digits";
/// The numbers of layers as keys.
const LAYER: Keys = Keys {
    word: "layer",
    pattern: "^[1-9][0-9]*$",
    message: "write the number of a layer; the base is layer 1",
};

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

one_of! {
    LayerSelector, "does not select a layer", "selects a layer twice",
    "write the number of the layer, or one of `layer`, `diff-id` and `created-by`";
    /// Its number; the base is layer 1.
    "layer" LayerNumber => LayerSelector::Number;
    /// Its diff id.
    "diff-id" DiffId => LayerSelector::DiffId;
    /// A regular expression that matches part of its history entry.
    "created-by" Expression => LayerSelector::CreatedBy;
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

words! {
    /// The compression of a layer in the archive.
    pub enum LayerCompression {
        /// gzip.
        "gzip" Gzip,
        /// zstd.
        "zstd" Zstd,
        /// No compression.
        "none" None,
    }
}

impl LayerCompression {
    /// Returns the format.
    pub(crate) fn compression(self) -> Compression {
        match self {
            Self::Gzip => Compression::Gzip,
            Self::Zstd => Compression::Zstd,
            Self::None => Compression::None,
        }
    }
}

shape! {
    /// The number of a layer; the base is layer 1
    pub(crate) struct LayerNumber("LayerNumber") -> usize {
        |_| json!({
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                string_like(LAYER.pattern, LAYER.message),
            ],
        }),
        |field, problems| number(field, "the base is layer 1; `diff-id` and `created-by` also select one", problems)
    }
}

shape! {
    /// The position of a layer, which nothing else gives.
    pub(crate) struct LayerPosition like LayerNumber, -> usize {
        |field, problems| number(field, "the base is layer 1", problems)
    }
}

shape! {
    /// `all` layers, the layers `added` by the plan, one layer by its number, or the first and last one as in `2-4`; the base is layer 1
    impl LayerRange, "LayerRange" {
        |_| json!({
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                string_like("^(all|added|[1-9][0-9]*(-[1-9][0-9]*)?)$", RANGE_HELP),
            ],
        }),
        range
    }
}

shape! {
    /// The digest of a layer's uncompressed tar stream
    impl DiffId, "DiffId" {
        |_| string_like("^sha256:[0-9a-f]{64}$", DIFF_ID_HELP),
        diff_id
    }
}

shape! {
    /// Diff ids by the number of their layer; the base is layer 1
    pub(crate) struct DiffIds("DiffIds") -> Vec<(usize, DiffId)> {
        |definitions| map_of::<DiffId>(LAYER, definitions),
        diff_ids
    }
}

fn number(field: &Field<'_>, help: &str, problems: &mut Problems) -> Option<usize> {
    let text = field.word(problems)?;
    let number = layer_number(text);
    if number.is_none() {
        let message = format!("{} is not the number of a layer", quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(help));
    }
    number
}

fn range(field: &Field<'_>, problems: &mut Problems) -> Option<LayerRange> {
    let text = field.word(problems)?;
    let range = LayerRange::parse(text);
    if range.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(RANGE_HELP));
    }
    range
}

impl LayerRange {
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

fn diff_ids(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<(usize, DiffId)>> {
    let entries = field.entries("write at least one `layer: sha256:…`", problems)?;
    let mut diff_ids = Vec::new();
    for (key, value) in entries {
        let layer = layer_number(key);
        if layer.is_none() {
            let mut key_field = value.clone();
            key_field.address = key_field.address.on_key();
            let message = format!("{} is not the number of a layer", quoted(key));
            let problem = key_field.problem(Code::InvalidValue, message);
            problems.add(problem.with_help("the base is layer 1"));
        }
        diff_ids.extend(layer.zip(diff_id(&value, problems)));
    }
    Some(diff_ids)
}

fn diff_id(field: &Field<'_>, problems: &mut Problems) -> Option<DiffId> {
    let text = field.word(problems)?;
    let diff_id = DiffId::parse(text).ok();
    if diff_id.is_none() {
        let message = format!("{} is not a diff id", quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(DIFF_ID_HELP));
    }
    diff_id
}

/// Reads the number of a layer; the base is layer 1.
fn layer_number(text: &str) -> Option<usize> {
    let number = text.parse().ok();
    number.filter(|n: &usize| *n > 0 && n.to_string() == text)
}
