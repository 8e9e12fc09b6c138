//! The docker-archive of podman and skopeo (containers/image `docker/internal/tarfile/writer.go`).
//!
//! Layers are `<diff id>.tar`; for each there is a directory of a link, `VERSION` and `json`, whose id is the hash of a
//! JSON text of its own making. Entries stand in the order of writing, names are full.

use std::collections::{BTreeMap, BTreeSet};

use super::state::{Files, Part, Paths, State};
use super::v1_directories::{push_config, shared_configs};
use super::{Closest, Dialect, Facts, Tagless, reproduces};
use crate::archive::documents::graph::Graph;
use crate::archive::draft::Content;
use crate::archive::source::entry::SourceEntry;
use crate::archive::{Contents, Image};
use crate::digest::{ChainId, DiffId, Digest};
use crate::error::Error;
use crate::image::Config;
use crate::image::json::{Value, encode};
use crate::tarball::Kind;

/// What the top layer's JSON takes from the configuration.
const TOP_KEYS: [&str; 7] = [
    "architecture",
    "config",
    "container",
    "container_config",
    "created",
    "docker_version",
    "os",
];

/// The dialect, by what directories of layers are called in it.
#[derive(Debug)]
struct ContainersImage(Ids);

/// What the directory of a layer is called: nobody looks it up, and each version kept to its own rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ids {
    /// By the hash of its JSON, since 2020.
    Hashed,
    /// By the chain id.
    Chain,
    /// By the diff id, before that.
    Layer,
}

impl Dialect for ContainersImage {
    fn facts(&self) -> &'static Facts {
        &Facts {
            description: "docker archive of podman or skopeo",
            keeps_layers_plain: true,
            is_of_dockers_store: false,
            has_full_names: true,
            manifest_json: Some(Tagless::Empty),
            index: None,
        }
    }

    fn files(&self, contents: &Contents, states: &[State], _: Option<&Graph>) -> Files {
        files(contents, states, self.0)
    }

    fn files_there(
        &self,
        contents: &Contents,
        states: &[State],
        stays: &dyn Fn(usize) -> bool,
    ) -> Files {
        let mut files = files(contents, states, self.0);
        push_links(&mut files, contents, stays);
        files
    }

    fn closest(
        &self,
        contents: &Contents,
        stated: &[Option<Config>],
    ) -> Result<Option<Closest>, Error> {
        Ok(closest(contents, stated))
    }
}

/// Returns the dialect, if it is that of an archive whose layers may be others than their names say: one of its legacy ids is that
/// of a layer below the top, whose id does not cover the configuration.
pub(super) fn closest(contents: &Contents, stated: &[Option<Config>]) -> Option<Closest> {
    let links = links(contents);
    let there: BTreeSet<&str> = links.iter().copied().collect();
    let own = contents.images.iter().map(|image| image.config.diff_ids());
    let stated = stated.iter().flatten().map(Config::diff_ids);
    if !own
        .chain(stated)
        .any(|diff_ids| derives_lower(diff_ids, &there))
    {
        return None;
    }
    let files = |id: &&str| LEGACY.map(|(file, _)| format!("{id}/{file}"));
    Some(Closest {
        dialect: Box::new(ContainersImage(ids(contents, &links))),
        stale: links.iter().flat_map(files).collect(),
        names_layers: true,
    })
}

/// Tells whether the lowest of several layers has the id that these writers give it.
fn derives_lower(diff_ids: &[DiffId], links: &BTreeSet<&str>) -> bool {
    let [lowest, _, ..] = diff_ids else {
        return false;
    };
    let (id, _) = lower(ChainId::extend(None, *lowest), "");
    links.contains(id.as_str())
}

pub(super) fn recognize(contents: &Contents) -> Result<Option<Box<dyn Dialect>>, Error> {
    if !is_by(contents) {
        return Ok(None);
    }
    let links = links(contents);
    let ids = ids(contents, &links);
    // Links under ids of another rule are replaced by those that we know.
    let dialect = ContainersImage(ids);
    let is_it = !links.is_empty() || reproduces(&dialect, contents)?;
    Ok(is_it.then(|| Box::new(dialect) as Box<dyn Dialect>))
}

/// Tells by which rule the directories of layers are called.
fn ids(contents: &Contents, links: &[&str]) -> Ids {
    if links.is_empty() {
        return Ids::Hashed;
    }
    let layers =
        |image: &Image| -> Vec<DiffId> { image.layers.iter().map(|layer| layer.diff_id).collect() };
    let all = contents.images.iter().map(layers);
    let (mut chains, mut diff_ids) = (BTreeSet::new(), BTreeSet::new());
    for layers in all {
        let mut chain = None;
        for diff_id in layers {
            let next = ChainId::extend(chain, diff_id);
            chain = Some(next);
            chains.insert(next.hex());
            diff_ids.insert(diff_id.hex());
        }
    }
    let are_among = |ids: &BTreeSet<String>| links.iter().all(|&link| ids.contains(link));
    if are_among(&chains) {
        Ids::Chain
    } else if are_among(&diff_ids) {
        Ids::Layer
    } else {
        Ids::Hashed
    }
}

/// Tells whether the layers are named as these writers name them; of images without layers, whether links are.
fn is_by(contents: &Contents) -> bool {
    let mut layers = contents
        .images
        .iter()
        .flat_map(|image| &image.layers)
        .peekable();
    if layers.peek().is_none() {
        return contents.source.entries().iter().any(is_link);
    }
    layers.all(|layer| layer.path == format!("{}.tar", layer.diff_id.hex()))
}

/// Tells whether an entry is the link of a legacy directory to a layer.
fn is_link(entry: &SourceEntry) -> bool {
    let directory = entry.name.strip_suffix("/layer.tar");
    entry.kind == Kind::Symlink && directory.is_some_and(|id| Digest::parse_hex(id).is_some())
}

/// Returns the directories in which the archive links to its layers.
fn links(contents: &Contents) -> Vec<&str> {
    let layers = contents.images.iter().flat_map(|image| &image.layers);
    let layers: BTreeSet<usize> = layers.filter_map(|layer| layer.entry).collect();
    links_to(contents, &layers)
}

fn links_to<'a>(contents: &'a Contents, layers: &BTreeSet<usize>) -> Vec<&'a str> {
    let source = &contents.source;
    let directory = |entry: &'_ SourceEntry| {
        let directory = entry.name.strip_suffix("/layer.tar")?;
        let target = source.resolve(&entry.name, "").ok();
        let target = target.filter(|_| is_link(entry))?;
        layers.contains(&target).then_some(directory.len())
    };
    let entries = source.entries().iter();
    entries
        .filter_map(|entry| Some(&entry.name[..directory(entry)?]))
        .collect()
}

/// What is in such a directory.
const LEGACY: [(&str, Part); 3] = [
    ("layer.tar", Part::LayerLink(0)),
    ("VERSION", Part::Version(0)),
    ("json", Part::LegacyJson(0)),
];

/// Adds what stands in such directories, so that it goes where it is not derived again: but for those of layers that an
/// image has which stays as it is.
fn push_links(files: &mut Files, contents: &Contents, stays: &dyn Fn(usize) -> bool) {
    let mut layers = BTreeSet::new();
    let mut kept = BTreeSet::new();
    for (i, image) in contents.images.iter().enumerate() {
        let entries = image.layers.iter().filter_map(|layer| layer.entry);
        if stays(i) {
            kept.extend(entries);
        } else {
            layers.extend(entries);
        }
    }
    for directory in links_to(contents, &(&layers - &kept)) {
        for (file, part) in LEGACY {
            let content = Content::Bytes(Vec::new());
            files.push(format!("{directory}/{file}"), content, 0, part);
        }
    }
}

/// Returns the files of `states`.
fn files(contents: &Contents, states: &[State], ids: Ids) -> Files {
    let mut files = Files::default();
    let shared = shared_configs(contents);
    for (image, state) in states.iter().enumerate() {
        let mut layers = Vec::new();
        for (i, layer) in state.layers.iter().enumerate() {
            let path = layer.path.clone();
            let path = path.unwrap_or_else(|| format!("{}.tar", layer.diff_id.hex()));
            files.push(
                path.clone(),
                layer.content.clone(),
                image,
                Part::LayerTar(i),
            );
            layers.push(path);
        }
        let config = push_config(&mut files, contents, image, state, &shared);
        let mut top = String::new();
        let mut chain = None;
        for (i, (layer, path)) in state.layers.iter().zip(&layers).enumerate() {
            chain = Some(ChainId::extend(chain, layer.diff_id));
            let is_top = i + 1 == state.layers.len();
            let chain_id = chain.expect("it was just set");
            let given = match ids {
                Ids::Hashed => None,
                Ids::Chain => Some(chain_id.hex()),
                Ids::Layer => Some(layer.diff_id.hex()),
            };
            let (id, json) = legacy(state, (chain_id, given), &top, is_top);
            files.push(
                format!("{id}/layer.tar"),
                Content::Symlink(format!("../{path}")),
                image,
                Part::LayerLink(i),
            );
            files.push(
                format!("{id}/VERSION"),
                Content::Bytes(b"1.0".to_vec()),
                image,
                Part::Version(i),
            );
            files.push(
                format!("{id}/json"),
                Content::Bytes(json.into_bytes()),
                image,
                Part::LegacyJson(i),
            );
            top = id;
        }
        files.paths.push(Paths {
            config,
            layers,
            top,
        });
    }
    files
}

/// Returns a layer's id and JSON (`createSingleLegacyLayer`, `createLegacyLayer…`): a map, so its keys are sorted.
fn legacy(
    state: &State,
    (chain, given): (ChainId, Option<String>),
    parent: &str,
    is_top: bool,
) -> (String, String) {
    let root = &state.config.document().root;
    let value = |key: &'static str| {
        let value = root.get(key).map(Value::compact);
        (key, value.unwrap_or_else(|| "null".to_owned()))
    };
    let keys: &[&str] = if is_top { &TOP_KEYS } else { &[] };
    let map = keys.iter().copied().map(value).collect();
    identified(map, (chain, given), parent)
}

/// Returns the id and the JSON of a layer below the top.
fn lower(chain: ChainId, parent: &str) -> (String, String) {
    identified(BTreeMap::new(), (chain, None), parent)
}

fn identified(
    mut map: BTreeMap<&str, String>,
    (chain, given): (ChainId, Option<String>),
    parent: &str,
) -> (String, String) {
    map.insert("layer_id", encode(&chain.to_string()));
    if !parent.is_empty() {
        map.insert("parent", encode(parent));
    }
    let id = given.unwrap_or_else(|| Digest::of(object(&map).as_bytes()).hex());
    map.remove("layer_id");
    map.insert("id", encode(&id));
    (id, object(&map))
}

fn object(map: &BTreeMap<&str, String>) -> String {
    let members: Vec<String> = map
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}
