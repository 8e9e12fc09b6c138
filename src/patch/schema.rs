//! The JSON Schema of a patch, for editors; made of the shapes that the parser decodes.
//!
//! Text is taken as it is written, so where the parser takes text the schema takes numbers and booleans too. What a
//! schema cannot say (repeated keys, the grammar of references) only the parser knows.

use serde_json::{Value, json};

use super::args::{Choices, Declaration, Declarations, Flag};
use super::{ApiVersion, Patch};
use crate::shape::{Definitions, Map, Shape};

/// What every text with an arg in it has.
const AN_ARG: &str = r"\$\{";
/// The words of which one is written, and what editors show of them.
const WORDS: [&str; 3] = ["enum", "enumDescriptions", "markdownEnumDescriptions"];
/// What is read before args are filled in.
const NOT_FILLED_IN: [&str; 5] = [
    ApiVersion::NAME,
    Choices::NAME,
    Declaration::NAME,
    Declarations::NAME,
    Flag::NAME,
];

/// Returns the JSON Schema (draft-07) of one document of a patch file.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Definitions::default();
    let root = Patch::map_schema(&mut definitions);
    let mut schema = definitions.schema_of_file("patch", root);
    let definitions = schema["definitions"].as_object_mut();
    for (name, definition) in definitions.expect("it is a map of definitions") {
        if !NOT_FILLED_IN.contains(&name.as_str()) {
            let_args_in(definition);
        }
    }
    schema
}

/// Where a text is to have some form, a text with an arg in it is as good: nobody knows its form yet.
fn let_args_in(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            // Keys hold no args.
            let values = object.iter_mut().filter(|(key, _)| *key != "propertyNames");
            values.for_each(|(_, value)| let_args_in(value));
            let_arg_be(object);
        }
        Value::Array(items) => items.iter_mut().for_each(let_args_in),
        _ => {}
    }
}

fn let_arg_be(object: &mut serde_json::Map<String, Value>) {
    if let Some(Value::String(pattern)) = object.get_mut("pattern") {
        *pattern = format!("{AN_ARG}|(?:{pattern})");
    }
    let words = WORDS.iter();
    let words =
        words.filter_map(|keyword| Some(((*keyword).to_owned(), object.shift_remove(*keyword)?)));
    let words: serde_json::Map<String, Value> = words.collect();
    if !words.is_empty() {
        let choices = json!([words, { "type": "string", "pattern": AN_ARG }]);
        object.insert("anyOf".to_owned(), choices);
    }
}
