//! What is asked to be in the image: a path, metadata by rule, and where the content comes from.

use std::sync::Arc;

use super::origin::Kept;
use super::scan::{HostFile, SourceEntry, SourceKind};
use crate::image_path::{ImagePath, InvalidImagePath};
use crate::rootfs::Node;
use crate::tarball::{Entry, Kind, Mtime};

/// Where an entry's data comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Data {
    /// It has none.
    None,
    /// The patch itself.
    Inline(Arc<[u8]>),
    /// A file on the host.
    Host(HostFile),
    /// Content in a tar stream.
    Kept(Kept),
}

impl Data {
    /// Returns how many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Host(file) => file.state.size,
            Self::Kept(kept) => kept.size,
        }
    }

    /// Returns how many zeros stand in place of the holes of a sparse file.
    #[must_use]
    pub fn hole_bytes(&self) -> u64 {
        match self {
            Self::Kept(kept) => {
                let sparse = kept.sparse.as_ref();
                sparse.map_or(0, |map| map.hole_bytes(kept.size))
            }
            Self::None | Self::Inline(_) | Self::Host(_) => 0,
        }
    }
}

/// Something that shall be in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Where, as asked for: symbolic links of the image are not followed yet.
    pub path: ImagePath,
    /// What; its name and size are not looked at.
    pub entry: Entry,
    /// The content of a file.
    pub data: Data,
    /// Device and inode on the host: additions with the same become hard links to one file.
    pub same_file: Option<(u64, u64)>,
    /// Whether a directory that the image has gets this metadata too.
    pub overrides: bool,
}

/// Who owns what is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The same user and group for everything.
    Set {
        /// The user's numeric id.
        uid: u64,
        /// The group's numeric id.
        gid: u64,
    },
    /// The owner on the host.
    Keep,
}

/// Which permissions additions get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// 0755 for directories and for files that their owner may execute, else 0644: what a git checkout can tell.
    Normal,
    /// Those on the host.
    Keep,
}

/// Which modification time additions get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// The same for everything, in seconds since 1970.
    At(i64),
    /// The one on the host, in whole seconds.
    Keep,
}

/// How the metadata of a file in a source becomes an entry's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// The owner.
    pub owner: Owner,
    /// The permissions.
    pub mode: Mode,
    /// The modification time.
    pub mtime: Time,
    /// Whether extended attributes are kept.
    pub keeps_xattrs: bool,
}

/// Returns what a scanned directory, `roots[root]` of the layer, adds below `to`.
pub fn additions(
    entries: &[SourceEntry],
    root: usize,
    to: &ImagePath,
    metadata: &Metadata,
) -> Result<Vec<Addition>, InvalidImagePath> {
    let addition = |source: &SourceEntry| {
        let name = [to.entry_name(), b"/", &source.path].concat();
        let path = ImagePath::from_entry_name(&name)?;
        Ok(Addition::of_host(path, source, root, metadata))
    };
    entries.iter().map(addition).collect()
}

impl Addition {
    /// Returns what something in the source directory `roots[root]` of the layer comes to at `path`.
    #[must_use]
    pub fn of_host(
        path: ImagePath,
        source: &SourceEntry,
        root: usize,
        metadata: &Metadata,
    ) -> Self {
        let is_file = source.kind == SourceKind::File;
        let file = || HostFile {
            root,
            path: source.path.clone(),
            state: source.state,
        };
        Self {
            path,
            entry: source_entry(source, metadata),
            data: is_file.then(file).map_or(Data::None, Data::Host),
            same_file: (is_file && source.n_links > 1)
                .then_some((source.state.device, source.state.inode)),
            overrides: false,
        }
    }

    /// Returns what something in a file tree comes to at `path`; `number` is that of the tree, and `data` the content.
    #[must_use]
    pub fn of_node(
        path: ImagePath,
        node: &Node,
        number: u64,
        data: Data,
        metadata: &Metadata,
    ) -> Self {
        let entry = metadata.of(Entry {
            link_name: node.link_name.to_vec(),
            kind: node.kind,
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            mtime: node.mtime,
            device: node.device,
            xattrs: node.xattrs.to_vec(),
            ..Entry::file()
        });
        let is_file = node.kind == Kind::File;
        Self {
            path,
            entry,
            data,
            same_file: is_file.then_some((number, node.inode.number())),
            overrides: false,
        }
    }

    /// Returns something that the host does not have; nothing there can be kept.
    #[must_use]
    pub fn inline(path: ImagePath, kind: Kind, data: Data, metadata: &Metadata) -> Self {
        let (uid, gid) = match metadata.owner {
            Owner::Set { uid, gid } => (uid, gid),
            Owner::Keep => (0, 0),
        };
        let seconds = match metadata.mtime {
            Time::At(seconds) => seconds,
            Time::Keep => 0,
        };
        Self {
            path,
            entry: Entry {
                kind,
                mode: match kind {
                    Kind::Directory => 0o755,
                    Kind::Symlink => 0o777,
                    _ => 0o644,
                },
                uid,
                gid,
                mtime: Mtime::of_seconds(seconds),
                ..Entry::file()
            },
            data,
            same_file: None,
            overrides: false,
        }
    }
}

fn source_entry(source: &SourceEntry, metadata: &Metadata) -> Entry {
    let (kind, link_name, device) = match &source.kind {
        SourceKind::Directory => (Kind::Directory, Vec::new(), (0, 0)),
        SourceKind::File => (Kind::File, Vec::new(), (0, 0)),
        SourceKind::Symlink { target } => (Kind::Symlink, target.clone(), (0, 0)),
        SourceKind::Fifo => (Kind::Fifo, Vec::new(), (0, 0)),
        SourceKind::CharDevice(major, minor) => (Kind::CharDevice, Vec::new(), (*major, *minor)),
        SourceKind::BlockDevice(major, minor) => (Kind::BlockDevice, Vec::new(), (*major, *minor)),
    };
    metadata.of(Entry {
        link_name,
        kind,
        mode: source.mode,
        uid: source.uid.into(),
        gid: source.gid.into(),
        mtime: source.state.mtime,
        device,
        xattrs: source.xattrs.clone(),
        ..Entry::file()
    })
}

impl Metadata {
    /// Returns the entry of something that is like `source` where it comes from.
    fn of(&self, source: Entry) -> Entry {
        let mode = match (self.mode, source.kind) {
            // Nobody looks at a link's own mode; this is what Linux shows.
            (_, Kind::Symlink) => 0o777,
            (Mode::Keep, _) => source.mode & 0o7777,
            (Mode::Normal, Kind::Directory) => 0o755,
            (Mode::Normal, Kind::File) if source.mode & 0o100 != 0 => 0o755,
            (Mode::Normal, _) => 0o644,
        };
        let (uid, gid) = match self.owner {
            Owner::Set { uid, gid } => (uid, gid),
            Owner::Keep => (source.uid, source.gid),
        };
        let seconds = match self.mtime {
            Time::At(seconds) => seconds,
            Time::Keep => source.mtime.seconds,
        };
        let xattrs = if self.keeps_xattrs {
            source.xattrs
        } else {
            Vec::new()
        };
        Entry {
            mode,
            uid,
            gid,
            mtime: Mtime::of_seconds(seconds),
            xattrs,
            ..source
        }
    }
}
