//! Fleets: the file, the lock, the shards, and what each command asks of registries.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake;
mod file;
mod home;
mod inputs;
mod lock;
mod registry;
mod resolve;
mod run;
mod schedulers;
mod schema;
mod shard;
mod tags;
