//! A difference as text for people.

use std::fmt;

use super::{Difference, FileDifference, FileSide, ImageDifference, Property};
use crate::apply::{annotation, bytes, describe, short, shown};
use crate::plan::Change;
use crate::printable::put;

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.changed {
            return writeln!(f, "nothing differs");
        }
        let is_told = |image: &&ImageDifference| image.change != Change::Kept;
        for (i, image) in self.images.iter().filter(is_told).enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            image.fmt(f)?;
        }
        if !self.others.is_empty() {
            let is_first = !self.images.iter().any(|image| is_told(&image));
            writeln!(f, "{}others", if is_first { "" } else { "\n" })?;
        }
        for other in &self.others {
            let (sign, digest) = (other.change.sign(), other.digest.short());
            put(f, format_args!("  {sign} sha256:{digest}  {}", other.kind))?;
        }
        let n_kept = self.images.len() - self.images.iter().filter(is_told).count();
        if n_kept > 0 {
            writeln!(
                f,
                "\n{n_kept} of {} images do not differ",
                self.images.len()
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for ImageDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.change {
            Change::Removed => ": only in the old archive",
            Change::Added => ": only in the new archive",
            _ => "",
        };
        let (name, platform) = (shown(&self.name), shown(&self.platform));
        put(f, format_args!("image {name} ({platform}){place}"))?;
        section(f, "config", &self.config, |change| {
            format!("{} {}", change.change.sign(), describe(change))
        })?;
        section(f, "history", &self.history, |change| {
            format!("{} {}", change.change.sign(), describe(change))
        })?;
        section(f, "annotations", &self.annotations, |edit| {
            let change = annotation(edit);
            format!("{} {}", change.change.sign(), describe(&change))
        })?;
        if self.layers.iter().any(|layer| layer.change != Change::Kept) {
            section(f, "layers", &self.layers, |layer| {
                let (sign, size) = (layer.change.sign(), bytes(layer.size));
                format!("{sign} {}  {size:>9}", short(layer.diff_id))
            })?;
        }
        if self.tags.iter().any(|tag| tag.change != Change::Kept) {
            section(f, "tags", &self.tags, |tag| {
                format!("{} {}", tag.change.sign(), tag.tag)
            })?;
        }
        section(f, "files", self.files.as_deref().unwrap_or_default(), file)?;
        if let Some(old) = self
            .old_image_id
            .filter(|_| self.old_image_id != self.image_id)
        {
            writeln!(f, "  was       {old}")?;
        }
        self.image_id
            .map_or(Ok(()), |id| writeln!(f, "  image id  {id}"))?;
        for (name, old, new) in [
            ("manifest", self.old_manifest_digest, self.manifest_digest),
            ("index", self.old_index_digest, self.index_digest),
        ] {
            if let Some((old, new)) = old.zip(new) {
                writeln!(f, "  was       {old}\n  {name:9} {new}")?;
            }
        }
        Ok(())
    }
}

fn section<T>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    items: &[T],
    line: impl Fn(&T) -> String,
) -> fmt::Result {
    if !items.is_empty() {
        writeln!(f, "  {name}")?;
    }
    items
        .iter()
        .try_for_each(|item| put(f, format_args!("    {}", line(item))))
}

fn file(file: &FileDifference) -> String {
    let what = match (&file.old, &file.new) {
        (Some(old), Some(new)) => {
            let property = |property: &Property| property.describe(old, new);
            let all: Vec<String> = file.differs.iter().map(property).collect();
            all.join(", ")
        }
        (Some(side), None) | (None, Some(side)) => side.describe(),
        (None, None) => String::new(),
    };
    format!("{} {}: {what}", file.change.sign(), shown(&file.path))
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
