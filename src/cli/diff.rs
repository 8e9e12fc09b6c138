//! `ocipatch diff`

use std::path::{Component, Path, PathBuf};

use clap::{Args, ValueHint};

use super::cache::CacheOptions;
use super::failure::{Failure, say};
use super::inputs::{enter, input};
use super::registry::RegistryOptions;
use super::target::{self, Target};
use super::{Format, output, terminal};
use crate::archive::{self, SideFile, write_files};
use crate::diff::{LayerTar, PatchStyle};
use crate::error::Error;
use crate::gather::directory_of;
use crate::job::Archive;
use crate::ledger::{Extent, Ledger, Location, ReadAs, WrittenAs};
use crate::printable;

/// Shows what differs between two archives, by meaning: forms and spellings aside.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The old archive: a tar, an extracted directory, `docker://NAME` for an image in a registry, or `-` for standard input
    #[arg(value_name = "A", value_hint = ValueHint::FilePath)]
    old: PathBuf,
    /// The new archive
    #[arg(value_name = "B", value_hint = ValueHint::FilePath)]
    new: PathBuf,
    #[command(flatten)]
    registries: RegistryOptions,
    /// Compare the merged file trees too
    #[arg(long)]
    files: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Show long values to their end
    #[arg(long, conflicts_with = "as_patch")]
    full: bool,
    /// Exit with 1 if anything differs
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    patch: PatchOptions,
    #[command(flatten)]
    cache: CacheOptions,
}

/// What concerns the difference as a patch.
#[derive(Debug, Args)]
struct PatchOptions {
    /// Print a patch that turns A into B, or list the differences that no operation can express
    #[arg(long, conflicts_with_all = ["files", "format"])]
    as_patch: bool,
    /// Write the patch to this file, or to `-` for standard output (the default)
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "as_patch")]
    output: Option<PathBuf>,
    /// Write the layers that only B has as tars to this directory, and refer to them in the patch
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "as_patch")]
    layers: Option<PathBuf>,
    /// Write a patch even if it cannot express all differences; comments list the others
    #[arg(long, requires = "as_patch")]
    partial: bool,
    /// Add preconditions to the patch, so that it fits only A
    #[arg(long, requires = "as_patch")]
    expect: bool,
}

impl Diff {
    pub(super) fn run(&self, quiet: bool, mut ledger: Ledger) -> Result<(), Failure> {
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        if is_stdin(&self.old) && is_stdin(&self.new) {
            let message = "only one input can be standard input";
            return Err(Failure::Usage(message.to_owned()));
        }
        let target = self.patch.enter(&mut ledger)?;
        enter(&self.new, ReadAs::NewArchive, &mut ledger)?;
        let mut job = self.registries.job(ledger)?.cache(self.cache.directory());
        let old = job.open_as(input(&self.old)?, ReadAs::OldArchive)?;
        let new = job.open_as(input(&self.new)?, ReadAs::NewArchive)?;
        let difference = old.difference(&new, self.files)?;
        if self.patch.as_patch {
            self.patch
                .write(&target, (&old, &new), job.ledger(), quiet)?;
        } else {
            match self.format {
                Format::Text => output::drawn(&difference.text(terminal::on_stdout(self.full)))?,
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
    /// Enters everything that is going to be written but the tars of layers, which are not known yet; returns where the
    /// patch goes.
    fn enter(&self, ledger: &mut Ledger) -> Result<Target, Failure> {
        let target = match &self.output {
            Some(path) => Target::of(path),
            None => Target::StandardOutput,
        };
        match &target {
            Target::StandardOutput => target::enter_report(ledger)?,
            Target::Path(_) => target.enter(WrittenAs::Output, ledger)?,
        }
        if let Some(directory) = &self.layers {
            let location = Location::of(directory);
            ledger.write(WrittenAs::LayerDirectory, Extent::Directory, location)?;
        }
        Ok(target)
    }

    fn write(
        &self,
        target: &Target,
        (old, new): (&Archive, &Archive),
        ledger: &Ledger,
        quiet: bool,
    ) -> Result<(), Failure> {
        let layers = self.layers.as_deref();
        let style = PatchStyle {
            expects_old: self.expect,
            layers: layers
                .map(|layers| spelled_in_patch(layers, target))
                .transpose()?,
        };
        let patch = old.difference_patch(new, &style)?;
        if !patch.missing.is_empty() && !self.partial {
            let help = "`--partial` writes a patch without these";
            return Err(Failure::Unsayable(patch.missing, help));
        }
        let directory = layers.filter(|_| !patch.layers.is_empty());
        let mut files = tars(
            &patch.layers,
            new.contents(),
            directory.unwrap_or(Path::new("")),
        );
        if let Some(path) = target.path() {
            let path = path.to_owned();
            files.push(SideFile::text(WrittenAs::Output, path, patch.text.clone()));
        }
        write_files(ledger, directory, &files)?;
        if *target == Target::StandardOutput {
            let tars: Vec<String> = files.iter().map(SideFile::shown).collect();
            print(&patch.text, &tars)?;
        }
        if patch.leaves_layers && !quiet {
            say(
                "note: the patch does not include the layers, which differ too; use `--layers DIR` to include them",
            );
        }
        Ok(())
    }
}

/// Returns how the patch spells a directory, which it reaches only below its own: that of its file, or the current one.
fn spelled_in_patch(directory: &Path, target: &Target) -> Result<String, Failure> {
    let home = target.path().map_or(PathBuf::from("."), directory_of);
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
            "`{}` is outside the directory of the patch",
            printable::path(directory)
        ))),
    }
}

/// Returns the tars of layers as files of a directory.
fn tars<'a>(
    tars: &'a [LayerTar],
    new: &'a archive::Archive,
    directory: &Path,
) -> Vec<SideFile<'a>> {
    let file = |tar: &'a LayerTar| SideFile {
        role: WrittenAs::LayerTar,
        path: directory.join(&tar.name),
        write: Box::new(move |out: &mut dyn std::io::Write| tar.write(new, out)),
    };
    tars.iter().map(file).collect()
}

/// Prints the patch. Without tars that are written for it, it is a report like any other.
fn print(text: &str, tars: &[String]) -> Result<(), Failure> {
    if tars.is_empty() {
        return Ok(output::report(text)?);
    }
    let printed = output::data(text);
    printed.map_err(|error| error.after(tars, &["the patch".to_owned()]).into())
}
