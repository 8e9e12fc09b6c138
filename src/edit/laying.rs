//! Laying new layers into the stack of an image, on top or among the others.

use std::ops::Range;
use std::sync::Arc;

use super::image::EditedImage;
use super::stack::log_of;
use super::{Effect, MadeContent, MadeLayer, PlannedLayer, tree_changes};
use crate::image_path::ImagePath;
use crate::layer::{LayerContent, LayerEntry};
use crate::printable;
use crate::problem::{Address, Code, quoted};
use crate::rootfs::{LayerLog, MAX_PATH_BYTES, Rootfs};
use crate::tarball::{Entry, Kind, MAX_HOLE_BYTES};

/// What Docker's own store takes (moby `layer/layer_store.go`, `maxLayerDepth`).
const DOCKER_MAX_LAYERS: usize = 125;

/// A layer on its way into the stack.
pub(crate) struct LayerToLay {
    pub(crate) made: MadeLayer,
    pub(crate) log: Option<LayerLog>,
}

impl EditedImage<'_> {
    /// Refuses a layer with a path that no engine can extract, or with more zeros in place of holes than are written.
    pub(crate) fn refuses(&mut self, content: &LayerContent, address: &Address) -> bool {
        let mut names = content.entries.iter().map(|item| &item.entry.name);
        if let Some(name) = names.find(|name| name.len() >= MAX_PATH_BYTES) {
            let path = quoted(&format!("/{}", printable::decoded(name)));
            let message = format!("{path} would be a path of over {MAX_PATH_BYTES} bytes");
            let help = "this is the limit of Linux";
            self.problem(Code::LayerConflict, address.clone(), message, help);
            return true;
        }
        let mut n_holes = 0;
        let is_over = |item: &&LayerEntry| {
            n_holes += item.data.hole_bytes();
            n_holes > MAX_HOLE_BYTES
        };
        let Some(last) = content.entries.iter().find(is_over) else {
            return false;
        };
        let path = quoted(&format!("/{}", printable::decoded(&last.entry.name)));
        let message = format!(
            "with {path}, the sparse files of the new layer have {n_holes} bytes of holes; at most {MAX_HOLE_BYTES} are filled"
        );
        let help = "a layer that no operation changes keeps its sparse files as they are";
        self.problem(Code::LayerConflict, address.clone(), message, help);
        true
    }

    /// Lays a layer in the place of those at `range` in the stack; a problem if the others do not fit it there.
    pub(crate) fn lay(
        &mut self,
        range: Range<usize>,
        new: LayerToLay,
        address: &Address,
    ) -> Option<Effect> {
        if let MadeContent::Composed(content) = &new.made.content
            && self.refuses(content, address)
        {
            return None;
        }
        let layer = self.layers.len();
        let state = &mut *self.state;
        let planned = PlannedLayer::Made(layer);
        let place = state.place(planned);
        let log = match (&new.made.content, new.log) {
            (MadeContent::Composed(content), _) => log_of(content, place),
            (_, Some(log)) => log.moved_to(place),
            (_, None) => unreachable!("what is not composed was read"),
        };
        let position = range.start;
        let is_top = position == state.layers.len();
        let mut made = new.made;
        let before = state.tree.as_ref().expect("a layer is made over a tree");
        let mut layers = state.layers.clone();
        layers.splice(range, [planned]);
        let tree = if is_top && matches!(made.content, MadeContent::Composed(_)) {
            let mut tree = state.tree.take().expect("it was there above");
            tree.add_logged(place, &log)
                .expect("what was composed over a tree fits it");
            if let Some(logs) = &mut state.logs {
                logs.insert(place, Arc::new(log));
            }
            tree
        } else {
            let logs = state.logs.as_mut();
            let logs = logs.expect("layers were read for every image whose layers may move");
            logs.insert(place, Arc::new(log));
            match state.tree_of(&layers) {
                Ok(tree) => {
                    made.files = tree_changes::between(before, &tree);
                    tree
                }
                Err(error) => {
                    let number = position + 1;
                    let name = quoted(&state.display_name());
                    let reason = state.reason(&error, &layers);
                    let message = format!("with that as layer {number} of {name}, {reason}");
                    let help = "the layers do not fit each other";
                    let address = address.clone();
                    self.problem(Code::LayerConflict, address, message, help);
                    return None;
                }
            }
        };
        state.tree = Some(tree);
        state.layers = layers;
        state.untold.insert(layer);
        if state.layers.len() > DOCKER_MAX_LAYERS {
            state.note(format!(
                "more than {DOCKER_MAX_LAYERS} layers, which Docker loads only with the containerd store"
            ));
        }
        self.layers.push(made);
        Some(Effect::AddLayer { layer })
    }

    /// Notes what of the layer that was just laid at `position` nobody sees.
    pub(crate) fn note_hidden(&mut self, position: usize) {
        let state = &mut *self.state;
        let layer = state.layers[position];
        let PlannedLayer::Made(index) = layer else {
            return;
        };
        if let (MadeContent::Composed(content), Some(tree)) =
            (&self.layers[index].content, &state.tree)
        {
            let n_hidden = n_hidden(content, tree, state.place(layer));
            if n_hidden > 0 {
                let number = position + 1;
                let are = if n_hidden == 1 { "is" } else { "are" };
                state.note(format!(
                    "{n_hidden} of the files of the new layer {number} {are} hidden by layers above it"
                ));
            }
        }
    }
}

/// Returns how many files of a layer are not what stands at their paths.
fn n_hidden(content: &LayerContent, tree: &Rootfs, place: usize) -> usize {
    let entries = content.entries.iter().map(|item| &item.entry);
    let files = entries.filter(|entry| entry.kind != Kind::Directory);
    let is_hidden = |entry: &&Entry| {
        let path = ImagePath::from_entry_name(&entry.name);
        let node = path.ok().and_then(|path| tree.get(&path));
        node.is_none_or(|node| node.layer != place)
    };
    files.filter(is_hidden).count()
}
