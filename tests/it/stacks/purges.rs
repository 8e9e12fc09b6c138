//! Purged paths are gone as if they had never been there: from the tree, from every layer, and from the bytes.
#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as HostPath;

use ocipatch::tarball::{Entry, Kind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::item::{Hand, Item, groups};
use super::model::{Node, Path, Place, Tree, clean, show};
use super::restructure::hand;
use super::run::{apply, archive, patch, seen};
use super::{honest, wild};
use crate::random;

/// Returns the paths that are meant by `asked`, in every tree that there was on the way.
fn meant(layers: &[Vec<Item>], asked: &[Path]) -> BTreeSet<Path> {
    let mut found = BTreeSet::new();
    let mut tree = Tree::default();
    for layer in layers {
        tree.add(layer).unwrap();
        for path in asked {
            let (name, parents) = path.split_last().unwrap();
            if let Place::Found(parent) = tree.walk(parents, true) {
                let real = [&parent[..], std::slice::from_ref(name)].concat();
                if tree.nodes.contains_key(&real) {
                    found.insert(real);
                }
            }
        }
    }
    found
}

/// Where an entry really comes to be, or what it hides.
fn real(tree: &Tree, item: &Item) -> Option<Path> {
    let (path, _) = clean(&item.entry.name);
    let (name, parents) = path.split_last()?;
    let mut real = tree
        .directory_at(parents)
        .unwrap_or_else(|| parents.to_vec());
    match name.strip_prefix(b".wh.") {
        Some(b".wh..opq") => {}
        Some(hidden) => real.push(hidden.to_vec()),
        None => real.push(name.clone()),
    }
    Some(real)
}

/// Whether a tree is what another one was, `paths` and what is below them left out. A directory may go that was there for
/// what was in it only.
fn is_the_rest(tree: &Tree, was: &Tree, paths: &BTreeSet<Path>) -> bool {
    let is_meant = |path: &Path| paths.iter().any(|meant| path.starts_with(meant));
    let said = |node: &Node| {
        let mut entry = node.entry.clone();
        // As a name of what a file is, not as its own.
        entry.name.clear();
        (entry, node.content.clone())
    };
    let is_kept = |(path, node): (&Path, &Node)| match tree.nodes.get(path) {
        None => node.is_implied || is_meant(path),
        Some(other) => !is_meant(path) && said(node) == said(other),
    };
    let is_old = |path: &Path| was.nodes.contains_key(path);
    was.nodes.iter().all(is_kept) && tree.nodes.keys().all(is_old)
}

/// Returns the stack without these paths, and the contents that nothing is left of.
fn without(layers: &[Vec<Item>], paths: &BTreeSet<Path>) -> (Vec<Vec<Item>>, BTreeSet<Vec<u8>>) {
    let (mut tree, mut gone) = (Tree::default(), BTreeSet::new());
    let mut rest = Vec::new();
    for layer in layers {
        tree.add(&[]).unwrap();
        let mut items: Vec<Item> = Vec::new();
        // Of a file whose bearer went: the item to be, and the name that it has got.
        let mut orphans: BTreeMap<usize, (Item, Option<Vec<u8>>)> = BTreeMap::new();
        // Of each file of the layer: its last name that stays, and what the last one of all says.
        let mut last_names: BTreeMap<usize, (Option<usize>, Item)> = BTreeMap::new();
        for item in layer {
            let goes = real(&tree, item)
                .is_some_and(|real| paths.iter().any(|path| real.starts_with(path)));
            let target = (item.entry.kind == Kind::HardLink).then(|| {
                let (target, _) = clean(&item.entry.link_name);
                match tree.walk(&target, false) {
                    Place::Found(path) => tree.nodes[&path].file,
                    _ => 0,
                }
            });
            // It gets its number before directories that are made for it.
            let file = tree.n_files + 1;
            tree.place(item).unwrap();
            // Of a link to a name that goes: another name of the file.
            let other = target.filter(|_| {
                let (target, _) = clean(&item.entry.link_name);
                paths.iter().any(|path| target.starts_with(path))
            });
            let other = other.and_then(|file| last_names.get(&file)?.0);
            let other = other.map(|other| items[other].entry.name.clone());
            // That may be its own: then it is there.
            let is_there = other
                .as_ref()
                .is_some_and(|other| clean(other).0 == clean(&item.entry.name).0);
            let stays = (!goes && !is_there).then_some(items.len());
            match target {
                None => drop(last_names.insert(file, (stays, item.clone()))),
                Some(file) => {
                    if let Some((last, said)) = last_names.get_mut(&file) {
                        *last = stays.or(*last);
                        describe(&mut said.entry, &item.entry);
                    }
                }
            }
            match target {
                None if goes => {
                    let (path, _) = clean(&item.entry.name);
                    let is_whiteout = path.iter().any(|name| name.starts_with(b".wh."));
                    let is_overlay =
                        item.entry.kind == Kind::CharDevice && item.entry.device == (0, 0);
                    if item.entry.kind != Kind::Directory && !is_whiteout && !is_overlay {
                        orphans.insert(file, (item.clone(), None));
                        gone.insert(item.content.clone());
                    }
                }
                Some(_) if goes || is_there => {}
                None => items.push(item.clone()),
                Some(file) => {
                    let mut item = item.clone();
                    match orphans.get_mut(&file) {
                        // It led to a name that goes.
                        None => {
                            if let Some(other) = other {
                                item.entry.link_name = other;
                            }
                        }
                        Some((bearer, name @ None)) => {
                            *name = Some(clean(&item.entry.name).0.join(&b'/'));
                            gone.remove(&bearer.content);
                            let name = item.entry.name;
                            item = bearer.clone();
                            item.entry.name = name;
                        }
                        Some((_, Some(name))) => item.entry.link_name.clone_from(name),
                    }
                    items.push(item);
                }
            }
        }
        for (last, said) in last_names.into_values() {
            if let Some(last) = last {
                describe(&mut items[last].entry, &said.entry);
            }
        }
        rest.push(items);
    }
    // Some files are copies of others.
    for item in rest.iter().flatten() {
        gone.remove(&item.content);
    }
    gone.remove(&Vec::new());
    (rest, gone)
}

/// Gives a name the metadata of another, which of a symbolic link is the owner.
fn describe(entry: &mut Entry, like: &Entry) {
    (entry.uid, entry.gid) = (like.uid, like.gid);
    if entry.kind != Kind::Symlink {
        (entry.mode, entry.mtime) = (like.mode, like.mtime);
    }
}

fn check(
    layers: &[Vec<Item>],
    hand: Hand,
    picks: &[Index],
    is_honest: bool,
) -> Result<(), TestCaseError> {
    // Whatever was there at any time.
    let mut all: BTreeSet<Path> = BTreeSet::new();
    for n in 1..=layers.len() {
        all.extend(Tree::of(&layers[..n]).unwrap().nodes.into_keys());
    }
    all.retain(|path| path.iter().all(|name| std::str::from_utf8(name).is_ok()));
    if all.is_empty() {
        return Ok(());
    }
    let all: Vec<Path> = all.into_iter().collect();
    let asked: Vec<Path> = picks
        .iter()
        .map(|pick| all[pick.index(all.len())].clone())
        .collect();
    let paths = meant(layers, &asked);
    let (rest, gone) = without(layers, &paths);
    let texts: Vec<String> = asked
        .iter()
        .map(|path| String::from_utf8([b"/", &path.join(&b'/')[..]].concat()).unwrap())
        .collect();
    let operation = format!(
        "remove-path: {{ match: {}, purge: true, if-missing: ignore }}",
        serde_json::to_string(&texts).unwrap()
    );
    let bytes = archive(layers, hand);
    let told = || {
        format!(
            "{texts:?}, {:?}",
            paths.iter().map(|path| show(path)).collect::<Vec<_>>()
        )
    };
    let before = Tree::of(layers).unwrap();
    let tree = Tree::of(&rest);
    let is_the_rest = tree
        .as_ref()
        .is_ok_and(|tree| is_the_rest(tree, &before, &paths));
    prop_assert!(is_the_rest || !is_honest, "{}", told());
    match (
        apply(&bytes, &patch(&[operation]), HostPath::new("/nonexistent")),
        tree,
    ) {
        (Ok(out), Ok(tree)) => {
            prop_assert!(is_the_rest, "something else changes: {}", told());
            let (was, is) = (seen(&bytes)?, seen(&out)?);
            prop_assert_eq!(is.tree().lines(), tree.lines(), "{}", told());
            for content in gone {
                let is_there = |stream: &Vec<u8>| {
                    stream
                        .windows(content.len())
                        .any(|window| window == content)
                };
                prop_assert!(
                    !is.streams.iter().any(is_there),
                    "{}: {}",
                    content.escape_ascii(),
                    told()
                );
            }
            for (old, new) in was.streams.iter().zip(&is.streams) {
                let old = groups(old);
                let n_new = groups(new)
                    .iter()
                    .filter(|group| !old.contains(group))
                    .count();
                let n_links = layers
                    .iter()
                    .flatten()
                    .filter(|item| item.entry.kind == Kind::HardLink)
                    .count();
                prop_assert!(n_new <= n_links, "{n_new} entries are new: {}", told());
            }
            Ok(())
        }
        (Err(found), _) if !is_the_rest => {
            prop_assert!(found.starts_with("layer-conflict: "), "{found}");
            Ok(())
        }
        // A link cannot always take the place of a name that stands before what the link is in.
        (Err(found), Ok(_)) if !is_honest && found.starts_with("layer-conflict: ") => {
            let is_link = |item: &Item| item.entry.kind == Kind::HardLink;
            prop_assert!(layers.iter().flatten().any(is_link), "{found}");
            Ok(())
        }
        (out, tree) => Err(TestCaseError::fail(format!(
            "fits: {}, {:?}: {}",
            tree.is_ok(),
            out.err(),
            told()
        ))),
    }
}

#[test]
fn what_is_purged_was_never_there() {
    let strategy = (honest::stack(1..5), hand(), vec(any::<Index>(), 1..4));
    random::check(125, &strategy, |(layers, hand, picks)| {
        check(&layers, hand, &picks, true)
    });
}

#[test]
fn what_is_purged_of_wild_layers_was_never_there_or_cannot_go() {
    let fits = |layers: &Vec<Vec<Item>>| Tree::of(layers).is_ok();
    let layers = wild::stack(1..5).prop_filter("the layers fit each other", fits);
    let strategy = (layers, hand(), vec(any::<Index>(), 1..4));
    random::check(125, &strategy, |(layers, hand, picks)| {
        check(&layers, hand, &picks, false)
    });
}

#[test]
fn a_link_does_not_come_before_what_it_replaces() {
    let mut link = Item::new(Kind::HardLink, b"b");
    link.entry.link_name = b"d".to_vec();
    let layer = vec![
        Item::file(b"d", b"of d"),
        Item::file(b"b", b"of b"),
        link,
        // What shows that `b` was the file `d` goes too.
        Item::file(b"b/c", b"of c"),
    ];
    let operation = "remove-path: { match: [/d, /b/c], purge: true }".to_owned();
    let bytes = archive(&[layer], Hand::Plain);
    let refused = apply(&bytes, &patch(&[operation]), HostPath::new("/nonexistent"));
    let message = "layer-conflict: `/b` of `app:1` would change: in the order of its layer, a hard link cannot replace the removed file\n";
    assert_eq!(refused, Err(message.to_owned()));
}

#[test]
fn a_name_that_comes_again_is_not_linked_to_itself() {
    let file = Item::file(b"d", b"of d");
    let link = |name, target: &[u8]| {
        let mut link = Item::new(Kind::HardLink, name);
        link.entry.link_name = target.to_vec();
        link
    };
    let layer = vec![file.clone(), link(b"b", b"d"), link(b"d", b"b")];
    let operation = "remove-path: { match: [/b], purge: true }".to_owned();
    let bytes = archive(&[layer], Hand::Plain);
    let out = apply(&bytes, &patch(&[operation]), HostPath::new("/nonexistent")).unwrap();
    let out = seen(&out).unwrap();
    let wanted = Tree::of(&[vec![file]]).unwrap();
    assert_eq!(out.tree().lines(), wanted.lines());
    // An engine removes `d` before it makes a link of that name.
    assert_eq!(out.layers[0].len(), 1);
}
