//! `ocipatch unpack`

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::failure::{Failure, say};
use super::inputs::{job, local_input};
use crate::archive;
use crate::ledger::{Extent, Ledger, Location, ReadAs, WrittenAs};
use crate::printable;

/// Unpacks an archive into a directory to look into.
#[derive(Debug, Args)]
pub(super) struct Unpack {
    /// A tar, or `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    image: PathBuf,
    /// A directory that does not exist or is empty
    #[arg(value_hint = ValueHint::DirPath)]
    directory: PathBuf,
    /// Also extract the files of each layer, to `.ocipatch/layers/`
    #[arg(long)]
    layers: bool,
}

impl Unpack {
    pub(super) fn image(&self) -> &Path {
        &self.image
    }

    pub(super) fn run(&self, quiet: bool, mut ledger: Ledger) -> Result<(), Failure> {
        if self.directory.as_os_str() == "-" {
            let message = "cannot unpack to standard output; name a directory";
            return Err(Failure::Usage(message.to_owned()));
        }
        let location = Location::of(&self.directory);
        ledger.write(WrittenAs::Output, Extent::Tree, location)?;
        let source = job(ledger).source(local_input(&self.image)?, ReadAs::Archive)?;
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
