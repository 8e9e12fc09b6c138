//! Paths that go out of every layer, so that nobody finds them in the archive.

use std::collections::BTreeSet;

use super::purged_layer::Looking;
use super::{PathRemoval, look_for_patterns, refuse_added, topmost};
use crate::edit::image::EditedImage;
use crate::edit::matching::PathPattern;
use crate::edit::rewrites::{LayerEdits, tree_with};
use crate::edit::state::ImageState;
use crate::edit::{MadeLayer, PlannedLayer, RemovedLayer};
use crate::image_path::ImagePath;
use crate::layer::Data;
use crate::problem::{Code, quoted};
use crate::rootfs::{LoggedEntry, Node, PathSet, Rootfs};
use crate::tarball::Kind;

pub(super) fn purge(image: &mut EditedImage<'_>, removal: &PathRemoval) {
    let address = image.address();
    let mut is_found = vec![false; removal.patterns.len()];
    let (paths, notes) = find(image.state, removal, &mut is_found);
    look_for_patterns(image, removal, &is_found);
    if image.state.effort.is_spent() || paths.is_empty() {
        return;
    }
    let state = &*image.state;
    if let Some(path) = state.first_added(&paths, image.layers) {
        return refuse_added(image, &path);
    }
    let paths = PathSet::topmost(&paths);
    let Purge {
        edits,
        has_heirs,
        contents,
    } = Purge::of(state, &paths, image.layers);
    if let Some(lost) = first_lost(state, &edits, &paths) {
        let reason = if paths.covers(&lost) {
            "would reappear: a layer reaches other files through it"
        } else if has_heirs {
            "would change: in the order of its layer, a hard link cannot replace the removed file"
        } else {
            "would change: a layer reaches it through a link that is removed"
        };
        let (lost, name) = (quoted(&lost.to_text()), quoted(&state.display_name()));
        let message = format!("{lost} of {name} {reason}");
        let help = "add `squash` before it";
        return image.problem(Code::LayerConflict, address, message, help);
    }
    for note in notes {
        image.state.note(note);
    }
    image.rewrite(edits, &address);
    image.state.purged.extend(contents);
    let empty = empty_layers(image.state);
    if removal.drops_empty_layers {
        drop_layers(image, &empty);
    } else if !empty.is_empty() {
        let numbers: Vec<String> = empty.iter().map(|p| (p + 1).to_string()).collect();
        let layers = if numbers.len() == 1 {
            "layer"
        } else {
            "layers"
        };
        image.state.note(format!(
            "{layers} {} would be empty; `drop-empty-layers: true` removes such layers",
            numbers.join(", ")
        ));
    }
}

/// Returns the topmost of the real paths that the patterns find in the image as any of its layers left it, and notes on
/// how they lead there.
fn find(
    state: &ImageState,
    removal: &PathRemoval,
    is_found: &mut [bool],
) -> (BTreeSet<ImagePath>, Vec<String>) {
    let (mut paths, mut notes) = (BTreeSet::new(), Vec::new());
    let patterns: Vec<PathPattern<'_>> = removal.patterns.iter().map(PathPattern::new).collect();
    // Where each of them led in the tree below.
    let mut starts: Vec<Option<ImagePath>> = vec![None; patterns.len()];
    each_tree(state, |tree| {
        for (p, pattern) in patterns.iter().enumerate() {
            let start = pattern.start(tree);
            let is_same = start == starts[p];
            starts[p] = start;
            let Some(start) = &starts[p] else { continue };
            // What the layer has not put was found below it.
            let walk = if is_same {
                Rootfs::newest_below
            } else {
                Rootfs::below
            };
            let mut found = BTreeSet::new();
            pattern.find(tree, start, walk, &state.effort, &mut found);
            if found.is_empty() {
                continue;
            }
            is_found[p] = true;
            notes.extend(pattern.through_link(start));
            paths.extend(found);
        }
    });
    (topmost(&paths), notes)
}

/// Calls `look` with the tree that each layer leaves, from the base up.
fn each_tree(state: &ImageState, mut look: impl FnMut(&Rootfs)) {
    let logs = state.logs.as_ref().expect("the layers were read");
    let mut tree = Rootfs::new();
    for layer in &state.layers {
        let place = state.place(*layer);
        tree.add_logged(place, &logs[&place])
            .expect("the layers fitted each other when they were read");
        look(&tree);
    }
}

/// Returns the first path at which the image would show something else than before, `paths` and what is below them left
/// out; of those the first one that would still be there. A directory may go that is there for what was in it only.
fn first_lost(state: &ImageState, edits: &LayerEdits, paths: &PathSet) -> Option<ImagePath> {
    let was = state.tree.as_ref().expect("the tree was read");
    // What does not fit at all is told when the layers are changed.
    let is = tree_with(state, edits).ok()?;
    let is_kept = |(path, node): &(ImagePath, &Node)| match is.get(path) {
        None => node.is_implied || paths.covers(path),
        Some(other) => !paths.covers(path) && is_like(node, other),
    };
    let is_new = |(path, _): &(ImagePath, &Node)| was.get(path).is_none();
    let lost = was.iter().find(|found| !is_kept(found));
    let lost = lost.or_else(|| is.iter().find(is_new));
    lost.map(|(path, _)| path)
}

/// Tells whether two trees show the same at a path, whichever entries brought it.
fn is_like(one: &Node, other: &Node) -> bool {
    let is_directory = one.kind == Kind::Directory;
    let content = if is_directory {
        one.content
    } else {
        other.content
    };
    let brought = Node {
        layer: one.layer,
        entry_offset: one.entry_offset,
        inode: one.inode,
        content,
        ..other.clone()
    };
    *one == brought
}

/// What becomes of the layers in which something is that goes.
#[derive(Default)]
struct Purge {
    edits: LayerEdits,
    /// Whether hard links take the place of what goes.
    has_heirs: bool,
    /// The files that go, and their contents.
    contents: Vec<(ImagePath, Data)>,
}

impl Purge {
    fn of(state: &ImageState, paths: &PathSet, layers: &[MadeLayer]) -> Self {
        let logs = state.logs.as_ref().expect("the layers were read");
        let mut tree = Rootfs::new();
        let mut purge = Self::default();
        for layer in &state.layers {
            let place = state.place(*layer);
            let mut looking = Looking::new(paths);
            tree.add_watched(place, &logs[&place], |tree, logged| {
                looking.look(tree, logged);
            })
            .expect("the layers fitted each other when they were read");
            for names in looking.names {
                purge.has_heirs |= names.rehome(&mut looking.edits);
            }
            let contents = looking.contents.into_iter();
            let contents = contents.map(|(path, target)| {
                let sparse = target.sparse.as_ref();
                let data = state.data_at(target.content, target.size, sparse, layers);
                (path, data)
            });
            purge.contents.extend(contents);
            if !looking.edits.is_empty() {
                purge.edits.insert(place, (looking.edits, looking.files));
            }
        }
        purge
    }
}

/// Returns the positions of layers that were made anew and that change nothing of what is below them.
fn empty_layers(state: &ImageState) -> Vec<usize> {
    let mut empty = Vec::new();
    let logs = state.logs.as_ref().expect("the layers were read");
    let mut below = Rootfs::new();
    for (position, layer) in state.layers.iter().enumerate() {
        let place = state.place(*layer);
        let log = &logs[&place];
        let is_same = |logged: &LoggedEntry| {
            let path = ImagePath::from_entry_name(&logged.entry.name).ok();
            let node = path.and_then(|path| below.get(&path).cloned());
            logged.entry.kind == Kind::Directory
                && node.is_some_and(|node| {
                    node.kind == Kind::Directory
                        && (node.mode & 0o7777, node.uid, node.gid)
                            == (
                                logged.entry.mode & 0o7777,
                                logged.entry.uid,
                                logged.entry.gid,
                            )
                        && *node.xattrs == *logged.entry.xattrs
                })
        };
        let is_made = matches!(layer, PlannedLayer::Made(_));
        if is_made && log.entries.iter().all(is_same) {
            empty.push(position);
        }
        if below.add_logged(place, log).is_err() {
            break;
        }
    }
    empty
}

fn drop_layers(image: &mut EditedImage<'_>, positions: &[usize]) {
    for &position in positions.iter().rev() {
        let state = &mut *image.state;
        if state.layers.len() == 1 {
            state.note("the only layer stays, although it is empty".to_owned());
            return;
        }
        state.forget_history(position..position + 1);
        if let PlannedLayer::Made(layer) = state.layers.remove(position) {
            state.untold.remove(&layer);
            if let Some(position) = image.layers[layer].stands_for() {
                let files = std::mem::take(&mut image.layers[layer].files);
                state.removed.push(RemovedLayer { position, files });
            }
        }
    }
    let state = &mut *image.state;
    let tree = state.tree_of(&state.layers);
    state.tree = Some(tree.expect("what changes nothing is not missed"));
}
