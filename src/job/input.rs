//! Where an archive is read from.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::archive::{Referrers, Source, scratch};
use crate::error::Error;
use crate::ledger::Location;
use crate::reference::RegistryImage;
use crate::registry::Reach;

/// A path, or something that is open already.
#[derive(Debug)]
pub enum Input {
    /// A tar, plain or compressed, or a directory.
    Path(PathBuf),
    /// A file or a pipe such as standard input, and what messages call it.
    Stream(File, String),
    /// An image without layers, settings and name, for this os, architecture and variant: Dockerfiles call it `scratch`.
    Scratch(Option<[String; 3]>),
    /// An image in a registry.
    Registry(RegistryImage),
}

const SCRATCH: &str = "scratch";

impl Input {
    /// Returns what is read, if that is a file.
    pub(super) fn location(&self) -> Option<Location> {
        match self {
            Self::Path(path) => Some(Location::of(path)),
            Self::Stream(file, name) => Some(Location::of_open(file, name)),
            Self::Scratch(_) | Self::Registry(_) => None,
        }
    }

    pub(super) fn open(
        self,
        spool: &Path,
        reach: &Reach,
        referrers: Referrers,
    ) -> Result<Source, Error> {
        match self {
            Self::Path(path) => Source::open(&path, spool),
            Self::Stream(file, name) => Source::from_stream(file, name, spool),
            Self::Scratch(platform) => {
                let platform = platform.as_ref();
                let platform = platform.map(|parts| parts.each_ref().map(String::as_str));
                Source::from_bytes(&scratch(platform), SCRATCH.to_owned(), spool)
            }
            Self::Registry(image) => Source::of_registry(reach, &image, referrers, spool),
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
