//! The JSON Schema of a patch, for editors; made of the types that the parser fills.
//!
//! Text is taken as it is written, so where the parser takes text the schema takes numbers and booleans too. What a
//! schema cannot say (repeated keys, the grammar of references) only the parser knows.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::{Value, json};

use super::annotations::LongAnnotations;
use super::env::LongPart;
use super::values::{MAX_SECONDS, SIGNALS};
use super::{ApiVersion, IfMissing, ImagePattern, Patch};
use crate::annotation::AnnotationPlace;
use crate::config_field::ConfigField;
use crate::image_path::ImagePath;
use crate::platform::PlatformPattern;
use crate::reference::{Glob, Reference};

/// What every text with an arg in it has.
const AN_ARG: &str = r"\$\{";
/// What is read before args are filled in.
const NOT_FILLED_IN: [&str; 5] = ["ApiVersion", "Arg", "Args", "Choices", "Flag"];

/// Returns the JSON Schema (draft-07) of one document of a patch file.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = SchemaSettings::draft07()
        .with_transform(RecursiveTransform(without_null))
        .into_generator()
        .into_root_schema_for::<Patch>()
        .to_value();
    let definitions = schema["definitions"].as_object_mut();
    for (name, definition) in definitions.expect("a patch is made of definitions") {
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
    if let Some(words) = object.remove("enum") {
        let choices = json!([{ "enum": words }, { "type": "string", "pattern": AN_ARG }]);
        object.insert("anyOf".to_owned(), choices);
    }
    if let Some(Value::Array(choices)) = object.get_mut("oneOf")
        && choices.iter().all(|choice| choice.get("const").is_some())
    {
        let description = "The value of an argument";
        choices.push(json!({ "description": description, "type": "string", "pattern": AN_ARG }));
    }
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

pub(super) fn list(items: impl Into<Schema>, description: &str, is_set: bool) -> Schema {
    json_schema!({
        "description": description,
        "type": "array",
        "minItems": 1,
        "uniqueItems": is_set,
        "items": items.into(),
    })
}

macro_rules! schemas {
    ($($type:ty, $name:literal, $schema:expr;)+) => {
        $(impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema = $schema;
                schema(generator)
            }
        })+
    };
}
pub(super) use schemas;

/// Any text; a plain scalar is taken as it is written.
pub(super) struct Text;
/// Any text but the empty one.
pub(super) struct SomeText;
pub(super) struct Labels;
pub(super) struct Variables;
pub(super) struct EnvPart;
pub(super) struct EnvParts;
pub(super) struct Words;
pub(super) struct Directory;
pub(super) struct Volumes;
pub(super) struct Signal;
pub(super) struct Seconds;
pub(super) struct Count;
pub(super) struct IdPrefix;
pub(super) struct Duration;
pub(super) struct Retries;
pub(super) struct HealthTest;
pub(super) struct Port;
pub(super) struct Ports;
pub(super) struct Instructions;
pub(super) struct Time;
pub(super) struct PlatformPart;
pub(super) struct PlatformParts;
pub(super) struct FieldName;
pub(super) struct Fields;
pub(super) struct Unset;
pub(super) struct Annotations;
pub(super) struct AnnotationRemoval;
pub(super) struct References;
pub(super) struct Globs;
pub(super) struct Removal;
pub(super) struct ImagePatterns;
pub(super) struct PlatformPatterns;

schemas! {
    Text, "Text", |_| json_schema!({
        "description": "A string; plain scalars are taken literally",
        "type": ["string", "number", "boolean"],
    });
    SomeText, "SomeText", |_| json_schema!({
        "description": "A non-empty string; plain scalars are taken literally",
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
        "description": "A pattern: `*` matches any characters, `?` matches one",
        "type": ["string", "number", "boolean"],
        "minLength": 1,
    });
    ImagePattern, "ImagePattern", |_| json_schema!({
        "description": "A pattern over the image's tags, such as `app:*`, or the start of its id, `sha256:4fdc`",
        "type": ["string", "number", "boolean"],
        "pattern": "^(sha256:[0-9a-f]{4,64}$|(?!sha256:)[\\s\\S])",
    });
    PlatformPattern, "PlatformPattern", |_| json_schema!({
        "description": "A platform, such as `linux/arm64` or `linux/arm/v7`; without a variant it matches all variants, and `*` matches any characters",
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
    Variables, "Variables", |generator| json_schema!({
        "description": "Values of environment variables by name",
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": "^[^=\\u0000-\\u001f\\u007f-\\u009f]+$" },
        "additionalProperties": generator.subschema_for::<Text>(),
    });
    EnvPart, "EnvPart", |generator| json_schema!({
        "description": "A part of a value, optionally with a separator",
        "anyOf": [generator.subschema_for::<SomeText>(), generator.subschema_for::<LongPart>()],
    });
    EnvParts, "EnvParts", |generator| json_schema!({
        "description": "Parts of values of environment variables by name",
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": "^[^=\\u0000-\\u001f\\u007f-\\u009f]+$" },
        "additionalProperties": generator.subschema_for::<EnvPart>(),
    });
    Words, "Words", |generator| list(generator.subschema_for::<Text>(), "Words, one per argument", false);
    Directory, "Directory", |_| json_schema!({
        "description": "An absolute path in the image, taken literally",
        "type": "string",
        "pattern": "^(/|[A-Za-z]:[\\\\/])",
    });
    Volumes, "Volumes", |generator| list(generator.subschema_for::<Directory>(), "Absolute paths, each once", true);
    Signal, "Signal", |_| json_schema!({
        "description": "The name of a signal, such as `SIGTERM` or `RTMIN+3`, or its number",
        "type": ["string", "integer"],
        "minimum": 1,
        "maximum": 64,
        "pattern": format!("^([1-9]|[1-5][0-9]|6[0-4]|(SIG)?({SIGNALS}|RTMIN\\+([1-9]|1[0-5])|RTMAX-([1-9]|1[0-4])))$"),
    });
    Seconds, "Seconds", |_| json_schema!({
        "description": "Seconds; -1 means no limit",
        "type": ["string", "integer"],
        "minimum": -1,
        "maximum": MAX_SECONDS,
        "pattern": "^(-1|0|[1-9][0-9]{0,8})$",
    });
    Retries, "Retries", |_| json_schema!({
        "description": "The number of consecutive failures that count",
        "type": ["string", "integer"],
        "minimum": 1,
        "maximum": MAX_SECONDS,
        "pattern": "^[1-9][0-9]{0,8}$",
    });
    Count, "Count", |_| json_schema!({
        "description": "A whole number, 0 or more",
        "type": ["string", "integer"],
        "minimum": 0,
        "maximum": MAX_SECONDS,
        "pattern": "^(0|[1-9][0-9]{0,8})$",
    });
    IdPrefix, "IdPrefix", |_| json_schema!({
        "description": "The start of a digest, such as `sha256:4fdc`",
        "type": "string",
        "pattern": "^sha256:[0-9a-f]{4,64}$",
    });
    Duration, "Duration", |_| json_schema!({
        "description": "A duration such as `30s`, `1m30s` or `500ms`",
        "type": "string",
        "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$",
    });
    HealthTest, "HealthTest", |generator| json_schema!({
        "description": "A command as a string for the shell, or as a list that starts with `CMD`, `CMD-SHELL` or `NONE`",
        "anyOf": [
            generator.subschema_for::<SomeText>(),
            { "type": "array", "items": [{ "const": "NONE" }], "minItems": 1, "maxItems": 1 },
            { "type": "array", "items": [{ "const": "CMD-SHELL" }, generator.subschema_for::<Text>()], "minItems": 2, "maxItems": 2 },
            { "type": "array", "items": [{ "const": "CMD" }], "additionalItems": generator.subschema_for::<Text>(), "minItems": 2 },
        ],
    });
    Port, "Port", |_| json_schema!({
        "description": "A port such as `8080`, `53/udp` or `8000-8010/tcp`",
        "type": ["string", "integer"],
        "minimum": 1,
        "maximum": 65535,
        "pattern": "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?(/([tT][cC][pP]|[uU][dD][pP]|[sS][cC][tT][pP]))?$",
    });
    Ports, "Ports", |generator| list(generator.subschema_for::<Port>(), "Ports, each once", true);
    Instructions, "Instructions", |_| list(json_schema!({
        "type": "string",
        "pattern": "^(?!\\s*([fF][rR][oO][mM]|[mM][aA][iI][nN][tT][aA][iI][nN][eE][rR]|[oO][nN][bB][uU][iI][lL][dD])(\\s|$))[\\s\\S]",
    }), "Dockerfile instructions, except `FROM`, `MAINTAINER` and `ONBUILD`", false);
    Time, "Time", |_| json_schema!({
        "description": "An RFC 3339 timestamp, such as `2026-01-31T12:00:00Z`",
        "type": "string",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
    });
    PlatformPart, "PlatformPart", |_| json_schema!({
        "description": "A name as in Go, such as `linux`, `arm64` or `v7`",
        "type": ["string", "number"],
        "pattern": "^[A-Za-z0-9._-]+$",
    });
    PlatformParts, "PlatformParts", |generator| list(generator.subschema_for::<PlatformPart>(), "Names, each once", true);
    FieldName, "FieldName", |_| json_schema!({
        "description": "A field of the configuration",
        "enum": ConfigField::ALL.iter().filter(|field| field.is_optional()).map(|field| field.name()).collect::<Vec<_>>(),
    });
    Fields, "Fields", |generator| list(generator.subschema_for::<FieldName>(), "Fields of the configuration, each once", true);
    Unset, "Unset", |generator| json_schema!({
        "description": "Fields, or a map of them and of options",
        "anyOf": [generator.subschema_for::<Fields>(), generator.subschema_for::<LongUnset>()],
    });
    AnnotationPlace, "AnnotationPlace", |_| json_schema!({
        "description": "The manifest (the default), the index that the names refer to, or the descriptors of the manifest",
        "enum": AnnotationPlace::ALL.map(AnnotationPlace::name),
    });
    Annotations, "Annotations", |generator| json_schema!({
        "description": "Annotations of the manifest, or a map of annotations and the document to set them in",
        "if": { "required": ["on"] },
        "then": generator.subschema_for::<LongAnnotations>(),
        "else": generator.subschema_for::<Labels>(),
    });
    AnnotationRemoval, "AnnotationRemoval", |generator| json_schema!({
        "description": "Patterns, or a map of them, the document to remove from, and options",
        "anyOf": [generator.subschema_for::<Globs>(), generator.subschema_for::<LongAnnotationRemoval>()],
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
        "description": "Patterns, or a map of them and of options",
        "anyOf": [generator.subschema_for::<Globs>(), generator.subschema_for::<LongRemoval>()],
    });
}

/// Patterns, and what to do if one matches nothing.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongRemoval {
    /// The patterns.
    r#match: Globs,
    /// What to do if a pattern matches nothing: report a problem (the default) or ignore it.
    if_missing: Option<IfMissing>,
}

/// Fields, and what to do if one is empty.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongUnset {
    /// The patterns.
    r#match: Fields,
    /// What to do if a field is empty: report a problem (the default) or ignore it.
    if_missing: Option<IfMissing>,
}

/// Patterns, where to remove from, and what to do if one matches nothing.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongAnnotationRemoval {
    /// The document to remove from.
    on: Option<AnnotationPlace>,
    /// The patterns.
    r#match: Globs,
    /// What to do if a pattern matches nothing: report a problem (the default) or ignore it.
    if_missing: Option<IfMissing>,
}
