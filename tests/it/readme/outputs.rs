//! The keys of the JSON outputs that the pages describe.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{text, workspace};
use crate::binary;

#[test]
fn every_key_of_a_plan_is_documented() {
    let page = text("schema/README.md");
    let (_, section) = page.split_once("\n### The plan as JSON\n").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    let workspace = workspace();
    fs::write(
        workspace.path().join("patches/all.yaml"),
        "apiVersion: ocipatch/v1\ntarget: {images: ['greeter:1']}\noperations:\n- unset-label: [maintainer]\n- set-label: {mylabel: a, b: c}\n- add-layer: {from: ./greeter}\n- add-tag: [a:2]\n- remove-tag: ['greeter:1']\n- set-env: {A: b}\n- unset-env: [PATH]\n- set-user: app\n- unset: [cmd]\n- add-port: [80]\n- remove-volume: ['*']\n",
    )
    .unwrap();
    fs::write(
        workspace.path().join("patches/note.yaml"),
        "apiVersion: ocipatch/v1\noperations:\n- set-annotation: {a: b}\n",
    )
    .unwrap();
    let mut keys = BTreeSet::new();
    for (patch, image) in [
        ("all", "docker20.tar"),
        ("note", "docker26.tar"),
        ("all", "docker26-two-images.tar"),
        ("all", "docker20-two-images.tar"),
    ] {
        let patch = workspace.path().join(format!("patches/{patch}.yaml"));
        let plan = binary::ok([
            "plan".as_ref(),
            "--format".as_ref(),
            "json".as_ref(),
            patch.as_os_str(),
            workspace
                .path()
                .join("tests/fixtures")
                .join(image)
                .as_os_str(),
        ]);
        collect_keys(&serde_json::from_str(&plan).unwrap(), &mut keys);
    }
    assert!(
        keys.contains("manifestDigest") && keys.contains("effects"),
        "{keys:?}"
    );
    for key in keys {
        let is_told = [format!("`{key}`"), format!("`{key}[]`")]
            .iter()
            .any(|word| section.contains(word));
        assert!(is_told, "`{key}` is not documented");
    }
}

/// Keys of our own objects: values of the image's configuration are not ours.
fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                keys.insert(key.clone());
                if key != "old" && key != "new" {
                    collect_keys(value, keys);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}
