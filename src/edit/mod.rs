//! An image between two operations, and what an operation may do to it: change its documents, lay and change layers, note
//! what it wants. Operations are given an [`EditedImage`] and nothing else.

pub(crate) mod claims;
pub(crate) mod effect;
pub(crate) mod effort;
pub(crate) mod files;
pub(crate) mod host_source;
pub(crate) mod image;
pub(crate) mod inventory;
pub(crate) mod kept;
pub(crate) mod layer;
pub(crate) mod laying;
pub(crate) mod lines;
pub(crate) mod links;
pub(crate) mod matching;
pub(crate) mod merged;
pub(crate) mod names;
pub(crate) mod remains;
pub(crate) mod rewrites;
pub(crate) mod selection;
mod stack;
pub(crate) mod state;
pub(crate) mod text;
pub(crate) mod tree_changes;
pub(crate) mod variables;

pub use effect::{Effect, Step};
pub use host_source::{BaseCandidate, BaseLayer, HostSource, LayerSource};
pub(crate) use image::EditedImage;
pub use inventory::{InventoryImage, Texts, WantedText};
pub use layer::{
    Change, FileChange, MadeContent, MadeLayer, PlacedContent, PlannedLayer, Recompressed, Remains,
    RemovedLayer, TextChange,
};
pub(crate) use state::ImageState;
