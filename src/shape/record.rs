//! The declaration of maps with known keys.

use std::marker::PhantomData;

use serde_json::json;

use super::Shape;
use super::decode::{Field, Problems, Record};
use super::definitions::{Definitions, Json, described};
use super::known::Known;
use super::node::Value;
use super::parts::{Described, MapSchema};
use super::rules::Rule;

/// A map with known keys; [`record!`] declares one.
pub(crate) trait Map: Sized + 'static {
    /// The name of its definition in the schema.
    const MAP: &'static str;
    /// What it is, line by line.
    const DOCS: &'static [&'static str];

    /// Returns what its fields are decoded from, in the order of the declaration.
    fn parts() -> Vec<Box<dyn Described>>;

    /// Returns the rules about keys that do or do not go together.
    fn rules() -> Vec<Box<dyn Rule>>;

    /// Returns the value of a map that keeps the rules.
    fn of_parts(record: &Record<'_>, problems: &mut Problems) -> Option<Self>;

    /// Returns its keys.
    fn keys() -> Vec<&'static str> {
        Self::parts().iter().flat_map(|part| part.keys()).collect()
    }

    /// Says where to write a key, given in kebab case, that belongs somewhere else.
    fn stray(_key: &str) -> Option<String> {
        None
    }

    /// Returns a reference to the shape of the value of `key`.
    fn refer(key: &str, definitions: &mut Definitions) -> Option<Json> {
        let parts = Self::parts();
        parts.iter().find_map(|part| part.refer(key, definitions))
    }

    /// Adds its keys to a schema, and the rules about them.
    fn describe(schema: &mut MapSchema, definitions: &mut Definitions) {
        for part in Self::parts() {
            part.describe(schema, definitions);
        }
        for rule in Self::rules() {
            rule.describe(schema);
        }
    }

    /// Returns its definition.
    fn map_schema(definitions: &mut Definitions) -> Json {
        let mut schema = MapSchema::default();
        Self::describe(&mut schema, definitions);
        schema.finish(Self::DOCS)
    }

    /// Returns the value of a map that has only known keys.
    fn of_record(record: &Record<'_>, problems: &mut Problems) -> Option<Self> {
        for rule in Self::rules() {
            rule.check(record, problems);
        }
        Self::of_parts(record, problems)
    }

    /// Returns the value of a field that is such a map.
    fn decode_map(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        Self::of_record(&field.record(&Known::of::<Self>(), problems)?, problems)
    }
}

/// A map that also has a short form, as the shape of its long form.
struct Long<M>(PhantomData<M>);

impl<M: Map> Shape for Long<M> {
    type Value = M;

    const NAME: &'static str = M::MAP;

    fn schema(definitions: &mut Definitions) -> Json {
        M::map_schema(definitions)
    }

    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<M> {
        M::decode_map(field, problems)
    }
}

/// The short form of a map: the value of one of its keys, alone.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Short {
    /// The value of this key, which is never a map.
    Value(&'static str),
    /// The value of this key, which is a map too.
    Map {
        key: &'static str,
        /// The key that tells the long form from the short one.
        unless: &'static str,
    },
}

impl Short {
    /// Returns the value of a field that has either form.
    pub(crate) fn decode<M: Map>(self, field: &Field<'_>, problems: &mut Problems) -> Option<M> {
        let (key, is_long) = match self {
            Self::Value(key) => (key, matches!(field.node.value, Value::Map(_))),
            Self::Map { key, unless } => (key, field.value_of(unless).is_some()),
        };
        if is_long {
            M::decode_map(field, problems)
        } else {
            M::of_record(&Record::short(field, key), problems)
        }
    }

    /// Returns the schema of either form.
    pub(crate) fn schema<M: Map>(self, description: &str, definitions: &mut Definitions) -> Json {
        let short = |key, definitions: &mut Definitions| {
            M::refer(key, definitions).expect("the short form is the value of a key")
        };
        let schema = match self {
            Self::Value(key) => {
                let short = short(key, definitions);
                json!({ "anyOf": [short, definitions.refer::<Long<M>>()] })
            }
            Self::Map { key, unless } => {
                let long = definitions.refer::<Long<M>>();
                let short = short(key, definitions);
                json!({
                    "type": "object",
                    "if": { "required": [unless] },
                    "then": long,
                    "else": short,
                })
            }
        };
        described(&[description], schema)
    }
}

/// Declares a map with known keys: its documentation and the name of its definition, then for each key its
/// documentation, the key, the field of the value, and the [part](super::parts) that decodes it. A field without a
/// key takes several keys, or none.
///
/// `stray` says where to write keys that belong somewhere else. `short` gives the [short form](Short), the name of the definition of both forms, and their description. Each `rule`
/// is a [rule](super::rules) about keys that do or do not go together.
macro_rules! record {
    (
        $(#[doc = $doc:literal])+ $(#[derive($derive:ident)])?
        $vis:vis struct $name:ident $(<$t:ident: $bound:ident>)? ($map:expr) {
            $($(#[doc = $field_doc:literal])* $($key:literal)? $field_vis:vis $field:ident: $type:ty
                = $part:ident $(::<$shape:ty>)? ($($argument:expr),*);)+
        }
        $(stray $stray:expr;)?
        $(short $short:expr, $short_name:expr, $short_description:expr;)?
        $(rule $rule:expr;)*
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq $(, $derive)?)]
        $vis struct $name $(<$t>)? {
            $($(#[doc = $field_doc])* $field_vis $field: $type,)+
        }

        impl $(<$t: $bound>)? $crate::shape::Map for $name $(<$t>)? {
            const MAP: &'static str = $map;
            const DOCS: &'static [&'static str] = &[$($doc),+];

            fn parts() -> Vec<Box<dyn $crate::shape::Described>> {
                vec![$(Box::new(
                    $crate::shape::record!(@part [$($field_doc),*] $($key)?, $part $(::<$shape>)? ($($argument),*))
                ),)+]
            }

            fn rules() -> Vec<Box<dyn $crate::shape::Rule>> {
                vec![$(Box::new($rule),)*]
            }

            $(fn stray(key: &str) -> Option<String> {
                $stray(key)
            })?

            fn of_parts(
                record: &$crate::shape::Record<'_>,
                problems: &mut $crate::shape::Problems,
            ) -> Option<Self> {
                use $crate::shape::Part as _;

                $(let $field =
                    $crate::shape::record!(@part [$($field_doc),*] $($key)?, $part $(::<$shape>)? ($($argument),*))
                        .decode(record, problems);)+
                Some(Self { $($field: $field?,)+ })
            }
        }

        $crate::shape::record!(@shape [$($t: $bound)?] $name $(<$t>)? $(, $short, $short_name, $short_description)?);
    };
    (@part [$($doc:literal),*] $key:literal, $part:ident $(::<$shape:ty>)? ($($argument:expr),*)) => {
        $crate::shape::parts::Key::new($key, &[$($doc),*]).$part$(::<$shape>)?($($argument),*)
    };
    (@part [$($doc:literal),*], $part:ident $(::<$shape:ty>)? ($($argument:expr),*)) => {
        $crate::shape::parts::$part$(::<$shape>)?($($argument),*)
    };
    (@shape [$($t:ident: $bound:ident)?] $name:ty) => {
        impl $(<$t: $bound>)? $crate::shape::Shape for $name {
            type Value = Self;

            const NAME: &'static str = <Self as $crate::shape::Map>::MAP;

            fn schema(definitions: &mut $crate::shape::Definitions) -> $crate::shape::Json {
                <Self as $crate::shape::Map>::map_schema(definitions)
            }

            fn decode(
                field: &$crate::shape::Field<'_>,
                problems: &mut $crate::shape::Problems,
            ) -> Option<Self> {
                <Self as $crate::shape::Map>::decode_map(field, problems)
            }
        }
    };
    (@shape [$($t:ident: $bound:ident)?] $name:ty, $short:expr, $short_name:expr, $description:expr) => {
        impl $(<$t: $bound>)? $crate::shape::Shape for $name {
            type Value = Self;

            const NAME: &'static str = $short_name;

            fn schema(definitions: &mut $crate::shape::Definitions) -> $crate::shape::Json {
                $short.schema::<Self>($description, definitions)
            }

            fn decode(
                field: &$crate::shape::Field<'_>,
                problems: &mut $crate::shape::Problems,
            ) -> Option<Self> {
                $short.decode(field, problems)
            }
        }
    };
}
pub(crate) use record;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::problem::{Address, Code};
    use crate::shape::{
        Count, Definitions, Field, NotWith, PlainText, Problems, Requires, Shape, Short, SomeText,
        Yes, node,
    };

    record! {
        /// A knot, and how it is tied.
        struct Knot("LongKnot") {
            /// The name.
            "name" name: String = required::<SomeText>("name it");
            /// The number of turns.
            "turns" turns: i64 = default_to::<Count>(2);
            /// The colour.
            "colour" colour: Option<String> = optional::<PlainText>();
            /// `true` for a slip knot.
            "slip" slips: bool = default::<Yes>();
            is_long: bool = is_long();
        }
        short Short::Value("name"), "Knot", "A name, or a map of it and of options";
        rule Requires { keys: &["turns"], other: "colour" };
        rule NotWith { key: "slip", others: &["colour"], case: "on a slip knot", help: "drop it" };
    }

    /// Its code, message and help.
    type Told = (Code, String, Option<String>);

    fn decode(yaml: &str) -> Result<Option<Knot>, Vec<Told>> {
        let documents = node::parse(yaml).unwrap();
        let field = Field {
            node: &documents[0],
            address: Address::document(0),
            name: "a knot".to_owned(),
        };
        let mut problems = Problems::default();
        let knot = Knot::decode(&field, &mut problems);
        if problems.is_empty() {
            return Ok(knot);
        }
        let problems = problems.into_vec().into_iter();
        Err(problems
            .map(|it| (it.code(), it.message(), it.help()))
            .collect())
    }

    #[test]
    fn a_short_form_is_the_long_one_with_defaults() {
        let knot = |is_long| Knot {
            name: "bowline".to_owned(),
            turns: 2,
            colour: None,
            slips: false,
            is_long,
        };
        assert_eq!(decode("bowline"), Ok(Some(knot(false))));
        assert_eq!(decode("{name: bowline}"), Ok(Some(knot(true))));
        let whole = Knot {
            turns: 0,
            colour: Some(String::new()),
            ..knot(true)
        };
        let text = "{turns: 0, colour: \"\", name: bowline}";
        assert_eq!(decode(text), Ok(Some(whole)));
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let problem = |code, message: &str, help: Option<&str>| {
            (code, message.to_owned(), help.map(str::to_owned))
        };
        assert_eq!(
            decode("{turns: -1, slip: true, collar: red}"),
            Err(vec![
                problem(
                    Code::UnknownKey,
                    "`collar` is not a key of a knot",
                    Some("did you mean `colour`?")
                ),
                problem(Code::MissingKey, "`turns` requires `colour`", None),
                problem(Code::MissingKey, "a knot has no `name`", Some("name it")),
                problem(
                    Code::InvalidValue,
                    "`turns` is `-1`",
                    Some("write a whole number, 0 or more")
                ),
            ])
        );
        assert_eq!(
            decode("{name: a, slip: true, colour: red}"),
            Err(vec![problem(
                Code::InvalidValue,
                "`colour` has no effect on a slip knot",
                Some("drop it")
            )])
        );
        let empty = problem(Code::Empty, "a knot is empty", None);
        assert_eq!(decode("\"\""), Err(vec![empty]));
    }

    #[test]
    fn the_schema_says_what_the_decoder_does() {
        let mut definitions = Definitions::default();
        let reference = definitions.refer::<Knot>();
        assert_eq!(reference, json!({ "$ref": "#/definitions/Knot" }));
        let definitions = definitions.into_map();
        let names: Vec<&str> = definitions.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["Knot", "SomeText", "LongKnot", "Count", "Text", "Yes"]
        );
        let described = |description: &str, shape: &str| {
            let reference = format!("#/definitions/{shape}");
            json!({ "description": description, "$ref": reference })
        };
        assert_eq!(
            definitions["LongKnot"],
            json!({
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "name": described("The name.", "SomeText"),
                    "turns": described("The number of turns.", "Count"),
                    "colour": described("The colour.", "Text"),
                    "slip": described("`true` for a slip knot.", "Yes"),
                },
                "required": ["name"],
                "description": "A knot, and how it is tied.",
                "dependencies": { "turns": ["colour"] },
                "not": { "required": ["slip", "colour"] },
            })
        );
    }

    #[test]
    #[should_panic(expected = "two shapes are named `Count`")]
    fn no_shape_takes_the_name_of_another() {
        record! {
            /// Another one.
            struct Twin("Count") {
                /// A number.
                "number" number: i64 = required::<Count>("write one");
            }
        }
        Definitions::default().refer::<Twin>();
    }
}
