//! The layers of a planned image: those that stay, those that are made, those that go, and what each changes of the files.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::compression::Compression;
use crate::image_path::ImagePath;
use crate::layer::{Data, LayerContent, Origin, Rewrite};

/// One layer of a planned image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedLayer {
    /// The layer at this position of the image as it is.
    Kept(usize),
    /// The layer at this index of `Plan::layers`.
    Made(usize),
}

/// A layer that the archive does not have as it is to be.
#[derive(Debug)]
pub struct MadeLayer {
    /// The image that it is made for, and whose layers its content may be taken from.
    pub image: usize,
    /// What is in it.
    pub content: MadeContent,
    /// Where its files come from, as the patch spells it.
    pub from: Option<String>,
    /// What the history says of it, if not what it says of every layer.
    pub created_by: Option<String>,
    /// How it is to be compressed, if not as its neighbours are.
    pub compression: Option<Compression>,
    /// What changes in the file tree, sorted by path.
    pub files: Vec<FileChange>,
    /// What becomes of the texts that operations edit in it, by path.
    pub texts: BTreeMap<String, TextChange>,
}

/// A text file that operations have edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextChange {
    /// What was in it.
    pub before: Arc<[u8]>,
    /// What is in it then.
    pub after: Arc<[u8]>,
    /// Whether only some users of the image may read it, so that nobody else is shown it.
    pub is_private: bool,
}

impl MadeLayer {
    /// Returns the position of the layer of the image that it is another edition of.
    #[must_use]
    pub fn stands_for(&self) -> Option<usize> {
        let origin = match &self.content {
            MadeContent::Composed(_) => return None,
            MadeContent::Verbatim(origin) => *origin,
            MadeContent::Rewritten(rewrite) => rewrite.origin,
        };
        match origin {
            Origin::Layer(position) => Some(position),
            Origin::Import(_) => None,
        }
    }
}

/// What a layer is made of.
#[derive(Debug)]
pub enum MadeContent {
    /// Entries that are written anew.
    Composed(LayerContent),
    /// A tar stream as it is.
    Verbatim(Origin),
    /// A layer that exists, with some of its entries changed.
    Rewritten(Rewrite),
}

/// A layer that is stored in another way, and else stays what it is.
#[derive(Debug)]
pub struct Recompressed {
    /// Its position in the image as it is.
    pub position: usize,
    /// How it is to be compressed.
    pub compression: Compression,
    /// What is in it: what was.
    pub content: MadeContent,
}

impl Recompressed {
    pub(crate) fn new((position, compression): (usize, Compression)) -> Self {
        Self {
            position,
            compression,
            content: MadeContent::Verbatim(Origin::Layer(position)),
        }
    }
}

/// A layer that goes.
#[derive(Debug)]
pub struct RemovedLayer {
    /// Its position in the image as it is.
    pub position: usize,
    /// What changes in the file tree, sorted by path.
    pub files: Vec<FileChange>,
}

/// Contents that an image has lost, and those that it keeps and that may be the same.
#[derive(Debug, Default)]
pub struct Remains {
    /// What was purged, if something that is kept has its size.
    pub purged: Vec<PlacedContent>,
    /// What is kept and has the size of something that was purged, in the order of the layers.
    pub remaining: Vec<PlacedContent>,
}

/// The content of a file, and where the image has it.
#[derive(Debug)]
pub struct PlacedContent {
    /// The path in its layer.
    pub path: ImagePath,
    /// The position of the layer in the image as it is to be, from the base up; nothing for what is no longer there.
    pub layer: Option<usize>,
    /// Where to read it.
    pub data: Data,
}

/// One path that is another after a layer came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Whether the image has something there.
    pub change: Change,
    /// The path; a directory ends in `/`.
    pub path: String,
    /// What changes there, where that is less than everything.
    pub detail: Option<String>,
}

/// What happens to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there.
    Added,
    /// It was there and becomes another.
    Changed,
    /// It was there and goes.
    Removed,
    /// It stays.
    Kept,
}
