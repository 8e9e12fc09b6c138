//! Preconditions on fields of the configuration: each value is read as what its field holds.

use super::decode::{Field, Problems, suggestion};
use super::duration::duration;
use super::node::Value;
use super::ports;
use super::schema;
use super::values::{number, plain, volumes};
use crate::config_field::{ConfigField, Shape};
use crate::problem::{Code, Problem, quoted};

/// What a field is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// This text; the empty one where there is nothing.
    Text(String),
    /// This number.
    Number(i64),
    /// These texts, in this order.
    Texts(Vec<String>),
    /// These keys, sorted.
    Keys(Vec<String>),
}

impl Expected {
    /// Tells whether nothing is to be in the field.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Number(_) => false,
            Self::Texts(texts) | Self::Keys(texts) => texts.is_empty(),
        }
    }
}

pub(super) fn fields(
    field: &Field<'_>,
    problems: &mut Problems,
) -> Option<Vec<(ConfigField, Expected)>> {
    let entries = field.entries("write at least one `field: value`", problems)?;
    let mut fields = Vec::new();
    for (name, value) in entries {
        match known().find(|field| field.name() == name) {
            Some(field) => {
                fields.extend(expected(field, &value, problems).map(|expected| (field, expected)));
            }
            None => problems.add(unknown(name, &value)),
        }
    }
    Some(fields)
}

/// The fields that one value can be compared with.
fn known() -> impl Iterator<Item = ConfigField> {
    let fields = ConfigField::ALL.iter().copied();
    fields.filter(|field| !matches!(field.shape(), Shape::Map | Shape::Object))
}

fn unknown(name: &str, value: &Field<'_>) -> Problem {
    let address = value.address.clone().on_key();
    let message = format!("{} is not a field with a value", quoted(name));
    let names: Vec<&str> = known().map(ConfigField::name).collect();
    let help = match name {
        "labels" => "the precondition `label` compares labels".to_owned(),
        "healthcheck" => "name its parts, as in `healthcheck.test`".to_owned(),
        _ => suggestion(name, &names),
    };
    Problem::new(Code::InvalidValue, address, message).with_help(help)
}

fn expected(kind: ConfigField, field: &Field<'_>, problems: &mut Problems) -> Option<Expected> {
    match kind.shape() {
        Shape::Text | Shape::Time => {
            let text = field.text(problems)?;
            plain(field, text, problems).map(Expected::Text)
        }
        Shape::Number => match kind {
            ConfigField::StopTimeout => number(field, -1, problems),
            ConfigField::HealthcheckRetries => number(field, 0, problems),
            _ => duration(field, problems),
        }
        .map(Expected::Number),
        Shape::Texts | Shape::Command => texts(field, problems).map(Expected::Texts),
        Shape::Set => {
            let mut keys = match (&field.node.value, kind) {
                (Value::List(items), _) if items.is_empty() => Vec::new(),
                (_, ConfigField::Ports) => ports::ports(field, problems)?,
                _ => volumes(field, problems)?,
            };
            keys.sort();
            Some(Expected::Keys(keys))
        }
        Shape::Map | Shape::Object => None,
    }
}

/// A list of texts, which may be empty.
fn texts(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    if matches!(&field.node.value, Value::List(items) if items.is_empty()) {
        return Some(Vec::new());
    }
    let items = field.items("write a list of strings; `[]` means none", problems)?;
    let texts = items.iter().filter_map(|item| {
        let text = item.text(problems)?;
        plain(item, text, problems)
    });
    Some(texts.collect())
}

schema::schemas! {
    Fields, "ExpectedFields", |generator| {
        let text = generator.subschema_for::<schema::Text>();
        let mut properties = serde_json::Map::new();
        for field in known() {
            let value = match field.shape() {
                Shape::Number => match field {
                    ConfigField::StopTimeout => generator.subschema_for::<schema::Seconds>(),
                    ConfigField::HealthcheckRetries => generator.subschema_for::<schema::Count>(),
                    _ => generator.subschema_for::<schema::Duration>(),
                },
                Shape::Texts | Shape::Command => texts_schema(&text),
                Shape::Set => texts_schema(&match field {
                    ConfigField::Ports => generator.subschema_for::<schema::Port>(),
                    _ => generator.subschema_for::<schema::Directory>(),
                }),
                _ => text.clone(),
            };
            properties.insert(field.name().to_owned(), value.into());
        }
        schemars::json_schema!({
            "description": "Values by field of the configuration",
            "type": "object",
            "minProperties": 1,
            "properties": properties,
            "additionalProperties": false,
        })
    };
}

fn texts_schema(item: &schemars::Schema) -> schemars::Schema {
    schemars::json_schema!({ "type": "array", "items": item })
}

pub(super) struct Fields;
