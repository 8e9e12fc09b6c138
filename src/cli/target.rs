//! What a command writes: files and standard output, each entered in the ledger before anything is read.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::error::Error;
use crate::ledger::{Descriptor, Extent, Ledger, Location, WrittenAs, followed};

/// Where something goes that was asked for by a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// `-`, or a name of standard output such as `/dev/stdout`.
    StandardOutput,
    Path(PathBuf),
}

impl Target {
    pub(super) fn of(path: &Path) -> Self {
        if path.as_os_str() == "-" || matches!(followed(path), Ok((_, Descriptor::Own(1)))) {
            return Self::StandardOutput;
        }
        Self::Path(path.to_owned())
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::StandardOutput => None,
            Self::Path(path) => Some(path),
        }
    }

    /// Opens standard output for an archive, if this is it; `advice` says what to do where that is a terminal.
    pub(super) fn open_standard_output(&self, advice: &str) -> Result<Option<File>, Failure> {
        if *self != Self::StandardOutput {
            return Ok(None);
        }
        let stdout = io::stdout();
        if stdout.is_terminal() {
            return Err(Failure::Usage(format!(
                "refusing to write an archive to a terminal; {advice}"
            )));
        }
        let file = stdout.as_fd().try_clone_to_owned().map(File::from);
        let file = file.map_err(|source| Error::Io {
            place: "standard output".to_owned(),
            source,
        });
        Ok(Some(file?))
    }

    /// Enters a file in the ledger.
    pub(super) fn enter(&self, role: WrittenAs, ledger: &mut Ledger) -> Result<(), Failure> {
        let location = match self {
            Self::StandardOutput => Location::standard_output(),
            Self::Path(path) => Location::of(path),
        };
        Ok(ledger.write(role, Extent::File, location)?)
    }
}

/// Returns the ledger of a command that has done nothing yet: it may write messages.
pub(super) fn ledger(quiet: bool) -> Ledger {
    let role = if quiet {
        WrittenAs::QuietStandardError
    } else {
        WrittenAs::StandardError
    };
    let mut ledger = Ledger::default();
    ledger
        .write(role, Extent::File, Location::standard_error())
        .expect("nothing is in the ledger that it could be in conflict with");
    ledger
}

/// Enters standard output for a report.
pub(super) fn enter_report(ledger: &mut Ledger) -> Result<(), Failure> {
    Target::StandardOutput.enter(WrittenAs::StandardOutput, ledger)
}
