//! Layers that exist and are changed: which entry becomes what, and the tree that comes of it.

use std::collections::BTreeMap;

use super::stack::log_of;
use super::work::Work;
use super::{Effect, FileChange, MadeContent, MadeLayer, PlannedLayer, tree_changes};
use crate::layer::{Data, GroupEdit, Origin, Rewrite};
use crate::problem::{Address, Code, quoted};
use crate::rootfs::{Content, LayerLog};

/// What becomes of entries of one layer, each known by its place in the layer's stream.
pub(super) type Edits = BTreeMap<u64, GroupEdit>;

impl Work<'_> {
    /// Changes entries of layers of the `i`th image, by the place that these have in the tree; what differs for one who
    /// looks at the files is told of each.
    pub(super) fn rewrite(
        &mut self,
        i: usize,
        edits: BTreeMap<usize, (Edits, Vec<FileChange>)>,
        address: &Address,
    ) {
        if edits.is_empty() {
            return;
        }
        let image = self.images[i];
        for (place, (edits, files)) in edits {
            let layer = self.states[image].layer_at(place);
            let is_it = |it: &PlannedLayer| *it == layer;
            let position = self.states[image].layers.iter().position(is_it);
            let position = position.expect("what is changed is in a layer of the image");
            let index = self.editable(i, position);
            let made = &mut self.layers[index];
            tree_changes::add(&mut made.files, files);
            let state = &mut self.states[image];
            let place = state.place(PlannedLayer::Made(index));
            let logs = state.logs.as_mut();
            let logs = logs.expect("layers were read for every image whose layers change");
            let log = logs.get_mut(&place).expect("every layer has a log");
            apply(&mut made.content, edits, log, place);
        }
        let state = &mut self.states[image];
        match state.tree_of(&state.layers) {
            Ok(tree) => state.tree = Some(tree),
            Err(error) => {
                let name = quoted(&state.display_name());
                let reason = state.reason(&error, &state.layers);
                let message = format!("with that change of {name}, {reason}");
                let help = "an upper layer needs what a lower one has there";
                self.problem(Code::LayerConflict, address.clone(), message, help);
            }
        }
    }

    /// Returns the index in the plan of the layer at `position`, which can be changed from now on.
    pub(super) fn editable(&mut self, i: usize, position: usize) -> usize {
        let image = self.images[i];
        let state = &mut self.states[image];
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
                    image,
                    content: rewritten(Origin::Layer(kept)),
                    from: None,
                    created_by: None,
                    compression: state.recompressed.remove(&kept),
                    files: Vec::new(),
                });
                let place = state.place(PlannedLayer::Made(index));
                if let Some(logs) = &mut state.logs {
                    let log = logs.remove(&kept).expect("every layer has a log");
                    logs.insert(place, log);
                }
                state.layers[position] = PlannedLayer::Made(index);
                self.effects[i].push(Effect::RewriteLayer {
                    number: position + 1,
                    layer: index,
                });
                index
            }
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
            log.entries
                .retain_mut(|logged| match edits.get(&logged.content.offset) {
                    None => true,
                    Some(GroupEdit::Drop) => false,
                    Some(GroupEdit::Change { header, content }) => {
                        header.apply_to(&mut logged.entry);
                        if content.is_some() {
                            let offset = logged.content.offset;
                            logged.content = Content {
                                layer: place,
                                offset,
                            };
                        }
                        true
                    }
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
