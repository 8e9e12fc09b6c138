//! A fleet: many images of registries, patched by one committed file.
//!
//! A [`FleetFile`] says which images, which patches and where to. A [`Lock`] is what it came to: every image with its digest. Workers
//! read the lock alone, and each does its [`Shard`] of it.

mod file;
mod lock;
mod open;
mod parallel;
mod recipe;
mod remote;
mod report;
mod resolve;
mod run;
mod schema;
mod shard;
mod tags;
mod template;
mod version;
mod world;

pub use file::{Fleet, FleetFile, FleetImage, FleetKind};
pub use lock::{Entry, Lock, MAX_ENTRIES, Recipe, Unlockable};
pub use recipe::{Drifted, PatchReader};
pub use remote::Remote;
pub use report::{counts, report, status};
pub use resolve::{drift, resolve};
pub use run::{Action, Outcome, Placed, Run, State};
pub use schema::schema;
pub use shard::{Shard, TOTAL};
pub use tags::{TagFilter, VersionRange};
pub use template::Template;
pub use world::{Task, World};
