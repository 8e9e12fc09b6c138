//! What the entries of a layer are names of.

use std::collections::HashMap;

use crate::image_path::ImagePath;
use crate::rootfs::{Content, LoggedEntry, PSEUDO_LINKS, Resolution, Rootfs};
use crate::tarball::{Kind, SparseMap};

/// What a name stands for, other than a directory.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) content: Content,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    pub(crate) sparse: Option<SparseMap>,
}

/// What names of one layer stand for, in the order of its stream.
#[derive(Default)]
pub(crate) struct Targets {
    /// Those below a directory of AUFS, which are no paths of files.
    pseudo_links: HashMap<ImagePath, Target>,
}

impl Targets {
    /// Returns what an entry that comes to `tree` is a name of: itself, or the target of a hard link.
    pub(crate) fn look(&mut self, tree: &Rootfs, logged: &LoggedEntry) -> Option<Target> {
        let entry = &logged.entry;
        match entry.kind {
            Kind::Directory | Kind::Global => None,
            Kind::HardLink => self.target(tree, &ImagePath::confined(&entry.link_name)),
            kind => {
                let target = Target {
                    content: logged.content,
                    kind,
                    size: entry.size,
                    sparse: entry.sparse.clone(),
                };
                let path = ImagePath::confined(&entry.name);
                if is_pseudo_link(&path) {
                    self.pseudo_links.insert(path, target.clone());
                }
                Some(target)
            }
        }
    }

    fn target(&self, tree: &Rootfs, target: &ImagePath) -> Option<Target> {
        if is_pseudo_link(target) {
            return self.pseudo_links.get(target).cloned();
        }
        let Resolution::Found { path } = tree.locate(target) else {
            return None;
        };
        let node = tree.get(&path)?;
        Some(Target {
            content: node.content,
            kind: node.kind,
            size: node.size,
            sparse: node.sparse.clone(),
        })
    }
}

pub(crate) fn is_pseudo_link(path: &ImagePath) -> bool {
    path.components().next() == Some(PSEUDO_LINKS)
}
