//! Archives of images: files on disk in, [`Archive`] out, and the way back.
//!
//! An archive is read without being changed, and a revision of it is a value ([`Revision`]): the complete list of
//! entries of the new archive, each either kept from the old one or new. Only `publish` and its like write, and none of
//! them writes over what was read (see [`crate::ledger`]).

mod change;
mod dialect;
mod documents;
mod draft;
mod hidden;
mod in_parallel;
mod no_follow;
mod open;
mod publish;
mod repair;
mod revise;
mod scratch;
mod source;

pub use dialect::form::Form;
pub use documents::Other;
pub use documents::descriptor::speaks_of_bytes;
pub use documents::root::Root;
pub use documents::unread::Unread;
pub use draft::{Content, Draft, StoredLayer, WriteBytes};
pub use publish::destination::{Destination, publish, publish_if_changed, publish_with};
pub use publish::file::{SideFile, WriteFile, write_files};
pub use publish::in_place::Replaced;
pub use publish::lock::Lock;
pub use publish::pack::{pack, pack_into, unpack};
pub use publish::registry::{Existing, Moved, NamedImage, Push};
pub use publish::tree::{EntryContent, NotMade, TreeWriter, write_tree};
pub use publish::unpack_layers::unpack_with_layers;
pub use repair::{Change, Correction, Repair};
pub use revise::target::Conversion;
pub use revise::{RevisedImage, RevisedLayer, Revision, revise};
pub use scratch::scratch;
pub use source::entry::{Blob, BlobId, SourceEntry};
pub use source::headers::Headers;
pub use source::import::Import;
pub use source::remote_graph::Referrers;
pub use source::shelf::Shelf;
pub use source::spool::Spool;
pub use source::{Source, names};

use std::sync::{Arc, OnceLock};

use crate::compression::Compression;
use crate::digest::{DiffId, Digest};
use crate::image::Config;
use crate::image::json::Document;
use crate::platform::Platform;
use crate::reference::Reference;
use dialect::Dialect;
use documents::graph::Graph;
use documents::store::Store;
use documents::surroundings::Surroundings;

/// More than any image document has: containers/image stops at 4 MiB. In bytes.
pub const MAX_DOCUMENT_BYTES: u64 = 4 << 20;

/// An archive that was understood.
#[derive(Debug)]
pub struct Archive {
    contents: Contents,
    /// Who wrote it, as far as that matters for writing it again.
    dialect: Box<dyn Dialect>,
    /// What it says of each image above the configuration.
    surroundings: OnceLock<Vec<Surroundings>>,
    /// What its documents name and nobody can read.
    unread: Vec<Unread>,
}

/// What is in an archive, whoever wrote it.
#[derive(Debug)]
struct Contents {
    source: Arc<Source>,
    images: Vec<Image>,
    groups: Vec<Group>,
    /// `manifest.json`; OCI layouts have none.
    manifest: Option<Document>,
    /// What its items describe.
    items: Vec<Described>,
    repositories: Option<Document>,
    /// `index.json` and what it leads to, in OCI layouts and the forms that contain one.
    graph: Option<Graph>,
    /// Of two halves that may disagree the one that was read.
    trusted: Option<Half>,
}

/// One of the two descriptions of the images that some archives hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// `manifest.json`
    Manifest,
    /// `index.json`
    Index,
}

/// What an item of `manifest.json` describes: one image, or several of the same content.
#[derive(Debug, Clone)]
struct Described {
    /// None where what it names cannot be read.
    images: Vec<usize>,
    tags: Vec<Reference>,
    /// The files that it names, where it names none that could be read: they stay.
    held: Vec<String>,
}

/// Images that share their names: one, or one for each of several platforms.
#[derive(Debug, Clone)]
pub struct Group {
    /// The digest of what the names stand for, where the form has manifests: of an index, or of the only manifest.
    root: Option<Digest>,
    /// How many images the index lists that the archive does not hold.
    n_absent: usize,
}

/// One image of an archive.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_field_names,
    reason = "`image_id` is what Docker calls it"
)]
pub struct Image {
    config: Config,
    image_id: Digest,
    config_entry: usize,
    layers: Vec<Layer>,
    tags: Vec<Reference>,
    manifest: Option<OciManifest>,
    group: usize,
}

/// The OCI manifest that describes an image in the hybrid form.
#[derive(Debug, Clone)]
pub struct OciManifest {
    digest: Digest,
    document: Document,
}

/// One layer of an image, known by its position.
#[derive(Debug, Clone)]
pub struct Layer {
    diff_id: DiffId,
    /// The path as `manifest.json` spells it.
    path: String,
    /// The regular file it leads to; a layout may leave it out, as those of buildpacks do.
    entry: Option<usize>,
    /// Bytes in the archive; of a layer that is not there, as its descriptor states them.
    size: u64,
    /// How those bytes are compressed, or are said to be.
    compression: Compression,
}

impl Archive {
    /// Returns the entries on disk.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.contents.source
    }

    /// Tells whether every layer is uncompressed, in whatever archive of this form.
    #[must_use]
    pub fn keeps_layers_plain(&self) -> bool {
        self.dialect.facts().keeps_layers_plain
    }

    /// Tells whether documents, trusted or not, name files below `blobs` by their digests.
    #[must_use]
    pub fn has_blobs(&self) -> bool {
        let is_layout = self.dialect.facts().is_stored_as(Store::Blobs);
        is_layout || self.contents.trusted.is_some()
    }

    /// Tells whether the form has a place for names of images.
    #[must_use]
    pub fn has_names(&self) -> bool {
        !self.dialect.facts().is_stored_as(Store::Flat)
    }

    /// Returns who wrote the archive, in a few words.
    #[must_use]
    pub fn form(&self) -> &'static str {
        match self.source().repository() {
            Some(_) => "image in a registry",
            None => self.dialect.facts().description,
        }
    }

    /// Returns the images in the order of `manifest.json`, or of the indexes.
    #[must_use]
    pub fn images(&self) -> &[Image] {
        &self.contents.images
    }

    /// Returns what the documents name and what is not there or not whole: it stays as it is.
    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// Returns the groups, which images name by their index.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.contents.groups
    }

    /// Returns the digest of the index that an image's names stand for, where they stand for one.
    #[must_use]
    pub fn index_of(&self, image: &Image) -> Option<Digest> {
        let root = self.contents.groups[image.group].root;
        root.filter(|root| Some(*root) != image.manifest_digest())
    }
}

impl Contents {
    /// Returns for each group the digest of what its names stand for, where the form has manifests.
    fn roots(&self) -> Vec<Option<Digest>> {
        self.groups.iter().map(|group| group.root).collect()
    }
}

impl Group {
    /// Returns the digest of what the names stand for, where the form has manifests.
    #[must_use]
    pub fn root(&self) -> Option<Digest> {
        self.root
    }

    /// Returns how many images the index lists that the archive does not hold.
    #[must_use]
    pub fn n_absent(&self) -> usize {
        self.n_absent
    }
}

impl Image {
    /// Returns what the history says created each layer; nothing where it does not describe all of them.
    #[must_use]
    pub(crate) fn created_by(&self) -> Vec<Option<String>> {
        if self.config.n_history_layers() != self.layers.len() {
            return Vec::new();
        }
        let command = |entry: &crate::image::json::Value| {
            Some(entry.get("created_by")?.as_text()?.into_owned())
        };
        self.config.layer_history().map(command).collect()
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the digest of the configuration's bytes, which is the image's id.
    #[must_use]
    pub fn image_id(&self) -> Digest {
        self.image_id
    }

    /// Returns the digest of the OCI manifest, where there is one.
    #[must_use]
    pub fn manifest_digest(&self) -> Option<Digest> {
        self.manifest.as_ref().map(|manifest| manifest.digest)
    }

    /// Returns the layers from the base up.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Returns the lowest layer that the archive leaves out.
    #[must_use]
    pub fn absent_layer(&self) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.entry.is_none())
    }

    /// Returns the names in the order of `RepoTags`.
    #[must_use]
    pub fn tags(&self) -> &[Reference] {
        &self.tags
    }

    /// Returns the index of the images that share its names.
    #[must_use]
    pub fn group(&self) -> usize {
        self.group
    }

    /// Returns the machine that the image is for.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.config.platform()
    }

    /// Returns a name for messages: the first tag, else the short id.
    #[must_use]
    pub fn display_name(&self) -> String {
        self.tags
            .first()
            .map_or_else(|| self.image_id.short(), Reference::familiar)
    }
}

impl Layer {
    /// Returns the digest of the uncompressed layer, as the configuration states it.
    #[must_use]
    pub fn diff_id(&self) -> DiffId {
        self.diff_id
    }

    /// Returns which stored bytes of the archive it has; nothing where the archive leaves it out.
    #[must_use]
    pub fn blob(&self) -> Option<BlobId> {
        self.entry.map(BlobId)
    }

    /// Returns the digest that the layer is called by, where it is: a blob may be a link to a file of another name, and a
    /// path a link to a blob.
    fn named_digest(&self, source: &Source) -> Option<Digest> {
        let name = self.entry.map(|entry| &source.entries()[entry].name);
        name.and_then(|name| documents::items::digest_in_name(name))
            .or_else(|| documents::items::digest_in_name(&self.path))
    }

    /// Returns how the layer is compressed inside the archive.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Returns how many bytes the layer takes in the archive.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

#[cfg(test)]
pub(crate) mod tests;
