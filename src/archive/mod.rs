//! Archives of images on disk.

mod directory;
pub mod names;
mod source;
mod spool;

pub use source::{Blob, Source, SourceEntry};
