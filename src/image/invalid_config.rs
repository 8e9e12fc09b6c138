//! What is wrong with a configuration that cannot be read.

use std::fmt;

use super::json::{AmbiguousKey, ParseError};

/// Why a text is not an image configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The text is not JSON.
    Json(ParseError),
    /// A key is there in two spellings.
    Ambiguous(AmbiguousKey),
    /// It has no `rootfs`: it may be the configuration of an artifact.
    NoRootfs,
    /// A field has another shape than the format gives it.
    Shape {
        /// The field, as a path of keys.
        field: String,
        /// What the format wants there.
        wanted: &'static str,
    },
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Ambiguous(error) => error.fmt(f),
            Self::NoRootfs => f.write_str("`rootfs` is missing"),
            Self::Shape { field, wanted } => write!(f, "`{field}` is not {wanted}"),
        }
    }
}

impl std::error::Error for InvalidConfig {}

impl From<ParseError> for InvalidConfig {
    fn from(error: ParseError) -> Self {
        Self::Json(error)
    }
}

impl From<AmbiguousKey> for InvalidConfig {
    fn from(error: AmbiguousKey) -> Self {
        Self::Ambiguous(error)
    }
}
