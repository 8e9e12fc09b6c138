//! Opening an archive: from its entries to what is in it and who wrote it, or to the reason why that cannot be told.

use std::sync::{Arc, OnceLock};

use super::dialect;
use super::documents::Documents;
use super::documents::read::read_optional;
use super::{Archive, Contents, Half, Source};
use crate::error::Error;

impl Archive {
    /// Understands the archive behind `source`: reads its documents, no layer.
    /// Where it describes its images twice, both must agree.
    pub fn open(source: Source) -> Result<Self, Error> {
        Self::open_trusting(source, None)
    }

    /// Understands the archive behind `source` as [`Archive::open`] does; if that cannot be done, and one half is `trusted`, the other is not
    /// read, and the output will have both anew.
    pub fn open_trusting(source: Source, trusted: Option<Half>) -> Result<Self, Error> {
        let source = Arc::new(source);
        let there = |name: &str| source.find(name).is_some();
        let has_both = there("manifest.json") && there("index.json");
        let opened = open(&source, None).or_else(|error| match trusted.filter(|_| has_both) {
            Some(half) => open(&source, Some(half)),
            None => Err(error),
        });
        // A change of the source explains whatever could not be understood.
        source.check()?;
        opened
    }
}

fn open(source: &Arc<Source>, trusted: Option<Half>) -> Result<Archive, Error> {
    let not_an_image = |reason: String| Error::NotAnImage {
        place: source.place().to_owned(),
        reason,
    };
    let documents = Documents::read(source, trusted)?;
    let (listed, family) = dialect::list(source, &documents)?
        .ok_or_else(|| not_an_image(instead_of_images(source)))?;
    let contents = Contents {
        source: Arc::clone(source),
        images: listed.images,
        groups: listed.groups,
        manifest: documents.manifest,
        items: listed.items,
        repositories: read_optional(source, "repositories")?,
        graph: documents.graph,
        trusted,
    };
    let dialect = family.recognize(&contents)?;
    Ok(Archive {
        contents,
        dialect,
        surroundings: OnceLock::new(),
    })
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
