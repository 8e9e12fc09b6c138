//! Paths that go out of every layer, so that nobody finds them in the archive.

use std::collections::{BTreeSet, HashMap};

use super::matching::PathPattern;
use super::removal::{refuse_added, tell_missing, topmost};
use crate::image_path::ImagePath;
use crate::layer::GroupEdit;
use crate::patch::PathRemoval;
use crate::plan::layers::rewrites::{Edits, LayerEdits, tree_with};
use crate::plan::state::State;
use crate::plan::work::Work;
use crate::plan::{Change, FileChange, PlannedLayer, RemovedLayer, tree_changes};
use crate::problem::{Code, quoted};
use crate::rootfs::{
    Content, LoggedEntry, Node, PSEUDO_LINKS, PathSet, Resolution, Rootfs, WHITEOUT,
};
use crate::tarball::{HeaderChange, Kind};

const OPAQUE: &[u8] = b".wh..wh..opq";

pub(in crate::plan) fn purge(work: &mut Work<'_>, removal: &PathRemoval) {
    let address = work.address.clone();
    let mut is_found = vec![false; removal.patterns.len()];
    for i in 0..work.images.len() {
        if !work.may_go_on() {
            return;
        }
        let image = work.images[i];
        let state = &work.states[image];
        let (paths, notes) = find(state, removal, &mut is_found);
        if work.effort.is_spent() {
            return;
        }
        if paths.is_empty() {
            continue;
        }
        if let Some(path) = state.first_added(&paths) {
            refuse_added(work, &path);
            continue;
        }
        let paths = PathSet::topmost(&paths);
        let (edits, has_heirs) = edits(state, &paths);
        if let Some(lost) = first_lost(state, &edits, &paths) {
            let reason = if paths.covers(&lost) {
                "would be there again: a layer has other files by way of it"
            } else if has_heirs {
                "would become another: in the order of its layer, a hard link cannot take the place of what goes"
            } else {
                "would become another: a layer has it by way of what goes"
            };
            let (lost, name) = (quoted(&lost.to_text()), quoted(&state.display_name()));
            let message = format!("{lost} of {name} {reason}");
            let help = "`squash` before it puts layers in order";
            work.problem(Code::LayerConflict, address.clone(), message, help);
            continue;
        }
        for note in notes {
            work.states[image].note(note);
        }
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
    tell_missing(work, removal, &is_found);
}

/// Returns the topmost of the real paths that the patterns find in the image as any of its layers left it, and notes on
/// how they lead there.
fn find(
    state: &State,
    removal: &PathRemoval,
    is_found: &mut [bool],
) -> (BTreeSet<ImagePath>, Vec<String>) {
    let (mut paths, mut notes) = (BTreeSet::new(), Vec::new());
    let patterns: Vec<PathPattern<'_>> = removal.patterns.iter().map(PathPattern::new).collect();
    // Where each of them led in the tree below.
    let mut starts: Vec<Option<ImagePath>> = vec![None; patterns.len()];
    each_tree(state, |tree| {
        for (p, pattern) in patterns.iter().enumerate() {
            let start = pattern.start(tree);
            let is_same = start == starts[p];
            starts[p] = start;
            let Some(start) = &starts[p] else { continue };
            // What the layer has not put was found below it.
            let walk = if is_same {
                Rootfs::newest_below
            } else {
                Rootfs::below
            };
            let mut found = BTreeSet::new();
            pattern.find(tree, start, walk, &state.effort, &mut found);
            if found.is_empty() {
                continue;
            }
            is_found[p] = true;
            notes.extend(pattern.through_link(start));
            paths.extend(found);
        }
    });
    (topmost(&paths), notes)
}

/// Calls `look` with the tree that each layer leaves, from the base up.
fn each_tree(state: &State, mut look: impl FnMut(&Rootfs)) {
    let logs = state.logs.as_ref().expect("the layers were read");
    let mut tree = Rootfs::new();
    for layer in &state.layers {
        let place = state.place(*layer);
        tree.add_logged(place, &logs[&place])
            .expect("the layers fitted each other when they were read");
        look(&tree);
    }
}

/// Returns the first path at which the image would show something else than before, `paths` and what is below them left
/// out; of those the first one that would still be there. A directory may go that is there for what was in it only.
fn first_lost(state: &State, edits: &LayerEdits, paths: &PathSet) -> Option<ImagePath> {
    let was = state.tree.as_ref().expect("the tree was read");
    // What does not fit at all is told when the layers are changed.
    let is = tree_with(state, edits).ok()?;
    let is_kept = |(path, node): &(ImagePath, &Node)| match is.get(path) {
        None => node.is_implied || paths.covers(path),
        Some(other) => !paths.covers(path) && is_like(node, other),
    };
    let is_new = |(path, _): &(ImagePath, &Node)| was.get(path).is_none();
    let lost = was.iter().find(|found| !is_kept(found));
    let lost = lost.or_else(|| is.iter().find(is_new));
    lost.map(|(path, _)| path)
}

/// Tells whether two trees show the same at a path, whichever entries brought it.
fn is_like(one: &Node, other: &Node) -> bool {
    let is_directory = one.kind == Kind::Directory;
    let content = if is_directory {
        one.content
    } else {
        other.content
    };
    let brought = Node {
        layer: one.layer,
        entry_offset: one.entry_offset,
        inode: one.inode,
        content,
        ..other.clone()
    };
    *one == brought
}

/// Returns what becomes of the layers in which something of `paths` is, and whether hard links take the place of what goes.
fn edits(state: &State, paths: &PathSet) -> (LayerEdits, bool) {
    let logs = state.logs.as_ref().expect("the layers were read");
    let mut tree = Rootfs::new();
    let (mut edits, mut has_heirs) = (LayerEdits::new(), false);
    for layer in &state.layers {
        let place = state.place(*layer);
        let mut looking = Looking {
            paths,
            edits: Edits::new(),
            files: Vec::new(),
            names: Vec::new(),
            by_content: HashMap::new(),
            by_pseudo_link: HashMap::new(),
        };
        tree.add_watched(place, &logs[&place], |tree, logged| {
            looking.look(tree, logged);
        })
        .expect("the layers fitted each other when they were read");
        for names in looking.names {
            has_heirs |= names.rehome(&mut looking.edits);
        }
        if !looking.edits.is_empty() {
            edits.insert(place, (looking.edits, looking.files));
        }
    }
    (edits, has_heirs)
}

/// One layer that is looked through.
struct Looking<'a> {
    paths: &'a PathSet,
    edits: Edits,
    files: Vec<FileChange>,
    /// What is no directory, with all names that it has in the layer.
    names: Vec<Names<'a>>,
    by_content: HashMap<Content, usize>,
    /// What is under a name of AUFS, which is that of no file.
    by_pseudo_link: HashMap<ImagePath, usize>,
}

/// The names of one file in a layer, the one with the content first.
#[derive(Default)]
struct Names<'a> {
    all: Vec<Name<'a>>,
}

struct Name<'a> {
    logged: &'a LoggedEntry,
    goes: bool,
}

impl<'a> Looking<'a> {
    /// Looks at an entry that comes to a tree.
    fn look(&mut self, tree: &Rootfs, logged: &'a LoggedEntry) {
        let entry = &logged.entry;
        let path = ImagePath::confined(&entry.name);
        let goes = self.goes(tree, &path, entry.kind);
        if goes {
            self.edits.insert(logged.content.offset, GroupEdit::Drop);
        }
        let is_pseudo_link = |path: &ImagePath| path.components().next() == Some(PSEUDO_LINKS);
        let names = match entry.kind {
            Kind::Directory | Kind::Global => return,
            Kind::HardLink => {
                let target = ImagePath::confined(&entry.link_name);
                let found = if is_pseudo_link(&target) {
                    self.by_pseudo_link.get(&target)
                } else if let Resolution::Found { path } = tree.locate(&target) {
                    let node = tree.get(&path).expect("what was found is there");
                    self.by_content.get(&node.content)
                } else {
                    None
                };
                let Some(&names) = found else { return };
                names
            }
            _ => {
                let names = self.names.len();
                self.names.push(Names::default());
                if is_pseudo_link(&path) {
                    self.by_pseudo_link.insert(path.clone(), names);
                } else {
                    self.by_content.insert(logged.content, names);
                }
                names
            }
        };
        self.names[names].all.push(Name { logged, goes });
    }

    /// Tells whether an entry of this name is to go: what it puts, hides or describes is at one of the paths or below it.
    fn goes(&mut self, tree: &Rootfs, name: &ImagePath, kind: Kind) -> bool {
        let real = real_path(tree, name);
        let (Some(parent), Some(last)) = (real.parent(), real.file_name()) else {
            return false;
        };
        match last.strip_prefix(WHITEOUT) {
            Some(_) if last == OPAQUE => self.paths.covers(&parent),
            Some(b"") => false,
            Some(hidden) => self.paths.covers(&parent.join(hidden)),
            None => {
                if self.paths.contains(&real) {
                    let change = tree_changes::file_change(Change::Removed, &real, kind);
                    self.files.push(change);
                }
                self.paths.covers(&real)
            }
        }
    }
}

impl Names<'_> {
    /// Where the name with the content goes, the next one takes its place in the stream; links to a name that went lead to
    /// the one with the content. Tells whether any does.
    fn rehome(self, edits: &mut Edits) -> bool {
        let Some(Name {
            logged: bearer,
            goes,
        }) = self.all.first()
        else {
            return false;
        };
        if ImagePath::confined(&bearer.entry.name).components().next() == Some(PSEUDO_LINKS) {
            // No file has that name: it goes with the last one that leads there.
            if self.all.len() > 1 && self.all[1..].iter().all(|name| name.goes) {
                edits.insert(bearer.content.offset, GroupEdit::Drop);
            }
            return false;
        }
        let (bearer, bearer_goes, n_names) = (*bearer, *goes, self.all.len());
        let stays: Vec<Name<'_>> = self.all.into_iter().filter(|name| !name.goes).collect();
        let Some(first) = stays.first().filter(|_| stays.len() < n_names) else {
            return false;
        };
        let change = |header| GroupEdit::Change {
            header,
            content: None,
        };
        if bearer_goes {
            let header = HeaderChange {
                name: Some(first.logged.entry.name.clone()),
                ..HeaderChange::default()
            };
            edits.insert(bearer.content.offset, change(header));
            edits.insert(first.logged.content.offset, GroupEdit::Drop);
        }
        let spelled = &first.logged.entry.name;
        let target = match ImagePath::from_entry_name(spelled) {
            Ok(_) => spelled.clone(),
            // As a name `..` stays in the root, as a target it does not.
            Err(_) => ImagePath::confined(spelled).entry_name().to_vec(),
        };
        for link in &stays[1..] {
            let header = HeaderChange {
                link_name: Some(target.clone()),
                ..HeaderChange::default()
            };
            edits.insert(link.logged.content.offset, change(header));
        }
        bearer_goes
    }
}

/// Returns where an entry of that name comes to be. Behind what is in the way nothing but the name says what is meant.
fn real_path(tree: &Rootfs, name: &ImagePath) -> ImagePath {
    let (Some(parent), Some(last)) = (name.parent(), name.file_name()) else {
        return name.clone();
    };
    tree.directory_at(&parent).unwrap_or(parent).join(last)
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
        state.forget_history(position..position + 1);
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
