//! Which images of the archive a patch is about.

use super::state::State;
use crate::patch::{ImagePattern, Target};
use crate::problem::{Address, Code, Problem, quoted};
use crate::reference::Reference;

/// Returns the images that `target` selects, or adds the problem that says why there are none.
pub(super) fn select(
    target: &Target,
    states: &[State],
    document: &Address,
    problems: &mut Vec<Problem>,
) -> Option<Vec<usize>> {
    if target.images.is_empty() {
        if states.len() == 1 {
            return Some(vec![0]);
        }
        let message = format!(
            "the archive holds {} images, and the patch does not say which to change",
            states.len()
        );
        let problem = Problem::new(Code::AmbiguousTarget, document.clone(), message);
        let example = states[0].tags.first().map_or_else(
            || format!("sha256:{}", states[0].image_id.short()),
            Reference::familiar,
        );
        problems.push(problem.with_help(format!(
            "say which, as in `target: {{images: [\"{example}\"]}}`; there is {}",
            list(states)
        )));
        return None;
    }
    let mut selected = Vec::new();
    let mut is_complete = true;
    for (i, pattern) in target.images.iter().enumerate() {
        let found: Vec<usize> = (0..states.len())
            .filter(|&image| matches(pattern, &states[image]))
            .collect();
        if found.is_empty() {
            let text = match pattern {
                ImagePattern::Name(glob) => glob.as_str().to_owned(),
                ImagePattern::Id(prefix) => format!("sha256:{prefix}"),
            };
            let address = document.clone().key("target").key("images").index(i);
            let problem = Problem::new(
                Code::NoSuchImage,
                address,
                format!("no image of the archive is {}", quoted(&text)),
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

fn matches(pattern: &ImagePattern, state: &State) -> bool {
    match pattern {
        ImagePattern::Name(glob) => state.tags.iter().any(|tag| tag.matches(glob)),
        ImagePattern::Id(prefix) => state.image_id.hex().starts_with(prefix),
    }
}

fn list(states: &[State]) -> String {
    let name = |state: &State| match state.tags.first() {
        Some(tag) => quoted(&tag.familiar()),
        None => format!("`sha256:{}`", state.image_id.short()),
    };
    let shown: Vec<String> = states.iter().take(20).map(name).collect();
    let more = if states.len() > 20 {
        format!(" and {} more", states.len() - 20)
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

/// "`a:1` has" or "`a:1` and 2 more images have", so that messages read well for one image and for many.
pub(super) fn these_have(states: &[State], images: &[usize]) -> String {
    let first = images
        .first()
        .map_or_else(String::new, |&image| quoted(&states[image].display_name()));
    match images.len() {
        0 | 1 => format!("{first} has"),
        2 => format!("{first} and another image have"),
        n => format!("{first} and {} more images have", n - 1),
    }
}
