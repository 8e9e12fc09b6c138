//! What can go wrong in the world: files, archives, documents. (What is wrong with a patch is a `Problem`.)
//!
//! The first error stops the work. Each names the file, entry or blob it is about, and both sides of a mismatch.

use std::fmt;
use std::io;
use std::path::Path;

use crate::ledger::Conflict;
use crate::printable;

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
    /// A file that was given as a patch is an archive.
    NotPatch {
        /// The file.
        place: String,
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
    Remains {
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
    /// The place of a new directory is taken by one that is not empty.
    NotEmpty {
        /// The directory.
        place: String,
    },
    /// A registry failed, refused, or cannot be believed.
    Registry {
        /// The image, the repository or the host.
        place: String,
        /// What was asked, what came, and what to do.
        reason: String,
    },
    /// A registry does not have a manifest or a blob.
    NotInRegistry {
        /// The image, or the repository and a digest.
        place: String,
    },
    /// A name in a registry refers to something else than when it was read.
    Moved {
        /// The name.
        name: String,
        /// Its digest now; nothing if it was removed.
        found: Option<String>,
        /// The digest that was read.
        read: String,
    },
    /// A path that is to be written is read or written already.
    Conflict(Box<Conflict>),
    /// Some of what was to be written is in place, and the rest is not.
    Unfinished {
        /// What is in place, in words.
        written: Vec<String>,
        /// What is not, in words.
        unwritten: Vec<String>,
        /// What failed.
        source: Box<Self>,
    },
}

impl From<Conflict> for Error {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(Box::new(conflict))
    }
}

impl Error {
    /// Returns an operating system's refusal about a path.
    #[must_use]
    pub fn io(path: &Path, source: io::Error) -> Self {
        Self::in_place(&printable::path(path))(source)
    }

    /// Returns the error of a file that is no longer as it was; `what` says in which way.
    #[must_use]
    pub fn changed(path: &Path, what: String) -> Self {
        Self::Changed {
            place: printable::path(path),
            what,
        }
    }

    /// Returns the error of a layer, by the name of its entry, that is not a tar of files.
    pub(crate) fn unreadable_layer(name: String, error: impl fmt::Display) -> Self {
        Self::BadEntry {
            name,
            reason: format!("is not a readable layer: {error}"),
        }
    }

    /// Returns an operating system's refusal of a temporary file in `directory`.
    #[must_use]
    pub fn spool(directory: &Path, source: io::Error) -> Self {
        Self::Spool {
            directory: printable::path(directory),
            source,
        }
    }

    /// Returns the closure that `map_err` wants for [`Error::io`].
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::io(path, source)
    }

    /// Returns the same for what messages call `place`.
    pub(crate) fn in_place(place: &str) -> impl Fn(io::Error) -> Self + Copy + '_ {
        move |source| match source.downcast() {
            // A reader of ours says what it found.
            Ok(error) => error,
            Err(source) => Self::Io {
                place: place.to_owned(),
                source,
            },
        }
    }

    /// Returns this as the failure of something that followed after `written` was in place, and before `unwritten` was.
    #[must_use]
    pub fn after(self, written: &[String], unwritten: &[String]) -> Self {
        let (mut before, mut rest, source) = match self {
            Self::Unfinished {
                written,
                unwritten,
                source,
            } => (written, unwritten, source),
            source => (Vec::new(), Vec::new(), Box::new(source)),
        };
        before.splice(0..0, written.iter().cloned());
        rest.extend_from_slice(unwritten);
        Self::Unfinished {
            written: before,
            unwritten: rest,
            source,
        }
    }
}

impl Error {
    /// Returns the message with whatever names and other libraries put into it.
    fn message(&self) -> String {
        match self {
            Self::Io { place, source } => format!("`{place}`: {source}"),
            Self::NotTar {
                place,
                offset,
                reason,
            } => format!("`{place}` at byte {offset}: {reason}"),
            Self::MissingEntry { name, wanted_by } => {
                format!("the archive has no entry `{name}`, which {wanted_by} names")
            }
            Self::BadEntry { name, reason } => format!("the entry `{name}` {reason}"),
            Self::BadDocument { name, reason } => format!("`{name}`: {reason}"),
            Self::NotPatch { place } => format!("`{place}` is an archive, not a patch"),
            Self::Mismatch {
                what,
                found,
                wanted,
            } => format!("{what} is `{found}`, not `{wanted}`"),
            Self::OtherLayers { document, reason } => format!("{document} {reason}"),
            Self::Changed { place, what } => {
                format!("`{place}` changed while it was read: {what}")
            }
            Self::Spool { directory, source } => format!(
                "cannot write temporary files to `{directory}`: {source}; set `TMPDIR` to a writable directory with free space"
            ),
            Self::Remains { place, cause } => format!(
                "{}; `{place}` has the new images, and the next `--in-place` removes what they replaced",
                cause.message()
            ),
            Self::Unconvertible { image, reason } => format!("`{image}` {reason}"),
            Self::Halves(disagreement) => {
                format!("{disagreement}: the archive contradicts itself")
            }
            Self::NotEmpty { place } => format!("`{place}` is a directory that is not empty"),
            Self::Registry { place, reason } => format!("`{place}`: {reason}"),
            Self::NotInRegistry { place } => format!("the registry has no `{place}`"),
            Self::Moved { name, found, read } => {
                let found = found.as_ref();
                let now = found.map_or("removed".to_owned(), |found| format!("moved to {found}"));
                format!(
                    "`{name}` was {read} when it was read, and has been {now} since; the new image has no name yet: plan and apply again"
                )
            }
            Self::Conflict(conflict) => conflict.to_string(),
            Self::Unfinished { source, .. } => source.message(),
            Self::NotAnImage { place, reason } | Self::Output { place, reason } => {
                format!("`{place}` {reason}")
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable::line(&self.message()))?;
        if let Self::Unfinished {
            written, unwritten, ..
        } = self
        {
            for (words, things) in [("written", written), ("not written", unwritten)] {
                if !things.is_empty() {
                    write!(f, "\n{words}: {}", printable::line(&things.join(", ")))?;
                }
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Spool { source, .. } => Some(source),
            Self::Unfinished { source, .. } => Some(source),
            Self::Remains { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;

    use super::Error;

    #[test]
    fn what_went_wrong_below_is_named() {
        let source = || io::Error::from(io::ErrorKind::NotFound);
        let place = String::new;
        let cause = Error::Io {
            place: place(),
            source: source(),
        };
        for (error, has_source) in [
            (
                Error::Remains {
                    place: place(),
                    cause: Box::new(cause),
                },
                true,
            ),
            (
                Error::Io {
                    place: place(),
                    source: source(),
                },
                true,
            ),
            (
                Error::Spool {
                    directory: place(),
                    source: source(),
                },
                true,
            ),
            (
                Error::Changed {
                    place: place(),
                    what: place(),
                },
                false,
            ),
        ] {
            assert_eq!(error.source().is_some(), has_source, "{error:?}");
        }
    }
}
