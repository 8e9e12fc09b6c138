//! Values by name: labels, variables, annotations.

use super::Operations;
use crate::patch::{DraftValue, PatchDraft};
use crate::reference::Glob;

type Pairs = [(String, String)];

/// What is removed and what is set.
pub(super) struct NamedChanges {
    pub(super) gone: Vec<Glob>,
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
        let is_there = |pairs: &Pairs, name: &str| pairs.iter().any(|(other, _)| other == name);
        let names = before.iter().map(|(name, _)| name);
        let gone = patterns(names.filter(|name| !is_there(after, name)).cloned(), unset);
        let mut new: Vec<(String, DraftValue)> = Vec::new();
        for (name, _) in after {
            let value = last(after, name);
            let stays = last(before, name) == value && !gone.iter().any(|g| g.matches(name));
            if stays || new.iter().any(|(other, _)| other == name) {
                continue;
            }
            let pair = (name.clone(), DraftValue::text(value.unwrap_or_default()));
            if PatchDraft::can_say(set, &DraftValue::Map(vec![pair.clone()])) {
                new.push(pair);
            }
        }
        Self { gone, set: new }
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
    let gone: Vec<&str> = changes.gone.iter().map(Glob::as_str).collect();
    let mut operations = Operations::new();
    if !gone.is_empty() {
        operations.push((unset, DraftValue::texts(&gone)));
    }
    if !changes.set.is_empty() {
        operations.push((set, DraftValue::Map(changes.set)));
    }
    operations
}

/// Of a name that stands twice the last value counts.
fn last<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    let mut pairs = pairs.iter().rev();
    let found = pairs.find(|(other, _)| other == name);
    found.map(|(_, value)| value.as_str())
}

/// Returns patterns for `names`: the names themselves, but for those that a pattern before them matches already.
pub(super) fn patterns(names: impl Iterator<Item = String>, operation: &'static str) -> Vec<Glob> {
    let mut patterns: Vec<Glob> = Vec::new();
    for name in names {
        let is_gone = patterns.iter().any(|pattern| pattern.matches(&name));
        if !is_gone && PatchDraft::can_say(operation, &DraftValue::texts(&[&name])) {
            patterns.push(Glob::new(&name));
        }
    }
    patterns
}
