//! The files of a fleet: the one that its author writes, and the lock beside it.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::{FleetFile, Lock};
use crate::error::Error;
use crate::gather::NotPlanned;
use crate::ledger::{Ledger, Location, ReadAs};
use crate::patch::MAX_FILE_BYTES;
use crate::printable;

impl FleetFile {
    /// Reads the file of a fleet.
    pub fn read(path: &Path, ledger: &mut Ledger) -> Result<Self, NotPlanned> {
        let mut bytes = Vec::new();
        let file = open(path, ReadAs::Fleet, ledger)?;
        let read = file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes);
        read.map_err(Error::at(path))?;
        Ok(Self::parse(&printable::path(path), &bytes)?)
    }

    /// Returns the path of the lock of a fleet: the same with `.lock`.
    #[must_use]
    pub fn lock_path(path: &Path) -> PathBuf {
        path.with_extension("lock")
    }
}

impl Lock {
    /// Reads a lock.
    pub fn open(path: &Path, ledger: &mut Ledger) -> Result<Self, Error> {
        let file = open(path, ReadAs::FleetLock, ledger)?;
        Self::read(&printable::path(path), BufReader::new(file))
    }
}

fn open(path: &Path, role: ReadAs, ledger: &mut Ledger) -> Result<File, Error> {
    ledger.read(role, Location::of(path))?;
    File::open(path).map_err(Error::at(path))
}
