//! One test binary.

mod binary;
mod damage;
mod edit;
mod engine;
mod engine_test;
mod fixpoint;
mod house;
mod loaders;
mod patch;
mod rootfs;
mod schema;
mod tarball;
mod verify;
