//! `remove-layer`: which layer is removed.

use crate::shape::{IfMissing, LayerSelector, Short, record};

record! {
    /// One layer: by `layer`, `diff-id` or `created-by`.
    pub struct LayerRemoval("LongLayerRemoval") {
        /// The layer.
        pub layer: LayerSelector = one_of::<LayerSelector>();
        /// What to do if no image has such a layer: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
    }
    short Short::Value("layer"), "LayerRemoval", "The number of a layer (the base is 1), or a map that selects the layer in another way";
}
