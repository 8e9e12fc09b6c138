//! How much a plan may go through. Some operations lay all layers of an image anew, and patterns are held against all
//! paths or names: without a bound, many of them and many files would cost their product.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

use super::inventory::InventoryImage;
use crate::problem::{Address, Code, Problem};
use crate::rootfs::Rootfs;

/// How many entries any plan may lay anew.
pub const MAX_LAID_ENTRIES: u64 = 250_000;
/// How often all entries of all layers may be laid beyond that.
pub const MAX_LAID_TIMES: u64 = 128;

/// For how many paths a plan looks for the one that was probably meant.
const MAX_GUESSES: usize = 50;

/// What a pattern on one name costs: the unit.
const NAME: u64 = 1;
/// What a step of a pattern through a tree costs, as measured.
const PATH: u64 = 4;
/// What it costs to lay an entry.
const ENTRY: u64 = 32;

/// What a plan has gone through, and what it may.
#[derive(Debug)]
pub(crate) struct Effort {
    spent: Cell<u64>,
    allowed: u64,
    is_told: Cell<bool>,
    n_guesses: Cell<usize>,
}

impl Effort {
    /// Takes the images that will be planned for.
    pub(crate) fn of(images: &[InventoryImage]) -> Self {
        let mut known = HashSet::new();
        let logs = images.iter().flat_map(|image| image.logs.iter().flatten());
        let logs = logs.filter(|(_, log)| known.insert(Arc::as_ptr(log)));
        let n_logged: usize = logs.map(|(_, log)| log.entries.len()).sum();
        let trees = images.iter().filter_map(|image| image.tree.as_ref());
        let n_named = trees.map(Rootfs::n_names).max().unwrap_or_default();
        let n_entries = n_logged.max(n_named) as u64;
        let n_allowed = n_entries
            .saturating_mul(MAX_LAID_TIMES)
            .saturating_add(MAX_LAID_ENTRIES);
        Self {
            spent: Cell::new(0),
            allowed: n_allowed.saturating_mul(ENTRY),
            is_told: Cell::new(false),
            n_guesses: Cell::new(0),
        }
    }

    /// Returns an effort that is never spent: for who may wait.
    pub(crate) fn boundless() -> Self {
        Self {
            spent: Cell::new(0),
            allowed: u64::MAX,
            is_told: Cell::new(false),
            n_guesses: Cell::new(0),
        }
    }

    /// Tells whether one more path may be looked for that somebody probably meant.
    pub(crate) fn may_guess(&self) -> bool {
        let n = self.n_guesses.get();
        self.n_guesses.set(n + 1);
        n < MAX_GUESSES
    }

    /// Counts entries that are laid.
    pub(crate) fn lay(&self, n_entries: usize) {
        self.spend(n_entries as u64, ENTRY);
    }

    /// Counts steps of a pattern through a tree.
    pub(crate) fn walk(&self, n_steps: usize) {
        self.spend(n_steps as u64, PATH);
    }

    /// Counts names that a pattern is held against.
    pub(crate) fn try_names(&self, n_names: usize) {
        self.spend(n_names as u64, NAME);
    }

    fn spend(&self, n: u64, cost: u64) {
        let spent = n.saturating_mul(cost).saturating_add(self.spent.get());
        self.spent.set(spent);
    }

    /// Tells whether nothing is left: whoever stops for that leaves it to [`is_left`](Self::is_left) to tell.
    pub(crate) fn is_spent(&self) -> bool {
        self.spent.get() > self.allowed
    }

    /// Tells whether the operation at `address` may go on; adds the problem that it may not, once.
    pub(crate) fn is_left(&self, address: &Address, problems: &mut Vec<Problem>) -> bool {
        let is_left = !self.is_spent();
        if !is_left && !self.is_told.replace(true) {
            let message = format!(
                "rebuilding layers and matching patterns costs as much as {} entries; {} are allowed",
                self.spent.get() / ENTRY,
                self.allowed / ENTRY
            );
            let help = format!(
                "a plan may rebuild all entries of all layers {MAX_LAID_TIMES} times and {MAX_LAID_ENTRIES} entries more; apply the operations in several runs"
            );
            let problem = Problem::new(Code::TooMuchWork, address.clone(), message);
            problems.push(problem.with_help(help));
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::{ENTRY, Effort, MAX_GUESSES, MAX_LAID_ENTRIES};
    use crate::problem::Address;

    #[test]
    fn a_few_paths_are_guessed() {
        let effort = Effort::boundless();
        let n = (0..2 * MAX_GUESSES).filter(|_| effort.may_guess()).count();
        assert_eq!(n, MAX_GUESSES);
    }

    #[test]
    fn what_is_allowed_may_be_spent_to_the_last_and_its_end_is_told_once() {
        let effort = Effort::of(&[]);
        let n = usize::try_from(MAX_LAID_ENTRIES).unwrap();
        let mut problems = Vec::new();
        effort.lay(n - 1);
        assert!(!effort.is_spent());
        effort.lay(1);
        assert!(!effort.is_spent());
        assert!(effort.is_left(&Address::document(0), &mut problems));
        effort.try_names(1);
        assert!(effort.is_spent() && problems.is_empty());
        effort.try_names(usize::try_from(ENTRY).unwrap() - 1);
        for _ in 0..2 {
            assert!(!effort.is_left(&Address::document(0), &mut problems));
        }
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}");
        };
        assert!(
            problem
                .message()
                .contains("as much as 250001 entries; 250000 are allowed"),
            "{problem:?}"
        );
        let boundless = Effort::boundless();
        boundless.lay(usize::MAX);
        boundless.walk(usize::MAX);
        assert!(!boundless.is_spent());
    }

    #[test]
    fn a_step_costs_more_than_a_name_and_an_entry_more_than_a_step() {
        for (spend, cost) in [
            (Effort::try_names as fn(&Effort, usize), 1),
            (Effort::walk, 4),
            (Effort::lay, 32),
        ] {
            let effort = Effort::of(&[]);
            spend(&effort, 3);
            spend(&effort, 2);
            assert_eq!(effort.spent.get(), 5 * cost);
        }
    }
}
