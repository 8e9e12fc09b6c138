//! Stacks of layers as one tree, and new layers over it.

use ocipatch::image_path::ImagePath;
use ocipatch::layer::{
    Addition, Data, Inputs, Metadata, Mode, Owner, SymlinkPolicy, Time, compose, layer_size,
    write_layer,
};
use ocipatch::rootfs::{Resolution, Rootfs};
use ocipatch::tarball::{Kind, Stream, TarReader};

use super::assert_clean;
use super::choices::Choices;
use super::model::Layer;
use super::mutate;

/// More entries than this make a case slow and no better.
const MAX_CHANGES: usize = 24;

/// Lays layers over each other that are made of the bytes, and another one over them.
pub(crate) fn any_tree(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let mut tree = Rootfs::new();
    let n_layers = 1 + choices.below(4);
    for position in 0..n_layers {
        let mut layer = Layer::empty();
        for _ in 0..choices.below(MAX_CHANGES) {
            mutate::change(&mut layer, &mut choices);
        }
        let bytes = layer.plain();
        // What cannot be read is told, and the tree is of no use.
        if let Err(error) = tree.add_layer(position, &mut TarReader::new(Stream(bytes.as_slice())))
        {
            return assert_clean(&error.to_string());
        }
        check(&tree);
    }
    over(&tree, n_layers, &mut choices);
}

/// Holds what is true of every tree.
fn check(tree: &Rootfs) {
    let mut last: Option<ImagePath> = None;
    for (path, node) in tree {
        assert_eq!(tree.get(&path), Some(node));
        let parent = tree.get(&path.parent().unwrap());
        assert!(
            parent.is_none_or(|parent| parent.kind == Kind::Directory),
            "{path}"
        );
        if let Some(last) = &last {
            let parts = |path: &ImagePath| -> Vec<Vec<u8>> {
                path.components().map(<[u8]>::to_vec).collect()
            };
            assert!(parts(last) < parts(&path), "{last} {path}");
        }
        assert!(!path.file_name().unwrap().starts_with(b".wh."), "{path}");
        if node.kind != Kind::Symlink {
            assert_eq!(tree.locate(&path), Resolution::Found { path: path.clone() });
        }
        // It ends, wherever it leads.
        let _ = tree.resolve(&path);
        last = Some(path);
    }
}

fn addition(choices: &mut Choices<'_>) -> Option<Addition> {
    let path = ImagePath::parse(format!("/{}", mutate::path(choices))).ok()?;
    let metadata = Metadata {
        owner: Owner::Set { uid: 0, gid: 0 },
        mode: Mode::Normal,
        mtime: Time::At(0),
        keeps_xattrs: false,
    };
    Some(match choices.below(3) {
        0 => Addition::inline(path, Kind::Directory, Data::None, &metadata),
        _ => Addition::inline(path, Kind::File, Data::Inline(b"new"[..].into()), &metadata),
    })
}

/// Composes a layer over the tree: what was asked for is where links lead, and nothing else is touched.
fn over(tree: &Rootfs, position: usize, choices: &mut Choices<'_>) {
    let n = 1 + choices.below(4);
    let added: Vec<Addition> = (0..n).filter_map(|_| addition(choices)).collect();
    let policy = [
        SymlinkPolicy::Follow,
        SymlinkPolicy::Replace,
        SymlinkPolicy::Error,
    ][choices.below(3)];
    let content = compose(&added, tree, policy, 0);
    if !content.problems.is_empty() {
        for problem in &content.problems {
            assert_clean(&ocipatch::printable::line(&problem.to_string()));
        }
        return;
    }
    let mut bytes = Vec::new();
    let open = |_| unreachable!("nothing comes from another stream");
    let inputs = Inputs {
        roots: &[],
        open: &open,
    };
    write_layer(&content, inputs, &mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, layer_size(&content));
    let mut after = tree.clone();
    let mut reader = TarReader::new(Stream(bytes.as_slice()));
    after.add_layer(position, &mut reader).unwrap();
    check(&after);
    for addition in added.iter().filter(|addition| !addition.path.is_root()) {
        let Resolution::Found { path } = after.locate(&addition.path) else {
            panic!("{} is not there", addition.path);
        };
        let node = after.get(&path).unwrap();
        assert_eq!(node.kind, addition.entry.kind, "{path}");
        // A directory of the image that gets nothing new is no part of the layer.
        let was = tree.get(&path).filter(|was| was.kind == Kind::Directory);
        assert!(node.layer == position || was == Some(node), "{path}");
    }
    // What was there and gave way to nothing is there.
    let entries: Vec<ImagePath> = content
        .entries
        .iter()
        .map(|item| ImagePath::from_entry_name(&item.entry.name).unwrap())
        .collect();
    for (path, node) in tree {
        let is_touched = entries.iter().any(|entry| {
            *entry == path
                || (path
                    .components()
                    .zip(entry.components())
                    .all(|(a, b)| a == b))
        });
        if !is_touched {
            assert_eq!(after.get(&path), Some(node), "{path}");
        }
    }
}
