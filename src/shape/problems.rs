//! What is found while values are decoded.

use std::collections::HashSet;
use std::ops::Range;

use super::node::Node;
use crate::problem::{MAX_PROBLEMS, NoteKind, Problem};

/// The problems found so far, and what deserves a note.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<Problem>,
    remarks: Vec<Remark>,
    /// The kinds of items whose names one of the problems lists.
    listed: HashSet<&'static str>,
}

/// What deserves a note at some bytes of the text.
pub(crate) type Remark = (NoteKind, Range<usize>, String);

impl Problems {
    pub(crate) fn add(&mut self, problem: Problem) {
        // One more than is shown, so that the report can say that there are more.
        if !self.is_full() {
            self.found.push(problem);
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

    /// Tells whether a problem may list all names of a kind of items: one is enough.
    pub(crate) fn may_list(&mut self, kind: &'static str) -> bool {
        self.listed.insert(kind)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// Tells that what is added is no longer kept, so that looking for more is a waste.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() > MAX_PROBLEMS
    }

    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.found
    }
}
