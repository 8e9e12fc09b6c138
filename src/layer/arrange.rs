//! The order of a new layer's entries, and which name of a file stands for its content.

use std::collections::HashMap;

use super::{Data, LayerEntry};
use crate::image_path::ImagePath;
use crate::rootfs::WHITEOUT;
use crate::tarball::Kind;

/// An entry on its way into a layer: its real path, and what other names of the same file have too.
pub(super) struct Placed {
    pub(super) path: ImagePath,
    pub(super) item: LayerEntry,
    pub(super) same_file: Option<(u64, u64)>,
}

/// Returns the entries of a layer, sorted by path bytes, so parents come before what they hold and whiteouts before
/// their siblings. What is copied out of tar streams comes last, in the order of these streams: each is read once.
///
/// The first name of a file holds its content; the others are hard links behind it.
pub(super) fn arrange(mut placed: Vec<Placed>) -> Vec<LayerEntry> {
    placed.sort_by_cached_key(|placed| key(&placed.path));
    let mut first_names: HashMap<(u64, u64), (Vec<u8>, bool)> = HashMap::new();
    let (mut entries, mut copied, mut links) = (Vec::new(), Vec::new(), Vec::new());
    for Placed {
        mut item,
        same_file,
        ..
    } in placed
    {
        let kept = match &item.data {
            Data::Kept(kept) => Some((kept.origin, kept.offset)),
            _ => None,
        };
        let first = same_file.and_then(|file| first_names.get(&file));
        if let Some((first, is_copied)) = first {
            item.entry.kind = Kind::HardLink;
            item.entry.link_name.clone_from(first);
            item.entry.size = 0;
            item.entry.device = (0, 0);
            item.data = Data::None;
            let list = if *is_copied { &mut links } else { &mut entries };
            list.push(item);
            continue;
        }
        if let Some(file) = same_file {
            first_names.insert(file, (item.entry.name.clone(), kept.is_some()));
        }
        match kept {
            Some(kept) => copied.push((kept, item)),
            None => entries.push(item),
        }
    }
    copied.sort_by_key(|(kept, _)| *kept);
    entries.extend(copied.into_iter().map(|(_, item)| item));
    entries.extend(links);
    entries
}

/// No name has a NUL byte, so a whiteout sorts before everything in its directory.
fn key(path: &ImagePath) -> Vec<u8> {
    let name = path.entry_name();
    match path.file_name() {
        Some(last) if last.starts_with(WHITEOUT) => {
            let (directory, last) = name.split_at(name.len() - last.len());
            [directory, b"\0", last].concat()
        }
        _ => name.to_vec(),
    }
}
