//! What a plan is made from besides the patches.

use std::collections::HashMap;

use super::OperationId;
use crate::digest::Digest;
use crate::edit::{HostSource, InventoryImage};
use crate::image_path::ImagePath;
use crate::reference::Reference;
use crate::timestamp::Timestamp;

/// Everything a plan is made from besides the patches.
#[derive(Debug)]
pub struct Inventory {
    /// The images of the archive, in its order.
    pub images: Vec<InventoryImage>,
    /// What the archive names and nobody can read: it stays as it is, and is for no patch to change.
    pub unread: Vec<UnreadImage>,
    /// What was found where operations take files from.
    pub sources: HashMap<OperationId, HostSource>,
    /// Whether the form that is written keeps layers uncompressed.
    pub keeps_plain: bool,
    /// Which layers that are not compressed become so: clients of registries expect it.
    pub packed: Packed,
    /// Whether the form that is written has a place for names of images.
    pub has_names: bool,
    /// The time to give to images that change, where the environment sets one.
    pub source_date_epoch: Option<Timestamp>,
    /// The files whose texts are wanted as the patches leave them.
    pub shown: Vec<ImagePath>,
}

/// Which layers are compressed that would not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    /// None.
    None,
    /// Those that the plan makes.
    Made,
    /// All of them.
    All,
}

/// An image, or something else, that cannot be read.
#[derive(Debug, Clone)]
pub struct UnreadImage {
    /// What it is called.
    pub name: String,
    /// Its tags.
    pub names: Vec<Reference>,
    /// The digest, where one is stated.
    pub digest: Option<Digest>,
    /// Why it cannot be read.
    pub reason: String,
    /// Whether there is nothing of it in the archive; else it is damaged.
    pub is_absent: bool,
}
