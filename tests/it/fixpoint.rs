//! The oracle: what Docker loads and saves again is what we wrote, so every derivation is Docker's own.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]
#![allow(
    clippy::print_stdout,
    reason = "the last case printed is the one that failed"
)]

use std::path::Path;

use crate::binary::{ok, write_files};
use crate::engine::{
    Docker, Release, fixture, podman_load_and_save, same_archive_20, same_archive_26,
};

/// One line of `operations` each, to be run on every fixture that has what they name.
const OPERATIONS: &[(&str, &str)] = &[
    (
        "set-label",
        "  - set-label: {mylabel: modifiedvalue, a.new: '<1.10> & \u{2028} é'}\n",
    ),
    (
        "unset-label",
        "  - unset-label: {match: [mylabel, a], if-missing: ignore}\n",
    ),
    ("add-layer", "  - add-layer: {from: rootfs}\n"),
    (
        "two layers",
        "  - add-layer: {from: rootfs}\n  - add-layer: {from: more, to: /srv}\n",
    ),
    (
        "the same layer twice",
        "  - add-layer: {from: more}\n  - add-layer: {from: more}\n",
    ),
    (
        "retag",
        "  - retag: [\"app:2\", \"registry.example.com:5000/team/app:stable\"]\n",
    ),
    (
        "remove-layer",
        "  - remove-layer: {layer: 2, if-missing: ignore}\n",
    ),
    ("add-tag", "  - add-tag: [\"app:2\"]\n"),
    (
        "remove-tag",
        "  - remove-tag: {match: [\"*\"], if-missing: ignore}\n",
    ),
    (
        "all at once",
        "  - set-label: {mylabel: modifiedvalue}\n  - add-layer: {from: rootfs}\n  - retag: [\"app:2\"]\n  - add-tag: [\"a:1\"]\n",
    ),
];

fn patch(directory: &Path, target: &str, operations: &str) -> std::path::PathBuf {
    write_files(
        directory,
        &[
            ("rootfs/etc/greeting", "hello from the added layer\n"),
            ("rootfs/bin/tool", "#!/bin/sh\n"),
            ("more/data/file", "more\n"),
        ],
    );
    let path = directory.join("fix.yaml");
    let text = format!("apiVersion: ocipatch/v1\n{target}operations:\n{operations}");
    std::fs::write(&path, text).unwrap();
    path
}

/// The references to save an archive by: tags in the archive's order, an id where there is none.
fn references(archive: &Path) -> Vec<String> {
    let inspected = ok([
        "inspect".as_ref(),
        archive.as_os_str(),
        "--format=json".as_ref(),
    ]);
    let report: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    // To the containerd store the manifest is the image.
    let is_containerd = report["form"].as_str().unwrap().starts_with("containerd");
    let id = if is_containerd {
        "manifestDigest"
    } else {
        "imageId"
    };
    let images = report["images"].as_array().unwrap().iter();
    let names = images.flat_map(|image| {
        let tags: Vec<String> = image["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag.as_str().unwrap().to_owned())
            .collect();
        if tags.is_empty() {
            vec![image[id].as_str().unwrap().to_owned()]
        } else {
            tags
        }
    });
    names.collect()
}

fn check(docker: &Docker, fixtures: &[(&str, &str)], same: fn(&Path, &Path)) {
    for (archive, target) in fixtures {
        for (name, operations) in OPERATIONS {
            println!("{archive}: {name}");
            let directory = tempfile::tempdir().unwrap();
            let patch = patch(directory.path(), target, operations);
            let patched = directory.path().join("patched.tar");
            ok([
                "apply".as_ref(),
                patch.as_os_str(),
                fixture(archive).as_os_str(),
                "-o".as_ref(),
                patched.as_os_str(),
            ]);
            ok(["verify".as_ref(), patched.as_os_str()]);
            docker.reset();
            docker.load(&patched);
            let references = references(&patched);
            let references: Vec<&str> = references.iter().map(String::as_str).collect();
            let again = directory.path().join("again.tar");
            docker.save_like(&references, &patched, &again);
            same(&patched, &again);
        }
    }
}

#[test]
fn docker_20_saves_what_we_wrote() {
    let Some(docker) = Docker::v20() else { return };
    let fixtures = [
        ("docker20.tar", ""),
        ("docker20-untagged.tar", ""),
        ("docker20-nasty.tar", ""),
        (
            "docker20-two-images.tar",
            "target: {images: [\"greeter:1\"]}\n",
        ),
        (
            "docker20-two-images.tar",
            "target: {images: [\"greeter2\"]}\n",
        ),
    ];
    check(&docker, &fixtures, same_archive_20);
}

#[test]
fn docker_26_saves_what_we_wrote() {
    let Some(docker) = Docker::v26() else { return };
    let fixtures = [
        ("docker26.tar", ""),
        (
            "docker26-two-images.tar",
            "target: {images: [\"greeter2\"]}\n",
        ),
    ];
    check(&docker, &fixtures, same_archive_26);
}

#[test]
fn docker_28_saves_what_we_wrote() {
    if let Some(docker) = Docker::v28() {
        check(&docker, &[("docker28.tar", "")], same_archive_26);
    }
}

/// The containerd store keeps no clock in an archive: every byte comes back.
fn same_bytes(a: &Path, b: &Path) {
    assert!(
        std::fs::read(a).unwrap() == std::fs::read(b).unwrap(),
        "{}",
        a.display()
    );
}

#[test]
fn docker_26_with_containerd_saves_what_we_wrote() {
    if let Some(docker) = Docker::v26_containerd() {
        check(&docker, &[("docker26-containerd.tar", "")], same_bytes);
    }
}

#[test]
fn docker_28_with_containerd_saves_what_we_wrote() {
    if let Some(docker) = Docker::v28_containerd() {
        check(&docker, &[("docker28-containerd.tar", "")], same_bytes);
    }
}

/// podman lists the tags of an image in an order of its own, so each patch leaves one.
fn check_podman(release: Release, input: &str) {
    for operations in [
        "  - set-label: {mylabel: '<1.10> & \u{2028} é'}\n",
        "  - add-layer: {from: rootfs}\n",
        "  - retag: [\"app:2\"]\n",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let patch = patch(directory.path(), "", operations);
        let patched = directory.path().join("patched.tar");
        let input = fixture(input);
        ok([
            "apply".as_ref(),
            patch.as_os_str(),
            input.as_os_str(),
            "-o".as_ref(),
            patched.as_os_str(),
        ]);
        ok(["verify".as_ref(), patched.as_os_str()]);
        let again = directory.path().join("again.tar");
        if !podman_load_and_save(release, &patched, &references(&patched)[0], &again) {
            return;
        }
        assert!(
            std::fs::read(&patched).unwrap() == std::fs::read(&again).unwrap(),
            "{operations}"
        );
    }
}

#[test]
fn podman_4_saves_what_we_wrote() {
    check_podman(Release::Bookworm, "podman-docker.tar");
}

#[test]
fn podman_5_saves_what_we_wrote() {
    check_podman(Release::Forky, "podman58-docker.tar");
}
