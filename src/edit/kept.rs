//! Files of the tree as they go into a new layer.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::image_path::ImagePath;
use crate::layer::{Data, Edit};
use crate::rootfs::{Inode, Node, Rootfs};
use crate::tarball::{Entry, Kind, TypeFlag};

/// Returns an entry that says of a file what the tree does.
pub(crate) fn entry_of(node: &Node) -> Entry {
    Entry {
        link_name: node.link_name.to_vec(),
        kind: node.kind,
        mode: node.mode & 0o7777,
        uid: node.uid,
        gid: node.gid,
        mtime: node.mtime,
        device: node.device,
        xattrs: node.xattrs.to_vec(),
        ..Entry::file()
    }
}

/// Puts a file of the tree somewhere; names of one file stay names of one file.
pub(crate) fn put(node: &Node, entry: Entry, data: Data) -> Edit {
    let has_names = node.kind != Kind::Directory;
    Edit::Put {
        entry: Box::new(entry),
        data,
        same_file: has_names.then_some((0, node.inode.number())),
    }
}

/// Returns the first of the paths at which something is that no engine unpacks, with words for it.
pub(crate) fn first_unsupported<'a>(
    tree: &Rootfs,
    paths: impl IntoIterator<Item = &'a ImagePath>,
) -> Option<(ImagePath, TypeFlag)> {
    paths
        .into_iter()
        .find_map(|path| match tree.get(path)?.kind {
            Kind::Unsupported(flag) => Some((path.clone(), flag)),
            _ => None,
        })
}

/// Returns all names of whatever of the paths has several, as links and pipes may have too.
pub(crate) fn names_of<'a>(
    tree: &Rootfs,
    paths: impl IntoIterator<Item = &'a ImagePath>,
) -> HashMap<Inode, BTreeSet<ImagePath>> {
    let nodes = paths.into_iter().filter_map(|path| tree.get(path));
    let files = nodes.filter(|node| node.kind != Kind::Directory);
    let inodes: HashSet<Inode> = files.map(|node| node.inode).collect();
    let names = inodes.into_iter().map(|inode| (inode, tree.names(inode)));
    names.filter(|(_, names)| !names.is_empty()).collect()
}
