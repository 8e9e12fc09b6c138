//! What several layers change together of the tree below them.

use std::collections::{BTreeMap, HashSet};

use super::kept::{entry_of, put};
use super::{ImageState, MadeLayer};
use crate::image_path::ImagePath;
use crate::layer::Edit;
use crate::rootfs::{Inode, Node, Rootfs};
use crate::tarball::Kind;

/// Returns what the layers at `places` of the tree change together: `below` is the tree without them, `after` that with
/// them on top.
pub(crate) fn merged(
    state: &ImageState,
    (below, after): (&Rootfs, &Rootfs),
    places: &[usize],
    layers: &[MadeLayer],
) -> BTreeMap<ImagePath, Edit> {
    let places: HashSet<usize> = places.iter().copied().collect();
    // A directory that is only implied is there all the same, also when nothing is left in it.
    let is_theirs = |node: &Node| places.contains(&node.layer);
    let root = ImagePath::root();
    let root_node = after.get(&root).expect("a tree has a root");
    let root = (!root_node.is_implied).then_some((root, root_node));
    let placed = |(path, node): (ImagePath, &Node)| {
        let edit = put(node, entry_of(node), state.data(node, layers));
        (path, edit)
    };
    let all = root.into_iter().chain(after);
    let theirs = all.filter(|(_, node)| is_theirs(node));
    let mut edits: BTreeMap<ImagePath, Edit> = theirs.map(placed).collect();
    let shared = shared(after, &places);
    for name in shared.into_iter().flat_map(|inode| after.names(inode)) {
        let node = after.get(&name).expect("a name of the tree is in it");
        if !is_theirs(node) {
            edits.extend([placed((name, node))]);
        }
    }
    edits.extend(hidden(below, after).map(|path| (path, Edit::Hide)));
    edits
}

/// Returns what layers below those at `places` hold and these give more names: it stays one file only where all its names
/// come along. Engines that extract a layer alone refuse such names.
fn shared(after: &Rootfs, places: &HashSet<usize>) -> HashSet<Inode> {
    let is_name = |node: &&Node| {
        node.kind != Kind::Directory
            && places.contains(&node.layer)
            && !places.contains(&node.content.layer)
    };
    let nodes = after.iter().map(|(_, node)| node);
    nodes.filter(is_name).map(|node| node.inode).collect()
}

/// Returns what `below` has and `after` has not, without what goes with its directory or with a file in its place.
fn hidden<'a>(below: &'a Rootfs, after: &'a Rootfs) -> impl Iterator<Item = ImagePath> + 'a {
    let is_gone = |(path, _): &(ImagePath, &Node)| {
        let parent = path.parent().unwrap_or_else(ImagePath::root);
        let has_parent = after
            .get(&parent)
            .is_some_and(|node| node.kind == Kind::Directory);
        has_parent && after.get(path).is_none()
    };
    below.iter().filter(is_gone).map(|(path, _)| path)
}
