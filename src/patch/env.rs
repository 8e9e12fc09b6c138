//! Environment variables: maps of them, and parts to put before or behind what they hold.

use schemars::JsonSchema;

use super::decode::{Field, Problems};
use super::node::Value;
use super::removal::IfMissing;
use super::schema;
use super::values::{map, plain};
use crate::problem::{Code, Problem, quoted};

const HELP: &str = "write at least one variable, as in `{PATH: /opt/bin}`";

/// A part to put before or behind the value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvPart {
    /// The variable.
    pub name: String,
    /// The part.
    pub value: String,
    /// What stands between the part and the rest.
    pub separator: String,
    /// What it means that there is no such variable.
    pub if_missing: IfMissing,
}

/// A part of a variable's value, with its separator.
#[derive(JsonSchema)]
#[schemars(rename = "LongEnvPart", deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
pub(super) struct LongPart {
    /// The part.
    value: schema::SomeText,
    /// The string between the part and the rest; the default is `:`.
    separator: Option<schema::Text>,
    /// What to do if there is no such variable: report a problem (the default) or ignore it.
    if_missing: Option<IfMissing>,
}

pub(super) fn variables(
    field: &Field<'_>,
    problems: &mut Problems,
) -> Option<Vec<(String, String)>> {
    let variables = map(field, bad_name, problems)?;
    for (name, value) in &variables {
        if value.contains('\0') {
            let address = field.address.clone().key(name);
            let message = format!("the value of `{name}` has a NUL byte");
            problems.add(Problem::new(Code::InvalidValue, address, message));
        }
    }
    Some(variables)
}

pub(super) fn parts(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<EnvPart>> {
    let mut parts = Vec::new();
    for (name, value) in field.entries(HELP, problems)? {
        if let Some((code, message)) = bad_name(name) {
            problems.add(Problem::new(code, value.address.clone().on_key(), message));
        }
        parts.extend(part(name, &value, problems));
    }
    Some(parts)
}

fn part(name: &str, field: &Field<'_>, problems: &mut Problems) -> Option<EnvPart> {
    let text = |field: &Field<'_>, problems: &mut Problems| {
        let text = field.some_text(problems)?;
        plain(field, text, problems)
    };
    if !matches!(field.node.value, Value::Map(_)) {
        return Some(EnvPart {
            name: name.to_owned(),
            value: text(field, problems)?,
            separator: ":".to_owned(),
            if_missing: IfMissing::Problem,
        });
    }
    let record = field.record(&["value", "separator", "if-missing"], problems)?;
    let value = record.require("value", Code::MissingKey, "specify the value", problems);
    let value = value.and_then(|value| text(value, problems));
    let separator = match record.get("separator") {
        Some(field) => field
            .text(problems)
            .and_then(|text| plain(field, text, problems)),
        None => Some(":".to_owned()),
    };
    let if_missing = IfMissing::of(&record, problems);
    Some(EnvPart {
        name: name.to_owned(),
        value: value?,
        separator: separator?,
        if_missing: if_missing?,
    })
}

fn bad_name(name: &str) -> Option<(Code, String)> {
    if name.is_empty() {
        return Some((
            Code::InvalidEnvName,
            "the name of a variable is empty".to_owned(),
        ));
    }
    let message = format!(
        "the name {} has a `=`, NUL or control character",
        quoted(name)
    );
    name.contains(|c: char| c == '=' || c.is_control())
        .then_some((Code::InvalidEnvName, message))
}
