//! Archives made of real ones, patched.
#![no_main]

#[path = "../../it/fuzz/mod.rs"]
#[allow(dead_code)]
mod fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::any_archive(bytes));
