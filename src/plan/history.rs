//! The history entries that a patch leaves behind.

use super::state::State;
use super::{MadeLayer, PlannedLayer};
use crate::image::{Config, HistoryEntry};
use crate::patch::History;

/// An entry to leave, and the layer that it tells of.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) entry: HistoryEntry,
    /// Its index in the plan.
    pub(super) layer: Option<usize>,
}

/// The entries of one patch for one image, while its operations are planned.
#[derive(Debug)]
pub(super) struct Record {
    created_by: String,
    history: History,
    config: Config,
    n_rewrites: usize,
    told: Vec<Told>,
}

impl Record {
    pub(super) fn new(state: &State, history: History, created_by: &str) -> Self {
        Self {
            created_by: created_by.to_owned(),
            history,
            config: state.config.clone(),
            n_rewrites: state.n_rewrites,
            told: Vec::new(),
        }
    }

    /// Takes down what an operation has done to the image.
    pub(super) fn operation(&mut self, state: &State, name: &str, layers: &[MadeLayer]) {
        if self.history == History::PerOperation {
            let created_by = format!("{} {name}", self.created_by);
            self.take_down(state, layers, &created_by, true);
        }
    }

    /// Returns the entries of the whole patch.
    pub(super) fn end(mut self, state: &State, layers: &[MadeLayer]) -> Vec<Told> {
        let created_by = self.created_by.clone();
        let is_told = self.history == History::PerPatch;
        self.take_down(state, layers, &created_by, is_told);
        self.told
    }

    /// One entry for each new layer; or else one for another configuration or layer, if that `is_told`.
    fn take_down(&mut self, state: &State, layers: &[MadeLayer], created_by: &str, is_told: bool) {
        let is_known = |layer: usize| self.told.iter().any(|told| told.layer == Some(layer));
        let untold = state.layers.iter().filter_map(|layer| match *layer {
            PlannedLayer::Made(i) => Some(i).filter(|i| state.untold.contains(i) && !is_known(*i)),
            PlannedLayer::Kept(_) => None,
        });
        let mut new: Vec<Told> = untold
            .map(|layer| Told {
                entry: HistoryEntry {
                    created_by: layers[layer]
                        .created_by
                        .as_deref()
                        .unwrap_or(created_by)
                        .to_owned(),
                    is_empty_layer: false,
                },
                layer: Some(layer),
            })
            .collect();
        let is_other = state.config != self.config || state.n_rewrites != self.n_rewrites;
        if is_told && new.is_empty() && is_other {
            new.push(Told {
                entry: HistoryEntry {
                    created_by: created_by.to_owned(),
                    is_empty_layer: true,
                },
                layer: None,
            });
        }
        self.told.extend(new);
        self.config.clone_from(&state.config);
        self.n_rewrites = state.n_rewrites;
    }
}
