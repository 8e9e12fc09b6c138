//! What the derivations speak of: images as they are or are to become, and the files that a writer writes for them.

use std::collections::HashMap;

use crate::annotation::AnnotationEdit;
use crate::archive::draft::{Content, StoredLayer};
use crate::archive::{Contents, Image, Layer, OciManifest};
use crate::compression::Compression;
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::image::Config;
use crate::reference::Reference;
use crate::tarball::Kind;

/// An image while its files are derived: as it is or as it is to become.
#[derive(Debug, Clone)]
pub(in crate::archive) struct State {
    pub(in crate::archive) config: Config,
    pub(in crate::archive) image_id: Digest,
    pub(in crate::archive) layers: Vec<StateLayer>,
    pub(in crate::archive) tags: Vec<Reference>,
    pub(in crate::archive) manifest: Option<OciManifest>,
    /// The images that share its names.
    pub(in crate::archive) group: usize,
    /// What changes in the annotations of index and descriptors, and has changed in the manifest's.
    pub(in crate::archive) annotations: Vec<AnnotationEdit>,
    /// Whether what is said about the image is kept when it changes.
    pub(in crate::archive) keeps_referrers: bool,
}

/// A layer of such an image: it is kept under its name, kept under another one, or stored anew.
#[derive(Debug, Clone)]
pub(in crate::archive) struct StateLayer {
    pub(in crate::archive) diff_id: DiffId,
    /// The digest of the bytes in the archive, where the name or a manifest states it.
    pub(in crate::archive) digest: Option<Digest>,
    pub(in crate::archive) size: u64,
    pub(in crate::archive) compression: Compression,
    /// The path by which `manifest.json` names it, where that stays.
    pub(in crate::archive) path: Option<String>,
    /// An entry of the archive, or a stored layer; nothing where the archive leaves it out.
    pub(in crate::archive) content: Option<Content>,
}

impl StateLayer {
    /// Takes a layer that is stored in this place.
    pub(in crate::archive) fn stored(place: usize, layer: &StoredLayer<'_>) -> Self {
        Self {
            diff_id: layer.diff_id,
            digest: Some(layer.digest),
            size: layer.size,
            compression: layer.compression,
            path: None,
            content: Some(Content::Stored(place)),
        }
    }

    /// Tells whether the archive does not have it as it is to be.
    pub(in crate::archive) fn is_stored(&self) -> bool {
        matches!(self.content, Some(Content::Stored(_)))
    }
}

impl State {
    /// Has every layer get the name that another form gives it.
    pub(in crate::archive) fn rename_layers(&mut self) {
        for layer in &mut self.layers {
            layer.path = None;
        }
    }

    /// Returns the digest of the manifest, where there is one.
    pub(in crate::archive) fn manifest_digest(&self) -> Option<Digest> {
        self.manifest.as_ref().map(|manifest| manifest.digest)
    }
}

impl Contents {
    /// The images as they are.
    pub(in crate::archive) fn states(&self) -> Vec<State> {
        let state = |image: &Image| State {
            config: image.config.clone(),
            image_id: image.image_id,
            layers: image.layers.iter().map(|layer| self.kept(layer)).collect(),
            tags: image.tags.clone(),
            manifest: image.manifest.clone(),
            group: image.group,
            annotations: Vec::new(),
            keeps_referrers: true,
        };
        self.images.iter().map(state).collect()
    }

    /// Returns a layer that stays what it is.
    pub(in crate::archive) fn kept(&self, layer: &Layer) -> StateLayer {
        StateLayer {
            diff_id: layer.diff_id,
            digest: layer.named_digest(&self.source),
            size: layer.size,
            compression: layer.compression,
            path: Some(layer.path.clone()),
            content: layer.entry.map(Content::Entry),
        }
    }

    /// Tells whether the entry at `index` has that content already; `stored` are the layers that are new.
    pub(in crate::archive) fn holds(
        &self,
        index: usize,
        content: &Content,
        stored: &[StoredLayer<'_>],
    ) -> Result<bool, Error> {
        let entry = &self.source.entries()[index];
        Ok(match content {
            Content::Directory => entry.kind == Kind::Directory,
            Content::Symlink(target) => {
                entry.kind == Kind::Symlink && entry.link_name == target.as_bytes()
            }
            Content::Entry(entry) => *entry == index,
            Content::Stored(place) => {
                let layer = &stored[*place];
                entry.kind == Kind::File
                    && entry.size == layer.size
                    && self.source.digest(index)? == layer.digest
            }
            Content::Bytes(bytes) => {
                entry.kind == Kind::File
                    && entry.size == bytes.len() as u64
                    && self.source.read(index, entry.size)? == *bytes
            }
        })
    }
}

/// A file that a dialect's writer would write.
#[derive(Debug, Clone)]
pub(in crate::archive) struct Derived {
    pub(in crate::archive) name: String,
    pub(in crate::archive) content: Content,
    /// Which image and part it belongs to: where its header is taken from.
    pub(in crate::archive) role: Role,
    /// Which time the writer gives it.
    pub(in crate::archive) stamp: Stamp,
}

/// The time that a writer gives a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::archive) enum Stamp {
    /// When the image was created.
    Created,
    /// When the archive was written; no clock of ours, so it is taken from a file of the same kind.
    Saved,
    /// Always the same.
    Fixed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::archive) struct Role {
    pub(in crate::archive) image: usize,
    pub(in crate::archive) part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::archive) enum Part {
    Config,
    Manifest,
    /// A document besides the manifests of images: an index, an attestation.
    Node(usize),
    /// A blob of something that is no image.
    OtherBlob,
    LayerDirectory(usize),
    Version(usize),
    LegacyJson(usize),
    LayerTar(usize),
    LayerLink(usize),
}

impl Part {
    /// The same part of the layer below; nothing below the base.
    pub(in crate::archive) fn below(self) -> Option<Self> {
        let below = |i: usize| i.checked_sub(1);
        match self {
            Self::Config | Self::Manifest | Self::Node(_) | Self::OtherBlob => None,
            Self::LayerDirectory(i) => below(i).map(Self::LayerDirectory),
            Self::Version(i) => below(i).map(Self::Version),
            Self::LegacyJson(i) => below(i).map(Self::LegacyJson),
            Self::LayerTar(i) => below(i).map(Self::LayerTar),
            Self::LayerLink(i) => below(i).map(Self::LayerLink),
        }
    }
}

/// The files of all images, and the paths by which `manifest.json` and `repositories` name them.
#[derive(Debug, Default)]
pub(in crate::archive) struct Files {
    /// In the order of writing, no name twice.
    pub(in crate::archive) derived: Vec<Derived>,
    pub(in crate::archive) paths: Vec<Paths>,
    by_name: HashMap<String, usize>,
    /// By the first component of their names.
    by_directory: HashMap<String, Vec<usize>>,
}

#[derive(Debug)]
pub(in crate::archive) struct Paths {
    pub(in crate::archive) config: String,
    pub(in crate::archive) layers: Vec<String>,
    /// What `repositories` says of each tag.
    pub(in crate::archive) top: String,
}

impl Files {
    /// Adds a file unless one of that name is there: what two images share is written once. Without content there is none.
    pub(in crate::archive) fn push(
        &mut self,
        name: String,
        content: impl Into<Option<Content>>,
        image: usize,
        part: Part,
    ) {
        let Some(content) = content.into() else {
            return;
        };
        if !self.by_name.contains_key(&name) {
            let directory = name.split('/').next().unwrap_or_default().to_owned();
            let inside = self.by_directory.entry(directory).or_default();
            inside.push(self.derived.len());
            self.by_name.insert(name.clone(), self.derived.len());
            let stamp = match part {
                Part::Manifest | Part::Node(_) | Part::OtherBlob => Stamp::Fixed,
                _ => Stamp::Created,
            };
            self.derived.push(Derived {
                name,
                content,
                role: Role { image, part },
                stamp,
            });
        }
    }

    /// Adds the file that holds a layer. Of a layer behind a link it is the file that counts; the link has the path, and
    /// stays.
    pub(in crate::archive) fn push_layer(
        &mut self,
        contents: &Contents,
        path: &str,
        layer: &StateLayer,
        image: usize,
        part: Part,
    ) {
        let name = match (&layer.path, &layer.content) {
            (Some(_), Some(Content::Entry(entry))) => &contents.source.entries()[*entry].name,
            _ => path,
        };
        self.push(name.to_owned(), layer.content.clone(), image, part);
    }

    /// Has what is in a file that is there be in doubt: it may not be what was derived.
    pub(in crate::archive) fn doubt(&mut self) {
        for file in &mut self.derived {
            file.content = Content::Bytes(Vec::new());
        }
    }

    /// Returns the file of that name.
    pub(in crate::archive) fn get(&self, name: &str) -> Option<&Derived> {
        self.by_name.get(name).map(|&i| &self.derived[i])
    }

    /// Marks a file as one that keeps its time.
    pub(in crate::archive) fn stamp_fixed(&mut self, name: &str) {
        if let Some(&i) = self.by_name.get(name) {
            self.derived[i].stamp = Stamp::Fixed;
        }
    }

    /// Marks the files of that directory, which is at the top, as dated by the save.
    pub(in crate::archive) fn stamp_saved(&mut self, directory: &str) {
        for &i in self.by_directory.get(directory).into_iter().flatten() {
            self.derived[i].stamp = Stamp::Saved;
        }
    }
}
