//! Random stacks of layers and what operations make of them, against trees that are worked out by hand.
//!
//! `OCIPATCH_CASES=50 cargo test stacks` tries so many times as many.

mod any_edit;
mod edit;
mod edits;
mod honest;
mod item;
mod model;
mod overlay;
mod purges;
mod restructure;
mod run;
mod trees;
mod wild;
