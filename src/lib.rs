//! Apply a declarative patch file to a container image you already have.

pub mod archive;
pub mod compression;
pub mod digest;
pub mod error;
pub mod image;
pub mod image_path;
pub mod reference;
pub mod tarball;
pub mod timestamp;
pub mod verify;
