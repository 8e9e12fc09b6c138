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
    pub(crate) fn new(message: String) -> Self {
        Self {
            message,
            help: None,
        }
    }

    pub(crate) fn with_help(message: String, help: String) -> Self {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Absent, Unseen};
    use crate::error::Error;

    #[test]
    fn what_is_not_shown_says_why() {
        let absent = Unseen::from(Absent::new("no `a\u{1b}`".to_owned()));
        assert_eq!(absent.to_string(), "no `a\\u{1b}`");
        let error = || Error::io(Path::new("a"), std::io::ErrorKind::NotFound.into());
        assert_eq!(Unseen::from(error()).to_string(), error().to_string());
    }
}
