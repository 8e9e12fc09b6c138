//! Items of `manifest.json` that share an image, an item of two images, and images that have none.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::Path;

use ocipatch::digest::Digest;
use serde_json::{Value, json};

use super::parents::containerd;
use super::write;
use crate::binary::{fails, ok, write_files};
use crate::edit::Archive;

pub(super) fn read(archive: &mut Archive, name: &str) -> Value {
    serde_json::from_slice(&archive.entry(name).data).unwrap()
}

pub(super) fn change(archive: &mut Archive, name: &str, change: impl FnOnce(&mut Value)) {
    let mut value = read(archive, name);
    change(&mut value);
    archive.entry(name).data = (value.to_string() + "\n").into_bytes();
}

/// Applies a patch; returns what the plan says and the new archive, in which `verify` finds no error.
#[track_caller]
pub(super) fn apply(archive: &Archive, patch: &str) -> (String, Archive) {
    let home = tempfile::tempdir().unwrap();
    let patch = format!("apiVersion: ocipatch/v1\n{patch}");
    write_files(home.path(), &[("fix.yaml", &patch)]);
    let input = write(home.path(), archive);
    let (fix, output) = (home.path().join("fix.yaml"), home.path().join("out.tar"));
    let plan = ok(["plan".as_ref(), fix.as_os_str(), input.as_os_str()]);
    let arguments = ["apply".as_ref(), fix.as_os_str(), input.as_os_str()];
    ok([&arguments[..], &["-o".as_ref(), output.as_os_str()]].concat());
    ok(["verify".as_ref(), output.as_os_str()]);
    (plan, Archive::read(&std::fs::read(&output).unwrap()))
}

/// The id of the image that each item describes.
pub(super) fn ids(archive: &mut Archive) -> Vec<String> {
    let items = read(archive, "manifest.json");
    let items = items.as_array().unwrap().iter();
    let configs = items.map(|item| item["Config"].as_str().unwrap().to_owned());
    let id = |config: String| Digest::of(&archive.entry(&config).data).to_string();
    configs.map(id).collect()
}

const NAME: &str = "io.containerd.image.name";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Adds an image to `index.json` whose manifest says something more.
fn add_to_index(archive: &mut Archive, tag: Option<&str>, more: impl FnOnce(&mut Value)) -> String {
    let index = read(archive, "index.json");
    let mut descriptor = index["manifests"][0].clone();
    let hex = descriptor["digest"]
        .as_str()
        .unwrap()
        .replace("sha256:", "");
    let mut manifest = read(archive, &hex);
    more(&mut manifest);
    let bytes = manifest.to_string().into_bytes();
    let digest = Digest::of(&bytes);
    archive.add(&format!("blobs/sha256/{}", digest.hex()), &bytes);
    descriptor["digest"] = json!(digest.to_string());
    descriptor["size"] = json!(bytes.len());
    let descriptor_map = descriptor.as_object_mut().unwrap();
    match tag {
        None => drop(descriptor_map.remove("annotations")),
        Some(tag) => {
            let (_, ref_name) = tag.split_once(':').unwrap();
            let name = format!("docker.io/library/{tag}");
            descriptor["annotations"] = json!({NAME: name, REF_NAME: ref_name});
        }
    }
    change(archive, "index.json", |index| {
        index["manifests"].as_array_mut().unwrap().push(descriptor);
    });
    digest.to_string()
}

/// Two manifests of one configuration and the same layers, which one item describes.
fn shared_item() -> Archive {
    let mut archive = Archive::fixture("docker26-containerd.tar");
    add_to_index(&mut archive, Some("other:1"), |manifest| {
        manifest["annotations"] = json!({"com.example.other": "yes"});
    });
    change(&mut archive, "manifest.json", |items| {
        items[0]["RepoTags"] = json!(["greeter:1", "other:1"]);
    });
    archive
}

/// What each item says: which label its image has, and its tags.
fn told(archive: &mut Archive) -> Vec<(Value, Value)> {
    let items = read(archive, "manifest.json");
    let items = items.as_array().unwrap().iter().map(|item| {
        let config = read(archive, item["Config"].as_str().unwrap());
        let label = config["config"]["Labels"]["mylabel"].clone();
        (label, item["RepoTags"].clone())
    });
    items.collect()
}

#[test]
fn an_item_of_two_images_is_parted_when_they_are_no_longer_alike() {
    let (old, new) = (json!("myvalue"), json!("new"));
    let label = "operations: [set-label: {mylabel: new}]\n";
    for (patch, wanted) in [
        (
            format!("target: {{images: ['other:1']}}\n{label}"),
            vec![
                (old.clone(), json!(["greeter:1"])),
                (new.clone(), json!(["other:1"])),
            ],
        ),
        (
            format!("target: {{images: ['greeter:1']}}\n{label}"),
            vec![
                (new.clone(), json!(["greeter:1"])),
                (old.clone(), json!(["other:1"])),
            ],
        ),
        (
            format!("target: {{images: ['*:*']}}\n{label}"),
            vec![(new.clone(), json!(["greeter:1", "other:1"]))],
        ),
        (
            "target: {images: ['other:1']}\noperations: [set-label: {mylabel: new}, add-tag: ['more:1']]\n".to_owned(),
            vec![
                (old.clone(), json!(["greeter:1"])),
                (new.clone(), json!(["other:1", "more:1"])),
            ],
        ),
        (
            "target: {images: ['greeter:1']}\noperations: [add-tag: ['more:1']]\n".to_owned(),
            vec![(old.clone(), json!(["greeter:1", "other:1", "more:1"]))],
        ),
        (
            "target: {images: ['greeter:1']}\noperations: [remove-tag: ['greeter:1']]\n".to_owned(),
            vec![(old.clone(), json!(["other:1"]))],
        ),
        (
            "target: {images: ['other:1']}\noperations: [retag: ['a:1', 'b:1']]\n".to_owned(),
            vec![(old.clone(), json!(["greeter:1", "a:1", "b:1"]))],
        ),
    ] {
        let (_, mut output) = apply(&shared_item(), &patch);
        assert_eq!(told(&mut output), wanted, "{patch}");
    }
}

/// Images of one configuration are still two if their layers are stored otherwise.
#[test]
fn an_item_of_two_images_is_parted_when_a_layer_of_one_is_recompressed() {
    let patch = "target: {images: ['other:1']}\nhistory: none\noperations: [recompress: gzip]\n";
    let (_, mut output) = apply(&shared_item(), patch);
    let items = read(&mut output, "manifest.json");
    assert_eq!(items[0]["Config"], items[1]["Config"]);
    assert_ne!(items[0]["Layers"], items[1]["Layers"]);
    assert_eq!(items[0]["RepoTags"], json!(["greeter:1"]));
    assert_eq!(items[1]["RepoTags"], json!(["other:1"]));
}

/// Two manifests of one configuration in one index, so that they share their names and their item.
#[test]
fn names_that_the_images_of_an_item_share_are_said_once() {
    let mut archive = Archive::fixture("docker26-containerd.tar");
    add_to_index(&mut archive, None, |manifest| {
        manifest["annotations"] = json!({"com.example.other": "yes"});
    });
    let mut inner = read(&mut archive, "index.json");
    let named = inner["manifests"][0]
        .as_object_mut()
        .unwrap()
        .remove("annotations");
    let inner = inner.to_string().into_bytes();
    let digest = Digest::of(&inner);
    archive.add(&format!("blobs/sha256/{}", digest.hex()), &inner);
    change(&mut archive, "index.json", |index| {
        index["manifests"] = json!([{
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": digest.to_string(), "size": inner.len(), "annotations": named,
        }]);
    });
    for (operations, label, tags) in [
        ("set-label: {mylabel: new}", "new", json!(["greeter:1"])),
        (
            "add-tag: ['a:1', 'b:1']",
            "myvalue",
            json!(["greeter:1", "a:1", "b:1"]),
        ),
        ("retag: ['a:1']", "myvalue", json!(["a:1"])),
    ] {
        let (_, mut output) = apply(&archive, &format!("operations: [{operations}]\n"));
        assert_eq!(told(&mut output), [(json!(label), tags)], "{operations}");
    }
}

/// A name by digest is another's only if its image changes.
#[test]
fn a_name_by_digest_of_an_image_that_stays_stays() {
    let mut archive = containerd();
    let by_digest = format!("greeter@sha256:{}", "1".repeat(64));
    change(&mut archive, "manifest.json", |items| {
        items[0]["RepoTags"] = json!([by_digest, "greeter:1"]);
    });
    let home = tempfile::tempdir().unwrap();
    let patch =
        "apiVersion: ocipatch/v1\ntarget: {images: [greeter2]}\noperations: [set-label: {a: b}]\n";
    write_files(home.path(), &[("fix.yaml", patch)]);
    let input = write(home.path(), &archive);
    let (fix, output) = (home.path().join("fix.yaml"), home.path().join("out.tar"));
    let plan = ok(["plan".as_ref(), fix.as_os_str(), input.as_os_str()]);
    assert!(!plan.contains("is removed"), "{plan}");
    let arguments = ["apply".as_ref(), fix.as_os_str(), input.as_os_str()];
    ok([&arguments[..], &["-o".as_ref(), output.as_os_str()]].concat());
    let mut output = Archive::read(&std::fs::read(&output).unwrap());
    let items = read(&mut output, "manifest.json");
    assert_eq!(items[0]["RepoTags"], json!([by_digest, "greeter:1"]));
    assert_eq!(
        items[0]["Config"],
        read(&mut archive, "manifest.json")[0]["Config"]
    );
}

/// Two images that a patch has made equal: each item keeps its own names, and a new one is said once.
#[test]
fn items_of_one_image_keep_the_names_that_each_has() {
    let mut archive = Archive::fixture("docker26-containerd.tar");
    change(&mut archive, "index.json", |index| {
        let descriptors = index["manifests"].as_array_mut().unwrap();
        let mut twin = descriptors[0].clone();
        twin["annotations"] = json!({NAME: "docker.io/library/other:1", REF_NAME: "1"});
        descriptors.push(twin);
    });
    change(&mut archive, "manifest.json", |items| {
        let items = items.as_array_mut().unwrap();
        let mut twin = items[0].clone();
        twin["RepoTags"] = json!(["other:1"]);
        items.push(twin);
    });
    let (old, new) = (json!("myvalue"), json!("new"));
    for (operations, label, wanted) in [
        (
            "set-label: {mylabel: new}",
            &new,
            [json!(["greeter:1"]), json!(["other:1"])],
        ),
        (
            "add-tag: ['more:1']",
            &old,
            [json!(["greeter:1", "more:1"]), json!(["other:1"])],
        ),
        (
            "remove-tag: ['other:1']",
            &old,
            [json!(["greeter:1"]), json!(null)],
        ),
        (
            "retag: ['other:1', 'more:1']",
            &old,
            [json!(["more:1"]), json!(["other:1"])],
        ),
    ] {
        let (_, mut output) = apply(&archive, &format!("operations: [{operations}]\n"));
        let wanted = wanted.map(|tags| (label.clone(), tags));
        assert_eq!(told(&mut output), wanted, "{operations}");
    }
}

/// An image that one document lists and the other does not is as much a disagreement as two that differ.
#[test]
fn an_image_that_manifest_json_lacks_is_named_and_may_be_trusted() {
    let label = "operations: [set-label: {mylabel: new}]\n";
    for fixture in [
        "docker26.tar",
        "docker26-containerd.tar",
        "buildx-docker.tar",
    ] {
        for tag in [Some("other:1"), None] {
            let mut archive = Archive::fixture(fixture);
            let index = read(&mut archive, "index.json");
            let hex = |digest: &Value| digest.as_str().unwrap().replace("sha256:", "");
            let manifest = read(&mut archive, &hex(&index["manifests"][0]["digest"]));
            let mut config = read(&mut archive, &hex(&manifest["config"]["digest"]));
            config["author"] = json!("somebody else");
            let config = config.to_string();
            let config_digest = Digest::of(config.as_bytes());
            archive.add(
                &format!("blobs/sha256/{}", config_digest.hex()),
                config.as_bytes(),
            );
            let digest = add_to_index(&mut archive, tag, |manifest| {
                manifest["config"]["digest"] = json!(config_digest.to_string());
                manifest["config"]["size"] = json!(config.len());
            });
            let home = tempfile::tempdir().unwrap();
            let patch = format!("apiVersion: ocipatch/v1\n{label}");
            write_files(home.path(), &[("fix.yaml", &patch)]);
            let input = write(home.path(), &archive);
            let fix = home.path().join("fix.yaml");
            let told_of = fails(3, [Path::new("plan"), &fix, &input]);
            assert!(told_of.contains(&digest), "{fixture}: {told_of}");
            assert!(
                told_of.contains("trust: index.json"),
                "{fixture}: {told_of}"
            );
            for (half, n_images) in [("manifest.json", 1), ("index.json", 2)] {
                let all = "images: ['*']";
                let patch = format!("target: {{trust: {half}, {all}}}\n{label}");
                let (_, mut output) = apply(&archive, &patch);
                let labels: Vec<Value> = told(&mut output).into_iter().map(|(it, _)| it).collect();
                assert_eq!(labels, vec![json!("new"); n_images], "{fixture} {half}");
            }
        }
    }
}

/// containerd lists the platform of its host; an index of others, of which some were left out, has no item.
#[test]
fn an_index_of_which_a_platform_was_left_out_needs_no_item() {
    let mut archive = Archive::fixture("docker26-containerd.tar");
    let index = read(&mut archive, "index.json");
    let hex = |digest: &Value| digest.as_str().unwrap().replace("sha256:", "");
    let manifest = read(&mut archive, &hex(&index["manifests"][0]["digest"]));
    let mut config = read(&mut archive, &hex(&manifest["config"]["digest"]));
    config["architecture"] = json!("s390x");
    let config = config.to_string();
    let config_digest = Digest::of(config.as_bytes());
    let name = format!("blobs/sha256/{}", config_digest.hex());
    archive.add(&name, config.as_bytes());
    add_to_index(&mut archive, None, |manifest| {
        manifest["config"]["digest"] = json!(config_digest.to_string());
        manifest["config"]["size"] = json!(config.len());
    });
    let index = read(&mut archive, "index.json");
    let present = &index["manifests"][1];
    let mut absent = present.clone();
    absent["digest"] = json!(format!("sha256:{}", "1".repeat(64)));
    let inner = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [present, absent],
    });
    let inner = inner.to_string();
    let digest = Digest::of(inner.as_bytes());
    archive.add(&format!("blobs/sha256/{}", digest.hex()), inner.as_bytes());
    change(&mut archive, "index.json", |index| {
        index["manifests"][1] = json!({
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": digest.to_string(), "size": inner.len(),
        });
    });
    let patch = "target: {images: ['greeter:1']}\noperations: [set-label: {mylabel: new}]\n";
    let (_, mut output) = apply(&archive, patch);
    assert_eq!(told(&mut output), [(json!("new"), json!(["greeter:1"]))]);
    assert_eq!(
        read(&mut output, "index.json")["manifests"][1],
        read(&mut archive, "index.json")["manifests"][1]
    );
}
