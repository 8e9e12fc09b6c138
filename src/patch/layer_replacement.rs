//! `replace-layer`: which layer goes, and what comes in its place.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::add_layer::AddLayer;
use super::decode::{Field, Problems};
use super::layer_selector::{DiffIdText, LayerNumber, LayerSelector, SELECTORS};
use super::removal::IfMissing;
use super::schema;
use crate::problem::Code;

/// What `replace-layer` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerReplacement {
    /// The layer that goes.
    pub layer: LayerSelector,
    /// What comes.
    pub with: AddLayer,
    /// What it means that no image has such a layer.
    pub if_missing: IfMissing,
}

impl LayerReplacement {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let keys = [&SELECTORS[..], &["with", "if-missing"]].concat();
        let record = field.record(&keys, problems)?;
        let if_missing = IfMissing::of(&record, problems);
        let layer = LayerSelector::of_record(field, &record, problems);
        let help = "specify the new layer, as in `with: { from: ./rootfs }`";
        let with = record.require("with", Code::MissingKey, help, problems);
        let with = with.and_then(|with| AddLayer::decode_replacement(with, problems));
        Some(Self {
            layer: layer?,
            with: with?,
            if_missing: if_missing?,
        })
    }
}

/// A layer that comes in the place of another has none of its own.
fn replacement(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = AddLayer::json_schema(generator);
    let properties = schema
        .get_mut("properties")
        .and_then(|it| it.as_object_mut());
    properties.expect("a struct has properties").remove("at");
    schema
}

schema::schemas! {
    NewLayer, "ReplacementLayer", replacement;
}

struct NewLayer;

/// One layer, by `layer`, `diff-id` or `created-by`, and its replacement.
#[derive(JsonSchema)]
#[schemars(
    rename = "LayerReplacement",
    deny_unknown_fields,
    rename_all = "kebab-case",
    extend("oneOf" = [{ "required": ["layer"] }, { "required": ["diff-id"] }, { "required": ["created-by"] }])
)]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
pub(super) struct LayerReplacementSchema {
    /// Its number; the base is layer 1.
    layer: Option<LayerNumber>,
    /// Its diff id.
    diff_id: Option<DiffIdText>,
    /// A regular expression that matches part of its history entry.
    created_by: Option<schema::SomeText>,
    /// The new layer.
    with: NewLayer,
    /// What to do if no image has such a layer: report a problem (the default) or ignore it.
    if_missing: Option<IfMissing>,
}
