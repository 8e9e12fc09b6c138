//! `--trust`: which of two documents is followed.

use clap::ValueEnum;

use crate::archive::Half;

/// The documents of `--trust`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Trust {
    #[value(name = "manifest.json")]
    Manifest,
    #[value(name = "index.json")]
    Index,
}

impl From<Trust> for Half {
    fn from(trust: Trust) -> Self {
        match trust {
            Trust::Manifest => Self::Manifest,
            Trust::Index => Self::Index,
        }
    }
}
