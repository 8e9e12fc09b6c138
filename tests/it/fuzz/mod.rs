//! What fuzzers found.
#![allow(clippy::unwrap_used, reason = "what cannot go on has found something")]

mod found;
