//! What an archive says of its images above their configurations: annotations, and what refers to them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::descriptor::{NAME, REF_NAME, digest_of};
use super::graph::{Graph, NodeKind, children};
use super::store::Store;
use crate::annotation::{Annotations, ImageAnnotations, Referring};
use crate::archive::{Archive, OciManifest};
use crate::digest::Digest;
use crate::image::json::{Document, Value};

/// What an archive says of an image in documents above its configuration.
#[derive(Debug, Default)]
pub(in crate::archive) struct Surroundings {
    annotations: ImageAnnotations,
    referrers: Referring,
    is_index_referred_to: bool,
}

fn annotations_of(value: &Value) -> Annotations {
    let members = value.get("annotations").and_then(Value::members);
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
            .filter(|node| node.kind == NodeKind::Index);
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
        let Some(graph) = &self.contents.graph else {
            return Vec::new();
        };
        let referrers = graph.referrers();
        let mut below: HashMap<usize, HashSet<Digest>> = HashMap::new();
        for group in images
            .iter()
            .map(|&image| self.contents.images[image].group)
        {
            let root = self.contents.groups[group].root;
            let of_root = || {
                root.into_iter()
                    .flat_map(|root| graph.below(root))
                    .collect()
            };
            below.entry(group).or_insert_with(of_root);
        }
        let manifests = images.iter().filter_map(|&image| {
            let image = &self.contents.images[image];
            let below = self.contents.groups[image.group]
                .root
                .and(below.get(&image.group))?;
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
        let referrers = self.contents.graph.as_ref().map(Graph::referrers);
        // What is implied has no annotations.
        let index = self.contents.graph.iter();
        let index = index.filter(|graph| graph.store == Store::Blobs);
        let listed = Rc::new(descriptors(index.map(|graph| &graph.index)));
        let mut above: Option<(usize, Above<'_>)> = None;
        let surroundings = self.contents.images.iter().map(|image| {
            let (Some(graph), Some(referrers)) = (&self.contents.graph, &referrers) else {
                return Surroundings::default();
            };
            let root = self.contents.groups[image.group].root;
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
