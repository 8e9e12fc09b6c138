//! Random stacks of layers and what operations make of them, against trees that are worked out by hand.
//!
//! `OCIPATCH_CASES=50 cargo test stacks` tries a hundred times as many.

pub(crate) mod any_edit;
pub(crate) mod edit;
mod edits;
pub(crate) mod honest;
pub(crate) mod item;
mod lines;
pub(crate) mod model;
mod overlay;
mod purges;
mod restructure;
pub(crate) mod run;
pub(crate) mod trees;
pub(crate) mod wild;
