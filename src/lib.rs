//! Apply a declarative patch file to a container image you already have.

pub mod digest;
pub mod image_path;
pub mod layer;
pub mod reference;
pub mod rootfs;
pub mod tarball;
pub mod timestamp;
