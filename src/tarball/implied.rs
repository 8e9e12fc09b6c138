//! Directories that no entry describes, against the headers that imply them.

use std::fmt;

use super::{BLOCK_BYTES, Entry};

/// What the paths of directories without entries may come to in any stream. In bytes.
pub const MAX_IMPLIED_BYTES: u64 = 8 << 20;
/// What they may come to besides, for each byte of headers: one path of 4096 bytes implies up to 2048 directories, whose
/// paths come to 4 MiB, and writers that leave directories out stay below one.
pub const MAX_IMPLIED_RATIO: u64 = 4;

/// A count of both, so that little input does not make a large tree.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImpliedDirectories {
    path_bytes: u64,
    header_bytes: u64,
}

/// Directories without entries that come to more than headers account for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyImplied {
    /// What their paths come to, in bytes.
    pub found: u64,
    /// What they may come to.
    pub allowed: u64,
}

impl fmt::Display for TooManyImplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the paths of directories without entries have {} bytes; {} are allowed (8 MiB and 4 times the headers)",
            self.found, self.allowed
        )
    }
}

impl std::error::Error for TooManyImplied {}

impl ImpliedDirectories {
    /// Counts the header of an entry: a block, and what its texts take.
    pub fn count_header(&mut self, entry: &Entry) {
        let xattrs = entry.xattrs.iter();
        let xattrs: usize = xattrs.map(|(name, value)| name.len() + value.len()).sum();
        self.count_text(entry.name.len() + entry.link_name.len() + xattrs);
    }

    /// Counts the header of an entry whose texts take `n_bytes`.
    pub fn count_text(&mut self, n_bytes: usize) {
        self.header_bytes += BLOCK_BYTES + n_bytes as u64;
    }

    /// Counts a directory that an entry implies.
    pub fn count(&mut self, path_bytes: usize) -> Result<(), TooManyImplied> {
        self.path_bytes += path_bytes as u64;
        let (found, allowed) = (
            self.path_bytes,
            MAX_IMPLIED_BYTES + MAX_IMPLIED_RATIO * self.header_bytes,
        );
        if found <= allowed {
            return Ok(());
        }
        Err(TooManyImplied { found, allowed })
    }
}

#[cfg(test)]
mod tests {
    use super::{ImpliedDirectories, MAX_IMPLIED_BYTES, TooManyImplied};
    use crate::tarball::Entry;

    /// 8 MiB, and four times the blocks and texts of the headers.
    #[test]
    fn what_is_allowed_follows_from_the_headers() {
        let entry = Entry {
            name: b"12345".to_vec(),
            link_name: b"67".to_vec(),
            xattrs: vec![(b"user.a".to_vec(), b"123".to_vec())],
            ..Entry::file()
        };
        let check = |implied: &mut ImpliedDirectories, more: u64| {
            let allowed = MAX_IMPLIED_BYTES + more;
            implied
                .count(usize::try_from(allowed - 1).unwrap())
                .unwrap();
            implied.count(1).unwrap();
            let found = allowed + 1;
            assert_eq!(implied.count(1), Err(TooManyImplied { found, allowed }));
        };
        for (texts, more) in [(&[][..], 0), (&[100], 4 * 612), (&[0, 1], 4 * 1025)] {
            let mut implied = ImpliedDirectories::default();
            for n_bytes in texts {
                implied.count_text(*n_bytes);
            }
            check(&mut implied, more);
        }
        let mut implied = ImpliedDirectories::default();
        implied.count_header(&entry);
        check(&mut implied, 4 * (512 + 5 + 2 + 6 + 3));
    }
}
