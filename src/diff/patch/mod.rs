//! A difference as a patch: what turns the old archive into the new one, in the words of the language.
//!
//! The patch is planned against the old archive before anybody sees it. What differs even then is something that no
//! operation says, and is told; so a patch that comes from here is complete, or known not to be.

mod annotations;
mod config;
mod documents;
mod named;
mod trial;

use super::pairs::{Pair, pairs};
use crate::archive::Archive;
use crate::config_field::ConfigField;
use crate::error::Error;
use crate::patch::DraftValue;
use crate::plan::Change;

/// Operations by name, in order.
type Operations = Vec<(&'static str, DraftValue)>;

/// What a patch that is made of a difference shall be like.
#[derive(Debug, Clone, Copy, Default)]
pub struct PatchStyle {
    /// Whether it fits no image but the old one.
    pub expects_old: bool,
}

/// A difference in the words of the patch language.
#[derive(Debug, Clone)]
pub struct DifferencePatch {
    /// The patch file; only comments where there is nothing to change.
    pub text: String,
    /// What differs and is not in it, since no operation says it.
    pub missing: Vec<String>,
    /// Whether layers differ, which stay as they are.
    pub leaves_layers: bool,
}

impl DifferencePatch {
    /// Returns the patch that turns the images of `old` into those of `new`, but for layers and what history tells.
    pub fn between(old: &Archive, new: &Archive, style: PatchStyle) -> Result<Self, Error> {
        let pairs = pairs(old.images(), new.images());
        let mut whole = vec![Vec::new(); old.images().len()];
        let first = attempt(old, new, &pairs, &whole, style)?;
        if first.left.is_empty() {
            return Ok(first.into_patch(old, new, &pairs));
        }
        for left in &first.left {
            match (left.image, left.field) {
                (Some(image), Some(field)) => whole[image].push(field),
                (None, _) => whole
                    .iter_mut()
                    .for_each(|fields| *fields = config::COLLECTIONS.to_vec()),
                _ => {}
            }
        }
        let second = attempt(old, new, &pairs, &whole, style)?;
        let best = if second.left.len() < first.left.len() {
            second
        } else {
            first
        };
        Ok(best.into_patch(old, new, &pairs))
    }
}

/// Documents of a patch, and what differs once they were applied.
struct Attempt {
    documents: documents::Documents,
    left: Vec<trial::Left>,
}

fn attempt(
    old: &Archive,
    new: &Archive,
    pairs: &[Pair],
    whole: &[Vec<ConfigField>],
    style: PatchStyle,
) -> Result<Attempt, Error> {
    let documents = documents::Documents::of(old, new, pairs, whole, style);
    let left = trial::left(&documents.to_string(), old, new, pairs)?;
    Ok(Attempt { documents, left })
}

impl Attempt {
    fn into_patch(self, old: &Archive, new: &Archive, pairs: &[Pair]) -> DifferencePatch {
        let of_one = pairs.iter().filter_map(|pair| {
            let (image, place) = match (pair.old, pair.new) {
                (Some(a), None) => (&old.images()[a], "old"),
                (None, Some(b)) => (&new.images()[b], "new"),
                _ => return None,
            };
            let (name, platform) = (image.display_name(), image.platform());
            Some(format!(
                "image {name} ({platform}): is only in the {place} archive"
            ))
        });
        let missing: Vec<String> = of_one
            .chain(self.left.into_iter().map(|left| left.text))
            .collect();
        let leaves_layers = pairs.iter().any(|pair| match (pair.old, pair.new) {
            (Some(a), Some(b)) => {
                let (before, after) = (old.images()[a].layers(), new.images()[b].layers());
                let layers = super::layers::compare_layers(before, after);
                layers.iter().any(|layer| layer.change != Change::Kept)
            }
            _ => false,
        });
        DifferencePatch {
            text: self.documents.text(&missing, leaves_layers),
            missing,
            leaves_layers,
        }
    }
}
