//! Things by name: labels, variables, annotations, ports, volumes.

use std::collections::{HashMap, HashSet};

use super::inverse::{CanSay, DraftValue, Operations, sayable};
use crate::reference::Glob;

type Pairs = [(String, String)];

/// Names with a `*` or `?` that are removed one by one: each is a pattern, which may match any other name. Where there are
/// more, the whole field is made anew.
const MAX_GLOBS: usize = 100;

/// What is removed, as patterns: the names themselves. One that holds a `*` may match more.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    names: Vec<String>,
    literal: HashSet<String>,
    globs: Vec<Glob>,
}

impl Removed {
    /// Takes the names that `operation` can say, but for those that a pattern before them matches already.
    pub(crate) fn of(
        names: impl Iterator<Item = String>,
        operation: &'static str,
        can_say: CanSay,
    ) -> Self {
        let mut removed = Self::default();
        for name in sayable(operation, names.collect(), &DraftValue::texts, can_say) {
            if removed.matches(&name) {
                continue;
            }
            let glob = Glob::new(&name);
            if glob.has_wildcard() {
                if removed.globs.len() == MAX_GLOBS {
                    continue;
                }
                removed.globs.push(glob);
            }
            removed.literal.insert(name.clone());
            removed.names.push(name);
        }
        removed
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        self.literal.contains(name) || self.globs.iter().any(|glob| glob.matches(name))
    }

    /// The patterns as a list, unless there are none.
    pub(crate) fn list(&self) -> Option<DraftValue> {
        (!self.names.is_empty()).then(|| DraftValue::texts(&self.names))
    }
}

/// What is removed and what is set.
pub(crate) struct NamedChanges {
    pub(crate) gone: Removed,
    pub(crate) set: Vec<(String, DraftValue)>,
}

impl NamedChanges {
    /// Returns what turns `before` into `after`, as far as `unset` and `set` can say it.
    pub(crate) fn between(
        before: &Pairs,
        after: &Pairs,
        (unset, set): (&'static str, &'static str),
        can_say: CanSay,
    ) -> Self {
        // Of a name that stands twice the last value counts.
        let values = |pairs: &Pairs| -> HashMap<String, String> { pairs.iter().cloned().collect() };
        let (old, new) = (values(before), values(after));
        let names = before.iter().map(|(name, _)| name);
        let gone = Removed::of(
            names.filter(|name| !new.contains_key(*name)).cloned(),
            unset,
            can_say,
        );
        let mut seen = HashSet::new();
        let is_new = |name: &&String| {
            let stays = old.get(*name) == new.get(*name) && !gone.matches(name);
            !stays && seen.insert((*name).clone())
        };
        let names = after.iter().map(|(name, _)| name).filter(is_new);
        let pairs = names.map(|name| (name.clone(), DraftValue::text(&new[name])));
        let map = |pairs: &[(String, DraftValue)]| DraftValue::Map(pairs.to_vec());
        let set = sayable(set, pairs.collect(), &map, can_say);
        Self { gone, set }
    }
}

/// Returns the operations of [`NamedChanges`], where they take plain lists and maps.
pub(crate) fn changes(
    before: &Pairs,
    after: &Pairs,
    (unset, set): (&'static str, &'static str),
    can_say: CanSay,
) -> Operations {
    let changes = NamedChanges::between(before, after, (unset, set), can_say);
    let mut operations = Operations::new();
    operations.extend(changes.gone.list().map(|list| (unset, list)));
    if !changes.set.is_empty() {
        operations.push((set, DraftValue::Map(changes.set)));
    }
    operations
}

#[cfg(test)]
mod tests {
    use super::{DraftValue, MAX_GLOBS, Removed};

    fn removed(names: &[&str]) -> Removed {
        let names = names.iter().map(|&name| name.to_owned());
        Removed::of(names, "unset-label", |_, _| true)
    }

    #[test]
    fn a_name_that_a_pattern_before_it_matches_is_left_out() {
        for (names, kept) in [
            (&["a", "b", "a"][..], &["a", "b"][..]),
            (&["a*", "ab", "b"], &["a*", "b"]),
            (&["ab", "a*"], &["ab", "a*"]),
            (&["a?", "ab*", "ab", "a*"], &["a?", "ab*"]),
        ] {
            let removed = removed(names);
            assert_eq!(removed.list(), Some(DraftValue::texts(kept)));
            assert!(names.iter().all(|name| removed.matches(name)));
            assert!(!removed.matches("c"));
        }
        assert_eq!(removed(&[]).list(), None);
    }

    #[test]
    fn many_patterns_are_cut() {
        let names: Vec<String> = (0..=MAX_GLOBS).map(|i| format!("{i}-*")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let removed = removed(&[&names[..], &["x"]].concat());
        let kept = [&names[..MAX_GLOBS], &["x"]].concat();
        assert_eq!(removed.list(), Some(DraftValue::texts(&kept)));
    }
}
