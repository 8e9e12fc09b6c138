//! Reading an archive's documents and telling who wrote it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::containerd;
use super::containers_image;
use super::docker;
use super::graph::Graph;
use super::hybrid;
use super::layout;
use super::read::{ImageReader, read_optional};
use super::v1_directories;
use crate::archive::source::Source;
use crate::archive::{Archive, Dialect, Group, Half, Image, Item, Layer};
use crate::error::Error;
use crate::image::json::Document;
use crate::reference::Reference;

/// What the documents list.
type Listed = (Vec<Image>, Vec<Group>, Vec<Item>);

impl Archive {
    /// Understands the archive behind `source`: reads its documents, no layer.
    /// Where it describes its images twice, both must agree.
    pub fn open(source: Source) -> Result<Self, Error> {
        Self::open_trusting(source, None)
    }

    /// Understands the archive behind `source` as [`Archive::open`] does; if that cannot be done, and one half is `trusted`, the other is not
    /// read, and the output will have both anew.
    pub fn open_trusting(source: Source, trusted: Option<Half>) -> Result<Self, Error> {
        let mut archive = Self {
            source,
            dialect: Dialect::V1Directories(None),
            images: Vec::new(),
            groups: Vec::new(),
            manifest: None,
            items: Vec::new(),
            repositories: None,
            graph: None,
            trusted: None,
            surroundings: OnceLock::new(),
        };
        let understood = archive.understand_trusting(trusted);
        // A change of the source explains whatever could not be understood.
        archive.source.check()?;
        understood.map(|()| archive)
    }

    fn understand_trusting(&mut self, trusted: Option<Half>) -> Result<(), Error> {
        let understood = self.understand();
        let there = |name: &str| self.source.find(name).is_some();
        let has_both = there("manifest.json") && there("index.json");
        let trusted = trusted.filter(|_| has_both && understood.is_err());
        if trusted.is_none() {
            return understood;
        }
        self.trusted = trusted;
        self.understand()
    }

    fn understand(&mut self) -> Result<(), Error> {
        let source = &self.source;
        let not_an_image = |reason: &str| Error::NotAnImage {
            place: source.place().to_owned(),
            reason: reason.to_owned(),
        };
        let read = |name: &str, half: Half| match self.trusted {
            Some(trusted) if trusted != half => Ok(None),
            _ => read_optional(source, name),
        };
        let graph = match read("index.json", Half::Index)? {
            Some(index) => Some(Graph::read(source, &index)?),
            None => None,
        };
        let manifest = read("manifest.json", Half::Manifest)?;
        if manifest.as_ref().is_some_and(is_one_manifest) {
            return Err(not_an_image(
                "is in the `dir:` form of skopeo and podman (its `manifest.json` is one manifest); convert it with `skopeo copy dir:DIR oci:LAYOUT`",
            ));
        }
        let (images, groups, items) = match (&manifest, &graph) {
            (Some(manifest), Some(graph)) if !lists_sources(manifest) => {
                let (images, groups) = layout::images(source, graph).map_err(unlisted)?;
                let items = containerd::match_items(source, manifest, &images, &groups);
                (images, groups, items.map_err(disagreement)?)
            }
            (Some(manifest), Some(_)) => images_of(source, manifest).map_err(unlisted)?,
            (Some(manifest), None) => images_of(source, manifest)?,
            (None, Some(graph)) => {
                let (images, groups) = layout::images(source, graph)?;
                (images, groups, Vec::new())
            }
            (None, None) => {
                return Err(not_an_image(&instead_of_images(source)));
            }
        };
        // Where both halves have names they are the same, and those of `manifest.json` have been read.
        let names = match manifest {
            Some(_) => "manifest.json",
            None => "index.json",
        };
        check_tags(&images, names)?;
        let repositories = read_optional(source, "repositories")?;
        self.images = images;
        self.groups = groups;
        self.items = items;
        self.manifest = manifest;
        self.repositories = repositories;
        self.graph = graph;
        self.dialect = self.detect()?;
        Ok(())
    }

    /// Tells who wrote the archive, by deriving it again where that can be done.
    fn detect(&mut self) -> Result<Dialect, Error> {
        let Some(manifest) = &self.manifest else {
            return Ok(Dialect::Layout);
        };
        if self.trusted.is_some() {
            return Ok(Dialect::Named);
        }
        if self.graph.is_some() {
            if !lists_sources(manifest) {
                return Ok(Dialect::Containerd);
            }
            hybrid::attach_manifests(self).map_err(disagreement)?;
            for image in &self.images {
                self.groups[image.group].root = image.manifest_digest();
            }
            return Ok(Dialect::Hybrid(hybrid::detect_generation(self)?));
        }
        // Links under ids of another version are replaced by those that we know: nobody looks ids up.
        if containers_image::is_by(self)
            && (!containers_image::links(self).is_empty()
                || Dialect::ContainersImage.reproduces(self)?)
        {
            return Ok(Dialect::ContainersImage);
        }
        // Without a layer nothing tells who wrote it; Docker saves no such image.
        let has_layers = self.images.iter().any(|image| !image.layers.is_empty());
        if has_layers && let Some(generation) = v1_directories::detect_generation(self)? {
            return Ok(Dialect::V1Directories(Some(generation)));
        }
        let is_directory = |layer: &Layer| v1_directories::legacy_json(self, layer).is_some();
        let has_directories = self
            .images
            .iter()
            .flat_map(|image| &image.layers)
            .any(is_directory);
        Ok(if has_directories {
            Dialect::V1Directories(None)
        } else {
            Dialect::Named
        })
    }
}

/// Says what can be done about halves that disagree.
fn disagreement(error: Error) -> Error {
    match error {
        Error::Mismatch { .. } | Error::BadDocument { .. } => Error::Halves(Box::new(error)),
        error => error,
    }
}

/// Says what can be done about a half that does not list what the other does: no images, or other layers.
fn unlisted(error: Error) -> Error {
    match error {
        Error::OtherLayers { .. } => Error::Halves(Box::new(error)),
        Error::BadDocument { ref name, .. } if name == "index.json" => {
            Error::Halves(Box::new(error))
        }
        error => error,
    }
}

/// Says what an archive without images is, where that can be told.
fn instead_of_images(source: &Source) -> String {
    let has = |name: &str| source.find(name).is_some();
    if has("repositories") {
        return "was saved by Docker before 1.10 (no `manifest.json`); load and save it again with Docker 1.10 to 28".to_owned();
    }
    let missing = "contains neither `manifest.json` nor `index.json`";
    let below = source.entries().iter().find_map(|entry| {
        let (directory, name) = entry.name.split_once('/')?;
        matches!(name, "manifest.json" | "index.json").then_some(directory)
    });
    if let Some(directory) = below {
        return format!("{missing} except in `{directory}/`; use that directory");
    }
    if has(".dockerenv") || has("etc") && has("usr") {
        return format!(
            "{missing}; it looks like a container file system from `docker export`; use `docker save`"
        );
    }
    format!("{missing}; expected an archive of container images")
}

/// Tells whether `manifest.json` is a manifest, and no list of images.
fn is_one_manifest(manifest: &Document) -> bool {
    manifest.root.get("schemaVersion").is_some()
}

/// Tells whether `manifest.json` is of Docker's own store: only that lists the sources of its layers.
fn lists_sources(manifest: &Document) -> bool {
    let mut items = manifest.root.items().into_iter().flatten();
    items.any(|item| item.get("LayerSources").is_some())
}

/// Reads the images that `manifest.json` lists; each is a group of its own.
fn images_of(source: &Source, manifest: &Document) -> Result<Listed, Error> {
    let (mut images, mut groups, mut items) = (Vec::new(), Vec::new(), Vec::new());
    let mut reader = ImageReader::new(source);
    for (i, item) in docker::items(manifest)?.iter().enumerate() {
        let mut image = reader.read(item, &[], "`manifest.json`", false)?;
        image.group = i;
        groups.push(Group {
            root: None,
            n_absent: 0,
        });
        items.push(Item {
            images: vec![i],
            tags: image.tags.clone(),
        });
        images.push(image);
    }
    Ok((images, groups, items))
}

/// A name stands for one image, or for those of one group; `document` has the names.
fn check_tags(images: &[Image], document: &str) -> Result<(), Error> {
    let mut holders: BTreeMap<&Reference, usize> = BTreeMap::new();
    let mut firsts = BTreeSet::new();
    let is_first = |image: &&Image| firsts.insert(image.group);
    let tags = images
        .iter()
        .filter(is_first)
        .flat_map(|image| image.tags.iter().map(|tag| (tag, image.group)));
    for (tag, group) in tags {
        if holders.insert(tag, group).is_some() {
            let reason = format!("the tag `{tag}` appears twice");
            return Err(Error::BadDocument {
                name: document.to_owned(),
                reason,
            });
        }
    }
    Ok(())
}
