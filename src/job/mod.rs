//! The door to the library: patches and an archive in, a plan, and a new archive out.
//!
//! Everything that a run has to keep in mind is behind it: which paths are read and written, which half of an archive a patch
//! trusts, the lock of an archive that is changed in place, and what an interrupted run left there.

mod archive;
mod edit;
mod input;
mod patches;
mod plan;
mod push;
mod repair;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use archive::Archive;
pub(crate) use edit::{EditedFile, Extended, NotEdited, PatchEdit, PatchStart};
pub use input::Input;
pub use patches::PatchTexts;
pub(crate) use patches::is_archive_file;
pub(crate) use plan::Decided;
pub use plan::Plan;
pub use push::{Moves, Names};
pub use repair::Repair;

use crate::archive::{Conversion, Destination, Form, Half, Lock, Referrers, Shelf, Source};
use crate::cache::Cache;
use crate::error::Error;
use crate::gather::{self, NotPlanned, Patches};
use crate::image_path::ImagePath;
use crate::ledger::{Ledger, ReadAs};
use crate::patch::{Attestations, PatchFile, Trust};
use crate::platform::PlatformPattern;
use crate::registry::Reach;
use crate::timestamp::Timestamp;
use crate::verify::{Report, verify, verify_strictly};

/// Where files without a name go by default: large ones need space more than speed.
const SPOOL: &str = "/var/tmp";

/// One run, and what is chosen for it. The default changes nothing but what the patches say.
#[derive(Debug, Clone)]
pub struct Job {
    spool: PathBuf,
    cache: Option<Arc<Cache>>,
    source_date_epoch: Option<Timestamp>,
    conversion: Conversion,
    is_pushed: bool,
    ledger: Ledger,
    reach: Reach,
    shelf: Option<Arc<Shelf>>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            spool: SPOOL.into(),
            cache: None,
            source_date_epoch: None,
            conversion: Conversion::default(),
            is_pushed: false,
            ledger: Ledger::default(),
            reach: Reach::default(),
            shelf: None,
        }
    }
}

impl Job {
    /// Returns a run with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the directory for decompressed archives and compressed layers, which are files without a name; `/var/tmp` by default.
    #[must_use]
    pub fn spool(mut self, directory: impl Into<PathBuf>) -> Self {
        self.spool = directory.into();
        self
    }

    /// Sets the directory of the cache, or uses none, which is the default. The cache holds the headers of compressed layers, so that
    /// a layer is decompressed once to be planned with; results are the same without it.
    ///
    /// The directory is made with mode 0700 if it does not exist, inside a directory that belongs to the effective user. It is not used
    /// if it belongs to another user, if its group or others may write to it, or if it is a symbolic link. It takes up to 512 MiB in
    /// up to 4096 files; those that have been unused longest are removed. Several processes may use it at once. Nothing that is
    /// wrong with it is an error.
    #[must_use]
    pub fn cache(mut self, directory: Option<PathBuf>) -> Self {
        self.cache = directory.map(|directory| Arc::new(Cache::at(&directory)));
        self
    }

    /// Sets the time of images that change and of new files, as `SOURCE_DATE_EPOCH` does for the command. The library does not
    /// read the environment.
    #[must_use]
    pub fn source_date_epoch(mut self, time: Timestamp) -> Self {
        self.source_date_epoch = Some(time);
        self
    }

    /// Sets the form of the new archive; by default, that of the old one.
    #[must_use]
    pub fn to(mut self, form: Form) -> Self {
        self.conversion.form = Some(form);
        self
    }

    /// Has the output be what registries hold: a layout, in which layers that were not compressed are compressed with gzip.
    /// [`Plan::push`] writes it there.
    #[must_use]
    pub fn pushed(mut self) -> Self {
        self.conversion.form = Some(Form::OCI_DIRECTORY);
        self.is_pushed = true;
        self
    }

    /// Sets the only platform that the new archive contains; by default, it contains all of them.
    #[must_use]
    pub fn platform(mut self, platform: PlatformPattern) -> Self {
        self.conversion.platform = Some(platform);
        self
    }

    /// Sets how registries are reached. No connection is made for what is not in one.
    #[must_use]
    pub fn registries(mut self, reach: impl Into<Reach>) -> Self {
        self.reach = reach.into();
        self
    }

    /// Has the images that are opened from now on share the layers that are fetched from registries, in a file without a name.
    pub(crate) fn sharing_layers(mut self) -> Self {
        self.shelf = Some(Arc::new(Shelf::new(&self.spool)));
        self
    }

    /// Returns how registries are reached.
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Returns a run that enters paths in `ledger`, which has its outputs already: a conflict is found before anything is opened.
    pub(crate) fn with_ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = ledger;
        self
    }

    /// Returns the paths of the run.
    pub(crate) fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// Opens an archive: a tar, plain or compressed, or a directory. `manifest.json` and `index.json` must agree.
    pub fn open(&mut self, input: impl Into<Input>) -> Result<Archive, Error> {
        self.open_as(input.into(), ReadAs::Archive)
    }

    /// Opens an archive as far as that can be done: it may hold no image, and damaged ones.
    pub(crate) fn look_into(
        &mut self,
        input: Input,
        trusted: Option<Half>,
    ) -> Result<Archive, Error> {
        let source = self.source(input, ReadAs::Archive)?;
        let archive = crate::archive::Archive::look_into(source, trusted)?;
        Ok(Archive::new(archive, self.spool.clone()))
    }

    /// Opens an archive that messages about its path call by its role.
    pub(crate) fn open_as(&mut self, input: Input, role: ReadAs) -> Result<Archive, Error> {
        let source = self.source(input, role)?;
        self.understand(source, None)
    }

    /// Opens the archive that `patches` are for. If the two halves of the archive disagree, the one that `target.trust` names is read.
    pub fn open_for(
        &mut self,
        input: impl Into<Input>,
        patches: &Patches,
    ) -> Result<Archive, NotPlanned> {
        let trusted = trusted(patches)?;
        let source = self.source_with(input.into(), ReadAs::Image, referrers(patches))?;
        Ok(self.understand(source, trusted)?)
    }

    /// Opens an archive that [`Plan::publish_in_place`] is to change. It is locked until the value is dropped; an archive that
    /// another run is changing is an error.
    pub fn open_in_place(
        &mut self,
        path: impl AsRef<Path>,
        patches: &Patches,
    ) -> Result<Archive, NotPlanned> {
        let path = path.as_ref();
        let lock = Lock::take(path)?;
        Ok(self.open_for(path, patches)?.locked(path, lock))
    }

    /// Recomputes every digest, size and cross-reference of what may not be a readable archive.
    pub fn verify(&mut self, input: impl Into<Input>) -> Result<Report, Error> {
        verify(&self.source(input.into(), ReadAs::Archive)?)
    }

    /// Does what [`verify`](Self::verify) does, and reports what the image specification only advises too.
    pub fn verify_strictly(&mut self, input: impl Into<Input>) -> Result<Report, Error> {
        verify_strictly(&self.source(input.into(), ReadAs::Archive)?)
    }

    /// Reads an archive that was edited by hand, its layers included, and derives again what names and describes its bytes. If it has
    /// both `manifest.json` and `index.json`, the `trusted` one says which layers and names an image has.
    pub fn repair(&mut self, input: impl Into<Input>, trusted: Half) -> Result<Repair, Error> {
        let source = self.source(input.into(), ReadAs::Image)?;
        Repair::new(crate::archive::Repair::read(source, trusted)?, None)
    }

    /// Does what [`repair`](Self::repair) does for an archive that [`Repair::publish_in_place`] is to change; it is locked until the
    /// value is dropped.
    pub fn repair_in_place(
        &mut self,
        path: impl AsRef<Path>,
        trusted: Half,
    ) -> Result<Repair, Error> {
        let path = path.as_ref();
        let lock = Lock::take(path)?;
        let source = self.source(path.into(), ReadAs::Image)?;
        let read = crate::archive::Repair::read(source, trusted)?;
        Repair::new(read, Some((path.to_owned(), lock)))
    }

    /// Plans `patches` for `archive`, and reads and hashes what they add: every digest of the result is known, and nothing is
    /// written.
    pub fn plan<'a>(
        &self,
        archive: &'a Archive,
        patches: &Patches,
    ) -> Result<Plan<'a>, NotPlanned> {
        Ok(self.decide(archive, patches)?.derive()?)
    }

    /// Does what [`plan`](Self::plan) does, up to where contents are read.
    pub(crate) fn decide<'a>(
        &self,
        archive: &'a Archive,
        patches: &Patches,
    ) -> Result<Decided<'a>, NotPlanned> {
        let conditions = self.conditions(Vec::new());
        Decided::new(archive, patches, &conditions, self.conversion.clone())
    }

    fn conditions(&self, shown: Vec<ImagePath>) -> gather::Conditions {
        gather::Conditions {
            spool: self.spool.clone(),
            cache: self.cache.clone(),
            shelf: self.shelf.clone(),
            source_date_epoch: self.source_date_epoch.clone(),
            is_converted: self.conversion.form.is_some(),
            is_pushed: self.is_pushed,
            shown,
            ledger: self.ledger.clone(),
            reach: self.reach.clone(),
        }
    }

    /// Enters an archive as read and indexes its entries.
    pub(crate) fn source(&mut self, input: Input, role: ReadAs) -> Result<Source, Error> {
        self.source_with(input, role, Referrers::Left)
    }

    fn source_with(
        &mut self,
        input: Input,
        role: ReadAs,
        referrers: Referrers,
    ) -> Result<Source, Error> {
        if let Some(location) = input.location() {
            self.ledger.read(role, location)?;
        }
        let source = input.open(&self.spool, &self.reach, referrers)?;
        for location in source.linked() {
            self.ledger.read(role, location.clone())?;
        }
        Ok(source
            .cached_in(self.cache.clone())
            .sharing(self.shelf.clone()))
    }

    fn understand(&self, source: Source, trusted: Option<Half>) -> Result<Archive, Error> {
        let archive = crate::archive::Archive::open_trusting(source, trusted)?;
        Ok(Archive::new(archive, self.spool.clone()))
    }
}

/// What refers to an image in a registry stays there, with the image as it was, unless a patch points it at the new one.
fn referrers(patches: &Patches) -> Referrers {
    let mut patches = patches.files().iter().flat_map(PatchFile::patches);
    if patches.any(|patch| patch.attestations == Attestations::Keep) {
        Referrers::Fetched
    } else {
        Referrers::Left
    }
}

fn trusted(patches: &Patches) -> Result<Option<Half>, NotPlanned> {
    let trust = Trust::of(patches.files())?;
    Ok(trust.map(|trust| match trust {
        Trust::Manifest => Half::Manifest,
        Trust::Index => Half::Index,
    }))
}

/// Refuses to change in place what was not locked there.
fn check_lock(
    destination: &Destination,
    locked: Option<&Path>,
    source: &Source,
) -> Result<(), Error> {
    match destination {
        Destination::InPlace(path, _) if locked != Some(path) => Err(not_locked(source)),
        _ => Ok(()),
    }
}

fn not_locked(source: &Source) -> Error {
    Error::Output {
        place: source.place().to_owned(),
        reason: "was not opened to be changed in place".to_owned(),
    }
}
