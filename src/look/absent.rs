//! Why nothing is shown.

use std::fmt;

use crate::error::Error;
use crate::printable;

/// Something that was asked for and that the archive does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// What was asked for, and what is there instead.
    pub message: String,
    /// What can be asked for.
    pub help: Option<String>,
}

impl Absent {
    pub(super) fn new(message: String) -> Self {
        Self {
            message,
            help: None,
        }
    }

    pub(super) fn with_help(message: String, help: String) -> Self {
        Self {
            message,
            help: Some(help),
        }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable::line(&self.message))
    }
}

/// Why nothing is shown.
#[derive(Debug)]
pub enum Unseen {
    /// The archive does not have it.
    Absent(Absent),
    /// It cannot be read.
    Failed(Error),
}

impl From<Absent> for Unseen {
    fn from(absent: Absent) -> Self {
        Self::Absent(absent)
    }
}

impl From<Error> for Unseen {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(absent) => absent.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Unseen {}
