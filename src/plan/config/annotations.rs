//! Annotations of manifests, indexes and descriptors, where the archive has such.

use crate::annotation::AnnotationPlace;
use crate::patch::{AnnotationRemoval, Annotations};
use crate::plan::Effect;
use crate::plan::claims::{Thing, Wish};
use crate::plan::work::Work;
use crate::problem::{Code, quoted};

pub(in crate::plan) fn set(work: &mut Work<'_>, annotations: &Annotations) {
    let on = annotations.on;
    if !is_there(work, on) {
        return;
    }
    for (key, new) in &annotations.entries {
        let address = annotations.key_address(work.address.clone(), key);
        for i in 0..work.images.len() {
            let image = work.images[i];
            let thing = Thing::annotation(on, key);
            work.claim(image, thing, Wish::Set(new.clone()), address.clone());
            let Some(there) = work.states[image].annotations.on_mut(on) else {
                continue;
            };
            if there.get(key) == Some(new) {
                continue;
            }
            let old = there.set(key, new);
            let (key, new) = (key.clone(), new.clone());
            work.effects[i].push(Effect::SetAnnotation { on, key, old, new });
        }
    }
    settle(work, on);
}

pub(in crate::plan) fn unset(
    work: &mut Work<'_>,
    AnnotationRemoval { on, removal }: &AnnotationRemoval,
) {
    let on = *on;
    if !is_there(work, on) {
        return;
    }
    let thing = format!("annotation on its {}", on.name());
    work.remove(
        removal,
        &thing,
        Code::NoSuchAnnotation,
        |state, effects, glob| {
            let Some(there) = state.annotations.on_mut(on) else {
                return false;
            };
            let gone = if glob.has_wildcard() {
                state.effort.try_names(there.pairs().count());
                there.remove(|key| glob.matches(key))
            } else {
                let key = glob.as_str();
                let gone = there.take(key);
                gone.map(|old| (key.to_owned(), old)).into_iter().collect()
            };
            let is_found = !gone.is_empty();
            let effect = |(key, old)| Effect::UnsetAnnotation { on, key, old };
            effects.extend(gone.into_iter().map(effect));
            is_found
        },
        |state| {
            let there = state.annotations.on(on);
            let there = there
                .into_iter()
                .flat_map(crate::annotation::Annotations::pairs);
            there.map(|(key, _)| key.to_owned()).collect()
        },
    );
    settle(work, on);
}

/// Tells whether every targeted image has such a document.
fn is_there(work: &mut Work<'_>, on: AnnotationPlace) -> bool {
    let lacks = |image: &&usize| work.states[**image].annotations.on(on).is_none();
    let Some(&image) = work.images.iter().find(lacks) else {
        return true;
    };
    let name = quoted(&work.states[image].display_name());
    let (message, help) = match on {
        AnnotationPlace::Index => (
            format!("the names of {name} do not refer to an index"),
            "only multi-platform images have one; use `on: manifest` for other images",
        ),
        _ => (
            format!("{name} has no OCI manifest in this archive"),
            "archives of Docker 1.10 to 24 and crane have none; labels work in every form",
        ),
    };
    work.problem(Code::NoSuchDocument, work.address.clone(), message, help);
    false
}

/// An index is the same for all images of a group, and what is said about a document that changes may no longer hold.
fn settle(work: &mut Work<'_>, on: AnnotationPlace) {
    for (i, &image) in work.images.iter().enumerate() {
        if work.effects[i].is_empty() {
            continue;
        }
        let state = &mut work.states[image];
        state.is_changed |= on == AnnotationPlace::Manifest || state.is_index_referred_to;
        if on == AnnotationPlace::Index {
            let (group, index) = (state.group, state.annotations.index.clone());
            for &other in work.names.members(group) {
                // A targeted one has the same by its own turn.
                work.states[other].annotations.index.clone_from(&index);
            }
        }
    }
}
