//! The history entries that a patch leaves behind.

use crate::config_field::ConfigField;
use crate::edit::{ImageState, MadeLayer, PlannedLayer};
use crate::image::json::Value;
use crate::image::{Config, HistoryEntry};
use crate::patch::History;
use crate::timestamp::Timestamp;

/// `BuildKit`'s inline cache, keyed by the layers of the image.
const BUILD_CACHE: &str = "moby.buildkit.cache.v0";

/// An entry to leave, and the layer that it tells of.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) entry: HistoryEntry,
    /// Its index in the plan.
    pub(super) layer: Option<usize>,
}

/// The entries of one patch for one image, while its operations are planned.
#[derive(Debug)]
pub(super) struct HistoryRecord {
    created_by: String,
    history: History,
    config: Config,
    n_rewrites: usize,
    told: Vec<Told>,
}

impl HistoryRecord {
    pub(super) fn new(state: &ImageState, history: History, created_by: &str) -> Self {
        Self {
            created_by: created_by.to_owned(),
            history,
            config: state.config.clone(),
            n_rewrites: state.n_rewrites,
            told: Vec::new(),
        }
    }

    /// Takes down what an operation has done to the image.
    pub(super) fn operation(&mut self, state: &ImageState, name: &str, layers: &[MadeLayer]) {
        if self.history == History::PerOperation {
            let created_by = format!("{} {name}", self.created_by);
            self.take_down(state, layers, &created_by, true);
        }
    }

    /// Returns the entries of the whole patch.
    pub(super) fn end(mut self, state: &ImageState, layers: &[MadeLayer]) -> Vec<Told> {
        let created_by = self.created_by.clone();
        let is_told = self.history == History::PerPatch;
        self.take_down(state, layers, &created_by, is_told);
        self.told
    }

    /// One entry for each new layer; or else one for another configuration or layer, if that `is_told`.
    fn take_down(
        &mut self,
        state: &ImageState,
        layers: &[MadeLayer],
        created_by: &str,
        is_told: bool,
    ) {
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

impl ImageState {
    /// Adds what every change brings along: the time, where one is given, and history.
    pub(super) fn end_patch(
        &mut self,
        before: &Config,
        told: Vec<Told>,
        epoch: Option<&Timestamp>,
    ) {
        self.open_layer = None;
        let has_layers = self.layers != self.layers_before;
        self.layers_before.clone_from(&self.layers);
        if !has_layers && self.config == *before {
            return;
        }
        self.is_changed = true;
        if has_layers && self.config.remove_root(BUILD_CACHE) {
            self.note(format!(
                "`{BUILD_CACHE}` is removed: it describes the old layers"
            ));
        }
        if let Some(epoch) = epoch.filter(|_| !self.has_own_time) {
            let time = Value::text(epoch.as_str());
            self.config.set_field(ConfigField::Created, time);
        }
        if !self.has_full_history {
            self.note("the history does not cover every layer; it stays as it is".to_owned());
            return;
        }
        for told in told {
            self.tell(&told);
        }
    }

    /// Adds a history entry: at the end, or among the others where the layer that it tells of is among others.
    fn tell(&mut self, told: &Told) {
        let is_it = |layer: &PlannedLayer| told.layer.map(PlannedLayer::Made) == Some(*layer);
        let place = self.layers.iter().position(is_it);
        if told.layer.is_some() && place.is_none() {
            // A later operation has made another layer of it.
            return;
        }
        let (below, above) = self.layers.split_at(place.unwrap_or(self.layers.len()));
        if self.n_told(above) > 0 {
            let n_below = self.n_told(below);
            self.config.insert_layer_history(n_below, &told.entry);
        } else {
            self.config.push_history(&told.entry);
        }
        if let Some(layer) = &told.layer {
            self.untold.remove(layer);
        }
    }
}
