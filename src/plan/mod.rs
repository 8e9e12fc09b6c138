//! From patches and an image to what will be done. Pure: no file is touched, nothing is hashed.
//!
//! Later operations see what earlier ones did, as in `git apply`. Either every operation fits and there is a [`Plan`],
//! or every problem of every patch is returned at once.

mod annotations;
mod check;
mod claims;
mod effect;
mod env;
mod expect;
mod expect_path;
mod fields;
mod history;
mod inventory;
mod items;
mod labels;
mod layer_removal;
mod layers;
mod matching;
mod new_files;
mod path_removal;
mod provenance;
mod referrers;
mod state;
mod tags;
mod target;
mod work;

use std::collections::HashMap;

use crate::annotation::AnnotationEdit;
use crate::digest::DiffId;
use crate::image::Config;
use crate::layer::{LayerContent, Scan, SourceEntry};
use crate::patch::{Operation, Patch, PatchFile, Provenance};
use crate::problem::{Address, Problem, Rejected};
use crate::reference::Reference;
use crate::secret::Secrets;
use crate::timestamp::Timestamp;
pub use check::contradictions;
pub use effect::{Effect, Step};
use env::Side;
use history::Record;
pub use inventory::{Inventory, InventoryImage};
use provenance::Before;
use state::State;
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

/// What stands where an operation takes files from.
#[derive(Debug, Default)]
pub struct SourceFinding {
    /// The directory: its place among all source directories, which its host files carry, and what is in it.
    pub directory: Option<(usize, Scan)>,
    /// For each of the files of the operation that is one on the host, the place of its directory, and what it is.
    pub files: Vec<Option<(usize, SourceEntry)>>,
    /// What cannot be used.
    pub problems: Vec<Problem>,
}

/// What will be done: complete and decided, but for the digests of layers that nobody has read yet.
#[derive(Debug)]
pub struct Plan {
    /// One for each image of the archive, in its order.
    pub images: Vec<ImagePlan>,
    /// The layers to add, in the order of the plan.
    pub layers: Vec<AddedLayer>,
    /// The values that nobody is to see.
    pub secrets: Secrets,
}

/// What an image becomes.
#[derive(Debug)]
pub struct ImagePlan {
    /// The configuration, history included; diff ids of added layers come last and are not in it yet.
    pub config: Config,
    /// The layers from the base up.
    pub layers: Vec<PlannedLayer>,
    /// The names, in the order in which they are written.
    pub tags: Vec<Reference>,
    /// What changes in the annotations.
    pub annotations: Vec<AnnotationEdit>,
    /// Whether what the archive says about the image is pointed at what it becomes; else that goes.
    pub keeps_referrers: bool,
    /// The layers that go.
    pub removed: Vec<RemovedLayer>,
    /// What each operation does to this image.
    pub steps: Vec<Step>,
    /// What the reader of the plan should know.
    pub notes: Vec<String>,
}

/// One layer of a planned image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedLayer {
    /// The layer at this position of the image as it is.
    Kept(usize),
    /// The layer at this index of [`Plan::layers`].
    Added(usize),
}

/// A layer to add.
#[derive(Debug)]
pub struct AddedLayer {
    /// The directory that the files come from, as the patch spells it.
    pub from: Option<String>,
    /// What the history says of it, if not what it says of every layer.
    pub created_by: Option<String>,
    /// The entries and where their data is.
    pub content: LayerContent,
    /// What changes in the file tree, sorted by path.
    pub files: Vec<FileChange>,
}

/// A layer that goes.
#[derive(Debug)]
pub struct RemovedLayer {
    /// Its position in the image as it is.
    pub position: usize,
    /// What changes in the file tree, sorted by path.
    pub files: Vec<FileChange>,
}

/// One path that is another after a layer came or went.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileChange {
    /// Whether the image has something there.
    pub change: Change,
    /// The path; a directory ends in `/`.
    pub path: String,
}

/// What happens to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there.
    Added,
    /// It was there and becomes another.
    Changed,
    /// It was there and goes.
    Removed,
    /// It stays.
    Kept,
}

/// A layer of the image as a plan sees it: kept ones are known, added ones are not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownLayer {
    /// The diff id.
    pub diff_id: DiffId,
    /// Bytes in the archive.
    pub size: u64,
}

/// Plans all patches of all files in order.
pub fn plan(files: &[PatchFile], inventory: &mut Inventory) -> Result<Plan, Rejected> {
    let groups: Vec<usize> = inventory.images.iter().map(|image| image.group).collect();
    let is_one_of_several = |group| groups.iter().filter(|&&other| other == group).count() > 1;
    let mut states: Vec<State> = inventory
        .images
        .iter_mut()
        .map(|image| {
            let is_one_of_several = is_one_of_several(image.group);
            State::new(image, is_one_of_several)
        })
        .collect();
    let mut secrets = Secrets::default();
    for file in files {
        secrets.extend(file.secrets());
    }
    let mut layers = Vec::new();
    let mut rejected: Option<Rejected> = None;
    for (f, file) in files.iter().enumerate() {
        let mut problems = Vec::new();
        for (d, patch) in file.patches().iter().enumerate() {
            let mut planning = Planning {
                files,
                file,
                id: OperationId {
                    file: f,
                    document: d,
                    operation: 0,
                },
                states: &mut states,
                sources: &inventory.sources,
                epoch: inventory.source_date_epoch.as_ref(),
                layers: &mut layers,
                problems: &mut problems,
            };
            planning.plan_patch(patch);
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
    match rejected {
        Some(rejected) => Err(rejected),
        None => Ok(Plan {
            images: states.into_iter().map(State::into_plan).collect(),
            layers,
            secrets,
        }),
    }
}

/// The planning of one patch.
struct Planning<'a> {
    files: &'a [PatchFile],
    file: &'a PatchFile,
    id: OperationId,
    states: &'a mut [State],
    sources: &'a HashMap<OperationId, SourceFinding>,
    epoch: Option<&'a Timestamp>,
    layers: &'a mut Vec<AddedLayer>,
    problems: &'a mut Vec<Problem>,
}

impl Planning<'_> {
    fn plan_patch(&mut self, patch: &Patch) {
        let document = Address::document(self.id.document);
        let Some(images) = target::select(&patch.target, self.states, &document, self.problems)
        else {
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
        for (i, operation) in patch.operations.iter().enumerate() {
            self.id.operation = i;
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
        for ((&image, before), record) in images.iter().zip(&before).zip(records) {
            let state = &mut self.states[image];
            let entries = record.end(state, self.layers);
            state.end_patch(before.config(), &entries, self.epoch);
            provenance::Provenance::take_down(state, before, self.file);
            if patch.provenance == Provenance::Annotate {
                let wanted = provenance::Provenance::want(state, &document);
                self.problems.extend(wanted.err());
            }
        }
        self.settle_referrers(patch, &images, &document);
    }

    fn plan_operation(
        &mut self,
        operation: &Operation,
        images: &[usize],
        effects: &mut [Vec<Effect>],
    ) {
        let address = Address::operation(self.id.document, self.id.operation);
        if let Operation::AddLayer(add) = operation {
            return self.add_layer(add, images, &address, effects);
        }
        if let Operation::RemovePath(removal) = operation {
            return self.remove_path(removal, images, &address, effects);
        }
        let mut work = Work {
            files: self.files,
            file: self.id.file,
            states: self.states,
            images,
            address,
            effects,
            problems: self.problems,
        };
        work_on(&mut work, operation);
        self.share_tags(images);
    }

    /// Names stand for a group: what one of its images is named, all are.
    fn share_tags(&mut self, images: &[usize]) {
        for &image in images {
            let (group, tags) = (self.states[image].group, self.states[image].tags.clone());
            for state in self.states.iter_mut().filter(|state| state.group == group) {
                state.tags.clone_from(&tags);
            }
        }
    }
}

/// Plans an operation that makes no layer.
fn work_on(work: &mut Work<'_>, operation: &Operation) {
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
        Operation::RemoveLayer(removal) => layer_removal::remove(work, removal),
        Operation::Retag(tags) => tags::retag(work, tags),
        Operation::AddTag(tags) => tags::add(work, tags),
        Operation::RemoveTag(removal) => tags::remove(work, removal),
        Operation::AddLayer(_) | Operation::RemovePath(_) => {
            unreachable!("what makes a layer is planned elsewhere")
        }
        other => fields::set(work, &fields::assignments(other)),
    }
}
