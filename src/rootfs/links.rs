//! Files with several names: hard links, and what they are links of.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Inode, ROOT, Rootfs};
use crate::image_path::ImagePath;

impl Rootfs {
    /// Takes down that a file has another name: `first` is the slot of the one that it had, `new` that of the new one.
    pub(super) fn name_again(&mut self, inode: Inode, first: Option<u32>, new: Option<u32>) {
        let names = Arc::make_mut(&mut self.names).entry(inode).or_default();
        if names.is_empty() {
            names.extend(first);
        }
        names.extend(new);
    }

    /// Returns all names of a file that has several, sorted; of one that has one nothing.
    #[must_use]
    pub fn names(&self, inode: Inode) -> BTreeSet<ImagePath> {
        let slots = self.names.get(&inode).into_iter().flatten();
        let names: BTreeSet<ImagePath> = slots.filter_map(|&id| self.path_of(id)).collect();
        if names.len() < 2 {
            return BTreeSet::new();
        }
        names
    }

    /// Returns where a slot is, unless it was replaced or removed.
    fn path_of(&self, id: u32) -> Option<ImagePath> {
        let mut names: Vec<&[u8]> = Vec::new();
        let mut at = id;
        while at != ROOT {
            let slot = self.slot(at);
            if self.child(slot.parent, &slot.name) != Some(at) {
                return None;
            }
            names.push(&slot.name);
            at = slot.parent;
        }
        names.reverse();
        Some(ImagePath::root().join_all(names))
    }
}
