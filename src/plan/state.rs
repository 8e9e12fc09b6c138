//! An image between two operations.

use super::{Effect, ImagePlan, InventoryImage, PlannedLayer, Step};
use crate::digest::Digest;
use crate::image::{Config, HistoryEntry};
use crate::patch::{IfMissing, Removal};
use crate::problem::{Address, Code, Problem, quoted};
use crate::reference::{Glob, Reference};
use crate::rootfs::Rootfs;
use crate::timestamp::Timestamp;

/// An image as the operations so far have left it.
pub(super) struct State {
    pub(super) image_id: Digest,
    pub(super) config: Config,
    pub(super) tags: Vec<Reference>,
    pub(super) layers: Vec<PlannedLayer>,
    pub(super) tree: Option<Rootfs>,
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<String>,
    /// How many layers there were when the current patch began.
    n_layers_before: usize,
    /// Whether the history told of every layer to begin with.
    has_full_history: bool,
}

impl State {
    pub(super) fn new(image: &mut InventoryImage) -> Self {
        let n_layers = image.layer_sizes.len();
        let has_history = image.config.history().next().is_some();
        Self {
            image_id: image.image_id,
            config: image.config.clone(),
            tags: image.tags.clone(),
            layers: (0..n_layers).map(PlannedLayer::Kept).collect(),
            tree: image.tree.take(),
            steps: Vec::new(),
            notes: Vec::new(),
            n_layers_before: n_layers,
            has_full_history: has_history && image.config.n_history_layers() == n_layers,
        }
    }

    /// Returns a name for messages.
    pub(super) fn display_name(&self) -> String {
        self.tags
            .first()
            .map_or_else(|| self.image_id.short(), Reference::familiar)
    }

    /// Adds what every change brings along: the time, where one is given, and history.
    pub(super) fn end_patch(
        &mut self,
        before: &Config,
        created_by: &str,
        epoch: Option<&Timestamp>,
    ) {
        let n_added = self.layers.len() - self.n_layers_before;
        self.n_layers_before = self.layers.len();
        if n_added == 0 && self.config == *before {
            return;
        }
        if let Some(epoch) = epoch {
            self.config.set_created(epoch);
        }
        if !self.has_full_history {
            let note = "the history does not tell of every layer; it stays as it is".to_owned();
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
            return;
        }
        let entry = HistoryEntry {
            created_by: created_by.to_owned(),
            is_empty_layer: n_added == 0,
        };
        for _ in 0..n_added.max(1) {
            self.config.push_history(&entry);
        }
    }

    pub(super) fn into_plan(self) -> ImagePlan {
        let Self {
            config,
            layers,
            tags,
            steps,
            notes,
            ..
        } = self;
        ImagePlan {
            config,
            layers,
            tags,
            steps,
            notes,
        }
    }
}

pub(super) fn unset_labels(
    states: &mut [State],
    images: &[usize],
    removal: &Removal,
    address: &Address,
    effects: &mut [Vec<Effect>],
    problems: &mut Vec<Problem>,
) {
    for (g, glob) in removal.globs.iter().enumerate() {
        let mut is_found = false;
        for (&image, effects) in images.iter().zip(&mut *effects) {
            let config = &mut states[image].config;
            for (key, old) in config
                .labels()
                .into_iter()
                .filter(|(key, _)| glob.matches(key))
            {
                config.remove_label(&key);
                effects.push(Effect::UnsetLabel { key, old });
                is_found = true;
            }
        }
        if !is_found && removal.if_missing == IfMissing::Problem {
            let labels = images
                .iter()
                .flat_map(|&image| states[image].config.labels())
                .map(|(key, _)| key);
            let message = format!(
                "{} no label {}",
                these_have(states, images),
                quoted(glob.as_str())
            );
            let problem = Problem::new(
                Code::NoSuchLabel,
                removal.glob_address(address.clone(), g),
                message,
            );
            problems.push(problem.with_help(what_there_is("label", labels.collect(), glob)));
        }
    }
}

/// "`a:1` has" or "`a:1` and 2 more images have", so that messages read well for one image and for many.
pub(super) fn these_have(states: &[State], images: &[usize]) -> String {
    let first = images
        .first()
        .map_or_else(String::new, |&image| quoted(&states[image].display_name()));
    match images.len() {
        0 | 1 => format!("{first} has"),
        2 => format!("{first} and another image have"),
        n => format!("{first} and {} more images have", n - 1),
    }
}

/// The help line of a pattern that matched nothing: the nearest name, or all there are.
pub(super) fn what_there_is(thing: &str, mut names: Vec<String>, glob: &Glob) -> String {
    names.sort();
    names.dedup();
    if names.is_empty() {
        return format!("there is no {thing} at all; `if-missing: ignore` makes that no problem");
    }
    let nearest = names
        .iter()
        .map(|name| (strsim::jaro_winkler(name, glob.as_str()), name))
        .filter(|(score, _)| *score > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, name)) = nearest {
        return format!("did you mean {}?", quoted(name));
    }
    let shown: Vec<String> = names.iter().take(10).map(|name| quoted(name)).collect();
    let more = if names.len() > 10 {
        format!(" and {} more", names.len() - 10)
    } else {
        String::new()
    };
    format!(
        "there is {}{more}; `if-missing: ignore` makes a pattern without a match no problem",
        shown.join(", ")
    )
}
