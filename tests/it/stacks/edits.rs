//! Changes of files give the tree that is edited by hand, in a new layer and in the one that holds them.
#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::cell::Cell;
use std::path::Path as HostPath;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::any_edit::{any_edit, moving, setting};
use super::edit::{Edit, Wanted, told};
use super::item::{Hand, Item, stream};
use super::restructure::{any_stack, assert_groups_stay, assert_tidy, hand};
use super::run::{apply, archive, patch, seen};
use super::wild;
use crate::random;

fn try_patch(bytes: &[u8], operations: &[String]) -> Result<Vec<u8>, String> {
    apply(bytes, &patch(operations), HostPath::new("/nonexistent"))
}

/// What there was, what came out, and the operation.
type Done = (Vec<u8>, Vec<u8>, String);

/// Makes one change in both ways; returns what there was and what came out, unless the change has no place.
fn check_one(layers: &[Vec<Item>], hand: Hand, edit: &Edit) -> Result<Option<Done>, TestCaseError> {
    let bytes = archive(layers, hand);
    let was = seen(&bytes)?;
    let mut tree = was.tree();
    let Some((operation, wanted)) = edit.make(&mut tree) else {
        return Ok(None);
    };
    let operations = [operation];
    match (try_patch(&bytes, &operations), wanted) {
        (Ok(out), Wanted::Done) => {
            let is = seen(&out)?;
            prop_assert_eq!(
                is.tree().lines(),
                tree.lines(),
                "{}",
                told(&operations, &tree)
            );
            let n = was.layers.len();
            if is.layers.len() > n {
                prop_assert_eq!(&is.diff_ids[..n], &was.diff_ids[..]);
                prop_assert_eq!(is.layers.len(), n + 1);
                assert_tidy(&is.layers[n], &was.tree())?;
            } else {
                prop_assert_eq!(is.layers.len(), n);
                assert_groups_stay(&was, &is, false)?;
            }
            let [operation] = operations;
            Ok(Some((bytes, out, operation)))
        }
        (Err(found), Wanted::Problem(code)) => {
            prop_assert!(
                found.starts_with(code),
                "{found}: {}",
                told(&operations, &tree)
            );
            Ok(None)
        }
        (out, wanted) => {
            let told = told(&operations, &was.tree());
            Err(TestCaseError::fail(format!(
                "{:?}, wanted {wanted:?}: {told}",
                out.err()
            )))
        }
    }
}

#[test]
fn settings_give_the_tree_that_is_set_by_hand_and_are_done_once() {
    random::check(
        500,
        &(any_stack(1..5), hand(), setting()),
        |(layers, hand, edit)| {
            if let Some((bytes, out, operation)) = check_one(&layers, hand, &edit)? {
                let again = try_patch(&out, &[operation]);
                prop_assert!(
                    again.as_ref() == Ok(&out),
                    "the second time: {:?}",
                    again.map(|again| again == bytes)
                );
            }
            Ok(())
        },
    );
}

#[test]
fn what_moves_or_goes_gives_the_tree_that_is_changed_by_hand() {
    random::check(
        500,
        &(any_stack(1..5), hand(), moving()),
        |(layers, hand, edit)| check_one(&layers, hand, &edit).map(drop),
    );
}

#[test]
fn operations_one_after_the_other_give_the_tree_of_all_by_hand() {
    let (n_done, n_refused) = (Cell::new(0), Cell::new(0));
    let directory = tempfile::tempdir().unwrap();
    let tar = option::weighted(0.3, wild::stack(1..2));
    // With one layer there is nothing to squash, and what is implied stays so.
    let strategy = (any_stack(2..4), tar, hand(), vec(any_edit(), 2..6));
    random::check(300, &strategy, |(layers, tar, hand, edits)| {
        let bytes = archive(&layers, hand);
        let was = seen(&bytes)?;
        let mut tree = was.tree();
        let (mut operations, mut problem) = (Vec::new(), None);
        if let Some(tar) = tar {
            if tree.clone().add(&tar[0]).is_err() {
                return Ok(());
            }
            std::fs::write(directory.path().join("new.tar"), stream(&tar[0], hand)).unwrap();
            operations.push("add-layer: { from: new.tar, as-is: true }".to_owned());
            tree.add(&tar[0]).unwrap();
        }
        for edit in &edits {
            let Some((operation, wanted)) = edit.make(&mut tree) else {
                continue;
            };
            operations.push(operation);
            if let Wanted::Problem(code) = wanted {
                problem = Some(code);
                break;
            }
        }
        if operations.is_empty() {
            return Ok(());
        }
        let out = apply(&bytes, &patch(&operations), directory.path());
        match (out, problem) {
            (Ok(out), None) => {
                let is = seen(&out)?;
                prop_assert_eq!(
                    is.tree().lines(),
                    tree.lines(),
                    "{}",
                    told(&operations, &tree)
                );
                n_done.set(n_done.get() + 1);
                Ok(())
            }
            (Err(found), Some(code)) if found.lines().any(|line| line.starts_with(code)) => Ok(()),
            // What one has put there another may not take away.
            (Err(found), _) if found.contains("contradiction: ") => {
                n_refused.set(n_refused.get() + 1);
                Ok(())
            }
            (out, problem) => {
                let told = told(&operations, &was.tree());
                Err(TestCaseError::fail(format!(
                    "{:?}, wanted {problem:?}: {told}",
                    out.err()
                )))
            }
        }
    });
    assert!(
        n_done.get() > n_refused.get() * 2,
        "{n_done:?} done, {n_refused:?} refused"
    );
}
