//! Which image is looked into.

use super::absent::{Absent, Unseen};
use crate::archive::{Archive, Image, Unread};
use crate::error::Error;
use crate::patch::ImagePattern;
use crate::platform::PlatformPattern;

/// More names than these are counted.
const MAX_NAMES: usize = 20;

/// What selects one image of an archive. The default selects the only one.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// A pattern over tags, or the start of an id.
    pub image: Option<ImagePattern>,
    /// A pattern over platforms.
    pub platform: Option<PlatformPattern>,
}

impl Selection {
    /// Returns the index of the image that this selects, as `target` of a patch does; it must be one.
    pub fn only(&self, archive: &Archive) -> Result<usize, Unseen> {
        self.refuse_unread(archive)?;
        let images = archive.images();
        let is_named = |image: &Image| {
            let pattern = self.image.as_ref();
            pattern.is_none_or(|pattern| selects(pattern, archive, image))
        };
        let named: Vec<usize> = (0..images.len())
            .filter(|&i| is_named(&images[i]))
            .collect();
        let Some(&first) = named.first() else {
            let help = list(images.iter().map(name), "there is no image at all");
            return Err(match &self.image {
                Some(pattern) => {
                    let message = format!("no image of the archive matches `{pattern}`");
                    Absent::with_help(message, help).into()
                }
                None => Absent::new("the archive contains no image".to_owned()).into(),
            });
        };
        let is_meant = |&&i: &&usize| {
            let pattern = self.platform.as_ref();
            pattern.is_none_or(|pattern| pattern.matches(&images[i].platform()))
        };
        let found: Vec<usize> = named.iter().filter(is_meant).copied().collect();
        let platforms = || list(named.iter().map(|&i| images[i].platform().to_string()), "");
        let Some(&only) = found.first() else {
            let pattern = self.platform.as_ref().map_or("", PlatformPattern::as_str);
            let message = format!("no selected image has the platform `{pattern}`");
            return Err(Absent::with_help(message, platforms()).into());
        };
        let is_same = |&i: &usize| images[i].image_id() == images[only].image_id();
        if found.iter().all(is_same) {
            return Ok(only);
        }
        let is_one = |&i: &usize| images[i].group() == images[first].group();
        let n = found.len();
        Err(if found.iter().all(is_one) {
            let message = format!("{} has {n} platforms", quoted(&images[only]));
            let help = format!("select one with `--platform`; {}", platforms());
            Absent::with_help(message, help)
        } else {
            let message = format!("{n} images of the archive match");
            let names = list(found.iter().map(|&i| name(&images[i])), "");
            Absent::with_help(message, format!("select one with `--image`; {names}"))
        }
        .into())
    }

    /// What cannot be read may be what is meant.
    fn refuse_unread(&self, archive: &Archive) -> Result<(), Error> {
        let is_meant = |unread: &&Unread| match &self.image {
            None => !unread.is_absent,
            Some(pattern) => pattern.means(&unread.tags(), unread.digest.as_ref()),
        };
        match archive.unread().iter().find(is_meant) {
            None => Ok(()),
            Some(unread) => {
                let what_to_do = match unread.error {
                    Error::Halves(_) => {
                        "; `--trust manifest.json` or `--trust index.json` selects a document"
                    }
                    _ => "",
                };
                Err(Error::NotAnImage {
                    place: unread.display_name(),
                    reason: format!("cannot be read: {}{what_to_do}", unread.error),
                })
            }
        }
    }
}

fn selects(pattern: &ImagePattern, archive: &Archive, image: &Image) -> bool {
    let root = archive.groups()[image.group()].root();
    let digests = [Some(image.image_id()), image.manifest_digest(), root];
    pattern.matches(image.tags(), digests.iter().flatten())
}

pub(super) fn name(image: &Image) -> String {
    match image.tags().first() {
        Some(tag) => tag.familiar(),
        None => format!("sha256:{}", image.image_id().short()),
    }
}

fn quoted(image: &Image) -> String {
    format!("`{}`", name(image))
}

/// "there is `a`, `b`", or `none` if there is nothing.
fn list(names: impl Iterator<Item = String>, none: &str) -> String {
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return none.to_owned();
    }
    let shown = names[..names.len().min(MAX_NAMES)].join(", ");
    match names.len() - names.len().min(MAX_NAMES) {
        0 => format!("there is {shown}"),
        more => format!("there is {shown} and {more} more"),
    }
}
