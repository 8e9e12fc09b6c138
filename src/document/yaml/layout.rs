//! How a YAML document is indented.

use super::site::{Shape, Site};
use crate::document::splice::Splices;

/// How new values are laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) newline: &'static str,
    /// Columns by which a map in a map is indented.
    pub(super) step: usize,
    /// Columns by which a list in a map is indented.
    pub(super) list_step: usize,
}

/// Reads the indentation off the first places that show it.
pub(super) fn layout(splices: &Splices<'_>, root: &Site) -> Layout {
    let (mut step, mut list_step) = (None, None);
    let mut sites = vec![root];
    while let Some(site) = sites.pop() {
        if step.is_some() && list_step.is_some() {
            break;
        }
        for child in site.children.iter().filter(|child| child.shape.is_block()) {
            let first = &child.children[0];
            let column = splices.column(first.key.start);
            if site.shape == Shape::BlockMap {
                let by = column.checked_sub(splices.column(child.key.start));
                let known = if child.shape == Shape::BlockMap {
                    &mut step
                } else {
                    &mut list_step
                };
                *known = known.or(by);
            }
            sites.push(child);
        }
    }
    Layout {
        newline: splices.newline,
        step: step
            .or(list_step)
            .filter(|step| (1..=8).contains(step))
            .unwrap_or(2),
        list_step: list_step.filter(|step| *step <= 8).or(step).unwrap_or(2),
    }
}
