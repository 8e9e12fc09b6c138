//! Which images of the archive a patch is about.

use std::collections::HashSet;

use super::run::Run;
use super::{Inventory, UnreadImage};
use crate::edit::ImageState;
use crate::edit::Texts;
use crate::edit::names::Names;
use crate::patch::{ImagePattern, PatchFile, Target};
use crate::problem::{Address, Code, Problem, quoted};
use crate::reference::Reference;

/// Returns the images that each patch of all files in order is about, before any layer is looked into: which images have
/// which names and platforms is for operations to say that look into none. A target that fits nothing is about none.
#[must_use]
pub fn targets(files: &[PatchFile], inventory: &Inventory) -> Vec<Vec<usize>> {
    let texts = Texts::default();
    let mut run = Run::new(files, inventory, &texts);
    let mut targets = Vec::new();
    for (f, file) in files.iter().enumerate() {
        for d in 0..file.patches().len() {
            // What is unknown is looked into.
            targets.push(if run.effort.is_spent() {
                (0..inventory.images.len()).collect()
            } else {
                run.target(f, d)
            });
        }
    }
    targets
}

/// Returns the images that `target` selects, or adds the problem that says why there are none.
pub(super) fn select(
    target: &Target,
    (states, unread): (&[ImageState], &[UnreadImage]),
    names: &Names,
    document: &Address,
    problems: &mut Vec<Problem>,
) -> Option<Vec<usize>> {
    let images = select_images(target, (states, unread), names, document, problems)?;
    if target.platforms.is_empty() {
        return Some(images);
    }
    let mut selected = Vec::new();
    let n_before = problems.len();
    for (i, pattern) in target.platforms.iter().enumerate() {
        let is_meant = |&&image: &&usize| pattern.matches(&states[image].platform);
        let found: Vec<usize> = images.iter().filter(is_meant).copied().collect();
        if found.is_empty() {
            let address = document.clone().key("target").key("platforms").index(i);
            let message = format!(
                "no targeted image has the platform {}",
                quoted(pattern.as_str())
            );
            let mut there: Vec<String> = images
                .iter()
                .map(|&image| quoted(&states[image].platform.to_string()))
                .collect();
            there.sort();
            there.dedup();
            let problem = Problem::new(Code::NoSuchPlatform, address, message);
            problems.push(problem.with_help(format!("there is {}", there.join(", "))));
        }
        selected.extend(found);
    }
    selected.sort_unstable();
    selected.dedup();
    (problems.len() == n_before).then_some(selected)
}

/// Returns the images that `target.images` selects, for whatever platform.
fn select_images(
    target: &Target,
    (states, unread): (&[ImageState], &[UnreadImage]),
    names: &Names,
    document: &Address,
    problems: &mut Vec<Problem>,
) -> Option<Vec<usize>> {
    if target.images.is_empty() {
        // It may be the image that the author means.
        if let Some(damaged) = unread.iter().find(|unread| !unread.is_absent) {
            let message = format!(
                "the archive also contains {}, which cannot be read: {}",
                quoted(&damaged.name),
                damaged.reason
            );
            let problem = Problem::new(Code::UnreadableImage, document.clone(), message);
            let example = example(states);
            problems.push(problem.with_help(format!(
                "select the image to patch, as in `target: {{images: [\"{example}\"]}}`"
            )));
            return None;
        }
        let groups = groups(states);
        if groups.len() == 1 {
            return Some((0..states.len()).collect());
        }
        let message = format!(
            "the archive contains {} images, and the patch does not select any",
            groups.len()
        );
        let problem = Problem::new(Code::AmbiguousTarget, document.clone(), message);
        problems.push(problem.with_help(format!(
            "select one, as in `target: {{images: [\"{}\"]}}`; there is {}",
            example(states),
            list(states)
        )));
        return None;
    }
    let mut selected = Vec::new();
    let mut is_complete = true;
    for (i, pattern) in target.images.iter().enumerate() {
        let found = match pattern {
            ImagePattern::Name(glob) if !glob.has_wildcard() => names.images(glob.as_str()),
            _ => (0..states.len())
                .filter(|&image| matches(pattern, &states[image]))
                .collect(),
        };
        let address = || document.clone().key("target").key("images").index(i);
        if let Some(meant) = unread
            .iter()
            .find(|unread| pattern.means(&unread.names, unread.digest.as_ref()))
        {
            let name = quoted(&meant.name);
            let message = format!("{name} cannot be read: {}", meant.reason);
            problems.push(Problem::new(Code::UnreadableImage, address(), message));
            is_complete = false;
        } else if found.is_empty() {
            let address = address();
            let problem = Problem::new(
                Code::NoSuchImage,
                address,
                format!(
                    "no image of the archive matches {}",
                    quoted(&pattern.to_string())
                ),
            );
            problems.push(problem.with_help(format!("there is {}", list(states))));
            is_complete = false;
        }
        selected.extend(found);
    }
    selected.sort_unstable();
    selected.dedup();
    is_complete.then_some(selected)
}

fn matches(pattern: &ImagePattern, state: &ImageState) -> bool {
    let digests = state.digests.iter().chain([&state.image_id]);
    pattern.matches(state.tags.keys(), digests)
}

/// The first image, as a pattern selects it.
fn example(states: &[ImageState]) -> String {
    states[0].tags.keys().next().map_or_else(
        || format!("sha256:{}", states[0].image_id.short()),
        Reference::familiar,
    )
}

/// The first image of each group.
fn groups(states: &[ImageState]) -> Vec<&ImageState> {
    let mut seen = HashSet::new();
    let is_first = |state: &&ImageState| seen.insert(state.group);
    states.iter().filter(is_first).collect()
}

fn list(states: &[ImageState]) -> String {
    let name = |state: &&ImageState| match state.tags.keys().next() {
        Some(tag) => quoted(&tag.familiar()),
        None => format!("`sha256:{}`", state.image_id.short()),
    };
    let groups = groups(states);
    let shown: Vec<String> = groups.iter().take(20).map(name).collect();
    let more = if groups.len() > 20 {
        format!(" and {} more", groups.len() - 20)
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

/// "`a:1` has" or "`a:1` and 2 more images have", so that messages read well for one image and for many.
pub(super) fn these_have(states: &[ImageState], images: &[usize]) -> String {
    let first = images
        .first()
        .map_or_else(String::new, |&image| quoted(&states[image].display_name()));
    match images.len() {
        0 | 1 => format!("{first} has"),
        2 => format!("{first} and another image have"),
        n => format!("{first} and {} more images have", n - 1),
    }
}
