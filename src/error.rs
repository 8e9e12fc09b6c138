//! What can go wrong in the world: files, archives, documents. (What is wrong with a patch is a `Problem`.)
//!
//! The first error stops the work. Each names the file, entry or blob it is about, and both sides of a mismatch.

use std::fmt;
use std::io;
use std::path::Path;

/// A failure outside the patch.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    Io {
        /// The file or entry.
        place: String,
        /// What it said.
        source: io::Error,
    },
    /// A file is no tar, or a damaged one.
    NotTar {
        /// The file.
        place: String,
        /// Bytes from the start of the uncompressed stream.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A file or directory holds no image that can be read.
    NotAnImage {
        /// The file or directory.
        place: String,
        /// What is there, and what was wanted.
        reason: String,
    },
    /// A document names an entry that the archive does not have.
    MissingEntry {
        /// The entry.
        name: String,
        /// Who names it.
        wanted_by: String,
    },
    /// An entry is not what it must be.
    BadEntry {
        /// The entry.
        name: String,
        /// What it is.
        reason: String,
    },
    /// A document inside the archive cannot be understood.
    BadDocument {
        /// The entry.
        name: String,
        /// Where and why.
        reason: String,
    },
    /// Two things that must agree do not.
    Mismatch {
        /// What was compared.
        what: String,
        /// What is there.
        found: String,
        /// What was to be there.
        wanted: String,
    },
    /// A document lists other layers for an image than its configuration does.
    OtherLayers {
        /// The document.
        document: String,
        /// What it lists, and what the configuration does.
        reason: String,
    },
    /// A file changed while it was read.
    Changed {
        /// The file.
        place: String,
        /// What is different, in words that follow the file's name.
        what: String,
    },
    /// There is no room for temporary files.
    Spool {
        /// The directory that they go to.
        directory: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A change in place was made, and something went wrong before all that it replaced was removed.
    Unfinished {
        /// The directory.
        place: String,
        /// What went wrong.
        cause: Box<Self>,
    },
    /// The archive cannot become what was asked for.
    Unconvertible {
        /// The image that stands in the way.
        image: String,
        /// Why, and what to do.
        reason: String,
    },
    /// Two descriptions of the same images in one archive disagree.
    Halves(Box<Self>),
    /// The place of the output is taken, or is no place for it.
    Output {
        /// The file or directory.
        place: String,
        /// What is in the way.
        reason: String,
    },
}

impl Error {
    /// Returns an operating system's refusal about a path.
    #[must_use]
    pub fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            place: path.display().to_string(),
            source,
        }
    }

    /// Returns the error of a file that is no longer as it was; `what` says in which way.
    #[must_use]
    pub fn changed(path: &Path, what: String) -> Self {
        Self::Changed {
            place: path.display().to_string(),
            what,
        }
    }

    /// Returns an operating system's refusal of a temporary file in `directory`.
    #[must_use]
    pub fn spool(directory: &Path, source: io::Error) -> Self {
        Self::Spool {
            directory: directory.display().to_string(),
            source,
        }
    }

    /// Returns the closure that `map_err` wants for [`Error::io`].
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::io(path, source)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { place, source } => write!(f, "`{}`: {source}", place.escape_debug()),
            Self::NotTar {
                place,
                offset,
                reason,
            } => {
                write!(f, "`{}` at byte {offset}: {reason}", place.escape_debug())
            }
            Self::MissingEntry { name, wanted_by } => {
                write!(
                    f,
                    "the archive has no entry `{}`, which {wanted_by} names",
                    name.escape_debug()
                )
            }
            Self::BadEntry { name, reason } => {
                write!(f, "the entry `{}` {reason}", name.escape_debug())
            }
            Self::BadDocument { name, reason } => write!(f, "`{}`: {reason}", name.escape_debug()),
            Self::Mismatch {
                what,
                found,
                wanted,
            } => write!(f, "{what} is `{found}`, not `{wanted}`"),
            Self::OtherLayers { document, reason } => write!(f, "{document} {reason}"),
            Self::Changed { place, what } => {
                write!(
                    f,
                    "`{}` changed while it was read: {what}",
                    place.escape_debug()
                )
            }
            Self::Spool { directory, source } => write!(
                f,
                "temporary files go to `{}`: {source}; set `TMPDIR` to a directory that exists, is writable and has room",
                directory.escape_debug()
            ),
            Self::Unfinished { place, cause } => write!(
                f,
                "{cause}; `{}` has the new images, and the next `--in-place` removes what they replaced",
                place.escape_debug()
            ),
            Self::Unconvertible { image, reason } => {
                write!(f, "`{}` {reason}", image.escape_debug())
            }
            Self::Halves(disagreement) => write!(
                f,
                "{disagreement}: the archive contradicts itself; to say which half is right write `target: {{trust: manifest.json}}` or `target: {{trust: index.json}}` into the patch"
            ),
            Self::NotAnImage { place, reason } | Self::Output { place, reason } => {
                write!(f, "`{}` {reason}", place.escape_debug())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Spool { source, .. } => Some(source),
            Self::Unfinished { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
