//! Small files that a command writes beside its output, or as its output.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::archive::{PendingFile, is_replaceable};
use crate::error::Error;

/// A file that appears complete or not at all; a device or pipe is written to as it is.
#[derive(Debug)]
pub(super) enum Record {
    Pending(PendingFile, PathBuf),
    Device(PathBuf),
}

impl Record {
    /// Finds out whether the file can be written, before anything else is.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        if is_replaceable(path) {
            return Ok(Self::Pending(PendingFile::create(path)?, path.to_owned()));
        }
        Ok(Self::Device(path.to_owned()))
    }

    pub(super) fn write(self, content: &str) -> Result<(), Error> {
        match self {
            Self::Pending(mut pending, path) => {
                let written = pending.file.write_all(content.as_bytes());
                written.map_err(Error::at(&path))?;
                pending.publish()
            }
            Self::Device(path) => {
                let file = std::fs::OpenOptions::new().write(true).open(&path);
                let written = file.and_then(|mut file| file.write_all(content.as_bytes()));
                written.map_err(Error::at(&path))
            }
        }
    }
}
