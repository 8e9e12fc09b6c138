//! What each writer of archives writes, read and as it would be written again.

pub(super) mod containerd;
pub(super) mod containers_image;
pub(super) mod descriptor;
pub(super) mod docker;
pub(super) mod go;
pub(super) mod graph;
pub(super) mod hybrid;
pub(super) mod layout;
pub(super) mod named;
pub(super) mod open;
pub(super) mod read;
pub(super) mod root;
pub(super) mod state;
pub(super) mod v1;
pub(super) mod v1_directories;
