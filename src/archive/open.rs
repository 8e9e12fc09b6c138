//! Opening an archive: from its entries to what is in it and who wrote it, or to the reason why that cannot be told.

use std::sync::{Arc, OnceLock};

use super::dialect;
use super::documents::Documents;
use super::documents::graph::children;
use super::documents::items;
use super::documents::read::{read_optional, read_plain};
use super::documents::unread::Unread;
use super::{Archive, Contents, Half, Source};
use crate::error::Error;
use crate::reference::Reference;

impl Archive {
    /// Understands the archive behind `source`: reads its documents, no layer.
    /// Where it describes its images twice, both must agree.
    pub fn open(source: Source) -> Result<Self, Error> {
        Self::open_trusting(source, None)
    }

    /// Understands the archive behind `source` as [`Archive::open`] does; if that cannot be done, and one half is `trusted`, the
    /// other is not read, and the output will have both anew.
    pub fn open_trusting(source: Source, trusted: Option<Half>) -> Result<Self, Error> {
        let source = Arc::new(source);
        let whole = |trusted| open(&source, trusted).and_then(Self::with_images);
        let trusted = trusted.filter(|_| has_halves(&source));
        let opened = whole(None).or_else(|error| match trusted {
            Some(half) => whole(Some(half)),
            None => Err(error),
        });
        // A change of the source explains whatever could not be understood.
        source.check()?;
        opened
    }

    /// Understands the archive behind `source` as far as that can be done: it may hold no image, and what it holds may be
    /// damaged ([`Archive::unread`]). Of two halves that disagree the one is read that is `trusted`.
    pub fn look_into(source: Source, trusted: Option<Half>) -> Result<Self, Error> {
        let source = Arc::new(source);
        let opened = open(&source, None).or_else(|error| {
            if !has_halves(&source) || !error.is_about_content() {
                return Err(error);
            }
            if let Some(half) = trusted {
                return open(&source, Some(half));
            }
            let mut halves = [Half::Manifest, Half::Index].into_iter();
            match halves.find_map(|half| open(&source, Some(half)).ok()) {
                Some(mut archive) => {
                    let told = error.to_string();
                    let is_it = |unread: &Unread| unread.error.to_string() == told;
                    if !archive.unread.iter().any(is_it) {
                        archive.unread.push(Unread::whole(error));
                    }
                    Ok(archive)
                }
                None => Err(error),
            }
        });
        source.check()?;
        let mut archive = opened?;
        if let Err(error) = archive.check_tags() {
            archive.unread.push(Unread::whole(error));
        }
        Ok(archive)
    }

    /// Refuses an archive without an image, and one whose names stand for several.
    fn with_images(self) -> Result<Self, Error> {
        self.check_tags()?;
        if !self.images().is_empty() {
            return Ok(self);
        }
        // What cannot be read explains why there is no image.
        let unread = self.unread.into_iter().next().map(|unread| unread.error);
        Err(unread.unwrap_or_else(|| no_image(&self.contents)))
    }

    fn check_tags(&self) -> Result<(), Error> {
        let document = match self.contents.manifest {
            Some(_) => "manifest.json",
            None => "index.json",
        };
        let unread = self.contents.items.iter();
        let unread = unread.filter(|item| item.images.is_empty());
        let unread: Vec<&Reference> = unread.flat_map(|item| &item.tags).collect();
        items::check_tags(self.images(), &unread, document)
    }
}

/// Tells whether an archive describes its images twice.
fn has_halves(source: &Source) -> bool {
    let halves = ["manifest.json", "index.json"];
    halves.iter().all(|name| source.find(name).is_some())
}

fn open(source: &Arc<Source>, trusted: Option<Half>) -> Result<Archive, Error> {
    let mut documents = Documents::read(source, trusted)?;
    let (listed, family) =
        dialect::list(source, &mut documents)?.ok_or_else(|| no_images(source))?;
    let contents = Contents {
        source: Arc::clone(source),
        images: listed.images,
        groups: listed.groups,
        manifest: documents.manifest,
        items: listed.items,
        repositories: read_optional(source, "repositories", read_plain)?,
        graph: documents.graph,
        trusted,
    };
    let dialect = family.recognize(&contents)?;
    Ok(Archive {
        contents,
        dialect,
        surroundings: OnceLock::new(),
        unread: documents.unread,
    })
}

/// Says of a layout, whose documents can be read, what they name instead of images.
fn no_image(contents: &Contents) -> Error {
    let graph = contents.graph.as_ref();
    let n_listed = graph.map_or(0, |graph| children(&graph.index).count());
    let reason = match n_listed {
        0 => "the list of manifests is empty",
        _ => {
            "it lists only artifacts, signatures or attestations, not an image; use `oras` for these"
        }
    };
    Error::BadDocument {
        name: "index.json".to_owned(),
        reason: reason.to_owned(),
    }
}

/// The error of an archive whose documents list no images.
pub(super) fn no_images(source: &Source) -> Error {
    Error::NotAnImage {
        place: source.place().to_owned(),
        reason: instead_of_images(source),
    }
}

/// Says what an archive without images is, where that can be told.
fn instead_of_images(source: &Source) -> String {
    let has = |name: &str| source.find(name).is_some();
    if has("repositories") {
        return "has `repositories`, but no image: neither `manifest.json` nor directories with `json` and `layer.tar`".to_owned();
    }
    let missing = "contains neither `manifest.json` nor `index.json`";
    let mut entries = source.entries().iter();
    // As `distribution` keeps them (registry/storage/paths.go).
    if entries.any(|entry| entry.name.contains("registry/v2/blobs/")) {
        return format!(
            "{missing}; it is the storage of a registry: let a registry serve it, and copy an image with `skopeo copy docker://HOST/NAME:TAG oci:LAYOUT`"
        );
    }
    if has(".dockerenv") || has("etc") && has("usr") {
        return format!(
            "{missing}; it looks like a container file system from `docker export`; use `docker save`"
        );
    }
    let entries = source.entries().iter();
    let below = entries.filter_map(|entry| {
        let (directory, name) = entry.name.rsplit_once('/')?;
        matches!(name, "manifest.json" | "index.json").then_some(directory)
    });
    let highest = below.min_by_key(|directory| directory.matches('/').count());
    match highest {
        Some(directory) if source.is_directory() => {
            format!("{missing} except in `{directory}/`; use that directory")
        }
        Some(directory) => format!(
            "{missing} except in `{directory}/`; extract it with `tar -xf`, and use that directory"
        ),
        None => format!(
            "{missing}; expected an archive of `docker save`, `podman save` or `skopeo copy`, or an OCI layout"
        ),
    }
}
