//! An image between two operations.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::claims::Claims;
use super::effort::Effort;
use super::stack::Logs;
use super::variables::Variables;
use super::{FileChange, InventoryImage, PlannedLayer, RemovedLayer, Step};
use crate::annotation::{ImageAnnotations, Referring};
use crate::compression::Compression;
use crate::digest::{DiffId, Digest};
use crate::image::Config;
use crate::image_path::ImagePath;
use crate::layer::Data;
use crate::ordered::OrderedMap;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::rootfs::{Content, Rootfs};

/// The layer on top, if operations of the current patch have made it to change files: later ones change more in it.
pub(crate) struct OpenLayer {
    /// Its index in the plan.
    pub(crate) layer: usize,
    /// The tree without it; nothing once operations have changed the layers, whose entries were read then.
    pub(crate) below: Option<Rootfs>,
    pub(crate) created_by: Option<String>,
    /// What later operations have changed, for people. Their entries stand behind those of the layer; what all of them come
    /// to is laid out once, when somebody looks at the layer.
    pub(crate) later: Vec<Vec<FileChange>>,
}

/// The patches of a run that have changed an image, and whether one of them wants that told.
#[derive(Debug, Default)]
pub(crate) struct PatchRecord {
    pub(crate) is_wanted: bool,
    pub(crate) patches: Vec<String>,
}

/// An image as the operations so far have left it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub(crate) struct ImageState {
    pub(crate) image_id: Digest,
    pub(crate) config: Config,
    pub(crate) tags: OrderedMap<Reference, ()>,
    pub(crate) group: usize,
    /// Whether there are other images, for other platforms, under its names.
    pub(crate) is_one_of_several: bool,
    pub(crate) platform: Platform,
    pub(crate) digests: Vec<Digest>,
    pub(crate) referrers: Referring,
    pub(crate) keeps_referrers: bool,
    pub(crate) annotations: ImageAnnotations,
    pub(crate) old_annotations: ImageAnnotations,
    pub(crate) is_index_referred_to: bool,
    /// Whether an operation has given it a time, which the environment then does not.
    pub(crate) has_own_time: bool,
    /// What the operations so far have wanted of it.
    pub(crate) claims: Claims,
    /// Whether the patches so far have changed anything but names.
    pub(crate) is_changed: bool,
    pub(crate) layers: Vec<PlannedLayer>,
    /// The lowest layer that the archive leaves out.
    pub(crate) absent_layer: Option<String>,
    pub(crate) tree: Option<Rootfs>,
    /// What contents of its files hash to, where a precondition asks for it.
    pub(crate) contents: HashMap<Content, Digest>,
    pub(crate) steps: Vec<Step>,
    pub(crate) notes: Vec<String>,
    noted: HashSet<String>,
    /// The layers that went.
    pub(crate) removed: Vec<RemovedLayer>,
    /// The files that were purged, and their contents.
    pub(crate) purged: Vec<(ImagePath, Data)>,
    /// How the layers of the image as it is are compressed, and those that are to be so in another way.
    pub(crate) compressions: Vec<Compression>,
    pub(crate) recompressed: BTreeMap<usize, Compression>,
    /// What the streams of its layers hold, where an operation asks for it.
    pub(crate) logs: Option<Logs>,
    /// The layer on top, where later operations of the patch may change more files.
    pub(crate) open_layer: Option<OpenLayer>,
    /// The made layers that the history does not tell of yet.
    pub(crate) untold: BTreeSet<usize>,
    /// How often a layer was made anew without another coming or going.
    pub(crate) n_rewrites: usize,
    /// The layers when the current patch began.
    pub(crate) layers_before: Vec<PlannedLayer>,
    /// The diff ids of the image as it is in the archive.
    pub(crate) old_diff_ids: Vec<DiffId>,
    /// Whether the history told of every layer to begin with.
    pub(crate) has_full_history: bool,
    /// Which patches have changed it.
    pub(crate) provenance: PatchRecord,
    /// Where its variables are, once an operation has asked.
    pub(crate) variables: Option<Variables>,
    /// What the plan may go through, all images together.
    pub(crate) effort: Rc<Effort>,
}

impl ImageState {
    pub(crate) fn new(image: &InventoryImage, is_one_of_several: bool, effort: Rc<Effort>) -> Self {
        let n_layers = image.layer_sizes.len();
        let layers: Vec<PlannedLayer> = (0..n_layers).map(PlannedLayer::Kept).collect();
        // Of no layers an empty history tells everything.
        let has_empty = n_layers == 0 && image.config.document().root.field("history").is_some();
        let has_history = has_empty || image.config.history().next().is_some();
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
            absent_layer: image.absent_layer.clone(),
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
            provenance: PatchRecord::default(),
            variables: None,
            effort,
        }
    }

    /// Returns a name for messages.
    pub(crate) fn display_name(&self) -> String {
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
    pub(crate) fn note(&mut self, note: String) {
        if self.noted.insert(note.clone()) {
            self.notes.push(note);
        }
    }

    /// Adds notes of a new layer, of which two may be alike.
    pub(crate) fn note_all(&mut self, notes: impl Iterator<Item = String>) {
        for note in notes {
            self.noted.insert(note.clone());
            self.notes.push(note);
        }
    }

    /// Tells whether the image is for Windows, where layers have another form and names of variables no case.
    pub(crate) fn is_windows(&self) -> bool {
        self.config.is_windows()
    }
}
