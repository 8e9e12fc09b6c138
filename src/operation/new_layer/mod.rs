//! A new layer: what the author writes of it, and what that comes to over the tree of an image.

mod exclude;
mod file_pattern;
mod laid_files;
mod new_file;
pub(crate) mod source;

use serde_json::json;

pub use self::exclude::Exclude;
use self::new_file::NewFiles;
pub use self::new_file::{NewContent, NewFile};
use crate::image_path::ImagePath;
use crate::shape::{
    AnyOf, Ids, LayerCompression, LayerPosition, NotWith, Requires, SourcePath, Time, Word, Yes,
    choices, record, shape, words,
};
use crate::timestamp::Timestamp;

const KEEP: &str = "keep";

record! {
    /// What `add-layer` takes: `from`, `files` or both.
    pub struct AddLayer("AddLayer") {
        /// The directory or tar to take files from, relative to the patch file; a tar may be compressed.
        "from" pub from: Option<String> = optional::<SourcePath>();
        /// The directory in the image to put them into; the default is `/`.
        "to" pub to: ImagePath = default_to::<ImagePath>(ImagePath::root());
        /// The files below `from` to leave out.
        "exclude" pub exclude: Exclude = default::<Exclude>();
        /// Files, links and directories that are defined here or taken one by one.
        "files" pub files: Vec<NewFile> = default::<NewFiles>();
        /// The owner of all files, or `keep` for the owners in `from`. The default is `0:0` for a directory and `keep` for a tar.
        "owner" pub owner: Option<LayerOwner> = optional::<LayerOwner>();
        /// The permissions of files of `from`: `normal` for 0755 if the owner may execute and 0644 otherwise, or `keep`.
        /// The default is `normal` for a directory and `keep` for a tar.
        "mode" pub mode: Option<LayerMode> = optional::<LayerMode>();
        /// The modification time of all files, or `keep` for the times in `from`. The default is `SOURCE_DATE_EPOCH` or 1970 for
        /// a directory and `keep` for a tar.
        "mtime" pub mtime: Option<LayerTime> = optional::<LayerTime>();
        /// Whether to keep the extended attributes of files in `from`. The default is `none` for a directory and `keep` for a
        /// tar.
        "xattrs" pub xattrs: Option<LayerXattrs> = optional::<LayerXattrs>();
        /// What to do if a path leads through a symbolic link of the image.
        "symlinks" pub symlinks: Symlinks = default::<Symlinks>();
        /// `true` uses the tar `from` as the layer, byte for byte: whiteouts remove files, and no link is followed.
        "as-is" pub as_is: bool = default::<Yes>();
        /// The number of the new layer; the base is 1, and the default is on top.
        "at" pub at: Option<usize> = optional::<LayerPosition>();
        /// The compression of the layer in the archive; by default that of the layer below.
        "compression" pub compression: Option<LayerCompression> = optional::<LayerCompression>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
    }
    rule AnyOf {
        first: "from",
        second: "files",
        help: "specify the directory to add, as in `from: ./rootfs`, or write `files`",
    };
    rule Requires { keys: &["to", "exclude", "xattrs", "as-is"], other: "from" };
    // The tar has decided how files are laid out.
    rule NotWith {
        key: "as-is",
        others: &["to", "exclude", "files", "owner", "mode", "mtime", "xattrs", "symlinks"],
        case: "with `as-is: true`",
        help: "remove one of the two",
    };
}

/// Whose the files of a layer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerOwner {
    /// This user's and group's.
    Ids(u32, u32),
    /// Those in the source.
    Keep,
}

shape! {
    /// User and group as numbers, as in `0:0`, or `keep`
    impl LayerOwner, "Owner" {
        |definitions| json!({ "anyOf": [definitions.refer::<Ids>(), { "enum": [KEEP] }] }),
        |field, problems| match field.node.as_text() {
            Some(KEEP) => Some(LayerOwner::Keep),
            _ => Ids::decode(field, problems).map(|(user, group)| LayerOwner::Ids(user, group)),
        }
    }
}

words! {
    /// The permissions of the files of a layer.
    pub enum LayerMode {
        /// 0755 for directories and for files that the owner may execute, else 0644.
        "normal" Normal,
        /// Those in the source.
        "keep" Keep,
    }
}

words! {
    /// Whether to keep extended attributes.
    pub enum LayerXattrs {
        /// None.
        "none" None,
        /// Those in the source, except labels of the host: `security.selinux`, `security.ima`, `security.evm` and `trusted.*`.
        "keep" Keep,
    }
}

/// When the files of a layer last changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerTime {
    /// Then.
    At(Timestamp),
    /// When they did in the source.
    Keep,
}

shape! {
    /// An RFC 3339 timestamp, or `keep`
    impl LayerTime, "FileTime" {
        |definitions| json!({
            "anyOf": [definitions.refer::<Time>(), { "enum": [KEEP] }],
        }),
        |field, problems| match field.node.as_text() {
            Some(KEEP) => Some(LayerTime::Keep),
            _ => Time::decode(field, problems).map(LayerTime::At),
        }
    }
}

choices! {
    /// What to do if a path leads through a symbolic link of the image.
    pub enum Symlinks {
        /// Follow the link. This is the default.
        "follow" Follow,
        /// Replace the link with a directory.
        "replace" Replace,
        /// Report a problem.
        "error" Error,
    }
}
