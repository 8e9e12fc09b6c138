//! The tree that engines show who extract each layer alone and lay the results one upon the other, as those with
//! overlayfs do: what they do not see while they extract, a layer has to say itself.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;

use ocipatch::tarball::Kind;

use super::item::Item;
use super::model::{Node, Path, Place, Tree, Unfit, clean};

/// A layer on its own.
#[derive(Default)]
struct Upper {
    tree: Tree,
    hidden: BTreeSet<Path>,
    opaque: BTreeSet<Path>,
}

/// Lays a layer over the tree of those below; engines refuse what is not fit.
pub(crate) fn add(lower: &mut Tree, items: &[Item]) -> Result<(), Unfit> {
    let mut upper = Upper::default();
    for item in items {
        upper.extract(item)?;
    }
    upper.merge_into(lower);
    Ok(())
}

impl Upper {
    fn extract(&mut self, item: &Item) -> Result<(), Unfit> {
        let (path, _) = clean(&item.entry.name);
        let Some((name, parents)) = path.split_last() else {
            return self.tree.add(std::slice::from_ref(item));
        };
        let (Place::Found(parent) | Place::Missing(parent)) = self.tree.walk(parents, true) else {
            return Err(Unfit);
        };
        let at = |name: &[u8]| [&parent[..], &[name.to_vec()]].concat();
        let is_overlay = item.entry.kind == Kind::CharDevice && item.entry.device == (0, 0);
        let hidden = match name.strip_prefix(b".wh.") {
            Some(b".wh..opq") => {
                self.opaque.insert(parent);
                return Ok(());
            }
            Some(hidden) if hidden.starts_with(b".wh.") => return Ok(()),
            Some(hidden) => at(hidden),
            None if is_overlay => at(name),
            // Nobody takes a path twice.
            None if self.tree.nodes.contains_key(&at(name))
                || self.hidden.contains(&at(name)) && item.entry.kind == Kind::Directory =>
            {
                return Err(Unfit);
            }
            None => {
                self.hidden.remove(&at(name));
                return self.tree.add(std::slice::from_ref(item));
            }
        };
        if self.tree.nodes.contains_key(&hidden) {
            return Err(Unfit);
        }
        self.hidden.insert(hidden);
        // The directory of the whiteout is there from now on.
        let parent = [parents, &[b"x".to_vec()]].concat().join(&b'/');
        self.tree.add(&[Item::new(Kind::File, &parent)])?;
        let made = at(b"x");
        self.tree.remove(&made);
        Ok(())
    }

    fn merge_into(self, lower: &mut Tree) {
        if self.tree.root.is_some() {
            lower.root = self.tree.root;
        }
        let n_files = lower
            .nodes
            .values()
            .map(|node| node.file)
            .max()
            .unwrap_or(0)
            + 1;
        for (path, node) in self.tree.nodes {
            let is_merged = node.entry.kind == Kind::Directory && lower.is_directory(&path);
            if !is_merged || self.opaque.contains(&path) {
                lower.remove(&path);
            }
            let file = node.file + n_files;
            lower.nodes.insert(path, Node { file, ..node });
        }
        for path in &self.hidden {
            lower.remove(path);
        }
    }
}
