//! Names that real tools give and that are no tags, and images that have none.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use serde_json::{Value, json};

use crate::binary::{fails, ok, write_files};
use crate::edit::Archive;

const NAME: &str = "io.containerd.image.name";
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const LABEL: &str = "operations:\n- set-label: {a: b}\n";

/// Changes a document of an archive.
fn edit(archive: &mut Archive, name: &str, change: impl FnOnce(&mut Value)) {
    let entry = archive.entry(name);
    let mut value: Value = serde_json::from_slice(&entry.data).unwrap();
    change(&mut value);
    entry.data = value.to_string().into_bytes();
}

fn document(archive: &mut Archive, name: &str) -> Value {
    serde_json::from_slice(&archive.entry(name).data).unwrap()
}

/// Writes the archive and a patch; returns their paths and one for the output.
fn write(home: &Path, archive: &Archive, patch: &str) -> [String; 3] {
    write_files(
        home,
        &[("fix.yaml", &format!("apiVersion: ocipatch/v1\n{patch}"))],
    );
    std::fs::write(home.join("in.tar"), archive.to_bytes()).unwrap();
    ["fix.yaml", "in.tar", "out.tar"].map(|name| home.join(name).to_str().unwrap().to_owned())
}

/// Applies a patch to an archive; returns what the plan says and the new archive.
fn apply(archive: &Archive, patch: &str) -> (String, Archive) {
    let home = tempfile::tempdir().unwrap();
    let [patch, input, output] = write(home.path(), archive, patch);
    let plan = ok(["plan", &patch, &input]);
    ok(["apply", "--quiet", &patch, &input, "-o", &output]);
    ok(["verify", &output]);
    (plan, Archive::read(&std::fs::read(&output).unwrap()))
}

/// The archive, with other annotations of its first descriptor in `index.json`.
fn named(fixture: &str, annotations: &Value) -> Archive {
    let mut archive = Archive::fixture(fixture);
    edit(&mut archive, "index.json", |index| {
        index["manifests"][0]["annotations"] = annotations.clone();
    });
    archive
}

#[test]
fn a_layout_keeps_every_name_that_image_spec_allows() {
    for name in ["v1.0+build", "app@b", "A/B", "a:b:c", "x--y"] {
        let archive = named("skopeo-oci.tar", &json!({ REF_NAME: name }));
        let (plan, mut output) = apply(&archive, LABEL);
        assert!(plan.contains(&format!("= {name}\n")), "{plan}");
        let index = document(&mut output, "index.json");
        assert_eq!(
            index["manifests"][0]["annotations"],
            json!({ REF_NAME: name })
        );
        let tagged = format!("target: {{images: ['{name}']}}\noperations:\n- add-tag: ['app:2']\n");
        let (_, mut output) = apply(&archive, &tagged);
        let index = document(&mut output, "index.json");
        let names: Vec<&Value> = index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|descriptor| &descriptor["annotations"][REF_NAME])
            .collect();
        assert_eq!(names, [name, "app:2"]);
    }
}

#[test]
fn what_no_docker_archive_can_be_called_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let archive = named("skopeo-oci.tar", &json!({ REF_NAME: "v1+b" }));
    let [_, input, output] = write(home.path(), &archive, LABEL);
    let told = fails(
        3,
        ["apply", "--to", "docker-archive", &input, "-o", &output],
    );
    assert!(told.contains("use `retag: [\"name:tag\"]`"), "{told}");
}

#[test]
fn a_name_that_stands_twice_is_told_of_the_document_that_has_it() {
    let home = tempfile::tempdir().unwrap();
    let mut archive = Archive::fixture("skopeo-oci.tar");
    let other = Archive::fixture("buildx-oci.tar");
    for entry in other.entries {
        if archive.entries.iter().all(|known| known.name != entry.name) {
            archive.entries.push(entry);
        }
    }
    edit(&mut archive, "index.json", |index| {
        let mut descriptor = index["manifests"][0].clone();
        descriptor["annotations"] = json!({ REF_NAME: "a" });
        index["manifests"][0] = descriptor.clone();
        let index_of_other = Archive::fixture("buildx-oci.tar")
            .entries
            .into_iter()
            .find(|entry| entry.name == "index.json")
            .unwrap();
        let mut twin: Value = serde_json::from_slice(&index_of_other.data).unwrap();
        twin["manifests"][0]["annotations"] = descriptor["annotations"].clone();
        index["manifests"]
            .as_array_mut()
            .unwrap()
            .push(twin["manifests"][0].clone());
    });
    let [patch, input, _] = write(home.path(), &archive, LABEL);
    let told = fails(3, ["plan", &patch, &input]);
    assert_eq!(told, "error: `index.json`: the tag `a` appears twice\n");
}

/// As `ctr images export` writes it of what Kubernetes has pulled.
#[test]
fn a_name_by_digest_goes_when_the_image_becomes_another() {
    let mut archive = Archive::fixture("docker26-containerd.tar");
    let index = document(&mut archive, "index.json");
    let digest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
    for tags in [&["greeter:1"][..], &[]] {
        let mut archive = Archive::fixture("docker26-containerd.tar");
        let by_digest = format!("greeter@{digest}");
        edit(&mut archive, "index.json", |index| {
            let descriptors = index["manifests"].as_array_mut().unwrap();
            let mut descriptor = descriptors[0].clone();
            descriptor["annotations"] = json!({
                NAME: format!("docker.io/library/{by_digest}"),
                REF_NAME: format!("@{digest}"),
            });
            descriptors.truncate(tags.len());
            descriptors.insert(0, descriptor);
        });
        edit(&mut archive, "manifest.json", |items| {
            let names: Vec<&str> = [by_digest.as_str()]
                .into_iter()
                .chain(tags.iter().copied())
                .collect();
            items[0]["RepoTags"] = json!(names);
        });
        let (plan, mut output) = apply(&archive, LABEL);
        let note = format!("note: `{by_digest}` is removed: the image has another digest\n");
        assert!(plan.contains(&note), "{plan}");
        for name in ["index.json", "manifest.json"] {
            let text = document(&mut output, name).to_string();
            assert!(!text.contains(&digest), "{text}");
            assert_eq!(text.contains("greeter:1"), !tags.is_empty(), "{text}");
        }
        // Nothing changes, and everything stays.
        let home = tempfile::tempdir().unwrap();
        let nothing = "operations:\n- unset-label: {match: [none], if-missing: ignore}\n";
        let [patch, input, output] = write(home.path(), &archive, nothing);
        ok(["apply", "--quiet", &patch, &input, "-o", &output]);
        assert!(std::fs::read(&output).unwrap() == archive.to_bytes());
        // `docker load` takes no such name.
        let report = crate::binary::run(["verify", &input]);
        let report = String::from_utf8(report.stdout).unwrap();
        assert_eq!(report.matches("error[").count(), 1, "{report}");
        assert!(report.contains("error[repo-tag]"), "{report}");
    }
}

/// As `ctr images export --skip-manifest-json` of containerd 1 writes it.
#[test]
fn a_manifest_json_without_names_goes_on_saying_nothing() {
    let mut archive = Archive::fixture("docker26-containerd.tar");
    edit(&mut archive, "manifest.json", |items| {
        items[0]["RepoTags"] = Value::Null;
    });
    let (plan, mut output) = apply(&archive, LABEL);
    assert!(plan.contains("= greeter:1\n"), "{plan}");
    assert_eq!(
        document(&mut output, "manifest.json")[0]["RepoTags"],
        Value::Null
    );
    let (_, mut output) = apply(&archive, "operations:\n- retag: ['app:2']\n");
    assert_eq!(
        document(&mut output, "manifest.json")[0]["RepoTags"],
        json!(["app:2"])
    );
    let home = tempfile::tempdir().unwrap();
    let [_, input, _] = write(home.path(), &archive, LABEL);
    let report = ok(["verify", &input]);
    let warning = "warning[hybrid-tag] manifest.json: has no tag for `blobs/sha256/";
    assert!(report.starts_with(warning), "{report}");
}

/// As `ctr images export` writes it of an image called `app`.
#[test]
fn a_name_without_a_tag_has_none_in_either_half() {
    let mut archive = named(
        "docker26-containerd.tar",
        &json!({ NAME: "app", REF_NAME: "" }),
    );
    edit(&mut archive, "manifest.json", |items| {
        items[0]["RepoTags"] = json!(["app:latest"]);
    });
    let (plan, _) = apply(&archive, LABEL);
    assert!(plan.contains("= app:latest\n"), "{plan}");
    let home = tempfile::tempdir().unwrap();
    let [_, input, _] = write(home.path(), &archive, LABEL);
    ok(["verify", &input]);
}

#[test]
fn every_image_is_also_one_without_a_name() {
    let archive = Archive::fixture("docker20-untagged.tar");
    let (plan, _) = apply(&archive, &format!("target: {{images: ['*']}}\n{LABEL}"));
    assert!(plan.contains("+ config.Labels.a: \"b\"\n"), "{plan}");
    let home = tempfile::tempdir().unwrap();
    let [patch, input, _] = write(
        home.path(),
        &archive,
        &format!("target: {{images: ['*:*']}}\n{LABEL}"),
    );
    let told = fails(1, ["plan", &patch, &input]);
    assert!(told.contains("Error: no-such-image"), "{told}");
}
