//! What an operation removes by name, and what to do if there is nothing to remove.

use super::pattern::{GLOBS_HELP, Globs};
use super::record::Short;
use super::{choices, record};
use crate::problem::Address;
use crate::reference::Glob;

choices! {
    /// What to do if there is nothing to remove.
    pub enum IfMissing {
        /// Report a problem.
        "problem" Problem,
        /// Do nothing.
        "ignore" Ignore,
    }
}

record! {
    /// Patterns, and what to do if one matches nothing.
    pub struct Removal("LongRemoval") {
        /// The patterns.
        "match" pub globs: Vec<Glob> = required::<Globs>(GLOBS_HELP);
        /// What to do if a pattern matches nothing: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
        is_long: bool = is_long();
    }
    short Short::Value("match"), "Removal", "Patterns, or a map of them and of options";
}

impl Removal {
    /// Returns the address of the pattern `index`, given the one of the operation.
    #[must_use]
    pub fn glob_address(&self, operation: Address, index: usize) -> Address {
        item_address(operation, index, self.is_long)
    }
}

/// Returns the address of an item of a list, which the long form of a map has under `match`.
pub(crate) fn item_address(operation: Address, index: usize, is_long: bool) -> Address {
    if is_long {
        operation.key("match").index(index)
    } else {
        operation.index(index)
    }
}
