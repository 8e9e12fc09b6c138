//! `ocipatch check`

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use serde_json::{Value, json};

use super::args::{ArgOptions, refuse_undeclared};
use super::failure::{Failure, ProblemFormat, say};
use super::inputs::read_texts;
use super::source_root::in_sources;
use super::{mistaken, output, target, workflow};
use crate::ledger::Ledger;
use crate::patch::{PatchFile, PatchOutline};
use crate::plan::contradictions;
use crate::problem::{Note, sarif};

/// Checks patch files without an image.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Patch files, or `-` for standard input
    #[arg(required = true, value_name = "PATCH", value_hint = ValueHint::FilePath)]
    patches: Vec<PathBuf>,
    /// Output format of problems
    #[arg(long, value_enum, default_value = "text")]
    format: CheckFormat,
    #[command(flatten)]
    args: ArgOptions,
}

/// How problems are printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum CheckFormat {
    /// Problems under the lines of the patch
    Text,
    /// A list of problems
    Json,
    /// GitHub workflow commands, shown on the lines of a pull request
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

impl From<CheckFormat> for ProblemFormat {
    fn from(format: CheckFormat) -> Self {
        match format {
            CheckFormat::Text => Self::Text,
            CheckFormat::Json => Self::Json,
            CheckFormat::Github => Self::Github,
            CheckFormat::Sarif => Self::Sarif,
        }
    }
}

impl Check {
    /// Returns the failure of something that is not a patch, or the failure itself.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        let is_explained = matches!(failure, Failure::Usage(_) | Failure::World(_));
        let mistake = is_explained.then(|| mistaken::instead_of_patches(&self.patches));
        mistake.flatten().map_or(failure, Into::into)
    }

    pub(super) fn run(&self, quiet: bool, mut ledger: Ledger) -> Result<(), Failure> {
        target::enter_report(&mut ledger)?;
        let values = self.args.values(&mut ledger)?;
        let check = |name: &str, bytes: &[u8]| {
            let outline = PatchFile::check(name, bytes, &values)?;
            contradictions(&outline)?;
            Ok(outline)
        };
        let checked = read_texts(&self.patches, &mut ledger)?.each(check);
        if let Ok(outlines) = &checked {
            let declared = outlines.iter().flat_map(PatchOutline::arg_names);
            let declared: Vec<&str> = declared.map(String::as_str).collect();
            refuse_undeclared(&values, &declared)?;
        }
        let outlines =
            checked.map_err(|rejected| Failure::Rejected(rejected, self.format.into()))?;
        let files = outlines.iter().map(PatchOutline::file);
        let notes = files.flat_map(|file| file.notes().iter().map(|note| (file.path(), note)));
        self.print(&notes.collect::<Vec<_>>(), quiet)
    }

    /// Says that there is no problem, and what else there is to say.
    fn print(&self, notes: &[(&str, &Note)], quiet: bool) -> Result<(), Failure> {
        match self.format {
            CheckFormat::Text if quiet => {}
            CheckFormat::Text => {
                for (file, note) in notes {
                    say(&format!("note: {file}:{note}"));
                }
                let n = self.patches.len();
                let s = if n == 1 { "" } else { "s" };
                say(&format!("{n} patch file{s} without a problem"));
            }
            CheckFormat::Github => output::report(&workflow::notices(notes))?,
            CheckFormat::Json => {
                let notes: Vec<Value> = notes
                    .iter()
                    .map(|(file, note)| note.to_json(file))
                    .collect();
                output::json(&json!({ "formatVersion": 1, "problems": [], "notes": notes }))?;
            }
            CheckFormat::Sarif => output::json(&sarif(None, notes, in_sources))?,
        }
        Ok(())
    }
}
