//! The history entries that a patch leaves behind.

use super::state::State;
use crate::image::{Config, HistoryEntry};
use crate::patch::History;

/// The entries of one patch for one image, while its operations are planned.
#[derive(Debug)]
pub(super) struct Record {
    created_by: String,
    history: History,
    config: Config,
    n_layers: usize,
    entries: Vec<HistoryEntry>,
}

impl Record {
    pub(super) fn new(state: &State, history: History, created_by: &str) -> Self {
        Self {
            created_by: created_by.to_owned(),
            history,
            config: state.config.clone(),
            n_layers: state.layers.len(),
            entries: Vec::new(),
        }
    }

    /// Takes down what an operation has done to the image.
    pub(super) fn operation(&mut self, state: &State, name: &str) {
        if self.history == History::PerOperation {
            let created_by = format!("{} {name}", self.created_by);
            self.take_down(state, &created_by, true);
        }
    }

    /// Returns the entries of the whole patch.
    pub(super) fn end(mut self, state: &State) -> Vec<HistoryEntry> {
        let created_by = self.created_by.clone();
        let is_told = self.history == History::PerPatch;
        self.take_down(state, &created_by, is_told);
        self.entries
    }

    /// One entry for each new layer; or else one for another configuration, if that `is_told`.
    fn take_down(&mut self, state: &State, created_by: &str, is_told: bool) {
        let n_added = state.layers.len() - self.n_layers;
        let is_empty_layer = n_added == 0;
        let has_own = is_told && is_empty_layer && state.config != self.config;
        for _ in 0..n_added + usize::from(has_own) {
            self.entries.push(HistoryEntry {
                created_by: created_by.to_owned(),
                is_empty_layer,
            });
        }
        self.n_layers = state.layers.len();
        self.config.clone_from(&state.config);
    }
}
