//! Docker before 1.10: a directory for each step of each image's history, `<id>/{VERSION,json,layer.tar}`, whose `json` names
//! its parent, and `repositories` with the names (moby v1.9.1 graph/export.go). Nothing says which of them are images, and
//! there is no configuration.
//!
//! Such an archive is read as Docker 1.10 to 28 loaded it (moby v20.10 image/tarexport/load.go `legacyLoad`), and never written.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;

use super::state::{Files, State};
use super::v1_config::{config, history_entry};
use super::{Dialect, Facts};
use crate::archive::documents::graph::Graph;
use crate::archive::documents::items::check_tags;
use crate::archive::documents::read::{check_shared, read_optional, read_plain};
use crate::archive::documents::{Documents, Listed};
use crate::archive::source::Source;
use crate::archive::source::entry::BlobId;
use crate::archive::{Contents, Group, Image, Layer};
use crate::digest::{DiffId, Digest, Hashing};
use crate::error::Error;
use crate::image::Config;
use crate::image::json::{Document, Value};
use crate::reference::Reference;

const REPOSITORIES: &str = "repositories";

/// The dialect.
#[derive(Debug)]
pub(super) struct BeforeV110;

impl Dialect for BeforeV110 {
    fn facts(&self) -> &'static Facts {
        &Facts {
            description: "docker save, before Docker 1.10",
            keeps_layers_plain: false,
            is_of_dockers_store: false,
            has_full_names: false,
            manifest_json: None,
            index: None,
        }
    }

    /// Nothing is derived of what is not written.
    fn files(&self, _: &Contents, _: &[State], _: Option<&Graph>) -> Files {
        Files::default()
    }
}

/// One step of a history.
struct Step {
    document: Document,
    parent: Option<String>,
    /// Bytes of the documents up to here, as an image that ends here has them.
    n_bytes: u64,
}

/// Reads the images where no document lists any: those that `repositories` names, and those that no other is built on.
/// Every layer is read, since only its bytes tell its diff id.
pub(super) fn list(source: &Source, _: &mut Documents) -> Result<Option<Listed>, Error> {
    let ids = ids(source);
    if ids.is_empty() {
        return Ok(None);
    }
    let mut steps: HashMap<String, Step> = HashMap::new();
    for id in &ids {
        let document = read_plain(source, &name(id, "json"))?;
        let parent = document.root.get("parent").and_then(Value::as_text);
        let parent = parent.map(Cow::into_owned).filter(|id| !id.is_empty());
        let step = Step {
            document,
            parent,
            n_bytes: 0,
        };
        steps.insert(id.clone(), step);
    }
    for id in &ids {
        measure(&mut steps, id)?;
    }
    let named = named(source)?;
    if let Some((id, _)) = named.iter().find(|(id, _)| !steps.contains_key(id)) {
        return Err(Error::MissingEntry {
            name: name(id, "json"),
            wanted_by: "`repositories`".to_owned(),
        });
    }
    let tops = tops(&ids, &steps, &named);
    let once: u64 = own_bytes(&steps).sum();
    let for_all = tops.iter().map(|(id, _)| steps[id].n_bytes).sum();
    check_shared(for_all, once, REPOSITORIES)?;
    let mut reader = Reader {
        source,
        steps: &steps,
        layers: HashMap::new(),
    };
    let (mut images, mut groups) = (Vec::new(), Vec::new());
    for (group, (id, tags)) in tops.into_iter().enumerate() {
        images.push(reader.image(&id, tags, group)?);
        groups.push(Group {
            root: None,
            n_absent: 0,
        });
    }
    check_tags(&images, &[], REPOSITORIES)?;
    Ok(Some(Listed {
        images,
        groups,
        items: Vec::new(),
    }))
}

fn name(id: &str, file: &str) -> String {
    format!("{id}/{file}")
}

/// Returns the ids of all steps, in the order of the archive.
fn ids(source: &Source) -> Vec<String> {
    let is_id = |id: &&str| {
        Digest::parse_hex(id).is_some() && source.find(&name(id, "layer.tar")).is_some()
    };
    let entries = source.entries().iter();
    let ids = entries.filter_map(|entry| entry.name.strip_suffix("/json"));
    let mut seen = HashSet::new();
    ids.filter(is_id)
        .filter(|id| seen.insert(*id))
        .map(str::to_owned)
        .collect()
}

/// Finds out how large the documents are that lead to a step, and that they end.
fn measure(steps: &mut HashMap<String, Step>, id: &str) -> Result<(), Error> {
    let mut below: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    let mut next = Some(id.to_owned());
    let mut n_bytes = 0;
    while let Some(id) = next {
        let step = &steps[&id];
        if step.n_bytes > 0 {
            n_bytes = step.n_bytes;
            break;
        }
        if !seen.insert(id.clone()) {
            return Err(Error::BadDocument {
                name: name(&below[below.len() - 1], "json"),
                reason: format!("the parent is `{id}`, which is built on this layer itself"),
            });
        }
        let parent = step.parent.clone();
        if let Some(parent) = parent
            .as_ref()
            .filter(|parent| !steps.contains_key(*parent))
        {
            return Err(Error::MissingEntry {
                name: name(parent, "json"),
                wanted_by: format!("the parent in `{}`", name(&id, "json")),
            });
        }
        below.push(id);
        next = parent;
    }
    while let Some(id) = below.pop() {
        let step = steps.get_mut(&id).expect("it was looked at above");
        n_bytes += step.document.to_bytes().len() as u64 + STEP_BYTES;
        step.n_bytes = n_bytes;
    }
    Ok(())
}

/// What a step takes in a configuration besides its document: a diff id and the keys of a history entry. In bytes.
const STEP_BYTES: u64 = 256;

/// Returns what each step takes by itself. In bytes.
fn own_bytes(steps: &HashMap<String, Step>) -> impl Iterator<Item = u64> {
    steps.values().map(|step| {
        let parent = step.parent.as_ref().map(|parent| steps[parent].n_bytes);
        step.n_bytes - parent.unwrap_or_default()
    })
}

/// Returns the ids that `repositories` names, in its order, each with a name.
fn named(source: &Source) -> Result<Vec<(String, Reference)>, Error> {
    let bad = |reason: String| Error::BadDocument {
        name: REPOSITORIES.to_owned(),
        reason,
    };
    let document = read_optional(source, REPOSITORIES, read_plain)?;
    let Some(document) = document.filter(|document| !document.root.is_null()) else {
        return Ok(Vec::new());
    };
    let repositories = document.root.members();
    let repositories =
        repositories.ok_or_else(|| bad("the document is not an object of repositories".into()))?;
    let mut named = Vec::new();
    for (repository, tags) in repositories {
        let tags = tags.members();
        let tags = tags.ok_or_else(|| bad(format!("`{repository}` is not an object of tags")))?;
        for (tag, id) in tags {
            let full = format!("{repository}:{tag}");
            let reference = Reference::parse(&full);
            let reference = reference.map_err(|error| bad(format!("`{full}`: {error}")))?;
            let id = id.as_text();
            let id = id.ok_or_else(|| bad(format!("`{full}` does not name an id")))?;
            named.push((id.into_owned(), reference));
        }
    }
    Ok(named)
}

/// Returns the steps that are images, with their names: those that are named, then those that no other is built on.
fn tops(
    ids: &[String],
    steps: &HashMap<String, Step>,
    named: &[(String, Reference)],
) -> Vec<(String, Vec<Reference>)> {
    let mut tops: Vec<(String, Vec<Reference>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (id, tag) in named {
        let place = *places.entry(id).or_insert(tops.len());
        if place == tops.len() {
            tops.push((id.clone(), Vec::new()));
        }
        tops[place].1.push(tag.clone());
    }
    let parents: BTreeSet<&String> = steps.values().flat_map(|step| &step.parent).collect();
    let is_head = |id: &&String| !parents.contains(id) && !places.contains_key(id.as_str());
    let heads = ids.iter().filter(is_head);
    tops.extend(heads.map(|id| (id.clone(), Vec::new())));
    tops
}

/// Reads images; what they share once.
struct Reader<'a> {
    source: &'a Source,
    steps: &'a HashMap<String, Step>,
    /// By the entry.
    layers: HashMap<usize, Layer>,
}

impl Reader<'_> {
    fn image(&mut self, id: &str, tags: Vec<Reference>, group: usize) -> Result<Image, Error> {
        let mut chain = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next {
            chain.push(id);
            next = self.steps[id].parent.as_deref();
        }
        let mut layers = Vec::with_capacity(chain.len());
        let mut history = Vec::with_capacity(chain.len());
        for id in chain.into_iter().rev() {
            layers.push(self.layer(id)?);
            history.push(history_entry(&self.steps[id].document).ok_or_else(|| unread(id))?);
        }
        let bytes = config(&self.steps[id].document, &layers, &history);
        let bytes = bytes.ok_or_else(|| unread(id))?;
        let config = Config::parse(bytes.as_bytes()).map_err(|error| Error::BadDocument {
            name: name(id, "json"),
            reason: error.to_string(),
        })?;
        Ok(Image {
            config,
            image_id: Digest::of(bytes.as_bytes()),
            config_entry: self.source.resolve(&name(id, "json"), REPOSITORIES)?,
            layers,
            tags,
            manifest: None,
            group,
        })
    }

    fn layer(&mut self, id: &str) -> Result<Layer, Error> {
        let path = name(id, "layer.tar");
        let wanted_by = format!("`{}`", name(id, "json"));
        let entry = self.source.resolve(&path, &wanted_by)?;
        if let Some(known) = self.layers.get(&entry) {
            return Ok(Layer {
                path,
                ..known.clone()
            });
        }
        let place = &self.source.entries()[entry].name;
        let layer = Layer {
            diff_id: self.diff_id(entry)?,
            path,
            entry: Some(entry),
            size: self.source.entries()[entry].size,
            compression: self.source.blob(entry)?.compression(place)?,
        };
        self.layers.insert(entry, layer.clone());
        Ok(layer)
    }

    fn diff_id(&self, entry: usize) -> Result<DiffId, Error> {
        let place = self.source.name_of(BlobId(entry));
        let mut stream = self.source.tar(BlobId(entry))?;
        let mut hashing = Hashing::new(io::sink());
        io::copy(&mut stream, &mut hashing).map_err(Error::in_place(place))?;
        let (diff_id, ..) = hashing.finish_layer();
        Ok(diff_id)
    }
}

/// The error of a `json` with a value of another type than Docker's structs have.
fn unread(id: &str) -> Error {
    Error::BadDocument {
        name: name(id, "json"),
        reason: "has a value of a type that no version of Docker reads".to_owned(),
    }
}
