//! One test binary.

mod engine;
mod engine_test;
mod patch;
mod rootfs;
mod schema;
mod tarball;
