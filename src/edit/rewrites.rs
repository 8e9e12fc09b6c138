//! Layers that exist and are changed: which entry becomes what, and the tree that comes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::image::EditedImage;
use super::stack::log_of;
use super::state::ImageState;
use super::{Effect, FileChange, MadeContent, MadeLayer, PlannedLayer, tree_changes};
use crate::layer::{Data, GroupEdit, Origin, Rewrite};
use crate::problem::{Address, Code, quoted};
use crate::rootfs::{LayerLog, LoggedEntry, Rootfs, RootfsError};

/// What becomes of entries of one layer, each known by its place in the layer's stream.
pub(crate) type Edits = BTreeMap<u64, GroupEdit>;

/// What becomes of layers, each known by its place in the tree, and what differs for one who looks at the files.
pub(crate) type LayerEdits = BTreeMap<usize, (Edits, Vec<FileChange>)>;

impl EditedImage<'_> {
    /// Changes entries of layers, by the place that these have in the tree; what differs for one who
    /// looks at the files is told of each.
    pub(crate) fn rewrite(&mut self, edits: LayerEdits, address: &Address) {
        if edits.is_empty() {
            return;
        }
        let state = &*self.state;
        if let Err(error) = tree_with(state, &edits) {
            let name = quoted(&state.display_name());
            let reason = state.reason(&error, &state.layers);
            let message = format!("with that change of {name}, {reason}");
            let help = "an upper layer needs a lower layer's files there";
            return self.problem(Code::LayerConflict, address.clone(), message, help);
        }
        for (place, (edits, files)) in edits {
            let layer = self.state.layer_at(place);
            let is_it = |it: &PlannedLayer| *it == layer;
            let position = self.state.layers.iter().position(is_it);
            let position = position.expect("what is changed is in a layer of the image");
            let index = self.editable(position);
            let made = &mut self.layers[index];
            tree_changes::add(&mut made.files, files);
            let state = &mut *self.state;
            let place = state.place(PlannedLayer::Made(index));
            let logs = state.logs.as_mut();
            let logs = logs.expect("layers were read for every image whose layers change");
            let log = logs.get_mut(&place).expect("every layer has a log");
            apply(&mut made.content, edits, Arc::make_mut(log), place);
        }
        let state = &mut *self.state;
        let tree = state.tree_of(&state.layers);
        state.tree = Some(tree.expect("they fitted each other before"));
    }

    /// Returns the index in the plan of the layer at `position`, which can be changed from now on.
    pub(crate) fn editable(&mut self, position: usize) -> usize {
        let state = &mut *self.state;
        let rewritten = |origin| {
            MadeContent::Rewritten(Rewrite {
                origin,
                edits: BTreeMap::new(),
                latest: None,
            })
        };
        state.n_rewrites += 1;
        match state.layers[position] {
            PlannedLayer::Made(index) => {
                if let MadeContent::Verbatim(origin) = self.layers[index].content {
                    self.layers[index].content = rewritten(origin);
                }
                index
            }
            PlannedLayer::Kept(kept) => {
                let index = self.layers.len();
                self.layers.push(MadeLayer {
                    image: self.number,
                    content: rewritten(Origin::Layer(kept)),
                    from: None,
                    created_by: None,
                    compression: state.recompressed.remove(&kept),
                    files: Vec::new(),
                    texts: BTreeMap::new(),
                });
                let place = state.place(PlannedLayer::Made(index));
                if let Some(logs) = &mut state.logs {
                    let log = logs.remove(&kept).expect("every layer has a log");
                    logs.insert(place, log);
                }
                state.layers[position] = PlannedLayer::Made(index);
                self.effects.push(Effect::RewriteLayer {
                    number: position + 1,
                    layer: index,
                });
                index
            }
        }
    }
}

/// Returns the tree that the layers make once they are changed.
pub(crate) fn tree_with(state: &ImageState, edits: &LayerEdits) -> Result<Rootfs, RootfsError> {
    let logs = state.logs.as_ref();
    let logs = logs.expect("layers were read for every image whose layers change");
    let mut changed: BTreeMap<usize, LayerLog> = BTreeMap::new();
    for (place, (edits, _)) in edits {
        let mut log = LayerLog::clone(&logs[place]);
        log.entries.retain_mut(|logged| retain(logged, edits));
        changed.insert(*place, log);
    }
    Rootfs::of(state.layers.iter().map(|layer| {
        let place = state.place(*layer);
        let log = changed.get(&place).unwrap_or(&*logs[&place]);
        state.effort.lay(log.entries.len());
        (place, log)
    }))
}

/// Changes an entry as is wanted; tells whether it stays.
fn retain(logged: &mut LoggedEntry, edits: &Edits) -> bool {
    match edits.get(&logged.content.offset) {
        None => true,
        Some(GroupEdit::Drop) => false,
        Some(GroupEdit::Change { header, .. }) => {
            header.apply_to(&mut logged.entry);
            true
        }
    }
}

/// Makes the changes in what a layer is made of and in what is known of it.
fn apply(content: &mut MadeContent, edits: Edits, log: &mut LayerLog, place: usize) {
    match content {
        MadeContent::Composed(composed) => {
            let mut i = 0;
            composed.entries.retain_mut(|item| {
                i += 1;
                match edits.get(&(i - 1)) {
                    None => true,
                    Some(GroupEdit::Drop) => false,
                    Some(GroupEdit::Change { header, content }) => {
                        header.apply_to(&mut item.entry);
                        if let Some(content) = content {
                            item.data = Data::Inline(content.clone());
                        }
                        true
                    }
                }
            });
            *log = log_of(composed, place);
        }
        MadeContent::Rewritten(rewrite) => {
            log.entries.retain_mut(|logged| {
                let offset = logged.content.offset;
                if let Some(GroupEdit::Change {
                    content: Some(_), ..
                }) = edits.get(&offset)
                {
                    logged.content.layer = place;
                }
                retain(logged, &edits)
            });
            for (offset, edit) in edits {
                match rewrite.edits.get_mut(&offset) {
                    Some(earlier) => earlier.and(edit),
                    None => {
                        rewrite.edits.insert(offset, edit);
                    }
                }
            }
        }
        MadeContent::Verbatim(_) => unreachable!("it was made editable"),
    }
}
