//! Archives of Docker before 1.10: directories that name their parents, and `repositories`, which names some of them (moby
//! v1.9.1 graph/export.go, v20.10 image/tarexport/load.go `legacyLoad`). There is no configuration to compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Rule;
use super::checker::Checker;
use super::json::Json;
use super::save::{Item, LayerFile, MANIFEST, Save};
use super::tags::{self, REPOSITORIES};
use super::v1;
use crate::error::Error;

/// More layers than any archive has, each counted for every image that has it.
const MAX_LAYERS: usize = 100_000;

/// The parent that each directory names, by id.
type Parents = BTreeMap<String, Option<String>>;

/// Reads the images that the directories lead to; nothing where there are none.
pub(super) fn read(checker: &mut Checker) -> Result<Option<Save>, Error> {
    let directories = v1::directories_with_layers(checker);
    if directories.is_empty() {
        return Ok(None);
    }
    let message = "is missing, as before Docker 1.10; Docker 29, podman and skopeo do not read such an archive: convert it with `ocipatch apply --to docker-archive -o OUT IMAGE`";
    checker.warning(Rule::NoManifest, MANIFEST, message);
    let parents = read_parents(checker, directories)?;
    let mut tags = read_names(checker, &parents)?;
    let has_child: BTreeSet<&String> = parents.values().flatten().collect();
    let is_top = |id: &&String| tags.contains_key(*id) || !has_child.contains(id);
    let tops: Vec<&String> = parents.keys().filter(is_top).collect();
    let mut save = Save::default();
    let mut n_layers = 0;
    let mut lost: BTreeSet<&String> = parents.keys().collect();
    for id in tops {
        let chain = chain(checker, &parents, id);
        n_layers += chain.len();
        if n_layers > MAX_LAYERS {
            let message = format!("names images of over {MAX_LAYERS} layers together");
            checker.error(Rule::LayerDepth, REPOSITORIES, message);
            return Ok(Some(save));
        }
        let mut layers = Vec::new();
        for id in chain.into_iter().rev() {
            lost.remove(id);
            let name = format!("{id}/layer.tar");
            let entry = checker.resolve(&name, &format!("{id}/json"), "the layer");
            layers.push(LayerFile { name, entry });
        }
        let tags = tags.remove(id).unwrap_or_default();
        let item = Item::without_config(format!("{id}/json"), tags, layers);
        save.items.push(item);
    }
    // Those of a cycle have each other for a child.
    while let Some(id) = lost.first().copied() {
        for id in chain(checker, &parents, id) {
            lost.remove(id);
        }
    }
    Ok(Some(save))
}

fn read_parents(checker: &mut Checker, directories: Vec<String>) -> Result<Parents, Error> {
    let mut parents = Parents::new();
    for id in directories {
        let place = format!("{id}/json");
        let entry = checker.resolve(&place, &place, "the description");
        let json = match entry {
            Some(entry) => checker.document(entry)?,
            None => None,
        };
        let parent = json.and_then(|json| {
            let parent = checker.text(&json, "parent", &place, "")?;
            Some(parent.to_owned()).filter(|parent| !parent.is_empty())
        });
        parents.insert(id, parent);
    }
    for (id, parent) in &parents {
        if let Some(parent) = parent
            .as_ref()
            .filter(|parent| !parents.contains_key(*parent))
        {
            let message = format!("has the parent `{parent}`, which is not in the archive");
            checker.error(Rule::MissingEntry, &format!("{id}/json"), message);
        }
    }
    Ok(parents)
}

/// Returns the names of each id.
fn read_names(
    checker: &mut Checker,
    parents: &Parents,
) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if checker.source.find(REPOSITORIES).is_none() {
        return Ok(names);
    }
    let entry = checker.resolve(REPOSITORIES, REPOSITORIES, "the list of names");
    let Some(json) = entry
        .map(|entry| checker.document(entry))
        .transpose()?
        .flatten()
    else {
        return Ok(names);
    };
    if !json.is_map() {
        checker.bad_shape(REPOSITORIES, ".", Some(&json), "an object");
    }
    for (repository, tags) in json.members() {
        let path = format!(".{repository}");
        if !tags.is_map() {
            checker.bad_shape(REPOSITORIES, &path, Some(tags), "an object");
        }
        for (tag, id) in tags.members() {
            let name = format!("{repository}:{tag}");
            if let Err(reason) = tags::parse(&name) {
                let message = format!("has `{name}`: {reason}");
                checker.error(Rule::RepoTag, REPOSITORIES, message);
                continue;
            }
            match id.text() {
                Some(id) if parents.contains_key(id) => {
                    names.entry(id.to_owned()).or_default().push(name);
                }
                Some(id) => {
                    let message = format!("has `{id}` for `{name}`, which is not in the archive");
                    checker.error(Rule::MissingEntry, REPOSITORIES, message);
                }
                None => {
                    checker.bad_shape(REPOSITORIES, &format!("{path}.{tag}"), Some(id), "an id");
                }
            }
        }
    }
    Ok(names)
}

/// Returns an id and those that it is built on, down to the base.
fn chain<'a>(checker: &mut Checker, parents: &'a Parents, id: &'a String) -> Vec<&'a String> {
    let mut chain = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = Some(id);
    while let Some(id) = next {
        let Some((id, parent)) = parents.get_key_value(id) else {
            break;
        };
        if !seen.insert(id) {
            let last = chain.last().copied().unwrap_or(id);
            let message = format!("has the parent `{id}`, which is built on this layer itself");
            checker.error(Rule::V1Parent, &format!("{last}/json"), message);
            break;
        }
        chain.push(id);
        next = parent.as_ref();
    }
    chain
}

impl Item {
    /// Returns an image that nothing describes but the `json` of its topmost layer.
    fn without_config(config_name: String, tags: Vec<String>, layers: Vec<LayerFile>) -> Self {
        Self {
            path: String::new(),
            config_name,
            config_entry: None,
            config: None,
            tags,
            layers,
            json: Rc::new(Json::List(vec![Json::Null])),
            position: 0,
        }
    }
}
