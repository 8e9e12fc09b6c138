//! The schema that editors use, held against the parser; `UPDATE=1` rewrites `schema/patch.schema.json`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod expectations;
mod invalid;
mod outputs;
mod samples;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jsonschema::Validator;
use ocipatch::patch::{ArgValues, Operation, PatchFile, schema};
use serde_json::Value;

use crate::operations;
pub(crate) use expectations::EXPECTED;
use expectations::NOT_EXPECTED;
use samples::{ACCEPTED, REFUSED, UNSAYABLE};

/// What matches wherever an arg may be.
const AN_ARG: &str = r"\$\{";

/// The schema of patches: to build it takes longer than a thousand documents.
static OF_PATCHES: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::draft7::new(&schema()).unwrap());

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn parser_accepts(text: &str) -> bool {
    PatchFile::parse("fix.yaml", text.as_bytes()).is_ok()
}

/// Editors see what YAML makes of the text: `1.10` is a number to them.
fn schema_accepts(text: &str) -> bool {
    let value: Value = serde_yaml::from_str(text).unwrap();
    OF_PATCHES.is_valid(&value)
}

fn with_operation(operation: &str) -> String {
    format!("apiVersion: ocipatch/v1\noperations:\n  - {operation}\n")
}

fn recipes() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join("patches"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

#[test]
fn the_schema_file_is_the_one_of_the_types() {
    let path = root().join("schema/patch.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn the_schema_is_a_draft_7_schema() {
    assert!(jsonschema::draft7::meta::is_valid(&schema()));
}

#[test]
fn parser_and_schema_have_the_same_operations() {
    let schema = schema();
    let properties = &schema["definitions"]["Operation"]["properties"];
    let names: Vec<&String> = properties.as_object().unwrap().keys().collect();
    assert_eq!(names, Operation::names().iter().collect::<Vec<_>>());
}

#[test]
fn everything_in_the_schema_is_described() {
    everything_is_described(&schema());
}

/// Looks for properties and definitions without a sentence, and for patterns without a message.
pub(crate) fn everything_is_described(schema: &Value) {
    fn check(value: &Value, path: &str) {
        let has = |value: &Value, keyword: &str| {
            value[keyword].as_str().is_some_and(|text| !text.is_empty())
        };
        if let Some(properties) = value["properties"].as_object() {
            for (name, property) in properties {
                assert!(has(property, "description"), "{path}/{name}");
                let has_both = has(property, "markdownDescription");
                assert!(has_both || property["$ref"].is_null(), "{path}/{name}");
            }
        }
        // A text with an arg in it is one alternative of several.
        if value["pattern"].as_str().is_some_and(|it| it != AN_ARG) {
            assert!(has(value, "patternErrorMessage"), "{path}");
        }
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    check(value, &format!("{path}/{key}"));
                }
            }
            Value::Array(items) => {
                for (i, value) in items.iter().enumerate() {
                    check(value, &format!("{path}/{i}"));
                }
            }
            _ => {}
        }
    }
    check(schema, "");
    for (name, definition) in schema["definitions"].as_object().unwrap() {
        assert!(definition["description"].is_string(), "{name}");
    }
}

/// Editors offer the examples of a shape as values.
#[test]
fn every_example_fits_its_definition() {
    let mut n_examples = 0;
    for schema in [schema(), ocipatch::fleet::schema()] {
        for (name, definition) in schema["definitions"].as_object().unwrap() {
            let properties = definition["properties"].as_object();
            let properties = properties.into_iter().flatten().map(|(_, it)| it);
            for described in properties.chain([definition]) {
                let mut whole = described.clone();
                whole["definitions"] = schema["definitions"].clone();
                for example in described["examples"].as_array().into_iter().flatten() {
                    let is_valid = jsonschema::draft7::is_valid(&whole, example);
                    assert!(is_valid, "{name}: {example}");
                    n_examples += 1;
                }
            }
        }
    }
    assert!(n_examples > 20, "{n_examples}");
}

#[test]
fn parser_and_schema_accept_the_same_operations() {
    let samples = operations::samples();
    let accepted = ACCEPTED.iter().copied();
    for operation in accepted.chain(samples.iter().map(String::as_str)) {
        let text = with_operation(operation);
        assert!(parser_accepts(&text), "parser: {operation}");
        assert!(schema_accepts(&text), "schema: {operation}");
    }
}

#[test]
fn parser_and_schema_agree_about_preconditions() {
    let text = |expectation: &str| {
        format!(
            "apiVersion: ocipatch/v1\nexpect:\n  - {expectation}\noperations: [retag: [app:1]]\n"
        )
    };
    for (expectations, accepted) in [(EXPECTED, true), (NOT_EXPECTED, false)] {
        for expectation in expectations {
            let text = text(expectation);
            assert_eq!(parser_accepts(&text), accepted, "parser: {expectation}");
            assert_eq!(schema_accepts(&text), accepted, "schema: {expectation}");
        }
    }
}

/// Every scalar that is no key of the operations becomes `${x}`.
fn with_args(value: &mut serde_json::Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(with_args),
        Value::Object(members) => members.values_mut().for_each(with_args),
        value => *value = "${x}".into(),
    }
}

#[test]
fn an_arg_may_stand_wherever_a_text_stands() {
    // The first word of a list says what the others are; lists of sets would hold one thing twice.
    let is_free = |text: &&&str| !text.contains("test: [") && !text.contains('<');
    for (list, items) in [("operations", ACCEPTED), ("expect", EXPECTED)] {
        for item in items.iter().filter(is_free) {
            let mut value: Value = serde_yaml::from_str(item).unwrap();
            with_args(&mut value);
            let lists = shorten(&mut value);
            let rest = "apiVersion: ocipatch/v1\nargs: { x: {} }\n";
            let tag = "set-label: { x: \"${x}\" }";
            let text = match list {
                "operations" => format!("{rest}operations: [{value}]\n"),
                _ => format!("{rest}expect: [{value}]\noperations: [{tag}]\n"),
            };
            let checked = PatchFile::check("fix.yaml", text.as_bytes(), &ArgValues::default());
            // `unset: []` and the like hold nothing to begin with.
            let checked = checked.map(|outline| outline.arg_names().to_vec());
            let checked = checked.map_err(|rejected| rejected.to_json());
            assert_eq!(checked, Ok(vec!["x".to_owned()]), "parser: {item}");
            assert!(schema_accepts(&text), "schema: {item} {lists}");
        }
    }
}

/// Cuts lists to one item, since the same arg twice would be a repeated item; tells how many were cut.
fn shorten(value: &mut Value) -> usize {
    match value {
        Value::Array(items) => {
            items.truncate(1);
            1 + items.iter_mut().map(shorten).sum::<usize>()
        }
        Value::Object(members) => members.values_mut().map(shorten).sum(),
        _ => 0,
    }
}

#[test]
fn parser_and_schema_refuse_the_same_operations() {
    for operation in REFUSED {
        let text = with_operation(operation);
        assert!(!parser_accepts(&text), "parser: {operation}");
        assert!(!schema_accepts(&text), "schema: {operation}");
    }
}

#[test]
fn parser_and_schema_agree_about_the_rest_of_a_patch() {
    let rest = "operations: [retag: [app:1]]";
    for (head, accepted) in [
        ("apiVersion: ocipatch/v1", true),
        ("apiVersion: ocipatch/v1\ndescription: 1.10", true),
        ("apiVersion: ocipatch/v1\ndescription: \"\"", true),
        (
            "apiVersion: ocipatch/v1\ntarget: { images: [\"app:*\", \"sha256:4fdc\", 1] }",
            true,
        ),
        ("description: x", false),
        ("apiVersion: v1", false),
        ("apiVersion: ocipatch/v2", false),
        ("apiVersion: ~", false),
        ("apiVersion: ocipatch/v1\ndescription: ~", false),
        ("apiVersion: ocipatch/v1\ndescription: [a]", false),
        ("apiVersion: ocipatch/v1\ntarget: ~", false),
        ("apiVersion: ocipatch/v1\ntarget: {}", false),
        ("apiVersion: ocipatch/v1\ntarget: app", false),
        ("apiVersion: ocipatch/v1\ntarget: { images: [] }", false),
        ("apiVersion: ocipatch/v1\ntarget: { images: app }", false),
        ("apiVersion: ocipatch/v1\ntarget: { images: [\"\"] }", false),
        (
            "apiVersion: ocipatch/v1\ntarget: { images: [\"sha256:4fd\"] }",
            false,
        ),
        (
            "apiVersion: ocipatch/v1\ntarget: { images: [\"sha256:4FDC\"] }",
            false,
        ),
        (
            "apiVersion: ocipatch/v1\ntarget: { images: [\"sha256:*\"] }",
            false,
        ),
        (
            "apiVersion: ocipatch/v1\ntarget: { platforms: [linux/amd64] }",
            true,
        ),
        (
            "apiVersion: ocipatch/v1\ntarget: { images: [app], platforms: [linux/arm/v7] }",
            true,
        ),
        (
            "apiVersion: ocipatch/v1\ntarget: { platforms: [amd64] }",
            false,
        ),
        ("apiVersion: ocipatch/v1\ntarget: { platforms: [] }", false),
        ("apiVersion: ocipatch/v1\nattestations: drop", true),
        ("apiVersion: ocipatch/v1\nattestations: lose", false),
        ("apiVersion: ocipatch/v1\nattestations: ~", false),
        ("apiVersion: ocipatch/v1\nargs: {}", false),
        ("apiVersion: ocipatch/v1\nargs: [x]", false),
        (
            "apiVersion: ocipatch/v1\nargs: { x: { default: 1, pattern: '[0-9]', enum: [1, 2], from-env: X, required: false } }\ndescription: ${x}",
            true,
        ),
        (
            "apiVersion: ocipatch/v1\nargs: { x: ~ }\ndescription: ${x}",
            false,
        ),
        (
            "apiVersion: ocipatch/v1\nargs: { x: 1 }\ndescription: ${x}",
            false,
        ),
        (
            "apiVersion: ocipatch/v1\nargs: { x y: { default: 1 } }\ndescription: a",
            false,
        ),
        (
            "apiVersion: ocipatch/v1\nargs: { x: { defaults: 1 } }\ndescription: ${x}",
            false,
        ),
        (
            "apiVersion: ocipatch/v1\nargs: { x: { default: 1, enum: [] } }\ndescription: ${x}",
            false,
        ),
        (
            "apiVersion: ocipatch/v1\nargs: { x: { default: 1, secret: maybe } }\ndescription: ${x}",
            false,
        ),
        ("apiVersion: ocipatch/v1\nexpect: []", false),
        ("apiVersion: ocipatch/v1\nexpect: { layers: 1 }", false),
        ("apiVersion: ocipatch/v1\nhistory: none", true),
        ("apiVersion: ocipatch/v1\nhistory: per-patch", true),
        ("apiVersion: ocipatch/v1\nhistory: per-operation", true),
        ("apiVersion: ocipatch/v1\nhistory: all", false),
        ("apiVersion: ocipatch/v1\nprovenance: annotate", true),
        ("apiVersion: ocipatch/v1\nprovenance: none", true),
        ("apiVersion: ocipatch/v1\nprovenance: label", false),
        ("apiVersion: ocipatch/v1\nprovenance: ~", false),
        ("apiVersion: ocipatch/v1\nhistory: ~", false),
    ] {
        let text = format!("{head}\n{rest}\n");
        assert_eq!(parser_accepts(&text), accepted, "parser: {head}");
        assert_eq!(schema_accepts(&text), accepted, "schema: {head}");
    }
}

#[test]
fn parser_and_schema_want_operations() {
    for operations in [
        "",
        "operations: ~",
        "operations: []",
        "operations: { retag: [a] }",
    ] {
        let text = format!("apiVersion: ocipatch/v1\n{operations}\n");
        assert!(!parser_accepts(&text), "parser: {operations}");
        assert!(!schema_accepts(&text), "schema: {operations}");
    }
}

/// What a schema cannot say; an editor is silent about it and the parser is not.
#[test]
fn only_the_parser_knows() {
    for (why, operations) in UNSAYABLE {
        for operation in *operations {
            let text = with_operation(operation);
            assert!(!parser_accepts(&text), "parser: {operation}");
            assert!(
                schema_accepts(&text),
                "{why}, but the schema says it: {operation}"
            );
        }
    }
}

#[test]
fn every_recipe_is_a_patch_and_says_when_to_use_it() {
    for path in recipes() {
        let name = path.display();
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        let schema_line = "# yaml-language-server: $schema=../schema/patch.schema.json";
        assert_eq!(lines.next(), Some(schema_line), "{name}");
        let comment = lines.next().unwrap_or_default();
        assert!(comment.starts_with("# Use this "), "{name}: {comment}");
        let file = PatchFile::parse("recipe.yaml", text.as_bytes())
            .unwrap_or_else(|rejected| panic!("{name}: {rejected}: {:#}", rejected.to_json()));
        assert!(schema_accepts(&text), "{name}");
        for patch in file.patches() {
            assert!(patch.description.is_some(), "{name}");
            for operation in &patch.operations {
                if let Operation::AddLayer(add_layer) = operation
                    && let Some(from) = &add_layer.from
                {
                    let from = root().join("patches").join(from);
                    assert!(from.exists(), "{name}: {}", from.display());
                }
            }
        }
    }
}
