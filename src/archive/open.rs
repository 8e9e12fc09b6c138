//! Reading an archive's documents and telling who wrote it.

use std::collections::BTreeSet;

use super::containers_image;
use super::docker;
use super::hybrid;
use super::layout;
use super::read::{read_image, read_optional};
use super::source::Source;
use super::v1::Generation;
use super::v1_directories;
use super::{Archive, Dialect, Image, Layer};
use crate::error::Error;

impl Archive {
    /// Understands the archive behind `source`: reads its documents, no layer.
    pub fn open(source: Source) -> Result<Self, Error> {
        let not_an_image = |reason: &str| Error::NotAnImage {
            place: source.place().to_owned(),
            reason: reason.to_owned(),
        };
        let index = read_optional(&source, "index.json")?;
        let manifest = read_optional(&source, "manifest.json")?;
        let images = match (&manifest, &index) {
            (Some(manifest), _) => {
                let items = docker::items(manifest)?;
                items
                    .iter()
                    .map(|item| read_image(&source, item))
                    .collect::<Result<Vec<_>, _>>()?
            }
            (None, Some(index)) => layout::images(&source, index)?,
            (None, None) => {
                return Err(not_an_image(if source.find("repositories").is_some() {
                    "is of `docker save` before Docker 1.10 (no `manifest.json`); load and save it again with Docker 1.10 to 28"
                } else {
                    "holds neither `manifest.json` nor `index.json`; an archive of container images was wanted"
                }));
            }
        };
        check_tags(&images)?;
        let repositories = read_optional(&source, "repositories")?;
        let mut archive = Self {
            source,
            dialect: Dialect::V1Directories(None),
            images,
            manifest,
            repositories,
            index,
        };
        archive.dialect = archive.detect()?;
        Ok(archive)
    }

    /// Tells who wrote the archive, by deriving it again where that can be done.
    fn detect(&mut self) -> Result<Dialect, Error> {
        let Some(manifest) = &self.manifest else {
            return Ok(Dialect::Layout);
        };
        if self.index.is_some() {
            let items = manifest.root.items();
            // Only Docker's own store lists the sources of its layers.
            let is_docker = items
                .into_iter()
                .flatten()
                .any(|item| item.get("LayerSources").is_some());
            hybrid::attach_manifests(self)?;
            if !is_docker {
                return Ok(Dialect::Containerd);
            }
            let derives = |generation: &Generation| {
                Dialect::Hybrid(Some(generation.clone())).reproduces(self)
            };
            return Ok(Dialect::Hybrid(self.detect_generation(derives)?));
        }
        if containers_image::is_by(self) && Dialect::ContainersImage.reproduces(self)? {
            return Ok(Dialect::ContainersImage);
        }
        let derives = |generation: &Generation| {
            Dialect::V1Directories(Some(generation.clone())).reproduces(self)
        };
        if let Some(generation) = self.detect_generation(derives)? {
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

    /// Returns the first generation of legacy ids that derives every legacy file of the archive as it is.
    fn detect_generation(
        &self,
        reproduces: impl Fn(&Generation) -> Result<bool, Error>,
    ) -> Result<Option<Generation>, Error> {
        let seen = if self.index.is_some() {
            hybrid::seen_times(self)?
        } else {
            v1_directories::seen_times(self)?
        };
        for generation in Generation::candidates(self.index.is_some(), &seen) {
            if reproduces(&generation)? {
                return Ok(Some(generation));
            }
        }
        Ok(None)
    }
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
