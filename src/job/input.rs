//! Where an archive is read from.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::archive::Source;
use crate::error::Error;
use crate::ledger::Location;

/// A path, or something that is open already.
#[derive(Debug)]
pub enum Input {
    /// A tar, plain or compressed, or a directory.
    Path(PathBuf),
    /// A file or a pipe such as standard input, and what messages call it.
    Stream(File, String),
}

impl Input {
    pub(super) fn location(&self) -> Location {
        match self {
            Self::Path(path) => Location::of(path),
            Self::Stream(file, name) => Location::of_open(file, name),
        }
    }

    pub(super) fn open(self, spool: &Path) -> Result<Source, Error> {
        match self {
            Self::Path(path) => Source::open(&path, spool),
            Self::Stream(file, name) => Source::from_stream(file, name, spool),
        }
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Input {
    fn from(path: &P) -> Self {
        Self::Path(path.as_ref().to_owned())
    }
}

impl From<PathBuf> for Input {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}
