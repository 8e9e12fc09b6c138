//! Walks over the tree, in order.

use super::children::Names;
use super::{Node, Rootfs};
use crate::image_path::ImagePath;

/// A walk over the tree.
#[derive(Debug)]
pub struct Iter<'a> {
    rootfs: &'a Rootfs,
    stack: Vec<(ImagePath, Names<'a>)>,
    /// Where it keeps to what one layer has put, the number of that.
    layer: Option<u32>,
    /// Whether what was given last holds something that comes next.
    is_entered: bool,
}

impl Rootfs {
    /// Returns what the layer on top has put below `path`, and the directories on the way there.
    #[must_use]
    pub fn newest_below(&self, path: &ImagePath) -> Iter<'_> {
        Iter {
            layer: Some(self.n_layers),
            ..self.below(path)
        }
    }

    pub(super) fn walk_from(&self, id: u32, path: ImagePath) -> Iter<'_> {
        Iter {
            rootfs: self,
            stack: vec![(path, self.slot(id).children.iter())],
            layer: None,
            is_entered: false,
        }
    }
}

impl<'a> Iter<'a> {
    /// A walk over nothing.
    pub(super) fn nothing(rootfs: &'a Rootfs) -> Self {
        Self {
            rootfs,
            stack: Vec::new(),
            layer: None,
            is_entered: false,
        }
    }

    /// Returns how many directories below the beginning of the walk lead to what was given last.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.stack.len() - 1 - usize::from(self.is_entered)
    }

    /// Leaves out what is below what was given last.
    pub fn pass_over(&mut self) {
        if std::mem::take(&mut self.is_entered) {
            self.stack.pop();
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (ImagePath, &'a Node);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (directory, names) = self.stack.last_mut()?;
            let Some((name, id)) = names.next() else {
                self.stack.pop();
                continue;
            };
            let slot = self.rootfs.slot(id);
            if self.layer.is_some_and(|layer| slot.touched_by != layer) {
                continue;
            }
            let path = directory.join(name);
            self.is_entered = !slot.children.is_empty();
            if self.is_entered {
                self.stack.push((path.clone(), slot.children.iter()));
            }
            return Some((path, &slot.node));
        }
    }
}
