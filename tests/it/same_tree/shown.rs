//! The tree that an engine shows, read from a tar of it, and held against the one that is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ocipatch::tarball::{Entry, Kind, Mtime};

use crate::engine::entries;
use crate::stacks::item::Item;
use crate::stacks::model::{Node, Path, Tree, clean, show};

/// What an engine keeps and what it adds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Engine {
    pub(super) name: &'static str,
    /// Whether extended attributes other than `security.capability` are to be seen.
    pub(super) has_xattrs: bool,
    pub(super) has_times_of_directories: bool,
    /// What it puts into a container that the image does not have.
    pub(super) adds: &'static [&'static str],
}

/// What Docker puts into a container, with the directories it needs for that.
pub(super) const OF_CONTAINERS: [&str; 12] = [
    ".dockerenv",
    "dev",
    "dev/console",
    "dev/pts",
    "dev/shm",
    "etc",
    "etc/hostname",
    "etc/hosts",
    "etc/mtab",
    "etc/resolv.conf",
    "proc",
    "sys",
];

/// A tree that is meant, and which of its directories have a time that a layer tells.
#[derive(Debug)]
pub(super) struct Meant {
    pub(super) tree: Tree,
    pub(super) timed: BTreeSet<Path>,
}

impl Meant {
    /// What `layers` make of a directory's time is known where the last one that speaks of its files names it as well.
    pub(super) fn new(tree: Tree, layers: &[Vec<Item>]) -> Self {
        let mut timed = BTreeSet::new();
        for layer in layers {
            let path = |item: &Item| clean(&item.entry.name).0;
            let is_directory = |item: &&Item| item.entry.kind == Kind::Directory;
            let named: BTreeSet<Path> = layer.iter().filter(is_directory).map(path).collect();
            for path in layer.iter().map(path) {
                timed.retain(|timed: &Path| {
                    named.contains(timed) || path[..path.len() - 1] != **timed
                });
            }
            timed.extend(named);
        }
        Self { tree, timed }
    }

    /// The differences to what an engine shows, one a line: `-` what is meant, `+` what is there.
    pub(super) fn differences(&self, shown: &Tree, engine: Engine) -> Vec<String> {
        let adds: Vec<Path> = engine
            .adds
            .iter()
            .map(|path| clean(path.as_bytes()).0)
            .collect();
        let is_kept = |path: &Path| !adds.contains(path) || self.tree.nodes.contains_key(path);
        let prepared = |tree: &Tree| {
            let mut tree = tree.clone();
            tree.root = None;
            tree.nodes.retain(|path, _| is_kept(path));
            for (path, node) in &mut tree.nodes {
                if node.entry.kind == Kind::Directory
                    && !(engine.has_times_of_directories && self.timed.contains(path))
                {
                    node.entry.mtime = Mtime::default();
                }
                if !engine.has_xattrs {
                    node.entry
                        .xattrs
                        .retain(|(name, _)| name == b"security.capability");
                }
            }
            tree.lines()
        };
        let (meant, shown) = (prepared(&self.tree), prepared(shown));
        let missing = meant.iter().filter(|line| !shown.contains(line));
        let more = shown.iter().filter(|line| !meant.contains(line));
        let missing = missing.map(|line| format!("- {line}"));
        missing
            .chain(more.map(|line| format!("+ {line}")))
            .collect()
    }
}

/// Reads a tar that an engine or `tar` made of a whole tree.
pub(super) fn tree(tar: &[u8]) -> Tree {
    let mut tree = Tree::default();
    let mut records = BTreeMap::new();
    for raw in entries(tar) {
        if raw.kind() == b'x' {
            records = pax_records(raw.content);
            continue;
        }
        let mut records = std::mem::take(&mut records);
        let header = raw.header;
        let prefix = field(header, 345..500);
        let name = match prefix {
            b"" => field(header, 0..100).to_vec(),
            prefix => [prefix, field(header, 0..100)].join(&b'/'),
        };
        let path = clean(&records.remove(&b"path"[..]).unwrap_or(name)).0;
        let link = records.remove(&b"linkpath"[..]);
        let link_name = link.unwrap_or_else(|| field(header, 157..257).to_vec());
        if path.is_empty() {
            continue;
        }
        if raw.kind() == b'1' {
            let node = tree.nodes[&clean(&link_name).0].clone();
            tree.nodes.insert(path, node);
            continue;
        }
        let kind = match raw.kind() {
            b'0' => Kind::File,
            b'2' => Kind::Symlink,
            b'3' => Kind::CharDevice,
            b'4' => Kind::BlockDevice,
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            other => panic!("{}: {other}", show(&path)),
        };
        let number = |range: Range<usize>, record: Option<Vec<u8>>| match record {
            Some(text) => String::from_utf8(text).unwrap().parse().unwrap(),
            None => raw.number(range),
        };
        let device = |range| u32::try_from(raw.number(range)).unwrap();
        let is_device = matches!(kind, Kind::CharDevice | Kind::BlockDevice);
        let entry = Entry {
            kind,
            link_name: if kind == Kind::Symlink {
                link_name
            } else {
                Vec::new()
            },
            mode: u32::try_from(raw.number(100..108)).unwrap(),
            uid: number(108..116, records.remove(&b"uid"[..])),
            gid: number(116..124, records.remove(&b"gid"[..])),
            mtime: mtime(raw.number(136..148), records.remove(&b"mtime"[..])),
            device: if is_device {
                (device(329..337), device(337..345))
            } else {
                (0, 0)
            },
            xattrs: xattrs(records),
            ..Entry::file()
        };
        tree.n_files += 1;
        let node = Node {
            entry,
            content: raw.content.to_vec(),
            file: tree.n_files,
            is_implied: false,
            by: 0,
        };
        tree.nodes.insert(path, node);
    }
    tree
}

fn xattrs(records: BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let xattr = |(key, value): (Vec<u8>, Vec<u8>)| {
        let name = key.strip_prefix(b"SCHILY.xattr.")?.to_vec();
        // How overlayfs and SELinux do their work is nobody's file.
        let is_own = name.starts_with(b"trusted.") || name == b"security.selinux";
        (!is_own).then_some((name, value))
    };
    records.into_iter().filter_map(xattr).collect()
}

/// A time of the header, or of a record, which may have a fraction.
fn mtime(seconds: u64, record: Option<Vec<u8>>) -> Mtime {
    let Some(record) = record else {
        let seconds = i64::try_from(seconds).unwrap();
        return Mtime {
            seconds,
            nanoseconds: 0,
        };
    };
    let text = String::from_utf8(record).unwrap();
    let (seconds, fraction) = text.split_once('.').unwrap_or((&text, ""));
    Mtime {
        seconds: seconds.parse().unwrap(),
        nanoseconds: format!("{fraction:0<9}").parse().unwrap(),
    }
}

fn field(header: &[u8], range: Range<usize>) -> &[u8] {
    let field = &header[range];
    let end = field.iter().position(|&byte| byte == 0);
    &field[..end.unwrap_or(field.len())]
}

/// Each record is `LENGTH KEY=VALUE\n`, where the length counts itself.
fn pax_records(mut content: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut records = BTreeMap::new();
    while let Some(space) = content.iter().position(|&byte| byte == b' ') {
        let length = std::str::from_utf8(&content[..space]).unwrap();
        let length: usize = length.parse().unwrap();
        let record = &content[space + 1..length - 1];
        let equals = record.iter().position(|&byte| byte == b'=').unwrap();
        records.insert(record[..equals].to_vec(), record[equals + 1..].to_vec());
        content = &content[length..];
    }
    records
}
