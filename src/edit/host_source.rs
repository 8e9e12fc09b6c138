//! What was found where operations take something from, besides the archive.

use std::cell::OnceCell;

use crate::compression::Compression;
use crate::digest::Digest;
use crate::image::Config;
use crate::layer::{Addition, Scan, SourceEntry};
use crate::problem::Problem;
use crate::reference::Reference;
use crate::rootfs::LayerLog;
use crate::unified_diff::UnifiedDiff;

/// What stands where an operation takes files from.
#[derive(Debug, Default)]
pub struct HostSource {
    /// What `from` is.
    pub from: Option<LayerSource>,
    /// For each of the files of the operation that is one on the host, the place of its directory, and what it is.
    pub files: Vec<Option<(usize, SourceEntry)>>,
    /// What the file hashes to of which the diff or the content was read.
    pub text: Option<Digest>,
    /// The diff that a `patch-file` takes from a file.
    pub diff: Option<UnifiedDiff>,
    /// What an operation puts into a text, from a file.
    pub content: Option<Vec<u8>>,
    /// The images of the two archives that a `rebase` names.
    pub bases: Option<(Vec<BaseCandidate>, Vec<BaseCandidate>)>,
    /// What a new layer gets of `from`, once that was worked out.
    pub(crate) brought: OnceCell<Vec<Addition>>,
    /// What cannot be used.
    pub problems: Vec<Problem>,
}

/// An image that another one may be built upon.
#[derive(Debug)]
pub struct BaseCandidate {
    /// Its archive, as the patch spells it.
    pub archive: String,
    /// The configuration.
    pub config: Config,
    /// The names.
    pub tags: Vec<Reference>,
    /// Of the base that an image gets, the layers from the base up.
    pub layers: Vec<BaseLayer>,
}

/// A layer of such an image.
#[derive(Debug)]
pub struct BaseLayer {
    /// Its place among all imported streams.
    pub import: usize,
    /// How it is compressed.
    pub compression: Compression,
    /// What it holds.
    pub log: LayerLog,
}

/// What a source is, and what is in it.
#[derive(Debug)]
pub enum LayerSource {
    /// A directory; its place among all source directories, which its host files carry.
    Directory(usize, Scan),
    /// A tar.
    Tar {
        /// Its place among all imported streams.
        import: usize,
        /// What it holds.
        log: LayerLog,
    },
}
