//! `rewrite-timestamps`: layers in which no file is later than some time.

use std::sync::Arc;

use serde_json::json;

use super::{Depth, Docs, Inverse, Needs, Reach, Room, ValueOf};
use crate::edit::image::EditedImage;
use crate::edit::{Effect, MadeContent, PlannedLayer};
use crate::problem::several;
use crate::rootfs::LayerLog;
use crate::shape::{LayerRange, Short, Time, record, shape};
use crate::tarball::{Entry, HeaderChange, Mtime};
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
            "anyOf": [definitions.refer::<Time>(), { "enum": [EPOCH] }],
        }),
        |field, problems| match field.node.as_text() {
            // The time of the whole run.
            Some(EPOCH) => Some(None),
            _ => Time::decode(field, problems).map(Some),
        }
    }
}

impl Room for TimeLimit {
    type Shape = Self;

    const KEY: &'static str = "rewrite-timestamps";

    const DOCS: Docs = Docs {
        does: "Clamps file timestamps to a maximum.",
        takes: "an RFC 3339 timestamp, `source-date-epoch`, or `{to: time, layers: added}`",
        example: "1970-01-01T00:00:09Z",
        before: "layers: [etc/(@5) etc/a(@12)]",
        after: "layers: [etc/(@5) etc/a(@9)]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] = &["2024-01-01T00:00:00Z"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Layers(Depth::Layers))
    }

    fn plan<'a>(limit: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        self::limit(image, limit);
    }
}

fn limit(image: &mut EditedImage<'_>, limit: &TimeLimit) {
    let latest = limit
        .to
        .as_ref()
        .map_or(image.around.epoch, Timestamp::unix_seconds);
    let change = HeaderChange {
        latest: Some(latest),
        ..HeaderChange::default()
    };
    let Some(positions) = image.positions(limit.layers) else {
        return;
    };
    let mut n_files = 0;
    let mut n_layers = 0;
    for position in positions {
        let state = &*image.state;
        let place = state.place(state.layers[position]);
        let logs = state.logs.as_ref();
        let log = &logs.expect("layers were read for every image whose layers change")[&place];
        let n_late = log
            .entries
            .iter()
            .filter(|logged| is_late(&logged.entry, latest))
            .count();
        if n_late == 0 {
            continue;
        }
        n_files += n_late;
        n_layers += 1;
        let index = image.editable(position);
        match &mut image.layers[index].content {
            MadeContent::Composed(content) => {
                for item in &mut content.entries {
                    change.apply_to(&mut item.entry);
                }
            }
            MadeContent::Rewritten(rewrite) => {
                rewrite.latest = Some(rewrite.latest.map_or(latest, |was| was.min(latest)));
            }
            MadeContent::Verbatim(_) => unreachable!("it was made editable"),
        }
        let state = &mut *image.state;
        let place = state.place(PlannedLayer::Made(index));
        let log = state.logs.as_mut().and_then(|logs| logs.get_mut(&place));
        let log = log.expect("every layer has a log");
        clamp(Arc::make_mut(log), &change);
    }
    if n_layers == 0 {
        return;
    }
    let state = &mut *image.state;
    let tree = state.tree_of(&state.layers);
    state.tree = Some(tree.expect("times do not decide what fits"));
    let time = Timestamp::from_unix_seconds(latest);
    let time = time.map_or_else(|| latest.to_string(), |time| time.as_str().to_owned());
    let get = if n_files == 1 { "gets" } else { "get" };
    state.note(format!(
        "{} in {} {get} the time {time}",
        several(n_files, "entry", "entries"),
        several(n_layers, "layer", "layers")
    ));
    image.effects.push(Effect::LimitTimes { latest });
}

/// Times besides the modification time are in records that nobody else looks at; they follow where that is late.
fn is_late(entry: &Entry, latest: i64) -> bool {
    entry.mtime > Mtime::of_seconds(latest)
}

fn clamp(log: &mut LayerLog, change: &HeaderChange) {
    for logged in &mut log.entries {
        change.apply_to(&mut logged.entry);
    }
}
