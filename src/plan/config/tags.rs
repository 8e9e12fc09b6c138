//! Names of images: a name stands for one image of an archive, and moving it from another takes a word of its own.

use crate::patch::Removal;
use crate::plan::Effect;
use crate::plan::claims::{Thing, Wish};
use crate::plan::work::Work;
use crate::problem::{Code, quoted};
use crate::reference::Reference;

/// Gives the image these tags and no others.
pub(in crate::plan) fn retag(work: &mut Work<'_>, tags: &[Reference]) {
    if !can_be_named(work, tags) {
        return;
    }
    for (&image, effects) in work.images.iter().zip(&mut *work.effects) {
        let state = &mut work.states[image];
        let gone = state.tags.iter().filter(|tag| !tags.contains(tag));
        effects.extend(gone.map(|tag| Effect::RemoveTag { tag: tag.clone() }));
        let new = tags.iter().filter(|tag| !state.tags.contains(tag));
        effects.extend(new.map(|tag| Effect::AddTag { tag: tag.clone() }));
        // Another order of the same tags changes nothing.
        if !effects.is_empty() {
            state.tags = tags.to_vec();
        }
    }
    claim(work, tags);
}

/// Gives the image these tags besides its own.
pub(in crate::plan) fn add(work: &mut Work<'_>, tags: &[Reference]) {
    if !can_be_named(work, tags) {
        return;
    }
    for (&image, effects) in work.images.iter().zip(&mut *work.effects) {
        let state = &mut work.states[image];
        for tag in tags {
            if !state.tags.contains(tag) {
                state.tags.push(tag.clone());
                effects.push(Effect::AddTag { tag: tag.clone() });
            }
        }
    }
    claim(work, tags);
}

/// A tag is wanted also where it is there already, and what `retag` does not name is not wanted.
fn claim(work: &mut Work<'_>, tags: &[Reference]) {
    let address = work.address.clone();
    for i in 0..work.images.len() {
        work.claim_effects(i, 0, &address);
        for (t, tag) in tags.iter().enumerate() {
            let thing = Thing::tag(tag);
            work.claim(work.images[i], thing, Wish::Add, address.clone().index(t));
        }
    }
}

/// Takes the tags that match.
pub(in crate::plan) fn remove(work: &mut Work<'_>, removal: &Removal) {
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

/// Tells whether the targeted images may get `tags`: they are one image, for however many platforms, and no other holds
/// one of the tags.
fn can_be_named(work: &mut Work<'_>, tags: &[Reference]) -> bool {
    let group = work.states[work.images[0]].group;
    let mut groups: Vec<usize> = work.images.iter().map(|&i| work.states[i].group).collect();
    groups.dedup();
    if groups.len() > 1 {
        let message = format!(
            "{} images are targeted, and a tag can name only one",
            groups.len()
        );
        work.problem(
            Code::TagTaken,
            work.address.clone(),
            message,
            "narrow `target` to one image",
        );
        return false;
    }
    let n_before = work.problems.len();
    for (i, tag) in tags.iter().enumerate() {
        let holds =
            |state: &&crate::plan::state::State| state.group != group && state.tags.contains(tag);
        if let Some(holder) = work.states.iter().find(holds) {
            let id = holder.image_id.short();
            let message = format!(
                "the tag {} is held by image `sha256:{id}`",
                quoted(&tag.familiar())
            );
            let help = "take it from that image first, by `remove-tag` in a document of its own before this one";
            work.problem(Code::TagTaken, work.address.clone().index(i), message, help);
        }
    }
    work.problems.len() == n_before
}
