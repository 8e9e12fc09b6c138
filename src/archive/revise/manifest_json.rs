//! `manifest.json` of a revised archive: the old document with what changed, or one that lists the images anew.

use std::collections::{HashMap, HashSet};

use super::Derivation;
use crate::archive::Contents;
use crate::archive::dialect::Facts;
use crate::archive::dialect::state::{Files, Paths, State, StateLayer};
use crate::archive::documents::descriptor::is_by_digest;
use crate::archive::documents::items::ITEM_ORDER;
use crate::digest::{DiffId, Digest};
use crate::image::json::{ArrayEdit, Document, Value};
use crate::media_type::{self, PLAIN_LAYER};
use crate::reference::Reference;

/// Returns the document that lists `new` images by the paths of their `files`.
pub(super) fn new_manifest_json(facts: &Facts, new: &[State], files: &Files) -> Document {
    let item = |(state, paths): (&State, &Paths)| {
        Value::object([
            ("Config", Value::text(&paths.config)),
            ("RepoTags", facts.spell_all(&state.tags)),
            ("Layers", texts(&paths.layers)),
        ])
    };
    Document::new(Value::array(new.iter().zip(&files.paths).map(item)))
}

fn texts(texts: &[String]) -> Value {
    Value::array(texts.iter().map(|text| Value::text(text)))
}

/// Returns `manifest.json` in which every item says what its image has become.
pub(super) fn manifest_json(
    derivation: &Derivation<'_>,
    manifest: &Document,
    notes: &mut Vec<String>,
) -> Document {
    let Derivation {
        contents,
        old,
        new,
        new_files,
        ..
    } = *derivation;
    let mut document = manifest.clone();
    let naming = Naming::of(contents);
    let by_id = first_by_id(old);
    document.edit_root_array(|items| {
        // From the last one on, since an item may become two.
        for i in (0..contents.items.len()).rev() {
            let original = items.get(i).clone();
            // What cannot be read has no images, and stays as it is.
            let parts = parted(&contents.items[i].images, new, new_files);
            for (n, images) in parts.into_iter().enumerate() {
                if n > 0 {
                    items.insert(i + n, original.clone());
                }
                let item = Revised {
                    at: i + n,
                    tags: tags_of(contents, &naming, (i, n), &images, new),
                    image: images[0],
                };
                let was = names_by_digest(items.get(i + n));
                revise_item(items, &item, derivation);
                revise_parent(items, i + n, images[0], (old, new), &by_id, notes);
                let is = names_by_digest(items.get(i + n));
                let is: HashSet<String> = is.into_iter().collect();
                let gone = was.iter().filter(|name| !is.contains(*name));
                notes.extend(
                    gone.map(|name| format!("{name} is removed: the image has another digest")),
                );
            }
        }
    });
    document
}

/// An item of `manifest.json` as it is to be.
struct Revised {
    at: usize,
    /// The image that it describes; others that it describes as well are the same to it.
    image: usize,
    tags: Vec<Reference>,
}

/// Spells the names of an item: those that it has as they are, new ones as its writer does.
fn spell(item: &Value, tags: &[Reference], facts: &Facts) -> Value {
    if tags.is_empty() {
        return facts.spell_all(tags);
    }
    let there = item.get("RepoTags").and_then(Value::items);
    let there = there.into_iter().flatten().filter_map(|value| {
        let tag = Reference::parse(&value.as_text()?).ok()?;
        Some((tag, value))
    });
    let there: HashMap<Reference, &Value> = there.collect();
    let spelled = tags.iter().map(|tag| match there.get(tag) {
        Some(&value) => value.clone(),
        None => Value::text(&facts.spell(tag)),
    });
    Value::array(spelled)
}

/// Parts images that an item describes alike by what they have become.
fn parted(images: &[usize], new: &[State], files: &Files) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for &image in images {
        let is_alike = |part: &&mut Vec<usize>| {
            let other = part[0];
            new[other].image_id == new[image].image_id
                && files.paths[other].layers == files.paths[image].layers
        };
        match parts.iter_mut().find(is_alike) {
            Some(part) => part.push(image),
            None => parts.push(vec![image]),
        }
    }
    parts
}

/// Which items describe and name what.
struct Naming<'a> {
    /// For each image the first item that describes it, and how many do.
    items: HashMap<usize, (usize, usize)>,
    tags: HashSet<&'a Reference>,
}

impl<'a> Naming<'a> {
    fn of(contents: &'a Contents) -> Self {
        let mut items: HashMap<usize, (usize, usize)> = HashMap::new();
        for (i, item) in contents.items.iter().enumerate() {
            let images: HashSet<usize> = item.images.iter().copied().collect();
            for image in images {
                items.entry(image).or_insert((i, 0)).1 += 1;
            }
        }
        let tags = contents.items.iter().flat_map(|item| &item.tags);
        Self {
            items,
            tags: tags.collect(),
        }
    }
}

/// Returns the first image of each id.
fn first_by_id(states: &[State]) -> HashMap<Digest, usize> {
    let states = states.iter().enumerate().rev();
    states.map(|(i, state)| (state.image_id, i)).collect()
}

/// Returns the tags that part `n` of item `i` is to have: its own where it still has them, then what is new.
fn tags_of(
    contents: &Contents,
    naming: &Naming<'_>,
    (i, n): (usize, usize),
    images: &[usize],
    new: &[State],
) -> Vec<Reference> {
    let has_its_tags = |&image: &usize| new[image].tags == contents.images[image].tags;
    // What says nothing of tags goes on saying nothing.
    if contents.items[i].tags.is_empty() && images.iter().all(has_its_tags) {
        return Vec::new();
    }
    let (first, n_items) = naming.items[&images[0]];
    if let ([image], 1) = (images, n_items) {
        return new[*image].tags.clone();
    }
    let named: Vec<&Reference> = images.iter().flat_map(|&image| &new[image].tags).collect();
    let is_named: HashSet<&Reference> = named.iter().copied().collect();
    let old = contents.items[i].tags.iter();
    let mut tags: Vec<Reference> = old.filter(|tag| is_named.contains(tag)).cloned().collect();
    let mut has: HashSet<Reference> = tags.iter().cloned().collect();
    for tag in named {
        let is_new = n > 0 || first == i && !naming.tags.contains(tag);
        if is_new && has.insert(tag.clone()) {
            tags.push(tag.clone());
        }
    }
    tags
}

/// Returns the names of an item that are no tags, for messages.
fn names_by_digest(item: &Value) -> Vec<String> {
    let names = item.get("RepoTags").and_then(Value::items);
    let names = names.into_iter().flatten().filter_map(Value::as_text);
    names
        .filter(|name| is_by_digest(name))
        .map(|name| format!("`{name}`"))
        .collect()
}

fn revise_item(items: &mut ArrayEdit<'_>, item: &Revised, derivation: &Derivation<'_>) {
    let Revised { at, image, tags } = item;
    let (at, before, after) = (*at, &derivation.old[*image], &derivation.new[*image]);
    let was = &derivation.old_files.paths[*image];
    let paths = &derivation.new_files.paths[*image];
    if before.image_id != after.image_id {
        items.set(at, "Config", ITEM_ORDER, Value::text(&paths.config));
    }
    let there = items.get(at).get("RepoTags").and_then(Value::items);
    let there = there.into_iter().flatten().filter_map(Value::as_text);
    let is_other = before.image_id != after.image_id || was.layers != paths.layers;
    let is_stale = is_other && !names_by_digest(items.get(at)).is_empty();
    let there = there.filter_map(|tag| Reference::parse(&tag).ok());
    let says_so = there.eq(tags.iter().cloned());
    if is_stale || !says_so {
        let spelled = spell(items.get(at), tags, derivation.facts);
        items.set(at, "RepoTags", ITEM_ORDER, spelled);
    }
    if was.layers != paths.layers {
        items.set(at, "Layers", ITEM_ORDER, texts(&paths.layers));
    }
    if items.get(at).get("LayerSources").is_none() {
        return;
    }
    let still: HashSet<DiffId> = after.layers.iter().map(|layer| layer.diff_id).collect();
    let is_gone = |layer: &&StateLayer| !still.contains(&layer.diff_id);
    let gone = before.layers.iter().filter(is_gone);
    let mut gone: Vec<String> = gone.map(|layer| layer.diff_id.to_string()).collect();
    if derivation.is_repair {
        gone.extend(sources_of_others(items.get(at), &still));
    }
    for gone in gone {
        items.take_within(at, "LayerSources", &gone);
    }
    let bytes = |layer: &StateLayer| (layer.diff_id, layer.digest);
    let was: HashSet<_> = before.layers.iter().map(bytes).collect();
    for layer in &after.layers {
        if !layer.is_stored() && was.contains(&bytes(layer)) {
            continue;
        }
        let media_type = media_type::layer(layer.compression, false);
        let digest = layer.digest.expect("a new layer was hashed");
        let source = Value::object([
            ("mediaType", Value::text(media_type.unwrap_or(PLAIN_LAYER))),
            ("size", Value::number(layer.size)),
            ("digest", Value::text(&digest.to_string())),
        ]);
        items.set_within(at, "LayerSources", &layer.diff_id.to_string(), source);
    }
}

/// Returns the keys of `LayerSources` that are no layers of the image.
fn sources_of_others(item: &Value, still: &HashSet<DiffId>) -> Vec<String> {
    let sources = item.get("LayerSources").and_then(Value::members);
    let keys = sources
        .into_iter()
        .flatten()
        .map(|(key, _)| key.into_owned());
    keys.filter(|key| DiffId::parse(key).map_or(true, |diff_id| !still.contains(&diff_id)))
        .collect()
}

/// `Parent` names the image that this one was built on, if that is in the archive. Docker refuses to load a child
/// whose history is not its parent's and one entry more (image/tarexport/load.go, `checkValidParent`), so a link that
/// no longer holds is dropped.
fn revise_parent(
    items: &mut ArrayEdit<'_>,
    i: usize,
    image: usize,
    (old, new): (&[State], &[State]),
    by_id: &HashMap<Digest, usize>,
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
    let Some(&p) = by_id.get(&parent) else {
        return;
    };
    if new[p].image_id == parent && new[image].image_id == old[image].image_id {
        return;
    }
    let child: Vec<&Value> = new[image].config.history().collect();
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
        let name = new[image]
            .tags
            .first()
            .map_or_else(|| new[image].image_id.short(), Reference::familiar);
        notes.push(format!(
            "`{name}` no longer names its parent image: their histories differ now"
        ));
    }
}
