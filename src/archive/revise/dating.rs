//! The times of new entries: no clock, only what the images and the old entries say.

use std::collections::HashMap;

use crate::archive::Contents;
use crate::archive::dialect::state::{Derived, Role, Stamp, State};
use crate::image::Config;
use crate::timestamp::Timestamp;

fn created_seconds(config: &Config) -> Option<i64> {
    config.created().map(Timestamp::unix_seconds)
}

/// The time of a new file: its image's creation where that is what the archive has, else its model's.
pub(super) fn mtime_of(
    contents: &Contents,
    model: usize,
    parts: &HashMap<Role, &Derived>,
    file: &Derived,
    new: &[State],
) -> i64 {
    let mtime_of_model = contents.source.entries()[model].mtime;
    // A layout of artifacts has no images.
    let Some(image) = contents.images.get(file.role.image) else {
        return mtime_of_model;
    };
    let follows_creation =
        created_seconds(&image.config) == Some(contents.source.entries()[image.config_entry].mtime);
    let is_like_model = parts
        .get(&file.role)
        .is_some_and(|old| old.stamp == file.stamp);
    match (file.stamp, created_seconds(&new[file.role.image].config)) {
        (Stamp::Created, Some(created)) if follows_creation => created,
        (Stamp::Saved, Some(created)) if follows_creation && !is_like_model => created,
        _ => mtime_of_model,
    }
}

/// The time that a file that stays has to get, where that is another than it has.
pub(super) fn redated(
    contents: &Contents,
    index: usize,
    was: &Derived,
    file: &Derived,
    new: &[State],
) -> Option<i64> {
    let mtime = contents.source.entries()[index].mtime;
    let image = contents.images.get(was.role.image)?;
    let before = created_seconds(&image.config);
    let after = created_seconds(&new[file.role.image].config);
    let was_dated_by_image = was.stamp == Stamp::Created && before == Some(mtime);
    let was_dated_by_save = was.stamp == Stamp::Saved
        && before == Some(contents.source.entries()[image.config_entry].mtime);
    let is_dated_by_image =
        file.stamp == Stamp::Created && (was_dated_by_image || was_dated_by_save);
    after.filter(|&after| is_dated_by_image && after != mtime)
}
