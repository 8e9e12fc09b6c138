//! What a plan is made from besides the patches.

use std::collections::HashMap;

use super::OperationId;
use crate::edit::{HostSource, InventoryImage};
use crate::timestamp::Timestamp;

/// Everything a plan is made from besides the patches.
#[derive(Debug)]
pub struct Inventory {
    /// The images of the archive, in its order.
    pub images: Vec<InventoryImage>,
    /// What was found where operations take files from.
    pub sources: HashMap<OperationId, HostSource>,
    /// Whether the form that is written keeps layers uncompressed.
    pub keeps_plain: bool,
    /// Whether the form that is written has a place for names of images.
    pub has_names: bool,
    /// The time to give to images that change, where the environment sets one.
    pub source_date_epoch: Option<Timestamp>,
}
