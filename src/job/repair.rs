//! An archive that was edited by hand: what is wrong with it, and the archive in which that is derived again.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::archive::{self, Correction, Destination, Lock, Replaced, publish};
use crate::error::Error;

/// An archive that was edited by hand, whose documents are derived again from its bytes. Nothing is written yet.
///
/// `Display` prints a line for each correction, as `ocipatch repair` does.
#[derive(Debug)]
pub struct Repair {
    read: archive::Repair,
    corrections: Vec<Correction>,
    in_place: Option<(PathBuf, Lock)>,
}

impl Repair {
    pub(super) fn new(
        read: archive::Repair,
        in_place: Option<(PathBuf, Lock)>,
    ) -> Result<Self, Error> {
        let corrections = read.draft()?.corrections()?;
        Ok(Self {
            read,
            corrections,
            in_place,
        })
    }

    /// Returns what is wrong; nothing if the archive stays as it is.
    #[must_use]
    pub fn corrections(&self) -> &[Correction] {
        &self.corrections
    }

    /// Writes the repaired archive: a directory if the input is one, otherwise a tar in its compression. If nothing is wrong, it is
    /// the input, byte for byte.
    ///
    /// It appears complete or not at all. A path that was read is [`Error::Conflict`].
    pub fn publish(&self, output: impl AsRef<Path>) -> Result<(), Error> {
        let path = output.as_ref().to_owned();
        self.publish_with(&if self.read.source().is_directory() {
            Destination::Directory(path)
        } else {
            Destination::File(path)
        })
    }

    /// Repairs the archive that was opened by [`Job::repair_in_place`](super::Job::repair_in_place).
    pub fn publish_in_place(&self) -> Result<(), Error> {
        let (path, _) = self.in_place.as_ref().ok_or_else(|| self.not_locked())?;
        self.publish_with(&Destination::InPlace(path.clone(), Replaced::Removed))
    }

    /// Writes the repaired archive. [`Destination::InPlace`] must be the path that was locked.
    pub fn publish_with(&self, destination: &Destination) -> Result<(), Error> {
        let locked = self.in_place.as_ref().map(|(path, _)| path.as_path());
        super::check_lock(destination, locked, self.read.source())?;
        publish(&self.read.draft()?, destination)
    }

    fn not_locked(&self) -> Error {
        super::not_locked(self.read.source())
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for correction in &self.corrections {
            writeln!(f, "{correction}")?;
        }
        match self.corrections.len() {
            0 => f.write_str("nothing to repair"),
            1 => f.write_str("1 correction"),
            n => write!(f, "{n} corrections"),
        }
    }
}
