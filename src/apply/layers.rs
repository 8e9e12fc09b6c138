//! The layers of a plan, read and hashed.
//!
//! A layer has three stages. One that is *kept* is never opened: its bytes stay where they are. Of one that is *made* the plan has
//! decided what is in it, and nothing was read. Here it becomes one that is *stored*: its digests are known, and its bytes can be
//! written.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::Crc;

use super::relay::relay;
use crate::archive::{Archive, Image, Layer, Spool, StoredLayer};
use crate::compression::Compression;
use crate::digest::{DiffId, Hashing};
use crate::error::Error;
use crate::gather::{OpenSources, Reading};
use crate::layer::{Origin, WriteError, write_layer, write_rewritten};
use crate::plan::{ImagePlan, MadeContent, Plan, PlannedLayer};
use crate::tarball::read_some;
use crate::watch::{self, Counted, Counting};

const BUFFER_BYTES: usize = 128 * 1024;

/// Where the layers of a plan are among those that are stored.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// For each layer of the plan, if an image has it.
    made: Vec<Option<usize>>,
    /// For each image and position of a layer that is stored in another way.
    recompressed: HashMap<(usize, usize), usize>,
}

impl Places {
    /// Returns the place of a layer of the plan.
    pub(super) fn made(&self, layer: usize) -> usize {
        self.made[layer].expect("what an image has was made")
    }

    /// Returns the place of a layer of an image, if it is stored in another way.
    pub(super) fn recompressed(&self, image: usize, position: usize) -> Option<usize> {
        self.recompressed.get(&(image, position)).copied()
    }
}

/// Reads and hashes the layers of a plan. Compressed ones wait in nameless files in the directory `spool`.
pub(super) fn store<'a>(
    plan: &Arc<Plan>,
    archive: &'a Archive,
    opened: &Arc<OpenSources>,
    spool: &'a Path,
) -> Result<(Vec<StoredLayer<'a>>, Places), Error> {
    let mut stored = Vec::new();
    let mut places = Places::default();
    let mut spool = Spool::new(spool);
    for (i, layer) in plan.layers.iter().enumerate() {
        let planned = &plan.images[layer.image];
        let Some(position) = planned.position(i) else {
            places.made.push(None);
            continue;
        };
        let image = &archive.images()[layer.image];
        let neighbours = || compression_of_neighbours(planned, image, position);
        let recipe = Recipe {
            plan: Arc::clone(plan),
            opened: Arc::clone(opened),
            archive,
            image: layer.image,
            step: PlannedStep::Made(i),
            compression: layer.compression.unwrap_or_else(neighbours),
        };
        places.made.push(Some(stored.len()));
        recipe.announce(stored.len() + 1);
        stored.push(recipe.store(&mut spool)?);
    }
    for (i, planned) in plan.images.iter().enumerate() {
        for (r, layer) in planned.recompressed.iter().enumerate() {
            let recipe = Recipe {
                plan: Arc::clone(plan),
                opened: Arc::clone(opened),
                archive,
                image: i,
                step: PlannedStep::Recompressed(r),
                compression: layer.compression,
            };
            let place = (i, layer.position);
            places.recompressed.insert(place, stored.len());
            recipe.announce(stored.len() + 1);
            stored.push(recipe.store(&mut spool)?);
        }
    }
    Ok((stored, places))
}

impl ImagePlan {
    /// Returns where in the stack a layer of the plan is, if the image has it.
    fn position(&self, layer: usize) -> Option<usize> {
        let is_it = |it: &PlannedLayer| *it == PlannedLayer::Made(layer);
        self.layers.iter().position(is_it)
    }
}

/// A new layer is compressed as the one below it is, or else the one above; what is only ever read (bzip2, xz) has gzip
/// for a neighbour.
fn compression_of_neighbours(planned: &ImagePlan, image: &Image, position: usize) -> Compression {
    let (below, above) = planned.layers.split_at(position);
    let kept = |layer: &PlannedLayer| match *layer {
        PlannedLayer::Kept(position) => Some(&image.layers()[position]),
        PlannedLayer::Made(_) => None,
    };
    let neighbour = below.iter().rev().chain(above).find_map(kept);
    match neighbour.or(image.layers().last()).map(Layer::compression) {
        None | Some(Compression::None) => Compression::None,
        Some(Compression::Zstd) => Compression::Zstd,
        Some(_) => Compression::Gzip,
    }
}

/// How a layer is made. It is kept, since a plain layer is made again when it is written.
struct Recipe<'a> {
    plan: Arc<Plan>,
    opened: Arc<OpenSources>,
    archive: &'a Archive,
    image: usize,
    step: PlannedStep,
    compression: Compression,
}

/// Where a plan has the content of a layer.
enum PlannedStep {
    /// Among the layers of the plan.
    Made(usize),
    /// Among the recompressed layers of the image.
    Recompressed(usize),
}

impl<'a> Recipe<'a> {
    fn content(&self) -> &MadeContent {
        match self.step {
            PlannedStep::Made(layer) => &self.plan.layers[layer].content,
            PlannedStep::Recompressed(layer) => {
                &self.plan.images[self.image].recompressed[layer].content
            }
        }
    }

    fn reading(&self) -> Reading<'_> {
        Reading {
            archive: self.archive,
            image: &self.archive.images()[self.image],
            opened: &self.opened,
        }
    }

    /// Says that the layer of that number is going to be made.
    fn announce(&self, number: usize) {
        let (n_bytes, counted) = match self.content() {
            MadeContent::Composed(content) => (content.tar_bytes, Counted::Made),
            MadeContent::Rewritten(rewrite) => (self.reading().size(rewrite.origin), Counted::Read),
            MadeContent::Verbatim(origin) => (self.reading().size(*origin), Counted::Read),
        };
        watch::begins(|| format!("making layer {number}"), n_bytes, counted);
    }

    fn store(self, spool: &mut Spool<'_>) -> Result<StoredLayer<'a>, Error> {
        if let MadeContent::Verbatim(Origin::Import(import)) = *self.content()
            && self.opened.imports[import].compression() == self.compression
        {
            return self.copied(import);
        }
        if self.compression == Compression::None {
            self.plain()
        } else {
            self.compressed(spool)
        }
    }

    /// Writes the uncompressed stream; returns its digest and size.
    fn hash(&self, out: impl Write) -> Result<(DiffId, u64), Error> {
        let mut out = Hashing::new(out);
        self.write(&mut out)?;
        let (diff_id, size, _) = out.finish_layer();
        self.check_stated(diff_id)?;
        Ok((diff_id, size))
    }

    /// A stream that is taken as it is has the digest that is stated of it.
    fn check_stated(&self, diff_id: DiffId) -> Result<(), Error> {
        let MadeContent::Verbatim(origin) = *self.content() else {
            return Ok(());
        };
        let stated = match origin {
            Origin::Layer(position) => Some(self.reading().image.layers()[position].diff_id()),
            Origin::Import(import) => self.opened.imports[import].diff_id(),
        };
        match stated {
            Some(stated) if stated != diff_id => Err(Error::Mismatch {
                what: format!(
                    "the diff id of the layer `{}`",
                    self.reading().place(origin)
                ),
                found: diff_id.to_string(),
                wanted: stated.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Writes the uncompressed stream.
    fn write(&self, out: impl Write) -> Result<(), Error> {
        let reading = self.reading();
        let open = move |origin| reading.open(origin);
        let inputs = reading.inputs(&open);
        let written = match self.content() {
            MadeContent::Composed(content) => {
                let counted = Counted::Made;
                write_layer(content, inputs, Counting { out, counted })
            }
            MadeContent::Rewritten(rewrite) => write_rewritten(rewrite, inputs, out),
            MadeContent::Verbatim(origin) => return self.write_verbatim(*origin, out),
        };
        written.map_err(|error| reading.error(error))
    }

    fn write_verbatim(&self, origin: Origin, mut out: impl Write) -> Result<(), Error> {
        let reading = self.reading();
        let mut input = reading.open(origin)?;
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let n = read_some(&mut input, &mut buffer)
                .map_err(|error| reading.error(WriteError::Read(origin, error)))?;
            if n == 0 {
                return Ok(());
            }
            let written = out.write_all(&buffer[..n]);
            written.map_err(|error| reading.error(WriteError::Output(error)))?;
        }
    }

    /// A layer whose bytes are there as they are wanted.
    fn copied(self, import: usize) -> Result<StoredLayer<'a>, Error> {
        let (diff_id, _) = self.hash(io::sink())?;
        let opened = Arc::clone(&self.opened);
        let copy = move |out: &mut dyn Write| {
            let import = &opened.imports[import];
            let copied = io::copy(&mut import.blob()?.reader(), out);
            copied.map_err(Error::in_place(import.place()))
        };
        let mut hashing = Hashing::new(Summing::new(io::sink()));
        copy(&mut hashing)?;
        let (digest, size, summing) = hashing.finish();
        let wanted = summing.sum.sum();
        let opened = Arc::clone(&self.opened);
        let write = Box::new(move |out: &mut dyn Write| {
            let mut summing = Summing::new(out);
            copy(&mut summing)?;
            opened.imports[import].check()?;
            summing.check(wanted)
        });
        Ok(StoredLayer {
            diff_id,
            digest,
            size,
            compression: self.compression,
            write,
        })
    }

    /// A plain layer is read twice: to be hashed now, to be written once its place is known. That both were the same is
    /// for a checksum to tell.
    fn plain(self) -> Result<StoredLayer<'a>, Error> {
        let hashing = Hashing::new(Summing::new(io::sink()));
        let (written, hashing) = relay(hashing, |out| self.write(out));
        written?;
        let (diff_id, size, summing) = hashing.expect("a sink takes all").finish_layer();
        self.check_stated(diff_id)?;
        let wanted = summing.sum.sum();
        let compression = self.compression;
        let write = Box::new(move |out: &mut dyn Write| {
            let mut summing = Summing::new(out);
            self.write(&mut summing)?;
            self.opened.check()?;
            summing.check(wanted)
        });
        Ok(StoredLayer {
            diff_id,
            digest: diff_id.into(),
            size,
            compression,
            write,
        })
    }

    /// A compressed layer is written once, to where it can be copied from.
    fn compressed(self, spool: &mut Spool<'_>) -> Result<StoredLayer<'a>, Error> {
        let (file, start) = spool.begin()?;
        let failed = |source| spool.error(source);
        let buffered = io::BufWriter::with_capacity(BUFFER_BYTES, &*file);
        let encoder = self.compression.encoder(Hashing::new(buffered));
        let mut encoder = encoder.map_err(failed)?;
        let (diff_id, _) = self.hash(&mut encoder)?;
        let (digest, size, buffered) = encoder.finish().map_err(failed)?.finish();
        buffered
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        Ok(StoredLayer::spooled(
            (file, start),
            diff_id,
            digest,
            size,
            self.compression,
        ))
    }
}

/// A writer that keeps a checksum of what went through it.
struct Summing<W> {
    sum: Crc,
    out: W,
}

impl<W> Summing<W> {
    fn new(out: W) -> Self {
        let sum = Crc::new();
        Self { sum, out }
    }

    /// Whether what went through has the checksum of what was read before.
    fn check(self, wanted: u32) -> Result<(), Error> {
        let found = self.sum.sum();
        if found == wanted {
            return Ok(());
        }
        Err(Error::Mismatch {
            what: "the checksum (CRC-32) of a layer that was read twice".to_owned(),
            found: format!("{found:08x}"),
            wanted: format!("{wanted:08x}"),
        })
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.sum.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Write as _, sink};

    use super::Summing;

    #[test]
    fn what_is_read_twice_is_the_same_or_an_error() {
        // The check value of CRC-32/ISO-HDLC.
        for (wanted, is_fine) in [(0xcbf4_3926, true), (0xcbf4_3927, false), (0, false)] {
            let mut summing = Summing::new(sink());
            summing.write_all(b"123456789").unwrap();
            assert_eq!(summing.check(wanted).is_ok(), is_fine, "{wanted:x}");
        }
    }
}
