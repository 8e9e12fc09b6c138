//! Registries: real ones, one in memory, and a double that does what real ones rarely do.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod answers;
pub(crate) mod double;
mod logged_in;
mod memory;
mod plain;
pub(crate) mod server;
mod tls;
pub(crate) mod token;
