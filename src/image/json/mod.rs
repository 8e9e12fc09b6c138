//! JSON documents that keep every byte nobody asked to change: key order, white space, number spelling, escapes.
//!
//! An image's identity is the hash of its documents as they are written, so an edit replaces the value it names and
//! leaves the rest alone. What we add is spelled as Go's `encoding/json` spells it (formats of Docker, containerd and
//! podman alike) and laid out like its neighbours.

mod edit;
mod escape;
mod fields;
mod list;
mod members;
mod parse;
mod place;
mod sequence;
mod spelling;
mod value;

#[cfg(test)]
mod tests;

pub use edit::{ArrayEdit, Document, ItemId};
pub use escape::{decode, encode};
pub use fields::{AmbiguousKey, Fields, Shape};
pub use parse::{MAX_DEPTH, ParseError};
pub use place::Place;
pub use spelling::Spelling;
pub use value::Value;
