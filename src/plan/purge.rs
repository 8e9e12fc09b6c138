//! Paths that go out of every layer, so that nobody finds them in the archive.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::matching::matching;
use super::rewrites::Edits;
use super::state::State;
use super::work::Work;
use super::{Change, FileChange, PlannedLayer, RemovedLayer, path_removal, tree_changes};
use crate::image_path::ImagePath;
use crate::layer::GroupEdit;
use crate::patch::PathRemoval;
use crate::problem::{Code, quoted};
use crate::rootfs::{LayerLog, LoggedEntry, Resolution, Rootfs, WHITEOUT};
use crate::tarball::{HeaderChange, Kind};

const OPAQUE: &[u8] = b".wh..wh..opq";

pub(super) fn purge(work: &mut Work<'_>, removal: &PathRemoval) {
    let address = work.address.clone();
    let mut is_found = vec![false; removal.patterns.len()];
    for i in 0..work.images.len() {
        let image = work.images[i];
        let state = &work.states[image];
        let paths = find(state, removal, &mut is_found);
        if paths.is_empty() {
            continue;
        }
        if let Some(path) = state.first_added(&paths) {
            let path = quoted(&path.to_text());
            let message = format!("{path} is added by an earlier operation");
            work.problem(
                Code::Contradiction,
                address.clone(),
                message,
                "keep one of the two",
            );
            continue;
        }
        let edits = edits(state, &paths);
        work.rewrite(i, edits, &address);
        let empty = empty_layers(&work.states[image]);
        if removal.drops_empty_layers {
            drop_layers(work, i, &empty);
        } else if !empty.is_empty() {
            let numbers: Vec<String> = empty.iter().map(|p| (p + 1).to_string()).collect();
            let layers = if numbers.len() == 1 {
                "layer"
            } else {
                "layers"
            };
            work.states[image].note(format!(
                "nothing is left in {layers} {}; `drop-empty-layers: true` drops such",
                numbers.join(", ")
            ));
        }
    }
    path_removal::tell_missing(work, removal, &is_found);
}

/// Returns the topmost of the real paths that the patterns find in the image as any of its layers left it.
fn find(state: &State, removal: &PathRemoval, is_found: &mut [bool]) -> BTreeSet<ImagePath> {
    let mut paths = BTreeSet::new();
    each_tree(state, |_, tree| {
        for (pattern, is_found) in removal.patterns.iter().zip(&mut *is_found) {
            let found = matching(tree, pattern).1;
            *is_found |= !found.is_empty();
            paths.extend(found);
        }
    });
    path_removal::topmost(&paths)
}

/// Calls `look` with the place of each layer, from the base up, and the tree that it leaves.
fn each_tree(state: &State, mut look: impl FnMut(usize, &Rootfs)) {
    let logs = state.logs.as_ref().expect("the layers were read");
    let mut tree = Rootfs::new();
    for layer in &state.layers {
        let place = state.place(*layer);
        tree.add_logged(place, &logs[&place])
            .expect("the layers fitted each other when they were read");
        look(place, &tree);
    }
}

/// Returns what becomes of the layers in which something of `paths` is.
fn edits(state: &State, paths: &BTreeSet<ImagePath>) -> BTreeMap<usize, (Edits, Vec<FileChange>)> {
    let logs = state.logs.as_ref().expect("the layers were read");
    let mut edits = BTreeMap::new();
    each_tree(state, |place, tree| {
        let mut layer = Layer {
            tree,
            paths,
            parents: HashMap::new(),
            files: Vec::new(),
        };
        let found = layer.edits(&logs[&place]);
        if !found.is_empty() {
            edits.insert(place, (found, layer.files));
        }
    });
    edits
}

/// One layer that is looked through.
struct Layer<'a> {
    /// The tree that it leaves.
    tree: &'a Rootfs,
    paths: &'a BTreeSet<ImagePath>,
    /// The real paths of directories, by their names in the stream.
    parents: HashMap<Vec<u8>, Option<ImagePath>>,
    files: Vec<FileChange>,
}

/// The names of one file in a layer, the one with the content first.
#[derive(Default)]
struct Names<'a> {
    all: Vec<(&'a LoggedEntry, bool)>,
}

impl Layer<'_> {
    fn edits(&mut self, log: &LayerLog) -> Edits {
        let mut edits = Edits::new();
        // By their cleaned names, which is how hard links speak of them.
        let mut files: Vec<Names<'_>> = Vec::new();
        let mut by_name: HashMap<ImagePath, usize> = HashMap::new();
        for logged in &log.entries {
            let Ok(path) = ImagePath::from_entry_name(&logged.entry.name) else {
                continue;
            };
            let goes = self.goes(&path);
            if goes {
                edits.insert(logged.content.offset, GroupEdit::Drop);
                self.tell(&path, logged.entry.kind);
            }
            let target = || ImagePath::from_entry_name(&logged.entry.link_name).ok();
            let file = match logged.entry.kind {
                Kind::File => Some(files.len()),
                Kind::HardLink => target().and_then(|target| by_name.get(&target).copied()),
                _ => None,
            };
            if let Some(file) = file {
                if file == files.len() {
                    files.push(Names::default());
                }
                files[file].all.push((logged, goes));
                by_name.insert(path, file);
            }
        }
        for names in &files {
            names.rehome(&mut edits);
        }
        edits
    }

    /// Tells whether an entry of this name is to go: what it puts, hides or describes is at one of the paths or below it.
    fn goes(&mut self, name: &ImagePath) -> bool {
        let (Some(parent), Some(last)) = (name.parent(), name.file_name()) else {
            return false;
        };
        let Some(parent) = self.real(&parent) else {
            return false;
        };
        let means = match last.strip_prefix(WHITEOUT) {
            None => parent.join(last),
            Some(_) if last == OPAQUE => return self.is_within(&parent),
            Some(b"") => return false,
            Some(hidden) => parent.join(hidden),
        };
        self.is_within(&means)
    }

    fn is_within(&self, path: &ImagePath) -> bool {
        let above = std::iter::successors(Some(path.clone()), ImagePath::parent);
        above.into_iter().any(|path| self.paths.contains(&path))
    }

    /// Returns where a directory of the stream really is; where nothing is, what its name says.
    fn real(&mut self, directory: &ImagePath) -> Option<ImagePath> {
        let name = directory.entry_name().to_vec();
        if let Some(real) = self.parents.get(&name) {
            return real.clone();
        }
        let real = match self.tree.resolve(directory) {
            Resolution::Found { path } => Some(path),
            Resolution::Missing { parent, rest } => {
                Some(rest.iter().fold(parent, |path, name| path.join(name)))
            }
            _ => Some(directory.clone()),
        };
        self.parents.insert(name, real.clone());
        real
    }

    fn tell(&mut self, path: &ImagePath, kind: Kind) {
        let is_topmost = self.paths.contains(path);
        if is_topmost {
            self.files
                .push(tree_changes::file_change(Change::Removed, path, kind));
        }
    }
}

impl Names<'_> {
    /// Where the name with the content goes, the next one takes its place in the stream; links to a name that went lead to
    /// the one with the content.
    fn rehome(&self, edits: &mut Edits) {
        let Some((bearer, bearer_goes)) = self.all.first() else {
            return;
        };
        let stays: Vec<&LoggedEntry> = self
            .all
            .iter()
            .filter(|(_, goes)| !goes)
            .map(|(logged, _)| *logged)
            .collect();
        let Some(first) = stays.first() else { return };
        if stays.len() == self.all.len() {
            return;
        }
        let change = |header| GroupEdit::Change {
            header,
            content: None,
        };
        if *bearer_goes {
            let header = HeaderChange {
                name: Some(first.entry.name.clone()),
                ..HeaderChange::default()
            };
            edits.insert(bearer.content.offset, change(header));
            edits.insert(first.content.offset, GroupEdit::Drop);
        }
        for link in &stays[1..] {
            let header = HeaderChange {
                link_name: Some(first.entry.name.clone()),
                ..HeaderChange::default()
            };
            edits.insert(link.content.offset, change(header));
        }
    }
}

/// Returns the positions of layers that were made anew and that change nothing of what is below them.
fn empty_layers(state: &State) -> Vec<usize> {
    let mut empty = Vec::new();
    let logs = state.logs.as_ref().expect("the layers were read");
    let mut below = Rootfs::new();
    for (position, layer) in state.layers.iter().enumerate() {
        let place = state.place(*layer);
        let log = &logs[&place];
        let is_same = |logged: &LoggedEntry| {
            let path = ImagePath::from_entry_name(&logged.entry.name).ok();
            let node = path.and_then(|path| below.get(&path).cloned());
            logged.entry.kind == Kind::Directory
                && node.is_some_and(|node| {
                    node.kind == Kind::Directory
                        && (node.mode & 0o7777, node.uid, node.gid)
                            == (
                                logged.entry.mode & 0o7777,
                                logged.entry.uid,
                                logged.entry.gid,
                            )
                        && *node.xattrs == *logged.entry.xattrs
                })
        };
        let is_made = matches!(layer, PlannedLayer::Made(_));
        if is_made && log.entries.iter().all(is_same) {
            empty.push(position);
        }
        if below.add_logged(place, log).is_err() {
            break;
        }
    }
    empty
}

fn drop_layers(work: &mut Work<'_>, i: usize, positions: &[usize]) {
    let image = work.images[i];
    for &position in positions.iter().rev() {
        let state = &mut work.states[image];
        if state.layers.len() == 1 {
            state.note("the only layer stays, though nothing is left in it".to_owned());
            return;
        }
        state.forget_history(position);
        if let PlannedLayer::Made(layer) = state.layers.remove(position) {
            state.untold.remove(&layer);
            if let Some(position) = work.layers[layer].stands_for() {
                let files = std::mem::take(&mut work.layers[layer].files);
                state.removed.push(RemovedLayer { position, files });
            }
        }
    }
    let state = &mut work.states[image];
    let tree = state.tree_of(&state.layers);
    state.tree = Some(tree.expect("what changes nothing is not missed"));
}
