//! `squash`: which layers become one.

use crate::shape::{LayerCompression, LayerRange, Short, Word, record};

record! {
    /// The layers to combine, and the history entry and compression of the new one.
    pub struct Squash("LongSquash") {
        /// The layers.
        "layers" pub layers: LayerRange = required::<LayerRange>("specify the layers, as in `layers: 2-4` or `layers: all`");
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
        /// The compression of the new layer; by default that of the layer below.
        "compression" pub compression: Option<LayerCompression> = optional::<LayerCompression>();
    }
    short Short::Value("layers"), "Squash", "The layers to combine, or a map of these and of options";
}
