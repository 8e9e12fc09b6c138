//! A summary as text for people.

use std::fmt;

use super::layer_summary::{FileSummary, LayerSummary};
use super::summary::{ConfigChange, ImageSummary, Summary};
use super::{text_lines, total, value};
use crate::annotation::AnnotationEdit;
use crate::digest::DiffId;
use crate::page::{Page, Paint, Part, View};
use crate::plan::Change;
use crate::printable;

/// How many changed files the text shows for one layer, unless it shows everything.
const MAX_SHOWN_FILES: usize = 20;
/// How much of a name the text shows. In characters.
const MAX_SHOWN_CHARS: usize = 100;
/// The bar beside the largest layer. In columns.
const BAR: u64 = 10;

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

    pub(crate) fn paint(self) -> Paint {
        match self {
            Self::Added => Paint::Added,
            Self::Changed => Paint::Changed,
            Self::Removed => Paint::Removed,
            Self::Kept => Paint::Quiet,
        }
    }

    /// Returns the sign as the start of a line.
    pub(crate) fn mark(self) -> Part {
        (self.paint(), format!("{} ", self.sign()))
    }
}

impl Summary {
    /// Returns the text of `ocipatch plan`.
    #[must_use]
    pub fn text(&self, view: View) -> String {
        let mut page = Page::new(view);
        let is_told = |image: &&ImageSummary| image.changed || self.images.len() == 1;
        for (i, image) in self.images.iter().filter(is_told).enumerate() {
            if i > 0 {
                page.gap();
            }
            image.put(&mut page);
        }
        let n_unchanged = self.images.iter().filter(|image| !image.changed).count();
        if self.images.len() > 1 && n_unchanged > 0 {
            let n = self.images.len();
            page.gap();
            let line = format!("{n_unchanged} of {n} images stay as they are");
            page.put(0, Paint::Plain, line);
        }
        for note in &self.notes {
            page.prose(0, (Paint::Note, "note"), note);
        }
        page.put(0, Paint::Heading, total::line(self));
        page.into_text()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(View::default()))
    }
}

impl ImageSummary {
    pub(super) fn put(&self, page: &mut Page) {
        let name = shown(&self.name);
        let platform = match self.index_digest {
            Some(_) => format!(" ({})", shown(&self.platform)),
            None => String::new(),
        };
        page.put(0, Paint::Heading, format!("image {name}{platform}"));
        if !self.changed {
            let line = "nothing changes: the image is already as the patch describes it";
            page.put(2, Paint::Plain, line);
        }
        put_changes(page, "config", &self.config);
        let annotations: Vec<ConfigChange> = self.annotations.iter().map(annotation).collect();
        put_changes(page, "annotations", &annotations);
        if self.changed {
            self.put_layers(page);
            self.put_tags(page);
        }
        for note in &self.notes {
            page.prose(2, (Paint::Note, "note"), note);
        }
        self.put_ids(page);
    }

    fn put_layers(&self, page: &mut Page) {
        page.put(2, Paint::Plain, "layers");
        let largest = self.layers.iter().map(|layer| layer.size).max();
        let largest = largest.filter(|_| self.layers.len() > 1);
        for layer in &self.layers {
            put_layer(page, layer, largest.unwrap_or_default());
        }
    }

    fn put_tags(&self, page: &mut Page) {
        if !self.tags.is_empty() {
            page.put(2, Paint::Plain, "tags");
        }
        for tag in &self.tags {
            let name = (tag.change.paint(), tag.tag.to_string());
            page.line(4, &[tag.change.mark(), name]);
        }
    }

    /// Digests stand at the edge, so that they fit into 80 columns.
    fn put_ids(&self, page: &mut Page) {
        let was = Some(self.old_image_id).filter(|old| *old != self.image_id);
        for (name, digest, paint) in [
            ("was", was, Paint::Quiet),
            ("image id", Some(self.image_id), Paint::Plain),
            ("manifest", self.manifest_digest, Paint::Plain),
            ("index", self.index_digest, Paint::Plain),
        ] {
            if let Some(digest) = digest {
                put_id(page, name, &digest, paint);
            }
        }
    }
}

/// Adds a digest behind what it is of.
pub(crate) fn put_id(page: &mut Page, name: &str, digest: &impl fmt::Display, paint: Paint) {
    page.put(0, paint, format!("{name:8} {digest}"));
}

/// Adds values that change, below a heading.
pub(crate) fn put_changes(page: &mut Page, heading: &str, changes: &[ConfigChange]) {
    if !changes.is_empty() {
        page.put(2, Paint::Plain, heading);
    }
    for change in changes {
        put_change(page, change);
    }
}

fn put_layer(page: &mut Page, layer: &LayerSummary, largest: u64) {
    let paint = layer.change.paint();
    let size = bytes(layer.size);
    let line = format!("{}  {size:>9}", short(layer.diff_id));
    let mut parts = vec![layer.change.mark(), (paint, line)];
    if largest > 0 {
        parts.push((
            paint,
            format!(
                "  {:width$}",
                bar(layer.size, largest),
                width = usize::try_from(BAR).unwrap_or_default()
            ),
        ));
    }
    let was = layer.old_diff_id.map(|old| format!("  was {}", short(old)));
    let by = layer.compression.map(|name| format!("  by {name}"));
    let from = layer
        .from
        .as_ref()
        .map(|from| format!("  from {}", shown(from)));
    let rest = [was, by, from].into_iter().flatten();
    parts.extend(rest.map(|part| (Paint::Plain, part)));
    page.line(4, &parts);
    let n_shown = if page.view.is_full {
        layer.files.len()
    } else {
        layer.files.len().min(MAX_SHOWN_FILES)
    };
    for file in &layer.files[..n_shown] {
        put_file(page, file);
    }
    if layer.files.len() > n_shown {
        let n_more = layer.files.len() - n_shown;
        page.put(8, Paint::Quiet, format!("… and {n_more} more"));
    }
}

fn put_file(page: &mut Page, file: &FileSummary) {
    let mut parts = vec![file.change.mark(), (file.change.paint(), shown(&file.path))];
    let detail = file.detail.as_deref().map(shown);
    let counts = file.diff.as_ref().map(text_lines::counts);
    let details = detail.into_iter().chain(counts);
    parts.extend(details.map(|detail| (Paint::Plain, format!("  {detail}"))));
    page.line(8, &parts);
    if let Some(diff) = &file.diff {
        text_lines::put(page, 12, diff);
    }
}

/// How large a layer is, beside the largest one; what is there can be seen.
fn bar(size: u64, largest: u64) -> String {
    let n = u128::from(size) * u128::from(BAR);
    let n = n.div_ceil(u128::from(largest.max(1)));
    "█".repeat(usize::try_from(n).unwrap_or_default())
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

fn put_change(page: &mut Page, change: &ConfigChange) {
    let path = path(&change.path);
    if let (None, Some(entry), "history") = (&change.old, &change.new, change.path[0].as_str())
        && let Some(created_by) = entry["created_by"].as_str()
    {
        let kind = if entry["empty_layer"] == true {
            " (configuration only)"
        } else {
            ""
        };
        let created_by = value::cut(created_by.to_owned(), page.view.is_full);
        let line = format!("{path}: {created_by}{kind}");
        return page.line(4, &[change.change.mark(), (change.change.paint(), line)]);
    }
    let name = [
        change.change.mark(),
        (change.change.paint(), path),
        (Paint::Plain, ": ".to_owned()),
    ];
    value::put_change(page, 4, &name, (change.old.as_ref(), change.new.as_ref()));
}

/// Returns a change on one line.
pub(crate) fn describe(change: &ConfigChange) -> String {
    let path = path(&change.path);
    match value::on_one_line((change.old.as_ref(), change.new.as_ref())) {
        value if value.is_empty() => path,
        value => format!("{path}: {value}"),
    }
}

/// Keys and indices from the root, as `jq` takes them.
fn path(keys: &[String]) -> String {
    keys.iter().fold(String::new(), |path, key| {
        let is_plain = !key.is_empty()
            && key
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/'));
        let dot = if path.is_empty() { "" } else { "." };
        if is_plain {
            format!("{path}{dot}{key}")
        } else {
            format!(
                "{path}[{}]",
                shown(&serde_json::Value::from(key.as_str()).to_string())
            )
        }
    })
}

/// A name that may be printed, cut where it is long.
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

#[cfg(test)]
mod tests {
    use super::{AnnotationEdit, Change, annotation, bytes};
    use crate::annotation::AnnotationPlace;

    #[test]
    fn an_annotation_comes_goes_or_is_another() {
        let text = |text: &str| Some(text.to_owned());
        for (old, new, change) in [
            (None, text("a"), Change::Added),
            (text("a"), None, Change::Removed),
            (text("a"), text("b"), Change::Changed),
        ] {
            let edit = AnnotationEdit {
                on: AnnotationPlace::Manifest,
                key: "key".to_owned(),
                old,
                new,
            };
            assert_eq!(annotation(&edit).change, change);
        }
    }

    #[test]
    fn bytes_have_three_digits_and_a_unit() {
        for (n, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (9_994, "9.99 kB"),
            (9_995, "10.0 kB"),
            (99_949, "99.9 kB"),
            (99_951, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (12_345_678, "12.3 MB"),
            (2_500_000_000, "2.50 GB"),
            (7_000_000_000_000, "7.00 TB"),
            (7_000_000_000_000_000, "7.00 PB"),
            (7_000_000_000_000_000_000, "7000 PB"),
        ] {
            assert_eq!(bytes(n), expected);
        }
    }
}
