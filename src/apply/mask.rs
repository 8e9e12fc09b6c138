//! Secrets taken out of a summary, before anything of it is cut, escaped or printed.

use super::summary::{ImageSummary, Summary};
use crate::plan::Effect;
use crate::secret::Secrets;

/// Masks every text of a summary that a value of an arg may be in.
pub(super) fn mask(summary: &mut Summary, secrets: &Secrets) {
    for image in &mut summary.images {
        mask_image(image, secrets);
    }
    mask_texts(&mut summary.notes, secrets);
}

fn mask_image(image: &mut ImageSummary, secrets: &Secrets) {
    for change in &mut image.config {
        for value in change.old.iter_mut().chain(&mut change.new) {
            secrets.mask_json(value);
        }
    }
    for edit in &mut image.annotations {
        mask_texts(edit.old.iter_mut().chain(&mut edit.new), secrets);
    }
    for step in &mut image.steps {
        step.effects
            .iter_mut()
            .for_each(|effect| mask_effect(effect, secrets));
    }
    mask_texts(&mut image.notes, secrets);
}

fn mask_effect(effect: &mut Effect, secrets: &Secrets) {
    match effect {
        Effect::SetLabel { old, new, .. }
        | Effect::SetEnv { old, new, .. }
        | Effect::SetAnnotation { old, new, .. } => {
            mask_texts(old.iter_mut().chain([new]), secrets);
        }
        Effect::UnsetLabel { old, .. }
        | Effect::UnsetEnv { old, .. }
        | Effect::UnsetAnnotation { old, .. } => mask_texts([old], secrets),
        Effect::SetField { old, new, .. } => {
            let values = old.iter_mut().chain([new]);
            values.for_each(|value| secrets.mask_json(value));
        }
        Effect::UnsetField { old, .. } => secrets.mask_json(old),
        Effect::AddItem { item, .. } | Effect::RemoveItem { item, .. } => {
            mask_texts([item], secrets);
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

fn mask_texts<'a>(texts: impl IntoIterator<Item = &'a mut String>, secrets: &Secrets) {
    for text in texts {
        *text = secrets.mask(text);
    }
}
