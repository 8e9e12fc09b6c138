//! What a patch does to the form of each writer: names, headers, order and spelling stay as that writer has them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod compare;
mod dated;
mod directory;
mod items;
mod linked_blobs;
mod made;
mod old;
mod parents;
mod refused;
mod taken;

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use ocipatch::digest::Digest;
use serde_json::{Value, json};

use self::compare::{Names, assert_dressed, assert_named, contents, names, plain};
pub(crate) use self::made::{
    bzip2_and_xz, foreign_ids, ggcr_legacy, kaniko, nix, nix_built, rules_docker, rules_oci,
    rules_oci_layout, unrecognized, zstd_layout,
};
use self::made::{compact, compact_line, indented, jq, linked, podman_other_ids, python};
use crate::binary::{ok, write_files};
use crate::edit::{Archive, Entry};
use crate::engine::fixture;

/// A writer's form: an archive of it, names, and how it spells `manifest.json`, or `index.json` where that is all.
type Form = (&'static str, fn() -> Archive, Names, fn(&Value) -> String);

#[rustfmt::skip]
const FORMS: &[Form] = &[
    ("rules_docker", rules_docker, names("{}.json", "*/layer.tar"), python),
    ("ggcr, legacy", ggcr_legacy, names("{}.json", "*/layer.tar"), compact),
    ("nix, built", nix_built, names("{}.json", "*/layer.tar"), compact),
    ("foreign ids", foreign_ids, names("{}.json", "*/layer.tar"), compact_line),
    ("podman, other ids", podman_other_ids, names("{}.json", "<>.tar"), compact),
    ("kaniko", kaniko, names("sha256:{}", "{}.tar.gz"), compact),
    ("rules_oci", rules_oci, names("blobs/sha256/{}", "blobs/sha256/{}.tar.gz"), jq),
    ("nix", nix, names("{}.json", "<>/layer.tar"), indented),
    ("unrecognized", unrecognized, names("config.json", "layers/*.tar"), compact_line),
    ("linked", linked, names("config.json", "layers/*.tar"), compact_line),
    ("bzip2 and xz", bzip2_and_xz, names("{}.json", "{}.tar.*"), compact),
    ("zstd", zstd_layout, names("blobs/sha256/{}", "blobs/sha256/{}"), compact),
    ("rules_oci, layout", rules_oci_layout, names("blobs/sha256/{}", "blobs/sha256/{}"), jq),
];

/// Every form, by the name of its writer.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, fn() -> Archive)> {
    FORMS.iter().map(|(name, make, ..)| (*name, *make))
}

fn write(directory: &Path, archive: &Archive) -> PathBuf {
    let path = directory.join("made.tar");
    std::fs::write(&path, archive.to_bytes()).unwrap();
    path
}

fn fix(directory: &Path, operations: &str) -> PathBuf {
    let patch = format!("apiVersion: ocipatch/v1\noperations:\n{operations}");
    let files = [
        ("rootfs/etc/greeting", "hello\n"),
        ("more/srv/more", "more\n"),
        ("fix.yaml", &patch),
    ];
    write_files(directory, &files);
    directory.join("fix.yaml")
}

fn patched(directory: &Path, archive: &Archive, operations: &str) -> PathBuf {
    let (input, output) = (write(directory, archive), directory.join("patched.tar"));
    let fix = fix(directory, operations);
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

/// The codes of what `verify` finds, which must be no errors.
fn findings(archive: &Path) -> BTreeSet<String> {
    let arguments = [
        "verify".as_ref(),
        archive.as_os_str(),
        "--format=json".as_ref(),
    ];
    let report: Value = serde_json::from_str(&ok(arguments)).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| finding["rule"].as_str().unwrap().to_owned())
        .collect()
}

const CHANGES: &[&str] = &[
    "  - set-label: {mylabel: modifiedvalue}\n",
    "  - retag: [\"app:2\", \"registry.example.com:5000/team/app:stable\"]\n",
    "  - add-layer: {from: rootfs}\n  - add-layer: {from: more}\n  - set-label: {mylabel: modifiedvalue}\n",
    "  - remove-layer: 1\n  - add-layer: {from: more}\n",
    "  - remove-layer: 2\n",
];

#[test]
fn each_form_keeps_its_names_headers_and_spelling_and_so_does_its_directory() {
    for (name, make, names, spell) in FORMS {
        let archive = make();
        for operations in CHANGES {
            let directory = tempfile::tempdir().unwrap();
            let directory = directory.path();
            let output = patched(directory, &archive, operations);
            let input = directory.join("made.tar");
            let known = findings(&input);
            let found = findings(&output);
            // What is removed may be what was found.
            assert!(found.is_subset(&known), "{name}: {found:?}\n{operations}");
            let new = Archive::read(&std::fs::read(&output).unwrap());
            let old = Archive::read(&std::fs::read(&input).unwrap());
            assert_dressed(&old, &new);
            let document = new.entries.iter().find(|entry| {
                let documents = ["manifest.json", "index.json"];
                documents.contains(&entry.name.trim_start_matches("./"))
            });
            let document = document.unwrap();
            let value: Value = serde_json::from_slice(&document.data).unwrap();
            assert_eq!(
                String::from_utf8_lossy(&document.data),
                spell(&value),
                "{name}"
            );
            if document.name.ends_with("manifest.json") {
                assert_named(&new, names);
            }

            // The same as an extracted directory, in place.
            let place = |name: &str| directory.join(name);
            let (extracted, packed) = (place("extracted"), place("packed.tar"));
            let bytes = std::fs::read(&input).unwrap();
            tar::Archive::new(bytes.as_slice())
                .unpack(&extracted)
                .unwrap();
            let (fix, in_place) = (place("fix.yaml"), "--in-place");
            ok([
                "apply".as_ref(),
                in_place.as_ref(),
                fix.as_os_str(),
                extracted.as_os_str(),
            ]);
            let found = findings(&extracted);
            assert!(found.is_subset(&known), "{name}: {found:?}\n{operations}");
            ok(["pack".as_ref(), extracted.as_os_str(), packed.as_os_str()]);
            let packed = Archive::read(&std::fs::read(&packed).unwrap());
            assert_eq!(contents(&packed), contents(&new), "{name}\n{operations}");
            for entry in &packed.entries {
                let on_disk = std::fs::symlink_metadata(extracted.join(&entry.name)).unwrap();
                let mtime = entry.header.mtime().unwrap();
                assert_eq!(mtime.cast_signed(), on_disk.mtime(), "{}", entry.name);
            }
            // No directory stays behind what it held.
            for entry in packed
                .entries
                .iter()
                .filter(|entry| entry.name.ends_with('/'))
            {
                let is_inside = |other: &&Entry| {
                    other.name.len() > entry.name.len() && other.name.starts_with(&entry.name)
                };
                assert!(
                    packed.entries.iter().any(|other| is_inside(&other)),
                    "{}",
                    entry.name
                );
            }
        }
    }
}

#[test]
fn podman_s_directories_go_with_their_ids_when_it_was_extracted() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let bytes = std::fs::read(fixture("podman-docker.tar")).unwrap();
    tar::Archive::new(bytes.as_slice())
        .unpack(place("extracted"))
        .unwrap();
    let operations = CHANGES[2];
    let fix = fix(directory.path(), operations);
    let (extracted, output) = (place("extracted"), place("patched.tar"));
    let apply = |arguments: &[&std::ffi::OsStr]| {
        ok([&["apply".as_ref(), fix.as_os_str()], arguments].concat());
    };
    apply(&[extracted.as_os_str(), "--in-place".as_ref()]);
    let input = fixture("podman-docker.tar");
    apply(&[input.as_os_str(), "-o".as_ref(), output.as_os_str()]);
    assert_eq!(findings(&extracted), BTreeSet::new());
    ok([
        "pack".as_ref(),
        extracted.as_os_str(),
        place("packed.tar").as_os_str(),
    ]);
    let read = |name: &str| Archive::read(&std::fs::read(place(name)).unwrap());
    assert_eq!(
        contents(&read("packed.tar")),
        contents(&read("patched.tar"))
    );
    let directories = std::fs::read_dir(&extracted).unwrap();
    let n_directories = directories
        .filter(|item| item.as_ref().unwrap().path().is_dir())
        .count();
    assert_eq!(n_directories, 4);
}

/// A configuration that two images share under a name that is no digest: one of them gets a name of its own.
#[test]
fn a_name_that_two_images_share_is_not_changed_for_one() {
    let mut archive = unrecognized();
    let manifest = archive.entry("manifest.json");
    let mut items: Value = serde_json::from_slice(&manifest.data).unwrap();
    let mut other = items[0].clone();
    other["RepoTags"] = json!(["other:1"]);
    items.as_array_mut().unwrap().push(other);
    manifest.data = compact_line(&items).into_bytes();
    let directory = tempfile::tempdir().unwrap();
    let input = write(directory.path(), &archive);
    let text = "apiVersion: ocipatch/v1\ntarget: {images: [other]}\noperations:\n  - set-label: {mylabel: x}\n";
    write_files(directory.path(), &[("fix.yaml", text)]);
    let (fix, output) = (
        directory.path().join("fix.yaml"),
        directory.path().join("out.tar"),
    );
    ok([
        "apply".as_ref(),
        fix.as_os_str(),
        input.as_os_str(),
        "-o".as_ref(),
        output.as_os_str(),
    ]);
    findings(&output);
    let mut new = Archive::read(&std::fs::read(&output).unwrap());
    assert!(new.entry("config.json").data == archive.entry("config.json").data);
    let items: Value = serde_json::from_slice(&new.entry("manifest.json").data).unwrap();
    assert_eq!(items[0]["Config"], "config.json");
    let config = items[1]["Config"].as_str().unwrap().to_owned();
    assert_eq!(
        config,
        format!("{}.json", Digest::of(&new.entry(&config).data).hex())
    );
}

#[test]
fn a_layer_beside_bzip2_and_xz_is_read_through_them_and_written_by_gzip() {
    let directory = tempfile::tempdir().unwrap();
    let output = patched(
        directory.path(),
        &bzip2_and_xz(),
        "  - add-layer: {from: rootfs, to: /bin}\n",
    );
    let mut archive = Archive::read(&std::fs::read(&output).unwrap());
    let added = archive.entry(".tar.gz").data.clone();
    // `bin` is a link in the base.
    let text = String::from_utf8_lossy(&plain(&added)).into_owned();
    assert!(text.contains("usr/bin/etc/greeting"), "{text}");
    let to = directory.path().join("layout.tar");
    ok([
        "apply".as_ref(),
        "--to".as_ref(),
        "oci-archive".as_ref(),
        output.as_os_str(),
        "-o".as_ref(),
        to.as_os_str(),
    ]);
    assert_eq!(findings(&to), BTreeSet::new());
}

#[test]
fn verify_finds_no_error_in_a_made_form() {
    for (name, make, ..) in FORMS {
        let directory = tempfile::tempdir().unwrap();
        let input = write(directory.path(), &make());
        let found = findings(&input);
        let known = ["v1-id", "entry-name", "orphan", "unportable-compression"];
        assert!(
            found.iter().all(|code| known.contains(&code.as_str())),
            "{name}: {found:?}"
        );
    }
}

/// What `repositories` says of a name follows the rule that it followed, where the ids themselves are nobody's we know.
#[test]
fn repositories_names_the_top_layer_as_it_did() {
    // Docker 26's, with its layout lost: the diff id of the top layer.
    let mut by_diff_id = Archive::fixture("docker26.tar");
    by_diff_id.remove("index.json");
    by_diff_id.remove("oci-layout");
    // Docker 20's, with its documents lost: the directory of the top layer.
    let mut by_directory = Archive::fixture("docker20.tar");
    by_directory.remove("/json");
    for archive in [by_diff_id, by_directory] {
        let directory = tempfile::tempdir().unwrap();
        let output = patched(
            directory.path(),
            &archive,
            "  - add-layer: {from: rootfs}\n",
        );
        let mut new = Archive::read(&std::fs::read(&output).unwrap());
        let manifest: Value = serde_json::from_slice(&new.entry("manifest.json").data).unwrap();
        let top = manifest[0]["Layers"][2].as_str().unwrap();
        let repositories: Value = serde_json::from_slice(&new.entry("repositories").data).unwrap();
        let id = repositories["greeter"]["1"].as_str().unwrap();
        assert!(top.contains(id), "{top} {id}");
    }
}

/// Docker's ids are known whether its directories have entries or not.
#[test]
fn ids_of_docker_are_derived_without_entries_for_directories() {
    let mut archive = Archive::fixture("docker20.tar");
    archive.entries.retain(|entry| !entry.name.ends_with('/'));
    for operations in CHANGES {
        let directory = tempfile::tempdir().unwrap();
        let output = patched(directory.path(), &archive, operations);
        assert_eq!(findings(&output), BTreeSet::new(), "{operations}");
        let new = Archive::read(&std::fs::read(&output).unwrap());
        assert!(new.entries.iter().all(|entry| !entry.name.ends_with('/')));
    }
}
