//! Preconditions on fields of the configuration: each value is read as what its field holds.

use serde_json::json;

use crate::config_field::{ConfigField, FieldShape};
use crate::problem::{Code, Problem, quoted};
use crate::shape::node::Value;
use crate::shape::{
    Count, Definitions, Directory, Duration, Field, Json, PlainText, Port, Ports, Problems,
    Seconds, Shape, Text, Volumes, property, shape, suggestion,
};

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

shape! {
    /// Values by field of the configuration
    pub(super) struct Fields("ExpectedFields") -> Vec<(ConfigField, Expected)> {
        fields_schema, fields
    }
}

fn fields_schema(definitions: &mut Definitions) -> Json {
    let mut properties = serde_json::Map::new();
    for field in known() {
        let value = match field.shape() {
            FieldShape::Number => match field {
                ConfigField::StopTimeout => definitions.refer::<Seconds>(),
                ConfigField::HealthcheckRetries => definitions.refer::<Count>(),
                _ => definitions.refer::<Duration>(),
            },
            FieldShape::Texts | FieldShape::Command => any_list::<Text>(definitions),
            FieldShape::Set => match field {
                ConfigField::Ports => any_list::<Port>(definitions),
                _ => any_list::<Directory>(definitions),
            },
            FieldShape::Text | FieldShape::Time | FieldShape::Map | FieldShape::Object => {
                definitions.refer::<Text>()
            }
        };
        let property = property(field.docs(), value);
        properties.insert(field.name().to_owned(), property);
    }
    json!({
        "type": "object",
        "minProperties": 1,
        "properties": properties,
        "additionalProperties": false,
    })
}

/// A list that may be empty, for a field that is to be so.
fn any_list<S: Shape>(definitions: &mut Definitions) -> Json {
    json!({ "type": "array", "items": definitions.refer::<S>() })
}

fn fields(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<(ConfigField, Expected)>> {
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
    fields.filter(|field| !matches!(field.shape(), FieldShape::Map | FieldShape::Object))
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
        FieldShape::Text | FieldShape::Time => {
            PlainText::decode(field, problems).map(Expected::Text)
        }
        FieldShape::Number => match kind {
            ConfigField::StopTimeout => Seconds::decode(field, problems),
            ConfigField::HealthcheckRetries => Count::decode(field, problems),
            _ => Duration::decode(field, problems),
        }
        .map(Expected::Number),
        FieldShape::Texts | FieldShape::Command => texts(field, problems).map(Expected::Texts),
        FieldShape::Set => {
            let mut keys = match (&field.node.value, kind) {
                (Value::List(items), _) if items.is_empty() => Vec::new(),
                (_, ConfigField::Ports) => Ports::decode(field, problems)?,
                _ => Volumes::decode(field, problems)?,
            };
            keys.sort();
            Some(Expected::Keys(keys))
        }
        FieldShape::Map | FieldShape::Object => None,
    }
}

/// A list of texts, which may be empty.
fn texts(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    if matches!(&field.node.value, Value::List(items) if items.is_empty()) {
        return Some(Vec::new());
    }
    let items = field.items("write a list of strings; `[]` means none", problems)?;
    let texts = items
        .iter()
        .filter_map(|item| PlainText::decode(item, problems));
    Some(texts.collect())
}

#[cfg(test)]
mod tests {
    use super::{ConfigField, Expected};
    use crate::patch::{Expectation, PatchFile};

    fn expected(field: &str, value: &str) -> (ConfigField, Expected) {
        let text = format!(
            "apiVersion: ocipatch/v1\nexpect: [config: {{ {field}: {value} }}]\noperations: [set-user: x]\n"
        );
        let file = PatchFile::parse("x", text.as_bytes()).expect("it is a patch");
        let [Expectation::Config(fields)] = &file.patches()[0].expect[..] else {
            panic!("{field}");
        };
        fields[0].clone()
    }

    #[test]
    fn a_value_is_read_as_what_its_field_has() {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        for (field, value, wanted) in [
            ("user", "01", Expected::Text("01".to_owned())),
            ("user", "\"\"", Expected::Text(String::new())),
            ("stop-timeout", "7", Expected::Number(7)),
            ("healthcheck.retries", "7", Expected::Number(7)),
            ("healthcheck.timeout", "7s", Expected::Number(7_000_000_000)),
            ("cmd", "[b, a]", Expected::Texts(texts(&["b", "a"]))),
            ("cmd", "[]", Expected::Texts(vec![])),
            (
                "ports",
                "[90, 8]",
                Expected::Keys(texts(&["8/tcp", "90/tcp"])),
            ),
            ("volumes", "[/b, /a]", Expected::Keys(texts(&["/a", "/b"]))),
            ("volumes", "[]", Expected::Keys(vec![])),
        ] {
            let (found, value) = expected(field, value);
            assert_eq!((found.name(), &value), (field, &wanted));
            let is_nothing = matches!(&wanted, Expected::Text(text) if text.is_empty())
                || matches!(&wanted, Expected::Texts(all) | Expected::Keys(all) if all.is_empty());
            assert_eq!(value.is_nothing(), is_nothing);
        }
    }
}
