//! `ocipatch repair`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::destination::{self, output_of, refuse_stream};
use super::failure::{Failure, say, say_lines};
use super::inputs::{job, local_input};
use super::trust::Trust;
use super::{output, target};
use crate::archive::{Destination, Replaced};
use crate::job::Repair as Repaired;
use crate::ledger::Ledger;

/// Repairs an archive that was edited by hand.
#[derive(Debug, Args)]
pub(super) struct Repair {
    /// A tar (plain, gzip, zstd, bzip2 or xz), an extracted directory, or `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    image: PathBuf,
    /// Write the repaired archive to a file, a directory (`dir/`), or `-` for standard output (the default)
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath, conflicts_with_all = ["in_place", "check"])]
    output: Option<PathBuf>,
    /// Repair IMAGE itself
    #[arg(long, conflicts_with = "check")]
    in_place: bool,
    /// Only print the corrections; exit with 3 if there are any
    #[arg(long)]
    check: bool,
    /// The document to follow if `manifest.json` and `index.json` disagree
    #[arg(
        long,
        value_enum,
        value_name = "DOCUMENT",
        default_value = "manifest.json"
    )]
    trust: Trust,
}

impl Repair {
    pub(super) fn run(&self, quiet: bool, mut ledger: Ledger) -> Result<(), Failure> {
        if self.check {
            target::enter_report(&mut ledger)?;
            let repair = job(ledger).repair(local_input(&self.image)?, self.trust.into())?;
            return check(&repair, quiet);
        }
        let destination = self.destination()?;
        destination::enter(&destination, &mut ledger)?;
        let mut job = job(ledger);
        let repair = if self.in_place {
            job.repair_in_place(&self.image, self.trust.into())?
        } else {
            job.repair(local_input(&self.image)?, self.trust.into())?
        };
        let written = repair.publish_with(&destination);
        written.map_err(|error| match destination {
            Destination::Stream(_) => Failure::of_stream(error),
            _ => error.into(),
        })?;
        if !quiet {
            say_lines(&repair.to_string());
        }
        Ok(())
    }

    fn destination(&self) -> Result<Destination, Failure> {
        if self.in_place {
            refuse_stream(&self.image)?;
            return Ok(Destination::InPlace(self.image.clone(), Replaced::Removed));
        }
        output_of(&self.image, self.output.as_deref(), None)
    }
}

/// Prints what is wrong.
fn check(repair: &Repaired, quiet: bool) -> Result<(), Failure> {
    if repair.corrections().is_empty() {
        if !quiet {
            say(&repair.to_string());
        }
        return Ok(());
    }
    output::text(&format!("{repair}\n"))?;
    Err(Failure::Unsound)
}
