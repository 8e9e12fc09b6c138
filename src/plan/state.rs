//! An image between two operations.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::claims::Claims;
use super::effort::Effort;
use super::files::remains::remains;
use super::history::Told;
use super::provenance::Provenance;
use super::stack::Logs;
use super::variables::Variables;
use super::{
    FileChange, ImagePlan, InventoryImage, MadeLayer, PlannedLayer, Recompressed, RemovedLayer,
    Step,
};
use crate::annotation::{ImageAnnotations, Referring};
use crate::compression::Compression;
use crate::config_field::ConfigField;
use crate::digest::{DiffId, Digest};
use crate::image::Config;
use crate::image::json::Value;
use crate::image_path::ImagePath;
use crate::layer::Data;
use crate::ordered::OrderedMap;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::rootfs::{Content, Rootfs};
use crate::timestamp::Timestamp;

/// `BuildKit`'s inline cache, keyed by the layers of the image.
const BUILD_CACHE: &str = "moby.buildkit.cache.v0";

/// The layer on top, if operations of the current patch have made it to change files: later ones change more in it.
pub(super) struct OpenLayer {
    /// Its index in the plan.
    pub(super) layer: usize,
    /// The tree without it; nothing once operations have changed the layers, whose entries were read then.
    pub(super) below: Option<Rootfs>,
    pub(super) created_by: Option<String>,
    /// What later operations have changed, for people. Their entries stand behind those of the layer; what all of them come
    /// to is laid out once, when somebody looks at the layer.
    pub(super) later: Vec<Vec<FileChange>>,
}

/// An image as the operations so far have left it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub(super) struct State {
    pub(super) image_id: Digest,
    pub(super) config: Config,
    pub(super) tags: OrderedMap<Reference, ()>,
    pub(super) group: usize,
    /// Whether there are other images, for other platforms, under its names.
    pub(super) is_one_of_several: bool,
    pub(super) platform: Platform,
    pub(super) digests: Vec<Digest>,
    pub(super) referrers: Referring,
    pub(super) keeps_referrers: bool,
    pub(super) annotations: ImageAnnotations,
    old_annotations: ImageAnnotations,
    pub(super) is_index_referred_to: bool,
    /// Whether an operation has given it a time, which the environment then does not.
    pub(super) has_own_time: bool,
    /// What the operations so far have wanted of it.
    pub(super) claims: Claims,
    /// Whether the patches so far have changed anything but names.
    pub(super) is_changed: bool,
    pub(super) layers: Vec<PlannedLayer>,
    pub(super) tree: Option<Rootfs>,
    /// What contents of its files hash to, where a precondition asks for it.
    pub(super) contents: HashMap<Content, Digest>,
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<String>,
    noted: HashSet<String>,
    /// The layers that went.
    pub(super) removed: Vec<RemovedLayer>,
    /// The files that were purged, and their contents.
    pub(super) purged: Vec<(ImagePath, Data)>,
    /// How the layers of the image as it is are compressed, and those that are to be so in another way.
    pub(super) compressions: Vec<Compression>,
    pub(super) recompressed: BTreeMap<usize, Compression>,
    /// What the streams of its layers hold, where an operation asks for it.
    pub(super) logs: Option<Logs>,
    /// The layer on top, where later operations of the patch may change more files.
    pub(super) open_layer: Option<OpenLayer>,
    /// The made layers that the history does not tell of yet.
    pub(super) untold: BTreeSet<usize>,
    /// How often a layer was made anew without another coming or going.
    pub(super) n_rewrites: usize,
    /// The layers when the current patch began.
    layers_before: Vec<PlannedLayer>,
    /// The diff ids of the image as it is in the archive.
    pub(super) old_diff_ids: Vec<DiffId>,
    /// Whether the history told of every layer to begin with.
    pub(super) has_full_history: bool,
    /// Which patches have changed it.
    pub(super) provenance: Provenance,
    /// Where its variables are, once an operation has asked.
    pub(super) variables: Option<Variables>,
    /// What the plan may go through, all images together.
    pub(super) effort: Rc<Effort>,
}

impl State {
    pub(super) fn new(image: &InventoryImage, is_one_of_several: bool, effort: Rc<Effort>) -> Self {
        let n_layers = image.layer_sizes.len();
        let layers: Vec<PlannedLayer> = (0..n_layers).map(PlannedLayer::Kept).collect();
        let has_history = image.config.history().next().is_some();
        Self {
            image_id: image.image_id,
            config: image.config.clone(),
            tags: image.tags.iter().map(|tag| (tag.clone(), ())).collect(),
            group: image.group,
            is_one_of_several,
            platform: image.config.platform(),
            digests: image.digests.clone(),
            referrers: image.referrers.clone(),
            keeps_referrers: true,
            annotations: image.annotations.clone(),
            old_annotations: image.annotations.clone(),
            is_index_referred_to: image.is_index_referred_to,
            has_own_time: false,
            claims: Claims::default(),
            is_changed: false,
            layers: layers.clone(),
            tree: image.tree.clone(),
            contents: image.contents.clone(),
            steps: Vec::new(),
            notes: Vec::new(),
            noted: HashSet::new(),
            removed: Vec::new(),
            purged: Vec::new(),
            compressions: image.layer_compressions.clone(),
            recompressed: BTreeMap::new(),
            logs: image.logs.clone(),
            open_layer: None,
            untold: BTreeSet::new(),
            n_rewrites: 0,
            layers_before: layers,
            old_diff_ids: image.config.diff_ids().to_vec(),
            has_full_history: has_history && image.config.n_history_layers() == n_layers,
            provenance: Provenance::default(),
            variables: None,
            effort,
        }
    }

    /// Returns a name for messages.
    pub(super) fn display_name(&self) -> String {
        let name = self
            .tags
            .keys()
            .next()
            .map_or_else(|| self.image_id.short(), Reference::familiar);
        if self.is_one_of_several {
            return format!("{name} ({})", self.platform);
        }
        name
    }

    /// Adds a note, once.
    pub(super) fn note(&mut self, note: String) {
        if self.noted.insert(note.clone()) {
            self.notes.push(note);
        }
    }

    /// Adds notes of a new layer, of which two may be alike.
    pub(super) fn note_all(&mut self, notes: impl Iterator<Item = String>) {
        for note in notes {
            self.noted.insert(note.clone());
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
        told: Vec<Told>,
        epoch: Option<&Timestamp>,
    ) {
        self.open_layer = None;
        let has_layers = self.layers != self.layers_before;
        self.layers_before.clone_from(&self.layers);
        if !has_layers && self.config == *before {
            return;
        }
        self.is_changed = true;
        if has_layers && self.config.remove_root(BUILD_CACHE) {
            self.note(format!(
                "`{BUILD_CACHE}` is removed: it describes the old layers"
            ));
        }
        if let Some(epoch) = epoch.filter(|_| !self.has_own_time) {
            let time = Value::text(epoch.as_str());
            self.config.set_field(ConfigField::Created, time);
        }
        if !self.has_full_history {
            self.note("the history does not cover every layer; it stays as it is".to_owned());
            return;
        }
        for told in told {
            self.tell(&told);
        }
    }

    /// Adds a history entry: at the end, or among the others where the layer that it tells of is among others.
    fn tell(&mut self, told: &Told) {
        let is_it = |layer: &PlannedLayer| told.layer.map(PlannedLayer::Made) == Some(*layer);
        let place = self.layers.iter().position(is_it);
        if told.layer.is_some() && place.is_none() {
            // A later operation has made another layer of it.
            return;
        }
        let (below, above) = self.layers.split_at(place.unwrap_or(self.layers.len()));
        if self.n_told(above) > 0 {
            let n_below = self.n_told(below);
            self.config.insert_layer_history(n_below, &told.entry);
        } else {
            self.config.push_history(&told.entry);
        }
        if let Some(layer) = &told.layer {
            self.untold.remove(layer);
        }
    }

    pub(super) fn into_plan(mut self, made: &[MadeLayer]) -> ImagePlan {
        Provenance::annotate(&mut self);
        let purged = std::mem::take(&mut self.purged);
        let remains = remains(&self, purged, made);
        let Self {
            config,
            layers,
            recompressed,
            tags,
            keeps_referrers,
            removed,
            steps,
            notes,
            annotations,
            old_annotations,
            ..
        } = self;
        let recompressed = recompressed.into_iter().map(Recompressed::new).collect();
        ImagePlan {
            config,
            layers,
            recompressed,
            tags: tags.keys().cloned().collect(),
            annotations: old_annotations.edits(&annotations),
            keeps_referrers,
            removed,
            remains,
            steps,
            notes,
        }
    }
}
