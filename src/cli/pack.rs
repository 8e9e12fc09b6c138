//! `ocipatch pack`

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::inputs::open_source;
use crate::archive;
use crate::printable;

/// Packs a directory that `unpack` made into an archive again.
#[derive(Debug, Args)]
pub(super) struct Pack {
    /// The directory
    directory: PathBuf,
    /// The archive to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

impl Pack {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let source = open_source(&self.directory)?;
        if !source.is_directory() {
            return Err(Failure::Usage(format!(
                "`{}` is a file; `pack` takes a directory",
                printable::path(&self.directory)
            )));
        }
        Ok(archive::pack(&source, &self.directory, &self.output)?)
    }
}
