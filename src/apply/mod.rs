//! From a plan to a new archive: reads what is to be added, derives every digest, and has the archive written.
//!
//! Nothing is written before everything is known: [`prepare`] ends with the ids that the output will have.

mod compare;
mod layer_summary;
mod layers;
pub mod markdown;
mod mask;
mod record;
mod relay;
mod remains;
mod summary;
mod text;
mod text_diff;
mod text_lines;
mod total;
mod value;

use std::path::Path;
use std::sync::Arc;

use crate::archive::{Archive, Conversion, RevisedImage, RevisedLayer, Revision, revise};
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::gather::OpenSources;
use crate::image::Config;
use crate::plan::{Plan, PlannedLayer};

pub(crate) use compare::compare;
pub use layer_summary::LayerSummary;
pub use record::AppliedPatch;
pub(crate) use summary::compare_tags;
pub use summary::{ConfigChange, ImageSummary, Summary, TagSummary};
pub(crate) use text::{annotation, bytes, describe, put_changes, put_id, short, shown};

/// A plan with all its digests, ready to be published.
#[derive(Debug)]
pub struct Prepared<'a> {
    /// The new archive, not written yet.
    pub revision: Revision<'a>,
    /// What changes, for people and programs.
    pub summary: Summary,
}

/// Reads and hashes the layers to add, and derives the new archive.
///
/// `opened` is what was opened for the plan. Compressed layers wait in nameless files in the directory `spool`.
pub fn prepare<'a>(
    plan: &Arc<Plan>,
    archive: &'a Archive,
    opened: &Arc<OpenSources>,
    spool: &'a Path,
) -> Result<Prepared<'a>, Error> {
    prepare_as(plan, archive, opened, spool, &Conversion::default())
}

/// Does what [`prepare`] does, for an archive of the form that `conversion` wants.
pub fn prepare_as<'a>(
    plan: &Arc<Plan>,
    archive: &'a Archive,
    opened: &Arc<OpenSources>,
    spool: &'a Path,
    conversion: &Conversion,
) -> Result<Prepared<'a>, Error> {
    let stored = layers::store(plan, archive, opened, spool);
    // A change of an input explains whatever went wrong.
    archive.source().check().and_then(|()| opened.check())?;
    let (stored, places) = stored?;
    let mut revised = Vec::with_capacity(plan.images.len());
    for (i, (image, planned)) in archive.images().iter().zip(&plan.images).enumerate() {
        let mut config = planned.config.clone();
        let diff_id = |layer: &PlannedLayer| match *layer {
            PlannedLayer::Kept(position) => image.layers()[position].diff_id(),
            PlannedLayer::Made(layer) => stored[places.made(layer)].diff_id,
        };
        let diff_ids: Vec<DiffId> = planned.layers.iter().map(diff_id).collect();
        config.set_diff_ids(&diff_ids);
        let is_kept = |(i, layer): (usize, &PlannedLayer)| *layer == PlannedLayer::Kept(i);
        let is_changed = config != *image.config()
            || planned.tags != image.tags()
            || !planned.annotations.is_empty()
            || !planned.layers.iter().enumerate().all(is_kept)
            || !planned.recompressed.is_empty();
        let layer = |layer: &PlannedLayer| match *layer {
            PlannedLayer::Kept(position) => match places.recompressed(i, position) {
                Some(place) => RevisedLayer::Stored(place),
                None => RevisedLayer::Kept(position),
            },
            PlannedLayer::Made(layer) => RevisedLayer::Stored(places.made(layer)),
        };
        revised.push(is_changed.then(|| RevisedImage {
            config,
            layers: planned.layers.iter().map(layer).collect(),
            tags: planned.tags.clone(),
            annotations: planned.annotations.clone(),
            keeps_referrers: planned.keeps_referrers,
        }));
    }
    let mut revision = revise(archive, &revised, stored, conversion, spool)?;
    revision.draft.enter(&opened.ledger)?;
    let configs: Vec<&Config> = archive
        .images()
        .iter()
        .zip(&revised)
        .map(|(image, revised)| {
            revised
                .as_ref()
                .map_or(image.config(), |revised| &revised.config)
        })
        .collect();
    let ids: Vec<Digest> = configs.iter().map(|config| config.digest()).collect();
    let mut summary = Summary::new(archive, plan, &configs, &ids, &places, &revision);
    let remains = remains::notes(plan, archive, opened)?;
    for (image, notes) in summary.images.iter_mut().zip(remains) {
        image.notes.extend(notes);
    }
    for image in &mut summary.images {
        image.notes.extend(layer_summary::repeated(&image.layers));
    }
    plan.secrets.mask_all(mask::shown(&mut summary));
    Ok(Prepared { revision, summary })
}
