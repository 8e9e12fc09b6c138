//! Values that go into documents of other formats, and pointers to their places.

use std::collections::HashSet;

use serde_json::json;

use super::Shape;
use super::decode::{Field, Problems};
use super::definitions::{Definitions, Keys, map_of, shape, string_like};
use super::node::{Node, Value as NodeValue};
use crate::document::{InvalidPointer, Pointer, Value};
use crate::problem::{Code, Problem, quoted};

/// A value for a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The value.
    pub value: Value,
    /// There is a secret in it.
    pub is_secret: bool,
}

shape! {
    /// Any value; scalars without quotes have the type that YAML 1.2 gives them
    impl Given, "AnyValue" {
        |_| json!({}),
        |field, problems| {
            Some(Self {
                value: value(field, problems)?,
                is_secret: has_secret(field.node),
            })
        }
    }
}

shape! {
    /// A merge patch (RFC 7396): a map of the keys that change, with null for those to remove
    pub(crate) struct MergePatch("MergePatch") -> Given {
        |_| json!({ "type": "object", "minProperties": 1 }),
        |field, problems| {
            field.entries("write the keys that change, as in `{log: {level: debug}}`", problems)?;
            Given::decode(field, problems)
        }
    }
}

/// What a pointer starts with, and how a `~` goes on (RFC 6901, section 3).
const POINTER: Keys = Keys {
    word: "/pointer",
    pattern: "^(/([^/~]|~[01])*)*$",
    message: "write the keys on the way, as in `/log/level`, with `~1` for a `/` in a key and `~0` for a `~`",
};

shape! {
    /// Values by JSON pointer (RFC 6901); `/list/-` appends to a list
    pub(crate) struct PointerMap("PointerMap") -> Vec<(Pointer, Given)> {
        |definitions| map_of::<Given>(POINTER, definitions),
        pointer_map
    }
}

shape! {
    /// JSON pointers (RFC 6901), each once
    pub(crate) struct PointerList("PointerList") -> Vec<Pointer> {
        |_: &mut Definitions| json!({
            "type": "array",
            "minItems": 1,
            "uniqueItems": true,
            "items": string_like(POINTER.pattern, POINTER.message),
        }),
        pointer_list
    }
}

fn pointer_map(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<(Pointer, Given)>> {
    let help = "write at least one pointer and its value, as in `{/log/level: debug}`";
    let mut pairs = Vec::new();
    for (name, field) in field.entries(help, problems)? {
        let place = Field {
            address: field.address.clone().on_key(),
            ..field.clone()
        };
        let pointer = pointer(name, &place, problems);
        pairs.push(pointer.zip(Given::decode(&field, problems)));
    }
    pairs.into_iter().collect()
}

fn pointer_list(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<Pointer>> {
    let mut pointers = Vec::new();
    let mut seen = HashSet::new();
    for item in field.items("write at least one pointer, as in `[/log/level]`", problems)? {
        let text = item.word(problems)?;
        if !seen.insert(text) {
            let message = format!("{} has {} twice", field.name, quoted(text));
            problems.add(item.problem(Code::RepeatedItem, message));
        }
        pointers.push(pointer(text, &item, problems));
    }
    pointers.into_iter().collect()
}

fn pointer(text: &str, field: &Field<'_>, problems: &mut Problems) -> Option<Pointer> {
    let reason = match Pointer::parse(text) {
        Ok(pointer) => return Some(pointer),
        Err(InvalidPointer::NoSlash) => "it does not start with `/`",
        Err(InvalidPointer::Escape) => "a `~` in it is followed by neither `0` nor `1`",
    };
    let message = format!("{} is not a JSON pointer: {reason}", quoted(text));
    let problem = Problem::new(Code::InvalidValue, field.address.clone(), message);
    problems.add(problem.with_help(POINTER.message));
    None
}

fn value(field: &Field<'_>, problems: &mut Problems) -> Option<Value> {
    match &field.node.value {
        NodeValue::Unknown => None,
        NodeValue::Null => Some(Value::Null),
        NodeValue::Text(text) if field.node.is_plain => {
            let value = Value::of_plain(text);
            if value.is_none() {
                let message = format!(
                    "{} is {}, a number that JSON does not have",
                    field.name,
                    quoted(text)
                );
                let problem = field.problem(Code::InvalidValue, message);
                problems.add(problem.with_help("write it in decimal, or in quotes for a string"));
            }
            value
        }
        NodeValue::Text(text) => Some(Value::Text(text.clone())),
        NodeValue::List(nodes) if nodes.is_empty() => Some(Value::List(Vec::new())),
        NodeValue::List(_) => {
            let items = field.items("", problems)?;
            let items: Vec<_> = items.iter().map(|item| value(item, problems)).collect();
            items.into_iter().collect::<Option<_>>().map(Value::List)
        }
        NodeValue::Map(pairs) if pairs.is_empty() => Some(Value::Map(Vec::new())),
        NodeValue::Map(_) => {
            let pairs = field.entries("", problems)?;
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(key, field)| Some(((*key).to_owned(), value(field, problems)?)))
                .collect();
            pairs.into_iter().collect::<Option<_>>().map(Value::Map)
        }
    }
}

fn has_secret(node: &Node) -> bool {
    node.is_secret
        || match &node.value {
            NodeValue::List(items) => items.iter().any(has_secret),
            NodeValue::Map(pairs) => pairs.iter().any(|(_, value)| has_secret(value)),
            _ => false,
        }
}
