//! Annotations on manifests, indexes and descriptors: what changes, and that all above it follows.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;

use serde_json::{Value, json};

use crate::binary;
use crate::edit::{Archive, fixture};

/// Applies operations to a real archive; returns the new one, which is sound, and the plan as JSON.
fn apply(archive: &str, head: &str, operations: &str) -> (Archive, Value) {
    let home = tempfile::tempdir().unwrap();
    let [patch, output] = ["fix.yaml", "out.tar"].map(|name| home.path().join(name));
    let text = format!("apiVersion: ocipatch/v1\n{head}operations:\n{operations}");
    fs::write(&patch, text).unwrap();
    let input = fixture(archive);
    let [patch, input, output] = [&patch, &input, &output].map(|path| path.to_str().unwrap());
    let plan = binary::ok(["plan", "--format=json", patch, input]);
    binary::ok(["apply", "--quiet", patch, input, "-o", output]);
    binary::ok(["verify", output]);
    let bytes = fs::read(output).unwrap();
    (Archive::read(&bytes), serde_json::from_str(&plan).unwrap())
}

fn document(archive: &Archive, name: &str) -> Value {
    let found = archive.entries.iter().find(|entry| entry.name == name);
    serde_json::from_slice(&found.expect(name).data).unwrap()
}

fn blob(archive: &Archive, descriptor: &Value) -> Value {
    let digest = descriptor["digest"].as_str().unwrap();
    document(archive, &format!("blobs/{}", digest.replace(':', "/")))
}

#[test]
fn a_manifest_gets_annotations_and_loses_them() {
    for archive in [
        "docker26.tar",
        "podman-oci.tar",
        "skopeo-oci.tar",
        "buildx-docker.tar",
    ] {
        let (before, _) = apply(archive, "", "- add-tag: ['other:1']\n");
        let (after, plan) = apply(archive, "", "- set-annotation: {b.c: d, a: '<&>'}\n");
        let manifest =
            |archive: &Archive| blob(archive, &document(archive, "index.json")["manifests"][0]);
        let mut expected = manifest(&before);
        expected["annotations"]["a"] = json!("<&>");
        expected["annotations"]["b.c"] = json!("d");
        assert_eq!(manifest(&after), expected, "{archive}");
        let image = &plan["images"][0];
        assert_eq!(image["imageId"], image["oldImageId"]);
        assert_ne!(image["manifestDigest"], image["oldManifestDigest"]);
        assert_eq!(
            image["annotations"][0],
            json!({"on": "manifest", "key": "b.c", "new": "d"})
        );
        let set = json!({"kind": "set-annotation", "on": "manifest", "key": "b.c", "old": null, "new": "d"});
        assert_eq!(image["steps"][0]["effects"][0], set);
    }
}

#[test]
fn the_last_annotation_takes_the_object_along() {
    let home = tempfile::tempdir().unwrap();
    let patches = ["set-annotation: {a: b}", "unset-annotation: [a]"];
    let mut input = fixture("docker26.tar");
    for (i, operation) in patches.iter().enumerate() {
        let patch = home.path().join("fix.yaml");
        fs::write(
            &patch,
            format!("apiVersion: ocipatch/v1\noperations:\n- {operation}\n"),
        )
        .unwrap();
        let output = home.path().join(format!("{i}.tar"));
        let paths = [&patch, &input, &output].map(|path| path.to_str().unwrap().to_owned());
        binary::ok(["apply", "--quiet", &paths[0], &paths[1], "-o", &paths[2]]);
        input = output;
    }
    let is_same = fs::read(&input).unwrap() == fs::read(fixture("docker26.tar")).unwrap();
    assert!(is_same, "there and back again");
}

#[test]
fn a_descriptor_is_annotated_for_every_name() {
    let operations = "- add-tag: ['other:1']\n- set-annotation: {on: descriptor, set: {a: b}}\n";
    let (after, plan) = apply("docker26.tar", "", operations);
    let index = document(&after, "index.json");
    let items = index["manifests"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    for item in items {
        assert_eq!(item["annotations"]["a"], "b");
        assert!(item["annotations"]["io.containerd.image.name"].is_string());
    }
    let image = &plan["images"][0];
    assert_eq!(image["manifestDigest"], image["oldManifestDigest"]);
    assert_eq!(image["changed"], true);
}

#[test]
fn an_index_and_the_descriptors_in_it_are_annotated() {
    let operations = "- set-annotation: {on: index, set: {a: b}}\n- set-annotation: {on: descriptor, set: {c: d}}\n";
    let (after, plan) = apply(
        "buildx-oci-multi.tar",
        "target: {platforms: [linux/amd64]}\n",
        operations,
    );
    let top = &document(&after, "index.json")["manifests"][0];
    assert_eq!(top["annotations"]["a"], Value::Null);
    let index = blob(&after, top);
    assert_eq!(index["annotations"], json!({"a": "b"}));
    for item in index["manifests"].as_array().unwrap() {
        let is_meant = item["platform"]["architecture"] == "amd64";
        assert_eq!(item["annotations"]["c"] == "d", is_meant, "{item}");
    }
    // No manifest changes, so what is attested about them still holds.
    for image in plan["images"].as_array().unwrap() {
        assert_eq!(image["manifestDigest"], image["oldManifestDigest"]);
        assert_ne!(image["indexDigest"], image["oldIndexDigest"]);
    }
    let before = Archive::fixture("buildx-oci-multi.tar");
    let old = blob(&before, &document(&before, "index.json")["manifests"][0]);
    assert_eq!(
        old["manifests"].as_array().unwrap().len(),
        index["manifests"].as_array().unwrap().len()
    );
}

#[test]
fn an_attested_manifest_is_not_annotated_without_a_word() {
    let home = tempfile::tempdir().unwrap();
    let patch = home.path().join("fix.yaml");
    fs::write(
        &patch,
        "apiVersion: ocipatch/v1\noperations:\n- set-annotation: {a: b}\n",
    )
    .unwrap();
    let input = fixture("buildx-oci-multi.tar");
    let told = binary::fails(1, ["plan".as_ref(), patch.as_os_str(), input.as_os_str()]);
    assert!(told.contains("Error: attested"), "{told}");
}

/// What is said of an image is said of its manifest, which names the layers as they are stored.
#[test]
fn an_attested_image_is_not_recompressed_without_a_word() {
    let home = tempfile::tempdir().unwrap();
    let patch = home.path().join("fix.yaml");
    let text = "apiVersion: ocipatch/v1\noperations:\n- recompress: zstd\n";
    fs::write(&patch, text).unwrap();
    let input = fixture("buildx-oci-multi.tar");
    let told = binary::fails(1, ["plan".as_ref(), patch.as_os_str(), input.as_os_str()]);
    assert!(told.contains("Error: attested"), "{told}");
    let drop = "attestations: drop\n";
    let (after, _) = apply("buildx-oci-multi.tar", drop, "- recompress: zstd\n");
    let index = blob(&after, &document(&after, "index.json")["manifests"][0]);
    let descriptors = index["manifests"].as_array().unwrap();
    assert!(
        descriptors
            .iter()
            .all(|descriptor| descriptor["platform"]["os"] != "unknown")
    );
}

#[test]
fn what_has_no_manifest_or_index_says_so() {
    let home = tempfile::tempdir().unwrap();
    let patch = home.path().join("fix.yaml");
    for (archive, operation, message) in [
        (
            "docker20.tar",
            "set-annotation: {a: b}",
            "`greeter:1` has no OCI manifest in this archive",
        ),
        (
            "docker26.tar",
            "set-annotation: {on: index, set: {a: b}}",
            "the names of `greeter:1` do not refer to an index",
        ),
        (
            "docker26.tar",
            "unset-annotation: [nothing]",
            "`greeter:1` has no annotation on its manifest `nothing`",
        ),
    ] {
        fs::write(
            &patch,
            format!("apiVersion: ocipatch/v1\noperations:\n- {operation}\n"),
        )
        .unwrap();
        let input = fixture(archive);
        let told = binary::fails(1, ["plan".as_ref(), patch.as_os_str(), input.as_os_str()]);
        assert!(told.contains(message), "{told}");
    }
}

#[test]
fn the_descriptor_follows_another_platform() {
    let head = "target: {platforms: [linux/arm64]}\nattestations: keep\n";
    let operation = "- set-platform: {architecture: arm, variant: v7}\n";
    let (after, plan) = apply("buildx-oci-multi.tar", head, operation);
    let index = blob(&after, &document(&after, "index.json")["manifests"][0]);
    let items = index["manifests"].as_array().unwrap();
    let is_it = |item: &&Value| item["platform"]["architecture"] == "arm";
    let item = items.iter().find(is_it).unwrap();
    assert_eq!(item["platform"]["variant"], "v7");
    let config = blob(&after, &blob(&after, item)["config"]);
    assert_eq!(
        (&config["architecture"], &config["variant"]),
        (&json!("arm"), &json!("v7"))
    );
    assert_eq!(plan["images"][1]["changed"], true);
}
