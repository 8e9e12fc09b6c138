//! `manifest.json` and `repositories` of a revised archive: the old documents with what changed.

use std::collections::{HashMap, HashSet};

use crate::archive::form::descriptor::is_by_digest;
use crate::archive::form::docker::ITEM_ORDER;
use crate::archive::form::state::{Files, LayerData, Paths, State, StateLayer};
use crate::archive::{Archive, Dialect};
use crate::digest::{DiffId, Digest};
use crate::image::json::{ArrayEdit, Document, Value};
use crate::media_type::{self, PLAIN_LAYER};
use crate::reference::Reference;

/// Returns `manifest.json` in which every item says what its image has become.
pub(in crate::archive) fn manifest_json(
    archive: &Archive,
    manifest: &Document,
    (old, new): (&[State], &[State]),
    (old_files, files): (&Files, &Files),
    notes: &mut Vec<String>,
) -> Document {
    let mut document = manifest.clone();
    let naming = Naming::of(archive);
    let by_id = first_by_id(old);
    document.edit_root_array(|items| {
        // From the last one on, since an item may become two.
        for i in (0..archive.items.len()).rev() {
            let original = items.get(i).clone();
            let parts = parted(&archive.items[i].images, new, files);
            for (n, images) in parts.into_iter().enumerate() {
                if n > 0 {
                    items.insert(i + n, original.clone());
                }
                let item = Revised {
                    at: i + n,
                    tags: tags_of(archive, &naming, (i, n), &images, new),
                    image: images[0],
                };
                let was = names_by_digest(items.get(i + n));
                revise_item(items, &item, archive, (old, new), (old_files, files));
                let is = names_by_digest(items.get(i + n));
                let is: HashSet<String> = is.into_iter().collect();
                let gone = was.iter().filter(|name| !is.contains(*name));
                notes.extend(
                    gone.map(|name| format!("{name} is removed: the image has another digest")),
                );
            }
        }
        if archive.dialect.is_docker() {
            for (i, item) in archive.items.iter().enumerate() {
                revise_parent(items, i, item.images[0], (old, new), &by_id, notes);
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
    fn of(archive: &'a Archive) -> Self {
        let mut items: HashMap<usize, (usize, usize)> = HashMap::new();
        for (i, item) in archive.items.iter().enumerate() {
            let images: HashSet<usize> = item.images.iter().copied().collect();
            for image in images {
                items.entry(image).or_insert((i, 0)).1 += 1;
            }
        }
        let tags = archive.items.iter().flat_map(|item| &item.tags);
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
    archive: &Archive,
    naming: &Naming<'_>,
    (i, n): (usize, usize),
    images: &[usize],
    new: &[State],
) -> Vec<Reference> {
    let has_its_tags = |&image: &usize| new[image].tags == archive.images[image].tags;
    // What says nothing of tags goes on saying nothing.
    if archive.items[i].tags.is_empty() && images.iter().all(has_its_tags) {
        return Vec::new();
    }
    let (first, n_items) = naming.items[&images[0]];
    if let ([image], 1) = (images, n_items) {
        return new[*image].tags.clone();
    }
    let named: Vec<&Reference> = images.iter().flat_map(|&image| &new[image].tags).collect();
    let is_named: HashSet<&Reference> = named.iter().copied().collect();
    let old = archive.items[i].tags.iter();
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

fn revise_item(
    items: &mut ArrayEdit<'_>,
    item: &Revised,
    archive: &Archive,
    (old, new): (&[State], &[State]),
    (old_files, files): (&Files, &Files),
) {
    let Revised { at, image, tags } = item;
    let (at, before, after) = (*at, &old[*image], &new[*image]);
    let (was, paths) = (&old_files.paths[*image], &files.paths[*image]);
    let texts = |texts: &[String]| Value::array(texts.iter().map(|text| Value::text(text)));
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
        let spelled: Vec<String> = tags.iter().map(|tag| archive.dialect.spell(tag)).collect();
        let is_null = tags.is_empty() && archive.dialect != Dialect::ContainersImage;
        let value = if is_null {
            Value::null()
        } else {
            texts(&spelled)
        };
        items.set(at, "RepoTags", ITEM_ORDER, value);
    }
    if was.layers != paths.layers {
        items.set(at, "Layers", ITEM_ORDER, texts(&paths.layers));
    }
    if items.get(at).get("LayerSources").is_none() {
        return;
    }
    let still: HashSet<DiffId> = after.layers.iter().map(|layer| layer.diff_id).collect();
    let is_gone = |layer: &&StateLayer| !still.contains(&layer.diff_id);
    for gone in before.layers.iter().filter(is_gone) {
        items.take_within(at, "LayerSources", &gone.diff_id.to_string());
    }
    for layer in &after.layers {
        if !matches!(layer.data, LayerData::Added(_)) {
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

/// Returns the new `repositories`; nothing where the archive is to have none.
pub(in crate::archive) fn repositories(
    archive: &Archive,
    (old, new): (&[State], &[State]),
    (old_files, new_files): (&Files, &Files),
    notes: &mut Vec<String>,
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
    let is_changed = |(before, after): (&State, &State)| {
        before.image_id != after.image_id || before.tags != after.tags
    };
    let held: HashSet<&Reference> = new.iter().flat_map(|state| &state.tags).collect();
    let is_wrong = archive.repositories.is_some()
        && old.iter().zip(new).any(is_changed)
        && !agrees(archive, &document, old, old_files);
    if is_wrong {
        notes.push("`repositories` did not match `manifest.json`, and is corrected".to_owned());
        let is_held = |name: &str| Reference::parse(name).is_ok_and(|name| held.contains(&name));
        for (repository, tag) in listed(&document) {
            if !is_held(&format!("{repository}:{tag}")) {
                remove_name(&mut document, &repository, &tag);
            }
        }
    }
    for (i, (before, after)) in old.iter().zip(new).enumerate() {
        let paths = (&old_files.paths[i], &new_files.paths[i]);
        let top = id(archive, &document, (before, after), paths);
        let top_of = |state: &State| state.layers.last().map(|layer| layer.diff_id);
        let is_same_top = old_files.paths[i].top == new_files.paths[i].top
            && (!new_files.paths[i].top.is_empty() || top_of(before) == top_of(after));
        if !is_wrong && is_same_top && before.tags == after.tags {
            continue;
        }
        // A tag that moves to another image is that one's to write, whichever comes first.
        let is_gone = |tag: &&Reference| !held.contains(tag);
        for tag in before.tags.iter().filter(is_gone) {
            let repository = archive.dialect.spell_repository(tag);
            remove_name(&mut document, &repository, tag.tag());
        }
        for tag in &after.tags {
            document.set(
                &[&archive.dialect.spell_repository(tag)],
                tag.tag(),
                &[],
                Value::text(&top),
            );
        }
    }
    let is_empty = document
        .root
        .members()
        .is_some_and(|members| members.len() == 0);
    Some(document).filter(|_| !is_empty || !archive.dialect.is_docker())
}

/// What `repositories` says of the names of an image. Of a writer whose ids we do not know, what it said, unless that
/// was the diff id or the directory of the top layer.
fn id(
    archive: &Archive,
    document: &Document,
    (before, after): (&State, &State),
    (old_paths, paths): (&Paths, &Paths),
) -> String {
    if !paths.top.is_empty() {
        return paths.top.clone();
    }
    let said = |tag: &Reference| {
        let repository = archive.dialect.spell_repository(tag);
        let id = document.root.get(&repository)?.get(tag.tag())?.as_text()?;
        Some(id.into_owned())
    };
    let said = before.tags.iter().find_map(said).unwrap_or_default();
    let diff_id = |state: &State| state.layers.last().map(|layer| layer.diff_id.hex());
    let directory = |paths: &Paths| {
        let (directory, _) = paths.layers.last()?.rsplit_once('/')?;
        Some(directory.to_owned())
    };
    let now = match Some(&said) {
        old if old == diff_id(before).as_ref() => diff_id(after),
        old if old == directory(old_paths).as_ref() => directory(paths),
        _ => None,
    };
    now.unwrap_or(said)
}

/// Returns every repository and tag that `repositories` names.
fn listed(document: &Document) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for (repository, tags) in document.root.members().into_iter().flatten() {
        for (tag, _) in tags.members().into_iter().flatten() {
            names.push((repository.clone().into_owned(), tag.into_owned()));
        }
    }
    names
}

fn remove_name(document: &mut Document, repository: &str, tag: &str) {
    document.remove(&[repository], tag);
    let tags = document.root.get(repository).and_then(Value::members);
    if tags.is_some_and(|tags| tags.len() == 0) {
        document.remove(&[], repository);
    }
}

/// Tells whether `repositories` names the images by their tags, and those by the ids that the writer gives them.
fn agrees(archive: &Archive, document: &Document, states: &[State], files: &Files) -> bool {
    let n_tags: usize = states.iter().map(|state| state.tags.len()).sum();
    let is_said = |tag: &Reference, top: &str| {
        let repository = archive.dialect.spell_repository(tag);
        let id = document
            .root
            .get(&repository)
            .and_then(|tags| tags.get(tag.tag()));
        let id = id.and_then(Value::as_text);
        id.is_some_and(|id| top.is_empty() || id == top)
    };
    listed(document).len() == n_tags
        && states.iter().zip(&files.paths).all(|(state, paths)| {
            let mut tags = state.tags.iter();
            tags.all(|tag| is_said(tag, &paths.top))
        })
}
