//! `ocipatch plan`

use clap::Args;

use super::failure::Failure;
use super::inputs::Inputs;
use super::{Format, output};
use crate::archive::Conversion;

/// Shows what patches would change.
#[derive(Debug, Args)]
#[command(override_usage = "ocipatch plan [OPTIONS] <PATCH>... <IMAGE>")]
pub(super) struct Plan {
    #[command(flatten)]
    inputs: Inputs,
    /// How to print the plan
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Exit with 2 if something changes, with 0 if not, and with 3 for a wrong command line
    #[arg(long)]
    detailed_exitcode: bool,
}

impl Plan {
    pub(super) fn run(&self) -> Result<(), Failure> {
        self.inputs.want_patch()?;
        let planned = self.inputs.plan(self.format, None)?;
        let prepared = planned.prepare(&Conversion::default())?;
        match self.format {
            Format::Text => output::text(&prepared.summary.to_string())?,
            Format::Json => output::json(&prepared.summary)?,
        }
        if self.detailed_exitcode && prepared.summary.changed {
            return Err(Failure::Changes);
        }
        Ok(())
    }
}
