//! What is at a path of an image.
//!
//! Layers are read from the top. Once those that were read decide that a file is at the path, the others are not opened. They
//! decide it if each entry of theirs is where its name says, whatever is below: every directory on the way to it has an entry of
//! its own before it in the same layer, and a hard link leads to a file of the same layer. So Docker, podman and buildkit write the
//! layers of builds. A path that is missing, or is a directory, depends on every layer.

use std::collections::HashSet;

use super::absent::{Absent, Unseen};
use crate::archive::{Archive, Headers};
use crate::compression::Compression;
use crate::error::Error;
use crate::image_path::ImagePath;
use crate::rootfs::{LayerLog, Node, Resolution, Rootfs, RootfsError, WHITEOUT};
use crate::tarball::Kind;

/// Laying an entry over a tree takes no longer than decompressing as many bytes of a layer.
const ENTRY_COST: u64 = 256;

/// A tree, and where a path leads in it.
#[derive(Debug)]
pub struct Sight {
    /// The tree of the layers that were read. If the path is a file, it may lack those below.
    pub tree: Rootfs,
    /// Where the path leads.
    pub resolution: Resolution,
    /// How many layers were read.
    pub n_layers: usize,
}

/// Returns what is at `path` of an image, links followed, in as much of its tree as has to be read for that.
pub fn look_up(archive: &Archive, image: usize, path: &ImagePath) -> Result<Sight, Error> {
    let layers = archive.images()[image].layers();
    let mut logs: Vec<(usize, LayerLog)> = Vec::new();
    let (mut n_entries, mut n_asked) = (0, 0);
    let mut stand_alone = true;
    for (position, layer) in layers.iter().enumerate().rev() {
        let read = |headers: &mut Headers<'_>| LayerLog::read(position, headers);
        let log = archive.read_headers(layer, read)?.map_err(|error| {
            let error = RootfsError::Tar {
                layer: position,
                error,
            };
            Error::unreadable_layer(archive.layer_name(layer).to_owned(), error)
        })?;
        stand_alone &= stands_alone(&log);
        n_entries += log.entries.len();
        logs.push((position, log));
        let Some(next) = position.checked_sub(1).map(|next| &layers[next]) else {
            break;
        };
        let stored = (next.compression(), next.size());
        if stand_alone && is_worth_asking(n_entries, n_asked, stored) {
            n_asked = n_entries;
            // What is wrong with these layers is told once all are read.
            if let Ok(sight) = sight(&logs, path)
                && sight.is_file()
            {
                return Ok(sight);
            }
        }
    }
    sight(&logs, path).map_err(|error| {
        let layer = &layers[error.layer()];
        Error::unreadable_layer(archive.layer_name(layer).to_owned(), error)
    })
}

/// Tells whether to ask what entries so far say, of which `n_asked` were asked before, or to read the next layer first.
///
/// Asking costs as much as all entries so far: each time for twice as many, unless it may save more.
fn is_worth_asking(n_entries: usize, n_asked: usize, next: (Compression, u64)) -> bool {
    let (compression, n_bytes) = next;
    let saves_time = compression != Compression::None && n_bytes / ENTRY_COST >= n_entries as u64;
    saves_time || n_entries >= 2 * n_asked
}

/// Lays logs, that of the top layer first, over each other.
fn sight(logs: &[(usize, LayerLog)], path: &ImagePath) -> Result<Sight, RootfsError> {
    let tree = Rootfs::of(logs.iter().rev().map(|(position, log)| (*position, log)))?;
    Ok(Sight {
        resolution: tree.resolve(path),
        n_layers: logs.len(),
        tree,
    })
}

impl Sight {
    /// Returns the real path, and what is there.
    #[must_use]
    pub fn found(&self) -> Option<(&ImagePath, &Node)> {
        let Resolution::Found { path } = &self.resolution else {
            return None;
        };
        let node = self.tree.get(path).expect("a path that was found is there");
        Some((path, node))
    }

    fn is_file(&self) -> bool {
        self.found()
            .is_some_and(|(_, node)| node.kind != Kind::Directory)
    }
}

/// Tells whether every entry of a layer is where its name says, whatever the layers below have.
fn stands_alone(log: &LayerLog) -> bool {
    let mut directories: HashSet<ImagePath> = HashSet::from([ImagePath::root()]);
    let mut files: HashSet<ImagePath> = HashSet::new();
    for entry in log.entries.iter().map(|logged| &logged.entry) {
        // `..` says where it is only after it was cleaned away.
        let Ok(path) = ImagePath::from_entry_name(&entry.name) else {
            return false;
        };
        let Some(name) = path.file_name().filter(|_| entry.kind != Kind::Global) else {
            continue;
        };
        let parent = path.parent().expect("it has a name");
        if !directories.contains(&parent) {
            return false;
        }
        if name.starts_with(WHITEOUT) || entry.is_zero_device() {
            continue;
        }
        let is_settled = entry.kind != Kind::HardLink
            || ImagePath::from_entry_name(&entry.link_name)
                .is_ok_and(|target| files.contains(&target));
        let (same, other) = match entry.kind {
            Kind::Directory => (&mut directories, &files),
            _ => (&mut files, &directories),
        };
        if !is_settled || other.contains(&path) {
            return false;
        }
        same.insert(path);
    }
    true
}

/// Returns what is at `path`, or what is in its way.
pub fn see(archive: &Archive, image: usize, path: &ImagePath) -> Result<Sight, Unseen> {
    let sight = look_up(archive, image, path)?;
    if sight.found().is_some() {
        return Ok(sight);
    }
    Err(absent(&sight.tree, path, &sight.resolution).into())
}

/// Says why there is nothing at `path`.
pub(super) fn absent(tree: &Rootfs, path: &ImagePath, resolution: &Resolution) -> Absent {
    match resolution {
        Resolution::Found { .. } => Absent::new(format!("the image has no `{path}`")),
        Resolution::Missing { parent, rest } => missing(tree, path, parent, &rest[0]),
        Resolution::Dangling { link, target, .. } => Absent::new(format!(
            "the image has no `{path}`: `{link}` is a link to `{target}`, which does not exist"
        )),
        Resolution::Loop { link } => Absent::new(format!(
            "`{path}` leads through too many links, the last one at `{link}`"
        )),
        Resolution::NotADirectory { path: file } => Absent::new(format!(
            "the image has no `{path}`: `{file}` is not a directory"
        )),
    }
}

fn missing(tree: &Rootfs, path: &ImagePath, parent: &ImagePath, name: &[u8]) -> Absent {
    let message = format!("the image has no `{path}`");
    match tree.near(path) {
        Some(near) => Absent::with_help(message, format!("did you mean `{near}`?")),
        None if path.parent().as_ref() != Some(parent) => {
            let missing = parent.join(name);
            Absent::with_help(message, format!("there is no `{missing}` either"))
        }
        None => Absent::new(message),
    }
}

#[cfg(test)]
mod tests {
    use super::is_worth_asking;
    use crate::compression::Compression::{Gzip, None as Plain};

    #[test]
    fn asking_costs_no_more_than_reading_on() {
        for (n_entries, n_asked, next, is_worth) in [
            (3, 0, (Plain, 0), true),
            (6, 3, (Plain, 0), true),
            (5, 3, (Plain, 0), false),
            (5, 3, (Plain, 1 << 20), false),
            (5, 3, (Gzip, 5 * 256), true),
            (5, 3, (Gzip, 5 * 256 - 1), false),
            (5, 3, (Gzip, 1 << 20), true),
            (6, 3, (Gzip, 0), true),
        ] {
            let found = is_worth_asking(n_entries, n_asked, next);
            assert_eq!(found, is_worth, "{n_entries} {n_asked} {next:?}");
        }
    }
}
