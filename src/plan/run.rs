//! One patch after another.

use std::collections::HashMap;
use std::rc::Rc;

use super::effort::Effort;
use super::names::Names;
use super::state::State;
use super::{Inventory, InventoryImage, MadeLayer, OperationId, Planning, Texts, Wanted};
use crate::patch::PatchFile;
use crate::problem::Problem;

/// The patches of a plan, one after another: what they are planned with, and how far they have come.
pub(super) struct Run<'a> {
    files: &'a [PatchFile],
    inventory: &'a Inventory,
    texts: &'a Texts,
    pub(super) effort: Rc<Effort>,
    names: Names,
    pub(super) states: Vec<State>,
    pub(super) layers: Vec<MadeLayer>,
    pub(super) wanted: Vec<Wanted>,
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
            State::new(image, is_one_of_several, Rc::clone(&effort))
        };
        let states: Vec<State> = images.iter().map(state).collect();
        Self {
            files,
            inventory,
            texts,
            names: Names::of(&states),
            states,
            layers: Vec::new(),
            wanted: Vec::new(),
            effort,
        }
    }

    /// Returns the planning of one patch, by the numbers of its file and its document there.
    pub(super) fn patch<'p>(
        &'p mut self,
        file: usize,
        document: usize,
        problems: &'p mut Vec<Problem>,
    ) -> Planning<'p> {
        Planning {
            files: self.files,
            file: &self.files[file],
            id: OperationId {
                file,
                document,
                operation: 0,
            },
            names: &mut self.names,
            states: &mut self.states,
            sources: &self.inventory.sources,
            epoch: self.inventory.source_date_epoch.as_ref(),
            layers: &mut self.layers,
            texts: self.texts,
            wanted: &mut self.wanted,
            keeps_open: false,
            keeps_plain: self.inventory.keeps_plain,
            effort: &self.effort,
            problems,
        }
    }
}
