//! The changes of a YAML document, at their places in the text.

use std::collections::HashSet;
use std::ops::Range;

use granit_parser::ScalarStyle;

use super::layout::{Layout, layout};
use super::site::{Shape, Site};
use super::spell;
use crate::document::brackets::Brackets;
use crate::document::node::{Key, Kind, Node};
use crate::document::splice::Splices;
use crate::document::{Pointer, Refused};

pub(super) fn write(
    splices: &mut Splices<'_>,
    root: &Node,
    site: &Site,
    referred: &HashSet<usize>,
) -> Result<(), Refused> {
    let layout = layout(splices, site);
    let mut writer = Writer {
        splices,
        referred,
        layout,
        path: Pointer::default(),
    };
    writer.value(root, site, Place::Root)?;
    Ok(())
}

/// What a value is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    /// A block map, whose keys are at this column.
    Map(usize),
    /// A block list.
    List,
    Flow,
}

struct Writer<'s, 'a> {
    splices: &'s mut Splices<'a>,
    referred: &'s HashSet<usize>,
    layout: Layout,
    path: Pointer,
}

impl Writer<'_, '_> {
    fn refused(&self, reason: &str) -> Refused {
        Refused::at(self.path.clone(), reason.to_owned())
    }

    /// Writes the changes of a value; tells whether there were any.
    fn value(&mut self, node: &Node, site: &Site, place: Place) -> Result<bool, Refused> {
        let is_changed = if node.is_new || has_no_more(node, site) {
            self.replace(node, site, place)?;
            true
        } else {
            self.children(node, site)?
        };
        if is_changed
            && site
                .anchor
                .is_some_and(|anchor| self.referred.contains(&anchor))
        {
            return Err(self.refused("it has an anchor, and an alias refers to it"));
        }
        Ok(is_changed)
    }

    fn children(&mut self, node: &Node, site: &Site) -> Result<bool, Refused> {
        let place = match site.shape {
            Shape::BlockMap => Place::Map(self.splices.column(site.children[0].key.start)),
            Shape::BlockList => Place::List,
            _ => Place::Flow,
        };
        let mut is_kept = vec![false; site.children.len()];
        let mut new = Vec::new();
        let mut is_changed = false;
        for (key, node) in node.kind.children() {
            match node.origin {
                Some(origin) => {
                    is_kept[origin] = true;
                    let step = key.map_or_else(|| origin.to_string(), |key| key.text().to_owned());
                    self.path.push(step);
                    is_changed |= self.value(node, &site.children[origin], place)?;
                    self.path.pop();
                }
                None => new.push((key, node)),
            }
        }
        let is_removal = is_kept.contains(&false);
        for (child, _) in site
            .children
            .iter()
            .zip(&is_kept)
            .filter(|(_, kept)| !**kept)
        {
            self.refuse_referred(child)?;
        }
        if site.shape.is_flow() {
            if is_removal || !new.is_empty() {
                self.within_brackets(site, &is_kept, &new)?;
            }
        } else {
            for index in (0..is_kept.len()).filter(|&index| !is_kept[index]) {
                self.remove(site, index, &is_kept)?;
            }
            self.insert(site, &new)?;
        }
        Ok(is_changed || is_removal || !new.is_empty())
    }

    fn refuse_referred(&self, site: &Site) -> Result<(), Refused> {
        if site
            .anchor
            .is_some_and(|anchor| self.referred.contains(&anchor))
        {
            return Err(self.refused("a value in it has an anchor, and an alias refers to it"));
        }
        site.children
            .iter()
            .try_for_each(|child| self.refuse_referred(child))
    }

    fn within_brackets(
        &mut self,
        site: &Site,
        is_kept: &[bool],
        new: &[(Option<&Key>, &Node)],
    ) -> Result<(), Refused> {
        if !self.splices.text[site.start..].starts_with(['[', '{']) {
            return Err(self.refused("a map without braces within a list cannot be edited"));
        }
        let spelled = new.iter().map(|(key, node)| match key {
            Some(key) => spell::flow_pair(key, node),
            None => spell::inline(node, last_style(site), true),
        });
        let items = site.children.iter().map(|child| {
            let start = if child.key.is_empty() {
                child.start
            } else {
                child.key.start
            };
            start..child.end
        });
        let brackets = Brackets {
            end: site.end - 1,
            items: &items.collect::<Vec<_>>(),
        };
        if site.children.iter().any(|child| child.is_marked) {
            return Err(
                self.refused("a list or map in brackets with anchors or tags cannot be edited")
            );
        }
        brackets
            .edit(self.splices, is_kept, &spelled.collect::<Vec<_>>())
            .map_err(|refused| self.refused(&refused.reason))
    }

    /// Returns where the key or the dash of a child is.
    fn head(&self, site: &Site, index: usize) -> Result<usize, Refused> {
        let key = &site.children[index].key;
        let head = (!key.is_empty()).then_some(key.start);
        head.ok_or_else(|| self.refused("a key or an item of it is not where it is expected"))
    }

    fn remove(&mut self, site: &Site, index: usize, is_kept: &[bool]) -> Result<(), Refused> {
        let head = self.head(site, index)?;
        let start = self.splices.line_start(head);
        let end = self.splices.line_end(site.children[index].end);
        if self.splices.text[start..head].trim().is_empty() {
            self.splices.replace(start..end, "");
            return Ok(());
        }
        // The line has the dash of the list that this is an item of: the next one that is kept moves there.
        let next = (index + 1..is_kept.len()).find(|&next| is_kept[next]);
        let next = next.ok_or_else(|| {
            self.refused("what would be left of it is not at the start of a line")
        })?;
        let next_head = self.head(site, next)?;
        let between = &self.splices.text[end.min(next_head)..next_head];
        if between.trim().is_empty() {
            self.splices.replace(head..next_head, "");
            return Ok(());
        }
        // A comment is in between: the next one stays where it is, below the dash.
        let dash_end = self.splices.text[..head].trim_end().len();
        let line = self.splices.text[..end]
            .trim_end_matches(['\n', '\r'])
            .len();
        self.splices.replace(dash_end..line, "");
        Ok(())
    }

    fn insert(&mut self, site: &Site, new: &[(Option<&Key>, &Node)]) -> Result<(), Refused> {
        if new.is_empty() {
            return Ok(());
        }
        let column = self.splices.column(self.head(site, 0)?);
        let indent = " ".repeat(column);
        let like = last_style(site);
        let lines: String = new
            .iter()
            .map(|(key, node)| match key {
                Some(key) => format!("{indent}{}", spell::pair(key, node, column, self.layout)),
                None => format!("{indent}{}", spell::item(node, like, column, self.layout)),
            })
            .collect();
        let at = self.splices.line_end(site.end);
        self.splices.insert_lines(at, &lines);
        Ok(())
    }

    fn replace(&mut self, node: &Node, site: &Site, place: Place) -> Result<(), Refused> {
        if site.is_marked {
            return Err(self.refused("it has an anchor or a tag"));
        }
        site.children
            .iter()
            .try_for_each(|child| self.refuse_referred(child))?;
        let is_flow = place == Place::Flow || (site.shape.is_flow() && !site.children.is_empty());
        if spell::is_block(node) && !is_flow {
            self.replace_by_lines(node, site, place);
        } else {
            self.replace_inline(node, site, place);
        }
        Ok(())
    }

    fn replace_inline(&mut self, node: &Node, site: &Site, place: Place) {
        let style = match site.shape {
            Shape::Scalar(style) => Some(style),
            _ => None,
        };
        let mut new = spell::inline(node, style, place == Place::Flow);
        if let (Shape::BlockScalar(ScalarStyle::Literal), Kind::Text(text)) =
            (site.shape, &node.kind)
        {
            let indent = self.content_column(site);
            new = spell::literal(text, indent, self.layout.newline).unwrap_or(new);
        }
        match site.shape {
            Shape::Nothing => {
                let colon =
                    if place == Place::Flow && site.start == site.key.end && !site.key.is_empty() {
                        ": "
                    } else {
                        " "
                    };
                self.splices.insert(site.start, format!("{colon}{new}"));
            }
            shape if shape.is_block() && self.is_on_lines(site) => {
                self.splices
                    .insert(self.after_head(site, place), format!(" {new}"));
                self.splices.replace(self.lines(site), "");
            }
            _ => self.splices.replace(site.start..site.end, new),
        }
    }

    /// Replaces a value by the lines of a map or a list.
    fn replace_by_lines(&mut self, node: &Node, site: &Site, place: Place) {
        let newline = self.layout.newline;
        let Place::Map(column) = place else {
            let indent = match site.shape {
                Shape::Nothing if place == Place::Root => 0,
                Shape::Nothing => self.splices.column(site.key.start) + 2,
                _ => self.splices.column(site.first()),
            };
            let lines = spell::block(node, indent, self.layout);
            match (site.shape, place) {
                (Shape::Nothing, Place::Root) => {
                    let at = self.splices.text.len();
                    self.splices.insert_lines(at, &lines);
                }
                (Shape::Nothing, _) => {
                    let lines = lines.strip_suffix(newline).unwrap_or(&lines);
                    self.splices.insert(site.start, format!(" {lines}"));
                }
                _ => {
                    let lines = lines.strip_suffix(newline).unwrap_or(&lines);
                    self.splices.replace(site.first()..site.end, lines);
                }
            }
            return;
        };
        let indent = spell::within(node, column, self.layout);
        let lines = format!(
            "{}{}",
            " ".repeat(indent),
            spell::block(node, indent, self.layout)
        );
        if site.shape.is_block() {
            let range = self.lines(site);
            let lines =
                if range.end == self.splices.text.len() && !self.splices.text.ends_with('\n') {
                    lines.strip_suffix(newline).unwrap_or(&lines).to_owned()
                } else {
                    lines
                };
            self.splices.replace(range, lines);
            return;
        }
        let after = self.after_head(site, place);
        if after < site.end {
            self.splices.replace(after..site.end, "");
        }
        self.splices
            .insert_lines(self.splices.line_end(site.end), &lines);
    }

    /// Returns the place behind the colon of a value's key.
    fn after_head(&self, site: &Site, place: Place) -> usize {
        match place {
            Place::Map(_) => {
                let rest = &self.splices.text[site.key.end..];
                site.key.end + rest.find(':').map_or(0, |colon| colon + 1)
            }
            _ => site.key.end,
        }
    }

    /// Tells whether a block collection starts at the start of a line.
    fn is_on_lines(&self, site: &Site) -> bool {
        let first = site.first();
        let start = self.splices.line_start(first);
        start > 0 && self.splices.text[start..first].trim().is_empty() && !site.key.is_empty()
    }

    fn lines(&self, site: &Site) -> Range<usize> {
        self.splices.line_start(site.first())..self.splices.line_end(site.end)
    }

    /// Returns the column that the lines of a block scalar start at.
    fn content_column(&self, site: &Site) -> usize {
        let lines = self.splices.text[site.start..site.end].lines().skip(1);
        let mut indents = lines
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.len() - line.trim_start_matches(' ').len());
        indents
            .next()
            .unwrap_or_else(|| self.splices.indent(site.start).len() + self.layout.step)
    }
}

/// Returns how the last item of a list is quoted.
fn last_style(site: &Site) -> Option<ScalarStyle> {
    match site.children.last()?.shape {
        Shape::Scalar(style) => Some(style),
        _ => None,
    }
}

/// Tells whether a collection is written again as a whole: it keeps no child, and is not empty both before and after.
fn has_no_more(node: &Node, site: &Site) -> bool {
    let mut children = node.kind.children();
    let has_kept = children.any(|(_, child)| child.origin.is_some());
    !has_kept && (!site.children.is_empty() || spell::is_block(node))
}
