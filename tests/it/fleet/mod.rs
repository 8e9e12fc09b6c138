//! Fleets: the file, the lock, the shards, and what each command asks of registries.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake;
mod file;
mod inputs;
mod lock;
mod resolve;
mod run;
mod schema;
mod shard;
mod tags;
