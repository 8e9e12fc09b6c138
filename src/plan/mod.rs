//! From patches and an image to what will be done. Pure: no file is touched, nothing is hashed.
//!
//! Later operations see what earlier ones did, as in `git apply`. Either every operation fits and there is a [`Plan`],
//! or every problem of every patch is returned at once.

mod annotations;
mod claims;
mod effect;
mod env;
mod expect;
mod expect_path;
mod fields;
mod file_edits;
mod file_patch;
mod finding;
mod history;
mod inventory;
mod items;
mod labels;
mod layer;
mod layer_removal;
mod layer_replacement;
mod layer_source;
mod layers;
mod matching;
mod moves;
mod new_files;
mod path_removal;
mod purge;
mod rebase;
mod recompression;
mod rewrites;
mod settings;
mod squash;
mod stack;
mod state;
mod tags;
mod target;
mod time_limit;
mod tree_changes;
mod work;

use std::collections::HashMap;

use crate::annotation::AnnotationEdit;
use crate::image::Config;
use crate::patch::{Attestations, History, Operation, Patch, PatchFile};
use crate::problem::{Address, Code, Problem, Rejected};
use crate::reference::Reference;
use crate::secret::Secrets;
use crate::timestamp::Timestamp;
pub use effect::{Effect, Step};
use env::Side;
pub use finding::{BaseFinding, BaseLayer, FromFinding, SourceFinding};
use history::Record;
pub use inventory::{Inventory, InventoryImage, Wanted};
pub use layer::{
    Change, FileChange, MadeContent, MadeLayer, PlannedLayer, Recompressed, RemovedLayer,
};
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

/// What will be done: complete and decided, but for the digests of layers that nobody has read yet.
#[derive(Debug)]
pub struct Plan {
    /// One for each image of the archive, in its order.
    pub images: Vec<ImagePlan>,
    /// The layers to make, in the order of the plan; where a later operation made another of one, no image has that one.
    pub layers: Vec<MadeLayer>,
    /// The values that nobody is to see.
    pub secrets: Secrets,
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
    /// It depends on contents of files: with these in [`Inventory::texts`] it can be made.
    Wants(Vec<Wanted>),
}

/// Plans all patches of all files in order.
///
/// The images are taken out of the inventory, unless planning may turn out to need more of them.
pub fn plan(files: &[PatchFile], inventory: &mut Inventory) -> Result<Plan, Unplanned> {
    let operations = files.iter().flat_map(PatchFile::patches);
    let mut operations = operations.flat_map(|patch| &patch.operations);
    let mut images = if operations.any(|it| matches!(it, Operation::PatchFile(_))) {
        inventory.images.clone()
    } else {
        std::mem::take(&mut inventory.images)
    };
    let groups: Vec<usize> = images.iter().map(|image| image.group).collect();
    let is_one_of_several = |group| groups.iter().filter(|&&other| other == group).count() > 1;
    let mut wanted = Vec::new();
    let mut states: Vec<State> = images
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
                texts: &inventory.texts,
                wanted: &mut wanted,
                keeps_open: false,
                keeps_plain: inventory.keeps_plain,
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
    if !wanted.is_empty() {
        return Err(Unplanned::Wants(wanted));
    }
    match rejected {
        Some(rejected) => Err(Unplanned::Rejected(rejected)),
        None => Ok(Plan {
            images: states.into_iter().map(State::into_plan).collect(),
            layers,
            secrets,
        }),
    }
}

fn about(n: usize) -> String {
    match n {
        1 => "an attestation, signature or other referrer".to_owned(),
        n => format!("{n} attestations, signatures or other referrers"),
    }
}

/// Lists names, but not without end.
fn few(names: &[String]) -> String {
    const MAX_NAMES: usize = 5;
    let shown = names[..names.len().min(MAX_NAMES)].join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
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
    layers: &'a mut Vec<MadeLayer>,
    texts: &'a HashMap<Wanted, Vec<u8>>,
    wanted: &'a mut Vec<Wanted>,
    keeps_open: bool,
    keeps_plain: bool,
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
        let before: Vec<Config> = images
            .iter()
            .map(|&image| self.states[image].config.clone())
            .collect();
        let mut records: Vec<Record> = images
            .iter()
            .map(|&image| Record::new(&self.states[image], patch.history, &created_by))
            .collect();
        for (i, operation) in patch.operations.iter().enumerate() {
            self.id.operation = i;
            // With an entry for each operation each has a layer of its own.
            self.keeps_open = patch.history != History::PerOperation
                && patch.operations[i + 1..].iter().any(Operation::edits_files);
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
            let told = record.end(state, self.layers);
            state.end_patch(before, told, self.epoch);
        }
        self.settle_referrers(patch, &images, &document);
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
            states: self.states,
            images,
            address: Address::operation(self.id.document, self.id.operation),
            sources: self.sources,
            epoch: self.epoch.map_or(0, Timestamp::unix_seconds),
            layers: self.layers,
            texts: self.texts,
            wanted: self.wanted,
            keeps_open: self.keeps_open,
            keeps_plain: self.keeps_plain,
            effects,
            problems: self.problems,
        };
        match operation {
            Operation::SetLabel(labels) => labels::set(&mut work, labels),
            Operation::UnsetLabel(removal) => labels::unset(&mut work, removal),
            Operation::SetEnv(variables) => env::set(&mut work, variables),
            Operation::UnsetEnv(removal) => env::unset(&mut work, removal),
            Operation::PrependEnv(parts) => env::extend(&mut work, parts, Side::Front),
            Operation::AppendEnv(parts) => env::extend(&mut work, parts, Side::Back),
            Operation::AddPort(ports) => items::add(&mut work, &items::PORTS, ports),
            Operation::RemovePort(removal) => items::remove(&mut work, &items::PORTS, removal),
            Operation::AddVolume(paths) => items::add(&mut work, &items::VOLUMES, paths),
            Operation::RemoveVolume(removal) => items::remove(&mut work, &items::VOLUMES, removal),
            Operation::AddOnbuild(texts) => items::add_onbuild(&mut work, texts),
            Operation::Unset(unset) => fields::unset(&mut work, unset),
            Operation::SetAnnotation(set) => annotations::set(&mut work, set),
            Operation::UnsetAnnotation(removal) => annotations::unset(&mut work, removal),
            Operation::AddLayer(add) => layers::add(&mut work, add),
            Operation::RemoveLayer(removal) => layer_removal::remove(&mut work, removal),
            Operation::ReplaceLayer(replacement) => {
                layer_replacement::replace(&mut work, replacement);
            }
            Operation::Squash(squash) => squash::squash(&mut work, squash),
            Operation::Rebase(rebase) => rebase::rebase(&mut work, rebase),
            Operation::Recompress(recompression) => {
                recompression::recompress(&mut work, recompression);
            }
            Operation::RewriteTimestamps(limit) => time_limit::limit(&mut work, limit),
            Operation::RemovePath(removal) => path_removal::remove(&mut work, removal),
            Operation::MovePath(moves) => moves::move_paths(&mut work, moves),
            Operation::SetMode(settings) => settings::set_modes(&mut work, settings),
            Operation::SetOwner(settings) => settings::set_owners(&mut work, settings),
            Operation::PatchFile(diff) => file_patch::patch(&mut work, diff),
            Operation::Retag(tags) => tags::retag(&mut work, tags),
            Operation::AddTag(tags) => tags::add(&mut work, tags),
            Operation::RemoveTag(removal) => tags::remove(&mut work, removal),
            other => fields::set(&mut work, &fields::assignments(other)),
        }
        if matches!(operation, Operation::Retag(_) | Operation::AddTag(_)) {
            let address = work.address.clone();
            (0..images.len()).for_each(|i| work.claim_effects(i, 0, &address));
        }
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

    /// What is said about an image that changes would be false: the patch has to say what becomes of it.
    fn settle_referrers(&mut self, patch: &Patch, images: &[usize], document: &Address) {
        let mut attested = Vec::new();
        for &image in images {
            let state = &mut self.states[image];
            if !state.is_changed || state.referrers.is_empty() {
                continue;
            }
            let n = state.referrers.len();
            match patch.attestations {
                Attestations::Refuse => attested.push((state.display_name(), n)),
                Attestations::Drop => {
                    state.keeps_referrers = false;
                    state.note(format!("{} left out: {}", about(n), few(&state.referrers)));
                }
                Attestations::Keep => state.note(format!(
                    "{} pointed at the changed image; what is claimed there is about the old one: {}",
                    about(n),
                    few(&state.referrers)
                )),
            }
        }
        let Some((name, n)) = attested.first() else {
            return;
        };
        let more = match attested.len() {
            1 => String::new(),
            2 => ", as is another image".to_owned(),
            more => format!(", as are {} more images", more - 1),
        };
        let message = format!(
            "{} is the subject of {}{more}; none of that would be true of the changed image",
            crate::problem::quoted(name),
            about(*n)
        );
        let problem = Problem::new(Code::Attested, document.clone().key("operations"), message);
        self.problems.push(problem.with_help(
            "`attestations: drop` leaves them out, `attestations: keep` points them at the changed image",
        ));
    }
}
