//! `ocipatch diff`

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::inputs::open_source;
use super::{Format, output};
use crate::archive::Archive;
use crate::diff::Difference;

/// Shows what differs between two archives, by meaning: forms and spellings aside.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The old archive: a tar, a directory that one was extracted into, or `-` for standard input
    #[arg(value_name = "A")]
    old: PathBuf,
    /// The new archive
    #[arg(value_name = "B")]
    new: PathBuf,
    /// Compare the merged file trees too
    #[arg(long)]
    files: bool,
    /// How to print what differs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Exit with 1 if anything differs
    #[arg(long)]
    exit_code: bool,
}

impl Diff {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        if is_stdin(&self.old) && is_stdin(&self.new) {
            let message = "only one input can be standard input";
            return Err(Failure::Usage(message.to_owned()));
        }
        let old = Archive::open(open_source(&self.old)?)?;
        let new = Archive::open(open_source(&self.new)?)?;
        let difference = Difference::between(&old, &new, self.files)?;
        match self.format {
            Format::Text => output::text(&difference.to_string())?,
            Format::Json => output::json(&difference)?,
        }
        if self.exit_code && difference.changed {
            return Err(Failure::Different);
        }
        Ok(())
    }
}
