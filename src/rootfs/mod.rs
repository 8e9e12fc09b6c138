//! The merged file tree of a stack of layers, from tar headers alone: no file is read, nothing is extracted.
//!
//! Where engines disagree (overlay engines extract each layer alone, umoci and containerd's native snapshotter onto the
//! tree below) the tree is what the image specification and umoci say: whiteouts reach lower layers only, whatever
//! the order of entries, and a path through a symbolic link lands where the link points, never outside the root.
//!
//! Three things that layers may hold are read in more than one way:
//!
//! * A whiteout behind its own name, `x` and then `.wh.x` in one layer, leaves `x`: whiteouts reach lower layers only
//!   (image-spec layer.md, "Whiteouts"), and umoci agrees. Docker with overlay2, podman with overlay and containerd with
//!   overlayfs refuse the layer (moby `pkg/archive/archive_linux.go`, `overlayWhiteoutConverter.ConvertRead`). On vfs and the
//!   native snapshotter `x` is gone, and `docker save` fails (moby `pkg/archive/diff.go`, `UnpackLayer`). A whiteout in front
//!   of its name hides the lower file and leaves the new one, in every engine.
//! * The header of a hard link describes the file, as in every engine but umoci (moby `pkg/archive/archive.go`,
//!   `createTarFile`): the last header gives all names their owner, mode, time and attributes.
//! * The character device 0:0 is a whiteout, as Docker with overlay2, podman with overlay and containerd with overlayfs have
//!   it. On vfs, the native snapshotter and in umoci it is a device.
//!
//! Work per entry is constant; 100,000 entries take about 25 MB. A directory without an entry of its own takes no header,
//! so what such directories may come to is bounded by the headers that are there. Reading layers is left to the caller.

mod arena;
mod build;
mod children;
mod hard_link;
mod links;
mod log;
mod near;
mod path_set;
mod resolve;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use build::PSEUDO_LINKS;
pub use log::{LayerLog, LoggedEntry};
pub use path_set::PathSet;
pub use resolve::{Obstacle, Resolution};
pub use walk::Iter;

use arena::Arena;
use children::Children;

use crate::image_path::ImagePath;
use crate::printable;
use crate::tarball::{ImpliedDirectories, Kind, Mtime, SparseMap, TarError, TooManyImplied};

/// Linux refuses longer paths, so no engine could have a longer one in a container. In bytes.
pub const MAX_PATH_BYTES: usize = 4096;

/// The file that a name stands for: names with equal inodes are hard links to one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inode(u32);

impl Inode {
    /// Returns a number that no other file of the tree has.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.into()
    }
}

/// Where a file's content stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Content {
    /// The position of the layer that holds it.
    pub layer: usize,
    /// Where it begins, in bytes from the start of that layer's uncompressed tar stream.
    pub offset: u64,
}

/// What stands at one path of the merged tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is; never a hard link, which is the file it names.
    pub kind: Kind,
    /// Permission bits, and what else the header's mode field held.
    pub mode: u32,
    /// The owner's numeric id.
    pub uid: u64,
    /// The group's numeric id.
    pub gid: u64,
    /// When the content last changed.
    pub mtime: Mtime,
    /// How many bytes of content a file has.
    pub size: u64,
    /// The target of a symbolic link, as spelled.
    pub link_name: Box<[u8]>,
    /// Extended attributes: name, raw value.
    pub xattrs: Box<[(Vec<u8>, Vec<u8>)]>,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// The position of the topmost layer with an entry for this path.
    pub layer: usize,
    /// Where the content of that entry stands or would stand, in bytes from the start of the layer's stream: no other
    /// entry of the layer has it.
    pub entry_offset: u64,
    /// The file behind the name.
    pub inode: Inode,
    /// Where the content of a file stands; for a hard link, that of its first name.
    pub content: Content,
    /// Where the pieces of a sparse file belong, of which alone the stream has bytes.
    pub sparse: Option<SparseMap>,
    /// Whether no layer has an entry for this directory: it is there because something is in it.
    pub is_implied: bool,
}

impl Node {
    /// Returns how many bytes of a sparse file are in its holes.
    #[must_use]
    pub fn hole_bytes(&self) -> u64 {
        let sparse = self.sparse.as_ref();
        sparse.map_or(0, |map| map.hole_bytes(self.size))
    }

    /// Returns how many bytes the stream has of the content, padding not counted.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        let sparse = self.sparse.as_ref();
        sparse.map_or(self.size, SparseMap::stored_bytes)
    }

    /// A directory that nobody described. Engines make it 0755 root, with the time of the extraction.
    fn implied_directory(layer: usize, inode: Inode) -> Self {
        Self {
            kind: Kind::Directory,
            mode: 0o755,
            uid: 0,
            gid: 0,
            mtime: Mtime::default(),
            size: 0,
            link_name: Box::default(),
            xattrs: Box::default(),
            device: (0, 0),
            layer,
            entry_offset: 0,
            inode,
            content: Content { layer, offset: 0 },
            sparse: None,
            is_implied: true,
        }
    }
}

/// Why a layer has no place in the tree. Every engine refuses such a layer, or no two agree on it.
#[derive(Debug)]
#[non_exhaustive]
pub enum RootfsError {
    /// The layer is no readable tar stream.
    Tar {
        /// The layer's position.
        layer: usize,
        /// What is wrong with it.
        error: TarError,
    },
    /// An entry of the layer cannot be placed.
    Entry {
        /// The layer's position.
        layer: usize,
        /// The entry's name as spelled.
        name: Vec<u8>,
        /// What is wrong with it.
        reason: EntryFault,
    },
}

/// What is wrong with an entry of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryFault {
    /// A whiteout (`.wh.`) that names nothing, `.` or `..`.
    WhiteoutOfNothing,
    /// A link on the way leads to the name of a whiteout, where a directory would have to be.
    WhiteoutAsDirectory,
    /// A hard link whose target is not there, is a directory, or is outside the root.
    HardLinkToNothing,
    /// Symbolic links on the way that lead in a circle.
    LinkLoop,
    /// The path is longer than Linux allows.
    TooLong,
    /// The root itself, as something other than a directory.
    RootNotADirectory,
    /// More entries than can be counted.
    TooMany,
    /// Directories without entries that come to more than the headers account for.
    Implied(TooManyImplied),
}

impl From<TooManyImplied> for EntryFault {
    fn from(many: TooManyImplied) -> Self {
        Self::Implied(many)
    }
}

impl fmt::Display for EntryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Implied(many) => return write!(f, "a path with too many directories: {many}"),
            Self::WhiteoutOfNothing => "a whiteout that names nothing",
            Self::WhiteoutAsDirectory => "a path through a link to the name of a whiteout",
            Self::HardLinkToNothing => "a hard link to something other than a file in the image",
            Self::LinkLoop => "a path through symbolic links that form a loop",
            Self::TooLong => "a path of over 4096 bytes",
            Self::RootNotADirectory => "the root as something other than a directory",
            Self::TooMany => "more entries than can be counted",
        })
    }
}

impl RootfsError {
    /// Returns the position of the layer that is wrong.
    #[must_use]
    pub fn layer(&self) -> usize {
        match self {
            Self::Tar { layer, .. } | Self::Entry { layer, .. } => *layer,
        }
    }
}

impl fmt::Display for RootfsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tar { layer, error } => write!(f, "layer {layer}: {error}"),
            Self::Entry {
                layer,
                name,
                reason,
            } => write!(
                f,
                "layer {layer}: entry `{}`: {reason}",
                printable::line(&printable::decoded(name))
            ),
        }
    }
}

impl std::error::Error for RootfsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tar { error, .. } => Some(error),
            Self::Entry { .. } => None,
        }
    }
}

/// A node and its place in the arena.
#[derive(Debug, Clone)]
struct Slot {
    node: Node,
    children: Children,
    parent: u32,
    /// Its name in the parent.
    name: Box<[u8]>,
    /// Which call of `add_layer` placed this name last, counted from 1.
    placed_by: u32,
    /// Which call placed something here or below last.
    touched_by: u32,
    /// Which call removed the lower children last.
    pruned_by: u32,
    /// The length of the real path.
    path_bytes: u32,
}

impl Slot {
    /// Returns a node that is in no directory.
    fn unplaced(node: Node) -> Self {
        Self {
            node,
            children: Children::None,
            parent: ROOT,
            name: Box::default(),
            placed_by: 0,
            touched_by: 0,
            pruned_by: 0,
            path_bytes: 0,
        }
    }
}

const ROOT: u32 = 0;

/// How the name of a whiteout begins (image-spec layer.md, "Whiteouts").
pub const WHITEOUT: &[u8] = b".wh.";
/// The name by which a layer hides everything that lower layers have in a directory (the same section, "Opaque Whiteout").
pub const OPAQUE: &[u8] = b".wh..wh..opq";

/// The merged tree. Layers are added bottom to top.
#[derive(Debug, Clone)]
pub struct Rootfs {
    /// Names that were replaced stay behind unreachable: memory follows the entries read, not the entries alive.
    slots: Arena,
    n_layers: u32,
    /// The slots of every file that has had several names, by its inode.
    names: Arc<HashMap<Inode, Vec<u32>>>,
    implied: ImpliedDirectories,
}

impl Default for Rootfs {
    fn default() -> Self {
        Self::new()
    }
}

impl Rootfs {
    /// Returns the tree of no layers: an empty root directory.
    #[must_use]
    pub fn new() -> Self {
        let mut slots = Arena::default();
        slots.push(Slot::unplaced(Node::implied_directory(0, Inode(ROOT))));
        Self {
            slots,
            n_layers: 0,
            names: Arc::default(),
            implied: ImpliedDirectories::default(),
        }
    }

    /// Returns the tree of layers that were read before, from the base up; each has the position that comes with it.
    pub fn of<'a>(
        layers: impl IntoIterator<Item = (usize, &'a LayerLog)>,
    ) -> Result<Self, RootfsError> {
        let mut tree = Self::new();
        for (position, log) in layers {
            tree.add_logged(position, log)?;
        }
        Ok(tree)
    }

    /// Returns how many names have been placed, those included that are no longer there.
    #[must_use]
    pub fn n_names(&self) -> usize {
        self.slots.len()
    }

    /// Returns what stands at exactly this path; no symbolic link is followed, neither on the way nor at its end.
    #[must_use]
    pub fn get(&self, path: &ImagePath) -> Option<&Node> {
        Some(&self.slot(self.find(path)?).node)
    }

    /// Returns the names in a directory with what they stand for, sorted by bytes; nothing if `path` is no directory.
    #[must_use]
    pub fn children(&self, path: &ImagePath) -> Option<impl Iterator<Item = (&[u8], &Node)>> {
        let slot = self.slot(self.find(path)?);
        (slot.node.kind == Kind::Directory).then(|| {
            let names = slot.children.iter();
            names.map(|(name, id)| (name, &self.slot(id).node))
        })
    }

    /// Returns everything below the root, a directory before what it holds, its names sorted by bytes.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.walk_from(ROOT, ImagePath::root())
    }

    /// Returns everything below `path`, in the order of [`iter`](Self::iter); nothing if nothing is there.
    #[must_use]
    pub fn below(&self, path: &ImagePath) -> Iter<'_> {
        match self.find(path) {
            Some(id) => self.walk_from(id, path.clone()),
            None => Iter::nothing(self),
        }
    }

    fn find(&self, path: &ImagePath) -> Option<u32> {
        path.components()
            .try_fold(ROOT, |id, name| self.child(id, name))
    }

    fn slot(&self, id: u32) -> &Slot {
        self.slots.get(id)
    }

    fn slot_mut(&mut self, id: u32) -> &mut Slot {
        self.slots.get_mut(id)
    }

    fn child(&self, directory: u32, name: &[u8]) -> Option<u32> {
        self.slot(directory).children.get(name)
    }
}

impl<'a> IntoIterator for &'a Rootfs {
    type Item = (ImagePath, &'a Node);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
