//! Apply a declarative patch file to a container image you already have.

pub mod apply;
pub mod archive;
pub mod cli;
pub mod compression;
pub mod digest;
pub mod error;
pub mod gather;
pub mod image;
pub mod image_path;
pub mod layer;
pub mod patch;
pub mod plan;
pub mod problem;
pub mod reference;
pub mod rootfs;
pub mod tarball;
pub mod timestamp;
pub mod verify;
