//! Tar streams as header groups: the `x`, `L` and `K` blocks that precede an entry and its main block, kept as bytes.
//!
//! Reading follows Go's `archive/tar`, because that is what Docker, containerd and podman see. An entry that nobody
//! changes is copied with its group verbatim, so what this module does not understand survives. The `tar` crate gives
//! the block layout; walking is ours (it disagrees with Go on PAX values with newlines, sizes of links, truncation).

mod change;
mod copy;
mod field;
mod implied;
mod input;
mod read;
mod write;

pub use change::HeaderChange;
pub use implied::{ImpliedDirectories, MAX_IMPLIED_BYTES, MAX_IMPLIED_RATIO, TooManyImplied};
pub use input::{Input, Range, Stream};
pub use read::{TarError, TarReader};
pub use write::{END_OF_ARCHIVE, header_group, rename_group};

/// Tar's unit: headers are one block, data is padded to whole blocks. In bytes.
pub const BLOCK_BYTES: u64 = 512;

/// What a tar entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A regular file; also what Go takes for one (`7`, unknown types with data).
    File,
    /// Another name for a file earlier in the stream.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// A sparse file in GNU's old format (`S`), which Docker cannot read.
    GnuSparse,
    /// A PAX global header (`g`): no file, never applied to later entries, as in Go.
    Global,
}

impl Kind {
    /// Tells whether the entry's header is followed by data.
    #[must_use]
    pub fn has_data(self) -> bool {
        matches!(self, Self::File | Self::GnuSparse | Self::Global)
    }
}

/// A modification time: seconds since 1970 (may be negative) and nanoseconds after that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mtime {
    /// Whole seconds since 1970-01-01T00:00:00Z, rounded towards the past.
    pub seconds: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// One entry's metadata with every extension applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name as spelled in the stream; a directory usually ends in `/`.
    pub name: Vec<u8>,
    /// The target of a symbolic or hard link; empty for everything else.
    pub link_name: Vec<u8>,
    /// What the entry is.
    pub kind: Kind,
    /// How many bytes of data follow the header, padding not counted; 0 for kinds without data.
    pub size: u64,
    /// The mode field, possibly with file type bits above `0o7777`.
    pub mode: u32,
    /// The owner's numeric id.
    pub uid: u64,
    /// The group's numeric id.
    pub gid: u64,
    /// When the content last changed.
    pub mtime: Mtime,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes (`SCHILY.xattr.*`) in stream order: name, raw value.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the data is a sparse map and its pieces rather than the content itself.
    pub is_sparse: bool,
}

impl Entry {
    /// Returns an empty file without a name: 0644, 0:0, of 1970; other kinds are made from it.
    #[must_use]
    pub fn file() -> Self {
        Self {
            name: Vec::new(),
            link_name: Vec::new(),
            kind: Kind::File,
            size: 0,
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: Mtime::default(),
            device: (0, 0),
            xattrs: Vec::new(),
            is_sparse: false,
        }
    }

    /// Returns how many bytes the data takes in the stream, padding included.
    #[must_use]
    pub fn padded_bytes(&self) -> u64 {
        self.size.next_multiple_of(BLOCK_BYTES)
    }
}
