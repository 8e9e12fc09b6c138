//! A summary as text for people.

use std::fmt;

use super::layer_summary::LayerSummary;
use super::summary::{ConfigChange, ImageSummary, Summary};
use super::text_diff::{DiffLine, TextDiff};
use crate::annotation::AnnotationEdit;
use crate::digest::DiffId;
use crate::plan::Change;
use crate::printable::{self, put};

/// How many changed files the text shows for one layer; JSON has them all.
const MAX_SHOWN_FILES: usize = 20;
/// How much of a value the text shows. In characters.
const MAX_SHOWN_CHARS: usize = 100;

impl Change {
    /// Returns the sign in front of a line: `+`, `~`, `-`, `=`.
    pub(crate) fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Changed => '~',
            Self::Removed => '-',
            Self::Kept => '=',
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, image) in self
            .images
            .iter()
            .filter(|image| image.changed || self.images.len() == 1)
            .enumerate()
        {
            if i > 0 {
                writeln!(f)?;
            }
            image.fmt(f)?;
        }
        let n_unchanged = self.images.iter().filter(|image| !image.changed).count();
        if self.images.len() > 1 && n_unchanged > 0 {
            writeln!(
                f,
                "\n{n_unchanged} of {} images stay as they are",
                self.images.len()
            )?;
        }
        let notes = &mut self.notes.iter();
        notes.try_for_each(|note| put(f, format_args!("note: {note}")))
    }
}

impl fmt::Display for ImageSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = shown(&self.name);
        match self.index_digest {
            Some(_) => put(f, format_args!("image {name} ({})", shown(&self.platform)))?,
            None => put(f, format_args!("image {name}"))?,
        }
        if !self.changed {
            writeln!(
                f,
                "  nothing changes: the image is already as the patch describes it"
            )?;
        }
        if !self.config.is_empty() {
            writeln!(f, "  config")?;
            for change in &self.config {
                put(
                    f,
                    format_args!("    {} {}", change.change.sign(), describe(change)),
                )?;
            }
        }
        if !self.annotations.is_empty() {
            writeln!(f, "  annotations")?;
            for edit in &self.annotations {
                let change = annotation(edit);
                put(
                    f,
                    format_args!("    {} {}", change.change.sign(), describe(&change)),
                )?;
            }
        }
        if self.changed {
            writeln!(f, "  layers")?;
            for layer in &self.layers {
                put(f, format_args!("    {}", describe_layer(layer)))?;
                for file in layer.files.iter().take(MAX_SHOWN_FILES) {
                    let detail = file.detail.as_deref().map(shown);
                    let lines = file.diff.as_ref().map(counts);
                    let details = detail.into_iter().chain(lines);
                    let (sign, path) = (file.change.sign(), shown(&file.path));
                    let line = details.fold(path, |line, detail| line + "  " + &detail);
                    put(f, format_args!("        {sign} {line}"))?;
                    file.diff.iter().try_for_each(|diff| put_lines(f, diff))?;
                }
                if layer.files.len() > MAX_SHOWN_FILES {
                    let n_more = layer.files.len() - MAX_SHOWN_FILES;
                    put(f, format_args!("        … and {n_more} more"))?;
                }
            }
            if !self.tags.is_empty() {
                writeln!(f, "  tags")?;
                for tag in &self.tags {
                    put(f, format_args!("    {} {}", tag.change.sign(), tag.tag))?;
                }
            }
        }
        for note in &self.notes {
            put(f, format_args!("  note: {note}"))?;
        }
        if self.image_id != self.old_image_id {
            writeln!(f, "  was       {}", self.old_image_id)?;
        }
        writeln!(f, "  image id  {}", self.image_id)?;
        if let Some(digest) = self.manifest_digest {
            writeln!(f, "  manifest  {digest}")?;
        }
        match self.index_digest {
            Some(digest) => writeln!(f, "  index     {digest}"),
            None => Ok(()),
        }
    }
}

/// How many lines change.
fn counts(diff: &TextDiff) -> String {
    let counts = format!("+{} -{}", diff.added, diff.removed);
    if diff.is_private {
        return counts + "  (not shown: some users of the image may not read it)";
    }
    counts
}

/// Prints the lines that change, with their numbers.
fn put_lines(f: &mut fmt::Formatter<'_>, diff: &TextDiff) -> fmt::Result {
    let numbers = diff.lines.iter().map(|line| line.number);
    let width = numbers.max().unwrap_or_default().to_string().len();
    let mut before: Option<&DiffLine> = None;
    for line in &diff.lines {
        let is_behind_a_gap = before.is_some_and(|before| {
            (before.change, line.change) == (Change::Kept, Change::Kept)
                && before.number + 1 != line.number
        });
        if is_behind_a_gap {
            writeln!(f, "            {:>width$}", "…")?;
        }
        let sign = match line.change {
            Change::Kept => ' ',
            change => change.sign(),
        };
        let end = if line.is_open {
            "  (no newline at the end)"
        } else {
            ""
        };
        let text = format!("{sign} {}{end}", line.text);
        // An empty line has no sign behind which a blank has to stand.
        let text = if line.text.is_empty() {
            text.trim_end()
        } else {
            &text
        };
        put(
            f,
            format_args!("            {:>width$} {text}", line.number),
        )?;
        before = Some(line);
    }
    if diff.more_lines > 0 && !diff.is_private {
        let n = diff.more_lines;
        let lines = if n == 1 { "line" } else { "lines" };
        writeln!(f, "            … and {n} more {lines}")?;
    }
    Ok(())
}

fn describe_layer(layer: &LayerSummary) -> String {
    let (sign, size) = (layer.change.sign(), bytes(layer.size));
    let was = layer.old_diff_id.map(|old| format!("  was {}", short(old)));
    let by = layer.compression.map(|name| format!("  by {name}"));
    let from = layer
        .from
        .as_ref()
        .map(|from| format!("  from {}", shown(from)));
    let line = format!("{sign} {}  {size:>9}", short(layer.diff_id));
    let rest = [was, by, from].into_iter().flatten();
    rest.fold(line, |line, part| line + &part)
}

/// An annotation is shown as a value of the configuration is.
pub(crate) fn annotation(edit: &AnnotationEdit) -> ConfigChange {
    let value = |text: &Option<String>| text.clone().map(serde_json::Value::from);
    let change = match (&edit.old, &edit.new) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        _ => Change::Changed,
    };
    ConfigChange {
        path: vec![edit.on.name().to_owned(), edit.key.clone()],
        change,
        old: value(&edit.old),
        new: value(&edit.new),
    }
}

pub(crate) fn describe(change: &ConfigChange) -> String {
    let path = change.path.iter().fold(String::new(), |path, key| {
        let is_plain = !key.is_empty()
            && key
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/'));
        let dot = if path.is_empty() { "" } else { "." };
        if is_plain {
            format!("{path}{dot}{key}")
        } else {
            format!("{path}[{}]", text(&key.as_str().into()))
        }
    });
    if let (None, Some(entry), "history") = (&change.old, &change.new, change.path[0].as_str())
        && let Some(created_by) = entry["created_by"].as_str()
    {
        let kind = if entry["empty_layer"] == true {
            " (configuration only)"
        } else {
            ""
        };
        return format!("{path}: {}{kind}", shown(created_by));
    }
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => format!("{path}: {} → {}", text(old), text(new)),
        (Some(value), None) | (None, Some(value)) => format!("{path}: {}", text(value)),
        (None, None) => path,
    }
}

/// A value on one line, cut where it is long.
fn text(value: &serde_json::Value) -> String {
    shown(&value.to_string())
}

/// A text that may be printed, cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    printable::line(&shown)
}

pub(crate) fn short(diff_id: DiffId) -> String {
    format!("sha256:{}", diff_id.short())
}

/// Bytes as `docker images` prints them: three digits and a decimal unit.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if n < 1000 {
        return format!("{n} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = n as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if value < 9.995 {
        2
    } else {
        usize::from(value < 99.95)
    };
    format!("{value:.digits$} {}", UNITS[unit])
}
