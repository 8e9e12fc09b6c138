//! A layer that changes what the layers below it have: files with other metadata or content, and paths that are hidden
//! (image-spec layer.md, "Whiteouts").

use std::collections::{BTreeMap, BTreeSet};

use super::arrange::{Placed, arrange};
use super::compose::{name_of, parent_entry, tar_bytes};
use super::{Data, LayerContent, LayerEntry};
use crate::image_path::ImagePath;
use crate::rootfs::{Rootfs, WHITEOUT};
use crate::tarball::{Entry, Kind, Mtime};

/// What becomes of a real path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Nothing of the layers below shows there any more.
    Hide,
    /// This stands there.
    Put {
        /// The metadata; its name and size are not looked at.
        entry: Box<Entry>,
        /// The content of a file.
        data: Data,
        /// What other names of the same file have too; they become hard links to one file.
        same_file: Option<(u64, u64)>,
    },
}

/// Lays out a layer that makes `edits` in `rootfs`. What is hidden is there, and no other edit is at such a path or below.
///
/// Explicit whiteouts only: an opaque one beside its directory is read in two ways. Their headers are as containerd and
/// umoci write them: 0:0, mode 0, with the time `mtime`, as have parents that the image does not have.
#[must_use]
pub fn lay_out(edits: BTreeMap<ImagePath, Edit>, rootfs: &Rootfs, mtime: i64) -> LayerContent {
    let mut parents = BTreeSet::new();
    for path in edits.keys() {
        let mut above = path.parent().filter(|parent| !parent.is_root());
        // What is edited itself, or was seen before, has its parents from there.
        while let Some(parent) = above.filter(|parent| !edits.contains_key(parent)) {
            above = parent.parent().filter(|above| !above.is_root());
            if !parents.insert(parent) {
                break;
            }
        }
    }
    let mut placed: Vec<Placed> = parents
        .into_iter()
        .map(|path| Placed {
            item: LayerEntry {
                entry: parent_entry(&path, rootfs, mtime),
                data: Data::None,
            },
            path,
            same_file: None,
        })
        .collect();
    for (path, edit) in edits {
        placed.push(match edit {
            Edit::Hide => whiteout(&path, mtime),
            Edit::Put {
                mut entry,
                data,
                same_file,
            } => {
                entry.name = name_of(&path, entry.kind);
                entry.size = data.size();
                let item = LayerEntry {
                    entry: *entry,
                    data,
                };
                Placed {
                    path,
                    item,
                    same_file,
                }
            }
        });
    }
    let entries = arrange(placed);
    LayerContent {
        tar_bytes: tar_bytes(&entries),
        entries,
        ..LayerContent::default()
    }
}

/// Lays out a layer without `paths`, each of which is in `rootfs` and none below another.
#[must_use]
pub fn whiteouts(paths: &BTreeSet<ImagePath>, rootfs: &Rootfs, mtime: i64) -> LayerContent {
    let hidden = paths.iter().filter(|path| !path.is_root());
    let edits = hidden.map(|path| (path.clone(), Edit::Hide)).collect();
    lay_out(edits, rootfs, mtime)
}

fn whiteout(path: &ImagePath, mtime: i64) -> Placed {
    let name = path.file_name().expect("the root is never hidden");
    let parent = path.parent().unwrap_or_else(ImagePath::root);
    let path = parent.join(&[WHITEOUT, name].concat());
    let entry = Entry {
        name: name_of(&path, Kind::File),
        mode: 0,
        mtime: Mtime::of_seconds(mtime),
        ..Entry::file()
    };
    Placed {
        item: LayerEntry {
            entry,
            data: Data::None,
        },
        path,
        same_file: None,
    }
}
