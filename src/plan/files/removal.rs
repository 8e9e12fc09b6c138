//! Taking paths away by whiteouts in a new layer: what each pattern finds, and what of it is told.

use std::collections::BTreeSet;

use super::EditTarget;
use super::matching::matching;
use super::purge;
use crate::image_path::ImagePath;
use crate::layer::whiteouts;
use crate::patch::{EditPlace, IfMissing, PathRemoval};
use crate::plan::work::Work;
use crate::plan::{Change, target, tree_changes};
use crate::problem::{Code, quoted};
use crate::rootfs::{PathSet, Rootfs};
use crate::tarball::Kind;

/// Adds the problem that a path is to go that an earlier operation has added.
pub(in crate::plan) fn refuse_added(work: &mut Work<'_>, path: &ImagePath) {
    let message = format!(
        "{} is added by an earlier operation",
        quoted(&path.to_text())
    );
    let address = work.address.clone();
    work.problem(Code::Contradiction, address, message, "keep one of the two");
}

/// Removes what the patterns find.
pub(in crate::plan) fn remove(work: &mut Work<'_>, removal: &PathRemoval) {
    if work.is_for_windows() {
        return;
    }
    if removal.purges {
        return purge::purge(work, removal);
    }
    let address = work.address.clone();
    let mut is_found = vec![false; removal.patterns.len()];
    for i in 0..work.images.len() {
        if !work.may_go_on() {
            return;
        }
        let image = work.images[i];
        let state = &work.states[image];
        let tree = state.tree.as_ref().expect("the tree was read");
        let mut paths = BTreeSet::new();
        let mut notes = Vec::new();
        for (pattern, is_found) in removal.patterns.iter().zip(&mut is_found) {
            let (found, note) = matching(tree, pattern, work.effort);
            *is_found |= !found.is_empty();
            notes.extend(note);
            paths.extend(found);
        }
        if work.effort.is_spent() {
            return;
        }
        let paths = topmost(&paths);
        if paths.is_empty() {
            continue;
        }
        if let Some(path) = state.first_added(&paths, work.layers) {
            refuse_added(work, &path);
            continue;
        }
        let hidden: u64 = paths.iter().map(|path| content_bytes(tree, path)).sum();
        if hidden > 0 {
            let bytes = match hidden {
                1 => "1 removed byte stays".to_owned(),
                n => format!("{n} removed bytes stay"),
            };
            notes.push(format!(
                "{bytes} in the layers below, where everyone who has the image can read them"
            ));
        }
        let gone = |path: &ImagePath| {
            let kind = tree.get(path).map_or(Kind::File, |node| node.kind);
            tree_changes::file_change(Change::Removed, path, kind)
        };
        let files = paths.iter().map(gone).collect();
        let content = whiteouts(&paths, tree, work.epoch);
        let state = &mut work.states[image];
        for note in notes {
            state.note(note);
        }
        let target = EditTarget {
            place: EditPlace::NewLayer,
            created_by: removal.created_by.as_deref(),
            address: &address,
        };
        work.lay_files(i, content, files, &target);
    }
    tell_missing(work, removal, &is_found);
}

/// A pattern that finds nothing in any image is a problem.
pub(in crate::plan) fn tell_missing(work: &mut Work<'_>, removal: &PathRemoval, is_found: &[bool]) {
    if removal.if_missing == IfMissing::Ignore {
        return;
    }
    for (i, pattern) in removal.patterns.iter().enumerate() {
        if is_found[i] {
            continue;
        }
        let these_have = target::these_have(work.states, work.images);
        let message = format!("{these_have} no {}", quoted(&pattern.to_text()));
        let place = removal.pattern_address(work.address.clone(), i);
        let help = "`if-missing: ignore` allows a pattern to match nothing";
        work.problem(Code::NoSuchPath, place, message, help);
    }
}

/// Returns the paths that are not below another one.
pub(in crate::plan) fn topmost(paths: &BTreeSet<ImagePath>) -> BTreeSet<ImagePath> {
    let topmost = PathSet::topmost(paths);
    let is_topmost = |path: &&ImagePath| topmost.contains(path);
    paths.iter().filter(is_topmost).cloned().collect()
}

/// Returns how many bytes the layers have of the content of a path and of what is below it.
fn content_bytes(tree: &Rootfs, path: &ImagePath) -> u64 {
    let own = tree.get(path).into_iter();
    let below = tree.below(path).map(|(_, node)| node);
    let files = own.chain(below).filter(|node| node.kind == Kind::File);
    files.map(|node| node.size - node.hole_bytes()).sum()
}
