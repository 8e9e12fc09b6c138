//! From a plan to a new archive: reads what is to be added, derives every digest, and has the archive written.
//!
//! Nothing is written before everything is known: [`prepare`] ends with the ids that the output will have.

pub mod markdown;
mod mask;
mod record;
mod summary;
mod text;

use std::io::{self, Write};
use std::path::Path;

use crate::archive::{
    Archive, Conversion, Layer, NewLayer, RevisedImage, RevisedLayer, Revision, convert, spool_file,
};
use crate::compression::Compression;
use crate::digest::{DiffId, Digest, Hashing};
use crate::error::Error;
use crate::image::Config;
use crate::layer::{LayerContent, SourceDirectory, WriteError, write_layer};
use crate::plan::{ImagePlan, Plan, PlannedLayer};

pub use record::AppliedPatch;
pub(crate) use summary::compare;
pub use summary::{ConfigChange, ImageSummary, LayerSummary, Summary, TagSummary};
pub(crate) use text::{annotation, bytes, describe, short, shown};

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
/// `roots` are the source directories that the plan's layers take their files from. Compressed layers wait in nameless
/// files in the directory `spool`.
pub fn prepare<'a>(
    plan: &'a Plan,
    archive: &'a Archive,
    roots: &'a [SourceDirectory],
    spool: &'a Path,
) -> Result<Prepared<'a>, Error> {
    prepare_as(plan, archive, roots, spool, &Conversion::default())
}

/// Does what [`prepare`] does, for an archive of the form that `conversion` wants.
pub fn prepare_as<'a>(
    plan: &'a Plan,
    archive: &'a Archive,
    roots: &'a [SourceDirectory],
    spool: &'a Path,
    conversion: &Conversion,
) -> Result<Prepared<'a>, Error> {
    let mut new_layers = Vec::with_capacity(plan.layers.len());
    for (i, layer) in plan.layers.iter().enumerate() {
        let compression = compression_of(plan, archive, i);
        new_layers.push(if compression == Compression::None {
            plain_layer(&layer.content, roots)?
        } else {
            compressed_layer(&layer.content, roots, compression, spool)?
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
        let is_changed = config != *image.config()
            || planned.tags != image.tags()
            || !planned.annotations.is_empty();
        let layer = |layer: &PlannedLayer| match *layer {
            PlannedLayer::Kept(position) => RevisedLayer::Kept(position),
            PlannedLayer::Added(i) => RevisedLayer::Added(i),
        };
        revised.push(is_changed.then(|| RevisedImage {
            config,
            layers: planned.layers.iter().map(layer).collect(),
            tags: planned.tags.clone(),
            annotations: planned.annotations.clone(),
            keeps_referrers: planned.keeps_referrers,
        }));
    }
    let revision = convert(archive, &revised, new_layers, conversion, spool)?;
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
    let mut summary = Summary::new(archive, plan, &configs, &ids, &known, &revision);
    mask::mask(&mut summary, &plan.secrets);
    Ok(Prepared { revision, summary })
}

/// A new layer is compressed as the one below it is; what is only ever read (bzip2, xz) is followed by gzip.
fn compression_of(plan: &Plan, archive: &Archive, layer: usize) -> Compression {
    let is_in = |image: &ImagePlan| image.layers.contains(&PlannedLayer::Added(layer));
    let image = plan
        .images
        .iter()
        .position(is_in)
        .expect("every planned layer is in an image");
    match archive.images()[image]
        .layers()
        .last()
        .map(Layer::compression)
    {
        None | Some(Compression::None) => Compression::None,
        Some(Compression::Zstd) => Compression::Zstd,
        Some(_) => Compression::Gzip,
    }
}

/// A plain layer is read twice: to be hashed now, to be written once its place is known.
fn plain_layer<'a>(
    content: &'a LayerContent,
    roots: &'a [SourceDirectory],
) -> Result<NewLayer<'a>, Error> {
    let mut hashing = Hashing::new(io::sink());
    let (diff_id, size) = write_layer(content, roots, &mut hashing).map_err(host_error)?;
    let (digest, _, _) = hashing.finish();
    let write = Box::new(move |out: &mut dyn Write| write_again(content, roots, diff_id, out));
    Ok(NewLayer {
        diff_id,
        digest,
        size,
        compression: Compression::None,
        write,
    })
}

/// A compressed layer is written once, to where it can be copied from.
fn compressed_layer<'a>(
    content: &LayerContent,
    roots: &[SourceDirectory],
    compression: Compression,
    spool: &Path,
) -> Result<NewLayer<'a>, Error> {
    let failed = |source| Error::io(spool, source);
    let file = spool_file(spool).map_err(failed)?;
    let buffered = io::BufWriter::with_capacity(128 * 1024, file);
    let mut encoder = compression
        .encoder(Hashing::new(buffered))
        .map_err(failed)?;
    let (diff_id, _) = write_layer(content, roots, &mut encoder).map_err(host_error)?;
    let (digest, size, buffered) = encoder.finish().map_err(failed)?.finish();
    let file = buffered
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    Ok(NewLayer::spooled(file, diff_id, digest, size, compression))
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
