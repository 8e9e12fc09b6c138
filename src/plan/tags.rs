//! Names of images: a name stands for one image of an archive, and moving it from another takes a word of its own.

use super::Effect;
use super::state::{State, these_have, what_there_is};
use crate::patch::{IfMissing, Removal};
use crate::problem::{Address, Code, Problem, quoted};
use crate::reference::Reference;

pub(super) fn retag(
    states: &mut [State],
    images: &[usize],
    tags: &[Reference],
    address: &Address,
    effects: &mut [Vec<Effect>],
    problems: &mut Vec<Problem>,
) {
    if images.len() > 1 {
        let message = format!(
            "{} images are targeted, and a tag can name only one",
            images.len()
        );
        let problem = Problem::new(Code::TagTaken, address.clone(), message);
        problems.push(problem.with_help("narrow `target` to one image"));
        return;
    }
    for (&image, effects) in images.iter().zip(effects) {
        if !are_free(states, image, tags, address, problems) {
            continue;
        }
        for tag in states[image].tags.iter().filter(|tag| !tags.contains(tag)) {
            effects.push(Effect::RemoveTag { tag: tag.clone() });
        }
        for tag in tags.iter().filter(|tag| !states[image].tags.contains(tag)) {
            effects.push(Effect::AddTag { tag: tag.clone() });
        }
        if !effects.is_empty() {
            states[image].tags = tags.to_vec();
        }
    }
}

pub(super) fn add(
    states: &mut [State],
    images: &[usize],
    tags: &[Reference],
    address: &Address,
    effects: &mut [Vec<Effect>],
    problems: &mut Vec<Problem>,
) {
    if images.len() > 1 {
        let message = format!(
            "{} images are targeted, and a tag can name only one",
            images.len()
        );
        let problem = Problem::new(Code::TagTaken, address.clone(), message);
        problems.push(problem.with_help("narrow `target` to one image"));
        return;
    }
    for (&image, effects) in images.iter().zip(effects) {
        if !are_free(states, image, tags, address, problems) {
            continue;
        }
        for tag in tags {
            if !states[image].tags.contains(tag) {
                states[image].tags.push(tag.clone());
                effects.push(Effect::AddTag { tag: tag.clone() });
            }
        }
    }
}

pub(super) fn remove(
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
            states[image].tags.retain(|tag| {
                let goes = tag.matches(glob);
                if goes {
                    effects.push(Effect::RemoveTag { tag: tag.clone() });
                }
                is_found |= goes;
                !goes
            });
        }
        if !is_found && removal.if_missing == IfMissing::Problem {
            let tags = images
                .iter()
                .flat_map(|&image| states[image].tags.iter().map(Reference::familiar));
            let message = format!(
                "{} no tag {}",
                these_have(states, images),
                quoted(glob.as_str())
            );
            let problem = Problem::new(
                Code::NoSuchTag,
                removal.glob_address(address.clone(), g),
                message,
            );
            problems.push(problem.with_help(what_there_is("tag", tags.collect(), glob)));
        }
    }
}

fn are_free(
    states: &[State],
    image: usize,
    tags: &[Reference],
    address: &Address,
    problems: &mut Vec<Problem>,
) -> bool {
    let n_before = problems.len();
    for (i, tag) in tags.iter().enumerate() {
        let holder = states
            .iter()
            .enumerate()
            .find(|(other, state)| *other != image && state.tags.contains(tag));
        if let Some((_, holder)) = holder {
            let message = format!(
                "the tag {} is held by image `sha256:{}`",
                quoted(&tag.familiar()),
                holder.image_id.short()
            );
            let problem = Problem::new(Code::TagTaken, address.clone().index(i), message);
            let help = "take it from that image first, by `remove-tag` in a document of its own before this one";
            problems.push(problem.with_help(help));
        }
    }
    problems.len() == n_before
}
