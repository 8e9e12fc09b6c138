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
mod sparse;
mod write;

use std::fmt;

pub use change::HeaderChange;
pub use implied::{ImpliedDirectories, MAX_IMPLIED_BYTES, MAX_IMPLIED_RATIO, TooManyImplied};
pub(crate) use input::read_some;
#[cfg(test)]
pub(crate) use input::tests::Interrupted;
pub use input::{Input, Range, Stream};
pub use read::{TarError, TarReader};
pub use sparse::{ContentReader, MAX_HOLE_BYTES, SparseMap};
pub use write::{END_OF_ARCHIVE, header_group, rename_group};

/// Tar's unit: headers are one block, data is padded to whole blocks. In bytes.
pub const BLOCK_BYTES: u64 = 512;
/// The same, for arrays.
const BLOCK: usize = 512;

/// The flag of an entry's type, for those that [`Kind`] has no name for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeFlag(pub u8);

impl fmt::Display for TypeFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.0 {
            b'7' => "contiguous file",
            b'A' => "Solaris access control list",
            b'D' => "directory of an incremental GNU backup",
            b'E' => "Solaris extended attribute",
            b'I' => "inode without content",
            b'M' => "continued file of a GNU multi-volume archive",
            b'N' => "old GNU long name",
            b'S' => "old GNU sparse file",
            b'V' => "GNU volume label",
            b'X' => "Solaris extended header",
            _ => "unknown",
        };
        write!(f, "type `{}` ({what})", self.0.escape_ascii())
    }
}

/// What a tar entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A regular file (`0` or NUL).
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
    /// A type that is none of these, which no engine unpacks: docker, podman and containerd fail with `unhandled tar header
    /// type`, umoci with `unknown typeflag` (moby `pkg/archive/archive.go`, `createTarFile`). Also `7`, a contiguous file.
    Unsupported(TypeFlag),
    /// A PAX global header (`g`): no file, never applied to later entries, as in Go.
    Global,
}

impl Kind {
    /// Tells whether the entry's header is followed by data.
    #[must_use]
    pub fn has_data(self) -> bool {
        matches!(self, Self::File | Self::Unsupported(_) | Self::Global)
    }

    /// Returns the type flag of a header.
    #[must_use]
    pub fn type_flag(self) -> u8 {
        match self {
            Self::File => b'0',
            Self::HardLink => b'1',
            Self::Symlink => b'2',
            Self::CharDevice => b'3',
            Self::BlockDevice => b'4',
            Self::Directory => b'5',
            Self::Fifo => b'6',
            Self::Unsupported(TypeFlag(flag)) => flag,
            Self::Global => b'g',
        }
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

impl Mtime {
    /// Returns the time at which a second begins.
    #[must_use]
    pub fn of_seconds(seconds: i64) -> Self {
        Self {
            seconds,
            nanoseconds: 0,
        }
    }
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
    /// How many bytes of content it has, those in the holes of a sparse file included; 0 for kinds without data.
    pub size: u64,
    /// The mode field, possibly with file type bits above `0o7777`.
    pub mode: u32,
    /// The owner's numeric id: 32 bits without a sign, as `chown(2)` takes them and engines cut what is more. 4294967295
    /// leaves the owner as it is, which of a new file is 0.
    pub uid: u64,
    /// The group's numeric id, likewise.
    pub gid: u64,
    /// When the content last changed.
    pub mtime: Mtime,
    /// Major and minor number of a device: 12 and 20 bits, as Linux has them and engines cut what is more.
    pub device: (u32, u32),
    /// Extended attributes (`SCHILY.xattr.*`) in stream order: name, raw value.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the pieces of a sparse file belong; nothing for a file whose data is its content.
    pub sparse: Option<SparseMap>,
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
            sparse: None,
        }
    }

    /// Tells whether this is the character device 0:0, by which overlay file systems hide a file.
    #[must_use]
    pub fn is_zero_device(&self) -> bool {
        self.kind == Kind::CharDevice && self.device == (0, 0)
    }

    /// Returns how many bytes of data follow the header group, padding not counted.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        let sparse = self.sparse.as_ref();
        sparse.map_or(self.size, SparseMap::stored_bytes)
    }

    /// Returns how many bytes the data takes in the stream, padding included.
    #[must_use]
    pub fn padded_bytes(&self) -> u64 {
        self.stored_bytes().next_multiple_of(BLOCK_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use super::{Entry, Kind, Mtime, Stream, TarError, TarReader, TypeFlag, header_group, sparse};

    #[test]
    fn each_type_flag_is_explained_and_known_again() {
        for (flag, wanted) in [
            (b'7', "type `7` (contiguous file)"),
            (b'A', "type `A` (Solaris access control list)"),
            (b'D', "type `D` (directory of an incremental GNU backup)"),
            (b'E', "type `E` (Solaris extended attribute)"),
            (b'I', "type `I` (inode without content)"),
            (
                b'M',
                "type `M` (continued file of a GNU multi-volume archive)",
            ),
            (b'N', "type `N` (old GNU long name)"),
            (b'S', "type `S` (old GNU sparse file)"),
            (b'V', "type `V` (GNU volume label)"),
            (b'X', "type `X` (Solaris extended header)"),
            (b'Z', "type `Z` (unknown)"),
            (b'\n', "type `\\n` (unknown)"),
        ] {
            assert_eq!(TypeFlag(flag).to_string(), wanted);
        }
        let kinds = [
            (Kind::File, b'0', true),
            (Kind::HardLink, b'1', false),
            (Kind::Symlink, b'2', false),
            (Kind::CharDevice, b'3', false),
            (Kind::BlockDevice, b'4', false),
            (Kind::Directory, b'5', false),
            (Kind::Fifo, b'6', false),
            (Kind::Global, b'g', true),
            (Kind::Unsupported(TypeFlag(b'Z')), b'Z', true),
        ];
        for (kind, flag, has_data) in kinds {
            assert_eq!(
                (kind.type_flag(), kind.has_data()),
                (flag, has_data),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn no_entry_is_larger_than_any_file() {
        let read = |size| {
            let group = header_group(&Entry {
                size,
                ..Entry::file()
            });
            let entry = TarReader::new(Stream(&group[..])).next();
            entry.map(|entry| entry.expect("a header").size)
        };
        assert_eq!(read(u64::MAX / 4).unwrap(), u64::MAX / 4);
        assert!(read(u64::MAX / 4 + 1).is_err());
    }

    #[test]
    fn data_is_padded_to_whole_blocks() {
        for (size, padded) in [(0, 0), (1, 512), (512, 512), (513, 1024)] {
            let entry = Entry {
                size,
                ..Entry::file()
            };
            assert_eq!((entry.stored_bytes(), entry.padded_bytes()), (size, padded));
        }
        let device = |kind, device| {
            Entry {
                kind,
                device,
                ..Entry::file()
            }
            .is_zero_device()
        };
        assert!(device(Kind::CharDevice, (0, 0)));
        assert!(!device(Kind::CharDevice, (0, 1)) && !device(Kind::CharDevice, (1, 0)));
        assert!(!device(Kind::BlockDevice, (0, 0)));
        assert_eq!(
            Mtime::of_seconds(-5),
            Mtime {
                seconds: -5,
                nanoseconds: 0
            }
        );
    }

    /// In steps of 128 KiB, and no more than there is of the entry.
    #[test]
    fn data_is_copied_with_its_padding_up_to_the_next_entry() {
        let step = 128 * 1024_usize;
        for size in [0, 1, 512, step - 1, step, step + 1, 2 * step + 700] {
            let mut stream = header_group(&Entry {
                name: b"a".to_vec(),
                size: size as u64,
                ..Entry::file()
            });
            let n_header = stream.len();
            stream.extend((0..size).map(|i| u8::try_from(i % 251).unwrap()));
            let end_of_data = stream.len();
            stream.resize(stream.len().next_multiple_of(512), b'p');
            let end = stream.len();
            stream.extend(header_group(&Entry {
                name: b"b".to_vec(),
                ..Entry::file()
            }));
            stream.extend([0; 1024]);
            stream.extend(b"behind".repeat(50_000));
            let copied = |stream: &[u8]| {
                let mut copy = Vec::new();
                let mut put = |bytes: &[u8]| {
                    copy.extend_from_slice(bytes);
                    Ok::<_, TarError>(())
                };
                let mut reader = TarReader::new(Stream(stream));
                reader.next()?.expect("an entry");
                reader.copy_data(&mut put)?;
                let has_next = reader.next()?.is_some();
                if has_next {
                    reader.copy_data(&mut put)?;
                    assert!(reader.next()?.is_none());
                    reader.copy_tail(&mut put)?;
                }
                Ok::<_, TarError>((copy, has_next))
            };
            let n_group = header_group(&Entry::file()).len();
            let whole = [&stream[n_header..end], &stream[end + n_group..]].concat();
            assert_eq!(copied(&stream).unwrap(), (whole, true), "{size}");
            // The end may come with the data itself.
            for cut in [end, end_of_data] {
                let rest = (stream[n_header..cut].to_vec(), false);
                assert_eq!(copied(&stream[..cut]).unwrap(), rest, "{size}");
            }
            if size > 0 {
                let error = copied(&stream[..end_of_data - 1]).unwrap_err().to_string();
                assert!(
                    error.contains("the data of the last entry is truncated"),
                    "{error}"
                );
            }
        }
    }

    /// GNU tar reads no map before it knows how many pieces there are.
    #[test]
    fn the_number_of_pieces_stands_before_the_map() {
        let mut keys = [
            &b"GNU.sparse.name"[..],
            b"GNU.sparse.map",
            b"GNU.sparse.size",
            b"GNU.sparse.numblocks",
            b"path",
        ];
        keys.sort_by_key(|key| sparse::order(key));
        let texts = keys.map(|key| std::str::from_utf8(key).unwrap());
        assert_eq!(
            texts,
            [
                "GNU.sparse.numblocks",
                "GNU.sparse.map",
                "GNU.sparse.name",
                "GNU.sparse.size",
                "path"
            ]
        );
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }

    #[test]
    fn a_tar_may_end_before_its_last_padding_and_not_break_off_there() {
        let mut bytes = header_group(&Entry {
            name: b"a".to_vec(),
            size: 4,
            ..Entry::file()
        });
        bytes.extend(b"text");
        let mut whole = TarReader::new(Stream(&bytes[..]));
        assert!(whole.next().unwrap().is_some() && whole.next().unwrap().is_none());
        let mut broken = TarReader::new(Stream(bytes.chain(Broken)));
        assert!(broken.next().unwrap().is_some());
        broken.next().unwrap_err();
    }
}
