//! What patches do to an archive: decided, derived, and published.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::Archive;
use crate::apply::{AppliedPatch, ImageSummary, Prepared, Summary, prepare_as};
use crate::archive::{
    Conversion, Destination, Replaced, SideFile, publish_if_changed, publish_with,
};
use crate::error::Error;
use crate::gather::{self, NotPlanned, OpenSources, Patches, TakenSources, gather};
use crate::image::Config;
use crate::patch::PatchFile;
use crate::plan;
use crate::platform::PlatformPattern;

/// A plan before contents are read and digests are known.
#[derive(Debug)]
pub(crate) struct Decided<'a> {
    archive: &'a Archive,
    plan: Arc<plan::Plan>,
    opened: Arc<OpenSources>,
    sources: TakenSources,
    patches: Vec<AppliedPatch>,
    conversion: Conversion,
}

/// What patches do to an archive, with every digest of the result. Nothing is written yet.
///
/// `Display` prints it for people, as `ocipatch plan` does, and `Serialize` gives the JSON of `ocipatch plan --format json`.
#[derive(Debug)]
pub struct Plan<'a> {
    archive: &'a Archive,
    decided: Arc<plan::Plan>,
    opened: Arc<OpenSources>,
    sources: TakenSources,
    patches: Vec<AppliedPatch>,
    is_directory: bool,
    /// The only platform that is written.
    platform: Option<PlatformPattern>,
    prepared: Prepared<'a>,
}

impl<'a> Decided<'a> {
    pub(super) fn new(
        archive: &'a Archive,
        patches: &Patches,
        conditions: &gather::Conditions,
        conversion: Conversion,
    ) -> Result<Self, NotPlanned> {
        let mut gathered = gather(patches, archive.contents(), conditions)?;
        let plan = gathered.plan()?;
        let applied = |file: &PatchFile| AppliedPatch {
            name: file.name().to_owned(),
            digest: file.digest(),
            args: file.args().to_vec(),
        };
        Ok(Self {
            archive,
            plan,
            sources: gathered.take_sources(),
            opened: gathered.opened,
            patches: patches.files().iter().map(applied).collect(),
            conversion,
        })
    }

    /// Tells whether every image is for a machine; one from scratch may not be for any yet.
    pub(crate) fn has_platforms(&self) -> bool {
        let is_stated =
            |field, config: &Config| config.text(field).is_some_and(|it| !it.is_empty());
        let mut configs = self.plan.images.iter().map(|image| &image.config);
        configs.all(|config| is_stated("os", config) && is_stated("architecture", config))
    }

    /// Reads and hashes what is added, and derives everything that depends on it.
    pub(crate) fn derive(self) -> Result<Plan<'a>, Error> {
        let archive = self.archive;
        let prepared = prepare_as(
            &self.plan,
            archive.contents(),
            &self.opened,
            archive.spool(),
            &self.conversion,
        )?;
        let own = archive.contents().source().is_directory();
        let form = self.conversion.form;
        Ok(Plan {
            archive,
            decided: self.plan,
            opened: self.opened,
            sources: self.sources,
            patches: self.patches,
            is_directory: form.map_or(own, crate::archive::Form::is_directory),
            platform: self.conversion.platform.clone(),
            prepared,
        })
    }
}

impl Plan<'_> {
    /// Returns what changes, for people and programs.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.prepared.summary
    }

    /// Tells whether anything changes.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.summary().changed
    }

    /// Returns the images that the patches target, changed or not; of those that are written.
    #[must_use]
    pub fn targeted(&self) -> Vec<&ImageSummary> {
        let mut targeted = self.prepared.targeted();
        if let Some(platform) = &self.platform {
            let images = self.archive.contents().images().iter();
            let platforms = images.map(crate::archive::Image::platform);
            let written = platforms.filter(|it| platform.matches(it));
            let written: Vec<String> = written.map(|it| it.to_string()).collect();
            targeted.retain(|image| written.contains(&image.platform));
        }
        targeted
    }

    /// Returns what `docker buildx build --metadata-file` reports for an image.
    #[must_use]
    pub fn metadata(&self, image: &ImageSummary) -> serde_json::Value {
        self.prepared.metadata(image)
    }

    /// Returns an in-toto statement with SLSA provenance: what the result was made of, and by which patches. Everything that the
    /// patches took from the host is read once more; what changed since is an error.
    pub fn provenance(&self) -> Result<serde_json::Value, Error> {
        let materials = self.sources.materials(&self.opened)?;
        let secrets = &self.decided.secrets;
        Ok(self.prepared.provenance(&self.patches, &materials, secrets))
    }

    /// Tells whether the result can be written. Of a form that is only read, such as that of Docker before 1.10, it cannot, unless
    /// [`Job::to`](super::Job::to) says another.
    pub fn check_form(&self) -> Result<(), Error> {
        self.prepared.revision.draft.check_form()
    }

    /// Writes the new archive: a directory if its form is one, otherwise a tar in the compression of the old one.
    ///
    /// It appears complete or not at all. A path that was read, that contains such a path or is inside one, is
    /// [`Error::Conflict`].
    pub fn publish(&self, output: impl AsRef<Path>) -> Result<(), Error> {
        let path = output.as_ref().to_owned();
        let destination = if self.is_directory {
            Destination::Directory(path)
        } else {
            Destination::File(path)
        };
        self.publish_with(&destination, &[])
    }

    /// Replaces the archive that was opened by [`Job::open_in_place`](super::Job::open_in_place). Readers see the old images or the
    /// new ones, and a change that an earlier run left unfinished is completed or rolled back first.
    pub fn publish_in_place(&self) -> Result<(), Error> {
        let path = self.archive.place().ok_or_else(|| self.not_locked())?;
        let destination = Destination::InPlace(path.to_owned(), Replaced::Removed);
        self.publish_with(&destination, &[])
    }

    /// Writes the new archive, and after it the files that describe it. [`Destination::InPlace`] must be the path that was locked.
    pub fn publish_with(
        &self,
        destination: &Destination,
        side_files: &[SideFile<'_>],
    ) -> Result<(), Error> {
        self.check_lock(destination)?;
        publish_with(&self.prepared.revision.draft, destination, side_files)
    }

    /// Does what [`publish_with`](Self::publish_with) does, but leaves a file that has the very bytes already as it is, with its time;
    /// files that describe it too. Returns whether the archive was written.
    pub fn publish_if_changed(
        &self,
        destination: &Destination,
        side_files: &[SideFile<'_>],
    ) -> Result<bool, Error> {
        self.check_lock(destination)?;
        publish_if_changed(&self.prepared.revision.draft, destination, side_files)
    }

    /// Returns every path below which the patches took something from the host: files, and directories with everything in them.
    #[must_use]
    pub fn source_paths(&self) -> Vec<PathBuf> {
        self.sources.paths()
    }

    fn check_lock(&self, destination: &Destination) -> Result<(), Error> {
        let source = self.archive.contents().source();
        super::check_lock(destination, self.archive.place(), source)
    }

    pub(super) fn archive(&self) -> &Archive {
        self.archive
    }

    fn not_locked(&self) -> Error {
        super::not_locked(self.archive.contents().source())
    }
}

impl fmt::Display for Plan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary().fmt(f)
    }
}

impl Serialize for Plan<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.summary().serialize(serializer)
    }
}
