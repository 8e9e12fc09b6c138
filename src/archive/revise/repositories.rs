//! `repositories` of a revised archive: which id each tag stands for.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::Derivation;
use crate::archive::dialect::Facts;
use crate::archive::dialect::state::{Files, Paths, State};
use crate::image::json::{Document, Value};
use crate::reference::Reference;

/// Returns the key that a name has there, or would have: that of its repository, however that is spelled.
fn repository_of(document: &Document, facts: &Facts, tag: &Reference) -> String {
    let spelled = facts.spell_repository(tag);
    if document.root.get(&spelled).is_some() {
        return spelled;
    }
    let other = [tag.familiar_repository(), tag.full_repository()];
    let there = other
        .into_iter()
        .find(|name| document.root.get(name).is_some());
    there.unwrap_or(spelled)
}

/// Returns the new `repositories`; nothing where the archive is to have none.
///
/// It begins from `document`, where the old archive has one.
pub(super) fn repositories(
    derivation: &Derivation<'_>,
    document: Option<&Document>,
    notes: &mut Vec<String>,
) -> Option<Document> {
    let Derivation {
        facts,
        old,
        new,
        old_files,
        new_files,
        is_repair,
        ..
    } = *derivation;
    let was_there = document.is_some();
    let was_untagged = old.iter().all(|state| state.tags.is_empty());
    let mut document = match document {
        Some(document) => document.clone(),
        // Docker leaves the file out where no image has a tag; others never write it.
        None if facts.is_of_dockers_store
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
    let unread = derivation.contents.items.iter();
    let unread = unread.filter(|item| item.images.is_empty());
    let n_unread = unread.clone().map(|item| item.tags.len()).sum();
    let held: HashSet<&Reference> = new
        .iter()
        .flat_map(|state| &state.tags)
        .chain(unread.flat_map(|item| &item.tags))
        .collect();
    let said = if is_repair {
        said(&document)
    } else {
        HashMap::new()
    };
    let is_wrong = if is_repair {
        !agrees_by_meaning(&said, new, new_files)
    } else {
        was_there
            && old.iter().zip(new).any(is_changed)
            && !agrees(facts, &document, (old, n_unread), old_files)
    };
    if is_wrong {
        notes.push("`repositories` did not match `manifest.json`, and is corrected".to_owned());
        // What is derived again has one spelling.
        let is_held = |repository: &str, tag: &str| {
            let name = Reference::parse(&format!("{repository}:{tag}"));
            let is_spelled = |name: &Reference| facts.spell_repository(name) == repository;
            name.is_ok_and(|name| held.contains(&name) && (!is_repair || is_spelled(&name)))
        };
        for (repository, tag) in listed(&document) {
            if !is_held(&repository, &tag) {
                remove_name(&mut document, &repository, &tag);
            }
        }
    }
    for (i, (before, after)) in old.iter().zip(new).enumerate() {
        let paths = (&old_files.paths[i], &new_files.paths[i]);
        let mut top = id(facts, &document, (before, after), paths);
        if top.is_empty() && is_repair {
            top = likely_id(&said, after, paths.1);
        }
        let top_of = |state: &State| state.layers.last().map(|layer| layer.diff_id);
        let is_same_top = old_files.paths[i].top == new_files.paths[i].top
            && (!new_files.paths[i].top.is_empty() || top_of(before) == top_of(after));
        if !is_wrong && (is_repair || is_same_top && before.tags == after.tags) {
            continue;
        }
        // A tag that moves to another image is that one's to write, whichever comes first.
        let is_gone = |tag: &&Reference| !held.contains(tag);
        for tag in before.tags.iter().filter(is_gone) {
            let repository = repository_of(&document, facts, tag);
            remove_name(&mut document, &repository, tag.tag());
        }
        for tag in &after.tags {
            let repository = repository_of(&document, facts, tag);
            document.set(&[&repository], tag.tag(), &[], Value::text(&top));
        }
    }
    let is_empty = document
        .root
        .members()
        .is_some_and(|members| members.len() == 0);
    Some(document).filter(|_| !is_empty || !facts.is_of_dockers_store)
}

/// What `repositories` says of the names of an image. Of a writer whose ids we do not know, what it said, unless that
/// was the diff id or the directory of the top layer.
fn id(
    facts: &Facts,
    document: &Document,
    (before, after): (&State, &State),
    (old_paths, paths): (&Paths, &Paths),
) -> String {
    if !paths.top.is_empty() {
        return paths.top.clone();
    }
    let said = |tag: &Reference| {
        let repository = repository_of(document, facts, tag);
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

/// Returns what `repositories` says of each name, however it spells that; nothing of two that are one.
fn said(document: &Document) -> HashMap<Reference, Option<String>> {
    let mut said = HashMap::new();
    for (repository, tag) in listed(document) {
        let Ok(name) = Reference::parse(&format!("{repository}:{tag}")) else {
            continue;
        };
        let id = document
            .root
            .get(&repository)
            .and_then(|tags| tags.get(&tag));
        let id = id.and_then(Value::as_text).map(Cow::into_owned);
        let id = if said.contains_key(&name) { None } else { id };
        said.insert(name, id);
    }
    said
}

/// Tells whether `repositories` names the images by their tags, however it spells these, and those by the ids that the writer
/// gives them.
fn agrees_by_meaning(
    said: &HashMap<Reference, Option<String>>,
    states: &[State],
    files: &Files,
) -> bool {
    let n_tags: usize = states.iter().map(|state| state.tags.len()).sum();
    said.len() == n_tags
        && states.iter().zip(&files.paths).all(|(state, paths)| {
            let is_said = |tag: &Reference| match said.get(tag) {
                Some(Some(id)) => paths.top.is_empty() || *id == paths.top,
                _ => false,
            };
            state.tags.iter().all(is_said)
        })
}

/// Returns the id for the names of an image, of a writer whose ids we do not know: what one of them has, else the directory of the
/// top layer, else its diff id.
fn likely_id(said: &HashMap<Reference, Option<String>>, state: &State, paths: &Paths) -> String {
    let named = state.tags.iter().find_map(|tag| said.get(tag)?.clone());
    let directory = || {
        let (directory, _) = paths.layers.last()?.rsplit_once('/')?;
        Some(directory.to_owned())
    };
    let diff_id = || state.layers.last().map(|layer| layer.diff_id.hex());
    named
        .or_else(directory)
        .or_else(diff_id)
        .unwrap_or_default()
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
fn agrees(
    facts: &Facts,
    document: &Document,
    (states, n_unread): (&[State], usize),
    files: &Files,
) -> bool {
    let n_tags: usize = states.iter().map(|state| state.tags.len()).sum();
    let is_said = |tag: &Reference, top: &str| {
        let repository = repository_of(document, facts, tag);
        let id = document
            .root
            .get(&repository)
            .and_then(|tags| tags.get(tag.tag()));
        let id = id.and_then(Value::as_text);
        id.is_some_and(|id| top.is_empty() || id == top)
    };
    listed(document).len() == n_tags + n_unread
        && states.iter().zip(&files.paths).all(|(state, paths)| {
            let mut tags = state.tags.iter();
            tags.all(|tag| is_said(tag, &paths.top))
        })
}
