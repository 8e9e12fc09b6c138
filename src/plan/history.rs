//! The history entries that a patch leaves behind.

use super::state::State;
use super::{AddedLayer, PlannedLayer};
use crate::image::{Config, HistoryEntry};
use crate::patch::History;

/// The entries of one patch for one image, while its operations are planned.
#[derive(Debug)]
pub(super) struct Record {
    created_by: String,
    history: History,
    config: Config,
    n_added: usize,
    entries: Vec<HistoryEntry>,
}

impl Record {
    pub(super) fn new(state: &State, history: History, created_by: &str) -> Self {
        Self {
            created_by: created_by.to_owned(),
            history,
            config: state.config.clone(),
            n_added: added(state).count(),
            entries: Vec::new(),
        }
    }

    /// Takes down what an operation has done to the image.
    pub(super) fn operation(&mut self, state: &State, name: &str, layers: &[AddedLayer]) {
        if self.history == History::PerOperation {
            let created_by = format!("{} {name}", self.created_by);
            self.take_down(state, layers, &created_by, true);
        }
    }

    /// Returns the entries of the whole patch.
    pub(super) fn end(mut self, state: &State, layers: &[AddedLayer]) -> Vec<HistoryEntry> {
        let created_by = self.created_by.clone();
        let is_told = self.history == History::PerPatch;
        self.take_down(state, layers, &created_by, is_told);
        self.entries
    }

    /// One entry for each new layer; or else one for another configuration, if that `is_told`.
    fn take_down(&mut self, state: &State, layers: &[AddedLayer], created_by: &str, is_told: bool) {
        let added: Vec<usize> = added(state).skip(self.n_added).collect();
        for &layer in &added {
            let own = layers[layer].created_by.as_deref();
            self.entries.push(HistoryEntry {
                created_by: own.unwrap_or(created_by).to_owned(),
                is_empty_layer: false,
            });
        }
        if is_told && added.is_empty() && state.config != self.config {
            self.entries.push(HistoryEntry {
                created_by: created_by.to_owned(),
                is_empty_layer: true,
            });
        }
        self.n_added += added.len();
        self.config.clone_from(&state.config);
    }
}

/// The layers that were added so far, by their index in the plan; none of them is ever removed again.
fn added(state: &State) -> impl Iterator<Item = usize> {
    state.layers.iter().filter_map(|layer| match *layer {
        PlannedLayer::Added(i) => Some(i),
        PlannedLayer::Kept(_) => None,
    })
}
