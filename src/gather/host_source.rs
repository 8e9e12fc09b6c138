//! The files and directories of the host that a patch names.

use std::path::{Path, PathBuf};

use super::Base;
use super::unusable::Unusable;
use crate::error::Error;
use crate::ledger::{Ledger, Location, ReadAs};
use crate::patch::{AddLayer, DiffSource, Exclude, FileDiff, NewContent, Operation};
use crate::printable;
use crate::problem::{Address, Code, Problem, quoted};

/// A path in a patch, and what it is read as.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostSource<'p> {
    pub(super) role: ReadAs,
    /// As the patch spells it.
    pub(super) path: &'p str,
    /// What of a directory is not read.
    pub(super) exclude: Option<&'p Exclude>,
}

impl<'p> HostSource<'p> {
    /// Returns everything that an operation takes from the host.
    pub(super) fn all_of(operation: &'p Operation) -> Vec<Self> {
        match operation {
            Operation::AddLayer(add) => of_layer(add),
            Operation::ReplaceLayer(replacement) => of_layer(&replacement.with),
            Operation::PatchFile(FileDiff {
                diff: DiffSource::File(path),
                ..
            }) => vec![Self::file(ReadAs::FileDiff, path)],
            Operation::Rebase(rebase) => [&rebase.from, &rebase.onto]
                .map(|base| Self::file(ReadAs::BaseArchive, &base.archive))
                .to_vec(),
            _ => Vec::new(),
        }
    }

    /// Returns a file, or a directory that is read with everything in it.
    pub(super) fn file(role: ReadAs, path: &'p str) -> Self {
        Self {
            role,
            path,
            exclude: None,
        }
    }

    /// Returns the source of a layer.
    pub(super) fn of_layer(path: &'p str, add: &'p AddLayer) -> Self {
        Self {
            role: ReadAs::LayerSource,
            path,
            exclude: Some(&add.exclude),
        }
    }

    /// Returns where the path leads, if a patch may name that, and enters it as read. Nothing of the host is opened
    /// for a patch without this.
    pub(super) fn find(
        self,
        base: &Base,
        address: &Address,
        ledger: &mut Ledger,
    ) -> Result<PathBuf, Unusable> {
        let real = real_path(self.path, base, address)?;
        if let Some(problem) = self.refused(&real, address) {
            return Err(problem.into());
        }
        let location = Location::of_named(&base.directory.join(self.path), self.path);
        match self.exclude {
            Some(exclude) => {
                let exclude = exclude.clone();
                let is_left_out = move |path: &Path| exclude.is_excluded(bytes(path));
                ledger
                    .read_partly(self.role, location, is_left_out)
                    .map_err(Error::from)?;
            }
            None => ledger.read(self.role, location).map_err(Error::from)?,
        }
        Ok(real)
    }
}

impl HostSource<'_> {
    /// Refuses what is neither a file nor a directory, before it is opened: nobody may ever write into a pipe.
    fn refused(&self, real: &Path, address: &Address) -> Option<Problem> {
        let metadata = std::fs::metadata(real).ok()?;
        if metadata.is_file() || metadata.is_dir() {
            return None;
        }
        let message = format!("{} is neither a directory nor a file", quoted(self.path));
        let help = "pipes and devices are not read; write what comes from one to a file first";
        let problem = Problem::new(Code::NoSuchSource, address.clone(), message);
        Some(problem.with_help(help))
    }
}

fn of_layer(add: &AddLayer) -> Vec<HostSource<'_>> {
    let from = add.from.iter().map(|path| HostSource::of_layer(path, add));
    let files = add.files.iter().filter_map(|file| match &file.content {
        NewContent::From(path) => Some(HostSource::file(ReadAs::NewFile, path)),
        _ => None,
    });
    from.chain(files).collect()
}

fn bytes(path: &Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}

fn real_path(from: &str, base: &Base, address: &Address) -> Result<PathBuf, Unusable> {
    let problem = |code, message: String, help: String| {
        let problem = Problem::new(code, address.clone(), message).with_help(help);
        Err(problem.into())
    };
    let real = match std::fs::canonicalize(base.directory.join(from)) {
        Ok(real) => real,
        Err(error) if !is_of_the_path(&error) => {
            return Err(Error::io(&base.directory.join(from), error).into());
        }
        Err(error) => {
            let message = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    format!("there is no file or directory {}", quoted(from))
                }
                _ => format!("{} cannot be opened: {error}", quoted(from)),
            };
            let help = format!(
                "paths are relative to the patch file's directory, `{}`",
                printable::path(&base.directory)
            );
            return problem(Code::NoSuchSource, message, help);
        }
    };
    let home = std::fs::canonicalize(&base.directory).map_err(Error::at(&base.directory))?;
    if !base.allow_outside && !real.starts_with(&home) {
        let message = format!("{} is outside the patch file's directory", quoted(from));
        let help = "use `--allow-outside` to allow this".to_owned();
        return problem(Code::OutsideSource, message, help);
    }
    Ok(real)
}

/// Tells whether a system's refusal is about the path that somebody wrote, and not about a disk that fails.
pub(super) fn is_of_the_path(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{
        InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied,
    };
    let is_path = matches!(
        error.kind(),
        InvalidFilename | InvalidInput | IsADirectory | NotADirectory | NotFound | PermissionDenied
    );
    is_path || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}
