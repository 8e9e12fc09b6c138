//! Several layers made one: what they change together of the tree below them.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::NewLayer;
use super::source::compression;
use crate::image_path::ImagePath;
use crate::layer::{Edit, ZERO_DEVICE, lay_out};
use crate::patch::{LayerRange, Squash};
use crate::plan::edited_image::EditedImage;
use crate::plan::kept::{entry_of, first_unsupported, put};
use crate::plan::state::State;
use crate::plan::{Effect, MadeContent, MadeLayer, PlannedLayer, RemovedLayer};
use crate::printable;
use crate::problem::{Code, quoted};
use crate::rootfs::{Inode, Node, Rootfs};
use crate::tarball::Kind;

pub(in crate::plan) fn squash(image: &mut EditedImage<'_>, squash: &Squash) {
    if image.is_for_windows() {
        return;
    }
    let Some(range) = contiguous(image, squash.layers) else {
        return;
    };
    // One layer is one already.
    if range.len() > 1 {
        squash_range(image, range, squash);
    }
}

impl EditedImage<'_> {
    /// Returns the positions that a range means in the stack; a problem if it has no such layers.
    pub(in crate::plan) fn positions(&mut self, range: LayerRange) -> Option<Vec<usize>> {
        let state = &*self.state;
        let n_layers = state.layers.len();
        match range {
            LayerRange::All => Some((0..n_layers).collect()),
            LayerRange::Numbers(first, last) if last <= n_layers => {
                Some((first - 1..last).collect())
            }
            LayerRange::Numbers(_, last) => {
                let name = quoted(&state.display_name());
                let message = format!("{name} has no layer {last}");
                let help = format!("there are {n_layers} layers; the base is layer 1");
                let address = self.address();
                self.problem(Code::NoSuchLayer, address, message, &help);
                None
            }
            LayerRange::Added => {
                let is_made = |&position: &usize| matches!(state.layers[position], PlannedLayer::Made(layer) if self.layers[layer].stands_for().is_none());
                Some((0..n_layers).filter(is_made).collect())
            }
        }
    }
}

fn contiguous(image: &mut EditedImage<'_>, range: LayerRange) -> Option<Range<usize>> {
    let positions = image.positions(range)?;
    let (Some(&first), Some(&last)) = (positions.first(), positions.last()) else {
        return None;
    };
    if last - first + 1 != positions.len() {
        let name = quoted(&image.state.display_name());
        let message = format!("the layers that were added to {name} are not adjacent");
        let address = image.address();
        let help = "select the first and the last layer, as in `2-4`";
        image.problem(Code::LayerConflict, address, message, help);
        return None;
    }
    Some(first..last + 1)
}

fn squash_range(image: &mut EditedImage<'_>, range: Range<usize>, squash: &Squash) {
    let address = image.address();
    let state = &*image.state;
    let fit = "the layers fitted each other when they were read";
    let below = state.tree_of(&state.layers[..range.start]).expect(fit);
    let after = state.tree_of(&state.layers[..range.end]).expect(fit);
    let places: Vec<usize> = range
        .clone()
        .map(|position| state.place(state.layers[position]))
        .collect();
    let edits = merged(state, (&below, &after), &places, image.layers);
    if let Some(found) = first_unsupported(&after, edits.keys()) {
        return image.refuse_unsupported(&found, &address);
    }
    let made = MadeLayer {
        image: image.number,
        content: MadeContent::Composed(lay_out(edits, &after, image.around.epoch)),
        from: None,
        created_by: squash.created_by.clone(),
        compression: squash.compression.map(compression),
        files: Vec::new(),
    };
    let note = zero_devices(state, &places);
    let state = &mut *image.state;
    if let Some(note) = note {
        state.note(note);
    }
    state.forget_history(range.clone());
    for position in range.clone().rev() {
        let kept = match state.layers[position] {
            PlannedLayer::Kept(kept) => Some(kept),
            PlannedLayer::Made(layer) => {
                state.untold.remove(&layer);
                image.layers[layer].stands_for()
            }
        };
        if let Some(position) = kept {
            state.recompressed.remove(&position);
            state.removed.push(RemovedLayer {
                position,
                files: Vec::new(),
            });
        }
    }
    state.forget_base();
    let (first, last) = (range.start + 1, range.end);
    let layer = image.layers.len();
    if image
        .lay(range, NewLayer { made, log: None }, &address)
        .is_some()
    {
        // The files are what they were; only the layer that holds them is another.
        image.layers[layer].files.clear();
        image.effects.push(Effect::Squash { first, last, layer });
    }
}

/// Says of which character devices 0:0 nothing is left but what they hide.
fn zero_devices(state: &State, places: &[usize]) -> Option<String> {
    let logs = state.logs.as_ref().expect("the layers were read");
    let entries = places.iter().flat_map(|place| &logs[place].entries);
    let mut devices = entries.filter(|logged| logged.entry.is_zero_device());
    let first = &devices.next()?.entry.name;
    let first = quoted(&format!("/{}", printable::decoded(first)));
    let more = match devices.count() {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    Some(format!(
        "{first}{more} is {ZERO_DEVICE}: it is squashed as one"
    ))
}

/// Returns what the layers at `places` of the tree change together: `below` is the tree without them, `after` that with
/// them on top.
pub(in crate::plan) fn merged(
    state: &State,
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
