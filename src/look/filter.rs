//! Which paths of a tree are shown.

use std::collections::HashMap;

use super::absent::Absent;
use super::find::absent;
use crate::archive::Archive;
use crate::edit::{has_pattern, matching_all};
use crate::image_path::ImagePath;
use crate::rootfs::{Node, PathSet, Rootfs};

/// What selects paths of trees. The default selects all of them.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Paths and patterns, with the rules of `remove-path`; a directory means everything in it too.
    pub patterns: Vec<ImagePath>,
    /// The position of the layer that a path comes from.
    pub layer: Option<usize>,
}

/// A tree, and which of its paths are shown.
#[derive(Debug)]
pub struct View {
    tree: Rootfs,
    paths: Option<PathSet>,
    layer: Option<usize>,
}

impl Filter {
    /// Applies this to the trees of images. Each pattern must match something in one of them.
    pub fn views(
        &self,
        archive: &Archive,
        trees: HashMap<usize, Rootfs>,
    ) -> Result<HashMap<usize, View>, Absent> {
        let mut images: Vec<(usize, Rootfs)> = trees.into_iter().collect();
        images.sort_by_key(|(image, _)| *image);
        if images.is_empty() && !self.patterns.is_empty() {
            let message = "the archive has no image with all its layers";
            return Err(Absent::new(message.to_owned()));
        }
        self.want_layer(archive, &images)?;
        let mut is_found = vec![false; self.patterns.len()];
        let mut found = Vec::new();
        for (_, tree) in &images {
            let mut paths = Vec::new();
            for (pattern, is_found) in self.patterns.iter().zip(&mut is_found) {
                let matched = matches(tree, pattern);
                *is_found |= !matched.is_empty();
                paths.extend(matched);
            }
            // A directory before what is in it.
            paths.sort();
            found.push((!self.patterns.is_empty()).then(|| PathSet::topmost(&paths)));
        }
        let missing = self
            .patterns
            .iter()
            .zip(is_found)
            .find(|(_, is_found)| !is_found);
        if let (Some((pattern, _)), Some((_, tree))) = (missing, images.first()) {
            return Err(no_match(tree, pattern));
        }
        let views = images.into_iter().zip(found).map(|((image, tree), paths)| {
            let layer = self.layer;
            (image, View { tree, paths, layer })
        });
        Ok(views.collect())
    }

    fn want_layer(&self, archive: &Archive, images: &[(usize, Rootfs)]) -> Result<(), Absent> {
        let n_layers = |(image, _): &(usize, Rootfs)| archive.images()[*image].layers().len();
        let n_most = images.iter().map(n_layers).max().unwrap_or_default();
        match self.layer {
            Some(layer) if layer >= n_most => {
                let number = layer + 1;
                let help = format!("the layers are 1 to {n_most}, from the base up");
                Err(Absent::with_help(
                    format!("there is no layer {number}"),
                    help,
                ))
            }
            _ => Ok(()),
        }
    }
}

fn matches(tree: &Rootfs, pattern: &ImagePath) -> Vec<ImagePath> {
    if pattern.is_root() {
        return vec![ImagePath::root()];
    }
    matching_all(tree, pattern).into_iter().collect()
}

fn no_match(tree: &Rootfs, pattern: &ImagePath) -> Absent {
    if has_pattern(pattern) {
        return Absent::new(format!("no path of the image matches `{pattern}`"));
    }
    absent(tree, pattern, &tree.locate(pattern))
}

impl View {
    /// Returns what is shown, a directory before what is in it.
    pub fn iter(&self) -> impl Iterator<Item = (ImagePath, &Node)> {
        let is_shown = |(path, node): &(ImagePath, &Node)| {
            self.paths.as_ref().is_none_or(|paths| paths.covers(path))
                && self.layer.is_none_or(|layer| node.layer == layer)
        };
        self.tree.iter().filter(is_shown)
    }
}
