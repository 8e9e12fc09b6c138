//! Items between brackets, separated by commas: arrays and inline tables of TOML, flow collections of YAML.

use std::ops::Range;

use super::Refused;
use super::splice::Splices;

/// A list between brackets, as the text has it.
pub(super) struct Brackets<'a> {
    /// Where the closing bracket is.
    pub(super) end: usize,
    /// Where each item is.
    pub(super) items: &'a [Range<usize>],
}

/// The commas and comments between two items.
struct Gap {
    comma: Option<usize>,
    has_comment: bool,
}

fn gap(text: &str, range: Range<usize>) -> Gap {
    let mut gap = Gap {
        comma: None,
        has_comment: false,
    };
    let mut in_comment = false;
    for (at, b) in range.clone().zip(text[range].bytes()) {
        match b {
            b'\n' => in_comment = false,
            b'#' => (in_comment, gap.has_comment) = (true, true),
            b',' if !in_comment => gap.comma = gap.comma.or(Some(at)),
            _ => {}
        }
    }
    gap
}

impl Brackets<'_> {
    /// Removes the items that are not kept, at least one of which is, and appends new ones.
    pub(super) fn edit(
        &self,
        splices: &mut Splices<'_>,
        is_kept: &[bool],
        new: &[String],
    ) -> Result<(), Refused> {
        let last_kept = is_kept.iter().rposition(|kept| *kept);
        let last_kept = last_kept.expect("an item is kept");
        self.remove(splices, is_kept, last_kept)?;
        if !new.is_empty() {
            self.append(splices, last_kept, new);
        }
        Ok(())
    }

    /// Returns the text between an item and the next one, or the closing bracket.
    fn after(&self, index: usize) -> Range<usize> {
        let end = self.items.get(index + 1).map(|next| next.start);
        self.items[index].end..end.unwrap_or(self.end)
    }

    /// Returns the lines of an item, if nothing else but its comma and a comment is on them.
    fn own_lines(&self, splices: &Splices<'_>, index: usize) -> Option<Range<usize>> {
        let item = &self.items[index];
        let start = splices.line_start(item.start);
        let end = splices.line_end(item.end);
        let is_alone = end <= self.end
            && splices.text[start..item.start].trim().is_empty()
            && self
                .items
                .get(index + 1)
                .is_none_or(|next| next.start >= end);
        is_alone.then_some(start..end)
    }

    fn remove(
        &self,
        splices: &mut Splices<'_>,
        is_kept: &[bool],
        last_kept: usize,
    ) -> Result<(), Refused> {
        let removed = (0..self.items.len()).filter(|&index| !is_kept[index]);
        for index in removed.clone() {
            if let Some(lines) = self.own_lines(splices, index) {
                splices.replace(lines, "");
                continue;
            }
            let is_last = index > last_kept;
            let range = if is_last {
                self.items[index - 1].end..self.items[index].end
            } else {
                self.items[index].start..self.items[index + 1].start
            };
            let outside = [
                range.start..self.items[index].start.max(range.start),
                self.items[index].end.min(range.end)..range.end,
            ];
            if outside
                .into_iter()
                .any(|range| gap(splices.text, range).has_comment)
            {
                return Err(Refused::whole(
                    "a comment stands between items that share a line with it",
                ));
            }
            splices.replace(range, "");
        }
        // The last item has a comma behind it only if the last one before had.
        let last = self.items.len() - 1;
        if last_kept < last
            && self.own_lines(splices, last).is_some()
            && gap(splices.text, self.after(last)).comma.is_none()
            && let Some(comma) = gap(splices.text, self.after(last_kept)).comma
            && self.own_lines(splices, last_kept + 1).is_some()
        {
            splices.replace(comma..comma + 1, "");
        }
        Ok(())
    }

    fn append(&self, splices: &mut Splices<'_>, last_kept: usize, new: &[String]) {
        let last = self.items.len() - 1;
        let trailing = gap(splices.text, self.after(last));
        let has_comma = trailing.comma.is_some();
        let close = splices.line_start(self.end);
        let is_on_lines =
            close > self.items[last].end && splices.text[close..self.end].trim().is_empty();
        if !is_on_lines {
            let at = trailing
                .comma
                .map_or(self.items[last].end, |comma| comma + 1);
            let mut text = String::new();
            for item in new {
                text += if has_comma { " " } else { ", " };
                text += item;
                text += if has_comma { "," } else { "" };
            }
            splices.insert(at, text);
            return;
        }
        let indent = splices.indent(self.items[last_kept].start);
        if !has_comma {
            splices.insert(self.items[last_kept].end, ",");
        }
        let mut text = String::new();
        for (index, item) in new.iter().enumerate() {
            let comma = if has_comma || index + 1 < new.len() {
                ","
            } else {
                ""
            };
            text.extend([indent, item, comma, splices.newline]);
        }
        splices.insert(close, text);
    }
}
