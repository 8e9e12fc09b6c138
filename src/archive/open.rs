//! Reading an archive's documents and telling who wrote it.

use std::collections::BTreeSet;

use super::docker::{self, Item};
use super::hybrid;
use super::source::Source;
use super::v1::Generation;
use super::v1_directories;
use super::{Archive, Dialect, Image, Layer, MAX_DOCUMENT_BYTES};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::Config;
use crate::image::json::Document;
use crate::reference::Reference;

impl Archive {
    /// Understands the archive behind `source`: reads its documents, no layer.
    pub fn open(source: Source) -> Result<Self, Error> {
        let not_an_image = |reason: &str| Error::NotAnImage {
            place: source.place().to_owned(),
            reason: reason.to_owned(),
        };
        if source.find("manifest.json").is_none() {
            return Err(not_an_image(if source.find("index.json").is_some() {
                "is an OCI layout without `manifest.json`; this version patches `docker save` archives only"
            } else if source.find("repositories").is_some() {
                "is of `docker save` before Docker 1.10 (no `manifest.json`); load and save it again with Docker 1.10 to 28"
            } else {
                "holds no `manifest.json`; a `docker save` archive was wanted"
            }));
        }
        let manifest = read_document(&source, "manifest.json")?;
        let items = docker::items(&manifest)?;
        let mut images = Vec::with_capacity(items.len());
        for item in &items {
            images.push(read_image(&source, item)?);
        }
        check_tags(&images)?;
        let repositories = match source.find("repositories") {
            Some(_) => Some(read_document(&source, "repositories")?),
            None => None,
        };
        let index = match source.find("index.json") {
            Some(_) => Some(read_document(&source, "index.json")?),
            None => None,
        };
        let mut archive = Self {
            source,
            dialect: Dialect::V1Directories(None),
            images,
            manifest,
            repositories,
            index,
        };
        archive.dialect = if archive.index.is_some() {
            hybrid::attach_manifests(&mut archive)?;
            Dialect::Hybrid(archive.detect_generation(|archive, generation| {
                Dialect::Hybrid(Some(generation.clone())).reproduces(archive)
            })?)
        } else {
            Dialect::V1Directories(archive.detect_generation(|archive, generation| {
                Dialect::V1Directories(Some(generation.clone())).reproduces(archive)
            })?)
        };
        Ok(archive)
    }

    /// Returns the first generation of legacy ids that derives every legacy file of the archive as it is.
    fn detect_generation(
        &self,
        reproduces: impl Fn(&Self, &Generation) -> Result<bool, Error>,
    ) -> Result<Option<Generation>, Error> {
        let seen = if self.index.is_some() {
            hybrid::seen_times(self)?
        } else {
            v1_directories::seen_times(self)?
        };
        for generation in Generation::candidates(self.index.is_some(), &seen) {
            if reproduces(self, &generation)? {
                return Ok(Some(generation));
            }
        }
        Ok(None)
    }
}

/// Reads and parses a document by name.
pub(super) fn read_document(source: &Source, name: &str) -> Result<Document, Error> {
    let index = source.resolve(name, "the form of the archive")?;
    let bytes = source.read(index, MAX_DOCUMENT_BYTES)?;
    Document::parse(&bytes).map_err(|error| Error::BadDocument {
        name: name.to_owned(),
        reason: error.to_string(),
    })
}

fn read_image(source: &Source, item: &Item) -> Result<Image, Error> {
    let config_entry = source.resolve(&item.config, "`manifest.json`")?;
    let bytes = source.read(config_entry, MAX_DOCUMENT_BYTES)?;
    let image_id = Digest::of(&bytes);
    // A name that states a digest is a promise.
    if let Some(stated) = docker::digest_in_name(&item.config)
        && stated != image_id
    {
        let what = format!(
            "the digest of the configuration `{}`",
            item.config.escape_debug()
        );
        return Err(Error::Mismatch {
            what,
            found: image_id.to_string(),
            wanted: stated.to_string(),
        });
    }
    let config = Config::parse(&bytes).map_err(|error| Error::BadDocument {
        name: item.config.clone(),
        reason: error.to_string(),
    })?;
    if config.diff_ids().len() != item.layers.len() {
        return Err(Error::Mismatch {
            what: format!(
                "the number of layers that `manifest.json` lists for `{}`",
                item.config.escape_debug()
            ),
            found: item.layers.len().to_string(),
            wanted: format!("{}, as its configuration has it", config.diff_ids().len()),
        });
    }
    let mut layers = Vec::with_capacity(item.layers.len());
    for (path, &diff_id) in item.layers.iter().zip(config.diff_ids()) {
        let entry = source.resolve(path, "`manifest.json`")?;
        layers.push(Layer {
            diff_id,
            path: path.clone(),
            entry,
            size: source.entries()[entry].size,
        });
    }
    let mut tags = Vec::with_capacity(item.tags.len());
    for tag in &item.tags {
        let reference = Reference::parse(tag).map_err(|error| Error::BadDocument {
            name: "manifest.json".to_owned(),
            reason: format!("`RepoTags` holds `{}`: {error}", tag.escape_debug()),
        })?;
        tags.push(reference);
    }
    Ok(Image {
        config,
        image_id,
        config_entry,
        layers,
        tags,
        manifest: None,
    })
}

fn check_tags(images: &[Image]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for tag in images.iter().flat_map(Image::tags) {
        if !seen.insert(tag) {
            let reason = format!("the tag `{tag}` stands there twice");
            return Err(Error::BadDocument {
                name: "manifest.json".to_owned(),
                reason,
            });
        }
    }
    Ok(())
}
