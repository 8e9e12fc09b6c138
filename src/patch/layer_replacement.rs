//! `replace-layer`: which layer is replaced, and with what.

use super::add_layer::AddLayer;
use crate::shape::{
    Definitions, Field, IfMissing, Json, LayerSelector, Map, Problems, Shape, record,
};

record! {
    /// One layer, by `layer`, `diff-id` or `created-by`, and its replacement.
    pub struct LayerReplacement("LayerReplacement") {
        /// The layer that is replaced.
        pub layer: LayerSelector = one_of::<LayerSelector>();
        /// The new layer.
        "with" pub with: AddLayer = required::<ReplacementLayer>("specify the new layer, as in `with: { from: ./rootfs }`");
        /// What to do if no image has such a layer: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
    }
}

/// A layer whose position is that of another: all that `add-layer` takes, but no `at`.
struct ReplacementLayer;

const POSITION: &str = "at";

impl Shape for ReplacementLayer {
    type Value = AddLayer;

    const NAME: &'static str = "ReplacementLayer";

    fn schema(definitions: &mut Definitions) -> Json {
        let mut schema = AddLayer::map_schema(definitions);
        let properties = schema["properties"].as_object_mut();
        let at = properties.and_then(|properties| properties.shift_remove(POSITION));
        at.expect("a layer has a position");
        schema
    }

    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<AddLayer> {
        let mut keys = AddLayer::keys();
        keys.retain(|key| *key != POSITION);
        AddLayer::of_record(&field.record(&keys, problems)?, problems)
    }
}
