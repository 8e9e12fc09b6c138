//! `rewrite-timestamps`: the time that no file of a layer is later than.

use serde_json::json;

use crate::shape::{LayerRange, Short, Time, record, shape};
use crate::timestamp::Timestamp;

const EPOCH: &str = "source-date-epoch";

record! {
    /// The maximum timestamp, and the layers it applies to.
    pub struct TimeLimit("LongTimeLimit") {
        /// The time.
        "to" pub to: Option<Timestamp>
            = required::<LatestTime>("specify the time, as in `to: 2026-01-31T12:00:00Z` or `to: source-date-epoch`");
        /// The layers; the default is `all`.
        "layers" pub layers: LayerRange = default_to::<LayerRange>(LayerRange::All);
    }
    short Short::Value("to"), "TimeLimit", "The maximum timestamp, or a map of it and of the layers it applies to";
}

shape! {
    /// An RFC 3339 timestamp, or `source-date-epoch` for `SOURCE_DATE_EPOCH` (1970 if unset)
    struct LatestTime("LatestTime") -> Option<Timestamp> {
        |definitions| json!({
            "anyOf": [definitions.refer::<Time>(), { "type": "string", "pattern": format!("^{EPOCH}$") }],
        }),
        |field, problems| match field.node.as_text() {
            // The time of the whole run.
            Some(EPOCH) => Some(None),
            _ => Time::decode(field, problems).map(Some),
        }
    }
}
