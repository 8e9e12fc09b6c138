//! `move-path`: everything at and below a path, put somewhere else by a layer on top.

use std::collections::{BTreeMap, BTreeSet};

use super::EditTarget;
use crate::image_path::ImagePath;
use crate::layer::{Edit, lay_out};
use crate::patch::{EditPlace, IfMissing, PathMoves};
use crate::plan::kept::{entry_of, first_unsupported, names_of, put};
use crate::plan::work::Work;
use crate::plan::{Change, FileChange, target, tree_changes};
use crate::problem::{Code, Problem, quoted};
use crate::rootfs::{Obstacle, Resolution, Rootfs};

/// A move between real paths, and which of the operation it is.
struct Move {
    from: ImagePath,
    to: ImagePath,
    index: usize,
}

pub(in crate::plan) fn move_paths(work: &mut Work<'_>, moves: &PathMoves) {
    if work.is_for_windows() {
        return;
    }
    let address = work.address.clone();
    let mut is_found = vec![false; moves.moves.len()];
    for i in 0..work.images.len() {
        let state = &work.states[work.images[i]];
        let tree = state.tree.as_ref().expect("the tree was read");
        let mut real = Vec::new();
        let (mut problems, mut notes) = (Vec::new(), Vec::new());
        for (index, (asked, new)) in moves.moves.iter().enumerate() {
            let Resolution::Found { path: from } = tree.locate(asked) else {
                continue;
            };
            is_found[index] = true;
            match target_of(tree, new) {
                Ok(to) => {
                    notes.extend(through_link(asked, &from));
                    notes.extend(through_link(new, &to));
                    real.push(Move { from, to, index });
                }
                Err(reason) => problems.push((index, reason)),
            }
        }
        problems.extend(collisions(&real));
        let n_problems = problems.len();
        for (index, message) in problems {
            let place = moves.address(address.clone(), index);
            let problem = Problem::new(Code::LayerConflict, place, message);
            work.problems.push(problem);
        }
        if n_problems == 0 && !real.is_empty() {
            for note in notes {
                work.states[work.images[i]].note(note);
            }
            lay_moves(work, i, &real, moves.created_by.as_deref());
        }
    }
    if moves.if_missing == IfMissing::Ignore {
        return;
    }
    for (index, (from, _)) in moves.moves.iter().enumerate() {
        if !is_found[index] {
            let these_have = target::these_have(work.states, work.images);
            let message = format!("{these_have} no {}", quoted(&from.to_text()));
            let place = moves.address(address.clone(), index);
            let help =
                "`if-missing: ignore`, beside `move`, makes a path that is not there no problem";
            work.problem(Code::NoSuchPath, place, message, help);
        }
    }
}

/// Tells of a path that is really another.
fn through_link(asked: &ImagePath, real: &ImagePath) -> Option<String> {
    (asked != real).then(|| format!("`{asked}` leads through a link to `{real}`"))
}

/// Returns the real path that something new at `to` has, or why nothing can be there.
fn target_of(tree: &Rootfs, to: &ImagePath) -> Result<ImagePath, String> {
    let (Some(parent), Some(name)) = (to.parent(), to.file_name()) else {
        return Err("the root directory is there already".to_owned());
    };
    let real = match tree.directory_at(&parent) {
        Ok(real) => real,
        Err(Obstacle::File { path }) => {
            return Err(format!("{} is no directory", quoted(&path.to_text())));
        }
        Err(Obstacle::Whiteout { path }) => {
            let path = quoted(&path.to_text());
            return Err(format!(
                "{path} is the name of a whiteout, which removes a file"
            ));
        }
        Err(Obstacle::Loop { link }) => {
            let link = quoted(&link.to_text());
            return Err(format!("the link {link} leads in a circle"));
        }
    };
    let real = real.join(name);
    match tree.get(&real) {
        None => Ok(real),
        Some(_) => Err(format!(
            "{} is there already; `remove-path` before it makes room",
            quoted(&real.to_text())
        )),
    }
}

/// Two moves of one layer may not touch what the other one does.
fn collisions(moves: &[Move]) -> Vec<(usize, String)> {
    let meets = |one: &ImagePath, other: &ImagePath| {
        let (mut a, mut b) = (one.components(), other.components());
        loop {
            match (a.next(), b.next()) {
                (Some(a), Some(b)) if a != b => return false,
                (Some(_), Some(_)) => {}
                _ => return true,
            }
        }
    };
    let mut found = Vec::new();
    for (n, later) in moves.iter().enumerate() {
        if meets(&later.from, &later.to) {
            let message = format!(
                "`{}` cannot become `{}`: one is in the other",
                later.from, later.to
            );
            found.push((later.index, message));
        }
        let is_in_the_way = |earlier: &&Move| {
            let (a, b) = (*earlier, later);
            meets(&a.from, &b.from)
                || meets(&a.to, &b.to)
                || meets(&a.from, &b.to)
                || meets(&a.to, &b.from)
        };
        if let Some(earlier) = moves[..n].iter().find(is_in_the_way) {
            let message = format!(
                "`{}` and `{}` cannot move at once; write an operation for each",
                earlier.from, later.from
            );
            found.push((later.index, message));
        }
    }
    found
}

fn lay_moves(work: &mut Work<'_>, i: usize, moves: &[Move], created_by: Option<&str>) {
    let state = &work.states[work.images[i]];
    let tree = state.tree.as_ref().expect("the tree was read");
    let address = work.address.clone();
    let mut edits: BTreeMap<ImagePath, Edit> = BTreeMap::new();
    let mut files: Vec<FileChange> = Vec::new();
    let mut moved = BTreeSet::new();
    for Move { from, to, .. } in moves {
        let top = tree.get(from).expect("what was found is there");
        for (path, node) in std::iter::once((from.clone(), top)).chain(tree.below(from)) {
            let rest = path.components().skip(from.components().count());
            let new = rest.fold(to.clone(), |path, name| path.join(name));
            edits.insert(
                new,
                put(node, entry_of(node), state.data(node, work.layers)),
            );
            moved.insert(path);
        }
        edits.insert(from.clone(), Edit::Hide);
        files.push(tree_changes::file_change(Change::Removed, from, top.kind));
        files.push(FileChange {
            detail: Some(format!("from {from}")),
            ..tree_changes::file_change(Change::Added, to, top.kind)
        });
    }
    if let Some(found) = first_unsupported(tree, &moved) {
        return work.refuse_unsupported(&found, &address);
    }
    // Other names of what moves come along, or they would be another file.
    for names in names_of(tree, &moved).into_values() {
        for other in names.into_iter().filter(|other| !moved.contains(other)) {
            let node = tree.get(&other).expect("a name of the tree is in it");
            let edit = put(node, entry_of(node), state.data(node, work.layers));
            edits.entry(other).or_insert(edit);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let content = lay_out(edits, tree, work.epoch);
    let target = EditTarget {
        place: EditPlace::NewLayer,
        created_by,
        address: &address,
    };
    work.lay_files(i, content, files, &target);
}
