//! What a revised archive is written as: in its own dialect, or in one of another form (`--to`).
//!
//! Of another form there are two: an OCI layout (image-spec image-layout.md), and the same with containerd's `manifest.json`
//! beside it (containerd `core/images/archive/exporter.go`), which Docker of every version, podman, skopeo and containerd load.

use std::collections::HashMap;

use crate::archive::Archive;
use crate::archive::dialect::form::{DOCKER, Form, OCI};
use crate::archive::dialect::state::State;
use crate::archive::dialect::{Dialect, Facts};
use crate::archive::documents::graph::Graph;
use crate::archive::documents::store::Store;
use crate::error::Error;
use crate::image::json::Document;
use crate::platform::PlatformPattern;
use crate::reference::Reference;

/// What the output is to be, where that is not what the input is.
#[derive(Debug, Clone, Default)]
pub struct Conversion {
    /// The form; that of the input if not given.
    pub form: Option<Form>,
    /// Of images for several platforms the one to write; all if not given.
    pub platform: Option<PlatformPattern>,
}

/// What the new archive is written as, and the documents of the old one that it begins from.
pub(super) struct Target<'a> {
    pub(super) dialect: &'a dyn Dialect,
    /// Whether that is the archive's own: then whatever it does not derive stays. Of another form nothing does.
    pub(super) is_own: bool,
    platform: Option<&'a PlatformPattern>,
    pub(super) manifest: Option<&'a Document>,
    pub(super) graph: Option<&'a Graph>,
    pub(super) repositories: Option<&'a Document>,
}

impl<'a> Target<'a> {
    pub(super) fn of(archive: &'a Archive, conversion: &'a Conversion) -> Self {
        let contents = &archive.contents;
        let own = archive.dialect.facts();
        let is_trusted = contents.trusted.is_some();
        let (dialect, is_asked_for) = match &conversion.form {
            Some(form) => (form.dialect, own.is_like(form.dialect.facts())),
            None if own.is_stored_as(Store::Flat) => (&*archive.dialect, true),
            None if own.is_bare_layout() && !is_trusted => (OCI, true),
            None => (DOCKER, own.is_written()),
        };
        let platform = conversion.platform.as_ref();
        if is_asked_for && !is_trusted && platform.is_none() {
            return Self {
                dialect: &*archive.dialect,
                is_own: true,
                platform,
                manifest: contents.manifest.as_ref(),
                graph: contents.graph.as_ref(),
                repositories: contents.repositories.as_ref(),
            };
        }
        // One platform of an index has no use for that.
        let is_kept = own.index.is_some_and(|index| index.says_which_images);
        let graph = contents.graph.as_ref();
        Self {
            dialect,
            is_own: false,
            platform,
            manifest: None,
            graph: graph.filter(|_| is_kept && platform.is_none()),
            repositories: None,
        }
    }

    pub(super) fn facts(&self) -> &'static Facts {
        self.dialect.facts()
    }

    /// Returns the images that are written: all of them, or of each group the one for the platform that is wanted.
    pub(super) fn select(
        &self,
        archive: &Archive,
        notes: &mut Vec<String>,
    ) -> Result<Vec<usize>, Error> {
        let all = 0..archive.images().len();
        match self.platform {
            Some(platform) => select(archive, platform, notes),
            None => Ok(all.collect()),
        }
    }

    /// Refuses images that the form cannot hold.
    pub(super) fn check(
        &self,
        archive: &Archive,
        written: &[usize],
        new: &[State],
    ) -> Result<(), Error> {
        if self.is_own {
            return Ok(());
        }
        // Nothing of another form stays as it is.
        if let Some(damaged) = archive.unread().iter().find(|unread| !unread.is_absent) {
            return Err(Error::Unconvertible {
                image: damaged.display_name(),
                reason: format!(
                    "cannot be read, so it cannot be written in another form: {}; `ocipatch repair` may help",
                    damaged.error
                ),
            });
        }
        if self.facts().manifest_json.is_none() {
            return Ok(());
        }
        check_docker(archive, written, new)
    }
}

fn select(
    archive: &Archive,
    platform: &PlatformPattern,
    notes: &mut Vec<String>,
) -> Result<Vec<usize>, Error> {
    let images = archive.images();
    let all = 0..images.len();
    let is_meant = |&i: &usize| platform.matches(&images[i].platform());
    let written: Vec<usize> = all.clone().filter(is_meant).collect();
    let mut groups = vec![Vec::new(); archive.groups().len()];
    for i in all.clone() {
        groups[archive.images()[i].group].push(i);
    }
    for there in groups {
        let chosen = there.iter().filter(|i| is_meant(i)).count();
        if chosen != 1 {
            let platforms = there
                .iter()
                .map(|&i| archive.images()[i].platform().to_string());
            return Err(Error::Unconvertible {
                image: archive.images()[there[0]].display_name(),
                reason: format!(
                    "has the platforms {}: `--platform {}` matches {chosen} of them, not one",
                    platforms.collect::<Vec<_>>().join(", "),
                    platform.as_str()
                ),
            });
        }
    }
    for i in all.filter(|i| !is_meant(i)) {
        let image = &archive.images()[i];
        notes.push(format!(
            "left out: {} for {}",
            image.display_name(),
            image.platform()
        ));
    }
    let referrers = archive.referrers_of(&written);
    notes.extend(
        referrers
            .iter()
            .map(|name| format!("left out, since it belongs to an index: {name}")),
    );
    Ok(written)
}

/// Docker's format has one image per name, and names with a repository.
fn check_docker(archive: &Archive, written: &[usize], new: &[State]) -> Result<(), Error> {
    let mut twins: HashMap<usize, Vec<usize>> = HashMap::new();
    for &i in written {
        twins.entry(archive.images()[i].group).or_default().push(i);
    }
    for &i in written {
        let image = &archive.images()[i];
        let platforms: Vec<String> = twins[&image.group]
            .iter()
            .map(|&j| archive.images()[j].platform().to_string())
            .collect();
        if platforms.len() > 1 {
            return Err(Error::Unconvertible {
                image: image.display_name(),
                reason: format!(
                    "has the platforms {}, but a docker archive contains one: select it with `--platform`",
                    platforms.join(", ")
                ),
            });
        }
        if let Some(absent) = image.absent_layer() {
            return Err(Error::Unconvertible {
                image: image.display_name(),
                reason: format!(
                    "lacks its layer {}, but a docker archive must contain every layer: use `--to oci-archive`, or `skopeo copy` the image from its registry",
                    absent.diff_id().short()
                ),
            });
        }
        if let Some(tag) = new[i].tags.iter().find(|tag| tag.is_bare()) {
            // Not every name of a layout is a tag.
            let name = Reference::parse(&format!("name:{tag}"))
                .map_or_else(|_| "name:tag".to_owned(), |name| name.familiar());
            return Err(Error::Unconvertible {
                image: image.display_name(),
                reason: format!(
                    "has the tag `{tag}` without a repository, but docker archives require full names: use `retag: [\"{name}\"]`"
                ),
            });
        }
    }
    Ok(())
}
