//! Layers as lists of entries with their content, and as bytes.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fmt;
use std::io::Read as _;

use ocipatch::tarball::{
    ContentReader, END_OF_ARCHIVE, Entry, Kind, Stream, TarReader, header_group,
};

/// An entry of a layer.
#[derive(Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) entry: Entry,
    pub(crate) content: Vec<u8>,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry {
            kind,
            name,
            mode,
            mtime,
            uid,
            gid,
            ..
        } = &self.entry;
        let (name, link) = (name.escape_ascii(), self.entry.link_name.escape_ascii());
        let content = self.content.escape_ascii();
        let seconds = mtime.seconds;
        write!(
            f,
            "{kind:?} {name} -> {link} {mode:o} {uid}:{gid} @{seconds} {content}"
        )
    }
}

/// Whose way of writing headers a layer follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Hand {
    Plain,
    /// With owner names and the kind of file in the mode, as Docker 20 writes them.
    Docker,
    /// With records that nobody needs, and times in them.
    Pax,
}

impl Item {
    pub(crate) fn new(kind: Kind, name: &[u8]) -> Self {
        let mode = if kind == Kind::Directory {
            0o755
        } else {
            0o644
        };
        let entry = Entry {
            name: name.to_vec(),
            kind,
            mode,
            ..Entry::file()
        };
        Self {
            entry,
            content: Vec::new(),
        }
    }

    pub(crate) fn file(name: &[u8], content: &[u8]) -> Self {
        let mut item = Self::new(Kind::File, name);
        item.content = content.to_vec();
        item.entry.size = content.len() as u64;
        item
    }

    /// Its header, data and padding.
    fn bytes(&self, hand: Hand) -> Vec<u8> {
        let mut bytes = header_group(&self.entry);
        let main = bytes.len() - 512;
        match hand {
            Hand::Docker => {
                let bits = match self.entry.kind {
                    Kind::Directory => 0o40000,
                    Kind::Symlink => 0o120_000,
                    _ => 0o100_000,
                };
                let mode = format!("{:07o}\0", bits | self.entry.mode & 0o7777);
                bytes[main + 100..main + 108].copy_from_slice(mode.as_bytes());
                bytes[main + 265..main + 269].copy_from_slice(b"root");
                bytes[main + 297..main + 301].copy_from_slice(b"root");
                checksum(&mut bytes[main..]);
            }
            Hand::Pax if main == 0 => {
                let records = b"18 comment=a note\n17 atime=12345.6\n";
                let mut group = header_group(&Self::file(b"PaxHeaders/x", records).entry);
                group[156] = b'x';
                checksum(&mut group);
                group.extend_from_slice(records);
                group.resize(1024, 0);
                bytes.splice(..0, group);
            }
            Hand::Plain | Hand::Pax => {}
        }
        bytes.extend_from_slice(&self.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

fn checksum(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..512].iter().map(|&b| u32::from(b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Returns the stream of a layer.
pub(crate) fn stream(items: &[Item], hand: Hand) -> Vec<u8> {
    let mut stream: Vec<u8> = items.iter().flat_map(|item| item.bytes(hand)).collect();
    stream.extend_from_slice(&END_OF_ARCHIVE);
    stream
}

/// Reads a stream back; sparse files are what they are without holes.
pub(crate) fn items(stream: &[u8]) -> Vec<Item> {
    let mut reader = TarReader::new(Stream(stream));
    let mut items = Vec::new();
    while let Some(mut entry) = reader.next().unwrap() {
        let mut content = Vec::new();
        let sparse = entry.sparse.take();
        ContentReader::new(&mut reader, entry.size, sparse.as_ref())
            .read_to_end(&mut content)
            .unwrap();
        items.push(Item { entry, content });
    }
    items
}

/// Returns the bytes of each entry of a stream: header, data and padding.
pub(crate) fn groups(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = TarReader::new(Stream(stream));
    let mut starts = Vec::new();
    while reader.next().unwrap().is_some() {
        starts.push(usize::try_from(reader.group_offset()).unwrap());
    }
    starts.push(usize::try_from(reader.group_offset()).unwrap());
    let group = |pair: &[usize]| stream[pair[0]..pair[1]].to_vec();
    starts.windows(2).map(group).collect()
}
