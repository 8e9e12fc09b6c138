//! What differs between two file trees for one who looks at them, and what a new layer changes of one.

use std::collections::HashMap;

use super::{Change, FileChange};
use crate::image_path::ImagePath;
use crate::layer::LayerContent;
use crate::rootfs::{Node, Rootfs};
use crate::tarball::Kind;

/// Returns what a layer changes, sorted by path: every entry but the directories that are there already.
pub(crate) fn of_layer(content: &LayerContent, tree: &Rootfs) -> Vec<FileChange> {
    let mut files = Vec::new();
    for item in &content.entries {
        let Ok(path) = ImagePath::from_entry_name(&item.entry.name) else {
            continue;
        };
        let is_directory = item.entry.kind == Kind::Directory;
        let change = match tree.get(&path) {
            None => Change::Added,
            Some(node)
                if is_directory
                    && node.kind == Kind::Directory
                    && (node.mode & 0o7777, node.uid, node.gid)
                        == (item.entry.mode, item.entry.uid, item.entry.gid) =>
            {
                continue;
            }
            Some(_) => Change::Changed,
        };
        files.push((path, change, item.entry.kind));
    }
    sorted(files)
}

/// Returns what differs between two trees, sorted by path.
pub(crate) fn between(before: &Rootfs, after: &Rootfs) -> Vec<FileChange> {
    let mut files = Vec::new();
    for (path, node) in before {
        let change = match after.get(&path) {
            None => Change::Removed,
            Some(other) if !looks_like(node, other) => Change::Changed,
            Some(_) => continue,
        };
        files.push((path, change, node.kind));
    }
    for (path, node) in after {
        if before.get(&path).is_none() {
            files.push((path, Change::Added, node.kind));
        }
    }
    sorted(files)
}

fn sorted(mut files: Vec<(ImagePath, Change, Kind)>) -> Vec<FileChange> {
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let change = |(path, change, kind)| file_change(change, &path, kind);
    files.into_iter().map(change).collect()
}

/// Adds what changes later, sorted by path; of what changes twice one line tells.
pub(crate) fn add(files: &mut Vec<FileChange>, later: impl IntoIterator<Item = FileChange>) {
    let mut places: HashMap<String, usize> = HashMap::new();
    for (i, file) in files.iter().enumerate() {
        places.entry(file.path.clone()).or_insert(i);
    }
    for change in later {
        let place = places.get(&change.path);
        if let (Some(&i), Change::Changed) = (place, change.change) {
            let file = &mut files[i];
            let details = file.detail.take().into_iter().chain(change.detail);
            let details: Vec<String> = details.collect();
            file.detail = (!details.is_empty()).then(|| details.join(", "));
        } else {
            places.entry(change.path.clone()).or_insert(files.len());
            files.push(change);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
}

/// Returns a change of one path; a directory ends in `/`.
pub(crate) fn file_change(change: Change, path: &ImagePath, kind: Kind) -> FileChange {
    let slash = if kind == Kind::Directory { "/" } else { "" };
    let path = format!("{path}{slash}");
    FileChange {
        change,
        path,
        detail: None,
    }
}

fn looks_like(one: &Node, other: &Node) -> bool {
    let is_directory = one.kind == Kind::Directory;
    (one.kind, one.mode, one.uid, one.gid, one.device)
        == (other.kind, other.mode, other.uid, other.gid, other.device)
        && one.link_name == other.link_name
        && one.xattrs == other.xattrs
        && (one.content == other.content || one.kind != Kind::File)
        && (one.mtime == other.mtime || is_directory)
}
