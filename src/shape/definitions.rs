//! The definitions of a JSON Schema (draft-07), and the declaration of scalars and lists.

use std::any::TypeId;
use std::collections::HashMap;

use serde_json::json;

use super::Shape;

pub(crate) type Json = serde_json::Value;

/// The definitions that a schema refers to, in the order in which they are first needed.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    by_name: serde_json::Map<String, Json>,
    shapes: HashMap<&'static str, TypeId>,
}

impl Definitions {
    /// Returns a reference to the definition of a shape, which is added unless it is there.
    pub(crate) fn refer<S: Shape>(&mut self) -> Json {
        S::refer(self)
    }

    /// Does that for a shape with a definition of its own.
    pub(crate) fn define<S: Shape>(&mut self) -> Json {
        let shape = TypeId::of::<S>();
        let first = *self.shapes.entry(S::NAME).or_insert(shape);
        assert!(first == shape, "two shapes are named `{}`", S::NAME);
        if !self.by_name.contains_key(S::NAME) {
            // Keeps the place: what the definition refers to comes after it.
            self.by_name.insert(S::NAME.to_owned(), Json::Null);
            let definition = S::schema(self);
            self.by_name.insert(S::NAME.to_owned(), definition);
        }
        json!({ "$ref": reference(S::NAME) })
    }

    /// Returns the schema of a file of the language: what the file is called, and the schema of its root.
    pub(crate) fn schema_of_file(self, name: &str, root: Json) -> Json {
        let mut schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": format!("urn:ocipatch:v1:{}/{name}.schema.json", env!("CARGO_PKG_VERSION")),
        });
        extend(&mut schema, root);
        let descriptions = self.descriptions();
        schema["definitions"] = self.by_name.into();
        tell_shapes(&mut schema, &descriptions);
        schema
    }

    #[cfg(test)]
    pub(crate) fn into_map(self) -> serde_json::Map<String, Json> {
        self.by_name
    }

    /// Returns the description of each definition, by the reference to it.
    fn descriptions(&self) -> HashMap<String, String> {
        let definitions = self.by_name.iter();
        let descriptions = definitions.filter_map(|(name, definition)| {
            let description = definition["description"].as_str()?;
            Some((reference(name), description.to_owned()))
        });
        descriptions.collect()
    }
}

fn reference(name: &str) -> String {
    format!("#/definitions/{name}")
}

/// Leaves the alternatives of a value without descriptions: an editor shows the first that it finds, and looks inside first.
fn hush_alternatives(schema: &mut serde_json::Map<String, Json>) {
    let keywords = ["anyOf", "then", "else"];
    for (_, alternatives) in schema
        .iter_mut()
        .filter(|(key, _)| keywords.contains(&key.as_str()))
    {
        let alternatives = match alternatives {
            Json::Array(items) => items.iter_mut(),
            other => std::slice::from_mut(other).iter_mut(),
        };
        for alternative in alternatives.filter(|it| it.get("$ref").is_some()) {
            alternative["description"] = "".into();
        }
    }
}

/// Adds what a value looks like to the description of each property; editors show Markdown instead of plain text.
fn tell_shapes(schema: &mut Json, descriptions: &HashMap<String, String>) {
    match schema {
        Json::Array(items) => items
            .iter_mut()
            .for_each(|it| tell_shapes(it, descriptions)),
        Json::Object(object) => {
            let members = object.values_mut();
            members.for_each(|it| tell_shapes(it, descriptions));
            hush_alternatives(object);
            let shape = object.get("$ref").and_then(Json::as_str);
            let shape = shape.and_then(|shape| descriptions.get(shape));
            let description = object.get("description").and_then(Json::as_str);
            if let (Some(shape), Some(description)) = (shape, description) {
                let markdown = format!("{description}\n\n{shape}");
                object
                    .entry("markdownDescription")
                    .or_insert(markdown.into());
            }
        }
        _ => {}
    }
}

/// Returns the text of documentation comments.
pub(crate) fn text(docs: &[&str]) -> String {
    let lines: Vec<&str> = docs.iter().map(|line| line.trim()).collect();
    lines.join("\n")
}

/// Puts the description of a schema before the rest of it.
pub(crate) fn described(docs: &[&str], schema: Json) -> Json {
    let mut result = json!({ "description": text(docs) });
    extend(&mut result, schema);
    result
}

/// Returns the schema of a property: a reference to the shape of its value, and what only editors read.
///
/// A validator of draft-07 ignores what is beside `$ref` (section 8.3); editors let it outweigh what the definition says.
pub(crate) fn property(description: impl Into<String>, shape: Json) -> Json {
    let mut result = json!({ "description": description.into() });
    extend(&mut result, shape);
    result
}

fn extend(schema: &mut Json, more: Json) {
    if let (Json::Object(schema), Json::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}

/// Returns the schema of a list that is not empty.
pub(crate) fn list<S: Shape>(definitions: &mut Definitions) -> Json {
    json!({ "type": "array", "minItems": 1, "items": definitions.refer::<S>() })
}

/// Returns the schema of a list that is not empty and has no item twice.
pub(crate) fn set<S: Shape>(definitions: &mut Definitions) -> Json {
    json!({
        "type": "array",
        "minItems": 1,
        "uniqueItems": true,
        "items": definitions.refer::<S>(),
    })
}

/// Returns the schema of a string that matches a pattern; editors show `message` where one does not.
///
/// `patternErrorMessage` is a keyword of the language servers of VS Code for JSON and YAML; validators ignore it.
pub(crate) fn string_like(pattern: &str, message: &str) -> Json {
    json!({ "type": "string", "pattern": pattern, "patternErrorMessage": message })
}

/// The keys of a map: the word that an editor inserts for one, their pattern, and the message for others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) word: &'static str,
    pub(crate) pattern: &'static str,
    pub(crate) message: &'static str,
}

impl Keys {
    /// Returns the schema of one of them.
    pub(crate) fn schema(self) -> Json {
        json!({ "title": self.word, "pattern": self.pattern, "patternErrorMessage": self.message })
    }
}

/// Returns the schema of a map that is not empty, whose keys are such.
pub(crate) fn map_of<S: Shape>(keys: Keys, definitions: &mut Definitions) -> Json {
    json!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": keys.schema(),
        "additionalProperties": definitions.refer::<S>(),
    })
}

/// Declares a shape: documentation (which is the description in the schema), its name, the value, the rest of the
/// schema, and how a field is decoded. `impl` is for a type that is its own value; `like` takes over the schema of
/// another shape.
macro_rules! shape {
    ($(#[doc = $doc:literal])+ $vis:vis struct $shape:ident($name:literal) -> $value:ty { $schema:expr, $decode:expr $(,)? }) => {
        $(#[doc = $doc])+
        $vis struct $shape;

        $crate::shape::shape!(@impl $shape, $name, [$($doc),+], $value, $schema, $decode);
    };
    ($(#[doc = $doc:literal])+ impl $shape:ty, $name:literal { $schema:expr, $decode:expr }) => {
        $crate::shape::shape!(@impl $shape, $name, [$($doc),+], $shape, $schema, $decode);
    };
    ($(#[doc = $doc:literal])+ $vis:vis struct $shape:ident like $other:ty, -> $value:ty { $decode:expr }) => {
        $(#[doc = $doc])+
        $vis struct $shape;

        $crate::shape::shape!(@like $shape, $other, $value, $decode);
    };
    (impl $shape:ty, like $other:ty { $decode:expr }) => {
        $crate::shape::shape!(@like $shape, $other, $shape, $decode);
    };
    (@like $shape:ty, $other:ty, $value:ty, $decode:expr) => {
        impl $crate::shape::Shape for $shape {
            type Value = $value;

            const NAME: &'static str = <$other as $crate::shape::Shape>::NAME;

            fn schema(definitions: &mut $crate::shape::Definitions) -> $crate::shape::Json {
                <$other as $crate::shape::Shape>::schema(definitions)
            }

            fn refer(definitions: &mut $crate::shape::Definitions) -> $crate::shape::Json {
                <$other as $crate::shape::Shape>::refer(definitions)
            }

            $crate::shape::shape!(@decode $value, $decode);
        }
    };
    (@impl $shape:ty, $name:literal, [$($doc:literal),+], $value:ty, $schema:expr, $decode:expr) => {
        impl $crate::shape::Shape for $shape {
            type Value = $value;

            const NAME: &'static str = $name;

            fn schema(definitions: &mut $crate::shape::Definitions) -> $crate::shape::Json {
                let schema: fn(&mut $crate::shape::Definitions) -> $crate::shape::Json = $schema;
                $crate::shape::described(&[$($doc),+], schema(definitions))
            }

            $crate::shape::shape!(@decode $value, $decode);
        }
    };
    (@decode $value:ty, $decode:expr) => {
        fn decode(
            field: &$crate::shape::Field<'_>,
            problems: &mut $crate::shape::Problems,
        ) -> Option<$value> {
            let decode: fn(&$crate::shape::Field<'_>, &mut $crate::shape::Problems) -> Option<$value> = $decode;
            decode(field, problems)
        }
    };
}
pub(crate) use shape;
