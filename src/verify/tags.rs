//! Names of images: `RepoTags` and `repositories`.

use std::collections::BTreeMap;

use super::Rule;
use super::checker::Checker;
use super::hash::Facts;
use super::json::Json;
use super::save::{Item, MANIFEST, Save};
use super::v1;
use crate::error::Error;
use crate::reference::Reference;

pub(super) const REPOSITORIES: &str = "repositories";

/// Checks the tags of all images, and `repositories` against them.
pub(super) fn check(checker: &mut Checker, save: &Save, facts: &Facts) -> Result<(), Error> {
    let mut holders: BTreeMap<String, &Item> = BTreeMap::new();
    for item in &save.items {
        for tag in &item.tags {
            let reference = match parse(tag) {
                Ok(reference) => reference,
                Err(reason) => {
                    let message = format!("has `{tag}` at `{}.RepoTags`: {reason}", item.path);
                    checker.error(Rule::RepoTag, MANIFEST, message);
                    continue;
                }
            };
            let first = holders.entry(reference.full()).or_insert(item);
            if first.config_entry != item.config_entry {
                let message = format!("has `{tag}` at `{}` and at `{}`", first.path, item.path);
                checker.error(Rule::TagTwice, MANIFEST, message);
            }
        }
    }
    check_repositories(checker, save, facts, &holders)
}

/// Parses a name with its tag spelled out; docker load fills none in.
pub(super) fn parse(name: &str) -> Result<Reference, String> {
    let reference = Reference::parse(name).map_err(|reason| reason.to_string())?;
    if name.ends_with(&format!(":{}", reference.tag())) {
        Ok(reference)
    } else {
        Err("it contains no tag".to_owned())
    }
}

fn check_repositories(
    checker: &mut Checker,
    save: &Save,
    facts: &Facts,
    holders: &BTreeMap<String, &Item>,
) -> Result<(), Error> {
    if checker.source.find(REPOSITORIES).is_none() {
        let is_expected = v1::has_directories(checker)
            || save
                .items
                .iter()
                .any(|item| item.json().get("LayerSources").is_some());
        if is_expected && !holders.is_empty() {
            let message = "is missing, but Docker writes it if images have tags";
            checker.warning(Rule::Repositories, REPOSITORIES, message);
        }
        return Ok(());
    }
    let Some(entry) = checker.resolve(REPOSITORIES, REPOSITORIES, "the list of names") else {
        return Ok(());
    };
    let Some(json) = checker.document(entry)? else {
        return Ok(());
    };
    if save.items.is_empty() || checker.source.find(MANIFEST).is_none() {
        // Without `manifest.json` there is nothing to compare with.
        return Ok(());
    }
    if !json.is_map() {
        checker.bad_shape(REPOSITORIES, ".", Some(&json), "an object");
        return Ok(());
    }
    let mut unseen = holders.clone();
    for (repository, tags) in json.members() {
        if !tags.is_map() {
            checker.bad_shape(
                REPOSITORIES,
                &format!(".{repository}"),
                Some(tags),
                "an object",
            );
        }
        for (tag, id) in tags.members() {
            let name = format!("{repository}:{tag}");
            let full = Reference::parse(&name).map(|reference| reference.full());
            let Some(item) = full.ok().and_then(|full| {
                unseen.remove(&full);
                holders.get(&full)
            }) else {
                let message = format!("names `{name}`, which no image of `manifest.json` has");
                checker.error(Rule::Repositories, REPOSITORIES, message);
                continue;
            };
            check_id(checker, item, facts, &name, id)?;
        }
    }
    for name in unseen.keys() {
        let message = format!("lacks `{name}`, which `manifest.json` has");
        checker.error(Rule::Repositories, REPOSITORIES, message);
    }
    Ok(())
}

/// A name points at the top layer: by v1 id where layers have v1 directories, by diff id in Docker's blob store.
fn check_id(
    checker: &mut Checker,
    item: &Item,
    facts: &Facts,
    name: &str,
    id: &Json,
) -> Result<(), Error> {
    let Some(id) = id.text() else {
        checker.bad_shape(REPOSITORIES, name, Some(id), "an id");
        return Ok(());
    };
    let Some(top) = item.layers.last() else {
        return Ok(());
    };
    let diff_id = top
        .entry
        .and_then(|entry| facts.layers.get(&entry))
        .map(|layer| layer.diff_id.hex());
    let wanted = if let Some((directory, _)) = v1::split(&top.name) {
        directory.to_owned()
    } else if top.name.starts_with("blobs/") {
        let Some(diff_id) = diff_id else {
            return Ok(());
        };
        diff_id
    } else {
        // podman: an id of its own, whose directory links to the layer.
        let leads_to_top = |id: &str| {
            let link = format!("{id}/layer.tar");
            let there = checker.source.find(&link);
            let target = there.and_then(|_| checker.source.resolve(&link, name).ok());
            target.is_some() && target == top.entry
        };
        let derived = v1::derive_links(checker, item)?;
        let derived = derived.and_then(|layers| Some(layers.last()?.id.clone()));
        match derived.filter(|id| leads_to_top(id)) {
            Some(derived) => derived,
            None if leads_to_top(id) => return Ok(()),
            None => format!("an id whose directory contains {}", top.name),
        }
    };
    if id != wanted {
        let message = format!("has `{id}` for `{name}`, but the top layer is `{wanted}`");
        checker.error(Rule::Repositories, REPOSITORIES, message);
    }
    Ok(())
}
