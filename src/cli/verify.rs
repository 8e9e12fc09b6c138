//! `ocipatch verify`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::failure::Failure;
use super::inputs::input;
use super::registry::RegistryOptions;
use super::{Format, output, target};
use crate::ledger::Ledger;
use crate::verify::Severity;

/// Recomputes everything that an archive states about itself.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A tar, an extracted directory, `docker://NAME` for an image in a registry, or `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    image: PathBuf,
    #[command(flatten)]
    registries: RegistryOptions,
    /// Treat warnings as errors, and report violations of each SHOULD of the image specification
    #[arg(long)]
    strict: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Verify {
    pub(super) fn run(&self, quiet: bool, mut ledger: Ledger) -> Result<(), Failure> {
        target::enter_report(&mut ledger)?;
        let image = input(&self.image)?;
        let mut job = self.registries.job(ledger)?;
        let (report, is_ok) = if self.strict {
            let report = job.verify_strictly(image)?;
            let n_warnings = report.count(Severity::Warning);
            let is_ok = report.is_ok() && n_warnings == 0;
            (report, is_ok)
        } else {
            let report = job.verify(image)?;
            let is_ok = report.is_ok();
            (report, is_ok)
        };
        match self.format {
            Format::Json => output::json(&report)?,
            Format::Text if quiet && is_ok => {}
            Format::Text => output::text(&format!("{report}\n"))?,
        }
        if is_ok { Ok(()) } else { Err(Failure::Unsound) }
    }
}
