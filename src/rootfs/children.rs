//! The names in one directory. Where paths are deep most directories have one, and a map each would be most of the tree.

use std::collections::{BTreeMap, btree_map};

/// Names with the slots that they stand for, sorted by bytes.
#[expect(
    clippy::box_collection,
    reason = "every slot of a tree has one of these, and most hold no map"
)]
#[derive(Debug, Clone, Default)]
pub(super) enum Children {
    #[default]
    None,
    One(Box<[u8]>, u32),
    Many(Box<BTreeMap<Box<[u8]>, u32>>),
}

impl Children {
    pub(super) fn get(&self, name: &[u8]) -> Option<u32> {
        match self {
            Self::None => None,
            Self::One(only, id) => (**only == *name).then_some(*id),
            Self::Many(map) => map.get(name).copied(),
        }
    }

    /// Lets `name` stand for `id`.
    pub(super) fn insert(&mut self, name: &[u8], id: u32) {
        match self {
            Self::None => *self = Self::One(name.into(), id),
            Self::One(only, was) if **only == *name => *was = id,
            Self::One(only, was) => {
                let both = [(std::mem::take(only), *was), (name.into(), id)];
                *self = Self::Many(Box::new(both.into()));
            }
            Self::Many(map) => match map.get_mut(name) {
                Some(was) => *was = id,
                None => {
                    map.insert(name.into(), id);
                }
            },
        }
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        match self {
            Self::Many(map) => drop(map.remove(name)),
            Self::One(only, _) if **only == *name => *self = Self::None,
            Self::None | Self::One(..) => {}
        }
    }

    pub(super) fn retain(&mut self, is_kept: impl Fn(u32) -> bool) {
        match self {
            Self::Many(map) => map.retain(|_, id| is_kept(*id)),
            Self::One(_, id) if !is_kept(*id) => *self = Self::None,
            Self::None | Self::One(..) => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::None => true,
            Self::One(..) => false,
            Self::Many(map) => map.is_empty(),
        }
    }

    pub(super) fn iter(&self) -> Names<'_> {
        match self {
            Self::None => Names::One(None),
            Self::One(name, id) => Names::One(Some((name, *id))),
            Self::Many(map) => Names::Many(map.iter()),
        }
    }
}

/// The names of a directory, one after the other.
#[derive(Debug)]
pub(super) enum Names<'a> {
    One(Option<(&'a [u8], u32)>),
    Many(btree_map::Iter<'a, Box<[u8]>, u32>),
}

impl<'a> Iterator for Names<'a> {
    type Item = (&'a [u8], u32);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::One(only) => only.take(),
            Self::Many(names) => names.next().map(|(name, &id)| (&**name, id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Children;

    #[test]
    fn one_name_needs_no_map() {
        let mut children = Children::default();
        assert!(children.is_empty());
        for id in [1, 2] {
            children.insert(b"a", id);
            assert!(matches!(children, Children::One(..)) && !children.is_empty());
            assert_eq!(children.get(b"a"), Some(id));
        }
        children.insert(b"b", 3);
        children.insert(b"a", 4);
        let names: Vec<_> = children.iter().collect();
        assert_eq!(names, [(&b"a"[..], 4), (b"b", 3)]);
        let mut one = Children::default();
        one.insert(b"a", 1);
        one.remove(b"b");
        assert_eq!(one.get(b"a"), Some(1));
        children.remove(b"a");
        children.remove(b"b");
        assert!(children.is_empty());
    }
}
