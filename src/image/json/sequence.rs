//! A list in which an item comes or goes anywhere at the cost of moving numbers, not items.

/// Items in order.
#[derive(Debug, Clone)]
pub(super) struct Sequence<T> {
    /// By id; nothing where an item was removed.
    slots: Vec<Option<T>>,
    /// The ids in order, once that is not the order of the slots.
    order: Option<Vec<u32>>,
}

pub(super) type Id = u32;

impl<T> Sequence<T> {
    pub(super) fn len(&self) -> usize {
        self.order.as_ref().map_or(self.slots.len(), Vec::len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the id of the item at `index`.
    pub(super) fn id(&self, index: usize) -> Option<Id> {
        match &self.order {
            Some(order) => order.get(index).copied(),
            None => (index < self.slots.len()).then(|| id_of(index)),
        }
    }

    /// Returns where the item of that id is, which must not have been removed.
    pub(super) fn index(&self, id: Id) -> usize {
        match &self.order {
            Some(order) => {
                let index = order.iter().position(|&other| other == id);
                index.expect("the item was not removed")
            }
            None => id as usize,
        }
    }

    pub(super) fn by_id(&self, id: Id) -> &T {
        let item = self.slots[id as usize].as_ref();
        item.expect("the item was not removed")
    }

    pub(super) fn by_id_mut(&mut self, id: Id) -> &mut T {
        let item = self.slots[id as usize].as_mut();
        item.expect("the item was not removed")
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.id(index).map(|id| self.by_id(id))
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.id(index).map(|id| self.by_id_mut(id))
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut T> {
        self.get_mut(self.len().checked_sub(1)?)
    }

    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = Id> + ExactSizeIterator {
        (0..self.len()).map(|index| self.id(index).expect("it is within the length"))
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.ids().map(|id| self.by_id(id))
    }

    /// Goes through the items in the order in which they came.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().flatten()
    }

    /// Inserts an item before the one at `index`, or last; returns its id.
    pub(super) fn insert(&mut self, index: usize, item: T) -> Id {
        let id = id_of(self.slots.len());
        if index < self.len() {
            self.numbers().insert(index, id);
        } else if let Some(order) = &mut self.order {
            order.push(id);
        }
        self.slots.push(Some(item));
        id
    }

    /// Removes the item at `index`.
    pub(super) fn remove(&mut self, index: usize) -> T {
        if self.order.is_none() && index + 1 == self.slots.len() {
            let last = self.slots.pop().expect("there is a last one");
            return last.expect("the item was not removed");
        }
        let id = self.numbers().remove(index);
        let item = self.slots[id as usize].take();
        item.expect("the item was not removed")
    }

    fn numbers(&mut self) -> &mut Vec<u32> {
        let n = id_of(self.slots.len());
        self.order.get_or_insert_with(|| (0..n).collect())
    }
}

fn id_of(index: usize) -> Id {
    Id::try_from(index).expect("a document of less than 4 GiB has fewer items")
}

impl<T> FromIterator<T> for Sequence<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self {
            slots: items.into_iter().map(Some).collect(),
            order: None,
        }
    }
}

impl<T> From<Vec<Option<T>>> for Sequence<T> {
    /// Takes items of which none is missing.
    fn from(mut slots: Vec<Option<T>>) -> Self {
        slots.shrink_to_fit();
        Self { slots, order: None }
    }
}

impl<T: PartialEq> PartialEq for Sequence<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for Sequence<T> {}

#[cfg(test)]
mod tests {
    use super::Sequence;
    use proptest::prelude::{any, prop, proptest};

    proptest! {
        #[test]
        fn it_is_what_a_vector_is(steps in prop::collection::vec((any::<bool>(), any::<usize>()), 0..60)) {
            let mut wanted: Vec<usize> = (0..5).collect();
            let mut found: Sequence<usize> = wanted.iter().copied().collect();
            for (n, (is_insertion, at)) in steps.into_iter().enumerate() {
                if is_insertion || wanted.is_empty() {
                    let at = at % (wanted.len() + 1);
                    wanted.insert(at, 100 + n);
                    let id = found.insert(at, 100 + n);
                    assert_eq!(found.index(id), at);
                } else {
                    let at = at % wanted.len();
                    assert_eq!(found.remove(at), wanted.remove(at));
                }
                assert!(found.iter().eq(&wanted), "{found:?}");
                assert_eq!(found.get(wanted.len()), None);
            }
        }
    }
}
