//! What is found while values are decoded.

use std::ops::Range;

use super::node::Node;
use crate::problem::{MAX_PROBLEMS, NoteKind, Problem};

/// The problems found so far, and what deserves a note.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    problems: Vec<Problem>,
    remarks: Vec<Remark>,
}

/// What deserves a note at some bytes of the text.
pub(crate) type Remark = (NoteKind, Range<usize>, String);

impl Problems {
    pub(crate) fn add(&mut self, problem: Problem) {
        // One more than is shown, so that the report can say that there are more.
        if !self.is_full() {
            self.problems.push(problem);
        }
    }

    /// Adds a note on a node.
    pub(crate) fn note(&mut self, node: &Node, kind: NoteKind, message: String) {
        if self.remarks.len() < MAX_PROBLEMS {
            self.remarks.push((kind, node.span.clone(), message));
        }
    }

    /// Returns what deserves a note, and forgets it.
    pub(crate) fn take_remarks(&mut self) -> Vec<Remark> {
        std::mem::take(&mut self.remarks)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.problems.len()
    }

    /// Tells that what is added is no longer kept, so that looking for more is a waste.
    pub(crate) fn is_full(&self) -> bool {
        self.problems.len() > MAX_PROBLEMS
    }

    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.problems
    }
}
