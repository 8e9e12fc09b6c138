//! Deriving everything that depends on a change, in dependency order: layers, diff ids, configs, legacy ids, OCI
//! manifests, index, `manifest.json`, `repositories`.
//!
//! A dialect is a function from images to the files that its writer would have written for them ([`crate::archive::form::state::Derived`]). Run on
//! the archive as it is, it tells whether we know the dialect; run on the revised images, it gives the new archive.
//! What the first names and the second does not, goes; everything else in the archive stays.

use super::documents::{manifest_json, repositories};
use super::put::{put_document, put_files};
use super::{annotations, index};
use crate::annotation::AnnotationEdit;
use crate::archive::draft::drafting::Drafting;
use crate::archive::draft::{Draft, NewLayer};
use crate::archive::form::graph::Graph;
use crate::archive::form::root::Root;
use crate::archive::form::state::{DerivedContent, Files, LayerData, State, StateLayer};
use crate::archive::form::{containers_image, hybrid, named, v1_directories};
use crate::archive::{Archive, Dialect};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::Config;
use crate::reference::Reference;

/// What an image is to become.
#[derive(Debug, Clone)]
pub struct RevisedImage {
    /// The configuration, diff ids and history included.
    pub config: Config,
    /// The layers from the base up.
    pub layers: Vec<RevisedLayer>,
    /// The names, in the order in which they are written; the same for all images of a group.
    pub tags: Vec<Reference>,
    /// What changes in the annotations of manifest, index and descriptors.
    pub annotations: Vec<AnnotationEdit>,
    /// Whether what the archive says about the image, such as attestations, is pointed at what it becomes; else that goes.
    pub keeps_referrers: bool,
}

/// One layer of a revised image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisedLayer {
    /// The layer at that position of the image as it was.
    Kept(usize),
    /// A new layer: its place in the list of new layers.
    Added(usize),
}

/// A revised archive, not written yet.
#[derive(Debug)]
pub struct Revision<'a> {
    /// Every entry of the new archive.
    pub draft: Draft<'a>,
    /// The manifest digests of the images, where the form has manifests.
    pub manifest_digests: Vec<Option<Digest>>,
    /// For each group of images the digest of what its names stand for, where the form has manifests.
    pub roots: Vec<Option<Root>>,
    /// What had to be dropped or left, for people.
    pub notes: Vec<String>,
}

impl Dialect {
    fn files(&self, archive: &Archive, states: &[State], graph: Option<&Graph>) -> Files {
        match self {
            Self::V1Directories(generation) => {
                v1_directories::files(archive, generation.as_ref(), states)
            }
            Self::Hybrid(generation) => hybrid::files(archive, generation.as_ref(), states, graph),
            Self::Containerd | Self::Layout => hybrid::files(archive, None, states, graph),
            Self::ContainersImage => containers_image::files(archive, states),
            Self::Named => named::files(archive, states),
        }
    }

    /// Tells whether this dialect, run on the archive as it is, gives the files that are there.
    pub(in crate::archive) fn reproduces(&self, archive: &Archive) -> Result<bool, Error> {
        let files = self.files(archive, &archive.states(), archive.graph.as_ref());
        for file in &files.derived {
            let Some(index) = archive.source.find(&file.name) else {
                return Ok(false);
            };
            if !archive.holds(index, &file.content)? {
                return Ok(false);
            }
        }
        Ok(files
            .paths
            .iter()
            .zip(&archive.images)
            .all(|(paths, image)| {
                paths.layers.len() == image.layers.len()
                    && paths
                        .layers
                        .iter()
                        .zip(&image.layers)
                        .all(|(path, layer)| *path == layer.path)
            }))
    }
}

impl Archive {
    /// The images as they are.
    pub(in crate::archive) fn states(&self) -> Vec<State> {
        let state = |image: &crate::archive::Image| State {
            config: image.config.clone(),
            image_id: image.image_id,
            layers: image.layers.iter().map(|layer| self.kept(layer)).collect(),
            tags: image.tags.clone(),
            manifest: image.manifest.clone(),
            group: image.group,
            annotations: Vec::new(),
            keeps_referrers: true,
        };
        self.images.iter().map(state).collect()
    }

    fn kept(&self, layer: &crate::archive::Layer) -> StateLayer {
        let data = LayerData::Kept {
            entry: layer.entry,
            path: layer.path.clone(),
        };
        StateLayer {
            diff_id: layer.diff_id,
            digest: layer.named_digest(&self.source),
            size: layer.size,
            compression: layer.compression,
            data,
        }
    }

    /// Tells whether the entry at `index` has that content already.
    pub(in crate::archive) fn holds(
        &self,
        index: usize,
        content: &DerivedContent,
    ) -> Result<bool, Error> {
        use crate::tarball::Kind;
        let entry = &self.source.entries()[index];
        Ok(match content {
            DerivedContent::Directory => entry.kind == Kind::Directory,
            DerivedContent::Symlink(target) => {
                entry.kind == Kind::Symlink && entry.link_name == target.as_bytes()
            }
            DerivedContent::Layer(LayerData::Kept { entry, .. }, _) => *entry == index,
            // Named by its digest or by an id that covers it: the same name is the same layer.
            DerivedContent::Layer(LayerData::Added(_), size) => {
                entry.kind == Kind::File && entry.size == *size
            }
            DerivedContent::Bytes(bytes) => {
                entry.kind == Kind::File
                    && entry.size == bytes.len() as u64
                    && self.source.read(index, entry.size)? == *bytes
            }
        })
    }
}

/// Derives the archive in which each image is as `revised` says; an image that is `None` stays as it is.
pub fn revise<'a>(
    archive: &'a Archive,
    revised: &[Option<RevisedImage>],
    new_layers: Vec<NewLayer<'a>>,
) -> Result<Revision<'a>, Error> {
    let old = archive.states();
    if revised.iter().all(Option::is_none) {
        return Ok(unchanged(archive, &old));
    }
    let mut notes = Vec::new();
    let new = new_states(archive, &old, revised, &new_layers);
    let roots: Vec<Option<Digest>> = archive.groups.iter().map(|group| group.root).collect();
    let graph = archive.graph.as_ref();
    let graph = graph.map(|graph| graph.revise(&roots, &old, &new, &archive.dialect, false));
    let (graph, roots) = match graph {
        Some((graph, roots)) => (Some(graph), roots),
        None => (None, roots),
    };
    let mut old_files = archive.dialect.files(archive, &old, archive.graph.as_ref());
    if archive.dialect == Dialect::ContainersImage {
        let stays = |image: usize| revised[image].is_none();
        containers_image::push_links(&mut old_files, archive, stays);
    }
    let new_files = archive.dialect.files(archive, &new, graph.as_ref());

    let mut documents = Vec::new();
    if let Some(manifest) = &archive.manifest {
        let states = (old.as_slice(), new.as_slice());
        let files = (&old_files, &new_files);
        let document = manifest_json(archive, manifest, states, files, &mut notes);
        documents.push(("manifest.json", document.to_bytes()));
    }
    if let Some(graph) = &graph {
        documents.push(("index.json", graph.index.to_bytes()));
    }
    let states = (old.as_slice(), new.as_slice());
    let files = (&old_files, &new_files);
    let repositories = repositories(archive, states, files, &mut notes);
    let drop_repositories = repositories.is_none();
    if let Some(document) = repositories {
        documents.push(("repositories", document.to_bytes()));
    }

    let mut drafting = Drafting::new(&archive.source);
    put_files(&mut drafting, archive, &old_files, new_files, &new)?;
    for (name, bytes) in documents {
        put_document(&mut drafting, archive, name, bytes)?;
    }
    if drop_repositories {
        drafting.remove("repositories");
    }
    drafting.fit_directories();
    let mut draft = drafting.finish();
    draft.free_links();
    draft.layers = new_layers;
    let manifest_digests = new
        .iter()
        .map(|state| state.manifest.as_ref().map(|manifest| manifest.digest))
        .collect();
    Ok(Revision {
        draft,
        manifest_digests,
        roots: Root::all(graph.as_ref(), &roots),
        notes,
    })
}

/// Returns the archive as it is, with whatever its documents contradict each other in.
fn unchanged<'a>(archive: &'a Archive, states: &[State]) -> Revision<'a> {
    let roots: Vec<Option<Digest>> = archive.groups.iter().map(|group| group.root).collect();
    let manifests = states.iter().map(|state| state.manifest.as_ref());
    Revision {
        draft: Draft::keep_all(&archive.source),
        manifest_digests: manifests
            .map(|manifest| manifest.map(|manifest| manifest.digest))
            .collect(),
        roots: Root::all(archive.graph.as_ref(), &roots),
        notes: Vec::new(),
    }
}

/// Returns the images as they are to become.
pub(in crate::archive) fn new_states(
    archive: &Archive,
    old: &[State],
    revised: &[Option<RevisedImage>],
    new_layers: &[NewLayer<'_>],
) -> Vec<State> {
    old.iter()
        .zip(&archive.images)
        .zip(revised)
        .map(|((state, image), revised)| match revised {
            None => state.clone(),
            Some(revised) => revised_state(archive, image, revised, new_layers),
        })
        .collect()
}

fn revised_state(
    archive: &Archive,
    image: &crate::archive::Image,
    revised: &RevisedImage,
    new_layers: &[NewLayer<'_>],
) -> State {
    let layers: Vec<StateLayer> = revised
        .layers
        .iter()
        .map(|layer| match *layer {
            RevisedLayer::Kept(position) => archive.kept(&image.layers[position]),
            RevisedLayer::Added(i) => {
                let NewLayer {
                    diff_id,
                    digest,
                    size,
                    compression,
                    ..
                } = new_layers[i];
                StateLayer {
                    diff_id,
                    digest: Some(digest),
                    size,
                    compression,
                    data: LayerData::Added(i),
                }
            }
        })
        .collect();
    let config_bytes = revised.config.to_bytes();
    let image_id = Digest::of(&config_bytes);
    let manifest = image.manifest.as_ref().map(|manifest| {
        let manifest =
            index::revise_manifest(manifest, image_id, config_bytes.len() as u64, &layers);
        annotations::revise_manifest(manifest, &revised.annotations)
    });
    State {
        config: revised.config.clone(),
        image_id,
        layers,
        tags: revised.tags.clone(),
        manifest,
        group: image.group,
        annotations: revised.annotations.clone(),
        keeps_referrers: revised.keeps_referrers,
    }
}
