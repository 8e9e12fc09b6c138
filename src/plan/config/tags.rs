//! Names of images: a name stands for one image of an archive, and moving it from another takes a word of its own.

use std::collections::HashSet;

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
    let wanted: HashSet<&Reference> = tags.iter().collect();
    for (&image, effects) in work.images.iter().zip(&mut *work.effects) {
        let state = &mut work.states[image];
        let gone = state.tags.keys().filter(|tag| !wanted.contains(tag));
        effects.extend(gone.map(|tag| Effect::RemoveTag { tag: tag.clone() }));
        let new = tags.iter().filter(|tag| !state.tags.contains(*tag));
        effects.extend(new.map(|tag| Effect::AddTag { tag: tag.clone() }));
        // Another order of the same tags changes nothing.
        if !effects.is_empty() {
            state.tags = tags.iter().map(|tag| (tag.clone(), ())).collect();
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
            if state.tags.insert(tag.clone(), ()).is_none() {
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
    let names = work.names;
    work.remove(
        removal,
        "tag",
        Code::NoSuchTag,
        |state, effects, glob| {
            let name = glob.as_str();
            // Most images of an archive have no such name.
            let is_known = glob.has_wildcard() || names.has(state.group, name);
            let gone: Vec<Reference> = match names.meant(name) {
                _ if !is_known => Vec::new(),
                (Some(tag), None) if !glob.has_wildcard() => {
                    let is_there = state.tags.contains(&tag);
                    is_there.then_some(tag).into_iter().collect()
                }
                _ => {
                    let tags = state.tags.keys();
                    state.effort.try_names(state.tags.len());
                    tags.filter(|tag| tag.matches(glob)).cloned().collect()
                }
            };
            for tag in &gone {
                state.tags.remove(tag);
            }
            let is_found = !gone.is_empty();
            effects.extend(gone.into_iter().map(|tag| Effect::RemoveTag { tag }));
            is_found
        },
        |state| state.tags.keys().map(Reference::familiar).collect(),
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
            "{} images are targeted, but a tag can name only one",
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
        let holder = work.names.holder(tag).filter(|holder| *holder != group);
        if let Some(&holder) = holder.and_then(|holder| work.names.members(holder).first()) {
            let id = work.states[holder].image_id.short();
            let message = format!(
                "the tag {} belongs to image `sha256:{id}`",
                quoted(&tag.familiar())
            );
            let help = "remove it from that image first, with `remove-tag` in a separate document before this one";
            work.problem(Code::TagTaken, work.address.clone().index(i), message, help);
        }
    }
    work.problems.len() == n_before
}
