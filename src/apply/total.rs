//! What a plan comes to, on one line.

use super::summary::{ImageSummary, Summary};
use super::text::bytes;
use crate::plan::Change;

/// Returns the last line of a plan.
pub(super) fn line(summary: &Summary) -> String {
    let changed: Vec<&ImageSummary> = summary
        .images
        .iter()
        .filter(|image| image.changed)
        .collect();
    let sum = |count: fn(&ImageSummary) -> usize| changed.iter().map(|image| count(image)).sum();
    let n_images = if changed.len() > 1 { changed.len() } else { 0 };
    let layers = counted(sum(n_layers), "layer").map(|layers| layers + &growth(&changed));
    let parts = [
        counted(sum(n_fields), "field"),
        counted(sum(|image| image.annotations.len()), "annotation"),
        layers,
        counted(sum(n_tags), "tag"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let what = match counted(n_images, "image") {
        _ if changed.is_empty() => "nothing changes".to_owned(),
        // Only what follows from other changes, such as the history.
        None if parts.is_empty() => "1 image".to_owned(),
        Some(images) if parts.is_empty() => images,
        Some(images) => format!("{} in {images}", parts.join(", ")),
        None => parts.join(", "),
    };
    let n_notes: usize = summary.images.iter().map(|image| image.notes.len()).sum();
    let notes = counted(n_notes + summary.notes.len(), "note");
    let notes = notes.map(|notes| format!("; {notes}")).unwrap_or_default();
    format!("Plan: {what}{notes}")
}

/// Fields of the configuration; the history follows from other changes.
fn n_fields(image: &ImageSummary) -> usize {
    let fields = image.config.iter();
    fields.filter(|change| change.path[0] != "history").count()
}

fn n_layers(image: &ImageSummary) -> usize {
    let layers = image.layers.iter();
    layers.filter(|layer| layer.change != Change::Kept).count()
}

fn n_tags(image: &ImageSummary) -> usize {
    let tags = image.tags.iter();
    tags.filter(|tag| tag.change != Change::Kept).count()
}

/// By how much the layers grow or shrink.
fn growth(images: &[&ImageSummary]) -> String {
    let layers = images.iter().flat_map(|image| &image.layers);
    let (mut new, mut old) = (0_u64, 0_u64);
    for layer in layers {
        match layer.change {
            Change::Kept => {}
            Change::Added => new = new.saturating_add(layer.size),
            Change::Removed => old = old.saturating_add(layer.size),
            Change::Changed => {
                new = new.saturating_add(layer.size);
                old = old.saturating_add(layer.old_size.unwrap_or_default());
            }
        }
    }
    let sign = if new < old { '-' } else { '+' };
    format!(" ({sign}{})", bytes(new.abs_diff(old)))
}

fn counted(n: usize, what: &str) -> Option<String> {
    match n {
        0 => None,
        1 => Some(format!("1 {what}")),
        n => Some(format!("{n} {what}s")),
    }
}
