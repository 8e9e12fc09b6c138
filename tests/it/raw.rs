//! Entries of tars in any format, as bytes: what the writer of the crate would never write.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use ocipatch::tarball::END_OF_ARCHIVE;

use crate::header_change::group::{Digits, extension, record, spell, sum};

/// The magic and version of a POSIX header.
pub(crate) const USTAR: &[u8] = b"ustar\x0000";
/// Those of GNU tar.
pub(crate) const GNU: &[u8] = b"ustar  \0";

/// A header block with what is behind it.
#[derive(Clone)]
pub(crate) struct Raw {
    records: Vec<u8>,
    pub(crate) block: [u8; 512],
    data: Vec<u8>,
}

impl Raw {
    /// An entry 0644 0:0 of 1970.
    pub(crate) fn new(flag: u8, name: &str) -> Self {
        let mut block = [0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[156] = flag;
        block[257..265].copy_from_slice(USTAR);
        let raw = Self {
            records: Vec::new(),
            block,
            data: Vec::new(),
        };
        raw.number(100..108, 0o644)
            .number(108..116, 0)
            .number(116..124, 0)
            .number(124..136, 0)
            .number(136..148, 0)
    }

    pub(crate) fn file(name: &str, data: &[u8]) -> Self {
        Self::new(b'0', name).data(data)
    }

    pub(crate) fn hard_link(name: &str, to: &str) -> Self {
        Self::new(b'1', name).link(to)
    }

    pub(crate) fn device(flag: u8, name: &str, (major, minor): (i64, i64)) -> Self {
        let device = Self::new(flag, name);
        device.number(329..337, major).number(337..345, minor)
    }

    pub(crate) fn number(mut self, field: std::ops::Range<usize>, value: i64) -> Self {
        spell(&mut self.block[field], value, Digits::Zeros);
        self
    }

    pub(crate) fn bytes_at(mut self, at: usize, bytes: &[u8]) -> Self {
        self.block[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(crate) fn magic(self, magic: &[u8]) -> Self {
        self.bytes_at(257, magic)
    }

    pub(crate) fn link(self, to: &str) -> Self {
        self.bytes_at(157, to.as_bytes())
    }

    pub(crate) fn mode(self, mode: i64) -> Self {
        self.number(100..108, mode)
    }

    pub(crate) fn owner(self, uid: i64, gid: i64) -> Self {
        self.number(108..116, uid).number(116..124, gid)
    }

    pub(crate) fn mtime(self, seconds: i64) -> Self {
        self.number(136..148, seconds)
    }

    pub(crate) fn data(mut self, data: &[u8]) -> Self {
        self.data = data.to_vec();
        let n_bytes = data.len().try_into().unwrap();
        self.number(124..136, n_bytes)
    }

    /// Puts a PAX record in front, behind those that are there.
    pub(crate) fn record(mut self, key: &str, value: &[u8]) -> Self {
        self.records.extend(record(key.as_bytes(), value));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if !self.records.is_empty() {
            bytes.extend(extension(b'x', b"PaxHeaders/x", &self.records));
        }
        let mut block = self.block;
        sum(&mut block, false);
        bytes.extend_from_slice(&block);
        bytes.extend_from_slice(&self.data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

/// A whole stream.
pub(crate) fn stream(entries: &[Raw]) -> Vec<u8> {
    let mut stream: Vec<u8> = entries.iter().flat_map(Raw::bytes).collect();
    stream.extend_from_slice(&END_OF_ARCHIVE);
    stream
}

/// The forms in which GNU tar writes sparse files with `--format=posix`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sparse {
    V00,
    V01,
    V10,
}

impl Sparse {
    pub(crate) const ALL: [Self; 3] = [Self::V00, Self::V01, Self::V10];

    /// A file of `size` bytes with `pieces`, each at its offset.
    pub(crate) fn file(self, name: &str, size: u64, pieces: &[(u64, &[u8])]) -> Raw {
        let data: Vec<u8> = pieces
            .iter()
            .flat_map(|(_, bytes)| bytes.to_vec())
            .collect();
        let numbers = pieces
            .iter()
            .flat_map(|(offset, bytes)| [*offset, bytes.len() as u64]);
        let numbers: Vec<String> = numbers.map(|n| n.to_string()).collect();
        let n_pieces = pieces.len().to_string();
        let size = size.to_string();
        let other_name = format!("GNUSparseFile.0/{name}");
        match self {
            Self::V00 => {
                let mut raw = Raw::file(name, &data)
                    .record("GNU.sparse.size", size.as_bytes())
                    .record("GNU.sparse.numblocks", n_pieces.as_bytes());
                for pair in numbers.chunks(2) {
                    raw = raw
                        .record("GNU.sparse.offset", pair[0].as_bytes())
                        .record("GNU.sparse.numbytes", pair[1].as_bytes());
                }
                raw
            }
            Self::V01 => Raw::file(&other_name, &data)
                .record("GNU.sparse.size", size.as_bytes())
                .record("GNU.sparse.numblocks", n_pieces.as_bytes())
                .record("GNU.sparse.name", name.as_bytes())
                .record("GNU.sparse.map", numbers.join(",").as_bytes()),
            Self::V10 => {
                let lines = std::iter::once(&n_pieces).chain(&numbers);
                let mut map: Vec<u8> = lines.flat_map(|n| format!("{n}\n").into_bytes()).collect();
                map.resize(map.len().next_multiple_of(512), 0);
                Raw::file(&other_name, &[map, data].concat())
                    .record("GNU.sparse.major", b"1")
                    .record("GNU.sparse.minor", b"0")
                    .record("GNU.sparse.name", name.as_bytes())
                    .record("GNU.sparse.realsize", size.as_bytes())
            }
        }
    }
}
