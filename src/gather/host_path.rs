//! The files and directories of the host that a patch names.

use std::path::{Path, PathBuf};

use super::Base;
use super::unusable::Unusable;
use crate::error::Error;
use crate::ledger::{Ledger, Location};
use crate::operation::HostPath;
use crate::printable;
use crate::problem::{Address, Code, Problem, quoted};

impl HostPath<'_> {
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
