//! `recompress`: how layers are compressed in the archive.

use crate::shape::{LayerCompression, LayerRange, Short, record};

record! {
    /// The compression, and the layers it applies to.
    pub struct Recompression("LongRecompression") {
        /// The new compression.
        "to" pub to: LayerCompression = required::<LayerCompression>("specify the compression, as in `to: zstd`");
        /// The layers; the default is `all`.
        "layers" pub layers: LayerRange = default_to::<LayerRange>(LayerRange::All);
    }
    short Short::Value("to"), "Recompression", "The new compression, or a map of it and of the layers it applies to";
}
