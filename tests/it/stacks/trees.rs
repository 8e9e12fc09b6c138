//! The merged tree of random stacks is the one that is worked out by hand, and the one of engines that extract each
//! layer alone where layers are as builders write them.
#![allow(clippy::unwrap_used, reason = "tests may fail")]

use ocipatch::rootfs::{LayerLog, Rootfs};
use ocipatch::tarball::{Entry, Kind, Stream, TarReader};
use proptest::prelude::*;

use super::item::{Hand, Item, stream};
use super::model::{Path, Tree, Unfit};
use super::{honest, overlay, wild};
use crate::random;

/// The tree of the program, as one of the model.
pub(crate) fn tree(rootfs: &Rootfs, layers: &[Vec<Item>]) -> Tree {
    let streams: Vec<Vec<u8>> = layers
        .iter()
        .map(|layer| stream(layer, Hand::Plain))
        .collect();
    let mut tree = Tree::default();
    for (path, node) in rootfs {
        let path: Path = path.components().map(<[u8]>::to_vec).collect();
        let start = usize::try_from(node.content.offset).unwrap();
        let content = match node.kind {
            Kind::File => streams[node.content.layer]
                [start..start + usize::try_from(node.size).unwrap()]
                .to_vec(),
            _ => Vec::new(),
        };
        let entry = Entry {
            kind: node.kind,
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            mtime: node.mtime,
            link_name: node.link_name.to_vec(),
            xattrs: node.xattrs.to_vec(),
            device: node.device,
            ..Entry::file()
        };
        let file = usize::try_from(node.inode.number()).unwrap();
        let (is_implied, by) = (node.is_implied, node.layer);
        tree.nodes.insert(
            path,
            super::model::Node {
                entry,
                content,
                file,
                is_implied,
                by,
            },
        );
    }
    tree
}

pub(crate) fn rootfs(layers: &[Vec<Item>]) -> Result<Rootfs, Unfit> {
    let mut rootfs = Rootfs::new();
    for (position, layer) in layers.iter().enumerate() {
        let stream = stream(layer, Hand::Plain);
        let log = LayerLog::read(position, &mut TarReader::new(Stream(&stream[..]))).unwrap();
        rootfs.add_logged(position, &log).map_err(|_| Unfit)?;
    }
    Ok(rootfs)
}

fn check_tree(layers: &[Vec<Item>]) -> Result<(), TestCaseError> {
    let (by_hand, found) = (Tree::of(layers), rootfs(layers));
    prop_assert_eq!(by_hand.is_ok(), found.is_ok());
    if let (Ok(mut by_hand), Ok(found)) = (by_hand, found) {
        by_hand.root = None;
        prop_assert_eq!(by_hand.lines(), tree(&found, layers).lines());
        for (path, node) in &by_hand.nodes {
            let path = path
                .iter()
                .fold(ocipatch::image_path::ImagePath::root(), |path, name| {
                    path.join(name)
                });
            let found = found.get(&path).unwrap();
            prop_assert_eq!(
                (found.is_implied, found.layer),
                (node.is_implied, node.by - 1),
                "{}",
                path
            );
        }
    }
    Ok(())
}

#[test]
fn the_tree_of_a_wild_stack_is_the_one_by_hand() {
    random::check(750, &wild::stack(1..5), |layers| check_tree(&layers));
}

#[test]
fn the_tree_of_an_honest_stack_is_the_one_by_hand_and_that_of_overlays() {
    random::check(300, &honest::stack(1..6), |layers| {
        check_tree(&layers)?;
        let mut overlays = Tree::default();
        for layer in &layers {
            prop_assert!(overlay::add(&mut overlays, layer).is_ok(), "{layer:#?}");
        }
        // A directory that a layer does not speak of gets the time of the extraction there.
        let timeless = |tree: &Tree| {
            let mut tree = tree.clone();
            let directories = tree
                .nodes
                .values_mut()
                .filter(|node| node.entry.kind == Kind::Directory);
            directories.for_each(|node| node.entry.mtime.seconds = 0);
            tree.lines()
        };
        prop_assert_eq!(timeless(&overlays), timeless(&Tree::of(&layers).unwrap()));
        Ok(())
    });
}
