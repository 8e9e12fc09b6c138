//! `ocipatch init`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::failure::Failure;
use super::inputs::input;
use super::output;
use super::registry::RegistryOptions;
use super::selection::SelectionOptions;
use super::target::Target;
use crate::archive::{SideFile, write_files};
use crate::error::Error;
use crate::ledger::{Ledger, WrittenAs};
use crate::look::first_patch;
use crate::printable;

/// Writes a first patch for an image.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// A tar, an extracted directory, `docker://NAME` for an image in a registry, or `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    image: PathBuf,
    #[command(flatten)]
    registries: RegistryOptions,
    /// The patch file, which must not exist; standard output by default
    #[arg(short, long, value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    #[command(flatten)]
    selection: SelectionOptions,
}

impl Init {
    pub(super) fn run(&self, mut ledger: Ledger) -> Result<(), Failure> {
        let target = Target::of(&self.output);
        target.enter(WrittenAs::Output, &mut ledger)?;
        let mut job = self.registries.job(ledger)?;
        let archive = job.look_into(input(&self.image)?, self.selection.trusted())?;
        let archive = archive.contents();
        let image = self.selection.selection().only(archive)?;
        let patch = first_patch(archive, image);
        archive.source().check()?;
        let Some(path) = target.path() else {
            return Ok(output::report(&patch)?);
        };
        // A patch that somebody wrote is not replaced, nor what a dangling link stands for.
        if path.symlink_metadata().is_ok() {
            let place = printable::path(path);
            let reason = "exists already; name a new file".to_owned();
            return Err(Error::Output { place, reason }.into());
        }
        let file = SideFile::text(WrittenAs::Output, path.to_owned(), patch);
        Ok(write_files(job.ledger(), None, &[file])?)
    }
}
