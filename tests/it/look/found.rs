//! A file that is found before all layers were read is the one of the whole tree.

use std::cell::Cell;

use ocipatch::archive::{Archive, Source};
use ocipatch::gather::read_trees;
use ocipatch::image_path::ImagePath;
use ocipatch::look::look_up;
use ocipatch::rootfs::{Resolution, Rootfs};
use ocipatch::tarball::Kind;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::GREETERS;
use crate::edit;
use crate::random;
use crate::stacks::item::{Hand, Item};
use crate::stacks::{honest, run, wild};

/// Every name of the generators, in every depth that they have, and some that nothing has.
fn paths(tree: &Rootfs) -> Vec<ImagePath> {
    let names = ["a", "b", "c", "d", "nowhere"];
    let mut paths: Vec<ImagePath> = tree.iter().map(|(path, _)| path).collect();
    for first in names {
        for second in names {
            paths.push(ImagePath::parse(format!("/{first}/{second}")).unwrap());
        }
    }
    paths
}

/// Compares what is found at every path; returns how often not all layers were read.
fn compare(layers: &[Vec<Item>]) -> Result<usize, TestCaseError> {
    let bytes = run::archive(layers, Hand::Plain);
    let archive = Archive::open(edit::open(&bytes).unwrap()).unwrap();
    let Ok(mut trees) = read_trees(&archive, &[0]) else {
        // What is wrong is told by both, unless the file does not depend on it.
        return Ok(0);
    };
    let tree = trees.remove(&0).unwrap();
    let mut n_partial = 0;
    for path in paths(&tree) {
        let sight = look_up(&archive, 0, &path).unwrap();
        let wanted = tree.resolve(&path);
        prop_assert_eq!(&sight.resolution, &wanted, "{}", &path);
        if let Resolution::Found { path } = &wanted {
            let (found, wanted) = (sight.tree.get(path).unwrap(), tree.get(path).unwrap());
            let inode = wanted.inode;
            let found = ocipatch::rootfs::Node {
                inode,
                ..found.clone()
            };
            prop_assert_eq!(&found, wanted, "{}", path);
        }
        n_partial += usize::from(sight.n_layers < layers.len());
    }
    Ok(n_partial)
}

/// Compares `n` stacks; how often not all layers were read is at least `n_partial`.
#[track_caller]
fn hold(n: u32, stacks: &impl Strategy<Value = Vec<Vec<Item>>>, n_partial: u32) {
    let n_found = Cell::new(0);
    random::check(n, stacks, |layers| {
        n_found.set(n_found.get() + compare(&layers)?);
        Ok(())
    });
    assert!(n_found.get() >= n_partial as usize, "{}", n_found.get());
}

#[test]
fn a_file_found_early_is_that_of_the_whole_tree() {
    hold(150, &honest::stack(2..6), random::cases(125));
}

#[test]
fn layers_that_nobody_meant_to_write_are_no_exception() {
    hold(250, &wild::stack(2..6), 1);
    let mixed = (
        wild::stack(1..4),
        honest::stack(1..3),
        wild::stack(0..2),
        honest::stack(0..2),
    );
    let mixed = mixed.prop_map(|(a, b, c, d)| [a, b, c, d].concat());
    hold(250, &mixed, random::cases(125));
}

/// How many layers are read for a path.
fn n_read(layers: &[&[Item]], path: &str) -> usize {
    let layers: Vec<Vec<Item>> = layers.iter().map(|layer| layer.to_vec()).collect();
    let bytes = run::archive(&layers, Hand::Plain);
    let archive = Archive::open(edit::open(&bytes).unwrap()).unwrap();
    let path = ImagePath::parse(path).unwrap();
    look_up(&archive, 0, &path).unwrap().n_layers
}

#[test]
fn only_layers_that_say_where_everything_is_spare_those_below() {
    let directory = |name: &str| Item::new(Kind::Directory, name.as_bytes());
    let file = |name: &str, content: &str| Item::file(name.as_bytes(), content.as_bytes());
    let link = |kind, name: &str, to: &str| {
        let mut item = Item::new(kind, name.as_bytes());
        item.entry.link_name = to.as_bytes().to_vec();
        item
    };
    let base = [
        directory("usr/"),
        directory("usr/lib/"),
        file("usr/lib/x", "base"),
        link(Kind::Symlink, "lib", "usr/lib"),
    ];
    let whole = [
        directory("usr/"),
        directory("usr/lib/"),
        file("usr/lib/x", "top"),
    ];
    assert_eq!(n_read(&[&base, &whole], "/usr/lib/x"), 1);
    // Without its directory, an entry goes wherever a link below leads: over `/usr/lib/x`.
    let middle = &whole;
    let through = [file("lib/x", "through a link")];
    assert_eq!(n_read(&[&base, middle, &through], "/usr/lib/x"), 3);
    // A directory that comes after what is in it.
    let late = [file("lib/x", "?"), directory("lib/")];
    assert_eq!(n_read(&[&base, middle, &late], "/usr/lib/x"), 3);
    // A hard link to a file of a lower layer.
    let hard = [
        directory("usr/"),
        link(Kind::HardLink, "usr/y", "usr/lib/x"),
    ];
    assert_eq!(n_read(&[&base, middle, &hard], "/usr/lib/x"), 3);
    // A name that is a file and then a directory.
    let twice = [file("lib", "?"), directory("lib/"), file("lib/x", "?")];
    assert_eq!(n_read(&[&base, middle, &twice], "/usr/lib/x"), 3);
    // A link of the same layer is followed; one that leads below is not decided.
    let linked = [whole.as_slice(), &[link(Kind::Symlink, "y", "usr/lib/x")]].concat();
    assert_eq!(n_read(&[&base, &linked], "/y"), 1);
    assert_eq!(n_read(&[&base, &linked], "/lib/x"), 2);
    // What is missing, and what is in a directory, depends on every layer.
    assert_eq!(n_read(&[&base, &whole], "/usr/lib/z"), 2);
    assert_eq!(n_read(&[&base, &whole], "/usr/lib"), 2);
}

#[test]
fn builders_write_layers_that_spare_those_below() {
    let path = ImagePath::parse("/etc/app.conf").unwrap();
    for name in GREETERS {
        let source = Source::open(&edit::fixture(name), &std::env::temp_dir()).unwrap();
        let archive = Archive::open(source).unwrap();
        let sight = look_up(&archive, 0, &path).unwrap();
        let n_layers = archive.images()[0].layers().len();
        assert!(
            sight.found().is_some() && sight.n_layers < n_layers,
            "{name}"
        );
    }
}
