//! `ocipatch plan`

use clap::{Args, ValueEnum};

use super::failure::{Failure, ProblemFormat};
use super::form::To;
use super::inputs::Inputs;
use super::mistaken::Positionals;
use super::selection::platform;
use super::source_root::in_sources;
use super::{output, target, terminal, workflow};
use crate::ledger::Ledger;
use crate::platform::PlatformPattern;
use crate::problem::{Note, sarif};

/// Shows what patches would change.
#[derive(Debug, Args)]
#[command(override_usage = "ocipatch plan [OPTIONS] <PATCH>... <IMAGE>")]
pub(super) struct Plan {
    #[command(flatten)]
    inputs: Inputs,
    /// Output format
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: PlanFormat,
    /// Plan to convert the archive to this form; patches are optional
    #[arg(long, value_enum, value_name = "FORM", help_heading = "Output")]
    to: Option<To>,
    /// Plan for this platform alone of a multi-platform image, such as `linux/arm64`; for `scratch`, the platform of the new image
    #[arg(long, value_name = "PLATFORM", value_parser = platform, help_heading = "Output")]
    platform: Option<PlatformPattern>,
    /// Show long values, texts and lists of files to their end
    #[arg(long, help_heading = "Output")]
    full: bool,
    /// Exit with 2 if something changes, 0 if not, and 3 on a usage error
    #[arg(long, help_heading = "Checks")]
    detailed_exitcode: bool,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For a pull request comment
    Markdown,
    /// GitHub workflow commands: problems on their lines of a pull request, or the plan on the first line of the patch
    Github,
    /// SARIF 2.1.0, for code scanning: problems and notes on the patch, without the plan
    Sarif,
}

impl From<PlanFormat> for ProblemFormat {
    fn from(format: PlanFormat) -> Self {
        match format {
            PlanFormat::Text => Self::Text,
            PlanFormat::Json => Self::Json,
            PlanFormat::Markdown => Self::Markdown,
            PlanFormat::Github => Self::Github,
            PlanFormat::Sarif => Self::Sarif,
        }
    }
}

impl Plan {
    pub(super) fn positionals(&self) -> Positionals<'_> {
        Positionals {
            words: self.inputs.paths(),
            output: None,
        }
    }

    pub(super) fn is_detailed(&self) -> bool {
        self.detailed_exitcode
    }

    pub(super) fn run(&self, mut ledger: Ledger) -> Result<(), Failure> {
        // To show an image in another form is something to do.
        if self.to.is_none() && self.platform.is_none() {
            self.positionals().want_patch()?;
        }
        target::enter_report(&mut ledger)?;
        let patches = self.inputs.read_patches(self.format.into(), ledger)?;
        let mut patches = patches.convert(self.to.map(Into::into), self.platform.as_ref())?;
        let notes = patches.notes();
        let notes: Vec<(&str, &Note)> = notes.iter().map(|(file, note)| (&**file, note)).collect();
        let archive = patches.open(self.inputs.image())?;
        let plan = patches.decide(&archive)?.derive()?;
        if self.to.is_some() {
            plan.check_form()?;
        }
        match self.format {
            PlanFormat::Text => {
                output::drawn(&plan.summary().text(terminal::on_stdout(self.full)))?;
            }
            PlanFormat::Json => output::json(&plan)?,
            PlanFormat::Markdown => output::document(&plan.summary().to_markdown())?,
            PlanFormat::Github => {
                let file = self.inputs.first_patch();
                let commands = [
                    workflow::notices(&notes),
                    workflow::plan(&file, &plan.to_string()),
                ];
                output::report(&commands.concat())?;
            }
            PlanFormat::Sarif => output::json(&sarif(None, &notes, in_sources))?,
        }
        if self.detailed_exitcode && plan.is_change() {
            return Err(Failure::Changes);
        }
        Ok(())
    }
}
