//! The changes of a TOML document, at their places in the text.

use std::ops::Range;

use super::read::{Shape, Site};
use super::spell;
use crate::document::brackets::Brackets;
use crate::document::node::{Key, Kind, Node};
use crate::document::splice::Splices;
use crate::document::{Pointer, Refused};

pub(super) fn write(splices: &mut Splices<'_>, root: &Node, site: &Site) -> Result<(), Refused> {
    match (&root.kind, root.is_new) {
        (Kind::Map(_), false) => Writer {
            splices,
            path: Vec::new(),
            at: Pointer::default(),
        }
        .children(root, site),
        _ => Err(Refused::whole("a TOML document is a table")),
    }
}

struct Writer<'s, 'a> {
    splices: &'s mut Splices<'a>,
    /// The keys on the way, which headers are made of.
    path: Vec<String>,
    at: Pointer,
}

impl Site {
    /// Returns the end of everything that belongs to it.
    fn extent_end(&self) -> usize {
        let within = self.children.iter().map(Self::extent_end);
        within.max().unwrap_or(0).max(self.span.end)
    }

    /// Returns the end of what is between its header and the next one.
    fn own_end(&self) -> Option<usize> {
        let own = self.children.iter().filter_map(|child| match child.shape {
            Shape::Dotted => child.own_end(),
            shape if shape.is_value() => Some(child.span.end),
            _ => None,
        });
        own.max()
    }

    /// Returns the start of the first header below it.
    fn first_header(&self) -> Option<usize> {
        let headers = self.children.iter().filter_map(|child| match child.shape {
            Shape::Section => Some(child.span.start),
            Shape::Implicit | Shape::Sections => child.first_header(),
            _ => None,
        });
        headers.min()
    }

    /// Returns the item or pair that it is within brackets.
    fn bracketed(&self) -> Range<usize> {
        let start = if self.key.is_empty() {
            self.span.start
        } else {
            self.key.start
        };
        start..self.extent_end()
    }
}

impl Writer<'_, '_> {
    fn value(&mut self, node: &Node, site: &Site) -> Result<(), Refused> {
        if node.is_new {
            let old = &self.splices.text[site.span.clone()];
            let new = spell::value(node, Some(old))?;
            self.splices.replace(site.span.clone(), new);
            return Ok(());
        }
        self.children(node, site)
    }

    fn children(&mut self, node: &Node, site: &Site) -> Result<(), Refused> {
        let mut is_kept = vec![false; site.children.len()];
        let mut new = Vec::new();
        for (key, node) in node.kind.children() {
            let Some(origin) = node.origin else {
                new.push((key, node));
                continue;
            };
            let child = &site.children[origin];
            if needs_another_shape(node, child) {
                new.push((key, node));
                continue;
            }
            is_kept[origin] = true;
            let name = key.map(|key| key.text().to_owned());
            self.path.extend(name.clone());
            self.at
                .push(name.clone().unwrap_or_else(|| origin.to_string()));
            self.value(node, child)?;
            self.at.pop();
            self.path
                .truncate(self.path.len() - usize::from(name.is_some()));
        }
        if is_kept.iter().all(|kept| *kept) && new.is_empty() {
            return Ok(());
        }
        self.own_children(node, site, &is_kept, &new)
            .map_err(|refused| Refused::at(self.at.clone(), refused.reason))
    }

    /// Removes children that are not kept, and adds new ones.
    fn own_children(
        &mut self,
        node: &Node,
        site: &Site,
        is_kept: &[bool],
        new: &[(Option<&Key>, &Node)],
    ) -> Result<(), Refused> {
        if matches!(site.shape, Shape::Array | Shape::Inline) {
            return self.within_brackets(node, site, is_kept, new);
        }
        for (child, _) in site
            .children
            .iter()
            .zip(is_kept)
            .filter(|(_, kept)| !**kept)
        {
            self.remove(child);
        }
        match site.shape {
            Shape::Sections => self.append_sections(site, new),
            _ => self.insert(site, new),
        }
    }

    fn within_brackets(
        &mut self,
        node: &Node,
        site: &Site,
        is_kept: &[bool],
        new: &[(Option<&Key>, &Node)],
    ) -> Result<(), Refused> {
        if !is_kept.contains(&true) {
            self.splices
                .replace(site.span.clone(), spell::value(node, None)?);
            return Ok(());
        }
        // Dotted keys share their first part.
        if site
            .children
            .iter()
            .any(|child| child.shape == Shape::InlineDotted)
        {
            return Err(Refused::whole(
                "an inline table with dotted keys cannot be edited",
            ));
        }
        let spelled = new.iter().map(|(key, node)| match key {
            Some(key) => spell::pair(key, node),
            None => spell::value(node, None),
        });
        let items: Vec<_> = site.children.iter().map(Site::bracketed).collect();
        let brackets = Brackets {
            end: site.span.end - 1,
            items: &items,
        };
        brackets.edit(
            self.splices,
            is_kept,
            &spelled.collect::<Result<Vec<_>, _>>()?,
        )
    }

    /// Removes the lines of a value or a table.
    fn remove(&mut self, site: &Site) {
        let (start, end) = match site.shape {
            Shape::Section => (
                site.span.start,
                site.own_end().unwrap_or(0).max(site.span.end),
            ),
            shape if shape.is_value() => (site.key.start, site.span.end),
            _ => return site.children.iter().for_each(|child| self.remove(child)),
        };
        let lines = self.splices.line_start(start)..self.splices.line_end(end);
        self.splices.replace(lines, "");
        let sections = site.children.iter();
        let sections = sections.filter(|child| {
            matches!(
                child.shape,
                Shape::Section | Shape::Sections | Shape::Implicit
            )
        });
        sections.for_each(|child| self.remove(child));
    }

    /// Inserts pairs into a table that is not within braces.
    fn insert(&mut self, site: &Site, new: &[(Option<&Key>, &Node)]) -> Result<(), Refused> {
        let newline = self.splices.newline;
        let (mut lines, mut sections) = (Vec::new(), String::new());
        for (key, node) in new {
            let key = key.expect("a table has keys");
            let is_section = site.shape != Shape::Dotted
                && matches!(&node.kind, Kind::Map(pairs) if !pairs.is_empty());
            if is_section {
                sections += &self.section(&["[", "]"], key.text(), node)?;
            } else {
                lines.push(spell::pair(key, node)?);
            }
        }
        if !lines.is_empty() {
            self.insert_lines(site, &lines)?;
        }
        if !sections.is_empty() {
            let at = match site.shape {
                Shape::Root => self.splices.text.len(),
                _ => self.splices.line_end(site.extent_end()),
            };
            let text = if at == 0 {
                sections.trim_start_matches(newline)
            } else {
                &sections
            };
            self.splices.insert_lines(at, text);
        }
        Ok(())
    }

    fn insert_lines(&mut self, site: &Site, lines: &[String]) -> Result<(), Refused> {
        let newline = self.splices.newline;
        let joined = |prefix: &str| {
            let lines = lines.iter();
            let lines: Vec<_> = lines.map(|line| [prefix, line, newline].concat()).collect();
            lines.concat()
        };
        if site.shape == Shape::Implicit {
            let at = self.splices.line_end(site.extent_end());
            let path: Vec<String> = self.path.iter().map(|key| spell::key(key)).collect();
            let section = format!("{newline}[{}]{newline}{}", path.join("."), joined(""));
            self.splices.insert_lines(at, &section);
            return Ok(());
        }
        let Some(end) = site.own_end() else {
            return self.insert_first(site, &joined(""));
        };
        let prefix = match (site.shape, site.children.first()) {
            (Shape::Dotted, Some(child)) => self.splices.text
                [self.splices.line_start(child.key.start)..child.key.start]
                .to_owned(),
            _ => self.splices.indent(site.last_key()).to_owned(),
        };
        let at = self.splices.line_end(end);
        self.splices.insert_lines(at, &joined(&prefix));
        Ok(())
    }

    /// Inserts the first lines below a header, or above the first one.
    fn insert_first(&mut self, site: &Site, lines: &str) -> Result<(), Refused> {
        if site.shape == Shape::Dotted {
            return Err(Refused::whole(
                "a table of dotted keys that have all gone cannot be edited",
            ));
        }
        if site.shape == Shape::Section {
            let indent = self.splices.indent(site.span.start);
            let lines: Vec<_> = lines
                .split_inclusive('\n')
                .map(|line| [indent, line].concat())
                .collect();
            let at = self.splices.line_end(site.span.end);
            self.splices.insert_lines(at, &lines.concat());
            return Ok(());
        }
        let Some(header) = site.first_header() else {
            self.splices.insert_lines(self.splices.text.len(), lines);
            return Ok(());
        };
        // Comments right above a header are about its table.
        let mut at = self.splices.line_start(header);
        while at > 0 {
            let above = self.splices.line_start(at - 1);
            if !self.splices.text[above..at].trim_start().starts_with('#') {
                break;
            }
            at = above;
        }
        let newline = self.splices.newline;
        self.splices.insert(at, format!("{lines}{newline}"));
        Ok(())
    }

    fn append_sections(
        &mut self,
        site: &Site,
        new: &[(Option<&Key>, &Node)],
    ) -> Result<(), Refused> {
        let mut sections = String::new();
        for (_, node) in new {
            let Some(name) = self.path.pop() else {
                return Err(Refused::whole(
                    "an array of tables within an array cannot be edited",
                ));
            };
            let section = self.section(&["[[", "]]"], &name, node);
            self.path.push(name);
            sections += &section?;
        }
        let at = self.splices.line_end(site.extent_end());
        self.splices.insert_lines(at, &sections);
        Ok(())
    }

    /// Returns a table with a header, and a blank line before it.
    fn section(&self, brackets: &[&str; 2], name: &str, node: &Node) -> Result<String, Refused> {
        let newline = self.splices.newline;
        let Kind::Map(mut pairs) = node.kind.clone() else {
            return Err(Refused::whole("an array of tables has only tables in it"));
        };
        let mut path: Vec<String> = self.path.iter().map(|key| spell::key(key)).collect();
        path.push(spell::key(name));
        // `[a.b]` rather than `[a]` with nothing but `b = { … }` in it.
        while let [
            (
                key,
                Node {
                    kind: Kind::Map(inner),
                    ..
                },
            ),
        ] = pairs.as_slice()
            && !inner.is_empty()
            && brackets[0] == "["
        {
            path.push(spell::key(key.text()));
            pairs = inner.clone();
        }
        let mut text = format!(
            "{newline}{}{}{}{newline}",
            brackets[0],
            path.join("."),
            brackets[1]
        );
        for (key, node) in &pairs {
            text.extend([&spell::pair(key, node)?, newline]);
        }
        Ok(text)
    }
}

impl Site {
    /// Returns where the last key of its own is.
    fn last_key(&self) -> usize {
        let own = self.children.iter().filter_map(|child| match child.shape {
            Shape::Dotted => Some(child.last_key()),
            shape if shape.is_value() => Some(child.key.start),
            _ => None,
        });
        own.max().unwrap_or(self.span.start)
    }
}

/// Tells whether a value cannot be written where the old one is: it was tables with headers or dotted keys, and is something else,
/// or nothing is left of it that would name it.
fn needs_another_shape(node: &Node, site: &Site) -> bool {
    if site.shape.is_value() || site.shape == Shape::Root {
        return false;
    }
    let mut children = node.kind.children();
    let has_kept = children.any(|(_, child)| child.origin.is_some());
    node.is_new || (!has_kept && site.shape != Shape::Section)
}
