//! Archives of images: files on disk in, [`Archive`] out, and the way back.
//!
//! An archive is read without being changed, and a revision of it is a value ([`Revision`]): the complete list of
//! entries of the new archive, each either kept from the old one or new. Only [`publish`] and its like write, and none of
//! them writes over what was read (see [`crate::ledger`]).

mod change;
mod convert;
mod draft;
mod form;
mod hidden;
mod no_follow;
mod output;
mod revision;
mod source;

pub use convert::{Conversion, Form, convert};
pub use draft::{Content, Draft, NewLayer, WriteLayer};
pub use form::descriptor::speaks_of_bytes;
pub use form::root::Root;
pub use output::file::{SideFile, WriteFile, write_files};
pub use output::in_place::Replaced;
pub use output::lock::Lock;
pub use output::pack::{pack, pack_into, unpack};
pub use output::publish::{Destination, publish, publish_with};
pub use output::unpack_layers::unpack_with_layers;
pub use revision::derive::{RevisedImage, RevisedLayer, Revision, revise};
pub use source::entry::{Blob, SourceEntry};
pub use source::import::Import;
pub use source::spool::Spool;
pub use source::{Source, names};

use std::sync::OnceLock;

use crate::compression::Compression;
use crate::digest::{DiffId, Digest};
use crate::image::Config;
use crate::image::json::Document;
use crate::platform::Platform;
use crate::reference::Reference;
use form::graph::Graph;
use revision::annotations::Surroundings;

/// More than any image document has: containers/image stops at 4 MiB. In bytes.
pub const MAX_DOCUMENT_BYTES: u64 = 4 << 20;

/// An archive that was understood.
#[derive(Debug)]
pub struct Archive {
    source: Source,
    dialect: Dialect,
    images: Vec<Image>,
    groups: Vec<Group>,
    /// `manifest.json`; OCI layouts have none.
    manifest: Option<Document>,
    items: Vec<Item>,
    repositories: Option<Document>,
    /// `index.json` and what it leads to, in OCI layouts and the forms that contain one.
    graph: Option<Graph>,
    /// Of two halves that may disagree the one that was read.
    trusted: Option<Half>,
    /// What it says of each image above the configuration.
    surroundings: OnceLock<Vec<Surroundings>>,
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
struct Item {
    images: Vec<usize>,
    tags: Vec<Reference>,
}

/// Images that share their names: one, or one for each of several platforms.
#[derive(Debug, Clone)]
pub struct Group {
    /// The digest of what the names stand for, where the form has manifests: of an index, or of the only manifest.
    root: Option<Digest>,
    /// How many images the index lists that the archive does not hold.
    n_absent: usize,
}

/// Who wrote the archive, as far as it matters for writing it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialect {
    /// Docker 1.10 to 24: a directory per layer. `None`: nothing we know derives its ids, so names are kept.
    V1Directories(Option<form::v1::Generation>),
    /// Docker 25 and later, graph-driver store: an OCI layout with a `manifest.json` beside it.
    Hybrid(Option<form::v1::Generation>),
    /// containerd's exporter, and so Docker with the containerd store, nerdctl and buildx: the same two halves, layers as
    /// they were pulled, no legacy blobs.
    Containerd,
    /// An OCI layout and nothing else (image-spec image-layout.md).
    Layout,
    /// podman and skopeo: layers by diff id, directories of links with ids of their own.
    ContainersImage,
    /// Anything else with a `manifest.json`, crane among them: every name is kept, and new ones follow their neighbours.
    Named,
}

impl Dialect {
    /// Tells whether this is Docker's own store, with all that it writes.
    fn is_docker(&self) -> bool {
        matches!(self, Self::V1Directories(_) | Self::Hybrid(_))
    }

    /// Tells whether an image without a name is still listed in `index.json`.
    fn lists_nameless(&self) -> bool {
        matches!(self, Self::Containerd | Self::Layout)
    }

    /// Spells a name as this writer does in `manifest.json`.
    fn spell(&self, tag: &Reference) -> String {
        if *self == Self::ContainersImage {
            tag.full()
        } else {
            tag.familiar()
        }
    }

    /// Spells a repository as this writer does in `repositories`.
    fn spell_repository(&self, tag: &Reference) -> String {
        if *self == Self::ContainersImage {
            tag.full_repository()
        } else {
            tag.familiar_repository()
        }
    }

    /// Returns the form in a few words.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self {
            Self::V1Directories(Some(_)) => "docker save, Docker 1.10 to 24",
            Self::V1Directories(None) => "docker save, legacy ids of an unknown writer",
            Self::Hybrid(_) => "docker save, Docker 25 or later",
            Self::Containerd => {
                "containerd export (docker save with the containerd store, nerdctl, buildx)"
            }
            Self::Layout => "OCI layout",
            Self::ContainersImage => "docker archive of podman or skopeo",
            Self::Named => "docker archive of another writer (crane, ko, kaniko, bazel, nix, …)",
        }
    }
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
    /// The regular file it leads to.
    entry: usize,
    /// Bytes in the archive.
    size: u64,
    /// How those bytes are compressed.
    compression: Compression,
}

impl Archive {
    /// Returns the entries on disk.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Tells whether every layer is uncompressed, in whatever archive of this form.
    #[must_use]
    pub fn keeps_layers_plain(&self) -> bool {
        self.dialect.is_docker() || self.dialect == Dialect::ContainersImage
    }

    /// Tells whether documents, trusted or not, name files below `blobs` by their digests.
    #[must_use]
    pub fn has_blobs(&self) -> bool {
        let is_layout = matches!(
            self.dialect,
            Dialect::Layout | Dialect::Containerd | Dialect::Hybrid(_)
        );
        is_layout || self.trusted.is_some()
    }

    /// Returns who wrote the archive.
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// Returns what `index.json` leads to, where that says which images there are.
    fn own_graph(&self) -> Option<&Graph> {
        let is_own = matches!(self.dialect, Dialect::Containerd | Dialect::Layout);
        self.graph.as_ref().filter(|_| is_own)
    }

    /// Returns the images in the order of `manifest.json`, or of the indexes.
    #[must_use]
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// Returns the groups, which images name by their index.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Returns the digest of the index that an image's names stand for, where they stand for one.
    #[must_use]
    pub fn index_of(&self, image: &Image) -> Option<Digest> {
        let root = self.groups[image.group].root;
        root.filter(|root| Some(*root) != image.manifest_digest())
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

    /// Returns the index of the entry that holds the layer.
    #[must_use]
    pub fn entry(&self) -> usize {
        self.entry
    }

    /// Returns the digest that the layer is called by, where it is: a blob may be a link to a file of another name, and a
    /// path a link to a blob.
    fn named_digest(&self, source: &Source) -> Option<Digest> {
        let name = &source.entries()[self.entry].name;
        form::docker::digest_in_name(name).or_else(|| form::docker::digest_in_name(&self.path))
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
