//! A revised archive: everything that depends on a change is derived in dependency order, from layers and diff ids over
//! configurations, legacy ids, OCI manifests and `index.json` to `manifest.json` and `repositories`.
//!
//! There is one way through here, whatever is written. A dialect is a function from images to the files that its writer would
//! have written for them ([`Files`]). Where the archive keeps its dialect, that is run on the images as they were and on the
//! revised ones: what the first names and the second does not, goes; everything else in the archive stays. Where it becomes one
//! of another dialect, it is run on the revised images alone, and nothing else is there.

mod annotations;
mod cascade;
mod dating;
mod index;
mod layers;
mod manifest;
mod manifest_json;
mod new_index;
mod put;
pub(super) mod repaired;
mod repositories;
pub(super) mod target;

use std::path::Path;

use crate::annotation::AnnotationEdit;
use crate::archive::dialect::Facts;
use crate::archive::dialect::state::{Files, State, StateLayer};
use crate::archive::documents::graph::Graph;
use crate::archive::documents::root::Root;
use crate::archive::documents::store::Store;
use crate::archive::draft::{Draft, StoredLayer};
use crate::archive::{Archive, Contents, Image};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::Config;
use crate::reference::Reference;
use layers::Layers;
use manifest::revise_manifest;
use manifest_json::{manifest_json, new_manifest_json};
use repositories::repositories;
use target::{Conversion, Target};

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
    /// A layer that is stored: its place in the list of these.
    Stored(usize),
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

impl<'a> Revision<'a> {
    /// Returns the layer that is stored in that place.
    #[must_use]
    pub fn stored(&self, place: usize) -> &StoredLayer<'a> {
        &self.draft.layers[place]
    }
}

/// What the documents of a revised archive are derived from.
#[derive(Clone, Copy)]
struct Derivation<'a> {
    contents: &'a Contents,
    facts: &'static Facts,
    /// The images as they are.
    old: &'a [State],
    /// Those that are written, as they are to become.
    new: &'a [State],
    /// The files of the archive as it is; of one that becomes another form, none.
    old_files: &'a Files,
    new_files: &'a Files,
    /// Whether documents may be wrong about images that do not change.
    is_repair: bool,
}

/// Derives the archive in which each image is as `revised` says, in the form that `conversion` wants; an image that is `None`
/// stays as it is. Layers that have to be compressed otherwise wait in nameless files in the directory `spool`.
pub fn revise<'a>(
    archive: &'a Archive,
    revised: &[Option<RevisedImage>],
    stored: Vec<StoredLayer<'a>>,
    conversion: &Conversion,
    spool: &'a Path,
) -> Result<Revision<'a>, Error> {
    let contents = &archive.contents;
    let target = Target::of(archive, conversion);
    let old = contents.states();
    let lacks_form = conversion.form.is_none() && !archive.dialect.facts().is_written();
    let stays = target.is_own || lacks_form && conversion.platform.is_none();
    if stays && revised.iter().all(Option::is_none) {
        return Ok(unchanged(contents));
    }
    let mut notes = Vec::new();
    if lacks_form {
        notes.push(
            "to write the result, `ocipatch apply` needs `--to`: the form of Docker before 1.10 is no longer written".to_owned(),
        );
    }
    let mut new = new_states(contents, &old, revised, &stored);
    let written = target.select(archive, &mut notes)?;
    target.check(archive, &written, &new)?;
    let mut layers = Layers::new(contents, stored, spool);
    if !target.is_own {
        if target.graph.is_none() {
            notes.extend(annotations::dropped(archive, &written));
        }
        for &image in &written {
            layers.fit(&mut new[image], &target, &mut notes)?;
        }
    }
    let (graph, roots) = derive_graph(archive, &target, (&old, &new), &written, &mut notes);
    let manifest_digests = new.iter().map(State::manifest_digest).collect();
    let new = take(new, &written);
    let new_files = target.dialect.files(contents, &new, graph.as_ref());
    let stays = |image: usize| revised[image].is_none();
    let old_files = if target.is_own {
        target.dialect.files_there(contents, &old, &stays)
    } else {
        Files::default()
    };
    let facts = target.facts();
    let derivation = Derivation {
        contents,
        facts,
        old: &old,
        new: &new,
        old_files: &old_files,
        new_files: &new_files,
        is_repair: false,
    };
    let documents = derive_documents(&derivation, &target, graph.as_ref(), &mut notes);
    let stored = layers.finish();
    let mut draft = if target.is_own {
        put::revised(contents, (&old_files, new_files), &new, documents, stored)?
    } else {
        put::anew(contents, (facts, new_files), documents, stored)?
    };
    draft.lacks_form = lacks_form;
    Ok(Revision {
        draft,
        manifest_digests,
        roots: Root::all(graph.as_ref(), &roots),
        notes,
    })
}

/// Returns the archive as it is, with whatever its documents contradict each other in.
fn unchanged(contents: &Contents) -> Revision<'_> {
    let images = contents.images.iter();
    Revision {
        draft: Draft::keep_all(&contents.source),
        manifest_digests: images.map(Image::manifest_digest).collect(),
        roots: Root::all(contents.graph.as_ref(), &contents.roots()),
        notes: Vec::new(),
    }
}

/// Returns the states of these images, which are sorted.
fn take(states: Vec<State>, images: &[usize]) -> Vec<State> {
    let mut images = images.iter().copied().peekable();
    let states = states.into_iter().enumerate();
    states
        .filter(|(i, _)| images.next_if_eq(i).is_some())
        .map(|(_, state)| state)
        .collect()
}

/// Returns `index.json` with what it leads to, where the new archive has one, and what each group of images then has at the top.
fn derive_graph(
    archive: &Archive,
    target: &Target<'_>,
    (old, new): (&[State], &[State]),
    written: &[usize],
    notes: &mut Vec<String>,
) -> (Option<Graph>, Vec<Option<Digest>>) {
    let roots = archive.contents.roots();
    let is_bare_layout = target.facts().is_bare_layout();
    let (graph, roots) = match (target.graph, archive.dialect.facts().index) {
        (Some(graph), Some(index)) => {
            let as_oci = is_bare_layout && !target.is_own;
            graph.revise(&roots, old, new, index, as_oci)
        }
        _ if target.facts().index.is_some() => new_index::new_graph(written, new, roots.len()),
        _ => return (None, roots),
    };
    if target.is_own {
        return (Some(graph), roots);
    }
    let mut graph = new_index::named(graph, written, new, is_bare_layout);
    if let Some(index) = target.facts().index {
        graph.store_as(index.store, notes);
    }
    (Some(graph), roots)
}

/// Returns the documents that stand at the top, by name; one that is to be gone has no bytes.
fn derive_documents(
    derivation: &Derivation<'_>,
    target: &Target<'_>,
    graph: Option<&Graph>,
    notes: &mut Vec<String>,
) -> [(&'static str, Option<Vec<u8>>); 3] {
    let Derivation {
        facts,
        new,
        new_files,
        ..
    } = *derivation;
    let manifest_json = match target.manifest {
        Some(document) => Some(manifest_json(derivation, document, notes)),
        None => facts
            .manifest_json
            .map(|_| new_manifest_json(facts, new, new_files)),
    };
    let repositories = repositories(derivation, target.repositories, notes);
    let index = graph.filter(|graph| graph.store == Store::Blobs);
    [
        ("manifest.json", manifest_json.map(|d| d.to_bytes())),
        ("index.json", index.map(|graph| graph.index.to_bytes())),
        ("repositories", repositories.map(|d| d.to_bytes())),
    ]
}

/// Returns the images as they are to become.
fn new_states(
    contents: &Contents,
    old: &[State],
    revised: &[Option<RevisedImage>],
    stored: &[StoredLayer<'_>],
) -> Vec<State> {
    old.iter()
        .zip(&contents.images)
        .zip(revised)
        .map(|((state, image), revised)| match revised {
            None => state.clone(),
            Some(revised) => revised_state(contents, image, revised, stored),
        })
        .collect()
}

fn revised_state(
    contents: &Contents,
    image: &Image,
    revised: &RevisedImage,
    stored: &[StoredLayer<'_>],
) -> State {
    let layers: Vec<StateLayer> = revised
        .layers
        .iter()
        .map(|layer| match *layer {
            RevisedLayer::Kept(position) => contents.kept(&image.layers[position]),
            RevisedLayer::Stored(place) => StateLayer::stored(place, &stored[place]),
        })
        .collect();
    let config_bytes = revised.config.to_bytes();
    let image_id = Digest::of(&config_bytes);
    let manifest = image.manifest.as_ref().map(|manifest| {
        let config_size = config_bytes.len() as u64;
        let manifest = revise_manifest(manifest, image_id, config_size, &layers);
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

#[cfg(test)]
mod tests;
