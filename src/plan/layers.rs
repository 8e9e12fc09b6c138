//! New layers: what a source directory comes to over the tree of the image as it is by then.

use super::{AddedLayer, Change, Effect, FileChange, PlannedLayer, Planning, SourceFinding};
use crate::image_path::ImagePath;
use crate::layer::{LayerContent, Metadata, Mode, Owner, SymlinkPolicy, Time, additions, compose};
use crate::patch::AddLayer;
use crate::problem::{Address, Code, Problem, quoted};
use crate::rootfs::Rootfs;
use crate::tarball::Kind;

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
        let (root, scan) = match self.sources.get(&self.id) {
            Some(SourceFinding::Directory { root, scan }) => (*root, scan),
            Some(SourceFinding::Problem(problem)) => return self.problems.push(problem.clone()),
            None => unreachable!("every source was looked at before planning"),
        };
        let from = address.clone().key("from");
        for (path, reason) in scan.problems.iter().take(MAX_PROBLEMS) {
            let message = format!("{}: {reason}", quoted(&String::from_utf8_lossy(path)));
            self.problems
                .push(Problem::new(Code::InvalidSource, from.clone(), message));
        }
        let mtime = self
            .epoch
            .map_or(0, crate::timestamp::Timestamp::unix_seconds);
        let metadata = Metadata {
            owner: Owner::Set { uid: 0, gid: 0 },
            mode: Mode::Normal,
            mtime: Time::At(mtime),
        };
        let additions = match additions(&scan.entries, root, &add.to, &metadata) {
            Ok(additions) => additions,
            Err(reason) => {
                return self.problems.push(Problem::new(
                    Code::InvalidSource,
                    from,
                    reason.to_string(),
                ));
            }
        };
        for (&image, effects) in images.iter().zip(effects) {
            let state = &mut self.states[image];
            if state.config.text("os").as_deref() == Some("windows") {
                let message = format!(
                    "{} is a Windows image, whose layers have another form",
                    quoted(&state.display_name())
                );
                let problem = Problem::new(Code::UnsupportedPlatform, address.clone(), message);
                self.problems
                    .push(problem.with_help("labels and tags of Windows images can be changed"));
                continue;
            }
            let tree = state
                .tree
                .as_mut()
                .expect("the tree was read for every image that may get a layer");
            let content = compose(&additions, tree, SymlinkPolicy::Follow, mtime);
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
                let message = format!(
                    "{} holds nothing that the image does not have",
                    quoted(&add.from)
                );
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
            tree.add_entries(
                state.layers.len(),
                content.entries.iter().map(|item| &item.entry),
            )
            .expect("what was composed over a tree fits it");
            effects.push(Effect::AddLayer {
                layer: self.layers.len(),
            });
            state.layers.push(PlannedLayer::Added(self.layers.len()));
            if state.layers.len() > DOCKER_MAX_LAYERS {
                let note = format!(
                    "more than {DOCKER_MAX_LAYERS} layers, which Docker loads only with the containerd store"
                );
                state.note(note);
            }
            self.layers.push(AddedLayer {
                from: add.from.clone(),
                content,
                files,
            });
        }
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
            Some(node) if is_directory && node.kind == Kind::Directory => continue,
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
