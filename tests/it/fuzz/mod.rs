//! What a fuzzer calls: functions that take any bytes and hold the product to its promises.
//!
//! `tests/fuzz` gives them to libFuzzer. The ordinary tests call them too, over seeds and some thousands of changes of
//! them; `OCIPATCH_CASES` asks for more, and `OCIPATCH_SEED` begins elsewhere.
#![allow(clippy::unwrap_used, reason = "what cannot go on has found something")]

mod archive;
mod choices;
mod diff;
mod document;
#[cfg(test)]
mod found;
mod json;
mod model;
mod mutate;
mod patch;
#[cfg(test)]
mod tests;
mod tree;
mod words;

use std::path::PathBuf;

pub(crate) use archive::{any_archive, any_bytes};
pub(crate) use diff::any_diff;
pub(crate) use document::any_document;
pub(crate) use patch::any_patch;
pub(crate) use tree::any_tree;

/// The real archives of the tests.
fn fixture(name: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    // The package is this one, or that of the fuzz targets within it.
    let root = if root.ends_with("tests/fuzz") {
        root.join("../..")
    } else {
        root
    };
    std::fs::read(root.join("tests/fixtures").join(name)).unwrap()
}

/// Holds that a text for people does nothing to who reads it.
#[track_caller]
fn assert_clean(text: &str) {
    let is_foul = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    assert!(!text.contains(is_foul), "{text:?}");
}
