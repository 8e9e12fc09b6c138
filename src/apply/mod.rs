//! From a plan to a new archive: reads what is to be added, derives every digest, and has the archive written.
//!
//! Nothing is written before everything is known: [`prepare`] ends with the ids that the output will have.

mod summary;
mod text;

use std::io::{self, Write};

use crate::archive::{Archive, NewLayer, RevisedImage, RevisedLayer, Revision, revise};
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::image::Config;
use crate::layer::{LayerContent, SourceDirectory, WriteError, write_layer};
use crate::plan::{Plan, PlannedLayer};

pub use summary::{ConfigChange, ImageSummary, LayerSummary, Summary, TagSummary};
pub(crate) use text::bytes;

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
/// `roots` are the source directories that the plan's layers take their files from.
pub fn prepare<'a>(
    plan: &'a Plan,
    archive: &'a Archive,
    roots: &'a [SourceDirectory],
) -> Result<Prepared<'a>, Error> {
    let mut new_layers = Vec::with_capacity(plan.layers.len());
    for layer in &plan.layers {
        let (diff_id, size) = write_layer(&layer.content, roots, io::sink()).map_err(host_error)?;
        let write =
            Box::new(move |out: &mut dyn Write| write_again(&layer.content, roots, diff_id, out));
        new_layers.push(NewLayer {
            diff_id,
            size,
            write,
        });
    }
    let known: Vec<(DiffId, u64)> = new_layers
        .iter()
        .map(|layer| (layer.diff_id, layer.size))
        .collect();
    let mut revised = Vec::with_capacity(plan.images.len());
    for (image, planned) in archive.images().iter().zip(&plan.images) {
        let mut config = planned.config.clone();
        for layer in &planned.layers {
            if let PlannedLayer::Added(i) = *layer {
                config.push_diff_id(known[i].0);
            }
        }
        let is_changed = config != *image.config() || planned.tags != image.tags();
        let layer = |layer: &PlannedLayer| match *layer {
            PlannedLayer::Kept(position) => RevisedLayer::Kept(position),
            PlannedLayer::Added(i) => RevisedLayer::Added(i),
        };
        revised.push(is_changed.then(|| RevisedImage {
            config,
            layers: planned.layers.iter().map(layer).collect(),
            tags: planned.tags.clone(),
        }));
    }
    let revision = revise(archive, &revised, new_layers)?;
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
    let summary = Summary::new(archive, plan, &configs, &ids, &known, &revision);
    Ok(Prepared { revision, summary })
}

/// Writes a layer that was hashed before; other bytes than then are an error.
fn write_again(
    content: &LayerContent,
    roots: &[SourceDirectory],
    expected: DiffId,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let (found, _) = write_layer(content, roots, out).map_err(host_error)?;
    if found != expected {
        let what = "the digest of a layer that was read twice".to_owned();
        return Err(Error::Mismatch {
            what,
            found: found.to_string(),
            wanted: expected.to_string(),
        });
    }
    Ok(())
}

fn host_error(error: WriteError) -> Error {
    match error {
        WriteError::Host(error) => Error::io(&error.path, error.error),
        WriteError::Changed { path } => Error::Changed {
            place: path.display().to_string(),
        },
        WriteError::Output(source) => Error::Io {
            place: "the output".to_owned(),
            source,
        },
    }
}
