//! What an operation takes away: a list, or a map of it and of what it means that something is not there.

use schemars::JsonSchema;

use super::decode::{Field, Problems, Record, suggestion};
use super::node::Value;
use super::pattern;
use crate::config_field::ConfigField;
use crate::problem::{Address, Code, quoted};
use crate::reference::Glob;

const GLOBS_HELP: &str = "write at least one pattern; `\"*\"` matches everything";
const FIELDS_HELP: &str = "write at least one field, as in `[healthcheck]`";

/// Which of several named things to remove, and whether a pattern may match none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// A thing is removed if one of these matches its name.
    pub globs: Vec<Glob>,
    /// What a pattern is that matches nothing.
    pub if_missing: IfMissing,
    is_long: bool,
}

/// Which fields of the configuration to remove, and whether one may have nothing in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unset {
    /// The fields.
    pub fields: Vec<ConfigField>,
    /// What a field is that has nothing in it.
    pub if_missing: IfMissing,
    is_long: bool,
}

/// What to do if there is nothing to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum IfMissing {
    /// Report a problem.
    #[default]
    Problem,
    /// Do nothing.
    Ignore,
}

/// A list, and the map around it if there is one.
pub(super) struct Matches<'a> {
    pub(super) list: Option<Field<'a>>,
    pub(super) if_missing: Option<IfMissing>,
    pub(super) record: Option<Record<'a>>,
}

impl<'a> Matches<'a> {
    /// Reads a list, or a map that has it under `match` and may have the keys `more`.
    pub(super) fn decode(
        field: &Field<'a>,
        more: &[&'static str],
        help: &str,
        problems: &mut Problems,
    ) -> Option<Self> {
        if !matches!(field.node.value, Value::Map(_)) {
            return Some(Self {
                list: Some(field.clone()),
                if_missing: Some(IfMissing::Problem),
                record: None,
            });
        }
        let record = field.record(&[&["match", "if-missing"], more].concat(), problems)?;
        let list = record.require("match", Code::MissingKey, help, problems);
        let if_missing = IfMissing::of(&record, problems);
        Some(Self {
            list: list.cloned(),
            if_missing,
            record: Some(record),
        })
    }
}

impl Removal {
    /// Returns the address of the pattern `index`, given the one of the operation.
    #[must_use]
    pub fn glob_address(&self, operation: Address, index: usize) -> Address {
        item_address(operation, index, self.is_long)
    }

    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let matches = Matches::decode(field, &[], GLOBS_HELP, problems)?;
        Self::of(&matches, problems)
    }

    pub(super) fn of(matches: &Matches<'_>, problems: &mut Problems) -> Option<Self> {
        let globs = globs(matches.list.as_ref()?, problems);
        Some(Self {
            globs: globs?,
            if_missing: matches.if_missing?,
            is_long: matches.record.is_some(),
        })
    }
}

impl Unset {
    /// Returns the address of the field `index`, given the one of the operation.
    #[must_use]
    pub fn field_address(&self, operation: Address, index: usize) -> Address {
        item_address(operation, index, self.is_long)
    }

    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let matches = Matches::decode(field, &[], FIELDS_HELP, problems)?;
        let list = matches.list?;
        let mut fields = Vec::new();
        for item in list.items(FIELDS_HELP, problems)? {
            let Some(name) = item.some_text(problems) else {
                continue;
            };
            match ConfigField::optional(name) {
                Some(known) if fields.contains(&known) => {
                    let message = format!("{} names `{name}` twice", list.name);
                    problems.add(item.problem(Code::RepeatedItem, message));
                }
                Some(known) => fields.push(known),
                None => {
                    let message = format!("{} is not a field that can be unset", quoted(name));
                    let all = ConfigField::ALL.iter().filter(|field| field.is_optional());
                    let names: Vec<&'static str> = all.map(|field| field.name()).collect();
                    let problem = item.problem(Code::InvalidValue, message);
                    problems.add(problem.with_help(suggestion(name, &names)));
                }
            }
        }
        Some(Self {
            fields,
            if_missing: matches.if_missing?,
            is_long: matches.record.is_some(),
        })
    }
}

impl IfMissing {
    /// Reads `if-missing` of a map; a problem if it is not there.
    pub(super) fn of(record: &Record<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(field) = record.get("if-missing") else {
            return Some(Self::Problem);
        };
        let choices = [("problem", Self::Problem), ("ignore", Self::Ignore)];
        field.choice(&choices, problems)
    }
}

pub(super) fn item_address(operation: Address, index: usize, is_long: bool) -> Address {
    if is_long {
        operation.key("match").index(index)
    } else {
        operation.index(index)
    }
}

pub(super) fn globs(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<Glob>> {
    let items = field.items(GLOBS_HELP, problems)?;
    let mut globs = Vec::with_capacity(items.len());
    for item in &items {
        let text = item.some_text(problems);
        globs.extend(text.and_then(|text| pattern::glob(text, item, problems)));
    }
    Some(globs)
}
