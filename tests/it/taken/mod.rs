//! Every archive that a real tool takes: what a patch does not reach need not be whole, and stays as it is.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod held;
mod laws;
mod made;
mod shown;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binary::{fails, ok, write_files};
use crate::edit::Archive;
use made::Ids;

const LABEL: &str = "apiVersion: ocipatch/v1\noperations:\n  - set-label: {a: b}\n";

/// An archive, and what is odd about it.
type Made = (&'static str, fn() -> Archive);

/// The archives of this module.
#[rustfmt::skip]
pub(super) const TAKEN: &[Made] = &[
    ("an absent manifest", made::absent),
    ("a sparse image", made::sparse),
    ("a sparse platform", made::sparse_platform),
    ("artifacts", made::artifacts),
    ("a descriptor twice", made::listed_twice),
    ("a path for a name", made::called_by_a_path),
    ("directories by chain id", || made::old_skopeo(Ids::Chain)),
    ("directories by diff id", || made::old_skopeo(Ids::Layer)),
    ("keys of Jib", made::old_jib),
    ("a `rootfS`", made::root_fs),
    ("a nested index", made::nested),
];

fn write(directory: &Path, archive: &Archive) -> PathBuf {
    let path = directory.join("image.tar");
    std::fs::write(&path, archive.to_bytes()).unwrap();
    path
}

/// Applies a patch; returns the new archive.
fn patched(archive: &Archive, patch: &str) -> Archive {
    let home = tempfile::tempdir().unwrap();
    let image = write(home.path(), archive);
    write_files(home.path(), &[("fix.yaml", patch)]);
    let (fix, out) = (home.path().join("fix.yaml"), home.path().join("out.tar"));
    ok([
        "apply".as_ref(),
        fix.as_os_str(),
        image.as_os_str(),
        "-o".as_ref(),
        out.as_os_str(),
    ]);
    Archive::read(&std::fs::read(out).unwrap())
}

/// Applies a patch that is refused; returns what is said.
fn refused(archive: &Archive, patch: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let image = write(home.path(), archive);
    write_files(home.path(), &[("fix.yaml", patch)]);
    fails(
        1,
        [
            "plan".as_ref(),
            home.path().join("fix.yaml").as_os_str(),
            image.as_os_str(),
        ],
    )
}

fn document(archive: &mut Archive, name: &str) -> Value {
    serde_json::from_slice(&archive.entry(name).data).unwrap()
}

fn inspected(archive: &Archive, code: i32) -> String {
    let home = tempfile::tempdir().unwrap();
    let image = write(home.path(), archive);
    let output = crate::binary::run(["inspect".as_ref(), image.as_os_str()]);
    assert_eq!(output.status.code(), Some(code));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_field_is_edited_under_the_letters_that_it_has() {
    let patch = "apiVersion: ocipatch/v1\nhistory: none\noperations:\n  - set-user: two\n  - set-cmd: [/b]\n  - add-tag: ['new:1']\n";
    for (archive, key) in [(made::old_jib(), "repoTags"), (made::root_fs(), "RepoTags")] {
        let before = String::from_utf8(archive.clone().entry("config.json").data.clone()).unwrap();
        let mut after = patched(&archive, patch);
        let config = String::from_utf8(after.entry("config.json").data.clone()).unwrap();
        let edited = before
            .replace("\"user\":\"one\"", "\"user\":\"two\"")
            .replace("[\"/a\"]", "[\"/b\"]");
        let entry = |text: &str| text.split(",\"os\"").nth(1).unwrap().to_owned();
        assert!(
            config.contains("\"user\":\"two\"") && !config.contains("\"User\""),
            "{config}"
        );
        assert_eq!(entry(&config), entry(&edited), "{config}");
        let item = document(&mut after, "manifest.json");
        assert_eq!(
            item[0][key],
            serde_json::json!(["docker.io/library/app:1", "new:1"])
        );
    }
}

#[test]
fn two_spellings_of_one_key_are_refused() {
    for (name, old, new, keys) in [
        (
            "config.json",
            "\"user\":",
            "\"User\":\"\",\"user\":",
            "`User` and `user`",
        ),
        (
            "config.json",
            "\"rootfs\":",
            "\"RootFS\":{},\"rootfs\":",
            "`RootFS` and `rootfs`",
        ),
        (
            "manifest.json",
            "\"layers\":",
            "\"layers\":[],\"Layers\":",
            "`layers` and `Layers`",
        ),
        (
            "manifest.json",
            "\"repoTags\":",
            "\"RepoTag\u{17f}\":[],\"repoTags\":",
            "are both `RepoTags`",
        ),
    ] {
        let mut archive = made::old_jib();
        archive.replace(name, old, new);
        let home = tempfile::tempdir().unwrap();
        let image = write(home.path(), &archive);
        let told = fails(3, ["verify".as_ref(), image.as_os_str()]);
        assert!(told.is_empty(), "{told}");
        write_files(home.path(), &[("fix.yaml", LABEL)]);
        let fix = home.path().join("fix.yaml");
        let told = fails(3, ["plan".as_ref(), fix.as_os_str(), image.as_os_str()]);
        assert!(told.contains(keys), "{told}");
    }
}

#[test]
fn what_is_odd_beside_an_image_stays_as_it_is() {
    for (archive, others) in [
        (made::absent(), 1),
        (made::artifacts(), 2),
        (made::damaged(), 1),
    ] {
        let patch = LABEL.replace("operations", "target: {images: ['app:1']}\noperations");
        let (mut before, mut after) = (archive.clone(), patched(&archive, &patch));
        let (old, new) = (
            document(&mut before, "index.json"),
            document(&mut after, "index.json"),
        );
        assert_ne!(old["manifests"][0], new["manifests"][0]);
        let rest = |index: &Value| index["manifests"].as_array().unwrap()[1..].to_vec();
        assert_eq!(rest(&old).len(), others);
        assert_eq!(rest(&old), rest(&new));
        // Of the blobs that were there, those of the image alone are gone: its manifest and its configuration.
        let names = |archive: &Archive| -> Vec<String> {
            archive
                .entries
                .iter()
                .map(|entry| entry.name.clone())
                .collect()
        };
        let kept = names(&after);
        let gone: Vec<String> = names(&before)
            .into_iter()
            .filter(|name| !kept.contains(name))
            .collect();
        assert_eq!(gone.len(), 2, "{gone:?}");
    }
}

#[test]
fn what_cannot_be_read_is_named_when_a_patch_is_about_it() {
    for (archive, name, reason) in [
        (made::absent(), "other:1", "no entry"),
        (made::damaged(), "other:1", "the digest of"),
        (
            made::second_damaged(),
            "greeter:1",
            "the digest of the configuration",
        ),
    ] {
        let patch = LABEL.replace(
            "operations",
            &format!("target: {{images: ['{name}']}}\noperations"),
        );
        let told = refused(&archive, &patch);
        assert!(told.contains("unreadable-image"), "{told}");
        assert!(told.contains(name) && told.contains(reason), "{told}");
    }
    // One that is damaged may be the one that is meant; of one that is not there nothing can be meant.
    assert!(refused(&made::damaged(), LABEL).contains("unreadable-image"));
    patched(&made::absent(), LABEL);
}

#[test]
fn the_other_images_of_a_damaged_archive_can_be_changed() {
    let archive = made::second_damaged();
    let patch = LABEL.replace("operations", "target: {images: [greeter2]}\noperations");
    let (mut before, mut after) = (archive.clone(), patched(&archive, &patch));
    let (old, new) = (
        document(&mut before, "manifest.json"),
        document(&mut after, "manifest.json"),
    );
    let is_damaged = |item: &&Value| item["RepoTags"].to_string().contains("greeter:1");
    let damaged = |items: &Value| {
        items
            .as_array()
            .unwrap()
            .iter()
            .find(is_damaged)
            .cloned()
            .unwrap()
    };
    assert_eq!(damaged(&old), damaged(&new));
    assert_ne!(old, new);
    let names: Vec<&String> = after.entries.iter().map(|entry| &entry.name).collect();
    let item = damaged(&old);
    for file in item["Layers"]
        .as_array()
        .unwrap()
        .iter()
        .chain([&item["Config"]])
    {
        assert!(
            names.iter().any(|name| *name == file.as_str().unwrap()),
            "{file}"
        );
    }
    let (old, new) = (
        document(&mut before, "repositories"),
        document(&mut after, "repositories"),
    );
    assert_eq!(old["greeter"], new["greeter"]);
}

#[test]
fn a_sparse_image_takes_labels_and_no_layers() {
    for archive in [made::sparse(), made::sparse_platform()] {
        let mut after = patched(&archive, LABEL);
        assert!(document(&mut after, "index.json")["manifests"][0]["digest"].is_string());
        for operation in [
            "remove-path: [/a]",
            "recompress: {to: gzip}",
            "squash: {layers: all}",
            "set-mode: {/a: '0600'}",
        ] {
            let patch = format!("apiVersion: ocipatch/v1\noperations:\n  - {operation}\n");
            let told = refused(&archive, &patch);
            assert!(
                told.contains("absent-layer") && told.contains("lacks its layer"),
                "{told}"
            );
        }
        let expecting = "apiVersion: ocipatch/v1\nexpect:\n  - path: {/a: exists}\noperations:\n  - set-label: {a: b}\n";
        assert!(refused(&archive, expecting).contains("absent-layer"));
    }
}

#[test]
fn a_docker_archive_is_not_made_of_a_sparse_image() {
    let home = tempfile::tempdir().unwrap();
    let (image, out) = (
        write(home.path(), &made::sparse()),
        home.path().join("out.tar"),
    );
    let to = |form: &str| {
        let arguments = ["apply", "--to", form].map(AsRef::<std::ffi::OsStr>::as_ref);
        crate::binary::run(arguments.iter().copied().chain([
            image.as_os_str(),
            "-o".as_ref(),
            out.as_os_str(),
        ]))
    };
    let told = String::from_utf8(to("docker-archive").stderr).unwrap();
    assert!(
        told.contains("`app:1` lacks its layer") && !out.exists(),
        "{told}"
    );
    assert!(to("oci-archive").status.success());
}

#[test]
fn a_damaged_image_is_not_lost_on_the_way_to_another_form() {
    for (archive, name) in [
        (made::damaged(), "other:1"),
        (made::second_damaged(), "greeter:1"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let image = write(home.path(), &archive);
        for to in ["--to=docker-archive", "--to=oci-dir"] {
            let out = home.path().join("out");
            let arguments = [
                "apply".as_ref(),
                to.as_ref(),
                image.as_os_str(),
                "-o".as_ref(),
            ];
            let output = crate::binary::run(arguments.into_iter().chain([out.as_os_str()]));
            let told = String::from_utf8(output.stderr).unwrap();
            // A layout that stays one, and a docker archive, are of no other form.
            let is_own = (name == "other:1") == (to == "--to=oci-dir");
            assert_eq!(output.status.success(), is_own, "{to}: {told}");
            assert!(
                is_own || told.contains(name) && told.contains("cannot be read"),
                "{told}"
            );
        }
    }
}

#[test]
fn a_name_that_is_no_reference_stays_and_is_no_tag() {
    let archive = made::called_by_a_path();
    assert!(inspected(&archive, 0).contains("tags     none"));
    let names = |archive: &mut Archive| -> Vec<String> {
        let index = document(archive, "index.json");
        let descriptors = index["manifests"].as_array().unwrap().iter();
        let name = |it: &Value| {
            it["annotations"]["io.containerd.image.name"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        descriptors.map(name).collect()
    };
    let path = "ocidir:///srv/My Layout".to_owned();
    assert_eq!(
        names(&mut patched(&archive, LABEL)),
        std::slice::from_ref(&path)
    );
    let tag = "apiVersion: ocipatch/v1\noperations:\n  - add-tag: ['app:2']\n";
    assert_eq!(
        names(&mut patched(&archive, tag)),
        [path, "docker.io/library/app:2".to_owned()]
    );
}

#[test]
fn a_descriptor_that_is_listed_twice_is_changed_twice() {
    let mut after = patched(&made::listed_twice(), LABEL);
    let index = document(&mut after, "index.json");
    let descriptors = index["manifests"].as_array().unwrap();
    assert_eq!(descriptors.len(), 2);
    assert_eq!(descriptors[0], descriptors[1]);
}

#[test]
fn directories_of_layers_keep_the_rule_by_which_they_are_called() {
    for ids in [Ids::Chain, Ids::Layer] {
        let archive = made::old_skopeo(ids);
        let directories = |archive: &Archive| -> Vec<String> {
            let names = archive.entries.iter().map(|entry| entry.name.clone());
            names.filter(|name| name.ends_with("/layer.tar")).collect()
        };
        let mut after = patched(&archive, LABEL);
        assert_eq!(directories(&after), directories(&archive));
        assert_eq!(
            document(&mut after, "repositories"),
            document(&mut archive.clone(), "repositories")
        );
        let top = directories(&archive)[1].replace("layer.tar", "json");
        assert_eq!(document(&mut after, &top)["config"]["Labels"]["a"], "b");
    }
}
