//! `rewrite-timestamps`: the time that no file of a layer is later than.

use schemars::{JsonSchema, json_schema};

use super::decode::{Field, Problems};
use super::layer_selector::LayerRange;
use super::new_file::optional;
use super::node::Value;
use super::{schema, values};
use crate::problem::Code;
use crate::timestamp::Timestamp;

const EPOCH: &str = "source-date-epoch";

/// What `rewrite-timestamps` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeLimit {
    /// Later times become this: the time of the whole run if nothing is given.
    pub to: Option<Timestamp>,
    /// In these layers.
    pub layers: LayerRange,
}

impl TimeLimit {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        if !matches!(field.node.value, Value::Map(_)) {
            return Some(Self {
                to: time(field, problems)?,
                layers: LayerRange::All,
            });
        }
        let record = field.record(&["to", "layers"], problems)?;
        let help = "specify the time, as in `to: 2026-01-31T12:00:00Z` or `to: source-date-epoch`";
        let to = record.require("to", Code::MissingKey, help, problems);
        let to = to.and_then(|to| time(to, problems));
        let layers = optional(&record, "layers", problems, LayerRange::decode);
        Some(Self {
            to: to?,
            layers: layers?.unwrap_or(LayerRange::All),
        })
    }
}

#[expect(
    clippy::option_option,
    reason = "the outer one is whether it was right, the inner one whether it is given here"
)]
fn time(field: &Field<'_>, problems: &mut Problems) -> Option<Option<Timestamp>> {
    if field.node.as_text() == Some(EPOCH) {
        return Some(None);
    }
    values::time(field, problems).map(Some)
}

schema::schemas! {
    TimeLimitSchema, "TimeLimit", |generator| json_schema!({
        "description": "The maximum timestamp, or a map of it and of the layers it applies to",
        "anyOf": [generator.subschema_for::<LatestTime>(), generator.subschema_for::<LongTimeLimit>()],
    });
    LatestTime, "LatestTime", |generator| json_schema!({
        "description": "An RFC 3339 timestamp, or `source-date-epoch` for `SOURCE_DATE_EPOCH` (1970 if unset)",
        "anyOf": [generator.subschema_for::<schema::Time>(), { "type": "string", "pattern": format!("^{EPOCH}$") }],
    });
}

pub(super) struct TimeLimitSchema;
struct LatestTime;

/// The maximum timestamp, and the layers it applies to.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongTimeLimit {
    /// The time.
    to: LatestTime,
    /// The layers; the default is `all`.
    layers: Option<LayerRange>,
}
