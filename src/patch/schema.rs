//! The JSON Schema of a patch, for editors; made of the types that the parser fills.
//!
//! Text is taken as it is written, so where the parser takes text the schema takes numbers and booleans too. What a
//! schema cannot say (repeated keys, the grammar of references) only the parser knows.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::operation::IfMissing;
use super::{ApiVersion, ImagePattern, Patch};
use crate::image_path::ImagePath;
use crate::platform::PlatformPattern;
use crate::reference::{Glob, Reference};

/// Returns the JSON Schema (draft-07) of one document of a patch file.
#[must_use]
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft07()
        .with_transform(RecursiveTransform(without_null))
        .into_generator()
        .into_root_schema_for::<Patch>()
        .to_value()
}

/// A field that may be left out is an `Option` to the derive, which lets it be null too; a patch does not.
fn without_null(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get_mut("anyOf") else {
        return;
    };
    choices.retain(|choice| choice.get("type") != Some(&Value::from("null")));
    if choices.len() == 1
        && let Some(only) = schema.remove("anyOf")
    {
        schema.insert("allOf".to_owned(), only);
    }
}

macro_rules! schemas {
    ($($type:ty, $name:literal, $schema:expr;)+) => {
        $(impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let schema: fn(&mut SchemaGenerator) -> Schema = $schema;
                schema(generator)
            }
        })+
    };
}

/// Any text; a plain scalar is taken as it is written.
pub(super) struct Text;
/// Any text but the empty one.
pub(super) struct SomeText;
pub(super) struct Labels;
pub(super) struct References;
pub(super) struct Globs;
pub(super) struct Removal;
pub(super) struct ImagePatterns;
pub(super) struct PlatformPatterns;

schemas! {
    Text, "Text", |_| json_schema!({
        "description": "Text; a plain scalar is taken as it is written",
        "type": ["string", "number", "boolean"],
    });
    SomeText, "SomeText", |_| json_schema!({
        "description": "Text that is not empty; a plain scalar is taken as it is written",
        "type": ["string", "number", "boolean"],
        "minLength": 1,
    });
    ApiVersion, "ApiVersion", |_| json_schema!({
        "description": "The version of the patch language",
        "const": "ocipatch/v1",
    });
    ImagePath, "ImagePath", |_| json_schema!({
        "description": "An absolute path in the image, without `..`",
        "type": "string",
        "pattern": "^(?!(.*/)?\\.\\.(/|$))/",
    });
    Reference, "Reference", |_| json_schema!({
        "description": "A tag with its repository, such as `app:2` or `registry.example.com/app:2`",
        "type": ["string", "number", "boolean"],
        "minLength": 1,
    });
    Glob, "Glob", |_| json_schema!({
        "description": "A pattern: `*` is any run of characters, `?` any one",
        "type": ["string", "number", "boolean"],
        "minLength": 1,
    });
    ImagePattern, "ImagePattern", |_| json_schema!({
        "description": "A pattern over the image's tags, such as `app:*`, or the beginning of its id, `sha256:4fdc`",
        "type": ["string", "number", "boolean"],
        "pattern": "^(sha256:[0-9a-f]{4,64}$|(?!sha256:)[\\s\\S])",
    });
    PlatformPattern, "PlatformPattern", |_| json_schema!({
        "description": "A platform, such as `linux/arm64` or `linux/arm/v7`; without a variant all variants are meant, and `*` is any run of characters",
        "type": "string",
        "pattern": "^[A-Za-z0-9._*?()-]+(/[A-Za-z0-9._*?()-]+){1,2}$",
    });
    ImagePatterns, "ImagePatterns", |generator| json_schema!({
        "description": "Patterns over tags and ids",
        "type": "array",
        "minItems": 1,
        "items": generator.subschema_for::<ImagePattern>(),
    });
    PlatformPatterns, "PlatformPatterns", |generator| json_schema!({
        "description": "Patterns over platforms",
        "type": "array",
        "minItems": 1,
        "items": generator.subschema_for::<PlatformPattern>(),
    });
    Labels, "Labels", |generator| json_schema!({
        "description": "Labels by key",
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$" },
        "additionalProperties": generator.subschema_for::<Text>(),
    });
    References, "References", |generator| json_schema!({
        "description": "Tags, each once",
        "type": "array",
        "minItems": 1,
        "uniqueItems": true,
        "items": generator.subschema_for::<Reference>(),
    });
    Globs, "Globs", |generator| json_schema!({
        "description": "Patterns over names",
        "type": "array",
        "minItems": 1,
        "items": generator.subschema_for::<Glob>(),
    });
    Removal, "Removal", |generator| json_schema!({
        "description": "Patterns, or a map of them and what it means that one matches nothing",
        "anyOf": [generator.subschema_for::<Globs>(), generator.subschema_for::<LongRemoval>()],
    });
}

/// Patterns, and what it means that one of them matches nothing.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongRemoval {
    /// What to remove.
    r#match: Globs,
    /// What it means that a pattern matches nothing: a problem, which is the default, or nothing to do.
    if_missing: Option<IfMissing>,
}
