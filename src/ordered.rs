//! A map that keeps the order in which keys came, and from which each can go without moving the others.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Keys with values, in the order in which the keys came.
#[derive(Debug, Clone)]
pub struct OrderedMap<K, V> {
    /// By number, counted up.
    list: BTreeMap<usize, (K, V)>,
    numbers: HashMap<K, usize>,
    next: usize,
}

impl<K, V> Default for OrderedMap<K, V> {
    fn default() -> Self {
        Self {
            list: BTreeMap::new(),
            numbers: HashMap::new(),
            next: 0,
        }
    }
}

impl<K: Clone + Eq + Hash, V> OrderedMap<K, V> {
    /// Returns the value of a key.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let number = self.numbers.get(key)?;
        self.list.get(number).map(|(_, value)| value)
    }

    /// Tells whether a key is there.
    pub fn contains<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.numbers.contains_key(key)
    }

    /// Sets a value, of a new key behind all others; returns the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let number = *self.numbers.entry(key.clone()).or_insert(self.next);
        self.next += 1;
        let was = self.list.insert(number, (key, value));
        was.map(|(_, value)| value)
    }

    /// Removes a key; returns its value.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let number = self.numbers.remove(key)?;
        self.list.remove(&number).map(|(_, value)| value)
    }
}

impl<K, V> OrderedMap<K, V> {
    /// Returns keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.list.values().map(|(key, value)| (key, value))
    }

    /// Returns the keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.list.values().map(|(key, _)| key)
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<K: Clone + Eq + Hash, V> FromIterator<(K, V)> for OrderedMap<K, V> {
    /// Takes pairs in order; of a key that comes twice the first place and the last value count.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut map = Self::default();
        for (key, value) in pairs {
            map.insert(key, value);
        }
        map
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for OrderedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for OrderedMap<K, V> {}

#[cfg(test)]
mod tests {
    use super::OrderedMap;

    #[test]
    fn a_key_keeps_its_place_until_it_goes() {
        let mut map: OrderedMap<&str, u32> = [("b", 1), ("a", 2), ("c", 3)].into_iter().collect();
        assert_eq!(map.insert("b", 4), Some(1));
        assert_eq!(map.remove("a"), Some(2));
        assert_eq!(map.insert("a", 5), None);
        assert!(map.iter().eq([(&"b", &4), (&"c", &3), (&"a", &5)]));
        assert_eq!(
            (map.get("a"), map.len(), map.contains("d")),
            (Some(&5), 3, false)
        );
    }

    #[test]
    fn maps_are_the_same_if_their_pairs_are_in_the_same_order() {
        let map = |pairs: &[(&'static str, u32)]| {
            let pairs = pairs.iter().copied();
            pairs.collect::<OrderedMap<&str, u32>>()
        };
        let one = map(&[("a", 1), ("b", 2)]);
        assert!(map(&[]).is_empty() && !one.is_empty());
        assert_eq!(one, map(&[("a", 1), ("b", 2)]));
        for other in [
            &[("b", 2), ("a", 1)][..],
            &[("a", 1), ("b", 3)],
            &[("a", 1)],
        ] {
            assert_ne!(one, map(other), "{other:?}");
        }
    }
}
