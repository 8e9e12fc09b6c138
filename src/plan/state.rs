//! An image between two operations.

use std::collections::{BTreeSet, HashMap};

use super::claims::Claim;
use super::provenance::Provenance;
use super::{ImagePlan, InventoryImage, PlannedLayer, RemovedLayer, Step};
use crate::annotation::ImageAnnotations;
use crate::config_field::ConfigField;
use crate::digest::{DiffId, Digest};
use crate::image::json::Value;
use crate::image::{Config, HistoryEntry};
use crate::image_path::ImagePath;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::rootfs::{Content, Node, Rootfs};
use crate::tarball::Kind;
use crate::timestamp::Timestamp;

/// `BuildKit`'s inline cache, keyed by the layers of the image.
const BUILD_CACHE: &str = "moby.buildkit.cache.v0";

/// An image as the operations so far have left it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts that do not depend on each other"
)]
pub(super) struct State {
    pub(super) image_id: Digest,
    pub(super) config: Config,
    pub(super) tags: Vec<Reference>,
    pub(super) group: usize,
    /// Whether there are other images, for other platforms, under its names.
    pub(super) is_one_of_several: bool,
    pub(super) platform: Platform,
    pub(super) digests: Vec<Digest>,
    pub(super) referrers: Vec<String>,
    pub(super) keeps_referrers: bool,
    pub(super) annotations: ImageAnnotations,
    old_annotations: ImageAnnotations,
    pub(super) is_index_referred_to: bool,
    /// Whether an operation has given it a time, which the environment then does not.
    pub(super) has_own_time: bool,
    /// What the operations so far have wanted of it.
    pub(super) claims: Vec<Claim>,
    /// Whether the patches so far have changed anything but names.
    pub(super) is_changed: bool,
    pub(super) layers: Vec<PlannedLayer>,
    pub(super) tree: Option<Rootfs>,
    /// What contents of its files hash to, where a precondition asks for it.
    pub(super) contents: HashMap<Content, Digest>,
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<String>,
    /// The layers that went.
    pub(super) removed: Vec<RemovedLayer>,
    /// The layers when the current patch began.
    layers_before: Vec<PlannedLayer>,
    /// The diff ids of the image as it is in the archive.
    old_diff_ids: Vec<DiffId>,
    /// Whether the history told of every layer to begin with.
    pub(super) has_full_history: bool,
    /// Which patches have changed it.
    pub(super) provenance: Provenance,
}

impl State {
    pub(super) fn new(image: &mut InventoryImage, is_one_of_several: bool) -> Self {
        let n_layers = image.layer_sizes.len();
        let layers: Vec<PlannedLayer> = (0..n_layers).map(PlannedLayer::Kept).collect();
        let has_history = image.config.history().next().is_some();
        Self {
            image_id: image.image_id,
            config: image.config.clone(),
            tags: image.tags.clone(),
            group: image.group,
            is_one_of_several,
            platform: image.config.platform(),
            digests: std::mem::take(&mut image.digests),
            referrers: std::mem::take(&mut image.referrers),
            keeps_referrers: true,
            annotations: image.annotations.clone(),
            old_annotations: std::mem::take(&mut image.annotations),
            is_index_referred_to: image.is_index_referred_to,
            has_own_time: false,
            claims: Vec::new(),
            is_changed: false,
            layers: layers.clone(),
            tree: image.tree.take(),
            contents: std::mem::take(&mut image.contents),
            steps: Vec::new(),
            notes: Vec::new(),
            removed: Vec::new(),
            layers_before: layers,
            old_diff_ids: image.config.diff_ids().to_vec(),
            has_full_history: has_history && image.config.n_history_layers() == n_layers,
            provenance: Provenance::default(),
        }
    }

    /// Returns a name for messages.
    pub(super) fn display_name(&self) -> String {
        let name = self
            .tags
            .first()
            .map_or_else(|| self.image_id.short(), Reference::familiar);
        if self.is_one_of_several {
            return format!("{name} ({})", self.platform);
        }
        name
    }

    /// Returns the diff id of a layer, unless it is an added one, which nobody has read yet.
    pub(super) fn diff_id(&self, position: usize) -> Option<DiffId> {
        match *self.layers.get(position)? {
            PlannedLayer::Kept(kept) => Some(self.old_diff_ids[kept]),
            PlannedLayer::Added(_) => None,
        }
    }

    /// Returns the place in the file tree for the layer at `index` of the plan: no layer of the image has it.
    pub(super) fn place_of_added(&self, index: usize) -> usize {
        self.old_diff_ids.len() + index
    }

    /// Returns a path among `paths` or below one that an operation of the plan has added.
    pub(super) fn first_added(&self, paths: &BTreeSet<ImagePath>) -> Option<ImagePath> {
        let tree = self.tree.as_ref()?;
        let is_added = |node: &Node| node.layer >= self.old_diff_ids.len();
        paths.iter().find_map(|path| {
            if tree
                .get(path)
                .is_some_and(|node| node.kind != Kind::Directory && is_added(node))
            {
                return Some(path.clone());
            }
            let mut below = tree.below(path);
            below
                .find(|(_, node)| node.kind != Kind::Directory && is_added(node))
                .map(|(path, _)| path)
        })
    }

    /// Adds a note, once.
    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Tells whether the image is for Windows, where layers have another form and names of variables no case.
    pub(super) fn is_windows(&self) -> bool {
        self.config.text("os").as_deref() == Some("windows")
    }

    /// Adds what every change brings along: the time, where one is given, and history.
    pub(super) fn end_patch(
        &mut self,
        before: &Config,
        entries: &[HistoryEntry],
        epoch: Option<&Timestamp>,
    ) {
        let has_layers = self.layers != self.layers_before;
        self.layers_before.clone_from(&self.layers);
        if !has_layers && self.config == *before {
            return;
        }
        self.is_changed = true;
        if has_layers && self.config.remove_root(BUILD_CACHE) {
            self.note(format!(
                "`{BUILD_CACHE}` is dropped: it speaks of the layers as they were"
            ));
        }
        if let Some(epoch) = epoch.filter(|_| !self.has_own_time) {
            let time = Value::text(epoch.as_str());
            self.config.set_field(ConfigField::Created, time);
        }
        if !self.has_full_history {
            self.note("the history does not tell of every layer; it stays as it is".to_owned());
            return;
        }
        for entry in entries {
            self.config.push_history(entry);
        }
    }

    pub(super) fn into_plan(mut self) -> ImagePlan {
        Provenance::annotate(&mut self);
        let Self {
            config,
            layers,
            tags,
            keeps_referrers,
            removed,
            steps,
            notes,
            annotations,
            old_annotations,
            ..
        } = self;
        ImagePlan {
            config,
            layers,
            tags,
            annotations: old_annotations.edits(&annotations),
            keeps_referrers,
            removed,
            steps,
            notes,
        }
    }
}
