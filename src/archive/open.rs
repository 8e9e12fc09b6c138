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
    if documents.one_manifest.is_some() {
        return Err(not_an_image(
            "is in the `dir:` form of skopeo and podman (its `manifest.json` is one manifest); convert it with `skopeo copy dir:DIR oci:LAYOUT`".to_owned(),
        ));
    }
    let (listed, family) = dialect::list(source, &documents)?.ok_or_else(|| no_images(source))?;
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
