//! What a plan comes to, with every digest: the value behind `ocipatch plan`, its text and its JSON.

use std::collections::HashSet;

use serde::Serialize;

use super::compare::compare;
use super::layer_summary::{self, LayerSummary};
use super::layers::Places;
use crate::annotation::AnnotationEdit;
use crate::archive::{Archive, Revision};
use crate::digest::Digest;
use crate::image::Config;
use crate::plan::{Change, Plan, Step};
use crate::reference::Reference;

/// What happens to an archive.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The version of this document; fields may be added within it.
    pub format_version: u32,
    /// Whether anything changes at all.
    pub changed: bool,
    /// The form of the archive.
    pub form: &'static str,
    /// Every image of the archive, in its order.
    pub images: Vec<ImageSummary>,
    /// What the reader should know about the archive as a whole.
    pub notes: Vec<String>,
}

/// What happens to an image.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageSummary {
    /// The first tag before the patch, else the short id.
    pub name: String,
    /// The machine that the image is for.
    pub platform: String,
    /// Whether anything changes.
    pub changed: bool,
    /// The id, which is the digest of the configuration.
    pub image_id: Digest,
    /// The id before the patch.
    pub old_image_id: Digest,
    /// The digest of the OCI manifest, where the form has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<Digest>,
    /// The digest of the OCI manifest before the patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_manifest_digest: Option<Digest>,
    /// The digest of the index, where the names stand for one: for images of several platforms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_digest: Option<Digest>,
    /// The digest of the index before the patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_index_digest: Option<Digest>,
    /// What changes in the configuration, by path; layers' diff ids are listed under `layers`.
    pub config: Vec<ConfigChange>,
    /// What changes in the annotations of manifest, index and descriptors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<AnnotationEdit>,
    /// The layers from the base up.
    pub layers: Vec<LayerSummary>,
    /// The names.
    pub tags: Vec<TagSummary>,
    /// What each operation does.
    pub steps: Vec<Step>,
    /// What the reader should know.
    pub notes: Vec<String>,
}

/// One value of the configuration that changes.
#[derive(Debug, Clone, Serialize)]
pub struct ConfigChange {
    /// Keys and indices from the root.
    pub path: Vec<String>,
    /// Added, changed or removed.
    pub change: Change,
    /// The value before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<serde_json::Value>,
    /// The value after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<serde_json::Value>,
}

/// One name.
#[derive(Debug, Clone, Serialize)]
pub struct TagSummary {
    /// Kept, added or removed.
    pub change: Change,
    /// The name.
    pub tag: Reference,
}

impl ImageSummary {
    /// Returns the digest that registries know it by: that of the index, or of the only manifest.
    #[must_use]
    pub fn root_digest(&self) -> Option<Digest> {
        self.index_digest.or(self.manifest_digest)
    }

    /// Returns the names that the image has in the end.
    pub fn names(&self) -> impl Iterator<Item = &Reference> {
        let there = self.tags.iter().filter(|tag| tag.change != Change::Removed);
        there.map(|tag| &tag.tag)
    }
}

impl Summary {
    pub(super) fn new(
        archive: &Archive,
        plan: &Plan,
        configs: &[&Config],
        ids: &[Digest],
        places: &Places,
        revision: &Revision<'_>,
    ) -> Self {
        let mut images = Vec::new();
        for (i, (image, planned)) in archive.images().iter().zip(&plan.images).enumerate() {
            let mut config = Vec::new();
            let (old, new) = (&image.config().document().root, &configs[i].document().root);
            compare(&mut Vec::new(), Some(old), Some(new), &mut config);
            config.retain(|change| {
                change.path[..] != ["rootfs", "diff_ids"]
                    && change.path.get(1).is_none_or(|key| key != "diff_ids")
            });
            let old_index = archive.index_of(image);
            let root = revision.roots[image.group()].as_ref();
            let root = root.map(|root| root.digest);
            let is_index = old_index.is_some() && root != revision.manifest_digests[i];
            let index = root.filter(|_| is_index);
            images.push(ImageSummary {
                name: image.display_name(),
                platform: image.platform().to_string(),
                changed: ids[i] != image.image_id()
                    || planned.tags != image.tags()
                    || !planned.annotations.is_empty()
                    || !planned.recompressed.is_empty(),
                image_id: ids[i],
                old_image_id: image.image_id(),
                manifest_digest: revision.manifest_digests[i],
                old_manifest_digest: image.manifest_digest(),
                index_digest: index,
                old_index_digest: old_index,
                config,
                annotations: planned.annotations.clone(),
                layers: layer_summary::layers((i, image), planned, plan, (places, revision)),
                tags: compare_tags(image.tags(), &planned.tags),
                steps: planned.steps.clone(),
                notes: planned.notes.clone(),
            });
        }
        let n_absent: usize = archive
            .groups()
            .iter()
            .map(crate::archive::Group::n_absent)
            .sum();
        let mut notes = [&plan.notes[..], &revision.notes].concat();
        if n_absent > 0 {
            notes.push(match n_absent {
                1 => "an image that an index lists is not in the archive; it stays listed as it is".to_owned(),
                n => format!("{n} images that indexes list are not in the archive; they stay listed as they are"),
            });
        }
        notes.extend(unread_notes(archive));
        Self {
            format_version: 1,
            changed: images.iter().any(|image| image.changed),
            form: archive.form(),
            images,
            notes,
        }
    }
}

/// Reports images that cannot be read and stay as they are.
fn unread_notes(archive: &Archive) -> Vec<String> {
    /// More are counted.
    const MAX_TOLD: usize = 10;
    let unread = archive.unread();
    let told = unread.iter().take(MAX_TOLD).map(|unread| {
        let name = unread.display_name();
        if unread.is_absent {
            return format!("`{name}` is listed but not in the archive; its entry stays as it is");
        }
        format!(
            "`{name}` cannot be read and stays as it is: {}",
            unread.error
        )
    });
    let n_more = unread.len().saturating_sub(MAX_TOLD);
    let more = (n_more > 0).then(|| format!("{n_more} more cannot be read and stay as they are"));
    told.chain(more).collect()
}

/// Returns the tags of an image before and after: removed ones first.
pub(crate) fn compare_tags(old: &[Reference], new: &[Reference]) -> Vec<TagSummary> {
    let summary = |change, tag: &Reference| TagSummary {
        change,
        tag: tag.clone(),
    };
    let (before, after): (HashSet<&Reference>, HashSet<&Reference>) =
        (old.iter().collect(), new.iter().collect());
    let gone = old.iter().filter(|tag| !after.contains(tag));
    let gone = gone.map(|tag| summary(Change::Removed, tag));
    let there = new.iter().map(|tag| {
        let is_old = before.contains(tag);
        summary(if is_old { Change::Kept } else { Change::Added }, tag)
    });
    gone.chain(there).collect()
}
