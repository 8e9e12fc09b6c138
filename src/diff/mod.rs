//! What differs between two archives, by meaning: whatever their forms, and however their documents are spelled.

mod config;
mod content;
mod files;
mod layers;
mod pairs;
mod patch;
mod text;

use std::collections::HashSet;

use serde::Serialize;

use crate::annotation::{AnnotationEdit, AnnotationPlace, ImageAnnotations};
use crate::apply::{ConfigChange, TagSummary, compare_tags};
use crate::archive::{Archive, Image, Other};
use crate::digest::Digest;
use crate::error::Error;
use crate::gather::read_trees;
use crate::plan::Change;

use content::Contents;
pub use files::{FileDifference, FileSide, Property};
pub(crate) use files::{device_name, kind_name};
pub use layers::LayerDifference;
pub use pairs::Pair;
pub(crate) use patch::config_operations;
pub use patch::{DifferencePatch, LayerTar, PatchStyle};

/// What differs between two archives.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The version of this document; fields may be added within it.
    pub format_version: u32,
    /// Whether anything differs.
    pub changed: bool,
    /// The form of the new archive.
    pub form: &'static str,
    /// The form of the old one.
    pub old_form: &'static str,
    /// The images of both, in the order of the old archive; those that are only in the new one come last.
    pub images: Vec<ImageDifference>,
    /// Attestations, signatures and artifacts that only one of the archives has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherDifference>,
}

/// An attestation, a signature or an artifact that one of the archives has.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherDifference {
    /// Which archive has it.
    pub change: Change,
    /// What it is.
    pub kind: String,
    /// Its digest.
    pub digest: Digest,
    /// The documents that it is about.
    #[serde(skip)]
    pub(crate) about: Vec<Digest>,
}

/// What differs between an image and the one that it is held against.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageDifference {
    /// The first tag, else the short id: of the old image where there is one.
    pub name: String,
    /// The machine that it is for.
    pub platform: String,
    /// Whether the image is in one archive only, in both and changed, or the same.
    pub change: Change,
    /// The id of the new image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<Digest>,
    /// The id of the old image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_image_id: Option<Digest>,
    /// The digest of the new manifest, where both archives have one and these differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<Digest>,
    /// The digest of the old one, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_manifest_digest: Option<Digest>,
    /// The digest of the index above the new manifest, where both archives have one and these differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_digest: Option<Digest>,
    /// The digest of the old one, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_index_digest: Option<Digest>,
    /// What differs in the configuration, by path.
    pub config: Vec<ConfigChange>,
    /// What differs in the history.
    pub history: Vec<ConfigChange>,
    /// What differs in the annotations; a document that is not there has none.
    pub annotations: Vec<AnnotationEdit>,
    /// The layers from the base up, the ones of the old image before those that stand there now.
    pub layers: Vec<LayerDifference>,
    /// The names; those that go come first.
    pub tags: Vec<TagSummary>,
    /// The paths of the merged trees that differ, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<FileDifference>>,
}

impl Difference {
    /// Compares two archives; the file trees only `with_files`.
    pub fn between(old: &Archive, new: &Archive, with_files: bool) -> Result<Self, Error> {
        let pairs = pairs::pairs(old.images(), new.images());
        let mut images: Vec<ImageDifference> = pairs
            .iter()
            .map(|pair| ImageDifference::of(pair, old, new))
            .collect();
        if with_files {
            let compared = compare_files(&pairs, old, new, &mut images);
            // A change of an archive explains whatever was found.
            old.source().check()?;
            new.source().check().and(compared)?;
        }
        let others = compare_others(old, new);
        Ok(Self {
            format_version: 1,
            changed: !others.is_empty() || images.iter().any(|image| image.change != Change::Kept),
            form: new.form(),
            old_form: old.form(),
            images,
            others,
        })
    }
}

/// Returns the attestations, signatures and artifacts that only one of the archives has.
fn compare_others(old: &Archive, new: &Archive) -> Vec<OtherDifference> {
    let (before, after) = (old.others(), new.others());
    let digests = |others: &[Other]| others.iter().map(|other| other.digest).collect();
    let (old, new): (HashSet<Digest>, HashSet<Digest>) = (digests(&before), digests(&after));
    let only = |others: Vec<Other>, there: &HashSet<Digest>, change: Change| {
        let alone = others
            .into_iter()
            .filter(|other| !there.contains(&other.digest));
        let told = alone.map(|other| OtherDifference {
            change,
            kind: other.kind,
            digest: other.digest,
            about: other.about,
        });
        told.collect::<Vec<_>>()
    };
    let mut others = only(before, &new, Change::Removed);
    others.extend(only(after, &old, Change::Added));
    others
}

/// Trees first and contents last, so that a layer of several images is read for all of them at once.
fn compare_files(
    pairs: &[Pair],
    old: &Archive,
    new: &Archive,
    images: &mut [ImageDifference],
) -> Result<(), Error> {
    let both: Vec<(usize, usize)> = pairs
        .iter()
        .filter_map(|pair| pair.old.zip(pair.new))
        .collect();
    let (before, after): (Vec<usize>, Vec<usize>) = both.into_iter().unzip();
    let (before, after) = (read_trees(old, &before)?, read_trees(new, &after)?);
    let (mut old_contents, mut new_contents) = (Contents::default(), Contents::default());
    let mut candidates = Vec::with_capacity(images.len());
    for pair in pairs {
        candidates.push(match (pair.old, pair.new) {
            (Some(a), Some(b)) => {
                let (a, b) = (
                    (&old.images()[a], &before[&a]),
                    (&new.images()[b], &after[&b]),
                );
                let found = files::candidates(a, b);
                for (a, b) in found.iter().filter_map(|file| file.undecided) {
                    old_contents.want(a);
                    new_contents.want(b);
                }
                Some(found)
            }
            _ => None,
        });
    }
    old_contents.read(old.source())?;
    new_contents.read(new.source())?;
    for (image, found) in images.iter_mut().zip(candidates) {
        let Some(found) = found else { continue };
        let decide = |file: files::Candidate| file.decide(&old_contents, &new_contents);
        let files: Vec<FileDifference> = found.into_iter().filter_map(decide).collect();
        if !files.is_empty() {
            image.change = Change::Changed;
        }
        image.files = Some(files);
    }
    Ok(())
}

impl ImageDifference {
    fn of(pair: &Pair, old: &Archive, new: &Archive) -> Self {
        match (pair.old, pair.new) {
            (Some(a), Some(b)) => Self::of_both((old, a), (new, b)),
            (Some(a), None) => Self::of_one(&old.images()[a], Change::Removed),
            (None, Some(b)) => Self::of_one(&new.images()[b], Change::Added),
            (None, None) => unreachable!("a pair has an image"),
        }
    }

    fn of_one(image: &Image, change: Change) -> Self {
        let is_old = change == Change::Removed;
        Self {
            name: image.display_name(),
            platform: image.platform().to_string(),
            change,
            image_id: (!is_old).then(|| image.image_id()),
            old_image_id: is_old.then(|| image.image_id()),
            manifest_digest: None,
            old_manifest_digest: None,
            index_digest: None,
            old_index_digest: None,
            config: Vec::new(),
            history: Vec::new(),
            annotations: Vec::new(),
            layers: Vec::new(),
            tags: Vec::new(),
            files: None,
        }
    }

    fn of_both((old, a): (&Archive, usize), (new, b): (&Archive, usize)) -> Self {
        let (before, after) = (&old.images()[a], &new.images()[b]);
        let (config, history) = config::compare_configs(before.config(), after.config());
        let annotations = annotation_edits(&old.annotations(a), &new.annotations(b));
        let layers = layers::compare_layers(before.layers(), after.layers());
        let tags = compare_tags(before.tags(), after.tags());
        let (old_manifest, manifest) = differing(before.manifest_digest(), after.manifest_digest());
        let (old_index, index) = differing(old.index_of(before), new.index_of(after));
        let is_same = manifest.is_none()
            && index.is_none()
            && config.is_empty()
            && history.is_empty()
            && annotations.is_empty()
            && layers.iter().all(|layer| layer.change == Change::Kept)
            && tags.iter().all(|tag| tag.change == Change::Kept);
        Self {
            name: before.display_name(),
            platform: before.platform().to_string(),
            change: if is_same {
                Change::Kept
            } else {
                Change::Changed
            },
            image_id: Some(after.image_id()),
            old_image_id: Some(before.image_id()),
            manifest_digest: manifest,
            old_manifest_digest: old_manifest,
            index_digest: index,
            old_index_digest: old_index,
            config,
            history,
            annotations,
            layers,
            tags,
            files: None,
        }
    }
}

/// Returns both digests if they differ; nothing where a form has none.
fn differing(old: Option<Digest>, new: Option<Digest>) -> (Option<Digest>, Option<Digest>) {
    match (old, new) {
        (Some(a), Some(b)) if a != b => (old, new),
        _ => (None, None),
    }
}

/// What leads from one to the other where a document that is not there counts as one without annotations.
fn annotation_edits(old: &ImageAnnotations, new: &ImageAnnotations) -> Vec<AnnotationEdit> {
    let filled = |annotations: &ImageAnnotations| {
        let of = |place| Some(annotations.on(place).cloned().unwrap_or_default());
        ImageAnnotations {
            manifest: of(AnnotationPlace::Manifest),
            index: of(AnnotationPlace::Index),
            descriptor: of(AnnotationPlace::Descriptor),
        }
    };
    filled(old).edits(&filled(new))
}
