//! One test binary.

mod annotations;
mod attack;
mod binary;
mod cases;
mod cli;
mod damage;
mod docker_config;
mod edit;
mod engine;
mod engine_test;
mod fixpoint;
mod hostile;
mod house;
mod loaders;
mod lossless;
mod nothing_lost;
mod operations;
mod patch;
mod readme;
mod recipes;
mod reproducible;
mod rootfs;
mod schema;
mod tarball;
mod verify;
mod walk;
