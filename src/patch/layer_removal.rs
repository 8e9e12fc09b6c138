//! `remove-layer`: which layer goes.

use schemars::{JsonSchema, json_schema};

use super::decode::{Field, Problems};
use super::layer_selector::{DiffIdText, LayerNumber, LayerSelector, SELECTORS};
use super::node::Value;
use super::removal::IfMissing;
use super::schema;

/// What `remove-layer` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRemoval {
    /// The layer.
    pub layer: LayerSelector,
    /// What it means that no image has such a layer.
    pub if_missing: IfMissing,
}

impl LayerRemoval {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        if !matches!(field.node.value, Value::Map(_)) {
            return Some(Self {
                layer: LayerSelector::number(field, problems)?,
                if_missing: IfMissing::Problem,
            });
        }
        let keys = [&SELECTORS[..], &["if-missing"]].concat();
        let record = field.record(&keys, problems)?;
        let if_missing = IfMissing::of(&record, problems);
        let layer = LayerSelector::of_record(field, &record, problems);
        Some(Self {
            layer: layer?,
            if_missing: if_missing?,
        })
    }
}

schema::schemas! {
    LayerRemovalSchema, "LayerRemoval", |generator| json_schema!({
        "description": "The number of a layer (the base is 1), or a map that selects the layer in another way",
        "anyOf": [generator.subschema_for::<LayerNumber>(), generator.subschema_for::<LongLayerRemoval>()],
    });
}

pub(super) struct LayerRemovalSchema;

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
    /// A regular expression that matches part of its history entry.
    created_by: Option<schema::SomeText>,
    /// What to do if no image has such a layer: report a problem (the default) or ignore it.
    if_missing: Option<IfMissing>,
}
