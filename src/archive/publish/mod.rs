//! Where a revised archive goes: complete or not at all.

mod compared;
pub(super) mod content;
pub(super) mod destination;
pub(super) mod extract;
pub(super) mod file;
pub(super) mod in_place;
mod listed;
pub(super) mod lock;
pub(super) mod new_directory;
pub(super) mod pack;
pub(super) mod pending;
pub(super) mod recover;
pub(super) mod registry;
#[cfg(test)]
mod tests;
pub(super) mod tree;
pub(super) mod unpack_layers;
mod waiting;
pub(super) mod write;
