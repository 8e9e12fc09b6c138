//! Taking paths away by whiteouts in a new layer: what each pattern finds, and what of it is told.

use std::collections::BTreeSet;

use super::effect::Effect;
use super::matching::matching;
use super::{AddedLayer, Change, FileChange, Planning, target};
use crate::image_path::ImagePath;
use crate::layer::whiteouts;
use crate::patch::{IfMissing, PathRemoval};
use crate::problem::{Address, Code, Problem, quoted};
use crate::rootfs::Rootfs;
use crate::tarball::Kind;
use crate::timestamp::Timestamp;

impl Planning<'_> {
    pub(super) fn remove_path(
        &mut self,
        removal: &PathRemoval,
        images: &[usize],
        address: &Address,
        effects: &mut [Vec<Effect>],
    ) {
        if self.is_for_windows(images, address) {
            return;
        }
        let mut is_found = vec![false; removal.patterns.len()];
        for (&image, effects) in images.iter().zip(effects) {
            let state = &mut self.states[image];
            let tree = state.tree.as_ref().expect("the tree was read");
            let mut paths = BTreeSet::new();
            let mut notes = Vec::new();
            for (pattern, is_found) in removal.patterns.iter().zip(&mut is_found) {
                let (start, found) = matching(tree, pattern);
                *is_found |= !found.is_empty();
                let asked = pattern.components();
                let is_followed =
                    |start: &ImagePath| !start.components().zip(asked).all(|(a, b)| a == b);
                if let Some(start) = start.filter(is_followed).filter(|_| !found.is_empty()) {
                    notes.push(format!("`{pattern}` leads through a link to `{start}`"));
                }
                paths.extend(found);
            }
            let paths = topmost(&paths);
            if paths.is_empty() {
                continue;
            }
            if let Some(path) = state.first_added(&paths) {
                let message = format!(
                    "{} is added by an earlier operation",
                    quoted(&path.to_text())
                );
                let problem = Problem::new(Code::Contradiction, address.clone(), message);
                self.problems.push(problem.with_help("keep one of the two"));
                continue;
            }
            let hidden: u64 = paths.iter().map(|path| content_bytes(tree, path)).sum();
            if hidden > 0 {
                notes.push(format!(
                    "{hidden} bytes that are removed stay in the layers below, where everybody who has the image can read them"
                ));
            }
            let files = paths.iter().map(|path| gone(tree, path)).collect();
            let epoch = self.epoch.map_or(0, Timestamp::unix_seconds);
            let content = whiteouts(&paths, tree, epoch);
            for note in notes {
                state.note(note);
            }
            let added = AddedLayer {
                from: None,
                created_by: removal.created_by.clone(),
                content,
                files,
            };
            effects.push(self.lay(image, added));
        }
        self.tell_missing(removal, &is_found, images, address);
    }

    /// A pattern that finds nothing in any image is a problem.
    fn tell_missing(
        &mut self,
        removal: &PathRemoval,
        is_found: &[bool],
        images: &[usize],
        address: &Address,
    ) {
        if removal.if_missing == IfMissing::Ignore {
            return;
        }
        for (i, pattern) in removal.patterns.iter().enumerate() {
            if is_found[i] {
                continue;
            }
            let these_have = target::these_have(self.states, images);
            let message = format!("{these_have} no {}", quoted(&pattern.to_text()));
            let place = removal.pattern_address(address.clone(), i);
            let problem = Problem::new(Code::NoSuchPath, place, message);
            self.problems.push(
                problem
                    .with_help("`if-missing: ignore` makes a pattern without a match no problem"),
            );
        }
    }
}

/// Returns the paths that are not below another one.
fn topmost(paths: &BTreeSet<ImagePath>) -> BTreeSet<ImagePath> {
    let is_below = |path: &ImagePath| {
        std::iter::successors(path.parent(), ImagePath::parent)
            .any(|parent| paths.contains(&parent))
    };
    paths
        .iter()
        .filter(|path| !is_below(path))
        .cloned()
        .collect()
}

/// Returns how many bytes of content a path and what is below it have.
fn content_bytes(tree: &Rootfs, path: &ImagePath) -> u64 {
    let own = tree.get(path).into_iter();
    let below = tree.below(path).map(|(_, node)| node);
    let files = own.chain(below).filter(|node| node.kind == Kind::File);
    files.map(|node| node.size).sum()
}

fn gone(tree: &Rootfs, path: &ImagePath) -> FileChange {
    let is_directory = tree
        .get(path)
        .is_some_and(|node| node.kind == Kind::Directory);
    let slash = if is_directory { "/" } else { "" };
    FileChange {
        change: Change::Removed,
        path: format!("{path}{slash}"),
    }
}
