//! New layers: what a source directory comes to over the tree of the image as it is by then.

use super::{AddedLayer, Change, Effect, FileChange, PlannedLayer, Planning, new_files};
use crate::image_path::ImagePath;
use crate::layer::{LayerContent, Metadata, Mode, Owner, SymlinkPolicy, Time, additions, compose};
use crate::patch::{AddLayer, LayerMode, LayerOwner, LayerTime, Symlinks};
use crate::problem::{Address, Code, Problem, quoted};
use crate::rootfs::Rootfs;
use crate::tarball::Kind;
use crate::timestamp::Timestamp;

/// What Docker's own store takes (moby `layer/layer_store.go`, `maxLayerDepth`).
const DOCKER_MAX_LAYERS: usize = 125;
/// More problems of one source than anybody reads.
const MAX_PROBLEMS: usize = 20;

impl Planning<'_> {
    pub(super) fn add_layer(
        &mut self,
        add: &AddLayer,
        images: &[usize],
        address: &Address,
        effects: &mut [Vec<Effect>],
    ) {
        let finding = self
            .sources
            .get(&self.id)
            .expect("every source was looked at before planning");
        if !finding.problems.is_empty() {
            return self.problems.extend(finding.problems.iter().cloned());
        }
        let from = address
            .clone()
            .key(if add.from.is_some() { "from" } else { "files" });
        let epoch = self.epoch.map_or(0, Timestamp::unix_seconds);
        let metadata = metadata(add, epoch);
        let mut from_directory = Vec::new();
        if let Some((root, scan)) = &finding.directory {
            for (path, reason) in scan.problems.iter().take(MAX_PROBLEMS) {
                let message = format!("{}: {reason}", quoted(&String::from_utf8_lossy(path)));
                self.problems
                    .push(Problem::new(Code::InvalidSource, from.clone(), message));
            }
            match additions(&scan.entries, *root, &add.to, &metadata) {
                Ok(additions) => from_directory = additions,
                Err(reason) => {
                    let message = reason.to_string();
                    let problem = Problem::new(Code::InvalidSource, from, message);
                    return self.problems.push(problem);
                }
            }
        }
        if self.is_for_windows(images, address) {
            return;
        }
        for (&image, effects) in images.iter().zip(effects) {
            let state = &mut self.states[image];
            let tree = state
                .tree
                .as_mut()
                .expect("the tree was read for every image that may get a layer");
            let mut additions = from_directory.clone();
            let found = new_files::add(&mut additions, add, finding, &metadata, tree);
            if let Err((i, message)) = found {
                let address = address.clone().key("files").index(i).key("hardlink");
                let problem = Problem::new(Code::LayerConflict, address, message);
                let help = "a hard link reaches only files of the same layer; write `symlink`";
                self.problems.push(problem.with_help(help));
                continue;
            }
            let content = compose(&additions, tree, policy(add.symlinks), epoch);
            if !content.problems.is_empty() {
                for problem in content.problems.iter().take(MAX_PROBLEMS) {
                    let message =
                        format!("{}: {}", quoted(&problem.path.to_text()), problem.reason);
                    self.problems
                        .push(Problem::new(Code::LayerConflict, from.clone(), message));
                }
                continue;
            }
            if content.n_added + content.n_changed + content.n_directories_added == 0 {
                let holder = add.from.as_deref().map_or("`files`".to_owned(), quoted);
                let message = format!("{holder} holds nothing that the image does not have");
                let problem = Problem::new(Code::Empty, from.clone(), message);
                self.problems.push(
                    problem
                        .with_help("git does not keep empty directories; put the files in place"),
                );
                continue;
            }
            state
                .notes
                .extend(content.notes.iter().map(ToString::to_string));
            let files = changes(&content, tree);
            let added = AddedLayer {
                from: add.from.clone(),
                created_by: add.created_by.clone(),
                content,
                files,
            };
            effects.push(self.lay(image, added));
        }
    }

    /// Lays a layer on top of an image.
    pub(super) fn lay(&mut self, image: usize, added: AddedLayer) -> Effect {
        let layer = self.layers.len();
        let state = &mut self.states[image];
        let place = state.place_of_added(layer);
        let entries = added.content.entries.iter().map(|item| &item.entry);
        let tree = state.tree.as_mut().expect("a layer is made over a tree");
        tree.add_entries(place, entries)
            .expect("what was composed over a tree fits it");
        state.layers.push(PlannedLayer::Added(layer));
        if state.layers.len() > DOCKER_MAX_LAYERS {
            state.note(format!(
                "more than {DOCKER_MAX_LAYERS} layers, which Docker loads only with the containerd store"
            ));
        }
        self.layers.push(added);
        Effect::AddLayer { layer }
    }

    /// Tells whether one of the images is for Windows, which is a problem.
    pub(super) fn is_for_windows(&mut self, images: &[usize], address: &Address) -> bool {
        let n_before = self.problems.len();
        for &image in images {
            let state = &self.states[image];
            if state.is_windows() {
                let name = quoted(&state.display_name());
                let message = format!("{name} is a Windows image, whose layers have another form");
                let problem = Problem::new(Code::UnsupportedPlatform, address.clone(), message);
                self.problems
                    .push(problem.with_help("labels and tags of Windows images can be changed"));
            }
        }
        self.problems.len() > n_before
    }
}

fn metadata(add: &AddLayer, epoch: i64) -> Metadata {
    Metadata {
        owner: match add.owner {
            LayerOwner::Ids(uid, gid) => Owner::Set {
                uid: uid.into(),
                gid: gid.into(),
            },
            LayerOwner::Keep => Owner::Keep,
        },
        mode: match add.mode {
            LayerMode::Normal => Mode::Normal,
            LayerMode::Keep => Mode::Keep,
        },
        mtime: match &add.mtime {
            LayerTime::Epoch => Time::At(epoch),
            LayerTime::At(time) => Time::At(time.unix_seconds()),
            LayerTime::Keep => Time::Keep,
        },
    }
}

fn policy(symlinks: Symlinks) -> SymlinkPolicy {
    match symlinks {
        Symlinks::Follow => SymlinkPolicy::Follow,
        Symlinks::Replace => SymlinkPolicy::Replace,
        Symlinks::Error => SymlinkPolicy::Error,
    }
}

/// What a layer changes: every entry but the directories that are there already.
fn changes(content: &LayerContent, tree: &Rootfs) -> Vec<FileChange> {
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
        let slash = if is_directory { "/" } else { "" };
        files.push(FileChange {
            change,
            path: format!("{path}{slash}"),
        });
    }
    files
}
