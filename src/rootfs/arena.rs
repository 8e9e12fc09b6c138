//! The nodes of a tree by number, in pieces that copies of the tree share until one of them changes.

use std::sync::Arc;

use super::Slot;

/// Large enough that a pointer to each is little, small enough that a change copies little.
const PIECE: usize = 32;

#[derive(Debug, Clone, Default)]
pub(super) struct Arena {
    pieces: Vec<Arc<Vec<Slot>>>,
    n_slots: usize,
}

impl Arena {
    pub(super) fn len(&self) -> usize {
        self.n_slots
    }

    pub(super) fn get(&self, id: u32) -> &Slot {
        let id = id as usize;
        &self.pieces[id / PIECE][id % PIECE]
    }

    pub(super) fn get_mut(&mut self, id: u32) -> &mut Slot {
        let id = id as usize;
        &mut Arc::make_mut(&mut self.pieces[id / PIECE])[id % PIECE]
    }

    pub(super) fn push(&mut self, slot: Slot) {
        if self.n_slots.is_multiple_of(PIECE) {
            self.pieces.push(Arc::new(Vec::with_capacity(PIECE)));
        }
        let last = self.pieces.last_mut().expect("there is one with room");
        Arc::make_mut(last).push(slot);
        self.n_slots += 1;
    }
}
