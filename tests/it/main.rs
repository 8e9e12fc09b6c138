//! One test binary.

mod binary;
mod engine;
mod engine_test;
mod fixpoint;
mod patch;
mod rootfs;
mod schema;
mod tarball;
