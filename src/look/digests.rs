//! The digests of the files that are shown.

use std::collections::{BTreeMap, HashMap};

use super::content::Contents;
use super::filter::View;
use crate::archive::{Archive, BlobId, Layer};
use crate::digest::Digest;
use crate::error::Error;
use crate::rootfs::Node;
use crate::tarball::{Kind, MAX_HOLE_BYTES};

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
        let mut contents = Contents::of(archive);
        for (blob, (layer, files)) in wanted {
            for (offset, node) in files {
                n_holes = n_holes.saturating_add(node.hole_bytes());
                if node.hole_bytes() > 0 && n_holes > MAX_HOLE_BYTES {
                    continue;
                }
                let digest = contents.read(layer, node, |content, place| {
                    let read = Digest::of_reader(content);
                    Ok(read.map_err(Error::in_place(place))?.0)
                })?;
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
