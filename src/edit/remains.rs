//! What was purged and may still be in the image, under another name or in another layer: a copy that `RUN cp` has made, a
//! hard link, a file that a later layer hides.
//!
//! Planning reads no content. What has the size of a purged file is listed here, and compared when layers are made.

use std::collections::{HashMap, HashSet};

use super::state::ImageState;
use super::{MadeLayer, PlacedContent, Remains};
use crate::image_path::ImagePath;
use crate::layer::Data;
use crate::rootfs::LayerLog;
use crate::tarball::Kind;

/// Returns what was purged of an image, and all that has one of its sizes in the layers that the image is to have.
pub(crate) fn remains(
    state: &ImageState,
    purged: Vec<(ImagePath, Data)>,
    layers: &[MadeLayer],
) -> Remains {
    let Some(logs) = &state.logs else {
        return Remains::default();
    };
    let sizes: HashSet<u64> = purged.iter().map(|(_, data)| data.size()).collect();
    let mut remaining = Vec::new();
    for (position, layer) in state.layers.iter().enumerate() {
        let log = &logs[&state.place(*layer)];
        let files = log
            .entries
            .iter()
            .filter(|logged| logged.entry.kind == Kind::File && sizes.contains(&logged.entry.size));
        let mut names = None;
        for logged in files {
            let entry = &logged.entry;
            let data = state.data_at(logged.content, entry.size, entry.sparse.as_ref(), layers);
            let path = ImagePath::confined(&entry.name);
            let names = names.get_or_insert_with(|| links(log));
            let links = names.remove(&path).unwrap_or_default();
            let paths = std::iter::once(path).chain(links);
            remaining.extend(paths.map(|path| PlacedContent {
                path,
                layer: Some(position),
                data: data.clone(),
            }));
        }
    }
    let found: HashSet<u64> = remaining.iter().map(|it| it.data.size()).collect();
    let purged = purged
        .into_iter()
        .filter(|(_, data)| found.contains(&data.size()));
    Remains {
        purged: purged
            .map(|(path, data)| PlacedContent {
                path,
                layer: None,
                data,
            })
            .collect(),
        remaining,
    }
}

/// Returns the hard links of a layer by the path that they, or the links that they lead to, lead to.
fn links(log: &LayerLog) -> HashMap<ImagePath, Vec<ImagePath>> {
    let mut firsts: HashMap<ImagePath, ImagePath> = HashMap::new();
    let mut links: HashMap<ImagePath, Vec<ImagePath>> = HashMap::new();
    for logged in &log.entries {
        if logged.entry.kind == Kind::HardLink {
            let target = ImagePath::confined(&logged.entry.link_name);
            let first = firsts.get(&target).cloned().unwrap_or(target);
            let path = ImagePath::confined(&logged.entry.name);
            firsts.insert(path.clone(), first.clone());
            links.entry(first).or_default().push(path);
        }
    }
    links
}
