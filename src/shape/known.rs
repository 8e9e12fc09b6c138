//! The keys that a map may have, and what is meant by others.

use super::decode::Field;
use super::record::Map;
use super::spelling::{kebab_case, listed, nearest, suggestion};

/// The keys that a map may have.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) keys: Vec<&'static str>,
    /// Groups of keys; of each, one must be there.
    required: Vec<Vec<&'static str>>,
    /// Says where to write a key, given in kebab case, that belongs somewhere else.
    stray: fn(&str) -> Option<String>,
}

/// Keys that are there under another name, which is reported.
#[derive(Debug, Default)]
pub(super) struct Meant {
    /// Those whose name is nearly right.
    misspelled: Vec<&'static str>,
    /// Those that must be there and are not, while keys are there that nobody knows.
    required: Vec<&'static str>,
}

impl Known {
    pub(crate) fn of<M: Map>() -> Self {
        Self {
            keys: M::keys(),
            required: required::<M>(),
            stray: M::stray,
        }
    }

    /// Returns what is meant by the unknown ones of some fields: a wrong key for one that must be there is one mistake.
    pub(super) fn meant(
        &self,
        fields: &[(&str, Field<'_>)],
        unknown: &[&(&str, Field<'_>)],
    ) -> Meant {
        let misspelled = unknown
            .iter()
            .filter_map(|(key, _)| nearest(key, &self.keys));
        let misspelled: Vec<&str> = misspelled.collect();
        let is_there =
            |key: &&str| misspelled.contains(key) || fields.iter().any(|(name, _)| name == key);
        let mut missing = self.required.clone();
        missing.retain(|group| !group.iter().any(is_there));
        let is_open = |key: &str| nearest(key, &self.keys).is_none() && self.stray(key).is_none();
        let n_open = unknown.iter().filter(|(key, _)| is_open(key)).count();
        if missing.len() > n_open {
            missing.clear();
        }
        Meant {
            misspelled,
            required: missing.concat(),
        }
    }

    fn stray(&self, key: &str) -> Option<String> {
        (self.stray)(&kebab_case(key))
    }

    /// Returns the help for an unknown key.
    pub(super) fn help(&self, key: &str, meant: &Meant) -> String {
        if nearest(key, &self.keys).is_some() {
            return suggestion(key, &self.keys);
        }
        if let Some(help) = self.stray(key) {
            return help;
        }
        match meant.required.as_slice() {
            [] => suggestion(key, &self.keys),
            [one] => format!("did you mean `{one}`, which is required?"),
            several => {
                let several = several.iter().map(|key| format!("`{key}`"));
                format!("did you mean {}?", listed(several, "or"))
            }
        }
    }
}

impl Meant {
    pub(super) fn includes(&self, key: &str) -> bool {
        self.misspelled.contains(&key) || self.required.contains(&key)
    }
}

/// Returns groups of the keys of a map; of each, one must be there.
pub(super) fn required<M: Map>() -> Vec<Vec<&'static str>> {
    let (parts, rules) = (M::parts(), M::rules());
    let of_parts = parts.iter().flat_map(|part| part.required());
    let of_rules = rules.iter().filter_map(|rule| rule.required());
    of_parts.chain(of_rules).collect()
}
