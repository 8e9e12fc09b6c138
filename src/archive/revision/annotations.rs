//! Annotations above the configuration: what images have, and what becomes of it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::annotation::{
    AnnotationEdit, AnnotationPlace, Annotations, ImageAnnotations, Referring,
};
use crate::archive::form::descriptor::{NAME, REF_NAME, digest_of};
use crate::archive::form::graph::{Graph, Kind, children};
use crate::archive::form::state::State;
use crate::archive::{Archive, OciManifest};
use crate::digest::Digest;
use crate::image::json::{ArrayEdit, Document, Value};

const KEY: &str = "annotations";

/// What an archive says of an image in documents above its configuration.
#[derive(Debug, Default)]
pub(in crate::archive) struct Surroundings {
    annotations: ImageAnnotations,
    referrers: Referring,
    is_index_referred_to: bool,
}

/// What changes in the annotations of a group of images above their manifests.
#[derive(Debug)]
pub(in crate::archive) struct Annotated<'a> {
    root: Option<Digest>,
    /// The edits of each image, by the digest of its manifest as it was.
    images: HashMap<Digest, &'a [AnnotationEdit]>,
    /// Those of the first image: of the index all have the same.
    first: &'a [AnnotationEdit],
    /// Whether what is said about the index is kept when it changes.
    pub(in crate::archive) keeps_referrers: bool,
}

impl Default for Annotated<'_> {
    fn default() -> Self {
        Self {
            root: None,
            images: HashMap::new(),
            first: &[],
            keeps_referrers: true,
        }
    }
}

impl<'a> Annotated<'a> {
    /// Takes the images of a group, as they were and are to become.
    pub(in crate::archive) fn new(root: Option<Digest>, group: &[(&State, &'a State)]) -> Self {
        let image = |(before, after): &(&State, &'a State)| {
            let manifest = before.manifest.as_ref()?.digest;
            Some((manifest, after.annotations.as_slice()))
        };
        let first = group.iter().find_map(image);
        Self {
            root,
            images: group.iter().filter_map(image).collect(),
            first: first.map(|(_, edits)| edits).unwrap_or_default(),
            keeps_referrers: group.iter().all(|(_, after)| after.keeps_referrers),
        }
    }

    /// Tells whether descriptors of `index.json` change: those of an image that stands there without an index of its own.
    pub(in crate::archive) fn is_listed(&self) -> bool {
        self.listed().next().is_some()
    }

    pub(in crate::archive) fn revise_listed(&self, items: &mut ArrayEdit<'_>, i: usize) {
        self.listed().for_each(|edit| revise_item(items, i, edit));
    }

    /// Revises the descriptor of an image within an index.
    pub(in crate::archive) fn revise_descriptor(
        &self,
        items: &mut ArrayEdit<'_>,
        i: usize,
        manifest: Digest,
    ) {
        let edits = of(self.images.get(&manifest), AnnotationPlace::Descriptor);
        edits.for_each(|edit| revise_item(items, i, edit));
    }

    /// Revises an index if it is the one at the top.
    pub(in crate::archive) fn revise_index(&self, document: &mut Document, digest: Digest) {
        if self.root == Some(digest) {
            let edits = of(Some(&self.first), AnnotationPlace::Index);
            revise_document(document, edits);
        }
    }

    fn listed(&self) -> impl Iterator<Item = &'a AnnotationEdit> {
        let image = self.root.and_then(|root| self.images.get(&root));
        of(image, AnnotationPlace::Descriptor)
    }
}

/// Returns a manifest with other annotations.
pub(in crate::archive) fn revise_manifest(
    manifest: OciManifest,
    edits: &[AnnotationEdit],
) -> OciManifest {
    let mut document = manifest.document;
    revise_document(&mut document, of(Some(&edits), AnnotationPlace::Manifest));
    OciManifest {
        digest: Digest::of(&document.to_bytes()),
        document,
    }
}

fn of<'a>(
    edits: Option<&&'a [AnnotationEdit]>,
    on: AnnotationPlace,
) -> impl Iterator<Item = &'a AnnotationEdit> + use<'a> {
    let edits = edits.copied().unwrap_or_default().iter();
    edits.filter(move |edit| edit.on == on)
}

/// An object whose last annotation goes, goes with it, as where a writer has none.
fn revise_document<'a>(document: &mut Document, edits: impl Iterator<Item = &'a AnnotationEdit>) {
    for edit in edits {
        if let Some(value) = &edit.new {
            document.set(&[KEY], &edit.key, &[], Value::text(value));
            continue;
        }
        document.remove(&[KEY], &edit.key);
        let left = document.root.get(KEY).and_then(Value::members);
        if left.is_none_or(|left| left.len() == 0) {
            document.remove(&[], KEY);
        }
    }
}

fn revise_item(items: &mut ArrayEdit<'_>, i: usize, edit: &AnnotationEdit) {
    match &edit.new {
        Some(value) => items.set_within(i, KEY, &edit.key, Value::text(value)),
        None => {
            items.take_within(i, KEY, &edit.key);
        }
    }
}

fn annotations_of(value: &Value) -> Annotations {
    let members = value.get(KEY).and_then(Value::members);
    let pair = |(key, value): (Cow<'_, str>, &Value)| {
        let value = value.as_text().unwrap_or_default();
        (key.into_owned(), value.into_owned())
    };
    members.into_iter().flatten().map(pair).collect()
}

/// What a group of images has above its manifests.
struct Above<'a> {
    index: Option<Annotations>,
    descriptors: Rc<Descriptors<'a>>,
    below: HashSet<Digest>,
}

/// The first descriptor of each document.
type Descriptors<'a> = HashMap<Digest, &'a Value>;

fn descriptors<'a>(lists: impl IntoIterator<Item = &'a Document>) -> Descriptors<'a> {
    let mut descriptors = HashMap::new();
    for item in lists.into_iter().flat_map(children) {
        if let Some(digest) = digest_of(item) {
            descriptors.entry(digest).or_insert(item);
        }
    }
    descriptors
}

impl<'a> Above<'a> {
    /// Takes a graph, the top of the group in it, and the descriptors in `index.json`.
    fn of(graph: &'a Graph, root: Option<Digest>, listed: &Rc<Descriptors<'a>>) -> Self {
        let below = root.map(|root| graph.below(root)).unwrap_or_default();
        let index = root
            .and_then(|root| graph.nodes.get(&root))
            .filter(|node| node.kind == Kind::Index);
        let nodes = below.iter().filter_map(|digest| graph.nodes.get(digest));
        Self {
            index: index.map(|node| annotations_of(&node.document.root)),
            descriptors: match index {
                Some(_) => Rc::new(descriptors(nodes.map(|node| &node.document))),
                None => Rc::clone(listed),
            },
            below: below.into_iter().collect(),
        }
    }

    fn annotations(&self, manifest: &OciManifest) -> ImageAnnotations {
        let descriptor = self.descriptors.get(&manifest.digest);
        ImageAnnotations {
            manifest: Some(annotations_of(&manifest.document.root)),
            index: self.index.clone(),
            descriptor: descriptor.map(|item| {
                let mut annotations = annotations_of(item);
                annotations.remove(|key| [NAME, REF_NAME].contains(&key));
                annotations
            }),
        }
    }
}

impl Archive {
    /// Returns the annotations of an image, as far as the form has places for them.
    #[must_use]
    pub fn annotations(&self, image: usize) -> ImageAnnotations {
        self.surroundings()[image].annotations.clone()
    }

    /// Returns what the archive says about an image besides the image: attestations, signatures and other referrers.
    #[must_use]
    pub fn referrers(&self, image: usize) -> &Referring {
        &self.surroundings()[image].referrers
    }

    /// Tells whether anything in the archive is said about the index above an image.
    #[must_use]
    pub fn is_index_referred_to(&self, image: usize) -> bool {
        self.surroundings()[image].is_index_referred_to
    }

    /// Returns the names of whatever is said about these images, sorted, each once.
    pub(in crate::archive) fn referrers_of(&self, images: &[usize]) -> Vec<String> {
        let Some(graph) = &self.graph else {
            return Vec::new();
        };
        let referrers = graph.referrers();
        let mut below: HashMap<usize, HashSet<Digest>> = HashMap::new();
        for group in images.iter().map(|&image| self.images[image].group) {
            let root = self.groups[group].root;
            let of_root = || {
                root.into_iter()
                    .flat_map(|root| graph.below(root))
                    .collect()
            };
            below.entry(group).or_insert_with(of_root);
        }
        let manifests = images.iter().filter_map(|&image| {
            let image = &self.images[image];
            let below = self.groups[image.group].root.and(below.get(&image.group))?;
            Some((image.manifest_digest()?, below))
        });
        referrers
            .names(manifests)
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// What is said of each image, gathered once for all of them.
    fn surroundings(&self) -> &[Surroundings] {
        self.surroundings.get_or_init(|| self.gather_surroundings())
    }

    fn gather_surroundings(&self) -> Vec<Surroundings> {
        let referrers = self.graph.as_ref().map(Graph::referrers);
        let index = self.graph.as_ref().map(|graph| &graph.index);
        let listed = Rc::new(descriptors(index));
        let mut above: Option<(usize, Above<'_>)> = None;
        let surroundings = self.images.iter().map(|image| {
            let (Some(graph), Some(referrers)) = (&self.graph, &referrers) else {
                return Surroundings::default();
            };
            let root = self.groups[image.group].root;
            // Images of one group stand together.
            if above
                .as_ref()
                .is_none_or(|(group, _)| *group != image.group)
            {
                above = Some((image.group, Above::of(graph, root, &listed)));
            }
            let Some(((_, above), manifest)) = above.as_ref().zip(image.manifest.as_ref()) else {
                return Surroundings::default();
            };
            let index = root.filter(|root| *root != manifest.digest);
            Surroundings {
                annotations: above.annotations(manifest),
                referrers: match root {
                    Some(_) => referrers.of(manifest.digest, &above.below),
                    None => Referring::default(),
                },
                is_index_referred_to: index.is_some_and(|index| referrers.is_about(index)),
            }
        });
        surroundings.collect()
    }
}
