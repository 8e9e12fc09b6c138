//! One patch after another, one operation after another, one image after another.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::history::HistoryRecord;
use super::provenance::{self, Before};
use super::{Inventory, OperationId, ShownFile, expect, target};
use crate::annotation::AnnotationPlace;
use crate::edit::claims::PatchLines;
use crate::edit::effort::Effort;
use crate::edit::image::{Findings, Surroundings};
use crate::edit::names::Names;
use crate::edit::text::{Looked, looked_at};
use crate::edit::{
    EditedImage, Effect, ImageState, InventoryImage, MadeLayer, Step, Texts, WantedText, files,
};
use crate::operation::Reach;
use crate::patch::{History, Patch, PatchFile, Provenance};
use crate::problem::{Address, Problem};
use crate::rootfs::Resolution;
use crate::timestamp::Timestamp;

/// The patches of a plan, one after another: what they are planned with, and how far they have come.
pub(super) struct Run<'a> {
    files: &'a [PatchFile],
    inventory: &'a Inventory,
    texts: &'a Texts,
    pub(super) effort: Rc<Effort>,
    names: Names,
    pub(super) states: Vec<ImageState>,
    pub(super) layers: Vec<MadeLayer>,
    pub(super) wanted: Vec<WantedText>,
    /// What is wrong with the patches, until somebody takes it.
    pub(super) problems: Vec<Problem>,
}

impl PatchLines for &[PatchFile] {
    fn line(&self, file: usize, address: &Address) -> usize {
        self[file].line(address)
    }

    fn path(&self, file: usize) -> &str {
        self[file].path()
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(files: &'a [PatchFile], inventory: &'a Inventory, texts: &'a Texts) -> Self {
        let images = &inventory.images;
        let mut n_members: HashMap<usize, usize> = HashMap::new();
        for image in images {
            *n_members.entry(image.group).or_default() += 1;
        }
        let effort = Rc::new(Effort::of(images));
        let state = |image: &InventoryImage| {
            let is_one_of_several = n_members[&image.group] > 1;
            ImageState::new(image, is_one_of_several, Rc::clone(&effort))
        };
        let states: Vec<ImageState> = images.iter().map(state).collect();
        Self {
            files,
            inventory,
            texts,
            names: Names::of(&states),
            states,
            layers: Vec::new(),
            wanted: Vec::new(),
            effort,
            problems: Vec::new(),
        }
    }

    /// Returns the images that a patch is about, once they have the names and platforms that it gives them.
    pub(super) fn target(&mut self, file: usize, document: usize) -> Vec<usize> {
        let patch = self.patch_at(file, document);
        let images = self.select(patch, document).unwrap_or_default();
        if images.is_empty() {
            return images;
        }
        let operations = patch.operations.iter().enumerate();
        let retargeting = operations.filter(|(_, it)| it.needs().reach.is_about_targets());
        for (operation, _) in retargeting {
            let id = OperationId {
                file,
                document,
                operation,
            };
            self.operation(id, &images, false);
        }
        images
    }

    /// Plans a patch, by the numbers of its file and its document there.
    pub(super) fn patch(&mut self, file: usize, document: usize) {
        let patch = self.patch_at(file, document);
        let address = Address::document(document);
        let Some(images) = self.select(patch, document) else {
            return;
        };
        expect::check(
            patch,
            document,
            &mut self.states,
            &images,
            &mut self.problems,
        );
        let patch_file = &self.files[file];
        let created_by = format!(
            "ocipatch apply {}@sha256:{}",
            patch_file.name(),
            patch_file.digest().short()
        );
        let before: Vec<Before> = images
            .iter()
            .map(|&image| Before::of(&self.states[image]))
            .collect();
        let mut records: Vec<HistoryRecord> = images
            .iter()
            .map(|&image| HistoryRecord::new(&self.states[image], patch.history, &created_by))
            .collect();
        let reaches: Vec<Reach> = patch.operations.iter().map(|it| it.needs().reach).collect();
        let last_edit = reaches.iter().rposition(|reach| reach.is_about_files());
        for (i, operation) in patch.operations.iter().enumerate() {
            // With an entry for each operation each has a layer of its own.
            let keeps_open =
                patch.history != History::PerOperation && last_edit.is_some_and(|last| i < last);
            if reaches[i].looks_into_layers() {
                self.settle_layers(&images);
            }
            let id = OperationId {
                file,
                document,
                operation: i,
            };
            let effects = self.operation(id, &images, keeps_open);
            for ((&image, effects), record) in images.iter().zip(effects).zip(&mut records) {
                let state = &mut self.states[image];
                record.operation(state, operation.name(), &self.layers);
                state.steps.push(Step {
                    patch: patch_file.name().to_owned(),
                    operation: operation.name(),
                    effects,
                });
            }
        }
        self.settle_layers(&images);
        for ((&image, before), record) in images.iter().zip(&before).zip(records) {
            let state = &mut self.states[image];
            let told = record.end(state, &self.layers);
            let epoch = self.inventory.source_date_epoch.as_ref();
            state.end_patch(before.config(), told, epoch);
            provenance::take_down(state, before, patch_file);
            if patch.provenance == Provenance::Annotate {
                let wanted = provenance::want(state, &address);
                self.problems.extend(wanted.err());
            }
        }
        self.settle_referrers(patch, &images, &address);
    }

    /// Plans an operation for one image after another; returns what it does to each.
    pub(super) fn operation(
        &mut self,
        id: OperationId,
        images: &[usize],
        keeps_open: bool,
    ) -> Vec<Vec<Effect>> {
        let operation = &self.patch_at(id.file, id.document).operations[id.operation];
        let mut groups: Vec<usize> = images.iter().map(|&i| self.states[i].group).collect();
        groups.dedup();
        let around = Surroundings {
            files: &self.files,
            file: id.file,
            address: Address::operation(id.document, id.operation),
            source: self.inventory.sources.get(&id),
            names: &self.names,
            n_groups: groups.len(),
            epoch: self.epoch(),
            texts: self.texts,
            keeps_open,
            keeps_plain: self.inventory.keeps_plain,
            has_names: self.inventory.has_names,
        };
        let reach = operation.needs().reach;
        let mut findings = Findings::default();
        let states = images.iter().map(|&image| &self.states[image]);
        findings.refuse(around.refusals(reach.is_about_layers(), states));
        let mut effects = Vec::with_capacity(images.len());
        for &number in images {
            if findings.is_refused {
                effects.push(Vec::new());
                continue;
            }
            let state = &mut self.states[number];
            let mut image =
                EditedImage::new((number, state), &mut self.layers, &around, &mut findings);
            if image.may_go_on() {
                operation.plan(&mut image);
            }
            effects.push(image.effects);
        }
        // What was not looked at is not missing.
        let is_whole = self.effort.is_left(&around.address, &mut findings.problems);
        if is_whole && !findings.is_refused && findings.has_missing() {
            let states: Vec<&ImageState> = images.iter().map(|&i| &self.states[i]).collect();
            findings.tell_missing(&target::these_have(&self.states, images), &states);
        }
        self.problems.extend(findings.problems);
        self.wanted.extend(findings.wanted);
        if reach == Reach::Names {
            self.share_tags(images, &effects);
        }
        self.share_indexes(images, &effects);
        effects
    }

    /// Returns for each image the files that are wanted as the patches leave them.
    pub(super) fn shown(&mut self) -> Vec<Vec<ShownFile>> {
        let mut all = Vec::with_capacity(self.states.len());
        for (number, state) in self.states.iter().enumerate() {
            let Some(tree) = &state.tree else {
                all.push(Vec::new());
                continue;
            };
            let mut shown = Vec::new();
            for path in &self.inventory.shown {
                let Resolution::Found { path } = tree.resolve(path) else {
                    shown.push(ShownFile::Missing);
                    continue;
                };
                match looked_at(state, &self.layers, (number, self.texts), path) {
                    Looked::Text(file) => shown.push(ShownFile::Text(file.path, file.text)),
                    Looked::NoText(reason) => shown.push(ShownFile::NoText(reason)),
                    Looked::Unread(wanted) => self.wanted.push(wanted),
                }
            }
            all.push(shown);
        }
        all
    }

    fn patch_at(&self, file: usize, document: usize) -> &'a Patch {
        &self.files[file].patches()[document]
    }

    /// The time that new files and directories get, in seconds since 1970.
    fn epoch(&self) -> i64 {
        let epoch = self.inventory.source_date_epoch.as_ref();
        epoch.map_or(0, Timestamp::unix_seconds)
    }

    /// Returns the images that the target of a patch selects, or adds the problem that says why there are none.
    fn select(&mut self, patch: &Patch, document: usize) -> Option<Vec<usize>> {
        target::select(
            &patch.target,
            (&self.states, &self.inventory.unread),
            &self.names,
            &Address::document(document),
            &mut self.problems,
        )
    }

    fn settle_layers(&mut self, images: &[usize]) {
        let epoch = self.epoch();
        for &image in images {
            files::settle(&mut self.states[image], &mut self.layers, epoch);
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

    /// An index is the same for all images of a group.
    fn share_indexes(&mut self, images: &[usize], effects: &[Vec<Effect>]) {
        let is_about_index = |effect: &Effect| match effect {
            Effect::SetAnnotation { on, .. } | Effect::UnsetAnnotation { on, .. } => {
                *on == AnnotationPlace::Index
            }
            _ => false,
        };
        for (&image, effects) in images.iter().zip(effects) {
            if effects.iter().any(is_about_index) {
                let state = &self.states[image];
                let (group, index) = (state.group, state.annotations.index.clone());
                for &other in self.names.members(group) {
                    // A targeted one has the same by its own turn.
                    self.states[other].annotations.index.clone_from(&index);
                }
            }
        }
    }
}
