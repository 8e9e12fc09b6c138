//! `ocipatch diff`

use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::failure::{Failure, say};
use super::inputs::open_source;
use super::record::Record;
use super::{Format, output};
use crate::archive::{Archive, PendingFile};
use crate::diff::{Difference, DifferencePatch, LayerTar, PatchStyle};
use crate::error::Error;
use crate::gather::directory_of;
use crate::printable;

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
    /// Write the layers that B has and A has not as tars into this directory, for the patch to take them from
    #[arg(long, value_name = "DIR", requires = "as_patch")]
    layers: Option<PathBuf>,
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
        let layers = self.layers.as_deref();
        let style = PatchStyle {
            expects_old: self.expect,
            layers: layers
                .map(|layers| self.spelled_in_patch(layers))
                .transpose()?,
        };
        let patch = DifferencePatch::between(old, new, &style)?;
        if !patch.missing.is_empty() && !self.partial {
            return Err(Failure::Unsayable(patch.missing));
        }
        let record = self.output.as_deref().map(Record::open).transpose()?;
        if let Some(directory) = layers.filter(|_| !patch.layers.is_empty()) {
            write_layers(&patch.layers, new, directory)?;
        }
        match record {
            Some(record) => record.write(&patch.text)?,
            None => output::data(&patch.text)?,
        }
        if patch.leaves_layers && !quiet {
            say(
                "note: the layers differ too, and are not in the patch; `--layers DIR` takes them along",
            );
        }
        Ok(())
    }

    /// Returns how the patch spells a directory, which it reaches only below its own: that of its file, or the current one.
    fn spelled_in_patch(&self, directory: &Path) -> Result<String, Failure> {
        let home = self
            .output
            .as_deref()
            .map_or(PathBuf::from("."), directory_of);
        let absolute = |path: &Path| std::path::absolute(path).map_err(Error::at(path));
        let (below, home) = (absolute(directory)?, absolute(&home)?);
        let leads_up = |path: &&Path| path.components().any(|part| part == Component::ParentDir);
        let spelled = below
            .strip_prefix(&home)
            .ok()
            .filter(|path| !leads_up(path));
        match spelled.and_then(Path::to_str) {
            Some("") => Ok(".".to_owned()),
            Some(spelled) => Ok(spelled.to_owned()),
            None => Err(Failure::Usage(format!(
                "`{}` is not below the directory of the patch, where a patch may take files from",
                printable::path(directory)
            ))),
        }
    }
}

/// Writes tars that appear together, once all of them are complete.
fn write_layers(tars: &[LayerTar], new: &Archive, directory: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(directory).map_err(Error::at(directory))?;
    let mut written = Vec::with_capacity(tars.len());
    for tar in tars {
        let mut pending = PendingFile::create(&directory.join(&tar.name))?;
        tar.write(new, &mut pending.file)?;
        written.push(pending);
    }
    written.into_iter().try_for_each(PendingFile::publish)
}
