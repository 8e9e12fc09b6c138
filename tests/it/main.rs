//! One test binary.

mod attack;
mod binary;
mod cases;
mod cli;
mod damage;
mod edit;
mod engine;
mod engine_test;
mod fixpoint;
mod hostile;
mod house;
mod loaders;
mod nothing_lost;
mod patch;
mod pipes;
mod readme;
mod recipes;
mod reproducible;
mod rootfs;
mod schema;
mod switch;
mod tarball;
mod verify;
mod walk;
