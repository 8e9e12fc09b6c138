//! The digests of the files that are shown.

use std::collections::{BTreeMap, HashMap};

use super::filter::View;
use crate::archive::{Archive, BlobId, Layer};
use crate::digest::Digest;
use crate::error::Error;
use crate::rootfs::Node;
use crate::tarball::{ContentReader, Kind, MAX_HOLE_BYTES};

/// What files hash to, by where their content is.
#[derive(Debug, Default)]
pub struct Digests(HashMap<(BlobId, u64), Digest>);

impl Digests {
    /// Reads every regular file that `views` show, each layer once and in order.
    ///
    /// Sparse files beyond [`MAX_HOLE_BYTES`] of holes, counted together, are not read.
    pub fn read(archive: &Archive, views: &HashMap<usize, View>) -> Result<Self, Error> {
        let mut wanted: BTreeMap<BlobId, (&Layer, BTreeMap<u64, &Node>)> = BTreeMap::new();
        for (image, view) in views {
            let layers = archive.images()[*image].layers();
            for (_, node) in view.iter().filter(|(_, node)| node.kind == Kind::File) {
                let layer = &layers[node.content.layer];
                if let Some(blob) = layer.blob() {
                    let (_, files) = wanted
                        .entry(blob)
                        .or_insert_with(|| (layer, BTreeMap::new()));
                    files.insert(node.content.offset, node);
                }
            }
        }
        let mut digests = HashMap::new();
        let mut n_holes = 0_u64;
        for (blob, (layer, files)) in wanted {
            let failed = Error::in_place(archive.layer_name(layer));
            let mut stream = archive.open_layer(layer)?;
            let mut position = 0;
            for (offset, node) in files {
                n_holes = n_holes.saturating_add(node.hole_bytes());
                if node.hole_bytes() > 0 && n_holes > MAX_HOLE_BYTES {
                    continue;
                }
                stream.skip(offset - position).map_err(failed)?;
                let mut content = ContentReader::new(&mut stream, node.size, node.sparse.as_ref());
                let (digest, _) = Digest::of_reader(&mut content).map_err(failed)?;
                position = offset + node.stored_bytes();
                digests.insert((blob, offset), digest);
            }
        }
        Ok(Self(digests))
    }

    /// Returns what a file of an image with these layers hashes to, if it was read.
    #[must_use]
    pub fn of(&self, layers: &[Layer], node: &Node) -> Option<Digest> {
        let blob = layers[node.content.layer].blob()?;
        let digest = self.0.get(&(blob, node.content.offset));
        digest.copied().filter(|_| node.kind == Kind::File)
    }
}
