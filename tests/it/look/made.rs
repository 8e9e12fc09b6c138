//! What an export has, told from a tar and from a directory, and compared with the merged tree.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use ocipatch::archive::Archive;
use ocipatch::digest::Digest;
use ocipatch::gather::read_trees;
use ocipatch::image_path::ImagePath;
use ocipatch::look::{Digests, Filter, Part};
use ocipatch::tarball::Kind;

use crate::edit;
use crate::engine::is_root;
use crate::stacks::item::{Item, items};

pub(super) fn tar(archive: &Archive, path: &str) -> Vec<u8> {
    let part = Part::of(archive, 0, &ImagePath::parse(path).unwrap()).unwrap();
    let mut bytes = Vec::new();
    part.write_tar(&mut bytes, "test").unwrap();
    bytes
}

pub(super) fn open(bytes: &[u8]) -> Archive {
    Archive::open(edit::open(bytes).unwrap()).unwrap()
}

/// Compares a tar with the merged tree that `inspect` shows.
pub(super) fn check(archive: &Archive, tar: &[u8]) {
    let trees = read_trees(archive, &[0]).unwrap();
    let views = Filter::default().views(archive, trees).unwrap();
    let digests = Digests::read(archive, &views).unwrap();
    let layers = archive.images()[0].layers();
    let items = items(tar);
    let mut n_found = 0;
    let named: HashMap<&[u8], (usize, &Item)> = items
        .iter()
        .enumerate()
        .map(|(i, item)| {
            (
                item.entry
                    .name
                    .strip_suffix(b"/")
                    .unwrap_or(&item.entry.name),
                (i, item),
            )
        })
        .collect();
    assert_eq!(named.len(), items.len());
    for (path, node) in views[&0].iter() {
        if matches!(node.kind, Kind::Unsupported(_)) {
            continue;
        }
        n_found += 1;
        let (index, item) = named[path.entry_name()];
        let entry = &item.entry;
        let metadata = (
            entry.mode,
            entry.uid,
            entry.gid,
            entry.mtime,
            entry.xattrs.as_slice(),
        );
        let wanted = (
            node.mode & 0o7777,
            node.uid,
            node.gid,
            node.mtime,
            &*node.xattrs,
        );
        assert_eq!(metadata, wanted, "{path}");
        // A directory is there before what is in it.
        let parent = path.parent().unwrap();
        assert!(
            parent.is_root() || named[parent.entry_name()].0 < index,
            "{path}"
        );
        let mut shown = item;
        if entry.kind == Kind::HardLink {
            let (first, target) = named[entry.link_name.as_slice()];
            assert!(first < index, "{path}");
            let target_path = ImagePath::from_entry_name(&entry.link_name).unwrap();
            let same = views[&0]
                .iter()
                .find(|(path, _)| *path == target_path)
                .unwrap();
            assert_eq!(same.1.inode, node.inode, "{path}");
            shown = target;
        }
        assert_eq!(shown.entry.kind, node.kind, "{path}");
        match node.kind {
            Kind::File => assert_eq!(
                Some(Digest::of(&shown.content)),
                digests.of(layers, node),
                "{path}"
            ),
            Kind::Symlink => assert_eq!(*shown.entry.link_name, *node.link_name, "{path}"),
            _ => assert_eq!(shown.entry.device, node.device, "{path}"),
        }
    }
    assert_eq!(n_found, items.len());
}

/// What a tar or a directory has at a path.
#[derive(Debug, PartialEq)]
pub(super) struct Made {
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) owner: (u64, u64),
    pub(super) mtime: (i64, u32),
    pub(super) content: Vec<u8>,
    /// The first path of the same file.
    pub(super) first: Vec<u8>,
}

fn made_by_tar(tar: &[u8]) -> BTreeMap<Vec<u8>, Made> {
    let mut all: BTreeMap<Vec<u8>, Made> = BTreeMap::new();
    let items = items(tar);
    for item in &items {
        let entry = &item.entry;
        let name = entry
            .name
            .strip_suffix(b"/")
            .unwrap_or(&entry.name)
            .to_vec();
        let target = (entry.kind == Kind::HardLink).then(|| &all[&entry.link_name]);
        let made = Made {
            kind: target.map_or(entry.kind, |target| target.kind),
            mode: if entry.kind == Kind::Symlink {
                0o777
            } else {
                entry.mode
            },
            owner: (entry.uid, entry.gid),
            mtime: (entry.mtime.seconds, entry.mtime.nanoseconds),
            content: match (target, entry.kind) {
                (Some(target), _) => target.content.clone(),
                (None, Kind::Symlink) => entry.link_name.clone(),
                (None, Kind::CharDevice | Kind::BlockDevice) => {
                    format!("{:?}", entry.device).into_bytes()
                }
                _ => item.content.clone(),
            },
            first: target.map_or_else(|| name.clone(), |_| entry.link_name.clone()),
        };
        all.insert(name, made);
    }
    all
}

pub(super) fn made_in(root: &Path) -> BTreeMap<Vec<u8>, Made> {
    let (mut all, mut firsts) = (BTreeMap::new(), HashMap::new());
    let mut paths = vec![];
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for item in fs::read_dir(&directory).unwrap() {
            let path = item.unwrap().path();
            if path.symlink_metadata().unwrap().is_dir() {
                directories.push(path.clone());
            }
            paths.push(path);
        }
    }
    paths.sort_by_key(|path| path.as_os_str().as_bytes().to_vec());
    for path in paths {
        let name = path
            .strip_prefix(root)
            .unwrap()
            .as_os_str()
            .as_bytes()
            .to_vec();
        let metadata = path.symlink_metadata().unwrap();
        let kind = metadata.file_type();
        let device = || {
            format!(
                "{:?}",
                (
                    rustix::fs::major(metadata.rdev()),
                    rustix::fs::minor(metadata.rdev())
                )
            )
            .into_bytes()
        };
        let (kind, content) = match () {
            () if kind.is_dir() => (Kind::Directory, Vec::new()),
            () if kind.is_symlink() => (
                Kind::Symlink,
                fs::read_link(&path)
                    .unwrap()
                    .as_os_str()
                    .as_bytes()
                    .to_vec(),
            ),
            () if kind.is_fifo() => (Kind::Fifo, Vec::new()),
            () if kind.is_char_device() => (Kind::CharDevice, device()),
            () if kind.is_block_device() => (Kind::BlockDevice, device()),
            () => (Kind::File, fs::read(&path).unwrap()),
        };
        let first = firsts
            .entry(metadata.ino())
            .or_insert_with(|| name.clone())
            .clone();
        let made = Made {
            kind,
            mode: metadata.mode() & 0o7777,
            owner: (metadata.uid().into(), metadata.gid().into()),
            mtime: (
                metadata.mtime(),
                u32::try_from(metadata.mtime_nsec()).unwrap(),
            ),
            content,
            first,
        };
        all.insert(name, made);
    }
    all
}

/// Compares a directory with a tar of the same tree, as far as this user can make it.
pub(super) fn same_as_tar(directory: &Path, tar: &[u8]) {
    let mut wanted = made_by_tar(tar);
    let mut found = made_in(directory);
    if !is_root() {
        for made in wanted.values_mut().chain(found.values_mut()) {
            (made.owner, made.mode) = ((0, 0), 0);
        }
    }
    assert_eq!(found, wanted);
}
