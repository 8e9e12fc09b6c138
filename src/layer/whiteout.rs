//! A layer that hides paths of the layers below it (image-spec layer.md, "Whiteouts").

use std::collections::{BTreeMap, BTreeSet};

use super::compose::{name_of, parent_entry};
use super::{Data, LayerContent, LayerEntry};
use crate::image_path::ImagePath;
use crate::rootfs::Rootfs;
use crate::tarball::{Entry, Kind, Mtime};

/// Lays out a layer without `paths`, each of which is in `rootfs` and none below another.
///
/// Explicit whiteouts only: an opaque one beside its directory is read in two ways. Their headers are as containerd and
/// umoci write them: 0:0, mode 0, with the time `mtime`.
#[must_use]
pub fn whiteouts(paths: &BTreeSet<ImagePath>, rootfs: &Rootfs, mtime: i64) -> LayerContent {
    let mut entries: BTreeMap<ImagePath, Entry> = BTreeMap::new();
    for path in paths {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            continue;
        };
        let directories = std::iter::successors(Some(parent.clone()), ImagePath::parent);
        for directory in directories.filter(|directory| !directory.is_root()) {
            let entry = || parent_entry(&directory, rootfs, mtime);
            entries.entry(directory.clone()).or_insert_with(entry);
        }
        let whiteout = parent.join(&[b".wh.", name].concat());
        let entry = Entry {
            name: name_of(&whiteout, Kind::File),
            link_name: Vec::new(),
            kind: Kind::File,
            size: 0,
            mode: 0,
            uid: 0,
            gid: 0,
            mtime: Mtime {
                seconds: mtime,
                nanoseconds: 0,
            },
            device: (0, 0),
            xattrs: Vec::new(),
            is_sparse: false,
        };
        entries.insert(whiteout, entry);
    }
    let item = |entry| LayerEntry {
        entry,
        data: Data::None,
    };
    LayerContent {
        entries: entries.into_values().map(item).collect(),
        ..LayerContent::default()
    }
}
