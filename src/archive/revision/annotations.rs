//! Annotations above the configuration: what images have, and what becomes of it.

use std::collections::HashMap;

use crate::annotation::{AnnotationEdit, AnnotationPlace, ImageAnnotations};
use crate::archive::form::descriptor::{NAME, REF_NAME, digest_of};
use crate::archive::form::graph::{Kind, children};
use crate::archive::form::state::State;
use crate::archive::{Archive, OciManifest};
use crate::digest::Digest;
use crate::image::json::{ArrayEdit, Document, Value};

const KEY: &str = "annotations";

/// What changes in the annotations of a group of images above their manifests.
#[derive(Debug)]
pub(in crate::archive) struct Annotated<'a> {
    root: Option<Digest>,
    /// The edits of each image, by the digest of its manifest as it was.
    images: HashMap<Digest, &'a [AnnotationEdit]>,
    /// Whether what is said about the index is kept when it changes.
    pub(in crate::archive) keeps_referrers: bool,
}

impl Default for Annotated<'_> {
    fn default() -> Self {
        Self {
            root: None,
            images: HashMap::new(),
            keeps_referrers: true,
        }
    }
}

impl<'a> Annotated<'a> {
    pub(in crate::archive) fn new(
        group: usize,
        root: Option<Digest>,
        old: &[State],
        new: &'a [State],
    ) -> Self {
        let states = || {
            old.iter()
                .zip(new)
                .filter(|(_, after)| after.group == group)
        };
        let image = |(before, after): (&State, &'a State)| {
            let manifest = before.manifest.as_ref()?.digest;
            Some((manifest, after.annotations.as_slice()))
        };
        Self {
            root,
            images: states().filter_map(image).collect(),
            keeps_referrers: states().all(|(_, after)| after.keeps_referrers),
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
            for edits in self.images.values() {
                revise_document(document, of(Some(edits), AnnotationPlace::Index));
            }
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
        if pairs(&document.root).is_empty() {
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

fn pairs(value: &Value) -> Vec<(String, String)> {
    let members = value.get(KEY).and_then(Value::members);
    let pair = |(key, value): (std::borrow::Cow<'_, str>, &Value)| {
        (
            key.into_owned(),
            value.as_text().unwrap_or_default().into_owned(),
        )
    };
    members.into_iter().flatten().map(pair).collect()
}

impl Archive {
    /// Returns the annotations of an image, as far as the form has places for them.
    #[must_use]
    pub fn annotations(&self, image: usize) -> ImageAnnotations {
        let image = &self.images[image];
        let (Some(graph), Some(manifest)) = (&self.graph, &image.manifest) else {
            return ImageAnnotations::default();
        };
        let root = self.groups[image.group].root;
        let index = root
            .and_then(|root| graph.nodes.get(&root))
            .filter(|node| node.kind == Kind::Index);
        let lists: Vec<&Document> = match (index, root) {
            (Some(_), Some(root)) => {
                let below = graph.below(root).into_iter();
                let nodes = below.filter_map(|digest| graph.nodes.get(&digest));
                nodes.map(|node| &node.document).collect()
            }
            _ => vec![&graph.index],
        };
        let mut descriptors = lists.into_iter().flat_map(children);
        let descriptor = descriptors.find(|item| digest_of(item) == Some(manifest.digest));
        let is_name = |key: &str| [NAME, REF_NAME].contains(&key);
        ImageAnnotations {
            manifest: Some(pairs(&manifest.document.root)),
            index: index.map(|node| pairs(&node.document.root)),
            descriptor: descriptor.map(|item| {
                let mut pairs = pairs(item);
                pairs.retain(|(key, _)| !is_name(key));
                pairs
            }),
        }
    }

    /// Tells whether anything in the archive is said about the index above an image.
    #[must_use]
    pub fn is_index_referred_to(&self, image: usize) -> bool {
        let image = &self.images[image];
        let root = self.groups[image.group].root;
        match (&self.graph, root, &image.manifest) {
            (Some(graph), Some(root), Some(manifest)) if root != manifest.digest => {
                !graph.referrers(root, root).is_empty()
            }
            _ => false,
        }
    }
}
