//! An archive that was opened, and what can be asked of it.

use std::path::{Path, PathBuf};

use super::{Input, Job, Plan};
use crate::archive::{self, Image, Lock};
use crate::diff::{Difference, DifferencePatch, PatchStyle};
use crate::error::Error;
use crate::gather::{NotPlanned, Patches};
use crate::verify::{Report, verify};

/// An archive of images: a tar, plain or compressed, or a directory that one was extracted into.
#[derive(Debug)]
pub struct Archive {
    understood: archive::Archive,
    /// Where compressed layers wait.
    spool: PathBuf,
    /// Where the archive is, if it may be changed in place.
    in_place: Option<(PathBuf, Lock)>,
}

impl Archive {
    pub(super) fn new(archive: archive::Archive, spool: PathBuf) -> Self {
        Self {
            understood: archive,
            spool,
            in_place: None,
        }
    }

    pub(super) fn locked(self, path: &Path, lock: Lock) -> Self {
        Self {
            in_place: Some((path.to_owned(), lock)),
            ..self
        }
    }

    /// Opens an archive. `manifest.json` and `index.json` must agree; [`Job::open_for`] lets a patch say which of them is right.
    pub fn open(input: impl Into<Input>) -> Result<Self, Error> {
        Job::new().open(input)
    }

    /// Returns the images of the archive, in its order.
    #[must_use]
    pub fn images(&self) -> &[Image] {
        self.understood.images()
    }

    /// Plans patches for this archive with the default choices; [`Job::plan`] takes others.
    pub fn plan(&self, patches: &Patches) -> Result<Plan<'_>, NotPlanned> {
        Job::new().plan(self, patches)
    }

    /// Recomputes every digest, size and cross-reference.
    pub fn verify(&self) -> Result<Report, Error> {
        verify(self.understood.source())
    }

    /// Returns what differs between this archive and a newer one, by meaning; in the file trees only `with_files`.
    pub fn difference(&self, new: &Self, with_files: bool) -> Result<Difference, Error> {
        Difference::between(&self.understood, &new.understood, with_files)
    }

    /// Returns the patch that turns this archive into a newer one.
    pub fn difference_patch(
        &self,
        new: &Self,
        style: &PatchStyle,
    ) -> Result<DifferencePatch, Error> {
        DifferencePatch::between(&self.understood, &new.understood, style)
    }

    /// Returns the entries and documents.
    #[must_use]
    pub fn contents(&self) -> &archive::Archive {
        &self.understood
    }

    pub(super) fn spool(&self) -> &Path {
        &self.spool
    }

    /// Returns where the archive is, if it was opened to be changed there.
    pub(super) fn place(&self) -> Option<&Path> {
        self.in_place.as_ref().map(|(path, _)| path.as_path())
    }
}
