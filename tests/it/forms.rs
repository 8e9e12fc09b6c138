//! Archives of writers without a fixture, made from one that has one, and what a patch does to each form.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binary::{ok, write_files};
use crate::edit::Archive;

/// The v1 ids of docker20.tar.
const V1: [&str; 2] = [
    "a26bb6160b554c9d44a078cdbc7e80251853c08aa69de97b11804492fd9a05ad",
    "c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7",
];

/// The v1 directories of `rules_docker` and of ggcr: their ids follow rules of their own.
pub(crate) fn foreign_ids() -> Archive {
    let mut archive = Archive::fixture("docker20.tar");
    for (i, id) in V1.into_iter().enumerate() {
        archive.replace_everywhere(id, &format!("{i}").repeat(64));
    }
    archive
}

fn write(directory: &Path, archive: &Archive) -> PathBuf {
    let path = directory.join("made.tar");
    std::fs::write(&path, archive.to_bytes()).unwrap();
    path
}

fn patched(directory: &Path, archive: &Archive, operations: &str) -> PathBuf {
    let patch = format!("apiVersion: ocipatch/v1\noperations:\n{operations}");
    let files = [("rootfs/etc/greeting", "hello\n"), ("fix.yaml", &patch)];
    write_files(directory, &files);
    let (input, output) = (write(directory, archive), directory.join("patched.tar"));
    let fix = directory.join("fix.yaml");
    let arguments = [fix.as_os_str(), input.as_os_str(), "-o".as_ref()];
    ok([&["apply".as_ref()], &arguments[..], &[output.as_os_str()]].concat());
    output
}

/// The directories of an image from the base up, each with the `parent` that its `json` names.
fn chain(archive: &Path) -> Vec<(String, Value)> {
    let mut archive = Archive::read(&std::fs::read(archive).unwrap());
    let manifest: Value = serde_json::from_slice(&archive.entry("manifest.json").data).unwrap();
    let layers = manifest[0]["Layers"].as_array().unwrap();
    let directory = |layer: &Value| layer.as_str().unwrap().replace("/layer.tar", "");
    let link = |layer: &Value| {
        let directory = directory(layer);
        let json = &archive.entry(&format!("{directory}/json")).data;
        let json: Value = serde_json::from_slice(json).unwrap();
        assert_eq!(json["id"], directory);
        (directory, json["parent"].clone())
    };
    layers.iter().map(link).collect()
}

#[test]
fn an_added_layer_has_the_layer_below_as_its_parent_whatever_its_id() {
    // A text where Docker has a number: no struct of Docker's holds this config, so no id of Docker's is its own.
    let mut odd = foreign_ids();
    odd.replace(
        "fba3ad4a",
        "\"architecture\"",
        "\"Size\":\"much\",\"architecture\"",
    );
    odd.repair();
    for archive in [foreign_ids(), odd] {
        let directory = tempfile::tempdir().unwrap();
        let twice = "  - add-layer: {from: rootfs}\n".repeat(2);
        let output = patched(directory.path(), &archive, &twice);
        let chain = chain(&output);
        assert_eq!(chain.len(), 4);
        assert_eq!(chain[0], ("0".repeat(64), Value::Null));
        for pair in chain.windows(2) {
            assert_eq!(pair[1].1, pair[0].0);
        }
        ok(["verify".as_ref(), output.as_os_str()]);
    }
}
