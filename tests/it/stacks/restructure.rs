//! Restructuring keeps the tree, or makes it that of the stack as it is composed then.
#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as HostPath;

use ocipatch::archive::{Archive, Source};
use ocipatch::tarball::{Kind, Mtime};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::item::{Hand, Item, groups, stream};
use super::model::{Path, Place, Tree, clean, show};
use super::run::{Seen, apply, archive, layout, patch, seen};
use super::{honest, overlay, wild};
use crate::random;

const NOWHERE: &str = "/nonexistent";

pub(super) fn any_stack(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<Item>>> {
    let fits = |layers: &Vec<Vec<Item>>| Tree::of(layers).is_ok();
    prop_oneof![
        honest::stack(n.clone()),
        wild::stack(n).prop_filter("the layers fit each other", fits),
    ]
}

pub(super) fn hand() -> impl Strategy<Value = Hand> {
    select(vec![Hand::Plain, Hand::Docker, Hand::Pax])
}

fn apply_one(bytes: &[u8], operation: String) -> Result<Vec<u8>, String> {
    apply(bytes, &patch(&[operation]), HostPath::new(NOWHERE))
}

/// What every layer that we make is: no path twice, every parent there, nothing hidden that is not there or that is
/// added, and the same tree for those who extract it alone.
pub(super) fn assert_tidy(layer: &[Item], below: &Tree) -> Result<(), TestCaseError> {
    let mut paths = BTreeSet::new();
    for item in layer {
        let (path, _) = clean(&item.entry.name);
        prop_assert!(paths.insert(path.clone()), "{} stands twice", show(&path));
        for n in 1..path.len() {
            prop_assert!(paths.contains(&path[..n]), "{} has no parent", show(&path));
        }
    }
    for path in &paths {
        let Some(hidden) = path.last().and_then(|name| name.strip_prefix(b".wh.")) else {
            continue;
        };
        let hidden = [&path[..path.len() - 1], &[hidden.to_vec()]].concat();
        prop_assert!(
            below.nodes.contains_key(&hidden),
            "{} is not there",
            show(&hidden)
        );
        prop_assert!(
            !paths.contains(&hidden),
            "{} is hidden and added",
            show(&hidden)
        );
    }
    let (mut alone, mut merged) = (below.clone(), below.clone());
    prop_assert!(overlay::add(&mut alone, layer).is_ok());
    prop_assert!(merged.add(layer).is_ok());
    prop_assert_eq!(alone.lines(), merged.lines());
    Ok(())
}

fn assert_same_tree(found: &Seen, wanted: &Tree) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.tree().lines(), wanted.lines());
    Ok(())
}

#[test]
fn squashed_layers_show_the_same_tree() {
    let strategy = (any_stack(2..6), hand(), any::<Index>(), any::<Index>());
    random::check(200, &strategy, |(layers, hand, one, other)| {
        let ends = [one, other].map(|index| index.index(layers.len()));
        let (first, last) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        let bytes = archive(&layers, hand);
        let was = seen(&bytes)?;
        let squashed = apply_one(&bytes, format!("squash: {}-{}", first + 1, last + 1));
        let squashed = squashed.map_err(TestCaseError::fail)?;
        if first == last {
            prop_assert!(squashed == bytes, "one layer is one already");
            return Ok(());
        }
        let is = seen(&squashed)?;
        assert_same_tree(&is, &was.tree())?;
        prop_assert_eq!(is.layers.len(), layers.len() - (last - first));
        prop_assert_eq!(&is.diff_ids[..first], &was.diff_ids[..first]);
        prop_assert_eq!(&is.diff_ids[first + 1..], &was.diff_ids[last + 1..]);
        assert_tidy(&is.layers[first], &Tree::of(&layers[..first]).unwrap())
    });
}

#[test]
fn a_name_for_a_file_of_a_lower_layer_stays_one_of_its_names() {
    let mut link = Item::new(Kind::HardLink, b"b");
    link.entry.link_name = b"a".to_vec();
    let layers = [
        vec![Item::file(b"a", b"of a")],
        vec![Item::file(b"x", b"of x")],
        vec![link],
    ];
    let bytes = archive(&layers, Hand::Plain);
    let squashed = apply_one(&bytes, "squash: 2-3".to_owned()).unwrap();
    let is = seen(&squashed).unwrap();
    assert_eq!(is.tree().lines(), Tree::of(&layers).unwrap().lines());
    let names = is.layers[1].iter().map(|item| item.entry.name.as_slice());
    assert_eq!(names.collect::<Vec<_>>(), [b"a", b"x", b"b"]);
}

#[test]
fn without_a_layer_the_tree_is_that_of_the_others() {
    random::check(
        300,
        &(any_stack(1..6), hand(), any::<Index>()),
        |(layers, hand, at)| {
            let position = at.index(layers.len());
            let mut rest = layers.clone();
            rest.remove(position);
            let bytes = archive(&layers, hand);
            let removed = apply_one(&bytes, format!("remove-layer: {}", position + 1));
            match (removed, Tree::of(&rest)) {
                (Ok(removed), Ok(tree)) if !rest.is_empty() => {
                    let is = seen(&removed)?;
                    assert_same_tree(&is, &tree)?;
                    let mut diff_ids = seen(&bytes)?.diff_ids;
                    diff_ids.remove(position);
                    prop_assert_eq!(is.diff_ids, diff_ids);
                }
                (Err(told), tree) => {
                    prop_assert!(told.starts_with("layer-conflict: "), "{told}");
                    prop_assert!(tree.is_err() || rest.is_empty(), "{told}");
                }
                (Ok(_), _) => prop_assert!(false, "the others do not fit each other"),
            }
            Ok(())
        },
    );
}

/// The layer that files make over a tree, worked out by hand; nothing where they have no place there.
pub(super) fn composed(files: &BTreeMap<Path, Vec<u8>>, below: &Tree) -> Option<Vec<Item>> {
    let mut items: BTreeMap<Path, Item> = BTreeMap::new();
    for (asked, content) in files {
        let (name, parents) = asked.split_last().unwrap();
        if (1..asked.len()).any(|n| files.contains_key(&asked[..n])) {
            return None;
        }
        let parent = below.directory_at(parents)?;
        for n in 1..=parent.len() {
            let path = &parent[..n];
            let node = below.nodes.get(path);
            let mut item = Item::new(Kind::Directory, &[&path.join(&b'/')[..], b"/"].concat());
            if let Some(node) = node {
                let name = item.entry.name;
                item.entry = node.entry.clone();
                item.entry.name = name;
            }
            let placed = items.entry(path.to_vec()).or_insert(item);
            if placed.entry.kind != Kind::Directory {
                return None;
            }
        }
        let real = [&parent[..], std::slice::from_ref(name)].concat();
        let item = Item::file(&real.join(&b'/'), content);
        if items.insert(real, item).is_some() {
            return None;
        }
    }
    Some(items.into_values().collect())
}

/// Whether a file goes where a link is by which another one comes to its place: nobody can say what is meant.
fn is_muddled(files: &BTreeMap<Path, Vec<u8>>, new: &[Item], below: &Tree) -> bool {
    let is_file = |path: &Path| {
        let name = path.join(&b'/');
        new.iter().any(|item| item.entry.name == name)
    };
    let ways = files
        .keys()
        .flat_map(|asked| (1..asked.len()).map(|n| &asked[..n]));
    ways.into_iter().any(|way| match below.walk(way, false) {
        Place::Found(path) | Place::Missing(path) | Place::Dangling(path) => is_file(&path),
        Place::Loop | Place::NotADirectory => false,
    })
}

fn files() -> impl Strategy<Value = BTreeMap<Path, Vec<u8>>> {
    let name = select(vec!["a", "b", "c", "d", "new"]).prop_map(|name| name.as_bytes().to_vec());
    let content = "[a-z]{0,5}".prop_map(String::into_bytes);
    proptest::collection::btree_map(vec(name, 1..4), content, 1..4)
}

fn written(files: &BTreeMap<Path, Vec<u8>>) -> String {
    let file = |(path, content): (&Path, &Vec<u8>)| {
        let content = String::from_utf8(content.clone()).unwrap();
        format!("{{ path: {}, content: \"{content}\" }}", show(path))
    };
    let files: Vec<String> = files.iter().map(file).collect();
    format!("[{}]", files.join(", "))
}

#[test]
fn a_layer_among_others_makes_the_tree_of_the_stack_so_composed() {
    let strategy = (
        any_stack(1..5),
        hand(),
        files(),
        any::<Index>(),
        any::<bool>(),
    );
    random::check(250, &strategy, |(layers, hand, files, at, is_replaced)| {
        let n_places = layers.len() + usize::from(!is_replaced);
        let position = at.index(n_places);
        let (below, mut above) = (layers[..position].to_vec(), layers[position..].to_vec());
        let written = written(&files);
        let number = position + 1;
        let operation = if is_replaced {
            above.remove(0);
            format!("replace-layer: {{ layer: {number}, with: {{ files: {written} }} }}")
        } else {
            format!("add-layer: {{ files: {written}, at: {number} }}")
        };
        let below_tree = Tree::of(&below).unwrap();
        let new = composed(&files, &below_tree);
        if new
            .as_ref()
            .is_some_and(|new| is_muddled(&files, new, &below_tree))
        {
            return Ok(());
        }
        let stack = |new: &Vec<Item>| [&below[..], std::slice::from_ref(new), &above[..]].concat();
        let wanted = new.as_ref().map(|new| Tree::of(&stack(new)));
        let bytes = archive(&layers, hand);
        match (apply_one(&bytes, operation), wanted) {
            (Ok(out), Some(Ok(tree))) => {
                let is = seen(&out)?;
                assert_same_tree(&is, &tree)?;
                assert_tidy(&is.layers[position], &Tree::of(&below).unwrap())
            }
            (Err(told), None | Some(Err(_))) => {
                prop_assert!(told.starts_with("layer-conflict: "), "{told}");
                Ok(())
            }
            (out, wanted) => {
                let fits = matches!(wanted, Some(Ok(_)));
                Err(TestCaseError::fail(format!(
                    "fits: {fits}, {:?}",
                    out.err()
                )))
            }
        }
    });
}

#[test]
fn a_tar_as_it_is_makes_the_tree_of_the_stack_so_composed() {
    let directory = tempfile::tempdir().unwrap();
    let strategy = (any_stack(1..5), wild::stack(1..2), hand(), any::<Index>());
    random::check(150, &strategy, |(mut layers, new, hand, at)| {
        let position = at.index(layers.len() + 1);
        let bytes = archive(&layers, hand);
        let tar = stream(&new[0], hand);
        std::fs::write(directory.path().join("new.tar"), &tar).unwrap();
        let number = position + 1;
        let operation = format!("add-layer: {{ from: new.tar, as-is: true, at: {number} }}");
        let added = apply(&bytes, &patch(&[operation]), directory.path());
        layers.insert(position, new[0].clone());
        match (added, Tree::of(&layers)) {
            (Ok(added), Ok(tree)) => {
                let is = seen(&added)?;
                prop_assert!(is.streams[position] == tar);
                assert_same_tree(&is, &tree)
            }
            (Err(told), Err(_)) => {
                prop_assert!(told.starts_with("layer-conflict: "), "{told}");
                Ok(())
            }
            (added, tree) => Err(TestCaseError::fail(format!(
                "fits: {}, {:?}",
                tree.is_ok(),
                added.err()
            ))),
        }
    });
}

#[test]
fn only_later_times_change() {
    let limits = select(vec![0, 5, 999_999_999, 1_000_000_000, 1_800_000_000]);
    random::check(
        200,
        &(any_stack(1..5), hand(), limits),
        |(layers, hand, limit)| {
            let bytes = archive(&layers, hand);
            let time = jiff_like(limit);
            let out = apply_one(&bytes, format!("rewrite-timestamps: \"{time}\""));
            let out = out.map_err(TestCaseError::fail)?;
            let (was, is) = (seen(&bytes)?, seen(&out)?);
            let mut wanted = was.layers.clone();
            for item in wanted.iter_mut().flatten() {
                let at = Mtime {
                    seconds: limit,
                    nanoseconds: 0,
                };
                item.entry.mtime = item.entry.mtime.min(at);
            }
            prop_assert_eq!(&is.layers, &wanted);
            assert_groups_stay(&was, &is, hand == Hand::Pax && limit < 12_345)?;
            let again = apply_one(&out, format!("rewrite-timestamps: \"{time}\""));
            prop_assert!(again.as_ref() == Ok(&out), "once is enough");
            Ok(())
        },
    );
}

/// Entries that say the same are spelled the same, and layers in which all do are the same.
pub(super) fn assert_groups_stay(
    was: &Seen,
    is: &Seen,
    has_other_times: bool,
) -> Result<(), TestCaseError> {
    for i in 0..was.layers.len() {
        if was.layers[i] == is.layers[i] {
            prop_assert_eq!(&was.diff_ids[i], &is.diff_ids[i]);
        }
        let entries = was.layers[i].iter().zip(&is.layers[i]);
        let spelled = groups(&was.streams[i])
            .into_iter()
            .zip(groups(&is.streams[i]));
        for ((old, new), (old_group, new_group)) in entries.zip(spelled) {
            prop_assert!(
                old != new || has_other_times || old_group == new_group,
                "{old:?}"
            );
        }
    }
    Ok(())
}

/// Writes one of the few times that are used here.
fn jiff_like(seconds: i64) -> &'static str {
    match seconds {
        0 => "1970-01-01T00:00:00Z",
        5 => "1970-01-01T00:00:05Z",
        999_999_999 => "2001-09-09T01:46:39Z",
        1_000_000_000 => "2001-09-09T01:46:40Z",
        1_800_000_000 => "2027-01-15T08:00:00Z",
        _ => unreachable!("no such time is used"),
    }
}

#[test]
fn another_compression_keeps_image_id_and_streams() {
    let to = select(vec!["gzip", "zstd", "none"]);
    let strategy = (any_stack(1..4), to.clone(), to, any::<Index>());
    random::check(30, &strategy, |(layers, first, then, at)| {
        let bytes = layout(&layers, Hand::Plain);
        let was = seen(&bytes)?;
        let out = apply_one(&bytes, format!("recompress: {first}")).map_err(TestCaseError::fail)?;
        let number = at.index(layers.len()) + 1;
        let operation = format!("recompress: {{ to: {then}, layers: {number} }}");
        let again = apply_one(&out, operation.clone()).map_err(TestCaseError::fail)?;
        for (out, is_second) in [(&out, false), (&again, true)] {
            let is = seen(out)?;
            prop_assert_eq!(&is.image_id, &was.image_id);
            prop_assert_eq!(&is.diff_ids, &was.diff_ids);
            prop_assert!(is.streams == was.streams);
            let mut file = tempfile::tempfile().unwrap();
            std::io::Write::write_all(&mut file, out).unwrap();
            std::io::Seek::rewind(&mut file).unwrap();
            let source = Source::from_stream(file, "a".to_owned(), HostPath::new("/tmp")).unwrap();
            let archive = Archive::open(source).unwrap();
            for (i, layer) in archive.images()[0].layers().iter().enumerate() {
                let is_other = is_second && i + 1 == number;
                prop_assert_eq!(
                    layer.compression().name(),
                    if is_other { then } else { first }
                );
            }
        }
        prop_assert!(apply_one(&again, operation).as_ref() == Ok(&again));
        Ok(())
    });
}
