//! The members of an object, found by key at the cost of a binary search.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::list::{Item, Key, Layout, List};
use super::sequence::Id;
use super::value::Value;

/// In fewer members a key is found by looking at each.
const FEW: usize = 16;

/// The members of an object.
#[derive(Debug, Clone)]
pub struct Members {
    pub(super) list: List<Key>,
    /// Ids in the order of keys, where there are more than a few.
    by_key: Option<Vec<Id>>,
    /// How many keys do not sort behind the one before them.
    n_unsorted: usize,
}

impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Eq for Members {}

impl From<List<Key>> for Members {
    fn from(list: List<Key>) -> Self {
        let mut members = Self {
            list,
            by_key: None,
            n_unsorted: 0,
        };
        members.order_keys();
        let steps = 1..members.list.items.len();
        members.n_unsorted = steps.map(|index| members.unsorted(index)).sum();
        members
    }
}

impl Members {
    pub(super) fn items(&self) -> impl ExactSizeIterator<Item = &Item<Key>> {
        self.list.items.iter()
    }

    fn key(&self, id: Id) -> Cow<'_, str> {
        self.list.items.by_id(id).key.name()
    }

    fn order_keys(&mut self) {
        if self.list.items.len() <= FEW {
            return;
        }
        let mut by_key: Vec<Id> = self.list.items.ids().collect();
        by_key.sort_by(|&a, &b| self.key(a).cmp(&self.key(b)));
        self.by_key = Some(by_key);
    }

    /// Returns where a key is, or belongs, among the ordered ones.
    fn search(&self, by_key: &[Id], key: &str) -> Result<usize, usize> {
        by_key.binary_search_by(|&id| self.key(id).as_ref().cmp(key))
    }

    fn find(&self, key: &str) -> Option<Id> {
        if let Some(by_key) = &self.by_key {
            return self.search(by_key, key).ok().map(|at| by_key[at]);
        }
        let mut ids = self.list.items.ids();
        ids.find(|&id| self.list.items.by_id(id).key.is(key))
    }

    pub(super) fn member(&self, key: &str) -> Option<&Value> {
        self.find(key).map(|id| &self.list.items.by_id(id).value)
    }

    pub(super) fn member_mut(&mut self, key: &str) -> Option<&mut Value> {
        let id = self.find(key)?;
        Some(&mut self.list.items.by_id_mut(id).value)
    }

    /// Tells whether the keys are sorted.
    pub(super) fn is_sorted(&self) -> bool {
        self.n_unsorted == 0
    }

    /// Returns 1 where the key at `index` does not sort behind the one before it.
    fn unsorted(&self, index: usize) -> usize {
        let key = |index| self.list.items.id(index).map(|id| self.key(id));
        let before = index.checked_sub(1).and_then(key);
        usize::from(matches!((before, key(index)), (Some(before), Some(key)) if before >= key))
    }

    /// Returns what `unsorted` comes to at the key at `index` and at the one behind it.
    fn unsorted_around(&self, index: usize) -> usize {
        self.unsorted(index) + self.unsorted(index + 1)
    }

    /// Removes a member; tells whether it was there.
    pub(super) fn take(&mut self, key: &str) -> bool {
        let Some(id) = self.find(key) else {
            return false;
        };
        self.take_id(id, key);
        true
    }

    /// Removes the member at an index that is there.
    pub(super) fn take_at(&mut self, index: usize) {
        if let Some(id) = self.list.items.id(index) {
            let key = self.key(id).into_owned();
            self.take_id(id, &key);
        }
    }

    fn take_id(&mut self, id: Id, key: &str) {
        if let Some(by_key) = self.by_key.take() {
            let at = self.search(&by_key, key);
            let mut by_key = by_key;
            by_key.remove(at.expect("it was found"));
            self.by_key = Some(by_key);
        }
        let index = self.list.items.index(id);
        self.n_unsorted -= self.unsorted_around(index);
        self.list.remove(index);
        self.n_unsorted += self.unsorted(index);
    }

    /// Sets a member; a new one goes behind the nearest key that precedes it in `order`, sorted among sorted keys where
    /// `order` is empty, else last.
    pub(super) fn put(
        &mut self,
        key: &str,
        order: &[&str],
        mut value: Value,
        layout: &Layout,
        depth: usize,
    ) {
        if let Some(there) = self.member_mut(key) {
            value.lay_out(layout, depth + 1);
            *there = value;
            return;
        }
        let n = self.list.items.len();
        let index = match order.iter().position(|&known| known == key) {
            Some(rank) => {
                let before = order[..rank].iter().filter_map(|known| self.find(known));
                let last = before.map(|id| self.list.items.index(id)).max();
                last.map_or(0, |last| last + 1)
            }
            None if order.is_empty() && self.is_sorted() => self.sorted_place(key),
            None => n,
        };
        self.insert(index, Key::new(key), value, layout, depth);
    }

    /// Appends a member whose key is not there.
    pub(super) fn append(&mut self, key: Key, value: Value, layout: &Layout, depth: usize) {
        let n = self.list.items.len();
        self.enter(n, key, layout, |list, key| {
            list.append(key, value, layout, depth)
        });
    }

    fn insert(&mut self, index: usize, key: Key, value: Value, layout: &Layout, depth: usize) {
        self.enter(index, key, layout, |list, key| {
            list.insert(index, key, value, layout, depth)
        });
    }

    /// Adds a new key at an index by `insert`.
    fn enter(
        &mut self,
        index: usize,
        mut key: Key,
        layout: &Layout,
        insert: impl FnOnce(&mut List<Key>, Key) -> Id,
    ) {
        let name = key.name().into_owned();
        key.after_colon.clone_from(&layout.after_colon);
        self.n_unsorted -= self.unsorted(index);
        let id = insert(&mut self.list, key);
        self.n_unsorted += self.unsorted_around(index);
        match self.by_key.take() {
            Some(mut by_key) => {
                let at = self.search(&by_key, &name).unwrap_or_else(|at| at);
                by_key.insert(at, id);
                self.by_key = Some(by_key);
            }
            None => self.order_keys(),
        }
    }

    /// Returns where a new key goes among sorted ones.
    fn sorted_place(&self, key: &str) -> usize {
        if let Some(by_key) = &self.by_key {
            return self.search(by_key, key).unwrap_or_else(|at| at);
        }
        let is_before = |id: &Id| self.key(*id).as_ref().cmp(key) == Ordering::Less;
        self.list.items.ids().take_while(is_before).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::{Members, Value};
    use crate::image::json::list::{Layout, List};

    proptest! {
        #[test]
        fn it_knows_whether_its_keys_are_sorted(
            steps in prop::collection::vec((any::<bool>(), any::<bool>(), "[a-z]{1,2}"), 0..80),
        ) {
            let mut members = Members::from(List::of([]));
            for (is_removal, is_ordered, key) in steps {
                if is_removal {
                    members.take(&key);
                } else {
                    let order = ["m", "a", key.as_str()];
                    let order = if is_ordered { &order[..] } else { &[] };
                    members.put(&key, order, Value::null(), &Layout::default(), 0);
                }
                let keys: Vec<_> = members.list.items.ids().map(|id| members.key(id)).collect();
                assert_eq!(members.is_sorted(), keys.is_sorted(), "{keys:?}");
            }
        }
    }
}
