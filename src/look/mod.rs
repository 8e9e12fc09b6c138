//! Looks into one image of an archive: the content of a file, the file tree, the tree as a tar or a directory.
//!
//! Nothing of the archive changes. The tree is the one that [`crate::rootfs`] merges, and no more is read than what is asked for
//! depends on. Memory follows the number of files, never their size.

mod absent;
mod choose;
mod content;
mod find;

pub use absent::{Absent, Unseen};
pub use choose::Selection;
pub use content::copy_content;
pub use find::{Sight, look_up, see};
