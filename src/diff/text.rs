//! A difference as text for people.

use std::fmt;

use super::{Difference, FileDifference, FileSide, ImageDifference, Property};
use crate::apply::{ConfigChange, annotation, bytes, put_changes, put_id, short, shown};
use crate::page::{Page, Paint, View};
use crate::plan::Change;

impl Difference {
    /// Returns the text of `ocipatch diff`.
    #[must_use]
    pub fn text(&self, view: View) -> String {
        let mut page = Page::new(view);
        if !self.changed {
            page.put(0, Paint::Plain, "nothing differs");
            return page.into_text();
        }
        let is_told = |image: &&ImageDifference| image.change != Change::Kept;
        for (i, image) in self.images.iter().filter(is_told).enumerate() {
            if i > 0 {
                page.gap();
            }
            image.put(&mut page);
        }
        if !self.others.is_empty() {
            if self.images.iter().any(|image| is_told(&image)) {
                page.gap();
            }
            page.put(0, Paint::Heading, "others");
        }
        for other in &self.others {
            let digest = other.digest.short();
            put(
                &mut page,
                other.change,
                &format!("sha256:{digest}  {}", other.kind),
                2,
            );
        }
        let n_kept = self.images.len() - self.images.iter().filter(is_told).count();
        if n_kept > 0 {
            let n = self.images.len();
            page.gap();
            page.put(
                0,
                Paint::Plain,
                format!("{n_kept} of {n} images do not differ"),
            );
        }
        page.into_text()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(View::default()))
    }
}

impl ImageDifference {
    fn put(&self, page: &mut Page) {
        let place = match self.change {
            Change::Removed => ": only in the old archive",
            Change::Added => ": only in the new archive",
            _ => "",
        };
        let (name, platform) = (shown(&self.name), shown(&self.platform));
        page.put(
            0,
            Paint::Heading,
            format!("image {name} ({platform}){place}"),
        );
        put_changes(page, "config", &self.config);
        put_changes(page, "history", &self.history);
        let annotations: Vec<ConfigChange> = self.annotations.iter().map(annotation).collect();
        put_changes(page, "annotations", &annotations);
        if self.layers.iter().any(|layer| layer.change != Change::Kept) {
            page.put(2, Paint::Plain, "layers");
            for layer in &self.layers {
                let size = bytes(layer.size);
                let line = format!("{}  {size:>9}", short(layer.diff_id));
                put(page, layer.change, &line, 4);
            }
        }
        if self.tags.iter().any(|tag| tag.change != Change::Kept) {
            page.put(2, Paint::Plain, "tags");
            for tag in &self.tags {
                put(page, tag.change, &tag.tag.to_string(), 4);
            }
        }
        let files = self.files.as_deref().unwrap_or_default();
        if !files.is_empty() {
            page.put(2, Paint::Plain, "files");
        }
        for file in files {
            put(page, file.change, &describe_file(file), 4);
        }
        self.put_ids(page);
    }

    fn put_ids(&self, page: &mut Page) {
        if let Some(old) = self
            .old_image_id
            .filter(|_| self.old_image_id != self.image_id)
        {
            put_id(page, "was", &old, Paint::Quiet);
        }
        if let Some(id) = self.image_id {
            put_id(page, "image id", &id, Paint::Plain);
        }
        for (name, old, new) in [
            ("manifest", self.old_manifest_digest, self.manifest_digest),
            ("index", self.old_index_digest, self.index_digest),
        ] {
            if let Some((old, new)) = old.zip(new) {
                put_id(page, "was", &old, Paint::Quiet);
                put_id(page, name, &new, Paint::Plain);
            }
        }
    }
}

fn put(page: &mut Page, change: Change, line: &str, indent: usize) {
    page.line(indent, &[change.mark(), (change.paint(), line.to_owned())]);
}

fn describe_file(file: &FileDifference) -> String {
    let what = match (&file.old, &file.new) {
        (Some(old), Some(new)) => {
            let property = |property: &Property| property.describe(old, new);
            let all: Vec<String> = file.differs.iter().map(property).collect();
            all.join(", ")
        }
        (Some(side), None) | (None, Some(side)) => side.describe(),
        (None, None) => String::new(),
    };
    format!("{}: {what}", shown(&file.path))
}

impl FileSide {
    fn describe(&self) -> String {
        let owner = format!("{} {}:{}", self.mode, self.uid, self.gid);
        match (&self.target, self.kind) {
            (Some(target), _) => format!("symlink to {}", shown(target)),
            (None, "file") => format!("file {owner} {}", bytes(self.size)),
            (None, kind) => match &self.device {
                Some(device) => format!("{kind} {device} {owner}"),
                None => format!("{kind} {owner}"),
            },
        }
    }
}

impl Property {
    fn describe(self, old: &FileSide, new: &FileSide) -> String {
        let target = |side: &FileSide| shown(side.target.as_deref().unwrap_or_default());
        let device = |side: &FileSide| side.device.clone().unwrap_or_else(|| "none".to_owned());
        match self {
            Self::Kind => format!("{} → {}", old.kind, new.kind),
            Self::Mode => format!("mode {} → {}", old.mode, new.mode),
            Self::Owner => {
                let (old, new) = ((old.uid, old.gid), (new.uid, new.gid));
                format!("owner {}:{} → {}:{}", old.0, old.1, new.0, new.1)
            }
            Self::Size => format!("size {} → {}", bytes(old.size), bytes(new.size)),
            Self::Content => "content".to_owned(),
            Self::Target => format!("target {} → {}", target(old), target(new)),
            Self::Device => format!("device {} → {}", device(old), device(new)),
            Self::Xattrs => "extended attributes".to_owned(),
        }
    }
}
