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
        json!({ "$ref": format!("#/definitions/{}", S::NAME) })
    }

    pub(crate) fn into_map(self) -> serde_json::Map<String, Json> {
        self.by_name
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
    if let (Json::Object(result), Json::Object(schema)) = (&mut result, schema) {
        result.extend(schema);
    }
    result
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

/// Returns the schema of a map that is not empty, whose keys match `keys`.
pub(crate) fn map_of<S: Shape>(keys: &str, definitions: &mut Definitions) -> Json {
    json!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": keys },
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
