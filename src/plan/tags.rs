//! Names of images: a name stands for one image of an archive, and moving it from another takes a word of its own.

use super::Effect;
use super::work::Work;
use crate::patch::Removal;
use crate::problem::{Code, quoted};
use crate::reference::Reference;

/// Gives the image these tags and no others.
pub(super) fn retag(work: &mut Work<'_>, tags: &[Reference]) {
    let Some(image) = only_image(work, tags) else {
        return;
    };
    let state = &mut work.states[image];
    let effects = &mut work.effects[0];
    let gone = state.tags.iter().filter(|tag| !tags.contains(tag));
    effects.extend(gone.map(|tag| Effect::RemoveTag { tag: tag.clone() }));
    let new = tags.iter().filter(|tag| !state.tags.contains(tag));
    effects.extend(new.map(|tag| Effect::AddTag { tag: tag.clone() }));
    // Another order of the same tags changes nothing.
    if !effects.is_empty() {
        state.tags = tags.to_vec();
    }
}

/// Gives the image these tags besides its own.
pub(super) fn add(work: &mut Work<'_>, tags: &[Reference]) {
    let Some(image) = only_image(work, tags) else {
        return;
    };
    let state = &mut work.states[image];
    for tag in tags {
        if !state.tags.contains(tag) {
            state.tags.push(tag.clone());
            work.effects[0].push(Effect::AddTag { tag: tag.clone() });
        }
    }
}

/// Takes the tags that match.
pub(super) fn remove(work: &mut Work<'_>, removal: &Removal) {
    work.remove(
        removal,
        "tag",
        Code::NoSuchTag,
        |state, effects, glob| {
            let n_before = state.tags.len();
            state.tags.retain(|tag| {
                let goes = tag.matches(glob);
                if goes {
                    effects.push(Effect::RemoveTag { tag: tag.clone() });
                }
                !goes
            });
            state.tags.len() < n_before
        },
        |state| state.tags.iter().map(Reference::familiar).collect(),
    );
}

/// Returns the one image that is to get `tags`; nothing where there are several, or another image holds one of them.
fn only_image(work: &mut Work<'_>, tags: &[Reference]) -> Option<usize> {
    let [image] = *work.images else {
        let message = format!(
            "{} images are targeted, and a tag can name only one",
            work.images.len()
        );
        work.problem(
            Code::TagTaken,
            work.address.clone(),
            message,
            "narrow `target` to one image",
        );
        return None;
    };
    let n_before = work.problems.len();
    for (i, tag) in tags.iter().enumerate() {
        let holds = |(other, state): &(usize, &super::state::State)| {
            *other != image && state.tags.contains(tag)
        };
        if let Some((_, holder)) = work.states.iter().enumerate().find(holds) {
            let id = holder.image_id.short();
            let message = format!(
                "the tag {} is held by image `sha256:{id}`",
                quoted(&tag.familiar())
            );
            let help = "take it from that image first, by `remove-tag` in a document of its own before this one";
            work.problem(Code::TagTaken, work.address.clone().index(i), message, help);
        }
    }
    (work.problems.len() == n_before).then_some(image)
}
