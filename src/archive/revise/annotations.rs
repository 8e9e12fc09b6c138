//! What becomes of the annotations above the configuration.

use std::collections::HashMap;

use crate::annotation::{AnnotationEdit, AnnotationPlace, Annotations};
use crate::archive::dialect::state::State;
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

/// Says which annotations images lose whose documents are made anew: one platform of an index has no use for what is above it.
pub(super) fn dropped(archive: &Archive, written: &[usize]) -> Vec<String> {
    let mut notes = Vec::new();
    for &i in written {
        let image = &archive.images()[i];
        let name = image.display_name();
        let mut tell = |keys: Vec<String>, place: &str| {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            if !keys.is_empty() {
                let (keys, s) = (keys.join(", "), if keys.len() > 1 { "s" } else { "" });
                notes.push(format!(
                    "annotation{s} {keys} of the {place} of `{name}`: not carried over"
                ));
            }
        };
        let all = archive.annotations(i);
        for place in AnnotationPlace::ALL {
            let there = all.on(place).into_iter().flat_map(Annotations::pairs);
            tell(there.map(|(key, _)| key.to_owned()).collect(), place.name());
        }
        let document = image
            .manifest
            .as_ref()
            .map(|manifest| &manifest.document.root);
        let layers = document.and_then(|root| root.get("layers")?.items());
        for (n, layer) in layers.into_iter().flatten().enumerate() {
            let there = layer.get("annotations").and_then(Value::members);
            let keys = there.into_iter().flatten().map(|(key, _)| key.into_owned());
            tell(keys.collect(), &format!("layer {}", n + 1));
        }
    }
    notes
}
