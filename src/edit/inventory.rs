//! What planning needs to know of an image, and of contents of its files.

use std::collections::HashMap;
use std::sync::Arc;

use crate::annotation::{ImageAnnotations, Referring};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::image::Config;
use crate::layer::Data;
use crate::reference::Reference;
use crate::rootfs::{Content, LayerLog, Rootfs};

/// The contents of files that planning has asked for (`Unplanned::Wants`).
#[derive(Debug, Default)]
pub struct Texts(HashMap<WantedText, Arc<[u8]>>);

impl Texts {
    /// Adds the content of a file.
    pub fn insert(&mut self, wanted: WantedText, text: Arc<[u8]>) {
        self.0.insert(wanted, text);
    }

    pub(crate) fn get(&self, wanted: &WantedText) -> Option<&Arc<[u8]>> {
        self.0.get(wanted)
    }
}

/// Content that a plan depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WantedText {
    /// The image whose layers it may be in.
    pub image: usize,
    /// Where it is.
    pub data: Data,
}

/// What planning needs of an image.
#[derive(Debug, Clone)]
pub struct InventoryImage {
    /// The configuration as it is.
    pub config: Config,
    /// The digest of its bytes.
    pub image_id: Digest,
    /// The names.
    pub tags: Vec<Reference>,
    /// The images that share these names, which are for other platforms, have the same number.
    pub group: usize,
    /// The digests by which the image is known besides its id: of its manifest, and of the index above it.
    pub digests: Vec<Digest>,
    /// What the archive says about the image: attestations, signatures and other referrers.
    pub referrers: Referring,
    /// What is said about it in the documents above the configuration.
    pub annotations: ImageAnnotations,
    /// Whether the archive says anything about the index above the image.
    pub is_index_referred_to: bool,
    /// The lowest layer that the archive leaves out, by the name that its file would have.
    pub absent_layer: Option<String>,
    /// Bytes of each layer in the archive, from the base up.
    pub layer_sizes: Vec<u64>,
    /// How each layer is compressed in the archive.
    pub layer_compressions: Vec<Compression>,
    /// The merged file tree, where an operation or precondition needs it.
    pub tree: Option<Rootfs>,
    /// What the streams of its layers hold, by position, where an operation moves layers or looks into them.
    pub logs: Option<HashMap<usize, Arc<LayerLog>>>,
    /// What contents of files hash to, where a precondition asks for it.
    pub contents: HashMap<Content, Digest>,
}
