//! What is asked to be in the image: a path, metadata by rule, and where the content comes from.

use super::scan::{HostFile, SourceEntry, SourceKind};
use crate::image_path::{ImagePath, InvalidImagePath};
use crate::tarball::{Entry, Kind, Mtime};

/// Where an entry's data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// It has none.
    None,
    /// The patch itself.
    Inline(Vec<u8>),
    /// A file on the host.
    Host(HostFile),
}

impl Data {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Host(file) => file.guard.size,
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

/// How a host file's metadata becomes an entry's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// The owner.
    pub owner: Owner,
    /// The permissions.
    pub mode: Mode,
    /// The modification time.
    pub mtime: Time,
}

/// Returns what a scanned directory, `roots[root]` of the layer, adds below `to`.
pub fn additions(
    entries: &[SourceEntry],
    root: usize,
    to: &ImagePath,
    metadata: &Metadata,
) -> Result<Vec<Addition>, InvalidImagePath> {
    entries
        .iter()
        .map(|source| {
            let name = [to.entry_name(), b"/", &source.path].concat();
            Ok(Addition {
                path: ImagePath::from_entry_name(&name)?,
                entry: source_entry(source, metadata),
                data: match source.kind {
                    SourceKind::File => Data::Host(HostFile {
                        root,
                        path: source.path.clone(),
                        guard: source.guard,
                    }),
                    _ => Data::None,
                },
                same_file: (source.kind == SourceKind::File && source.n_links > 1)
                    .then_some((source.guard.device, source.guard.inode)),
            })
        })
        .collect()
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
    let mode = match (metadata.mode, kind) {
        // Nobody looks at a link's own mode; this is what Linux shows.
        (_, Kind::Symlink) => 0o777,
        (Mode::Keep, _) => source.mode,
        (Mode::Normal, Kind::Directory) => 0o755,
        (Mode::Normal, Kind::File) if source.mode & 0o100 != 0 => 0o755,
        (Mode::Normal, _) => 0o644,
    };
    let (uid, gid) = match metadata.owner {
        Owner::Set { uid, gid } => (uid, gid),
        Owner::Keep => (source.uid.into(), source.gid.into()),
    };
    let seconds = match metadata.mtime {
        Time::At(seconds) => seconds,
        Time::Keep => source.guard.mtime.seconds,
    };
    Entry {
        name: Vec::new(),
        link_name,
        kind,
        size: 0,
        mode,
        uid,
        gid,
        mtime: Mtime {
            seconds,
            nanoseconds: 0,
        },
        device,
        xattrs: Vec::new(),
        is_sparse: false,
    }
}
