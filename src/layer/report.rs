//! What composing a layer has to say: notes for the reader of a plan, problems for the author of a patch.

use std::fmt;

use crate::image_path::ImagePath;
use crate::tarball::{Kind, TooManyImplied};

/// Something that the reader of a plan should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Note {
    /// The image has a link where the layer names a directory; the layer goes where the link points.
    Followed {
        /// The link.
        link: ImagePath,
        /// The directory that stands for it.
        to: ImagePath,
    },
    /// Something of the image gives way to something of another kind.
    Replaced {
        /// Where.
        path: ImagePath,
        /// What the image has there.
        was: Kind,
        /// What the layer puts there.
        by: Kind,
    },
    /// A device, or a file that runs with its owner's rights.
    Privileged {
        /// Where.
        path: ImagePath,
    },
}

/// Why an addition cannot be in the layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerProblem {
    /// The path that was asked for.
    pub path: ImagePath,
    /// What is in the way.
    pub reason: Reason,
}

/// What is in the way of an addition.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A name that begins with `.wh.` would remove a file instead of adding one.
    WhiteoutName,
    /// Something other than a directory for `/`.
    RootMustBeADirectory,
    /// Another addition is at the same place of the image.
    Collision {
        /// The path of the other one.
        other: ImagePath,
    },
    /// Another addition puts something other than a directory on the way.
    ParentAdded {
        /// The path of the other one.
        other: ImagePath,
    },
    /// The image has something other than a directory on the way.
    ParentIsAFile {
        /// Its real path.
        path: ImagePath,
    },
    /// The image has a link on the way, and links are not to be followed.
    ThroughLink {
        /// The link.
        link: ImagePath,
    },
    /// The image's links on the way lead to a name that would remove a file.
    LedToWhiteout {
        /// Where they lead.
        path: ImagePath,
    },
    /// The image's links on the way lead in a circle.
    LinkLoop {
        /// The link at which following ended.
        link: ImagePath,
    },
    /// All there is to add are directories that the image has.
    NothingToAdd,
    /// The directories that additions imply come to too much.
    TooManyDirectories(TooManyImplied),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Followed { link, to } => {
                write!(
                    f,
                    "`{link}` is a link in the image; files are added in `{to}`"
                )
            }
            Self::Replaced { path, was, by } => {
                write!(f, "`{path}` changes from {} to {}", name(*was), name(*by))
            }
            Self::Privileged { path } => {
                write!(f, "`{path}` is a device or has setuid or setgid rights")
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WhiteoutName => {
                f.write_str("a name that starts with `.wh.` removes a file instead of adding one")
            }
            Self::RootMustBeADirectory => f.write_str("only a directory can be `/`"),
            Self::Collision { other } => write!(f, "`{other}` is the same path in the image"),
            Self::ParentAdded { other } => {
                write!(f, "`{other}`, which is also added, is not a directory")
            }
            Self::ParentIsAFile { path } => write!(f, "`{path}` of the image is not a directory"),
            Self::ThroughLink { link } => write!(f, "`{link}` of the image is a symbolic link"),
            Self::LedToWhiteout { path } => write!(
                f,
                "links of the image lead to `{path}`, and a name that starts with `.wh.` removes a file"
            ),
            Self::LinkLoop { link } => {
                write!(f, "the link `{link}` of the image leads to itself")
            }
            Self::NothingToAdd => {
                f.write_str("the image already has everything that the layer adds")
            }
            Self::TooManyDirectories(many) => many.fmt(f),
        }
    }
}

impl fmt::Display for LayerProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path, self.reason)
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "a file",
        Kind::HardLink => "a hard link",
        Kind::Symlink => "a symbolic link",
        Kind::CharDevice | Kind::BlockDevice => "a device",
        Kind::Directory => "a directory",
        Kind::Fifo => "a named pipe",
        Kind::Unsupported(_) => "an entry that no engine unpacks",
        Kind::Global => "a global header",
    }
}
