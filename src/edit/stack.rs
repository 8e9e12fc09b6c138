//! The layers of an image between two operations: which there are, what their streams hold, and the tree that they make.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::state::ImageState;
use super::{MadeContent, MadeLayer, PlannedLayer};
use crate::digest::DiffId;
use crate::image::HistoryEntry;
use crate::image_path::ImagePath;
use crate::layer::{Data, GroupEdit, Kept, LayerContent, Origin};
use crate::printable;
use crate::problem::quoted;
use crate::rootfs::{Content, LayerLog, LoggedEntry, Node, Rootfs, RootfsError};
use crate::tarball::{Kind, SparseMap};

/// What of a base image a manifest tells (image-spec annotations.md, "Pre-Defined Annotation Keys").
const BASE_IMAGE: &str = "org.opencontainers.image.base.";

/// What the streams of layers hold, by the place that a layer has in the tree; nothing of layers where no operation asks.
pub(crate) type Logs = HashMap<usize, Arc<LayerLog>>;

impl ImageState {
    /// Returns the place in the tree that no other layer has: that of a kept one, or behind all of those.
    pub(crate) fn place(&self, layer: PlannedLayer) -> usize {
        match layer {
            PlannedLayer::Kept(position) => position,
            PlannedLayer::Made(index) => self.old_diff_ids.len() + index,
        }
    }

    /// Returns the layer that has a place in the tree.
    pub(crate) fn layer_at(&self, place: usize) -> PlannedLayer {
        match place.checked_sub(self.old_diff_ids.len()) {
            None => PlannedLayer::Kept(place),
            Some(index) => PlannedLayer::Made(index),
        }
    }

    /// Returns the diff id of a layer, unless it is one that nobody has made yet.
    pub(crate) fn diff_id(&self, position: usize) -> Option<DiffId> {
        match *self.layers.get(position)? {
            PlannedLayer::Kept(kept) => Some(self.old_diff_ids[kept]),
            PlannedLayer::Made(_) => None,
        }
    }

    /// Returns the tree that layers make, from the base up.
    pub(crate) fn tree_of(&self, layers: &[PlannedLayer]) -> Result<Rootfs, RootfsError> {
        let logs = self.logs.as_ref();
        let logs = logs.expect("layers were read for every image whose layers may move");
        Rootfs::of(layers.iter().map(|layer| {
            let place = self.place(*layer);
            let log = &*logs[&place];
            self.effort.lay(log.entries.len());
            (place, log)
        }))
    }

    /// Removes what the history says of the layers at `positions`, which are about to go.
    pub(crate) fn forget_history(&mut self, positions: Range<usize>) {
        if self.has_full_history {
            let first = self.n_told(&self.layers[..positions.start]);
            let n = self.n_told(&self.layers[positions]);
            self.config.remove_layer_history(first..first + n);
        }
    }

    /// Has the history say something else of the layer at `position`.
    pub(crate) fn retell(&mut self, position: usize, created_by: &str) {
        if self.is_told(self.layers[position]) && self.has_full_history {
            let n_below = self.n_told(&self.layers[..position]);
            let entry = HistoryEntry {
                created_by: created_by.to_owned(),
                is_empty_layer: false,
            };
            self.config.replace_layer_history(n_below, &entry);
        }
    }

    /// What is said about the base image speaks of layers that are perhaps no longer there.
    pub(crate) fn forget_base(&mut self) {
        let documents = [
            &mut self.annotations.manifest,
            &mut self.annotations.descriptor,
        ];
        let mut is_dropped = false;
        for annotations in documents.into_iter().flatten() {
            let gone = annotations.remove(|key| key.starts_with(BASE_IMAGE));
            is_dropped |= !gone.is_empty();
        }
        if is_dropped {
            self.note(format!(
                "annotations `{BASE_IMAGE}*` are removed: they describe the old layers"
            ));
        }
    }

    /// Tells whether the history tells of a layer, if it tells of any.
    pub(crate) fn is_told(&self, layer: PlannedLayer) -> bool {
        !matches!(layer, PlannedLayer::Made(i) if self.untold.contains(&i))
    }

    /// Returns how many of the layers the history tells of.
    pub(crate) fn n_told(&self, layers: &[PlannedLayer]) -> usize {
        layers.iter().filter(|layer| self.is_told(**layer)).count()
    }

    /// Says what of which layer does not fit the others, in words that follow "without that layer".
    pub(crate) fn reason(&self, error: &RootfsError, layers: &[PlannedLayer]) -> String {
        let RootfsError::Entry {
            layer,
            name,
            reason,
        } = error
        else {
            return error.to_string();
        };
        let is_it = |it: &PlannedLayer| *it == self.layer_at(*layer);
        let now = layers.iter().position(is_it).map_or(0, |now| now + 1);
        let name = quoted(&printable::decoded(name));
        format!("{name} of layer {now} would be {reason}")
    }

    /// Returns a path among `paths` or below one that an operation of the plan has added.
    pub(crate) fn first_added(
        &self,
        paths: &BTreeSet<ImagePath>,
        layers: &[MadeLayer],
    ) -> Option<ImagePath> {
        let tree = self.tree.as_ref()?;
        // A layer that was only changed has what it had.
        let is_added = |node: &Node| match self.layer_at(node.layer) {
            PlannedLayer::Kept(_) => false,
            PlannedLayer::Made(index) => layers[index].stands_for().is_none(),
        };
        paths.iter().find_map(|path| {
            if tree
                .get(path)
                .is_some_and(|node| node.kind != Kind::Directory && is_added(node))
            {
                return Some(path.clone());
            }
            let mut below = tree.below(path);
            below
                .find(|(_, node)| node.kind != Kind::Directory && is_added(node))
                .map(|(path, _)| path)
        })
    }

    /// Returns where to take the content of a file from.
    pub(crate) fn data(&self, node: &Node, layers: &[MadeLayer]) -> Data {
        if node.kind != Kind::File {
            return Data::None;
        }
        self.data_at(node.content, node.size, node.sparse.as_ref(), layers)
    }

    /// Returns where to take a content of `size` bytes from.
    pub(crate) fn data_at(
        &self,
        Content { layer, offset }: Content,
        size: u64,
        sparse: Option<&SparseMap>,
        layers: &[MadeLayer],
    ) -> Data {
        let kept = |origin| {
            Data::Kept(Kept {
                origin,
                offset,
                size,
                sparse: sparse.cloned(),
            })
        };
        match self.layer_at(layer) {
            PlannedLayer::Kept(position) => kept(Origin::Layer(position)),
            PlannedLayer::Made(index) => match &layers[index].content {
                MadeContent::Verbatim(origin) => kept(*origin),
                MadeContent::Composed(content) => {
                    let index = usize::try_from(offset).expect("it was made of an index");
                    content.entries[index].data.clone()
                }
                MadeContent::Rewritten(rewrite) => match rewrite.edits.get(&offset) {
                    Some(GroupEdit::Change {
                        content: Some(content),
                        ..
                    }) => Data::Inline(content.clone()),
                    _ => kept(rewrite.origin),
                },
            },
        }
    }
}

/// Returns the log of a layer that is written anew: the place of an entry stands for that of its content.
pub(crate) fn log_of(content: &LayerContent, place: usize) -> LayerLog {
    log_from(content, place, 0)
}

/// Returns the log of entries that stand behind `n_before` others of a layer.
pub(crate) fn log_from(content: &LayerContent, place: usize, n_before: usize) -> LayerLog {
    let logged = |(i, item): (usize, &crate::layer::LayerEntry)| LoggedEntry {
        entry: item.entry.clone(),
        content: Content {
            layer: place,
            offset: (n_before + i) as u64,
        },
    };
    let entries = content.entries.iter().enumerate().map(logged).collect();
    LayerLog { entries }
}
