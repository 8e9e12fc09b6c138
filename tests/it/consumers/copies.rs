//! What passes through a consumer comes back: the same blobs, configuration and names.
//!
//! `fixpoint` has the consumers that give back every byte.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::cell::{root, short_names};
use super::table::{EVERY, Has, RICHEST, each_with};
use super::tools::{is_unread, seen_by, skopeo};
use crate::binary::{listing, ok, write_files};
use crate::engine::{Release, fixture, podman_load_and_save_layout};

pub(super) fn inspect(archive: &Path) -> Value {
    let arguments = ["inspect".as_ref(), archive.as_os_str()];
    let report = ok([&arguments[..], &["--format=json".as_ref()]].concat());
    serde_json::from_str(&report).unwrap()
}

/// The names of the blobs, which `verify` has compared with their contents.
pub(super) fn blobs(archive: &Path) -> BTreeSet<String> {
    ok(["verify".as_ref(), archive.as_os_str()]);
    let bytes = std::fs::read(archive).unwrap();
    let mut tar = tar::Archive::new(bytes.as_slice());
    let names = tar.entries().unwrap().map(|entry| {
        let name = entry.unwrap().path_bytes().into_owned();
        String::from_utf8(name).unwrap()
    });
    let is_blob = |name: &String| name.starts_with("blobs/") && !name.ends_with('/');
    names.filter(is_blob).collect()
}

/// What `index.json` says of each name.
pub(super) fn descriptors(archive: &Path) -> BTreeSet<String> {
    let mut archive = crate::edit::Archive::read(&std::fs::read(archive).unwrap());
    let index: Value = serde_json::from_slice(&archive.entry("index.json").data).unwrap();
    let descriptors = index["manifests"].as_array().unwrap().iter();
    let told = descriptors.map(|descriptor| {
        let name = |key: &str| descriptor["annotations"][key].clone();
        let names = [
            name("io.containerd.image.name"),
            name("org.opencontainers.image.ref.name"),
        ];
        let keys = ["mediaType", "digest", "size"].map(|key| descriptor[key].clone());
        json!([names, keys]).to_string()
    });
    told.collect()
}

fn check_docker_archives(release: Release) {
    each_with(release, &["skopeo"], seen_by(release), |cell| {
        if is_unread(cell, release) || !matches!(cell.has, Has::Manifest | Has::Both) {
            return;
        }
        for image in cell.images() {
            let Some(tag) = image["tags"][0].as_str() else {
                continue;
            };
            let again = cell.directory.path().join("again.tar");
            let _ = std::fs::remove_file(&again);
            let place = |tar: &Path| format!("docker-archive:{}:{tag}", tar.display());
            let copied = skopeo(release, &["copy", &place(&cell.tar), &place(&again)]);
            if cell.form == "docker 20, two images" && !copied.status.success() {
                // Takes the size of a link for its file's, in what Docker wrote as well.
                assert!(String::from_utf8_lossy(&copied.stderr).contains("write too long"));
                continue;
            }
            assert!(copied.status.success(), "{copied:?}");
            let report = inspect(&again);
            let copy = &report["images"][0];
            for key in ["imageId", "config", "platform"] {
                assert_eq!(copy[key], image[key]);
            }
            assert_eq!(short_names(&copy["tags"]), short_names(&json!([tag])));
            ok(["verify".as_ref(), again.as_os_str()]);
        }
    });
}

#[test]
fn skopeo_1_9_copies_docker_archives_to_the_same() {
    check_docker_archives(Release::Bookworm);
}

#[test]
fn skopeo_1_22_copies_docker_archives_to_the_same() {
    check_docker_archives(Release::Forky);
}

fn check_layouts(release: Release) {
    each_with(release, &["skopeo"], seen_by(release), |cell| {
        if !matches!(cell.has, Has::Names | Has::Tags) {
            return;
        }
        let named = cell.named();
        assert!(!named.is_empty());
        for (name, image) in named {
            let again = cell.directory.path().join("again.tar");
            let _ = std::fs::remove_file(&again);
            let place = |tar: &Path| format!("oci-archive:{}:{name}", tar.display());
            let (from, to) = (place(&cell.tar), place(&again));
            let copied = skopeo(
                release,
                &["copy", "--all", "--preserve-digests", &from, &to],
            );
            assert!(copied.status.success(), "{copied:?}");
            assert_eq!(blobs(&again), blobs(&cell.tar));
            let report = inspect(&again);
            assert_eq!(root(&report["images"][0]), root(image));
        }
    });
}

#[test]
fn skopeo_1_9_copies_layouts_to_the_same() {
    check_layouts(Release::Bookworm);
}

#[test]
fn skopeo_1_22_copies_layouts_to_the_same() {
    check_layouts(Release::Forky);
}

/// umoci removes what no name leads to: there is nothing of that.
#[test]
fn umoci_finds_nothing_to_collect() {
    each_with(Release::Forky, &["umoci"], EVERY, |cell| {
        if !matches!(cell.has, Has::Names | Has::Tags) {
            return;
        }
        let mut umoci = Release::Forky.tool("umoci").unwrap();
        let layout = cell.layout();
        let was = listing(&layout);
        let collected = umoci.args(["gc", "--layout"]).arg(&layout).output();
        let collected = collected.unwrap();
        assert!(collected.status.success(), "{collected:?}");
        assert_eq!(listing(&layout), was);
    });
}

#[test]
fn umoci_reads_a_layout_that_was_patched_in_place() {
    let Some(mut unpack) = Release::Forky.tool("umoci") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - add-layer: {from: rootfs}\n  - retag: [\"app:2\"]\n";
    let files = [("rootfs/etc/greeting", "hello\n"), ("fix.yaml", patch)];
    write_files(directory.path(), &files);
    let place = |name: &str| directory.path().join(name);
    let (layout, rootfs, fix) = (place("layout"), place("umoci"), place("fix.yaml"));
    let input = fixture("skopeo-oci.tar");
    ok(["unpack".as_ref(), input.as_os_str(), layout.as_os_str()]);
    let arguments = [fix.as_os_str(), layout.as_os_str()];
    ok([&["apply".as_ref(), "--in-place".as_ref()], &arguments[..]].concat());
    ok(["verify".as_ref(), layout.as_os_str()]);
    let image = format!("{}:app:2", layout.display());
    let unpack = unpack
        .args(["raw", "unpack", "--image", &image])
        .arg(&rootfs);
    let unpacked = unpack.output().unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");
    let greeting = std::fs::read_to_string(rootfs.join("etc/greeting")).unwrap();
    assert_eq!(greeting, "hello\n");
}

/// podman compresses layers again, so the manifest is another; all that it names stays.
fn check_podman(release: Release) {
    each_with(release, &["podman"], RICHEST, |cell| {
        if !matches!(cell.has, Has::Names | Has::Tags) {
            return;
        }
        let image = cell.images()[0];
        let tag = image["tags"][0].as_str().unwrap();
        let again = cell.directory.path().join("again.tar");
        if !podman_load_and_save_layout(release, &cell.tar, tag, &again) {
            return;
        }
        let report = inspect(&again);
        let copy = &report["images"][0];
        assert_eq!(copy["config"]["rootfs"], image["config"]["rootfs"]);
        assert_eq!(copy["imageId"], image["imageId"]);
        assert_eq!(short_names(&copy["tags"]), short_names(&image["tags"]));
        ok(["verify".as_ref(), again.as_os_str()]);
    });
}

#[test]
fn podman_4_saves_layouts_that_it_loaded() {
    check_podman(Release::Bookworm);
}

#[test]
fn podman_5_saves_layouts_that_it_loaded() {
    check_podman(Release::Forky);
}
