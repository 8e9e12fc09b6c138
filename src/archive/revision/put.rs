//! What a revision puts into the draft of the new archive, and what it leaves out.

use std::collections::HashMap;

use super::dating::{mtime_of, redated};
use crate::archive::Archive;
use crate::archive::draft::Content;
use crate::archive::draft::drafting::Drafting;
use crate::archive::form::state::{Derived, DerivedContent, Files, LayerData, Role, State};
use crate::error::Error;

/// Has the draft hold the new files and none of the old ones that are no more.
pub(super) fn put_files(
    drafting: &mut Drafting<'_>,
    archive: &Archive,
    old_files: &Files,
    new_files: Files,
    new: &[State],
) -> Result<(), Error> {
    for file in &old_files.derived {
        if new_files.get(&file.name).is_none() {
            drafting.remove(&file.name);
        }
    }
    let parts: HashMap<Role, &Derived> = old_files
        .derived
        .iter()
        .map(|file| (file.role, file))
        .collect();
    for file in new_files.derived {
        let held = archive.source.find(&file.name);
        if let Some(index) = held
            && archive.holds(index, &file.content)?
        {
            // Of a file that images share, the first image dates it; that can be another one now.
            let was = old_files.get(&file.name);
            let mtime = was.and_then(|was| redated(archive, index, was, &file, new));
            if let Some(mtime) = mtime {
                let content = match file.content {
                    DerivedContent::Directory => Content::Directory,
                    _ => Content::Entry(index),
                };
                drafting.put(&file.name, content, index, mtime);
            }
            continue;
        }
        let was = old_files.get(&file.name);
        if held.is_some() && was.is_some_and(|was| was.content == file.content) {
            // Derived as before, and not what is there: its writer had other rules, and nothing about it changes.
            continue;
        }
        let model = model_of(&parts, file.role, archive);
        let mtime = mtime_of(archive, model, &parts, &file, new);
        let content = match file.content {
            DerivedContent::Directory => Content::Directory,
            DerivedContent::Bytes(bytes) => Content::Bytes(bytes),
            DerivedContent::Symlink(target) => Content::Symlink(target),
            DerivedContent::Layer(LayerData::Kept { entry, .. }, _) => Content::Entry(entry),
            DerivedContent::Layer(LayerData::Added(i), _) => Content::Layer(i),
        };
        drafting.put(&file.name, content, model, mtime);
    }
    Ok(())
}

/// Has the draft hold a document, unless it is there already.
pub(super) fn put_document(
    drafting: &mut Drafting<'_>,
    archive: &Archive,
    name: &str,
    bytes: Vec<u8>,
) -> Result<(), Error> {
    let model = archive
        .source
        .find(name)
        .or_else(|| archive.source.find("manifest.json"));
    let model = model.expect("`repositories` is new only beside a manifest.json");
    let is_same = archive
        .source
        .find(name)
        .is_some_and(|index| index == model)
        && archive.holds(model, &DerivedContent::Bytes(bytes.clone()))?;
    if !is_same {
        drafting.put(
            name,
            Content::Bytes(bytes),
            model,
            archive.source.entries()[model].mtime,
        );
    }
    Ok(())
}

/// The old entry whose header a new file takes: the same part of the same image, of the layer below where that is
/// new, else the image's configuration.
fn model_of(parts: &HashMap<Role, &Derived>, role: Role, archive: &Archive) -> usize {
    let mut part = Some(role.part);
    while let Some(wanted) = part {
        let file = parts.get(&Role {
            image: role.image,
            part: wanted,
        });
        if let Some(index) = file.and_then(|file| archive.source.find(&file.name)) {
            return index;
        }
        part = wanted.below();
    }
    archive.images[role.image].config_entry
}
