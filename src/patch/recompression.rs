//! `recompress`: how layers are stored.

use schemars::{JsonSchema, json_schema};

use super::add_layer::LayerCompression;
use super::decode::{Field, Problems};
use super::layer_selector::LayerRange;
use super::new_file::optional;
use super::node::Value;
use super::schema;
use crate::problem::Code;

/// What `recompress` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recompression {
    /// The new compression.
    pub to: LayerCompression,
    /// Which.
    pub layers: LayerRange,
}

impl Recompression {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        if !matches!(field.node.value, Value::Map(_)) {
            return Some(Self {
                to: LayerCompression::decode(field, problems)?,
                layers: LayerRange::All,
            });
        }
        let record = field.record(&["to", "layers"], problems)?;
        let help = "specify the compression, as in `to: zstd`";
        let to = record.require("to", Code::MissingKey, help, problems);
        let to = to.and_then(|to| LayerCompression::decode(to, problems));
        let layers = optional(&record, "layers", problems, LayerRange::decode);
        Some(Self {
            to: to?,
            layers: layers?.unwrap_or(LayerRange::All),
        })
    }
}

schema::schemas! {
    RecompressionSchema, "Recompression", |generator| json_schema!({
        "description": "The new compression, or a map of it and of the layers it applies to",
        "anyOf": [generator.subschema_for::<LayerCompression>(), generator.subschema_for::<LongRecompression>()],
    });
}

pub(super) struct RecompressionSchema;

/// The compression, and the layers it applies to.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongRecompression {
    /// The new compression.
    to: LayerCompression,
    /// The layers; the default is `all`.
    layers: Option<LayerRange>,
}
