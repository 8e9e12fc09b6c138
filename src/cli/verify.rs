//! `ocipatch verify`

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::inputs::open_source;
use super::{Format, output};

/// Recomputes everything that an archive states about itself.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A tar, a directory that one was extracted into, or `-` for standard input
    image: PathBuf,
    /// How to print what was found
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Verify {
    pub(super) fn run(&self, quiet: bool) -> Result<(), Failure> {
        let report = crate::verify::verify(&open_source(&self.image)?)?;
        match self.format {
            Format::Json => output::json(&report)?,
            Format::Text if quiet && report.is_ok() => {}
            Format::Text => output::text(&format!("{report}\n"))?,
        }
        if report.is_ok() {
            Ok(())
        } else {
            Err(Failure::Unsound)
        }
    }
}
