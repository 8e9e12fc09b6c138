//! `ocipatch pack`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::failure::Failure;
use super::inputs::{job, local_input};
use super::target::Target;
use crate::archive;
use crate::ledger::{Ledger, ReadAs, WrittenAs};
use crate::printable;

/// Packs a directory that `unpack` made into an archive again.
#[derive(Debug, Args)]
pub(super) struct Pack {
    /// A directory that `unpack` wrote
    #[arg(value_hint = ValueHint::DirPath)]
    directory: PathBuf,
    /// The archive to write, or `-` for standard output
    #[arg(value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
}

impl Pack {
    pub(super) fn run(&self, mut ledger: Ledger) -> Result<(), Failure> {
        let target = Target::of(&self.output);
        target.enter(WrittenAs::Output, &mut ledger)?;
        let advice = "name a file, or redirect standard output";
        let stdout = target.open_standard_output(advice)?;
        let source = job(ledger).source(local_input(&self.directory)?, ReadAs::Unpacked)?;
        if !source.is_directory() {
            return Err(Failure::Usage(format!(
                "`{}` is a file; `pack` takes a directory",
                printable::path(&self.directory)
            )));
        }
        match stdout {
            Some(stdout) => archive::pack_into(&source, &self.directory, stdout, "standard output")
                .map_err(Failure::of_stream),
            None => Ok(archive::pack(&source, &self.directory, &self.output)?),
        }
    }
}
