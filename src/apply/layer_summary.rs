//! The layers of an image as it was and as it will be, for people and programs.

use std::collections::HashMap;

use serde::Serialize;

use super::layers::Places;
use super::text_diff::TextDiff;
use crate::archive::{Image, Revision};
use crate::compression::Compression;
use crate::digest::DiffId;
use crate::plan::{Change, FileChange, ImagePlan, Plan, PlannedLayer, RemovedLayer};

/// One layer of the image as it was or will be.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerSummary {
    /// Kept, added or removed.
    pub change: Change,
    /// The digest of the uncompressed layer.
    pub diff_id: DiffId,
    /// The one that it had, where it is made anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_diff_id: Option<DiffId>,
    /// Bytes in the archive.
    pub size: u64,
    /// Bytes that it had there, where it is made anew or stored in another way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_size: Option<u64>,
    /// How it is compressed, where that changes and nothing else of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<&'static str>,
    /// Where the files of an added layer come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What changes in the file tree as an added layer comes or a removed one goes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileSummary>,
}

/// One path that is another after a layer came or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSummary {
    /// Whether the image has something there.
    pub change: Change,
    /// The path; a directory ends in `/`.
    pub path: String,
    /// What changes there, where that is less than everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The lines that change, where operations edit the text of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<TextDiff>,
}

impl FileSummary {
    fn of(file: &FileChange, diff: Option<TextDiff>) -> Self {
        Self {
            change: file.change,
            path: file.path.clone(),
            detail: file.detail.clone(),
            diff,
        }
    }
}

/// Returns the layers from the base up; those that go stand where they were, before what comes in their place.
pub(super) fn layers(
    (i, image): (usize, &Image),
    planned: &ImagePlan,
    plan: &Plan,
    (places, revision): (&Places, &Revision<'_>),
) -> Vec<LayerSummary> {
    let old = |change, position: usize, files: &[FileChange]| LayerSummary {
        change,
        diff_id: image.layers()[position].diff_id(),
        old_diff_id: None,
        size: image.layers()[position].size(),
        old_size: None,
        compression: None,
        from: None,
        files: files
            .iter()
            .map(|file| FileSummary::of(file, None))
            .collect(),
    };
    let kept = |position: usize| {
        let place = places.recompressed(i, position);
        let stored = place.map(|place| revision.stored(place));
        let change = stored.map_or(Change::Kept, |_| Change::Changed);
        let kept = old(change, position, &[]);
        LayerSummary {
            size: stored.map_or(kept.size, |stored| stored.size),
            old_size: stored.map(|_| kept.size),
            compression: stored.map(|stored| stored.compression.name()),
            ..kept
        }
    };
    let new = |index: usize| {
        let made = &plan.layers[index];
        let stored = revision.stored(places.made(index));
        let file = |file: &FileChange| {
            let text = made.texts.get(&file.path);
            FileSummary::of(file, text.map(|text| TextDiff::of(text, &plan.secrets)))
        };
        let was = made.stands_for();
        LayerSummary {
            change: if was.is_some() {
                Change::Changed
            } else {
                Change::Added
            },
            diff_id: stored.diff_id,
            old_diff_id: was.map(|position| image.layers()[position].diff_id()),
            size: stored.size,
            old_size: was.map(|position| image.layers()[position].size()),
            compression: made.compression.map(Compression::name),
            from: made.from.clone(),
            files: made.files.iter().map(file).collect(),
        }
    };
    let mut removed: Vec<&RemovedLayer> = planned.removed.iter().collect();
    removed.sort_by_key(|removed| removed.position);
    let mut removed = removed.into_iter().peekable();
    let mut layers = Vec::new();
    for (n, layer) in planned.layers.iter().enumerate() {
        // What stands before the next layer that stays has gone from here.
        let next = planned.layers[n..].iter().find_map(|layer| match *layer {
            PlannedLayer::Kept(position) => Some(position),
            PlannedLayer::Made(index) => plan.layers[index].stands_for(),
        });
        while let Some(gone) = removed.next_if(|gone| next.is_none_or(|next| gone.position < next))
        {
            layers.push(old(Change::Removed, gone.position, &gone.files));
        }
        layers.push(match *layer {
            PlannedLayer::Kept(position) => kept(position),
            PlannedLayer::Made(index) => new(index),
        });
    }
    layers.extend(removed.map(|gone| old(Change::Removed, gone.position, &gone.files)));
    layers
}

/// Returns notes of new layers whose content another layer has already, as when a patch is applied twice.
pub(super) fn repeated(layers: &[LayerSummary]) -> Vec<String> {
    let mut numbers: HashMap<DiffId, usize> = HashMap::new();
    let mut notes = Vec::new();
    let there = layers
        .iter()
        .filter(|layer| layer.change != Change::Removed);
    for (i, layer) in there.enumerate() {
        let number = i + 1;
        let first = *numbers.entry(layer.diff_id).or_insert(number);
        if layer.change == Change::Added && first < number {
            notes.push(format!(
                "the new layer {number} is the same as layer {first}; was the patch applied before?"
            ));
        }
    }
    notes
}
