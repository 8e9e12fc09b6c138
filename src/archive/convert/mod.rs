//! One form of archive into another: `--to`.
//!
//! The configuration's bytes stay, and with them the image id; layers keep theirs wherever OCI has a name for their
//! compression. What is written is one form in two shapes: an OCI layout (image-spec image-layout.md), and the same with
//! containerd's `manifest.json` beside it (containerd `core/images/archive/exporter.go`), which Docker of every version,
//! podman, skopeo and containerd load.

mod documents;
mod layers;
mod oci;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use super::{Archive, Dialect, RevisedImage, Revision};
use crate::archive::draft::{Content, Draft, NewLayer};
use crate::archive::form::descriptor::{blob_name, digest_of};
use crate::archive::form::graph::{Graph, Kind};
use crate::archive::form::root::Root;
use crate::archive::form::state::{LayerData, State};
use crate::archive::revision::derive::new_states;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::Value;
use crate::platform::PlatformPattern;
use crate::reference::Reference;
use layers::Layers;

/// A form of archive that people ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A tar that `docker load` takes.
    DockerArchive,
    /// The same as a directory.
    DockerDirectory,
    /// A tar of an OCI layout.
    OciArchive,
    /// An OCI layout.
    OciDirectory,
}

impl Form {
    /// Tells whether it has a `manifest.json`.
    #[must_use]
    pub fn is_docker(self) -> bool {
        matches!(self, Self::DockerArchive | Self::DockerDirectory)
    }

    /// Tells whether it is a directory.
    #[must_use]
    pub fn is_directory(self) -> bool {
        matches!(self, Self::DockerDirectory | Self::OciDirectory)
    }
}

/// What the output is to be, where that is not what the input is.
#[derive(Debug, Clone, Default)]
pub struct Conversion {
    /// The form; that of the input if not given.
    pub form: Option<Form>,
    /// Of images for several platforms the one to write; all if not given.
    pub platform: Option<PlatformPattern>,
}

/// Returns the form that has to be written anew; nothing where the input's own form will do.
fn wanted(archive: &Archive, conversion: &Conversion) -> Option<Form> {
    let own = if archive.dialect == Dialect::Layout && archive.trusted.is_none() {
        Form::OciArchive
    } else {
        Form::DockerArchive
    };
    let form = conversion.form.unwrap_or(own);
    let is_own = form.is_docker() == own.is_docker() && archive.trusted.is_none();
    (!is_own || conversion.platform.is_some()).then_some(form)
}

/// Derives the archive in which each image is as `revised` says, in the form that is wanted; layers that have to be
/// compressed otherwise wait in nameless files in the directory `spool`.
pub fn convert<'a>(
    archive: &'a Archive,
    revised: &[Option<RevisedImage>],
    new_layers: Vec<NewLayer<'a>>,
    conversion: &Conversion,
    spool: &'a Path,
) -> Result<Revision<'a>, Error> {
    let Some(form) = wanted(archive, conversion) else {
        return super::revise(archive, revised, new_layers);
    };
    let old = archive.states();
    let mut new = new_states(archive, &old, revised, &new_layers);
    let mut notes = Vec::new();
    let written = select(archive, conversion, &mut notes)?;
    if form.is_docker() {
        check_docker(archive, &written, &new)?;
    }
    let mut layers = Layers::new(archive, new_layers, spool);
    let roots: Vec<Option<Digest>> = archive.groups.iter().map(|group| group.root).collect();
    let (graph, roots) = match archive.own_graph() {
        Some(graph) if conversion.platform.is_none() => {
            let old_new = (old.as_slice(), new.as_mut_slice());
            oci::revise_graph(archive, graph, &roots, old_new, form)
        }
        _ => {
            let is_written: HashSet<usize> = written.iter().copied().collect();
            for (i, state) in new.iter_mut().enumerate() {
                if is_written.contains(&i) {
                    oci::describe(state, &mut layers, form, &mut notes)?;
                }
            }
            documents::new_graph(&written, &new, archive.groups.len())
        }
    };
    let graph = documents::named(graph, &written, &new, form);
    let mut draft = Draft::anew(&archive.source);
    for (name, content) in contents(archive, &graph, &written, &new) {
        draft.push(&name, content);
    }
    if form.is_docker() {
        let manifest = documents::manifest_json(&written, &new).to_bytes();
        draft.push("manifest.json", Content::Bytes(manifest));
    }
    let layout = archive.source.find("oci-layout");
    draft.push(
        "oci-layout",
        match layout {
            Some(_) => Content::Entry(
                archive
                    .source
                    .resolve("oci-layout", "the form of the archive")?,
            ),
            None => Content::Bytes(br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        },
    );
    draft.layers = layers.finish();
    let digest = |state: &State| state.manifest.as_ref().map(|manifest| manifest.digest);
    Ok(Revision {
        draft,
        manifest_digests: new.iter().map(digest).collect(),
        roots: Root::all(Some(&graph), &roots),
        notes,
    })
}

/// Returns the images that are written: all of them, or of each group the one for the platform that is wanted.
fn select(
    archive: &Archive,
    conversion: &Conversion,
    notes: &mut Vec<String>,
) -> Result<Vec<usize>, Error> {
    let all = 0..archive.images.len();
    let Some(platform) = &conversion.platform else {
        return Ok(all.collect());
    };
    let is_meant = |&i: &usize| platform.matches(&archive.images[i].platform());
    let written: Vec<usize> = all.clone().filter(is_meant).collect();
    let mut groups = vec![Vec::new(); archive.groups.len()];
    for i in all.clone() {
        groups[archive.images[i].group].push(i);
    }
    for there in groups {
        let chosen = there.iter().filter(|i| is_meant(i)).count();
        if chosen != 1 {
            let platforms = there
                .iter()
                .map(|&i| archive.images[i].platform().to_string());
            return Err(Error::Unconvertible {
                image: archive.images[there[0]].display_name(),
                reason: format!(
                    "has the platforms {}: `--platform {}` matches {chosen} of them, not one",
                    platforms.collect::<Vec<_>>().join(", "),
                    platform.as_str()
                ),
            });
        }
    }
    for i in all.filter(|i| !is_meant(i)) {
        let image = &archive.images[i];
        notes.push(format!(
            "left out: {} for {}",
            image.display_name(),
            image.platform()
        ));
    }
    let referrers = archive.referrers_of(&written);
    notes.extend(
        referrers
            .iter()
            .map(|name| format!("left out, since it belongs to an index: {name}")),
    );
    Ok(written)
}

/// Docker's format has one image per name, and names with a repository.
fn check_docker(archive: &Archive, written: &[usize], new: &[State]) -> Result<(), Error> {
    let mut twins: HashMap<usize, Vec<usize>> = HashMap::new();
    for &i in written {
        twins.entry(archive.images[i].group).or_default().push(i);
    }
    for &i in written {
        let image = &archive.images[i];
        let platforms: Vec<String> = twins[&image.group]
            .iter()
            .map(|&j| archive.images[j].platform().to_string())
            .collect();
        if platforms.len() > 1 {
            return Err(Error::Unconvertible {
                image: image.display_name(),
                reason: format!(
                    "has the platforms {}, but a docker archive contains one: select it with `--platform`",
                    platforms.join(", ")
                ),
            });
        }
        if let Some(tag) = new[i].tags.iter().find(|tag| tag.is_bare()) {
            // Not every name of a layout is a tag.
            let name = Reference::parse(&format!("name:{tag}"))
                .map_or_else(|_| "name:tag".to_owned(), |name| name.familiar());
            return Err(Error::Unconvertible {
                image: image.display_name(),
                reason: format!(
                    "has the tag `{tag}` without a repository, but docker archives require full names: use `retag: [\"{name}\"]`"
                ),
            });
        }
    }
    Ok(())
}

/// Returns everything that is written but the documents that stand beside `index.json`, sorted by name.
fn contents(
    archive: &Archive,
    graph: &Graph,
    written: &[usize],
    new: &[State],
) -> BTreeMap<String, Content> {
    let mut contents = BTreeMap::new();
    contents.insert("blobs".to_owned(), Content::Directory);
    contents.insert("blobs/sha256".to_owned(), Content::Directory);
    for digest in graph.reachable() {
        let node = &graph.nodes[&digest];
        contents.insert(blob_name(digest), Content::Bytes(node.document.to_bytes()));
        if node.kind != Kind::Other {
            continue;
        }
        let root = &node.document.root;
        let layers = root
            .get("layers")
            .and_then(Value::items)
            .into_iter()
            .flatten();
        for name in layers
            .chain(root.get("config"))
            .filter_map(digest_of)
            .map(blob_name)
        {
            if let Some(entry) = archive.source.find(&name) {
                contents.entry(name).or_insert(Content::Entry(entry));
            }
        }
    }
    for state in written.iter().map(|&i| &new[i]) {
        contents.insert(
            blob_name(state.image_id),
            Content::Bytes(state.config.to_bytes()),
        );
        for layer in &state.layers {
            let content = match layer.data {
                LayerData::Kept { entry, .. } => Content::Entry(entry),
                LayerData::Added(i) => Content::Layer(i),
            };
            let digest = layer.digest.expect("layers that are written have digests");
            contents.insert(blob_name(digest), content);
        }
    }
    contents.insert(
        "index.json".to_owned(),
        Content::Bytes(graph.index.to_bytes()),
    );
    contents
}
