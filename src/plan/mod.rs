//! From patches and an image to what will be done. Pure: no file is touched, nothing is hashed.
//!
//! Later operations see what earlier ones did, as in `git apply`. Either every operation fits and there is a [`Plan`],
//! or every problem of every patch is returned at once.

mod check;
mod claims;
mod config;
mod effect;
mod effort;
mod expect;
mod expect_path;
mod files;
mod finding;
mod history;
mod inventory;
mod kept;
mod layer;
mod layers;
mod names;
mod provenance;
mod referrers;
mod run;
mod stack;
mod state;
mod target;
mod tree_changes;
mod variables;
mod work;

use std::collections::{BTreeMap, HashMap};

use crate::annotation::AnnotationEdit;
use crate::image::Config;
use crate::patch::{History, Operation, Patch, PatchFile, Provenance};
use crate::problem::{Address, Problem, Rejected};
use crate::reference::Reference;
use crate::secret::Secrets;
use crate::timestamp::Timestamp;
pub use check::contradictions;
use config::env::Side;
use config::{annotations, env, fields, items, labels, tags};
pub use effect::{Effect, Step};
use effort::Effort;
pub use effort::{MAX_LAID_ENTRIES, MAX_LAID_TIMES};
use files::{moves, settings};
pub use finding::{BaseFinding, BaseLayer, FromFinding, SourceFinding};
use history::Record;
pub use inventory::{Inventory, InventoryImage, Texts, Wanted};
pub use layer::{
    Change, FileChange, MadeContent, MadeLayer, PlacedContent, PlannedLayer, Recompressed, Remains,
    RemovedLayer,
};
use layers::{rebase, recompression, squash, time_limit};
use names::Names;
use provenance::Before;
use run::Run;
use state::State;
pub use target::targets;
use work::Work;

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
}

/// Why there is no plan.
#[derive(Debug)]
pub enum Unplanned {
    /// A patch does not fit.
    Rejected(Rejected),
    /// It depends on the contents of these files.
    Wants(Vec<Wanted>),
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
        let mut problems = Vec::new();
        for (d, patch) in file.patches().iter().enumerate() {
            run.patch(f, d, &mut problems).plan_patch(patch);
        }
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
                .map(|state| state.into_plan(&run.layers))
                .collect(),
            layers: run.layers,
            secrets,
            notes: notes.collect(),
        }),
    }
}

/// The planning of one patch.
struct Planning<'a> {
    files: &'a [PatchFile],
    file: &'a PatchFile,
    id: OperationId,
    names: &'a mut Names,
    states: &'a mut [State],
    sources: &'a HashMap<OperationId, SourceFinding>,
    epoch: Option<&'a Timestamp>,
    layers: &'a mut Vec<MadeLayer>,
    texts: &'a Texts,
    wanted: &'a mut Vec<Wanted>,
    keeps_open: bool,
    keeps_plain: bool,
    effort: &'a Effort,
    problems: &'a mut Vec<Problem>,
}

impl Planning<'_> {
    /// Returns the images that a patch is about, once they have the names and platforms that it gives them.
    fn target(&mut self, patch: &Patch) -> Vec<usize> {
        let images = self.select(patch).unwrap_or_default();
        if !images.is_empty() {
            for operation in patch.operations.iter().filter(|it| it.retargets()) {
                let mut effects = vec![Vec::new(); images.len()];
                self.plan_operation(operation, &images, &mut effects);
            }
        }
        images
    }

    /// Returns the images that the target of a patch selects, or adds the problem that says why there are none.
    fn select(&mut self, patch: &Patch) -> Option<Vec<usize>> {
        target::select(
            &patch.target,
            self.states,
            self.names,
            &Address::document(self.id.document),
            self.problems,
        )
    }

    fn plan_patch(&mut self, patch: &Patch) {
        let document = Address::document(self.id.document);
        let Some(images) = self.select(patch) else {
            return;
        };
        expect::check(patch, self.id.document, self.states, &images, self.problems);
        let created_by = format!(
            "ocipatch apply {}@sha256:{}",
            self.file.name(),
            self.file.digest().short()
        );
        let before: Vec<Before> = images
            .iter()
            .map(|&image| Before::of(&self.states[image]))
            .collect();
        let mut records: Vec<Record> = images
            .iter()
            .map(|&image| Record::new(&self.states[image], patch.history, &created_by))
            .collect();
        let last_edit = patch.operations.iter().rposition(Operation::edits_files);
        for (i, operation) in patch.operations.iter().enumerate() {
            self.id.operation = i;
            // With an entry for each operation each has a layer of its own.
            self.keeps_open =
                patch.history != History::PerOperation && last_edit.is_some_and(|last| i < last);
            if operation.needs_layers() && !operation.edits_above() {
                self.settle_layers(&images);
            }
            let mut effects = vec![Vec::new(); images.len()];
            self.plan_operation(operation, &images, &mut effects);
            for ((&image, effects), record) in images.iter().zip(effects).zip(&mut records) {
                let state = &mut self.states[image];
                record.operation(state, operation.name(), self.layers);
                state.steps.push(Step {
                    patch: self.file.name().to_owned(),
                    operation: operation.name(),
                    effects,
                });
            }
        }
        self.settle_layers(&images);
        for ((&image, before), record) in images.iter().zip(&before).zip(records) {
            let state = &mut self.states[image];
            let told = record.end(state, self.layers);
            state.end_patch(before.config(), told, self.epoch);
            provenance::Provenance::take_down(state, before, self.file);
            if patch.provenance == Provenance::Annotate {
                let wanted = provenance::Provenance::want(state, &document);
                self.problems.extend(wanted.err());
            }
        }
        self.settle_referrers(patch, &images, &document);
    }

    fn settle_layers(&mut self, images: &[usize]) {
        let epoch = epoch_seconds(self.epoch);
        for &image in images {
            files::settle(&mut self.states[image], self.layers, epoch);
        }
    }

    fn plan_operation(
        &mut self,
        operation: &Operation,
        images: &[usize],
        effects: &mut [Vec<Effect>],
    ) {
        let mut work = Work {
            files: self.files,
            id: self.id,
            names: self.names,
            states: self.states,
            images,
            address: Address::operation(self.id.document, self.id.operation),
            sources: self.sources,
            epoch: epoch_seconds(self.epoch),
            layers: self.layers,
            texts: self.texts,
            wanted: self.wanted,
            keeps_open: self.keeps_open,
            keeps_plain: self.keeps_plain,
            effort: self.effort,
            effects,
            problems: self.problems,
        };
        if work.may_go_on() {
            work_on(&mut work, operation);
            work.may_go_on();
        }
        if operation.names_images() {
            self.share_tags(images, effects);
        }
    }

    /// Names stand for a group: what one of its images is named, all are.
    fn share_tags(&mut self, images: &[usize], effects: &[Vec<Effect>]) {
        let last: BTreeMap<usize, usize> = (images.iter().enumerate())
            .map(|(i, &image)| (self.states[image].group, i))
            .collect();
        for (group, i) in last {
            self.names.follow(group, &effects[i]);
            let others = self.names.members(group).iter();
            for &other in others.filter(|other| **other != images[i]) {
                let tags = self.states[images[i]].tags.clone();
                self.states[other].tags = tags;
            }
        }
    }
}

fn epoch_seconds(epoch: Option<&Timestamp>) -> i64 {
    epoch.map_or(0, Timestamp::unix_seconds)
}

/// Plans an operation that makes no layer.
fn work_on<'a>(work: &mut Work<'a>, operation: &'a Operation) {
    match operation {
        Operation::SetLabel(labels) => labels::set(work, labels),
        Operation::UnsetLabel(removal) => labels::unset(work, removal),
        Operation::SetEnv(variables) => env::set(work, variables),
        Operation::UnsetEnv(removal) => env::unset(work, removal),
        Operation::PrependEnv(parts) => env::extend(work, parts, Side::Front),
        Operation::AppendEnv(parts) => env::extend(work, parts, Side::Back),
        Operation::AddPort(ports) => items::add(work, &items::PORTS, ports),
        Operation::RemovePort(removal) => items::remove(work, &items::PORTS, removal),
        Operation::AddVolume(paths) => items::add(work, &items::VOLUMES, paths),
        Operation::RemoveVolume(removal) => items::remove(work, &items::VOLUMES, removal),
        Operation::AddOnbuild(texts) => items::add_onbuild(work, texts),
        Operation::Unset(unset) => fields::unset(work, unset),
        Operation::SetAnnotation(set) => annotations::set(work, set),
        Operation::UnsetAnnotation(removal) => annotations::unset(work, removal),
        Operation::AddLayer(add) => layers::add(work, add),
        Operation::RemoveLayer(removal) => layers::removal::remove(work, removal),
        Operation::ReplaceLayer(replacement) => layers::replacement::replace(work, replacement),
        Operation::Squash(squash) => squash::squash(work, squash),
        Operation::Rebase(rebase) => rebase::rebase(work, rebase),
        Operation::Recompress(recompression) => recompression::recompress(work, recompression),
        Operation::RewriteTimestamps(limit) => time_limit::limit(work, limit),
        Operation::RemovePath(removal) => files::removal::remove(work, removal),
        Operation::MovePath(moves) => moves::move_paths(work, moves),
        Operation::SetMode(settings) => settings::set_modes(work, settings),
        Operation::SetOwner(settings) => settings::set_owners(work, settings),
        Operation::PatchFile(diff) => files::patch::patch(work, diff),
        Operation::Retag(tags) => tags::retag(work, tags),
        Operation::AddTag(tags) => tags::add(work, tags),
        Operation::RemoveTag(removal) => tags::remove(work, removal),
        other => fields::set(work, &fields::assignments(other)),
    }
}
