//! A summary as text for people.

use std::fmt;

use super::summary::{ConfigChange, ImageSummary, Summary};
use crate::annotation::AnnotationEdit;
use crate::digest::DiffId;
use crate::plan::Change;

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
        for note in &self.notes {
            writeln!(f, "note: {}", printable(note))?;
        }
        Ok(())
    }
}

impl fmt::Display for ImageSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = shown(&self.name);
        match self.index_digest {
            Some(_) => writeln!(f, "image {name} ({})", shown(&self.platform))?,
            None => writeln!(f, "image {name}")?,
        }
        if !self.changed {
            writeln!(
                f,
                "  nothing changes: every operation finds the image as it wants it"
            )?;
        }
        if !self.config.is_empty() {
            writeln!(f, "  config")?;
            for change in &self.config {
                writeln!(f, "    {} {}", change.change.sign(), describe(change))?;
            }
        }
        if !self.annotations.is_empty() {
            writeln!(f, "  annotations")?;
            for edit in &self.annotations {
                let change = annotation(edit);
                writeln!(f, "    {} {}", change.change.sign(), describe(&change))?;
            }
        }
        if self.changed {
            writeln!(f, "  layers")?;
            for layer in &self.layers {
                write!(
                    f,
                    "    {} {}  {:>9}",
                    layer.change.sign(),
                    short(layer.diff_id),
                    bytes(layer.size)
                )?;
                if let Some(old) = layer.old_diff_id {
                    write!(f, "  was {}", short(old))?;
                }
                if let Some(compression) = layer.compression {
                    write!(f, "  by {compression}")?;
                }
                if let Some(from) = &layer.from {
                    write!(f, "  from {}", shown(from))?;
                }
                writeln!(f)?;
                for file in layer.files.iter().take(MAX_SHOWN_FILES) {
                    write!(f, "        {} {}", file.change.sign(), shown(&file.path))?;
                    match &file.detail {
                        Some(detail) => writeln!(f, "  {}", shown(detail))?,
                        None => writeln!(f)?,
                    }
                }
                if layer.files.len() > MAX_SHOWN_FILES {
                    writeln!(
                        f,
                        "        … and {} more",
                        layer.files.len() - MAX_SHOWN_FILES
                    )?;
                }
            }
            if !self.tags.is_empty() {
                writeln!(f, "  tags")?;
                for tag in &self.tags {
                    writeln!(f, "    {} {}", tag.change.sign(), tag.tag)?;
                }
            }
        }
        for note in &self.notes {
            writeln!(f, "  note: {}", printable(note))?;
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

/// A value on one line, cut where it is long; JSON escapes what a terminal would act on.
fn text(value: &serde_json::Value) -> String {
    shown(&value.to_string())
}

/// A text that is safe to print, cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    printable(&shown)
}

/// A text whose control characters are escaped.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    printable
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
