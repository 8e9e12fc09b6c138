//! `ocipatch diff`

use std::path::PathBuf;

use clap::Args;

use super::failure::{Failure, say};
use super::inputs::open_source;
use super::record::Record;
use super::{Format, output};
use crate::archive::Archive;
use crate::diff::{Difference, DifferencePatch, PatchStyle};

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
    #[command(flatten)]
    patch: PatchOptions,
}

/// What concerns the difference as a patch.
#[derive(Debug, Args)]
struct PatchOptions {
    /// Write the patch that turns A into B, or tell what of it no operation says
    #[arg(long, conflicts_with_all = ["files", "format"])]
    as_patch: bool,
    /// Write the patch to this file instead of standard output
    #[arg(short, long, value_name = "FILE", requires = "as_patch")]
    output: Option<PathBuf>,
    /// Write the patch also where some of what differs cannot be in it; comments tell what
    #[arg(long, requires = "as_patch")]
    partial: bool,
    /// Have the patch refuse every image but A
    #[arg(long, requires = "as_patch")]
    expect: bool,
}

impl Diff {
    pub(super) fn run(&self, quiet: bool) -> Result<(), Failure> {
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        if is_stdin(&self.old) && is_stdin(&self.new) {
            let message = "only one input can be standard input";
            return Err(Failure::Usage(message.to_owned()));
        }
        let old = Archive::open(open_source(&self.old)?)?;
        let new = Archive::open(open_source(&self.new)?)?;
        let difference = Difference::between(&old, &new, self.files)?;
        if self.patch.as_patch {
            self.patch.write(&old, &new, quiet)?;
        } else {
            match self.format {
                Format::Text => output::text(&difference.to_string())?,
                Format::Json => output::json(&difference)?,
            }
        }
        if self.exit_code && difference.changed {
            return Err(Failure::Different);
        }
        Ok(())
    }
}

impl PatchOptions {
    fn write(&self, old: &Archive, new: &Archive, quiet: bool) -> Result<(), Failure> {
        let style = PatchStyle {
            expects_old: self.expect,
        };
        let patch = DifferencePatch::between(old, new, style)?;
        if !patch.missing.is_empty() && !self.partial {
            return Err(Failure::Unsayable(patch.missing));
        }
        match &self.output {
            Some(path) => Record::open(path)?.write(&patch.text)?,
            None => output::text(&patch.text)?,
        }
        if patch.leaves_layers && !quiet {
            say("note: the layers differ too, and are not in the patch");
        }
        Ok(())
    }
}
