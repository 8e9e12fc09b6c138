//! `manifest.json` and `repositories` of a revised archive: the old documents with what changed.

use super::docker::ITEM_ORDER;
use super::index::PLAIN_LAYER;
use super::state::{Files, LayerData, State};
use super::{Archive, Dialect};
use crate::digest::Digest;
use crate::image::json::{ArrayEdit, Document, Value};
use crate::reference::Reference;

/// Returns `manifest.json` in which every item says what its image has become.
pub(super) fn manifest_json(
    archive: &Archive,
    manifest: &Document,
    old: &[State],
    new: &[State],
    files: &Files,
    notes: &mut Vec<String>,
) -> Document {
    let mut document = manifest.clone();
    let texts = |texts: &[String]| Value::array(texts.iter().map(|text| Value::text(text)));
    document.edit_root_array(|items| {
        for (i, (before, after)) in old.iter().zip(new).enumerate() {
            let paths = &files.paths[i];
            if before.image_id != after.image_id {
                items.set(i, "Config", ITEM_ORDER, Value::text(&paths.config));
            }
            if before.tags != after.tags {
                let tags: Vec<String> = after
                    .tags
                    .iter()
                    .map(|tag| archive.dialect.spell(tag))
                    .collect();
                let is_null = tags.is_empty() && archive.dialect != Dialect::ContainersImage;
                let value = if is_null { Value::null() } else { texts(&tags) };
                items.set(i, "RepoTags", ITEM_ORDER, value);
            }
            let layers: Vec<&String> = archive.images[i]
                .layers
                .iter()
                .map(|layer| &layer.path)
                .collect();
            if layers != paths.layers.iter().collect::<Vec<_>>() {
                items.set(i, "Layers", ITEM_ORDER, texts(&paths.layers));
            }
            if items.get(i).get("LayerSources").is_some() {
                for layer in after
                    .layers
                    .iter()
                    .filter(|layer| matches!(layer.data, LayerData::Added(_)))
                {
                    let digest = layer.diff_id.to_string();
                    let source = Value::object([
                        ("mediaType", Value::text(PLAIN_LAYER)),
                        ("size", Value::number(layer.size)),
                        ("digest", Value::text(&digest)),
                    ]);
                    items.set_within(i, "LayerSources", &digest, source);
                }
            }
        }
        for i in 0..items.len() {
            revise_parent(items, i, old, new, notes);
        }
    });
    document
}

/// `Parent` names the image that this one was built on, if that is in the archive. Docker refuses to load a child
/// whose history is not its parent's and one entry more (image/tarexport/load.go, `checkValidParent`), so a link that
/// no longer holds is dropped.
fn revise_parent(
    items: &mut ArrayEdit<'_>,
    i: usize,
    old: &[State],
    new: &[State],
    notes: &mut Vec<String>,
) {
    let Some(parent) = items
        .get(i)
        .get("Parent")
        .and_then(Value::as_text)
        .and_then(|id| Digest::parse(&id).ok())
    else {
        return;
    };
    let Some(p) = old.iter().position(|state| state.image_id == parent) else {
        return;
    };
    if new[p].image_id == parent && new[i].image_id == old[i].image_id {
        return;
    }
    let child: Vec<&Value> = new[i].config.history().collect();
    let ancestor: Vec<&Value> = new[p].config.history().collect();
    let holds =
        child.len() == ancestor.len() + 1 && ancestor.iter().zip(&child).all(|(a, b)| a.means(b));
    if holds {
        items.set(
            i,
            "Parent",
            ITEM_ORDER,
            Value::text(&new[p].image_id.to_string()),
        );
    } else {
        items.take(i, "Parent");
        let name = new[i]
            .tags
            .first()
            .map_or_else(|| new[i].image_id.short(), Reference::familiar);
        notes.push(format!(
            "`{name}` no longer names its parent image: their histories differ now"
        ));
    }
}

/// Returns the new `repositories`; nothing where the archive is to have none.
pub(super) fn repositories(
    archive: &Archive,
    old: &[State],
    new: &[State],
    old_files: &Files,
    new_files: &Files,
) -> Option<Document> {
    let was_untagged = old.iter().all(|state| state.tags.is_empty());
    let mut document = match &archive.repositories {
        Some(document) => document.clone(),
        // Docker leaves the file out where no image has a tag; others never write it.
        None if archive.dialect.is_docker()
            && was_untagged
            && new.iter().any(|state| !state.tags.is_empty()) =>
        {
            Document::new(Value::object([])).with_newline()
        }
        None => return None,
    };
    for (i, (before, after)) in old.iter().zip(new).enumerate() {
        let top = &new_files.paths[i].top;
        if before.tags == after.tags && old_files.paths[i].top == *top {
            continue;
        }
        // A tag that moves to another image is that one's to write, whichever comes first.
        let is_gone = |tag: &&Reference| new.iter().all(|state| !state.tags.contains(tag));
        for tag in before.tags.iter().filter(is_gone) {
            let repository = archive.dialect.spell_repository(tag);
            document.remove(&[&repository], tag.tag());
            if document
                .root
                .get(&repository)
                .and_then(Value::members)
                .is_some_and(|tags| tags.len() == 0)
            {
                document.remove(&[], &repository);
            }
        }
        for tag in &after.tags {
            document.set(
                &[&archive.dialect.spell_repository(tag)],
                tag.tag(),
                &[],
                Value::text(top),
            );
        }
    }
    let is_empty = document
        .root
        .members()
        .is_some_and(|members| members.len() == 0);
    Some(document).filter(|_| !is_empty || !archive.dialect.is_docker())
}
