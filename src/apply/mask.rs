//! The texts of a summary that a value of an arg may be in: secrets are taken out of them before anything is cut, escaped or
//! printed.

use super::summary::{ImageSummary, Summary};
use crate::plan::Effect;
use crate::secret::Shown;

/// Returns everything that has to be masked.
pub(super) fn shown(summary: &mut Summary) -> Vec<Shown<'_>> {
    let mut shown = Vec::new();
    for image in &mut summary.images {
        push_image(&mut shown, image);
    }
    shown.extend(summary.notes.iter_mut().map(Shown::Text));
    shown
}

fn push_image<'a>(shown: &mut Vec<Shown<'a>>, image: &'a mut ImageSummary) {
    for change in &mut image.config {
        let values = change.old.iter_mut().chain(&mut change.new);
        shown.extend(values.map(Shown::Json));
    }
    for edit in &mut image.annotations {
        let texts = edit.old.iter_mut().chain(&mut edit.new);
        shown.extend(texts.map(Shown::Text));
    }
    for step in &mut image.steps {
        for effect in &mut step.effects {
            push_effect(shown, effect);
        }
    }
    shown.extend(image.notes.iter_mut().map(Shown::Text));
}

fn push_effect<'a>(shown: &mut Vec<Shown<'a>>, effect: &'a mut Effect) {
    match effect {
        Effect::SetLabel { old, new, .. }
        | Effect::SetEnv { old, new, .. }
        | Effect::SetAnnotation { old, new, .. } => {
            shown.extend(old.iter_mut().chain([new]).map(Shown::Text));
        }
        Effect::UnsetLabel { old, .. }
        | Effect::UnsetEnv { old, .. }
        | Effect::UnsetAnnotation { old, .. } => shown.push(Shown::Text(old)),
        Effect::SetField { old, new, .. } => {
            shown.extend(old.iter_mut().chain([new]).map(Shown::Json));
        }
        Effect::UnsetField { old, .. } => shown.push(Shown::Json(old)),
        Effect::AddItem { item, .. } | Effect::RemoveItem { item, .. } => {
            shown.push(Shown::Text(item));
        }
        Effect::AddLayer { .. }
        | Effect::RemoveLayer { .. }
        | Effect::ReplaceLayer { .. }
        | Effect::RewriteLayer { .. }
        | Effect::Squash { .. }
        | Effect::Rebase { .. }
        | Effect::Recompress { .. }
        | Effect::LimitTimes { .. }
        | Effect::AddTag { .. }
        | Effect::RemoveTag { .. } => {}
    }
}
