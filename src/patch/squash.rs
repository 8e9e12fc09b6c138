//! `squash`: which layers become one.

use schemars::{JsonSchema, json_schema};

use super::add_layer::LayerCompression;
use super::decode::{Field, Problems};
use super::layer_selector::LayerRange;
use super::new_file::optional;
use super::node::Value;
use super::path_settings::created_by_text;
use super::schema;
use crate::problem::Code;

/// What `squash` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Squash {
    /// The layers.
    pub layers: LayerRange,
    /// The `created_by` of the history entry.
    pub created_by: Option<String>,
    /// How that is compressed, if not as the layer below it.
    pub compression: Option<LayerCompression>,
}

impl Squash {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        if !matches!(field.node.value, Value::Map(_)) {
            return Some(Self {
                layers: LayerRange::decode(field, problems)?,
                created_by: None,
                compression: None,
            });
        }
        let record = field.record(&["layers", "created-by", "compression"], problems)?;
        let help = "specify the layers, as in `layers: 2-4` or `layers: all`";
        let layers = record.require("layers", Code::MissingKey, help, problems);
        let layers = layers.and_then(|layers| LayerRange::decode(layers, problems));
        let created_by = optional(&record, "created-by", problems, created_by_text);
        let compression = optional(&record, "compression", problems, LayerCompression::decode);
        Some(Self {
            layers: layers?,
            created_by: created_by?,
            compression: compression?,
        })
    }
}

schema::schemas! {
    SquashSchema, "Squash", |generator| json_schema!({
        "description": "The layers to combine, or a map of these and of options",
        "anyOf": [generator.subschema_for::<LayerRange>(), generator.subschema_for::<LongSquash>()],
    });
}

pub(super) struct SquashSchema;

/// The layers to combine, and the history entry and compression of the new one.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongSquash {
    /// The layers.
    layers: LayerRange,
    /// The `created_by` of the history entry.
    created_by: Option<schema::SomeText>,
    /// The compression of the new layer; by default that of the layer below.
    compression: Option<LayerCompression>,
}
