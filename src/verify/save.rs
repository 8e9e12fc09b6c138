//! `manifest.json`: the images of a `docker save` archive.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Rule;
use super::checker::Checker;
use super::config::{self, Config};
use super::hash::Facts;
use super::image_config;
use super::json::{Json, known};
use crate::archive::names;
use crate::digest::{DiffId, Digest};
use crate::error::Error;

pub(super) const MANIFEST: &str = "manifest.json";
/// containers/image `iolimits.go`.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// The items of `manifest.json`.
#[derive(Debug, Default)]
pub(super) struct Save {
    pub(super) items: Vec<Item>,
}

/// One image.
#[derive(Debug)]
pub(super) struct Item {
    /// `[0]`, for messages.
    pub(super) path: String,
    /// The path of the config, as spelled.
    pub(super) config_name: String,
    pub(super) config_entry: Option<usize>,
    pub(super) config: Option<Rc<Config>>,
    pub(super) tags: Vec<String>,
    pub(super) layers: Vec<LayerFile>,
    pub(super) json: Rc<Json>,
    pub(super) position: usize,
}

/// One element of `Layers`.
#[derive(Debug)]
pub(super) struct LayerFile {
    /// The path, as spelled.
    pub(super) name: String,
    /// The regular file it leads to.
    pub(super) entry: Option<usize>,
}

impl Item {
    pub(super) fn json(&self) -> &Json {
        &self.json.list().unwrap_or_default()[self.position]
    }
}

/// Reads `manifest.json`; nothing if there is none.
pub(super) fn read(checker: &mut Checker) -> Result<Option<Save>, Error> {
    if checker.source.find(MANIFEST).is_none() {
        return Ok(None);
    }
    let mut save = Save::default();
    let Some(entry) = checker.resolve(MANIFEST, MANIFEST, "the list of images") else {
        return Ok(Some(save));
    };
    if checker.source.entries()[entry].size > MAX_MANIFEST_BYTES {
        let message = format!("has over {MAX_MANIFEST_BYTES} bytes, which podman rejects");
        checker.warning(Rule::LargeManifest, MANIFEST, message);
    }
    let Some(json) = checker.document(entry)? else {
        return Ok(Some(save));
    };
    let Some(items) = json.list().filter(|items| !items.is_empty()) else {
        if json.get("schemaVersion").is_some() {
            let message = "is one manifest, as in the `dir:` form of skopeo and podman, but the archive has `index.json` or `oci-layout` too";
            checker.error(Rule::BadShape, MANIFEST, message);
            checker.use_all();
        } else {
            checker.bad_shape(MANIFEST, ".", Some(&json), "a list of at least one image");
        }
        return Ok(Some(save));
    };
    for position in 0..items.len() {
        if let Some(item) = read_item(checker, &json, position)? {
            save.items.push(item);
        }
    }
    Ok(Some(save))
}

fn read_item(
    checker: &mut Checker,
    json: &Rc<Json>,
    position: usize,
) -> Result<Option<Item>, Error> {
    let item = &json.list().unwrap_or_default()[position];
    let path = format!("[{position}]");
    if !item.is_map() {
        checker.bad_shape(MANIFEST, &path, Some(item), "an object");
        return Ok(None);
    }
    checker.check_keys(item, known::SAVE_ITEM, MANIFEST, &path);
    let config_path = format!("{path}.Config");
    let config_name = item.get("Config").and_then(Json::text);
    if config_name.is_none() {
        checker.bad_shape(MANIFEST, &config_path, item.get("Config"), "a path");
    }
    let config_entry =
        config_name.and_then(|name| checker.resolve(name, MANIFEST, &format!("`{config_path}`")));
    let config = match config_entry {
        Some(entry) => config::read(checker, entry, true)?,
        None => None,
    };
    let tags = texts(checker, item, "RepoTags", &path, "a tag");
    let names = texts(checker, item, "Layers", &path, "a path");
    // To Go a null is a list of none.
    if item.get_any("Layers").is_none() {
        checker.bad_shape(
            MANIFEST,
            &format!("{path}.Layers"),
            item.get("Layers"),
            "a list of paths",
        );
    }
    let mut layers = Vec::new();
    for (i, name) in names.into_iter().enumerate() {
        let entry = checker.resolve(&name, MANIFEST, &format!("`{path}.Layers[{i}]`"));
        layers.push(LayerFile { name, entry });
    }
    for name in config_name
        .into_iter()
        .chain(layers.iter().map(|layer| layer.name.as_str()))
    {
        check_spelling(checker, name, &path);
    }
    if let Some(config) = &config
        && config.diff_ids.len() != layers.len()
    {
        let (n_layers, n_diff_ids) = (layers.len(), config.diff_ids.len());
        let message = format!(
            "names {n_layers} layers at `{path}.Layers`, but the config `{}` has {n_diff_ids} diff ids",
            config_name.unwrap_or_default()
        );
        checker.error(Rule::LayerCount, MANIFEST, message);
    }
    Ok(Some(Item {
        path,
        config_name: config_name.unwrap_or_default().to_owned(),
        config_entry,
        config,
        tags,
        layers,
        json: Rc::clone(json),
        position,
    }))
}

fn texts(checker: &mut Checker, item: &Json, key: &str, path: &str, wanted: &str) -> Vec<String> {
    let path = format!("{path}.{key}");
    let values = match item.get(key) {
        None => return Vec::new(),
        Some(Json::List(values)) => values,
        other => {
            checker.bad_shape(MANIFEST, &path, other, "a list");
            return Vec::new();
        }
    };
    let mut texts = Vec::new();
    for (i, value) in values.iter().enumerate() {
        match value.text() {
            Some(text) => texts.push(text.to_owned()),
            None => checker.bad_shape(MANIFEST, &format!("{path}[{i}]"), Some(value), wanted),
        }
    }
    texts
}

fn check_spelling(checker: &mut Checker, name: &str, path: &str) {
    if let Some(cleaned) = names::clean(name.as_bytes())
        && cleaned != name
        && checker.source.find(&cleaned).is_some()
    {
        let message = format!("spells `{name}` in `{path}` for the entry `{cleaned}`");
        checker.warning(Rule::PathSpelling, MANIFEST, message);
    }
}

/// Checks `LayerSources` against the layers of its image.
pub(super) fn check_sources(checker: &mut Checker, save: &Save, facts: &Facts) {
    for item in &save.items {
        let path = format!("{}.LayerSources", item.path);
        let Some(sources) = item.json().get("LayerSources") else {
            continue;
        };
        if !sources.is_map() {
            checker.bad_shape(MANIFEST, &path, Some(sources), "an object");
            continue;
        }
        for (key, source) in sources.members() {
            check_source(checker, item, facts, key, source);
        }
    }
}

fn check_source(checker: &mut Checker, item: &Item, facts: &Facts, key: &str, source: &Json) {
    let path = format!("{}.LayerSources.{key}", item.path);
    if !source.is_map() {
        return checker.bad_shape(MANIFEST, &path, Some(source), "an object");
    }
    checker.check_keys(source, known::DESCRIPTOR, MANIFEST, &path);
    let diff_id = DiffId::parse(key).ok();
    let diff_ids = item
        .config
        .as_ref()
        .map_or(&[][..], |config| &config.diff_ids);
    let position = diff_ids
        .iter()
        .position(|id| id.is_some() && *id == diff_id);
    let Some(position) = position else {
        if item.config.is_some() {
            let message = format!("has `{path}`, which is not a diff id of the image");
            checker.error(Rule::LayerSource, MANIFEST, message);
        }
        return;
    };
    let is_foreign = source
        .get("urls")
        .and_then(Json::list)
        .is_some_and(|urls| !urls.is_empty());
    let Some(entry) = item.layers.get(position).and_then(|layer| layer.entry) else {
        return;
    };
    if is_foreign {
        // Such a descriptor is about the compressed blob at its URL, not about what is in the archive.
        return;
    }
    if let (Some(stated), Some(found)) = (
        source.get("digest").and_then(Json::text),
        facts.digests.get(&entry),
    ) && stated != found.to_string()
    {
        let message =
            format!("has `{stated}` at `{path}.digest`, but the layer's digest is `{found}`");
        checker.error(Rule::LayerSource, MANIFEST, message);
    }
    // Docker 25.0 left media type and size of some out, but never wrote others.
    if let Some(stated) = checker.text(source, "mediaType", MANIFEST, &path)
        && !image_config::is_layer(stated)
    {
        let message =
            format!("has `{stated}` at `{path}.mediaType`, which is not a media type of layers");
        checker.warning(Rule::LayerSource, MANIFEST, message);
    }
    let found = checker.source.entries()[entry].size;
    if let Some(stated) = source.get("size")
        && *stated != Json::Integer(found.into())
    {
        let stated = if let Json::Integer(n) = stated {
            n.to_string()
        } else {
            stated.kind().to_owned()
        };
        let message = format!("has {stated} at `{path}.size`, but the layer has {found} bytes");
        checker.error(Rule::LayerSource, MANIFEST, message);
    }
}

/// Checks that an image whose `Parent` is in the archive has its history and one entry.
pub(super) fn check_parents(checker: &mut Checker, save: &Save, facts: &Facts) {
    let id = |item: &Item| {
        Some((
            *facts.digests.get(&item.config_entry?)?,
            item.config.as_ref()?.clone(),
        ))
    };
    let ids: BTreeMap<Digest, Rc<Config>> = save.items.iter().filter_map(id).collect();
    for item in &save.items {
        let path = format!("{}.Parent", item.path);
        let Some(parent) = checker.text(item.json(), "Parent", MANIFEST, &item.path) else {
            continue;
        };
        let parent_config = Digest::parse(parent).ok().and_then(|id| ids.get(&id));
        let (Some(parent_config), Some(config)) = (parent_config, &item.config) else {
            let message =
                format!("has `{parent}` at `{path}`, which is not an image of the archive");
            checker.warning(Rule::Parent, MANIFEST, message);
            continue;
        };
        let (mine, theirs) = (config.history(), parent_config.history());
        let message = if mine.len() != theirs.len() + 1 {
            format!(
                "has a parent at `{path}` with {} history entries, but the image has {}, not one more",
                theirs.len(),
                mine.len()
            )
        } else if let Some(i) = (0..theirs.len()).find(|&i| !is_same_entry(&mine[i], &theirs[i])) {
            format!("has a parent at `{path}` whose history differs from the image's at entry {i}")
        } else {
            continue;
        };
        checker.error(Rule::Parent, MANIFEST, message);
    }
}

/// Compares what Docker compares: the fields it knows, absent or empty being the same.
fn is_same_entry(a: &Json, b: &Json) -> bool {
    let is_filled = |value: &&Json| !matches!(value, Json::Bool(false)) && value.text() != Some("");
    let field = |entry, key| Json::get(entry, key).filter(is_filled);
    known::HISTORY
        .iter()
        .all(|key| field(a, key) == field(b, key))
}
