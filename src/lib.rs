//! Apply a declarative patch file to a container image you already have.

pub mod digest;
pub mod image_path;
pub mod patch;
pub mod problem;
pub mod reference;
pub mod tarball;
pub mod timestamp;
