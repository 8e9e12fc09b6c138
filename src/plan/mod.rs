//! From patches and an image to what will be done. Pure: no file is touched, nothing is hashed.
//!
//! Later operations see what earlier ones did, as in `git apply`. Either every operation fits and there is a [`Plan`],
//! or every problem of every patch is returned at once.

mod check;
mod expect;
mod expect_path;
mod history;
mod inventory;
mod packing;
mod provenance;
mod referrers;
mod run;
mod target;

use std::sync::Arc;

use crate::annotation::AnnotationEdit;
use crate::edit::ImageState;
pub use crate::edit::effort::{MAX_LAID_ENTRIES, MAX_LAID_TIMES};
use crate::edit::remains::remains;
pub use crate::edit::{
    BaseCandidate, BaseLayer, Change, Effect, FileChange, HostSource, InventoryImage, LayerSource,
    MadeContent, MadeLayer, PlacedContent, PlannedLayer, Recompressed, Remains, RemovedLayer, Step,
    TextChange, Texts, WantedText,
};
use crate::image::Config;
use crate::image_path::ImagePath;
use crate::patch::PatchFile;
use crate::problem::Rejected;
use crate::reference::Reference;
use crate::secret::Secrets;
pub use check::contradictions;
pub use inventory::{Inventory, Packed, UnreadImage};
use run::Run;
pub use target::targets;

/// An operation's place: the patch file, the document in it, the operation in that, all counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OperationId {
    /// The patch file.
    pub file: usize,
    /// The document.
    pub document: usize,
    /// The operation.
    pub operation: usize,
}

/// What will be done: complete and decided, but for the digests of layers that nobody has read yet.
#[derive(Debug)]
pub struct Plan {
    /// One for each image of the archive, in its order.
    pub images: Vec<ImagePlan>,
    /// The layers to make, in the order of the plan; where a later operation made another of one, no image has that one.
    pub layers: Vec<MadeLayer>,
    /// The values that nobody is to see.
    pub secrets: Secrets,
    /// What the reader of the plan should know of the patches.
    pub notes: Vec<String>,
}

/// What an image becomes.
#[derive(Debug)]
pub struct ImagePlan {
    /// The configuration, history included; its diff ids are still those of the image as it is.
    pub config: Config,
    /// The layers from the base up.
    pub layers: Vec<PlannedLayer>,
    /// Kept layers that are stored in another way.
    pub recompressed: Vec<Recompressed>,
    /// The names, in the order in which they are written.
    pub tags: Vec<Reference>,
    /// What changes in the annotations.
    pub annotations: Vec<AnnotationEdit>,
    /// Whether what the archive says about the image is pointed at what it becomes; else that goes.
    pub keeps_referrers: bool,
    /// The layers that go.
    pub removed: Vec<RemovedLayer>,
    /// What was purged and may still be there.
    pub remains: Remains,
    /// What each operation does to this image.
    pub steps: Vec<Step>,
    /// What the reader of the plan should know.
    pub notes: Vec<String>,
    /// Each of the files whose texts are wanted, if a patch is about the image.
    pub shown: Vec<ShownFile>,
}

/// A file whose text is wanted, as the patches leave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownFile {
    /// This is in it, at a real path.
    Text(ImagePath, Arc<[u8]>),
    /// The image has no such file.
    Missing,
    /// It is nothing that is edited as a text, for this reason.
    NoText(&'static str),
}

impl ImagePlan {
    fn of(mut state: ImageState, made: &[MadeLayer], shown: Vec<ShownFile>) -> Self {
        provenance::annotate(&mut state);
        let purged = std::mem::take(&mut state.purged);
        let remains = remains(&state, purged, made);
        let ImageState {
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
        } = state;
        let recompressed = recompressed.into_iter().map(Recompressed::new).collect();
        Self {
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
            shown,
        }
    }
}

/// Why there is no plan.
#[derive(Debug)]
pub enum Unplanned {
    /// A patch does not fit.
    Rejected(Rejected),
    /// It depends on the contents of these files.
    Wants(Vec<WantedText>),
}

/// Plans all patches of all files in order.
///
/// `texts` are the contents that an earlier call has asked for ([`Unplanned::Wants`]). The same arguments give the same plan.
pub fn plan(files: &[PatchFile], inventory: &Inventory, texts: &Texts) -> Result<Plan, Unplanned> {
    let mut run = Run::new(files, inventory, texts);
    let mut secrets = Secrets::default();
    for file in files {
        secrets.extend(file.secrets());
    }
    let mut rejected: Option<Rejected> = None;
    for (f, file) in files.iter().enumerate() {
        for d in 0..file.patches().len() {
            run.patch(f, d);
        }
        let problems = std::mem::take(&mut run.problems);
        if !problems.is_empty() {
            // A problem may speak of what another file has set.
            let masked = problems.into_iter().map(|problem| problem.masked(&secrets));
            let of_file = file.reject(masked.collect());
            rejected = Some(match rejected {
                Some(rejected) => rejected.and(of_file),
                None => of_file,
            });
        }
    }
    run.pack_layers(inventory.packed);
    let shown = run.shown();
    if !run.wanted.is_empty() {
        return Err(Unplanned::Wants(run.wanted));
    }
    let notes = files.iter().flat_map(|file| {
        let notes = file.notes().iter();
        notes.map(|note| format!("{}:{note}", file.name()))
    });
    match rejected {
        Some(rejected) => Err(Unplanned::Rejected(rejected)),
        None => Ok(Plan {
            images: run
                .states
                .into_iter()
                .zip(shown)
                .map(|(state, shown)| ImagePlan::of(state, &run.layers, shown))
                .collect(),
            layers: run.layers,
            secrets,
            notes: notes.collect(),
        }),
    }
}
