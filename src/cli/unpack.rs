//! `ocipatch unpack`

use std::path::PathBuf;

use clap::Args;

use super::failure::{Failure, say};
use super::inputs::open_source;
use crate::archive;
use crate::printable;

/// Unpacks an archive into a directory to look into.
#[derive(Debug, Args)]
pub(super) struct Unpack {
    /// A tar, or `-` for standard input
    image: PathBuf,
    /// A directory that does not exist or is empty
    directory: PathBuf,
    /// Extract the files of each layer too, below `.ocipatch/layers/`
    #[arg(long)]
    layers: bool,
}

impl Unpack {
    pub(super) fn run(&self, quiet: bool) -> Result<(), Failure> {
        let source = open_source(&self.image)?;
        if !self.layers {
            return Ok(archive::unpack(&source, &self.directory)?);
        }
        for layer in archive::unpack_with_layers(source, &self.directory)? {
            if !quiet {
                say(&printable::path(&layer));
            }
        }
        Ok(())
    }
}
