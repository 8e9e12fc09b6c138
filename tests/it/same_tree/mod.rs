//! Engines show the file tree that was meant: those that extract each layer alone and lay one over the other (Docker and
//! podman and containerd with overlayfs), and those that extract one layer over the other (umoci; Docker and podman with
//! vfs; containerd's native snapshotter).
//!
//! Random stacks and random edits are in `random`, what is known to be hard in `rows`, `metadata` and `odd`, and what a build makes
//! of the same files in `copy`.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod copy;
mod metadata;
mod odd;
mod random;
mod rows;
mod shown;
mod table;
mod views;
