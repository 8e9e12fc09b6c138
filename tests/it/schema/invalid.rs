//! Every invalid patch of the suite is also one to an editor.

use std::collections::BTreeSet;
use std::fs;

use ocipatch::patch::PatchFile;
use ocipatch::problem::Rejected;
use serde_json::{Value, json};

use super::{OF_PATCHES, root};
use crate::cases;

/// Operations of patches of `tests/patch` and `tests/cases`, by their position, with which a schema has no problem, and why.
const ONLY_THE_PARSER: &[(&str, &str)] = &[
    (
        "args_that_are_no_map 0",
        "args are declared under another key",
    ),
    (
        "args_that_are_used_wrongly 0",
        "args are declared under another key",
    ),
    (
        "args_that_are_used_wrongly 1",
        "args are declared under another key",
    ),
    (
        "groups_that_a_pattern_does_not_have 0",
        "groups are counted in another key",
    ),
    (
        "groups_that_a_pattern_does_not_have 1",
        "groups are counted in another key",
    ),
    (
        "groups_that_a_pattern_does_not_have 2",
        "groups are counted in another key",
    ),
];

/// Tells whether the schema allows a document.
fn is_allowed(document: &Value) -> bool {
    OF_PATCHES.is_valid(document)
}

/// Returns the documents, or nothing where an editor complains about the YAML.
fn documents(text: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(text).ok()?;
    let documents = serde_yaml::from_multiple(text).ok()?;
    Some(documents).filter(|documents: &Vec<Value>| !documents.is_empty())
}

/// Every patch of `tests/patch` and `tests/cases` that is wrong without any image, by its name.
fn invalid_patches() -> Vec<(String, Vec<u8>, Rejected)> {
    let mut patches: Vec<(String, Vec<u8>)> = Vec::new();
    for item in fs::read_dir(root().join("tests/patch")).unwrap() {
        let path = item.unwrap().path();
        if path.extension().is_some_and(|it| it == "yaml") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            patches.push((name, fs::read(&path).unwrap()));
        }
    }
    patches.extend(cases::patches());
    patches.sort();
    let invalid = patches.into_iter().filter_map(|(name, text)| {
        let rejected = PatchFile::parse("fix.yaml", &text).err()?;
        Some((name, text, rejected))
    });
    invalid.collect()
}

#[test]
fn every_invalid_patch_of_the_suite_fails_in_an_editor() {
    let patches = invalid_patches();
    assert!(patches.len() > 30, "{}", patches.len());
    for (name, text, _) in patches {
        let documents = documents(&text);
        assert!(
            documents.is_none_or(|it| !it.iter().all(is_allowed)),
            "{name}"
        );
    }
}

/// A patch with several mistakes would hide those that a schema does not see.
#[test]
fn every_invalid_operation_of_the_suite_fails_in_an_editor() {
    let mut n_operations = 0;
    let mut silent = Vec::new();
    for (name, text, rejected) in invalid_patches() {
        let Some([document]) = documents(&text)
            .as_deref()
            .and_then(|it| it.first_chunk())
            .cloned()
        else {
            continue;
        };
        let problems = rejected.problems();
        let indexes: BTreeSet<usize> = problems
            .filter_map(|it| it.address().operation_index())
            .collect();
        for index in indexes {
            let Some(operation) = document["operations"].get(index) else {
                continue;
            };
            n_operations += 1;
            if is_allowed(&json!({ "apiVersion": "ocipatch/v1", "operations": [operation] })) {
                silent.push(format!("{name} {index}"));
            }
        }
    }
    assert!(n_operations > 40, "{n_operations}");
    let expected: Vec<&str> = ONLY_THE_PARSER.iter().map(|(name, _)| *name).collect();
    assert_eq!(silent, expected);
}
