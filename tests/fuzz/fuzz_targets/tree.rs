//! Stacks of layers, and new layers over them.
#![no_main]

#[path = "../../it/fuzz/mod.rs"]
#[allow(dead_code)]
mod fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::any_tree(bytes));
