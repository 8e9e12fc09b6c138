//! Where a value of a YAML document is, and how it is written.

use std::ops::Range;

use granit_parser::ScalarStyle;

/// Where a value is.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) shape: Shape,
    /// Its key in a map, or its dash in a block list; empty if that was not found.
    pub(super) key: Range<usize>,
    /// Where it starts; an anchor and a tag are before it.
    pub(super) start: usize,
    /// Where the last character that belongs to it ends.
    pub(super) end: usize,
    pub(super) anchor: Option<usize>,
    /// It has an anchor or a tag.
    pub(super) is_marked: bool,
    pub(super) children: Vec<Self>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing is written.
    Nothing,
    /// A scalar on the line of its key, or an alias.
    Scalar(ScalarStyle),
    /// A literal or folded scalar; it starts with its header.
    BlockScalar(ScalarStyle),
    BlockMap,
    BlockList,
    FlowMap,
    FlowList,
}

impl Shape {
    pub(super) fn is_block(self) -> bool {
        matches!(self, Self::BlockMap | Self::BlockList)
    }

    pub(super) fn is_flow(self) -> bool {
        matches!(self, Self::FlowMap | Self::FlowList)
    }
}

impl Site {
    /// Returns where the first key or dash of a block collection is, or where another value starts.
    pub(super) fn first(&self) -> usize {
        match (self.shape, self.children.first()) {
            (Shape::BlockMap | Shape::BlockList, Some(first)) => first.key.start,
            _ => self.start,
        }
    }
}
