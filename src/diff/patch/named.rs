//! Things by name: labels, variables, annotations, ports, volumes.

use std::collections::{HashMap, HashSet};

use super::Operations;
use crate::patch::{DraftValue, PatchDraft};
use crate::reference::Glob;

type Pairs = [(String, String)];

/// Names with a `*` or `?` that are removed one by one: each is a pattern, which may match any other name. Where there are
/// more, the whole field is made anew.
const MAX_GLOBS: usize = 100;

/// What is removed, as patterns: the names themselves. One that holds a `*` may match more.
#[derive(Debug, Default)]
pub(super) struct Removed {
    names: Vec<String>,
    literal: HashSet<String>,
    globs: Vec<Glob>,
}

impl Removed {
    /// Takes the names that `operation` can say, but for those that a pattern before them matches already.
    pub(super) fn of(names: impl Iterator<Item = String>, operation: &'static str) -> Self {
        let mut removed = Self::default();
        for name in PatchDraft::sayable(operation, names.collect(), &DraftValue::texts) {
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

    pub(super) fn matches(&self, name: &str) -> bool {
        self.literal.contains(name) || self.globs.iter().any(|glob| glob.matches(name))
    }

    /// The patterns as a list, unless there are none.
    pub(super) fn list(&self) -> Option<DraftValue> {
        (!self.names.is_empty()).then(|| DraftValue::texts(&self.names))
    }
}

/// What is removed and what is set.
pub(super) struct NamedChanges {
    pub(super) gone: Removed,
    pub(super) set: Vec<(String, DraftValue)>,
}

impl NamedChanges {
    /// Returns what turns `before` into `after`, as far as `unset` and `set` can say it.
    pub(super) fn between(
        before: &Pairs,
        after: &Pairs,
        unset: &'static str,
        set: &'static str,
    ) -> Self {
        // Of a name that stands twice the last value counts.
        let values = |pairs: &Pairs| -> HashMap<String, String> { pairs.iter().cloned().collect() };
        let (old, new) = (values(before), values(after));
        let names = before.iter().map(|(name, _)| name);
        let gone = Removed::of(
            names.filter(|name| !new.contains_key(*name)).cloned(),
            unset,
        );
        let mut seen = HashSet::new();
        let is_new = |name: &&String| {
            let stays = old.get(*name) == new.get(*name) && !gone.matches(name);
            !stays && seen.insert((*name).clone())
        };
        let names = after.iter().map(|(name, _)| name).filter(is_new);
        let pairs = names.map(|name| (name.clone(), DraftValue::text(&new[name])));
        let map = |pairs: &[(String, DraftValue)]| DraftValue::Map(pairs.to_vec());
        let set = PatchDraft::sayable(set, pairs.collect(), &map);
        Self { gone, set }
    }
}

/// Returns the operations of [`NamedChanges`], where they take plain lists and maps.
pub(super) fn changes(
    before: &Pairs,
    after: &Pairs,
    unset: &'static str,
    set: &'static str,
) -> Operations {
    let changes = NamedChanges::between(before, after, unset, set);
    let mut operations = Operations::new();
    operations.extend(changes.gone.list().map(|list| (unset, list)));
    if !changes.set.is_empty() {
        operations.push((set, DraftValue::Map(changes.set)));
    }
    operations
}
