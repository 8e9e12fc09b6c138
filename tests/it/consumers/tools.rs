//! Consumers that are a command and no daemon: each reads every form, and finds the image that was meant.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::cell::{Cell, root, short_names};
use super::copies::{descriptors, inspect};
use super::table::{EVERY, Has, RICHEST, each_with};
use super::{KEYS, check_tree, directory_tree, is_said};
use crate::binary::ok;
use crate::engine::{Release, podman_load, podman_refuses, skopeo_config};

pub(super) fn is_compressed(cell: &Cell) -> bool {
    cell.form == "docker 20, gzip"
}

/// podman 4.3 and skopeo 1.9 read no Docker archive that is compressed as a whole.
pub(super) fn is_unread(cell: &Cell, release: Release) -> bool {
    is_compressed(cell) && release == Release::Bookworm
}

/// The operations that the tool of a release has to see.
pub(super) fn seen_by(release: Release) -> &'static [&'static str] {
    match release {
        Release::Forky => EVERY,
        Release::Bookworm | Release::Trixie => RICHEST,
    }
}

fn check_podman(release: Release) {
    let operations = match release {
        // Its loading knows nothing of layers that were removed or replaced.
        Release::Forky => &["config", "names", "all"],
        _ => RICHEST,
    };
    each_with(release, &["podman"], operations, |cell| {
        let is_layout = matches!(cell.has, Has::Names | Has::Tags);
        let refusal = match () {
            () if is_unread(cell, release) => "manifest.json: unexpected EOF",
            () if is_layout && cell.operation == "names" => "more than one image in oci",
            () => "",
        };
        if !refusal.is_empty() {
            let Some(said) = podman_refuses(release, &cell.tar) else {
                return;
            };
            assert!(said.contains(refusal), "{said}");
            return;
        }
        let Some(seen) = podman_load(release, &cell.tar) else {
            return;
        };
        let seen = seen.as_array().unwrap();
        assert_eq!(seen.len(), cell.images().len());
        for image in cell.images() {
            let id = image["imageId"].as_str().unwrap().replace("sha256:", "");
            let seen = seen.iter().find(|seen| seen["Id"] == id).unwrap();
            assert_eq!(short_names(&seen["RepoTags"]), short_names(&image["tags"]));
            let diff_ids = &image["config"]["rootfs"]["diff_ids"];
            assert_eq!(seen["RootFS"]["Layers"], *diff_ids);
            let config = &image["config"]["config"];
            for key in &KEYS[..9] {
                let (value, seen) = (&config[key], &seen["Config"][key]);
                if is_said(value) {
                    assert_eq!(seen, value, "{key}");
                }
            }
        }
    });
}

#[test]
fn podman_4_takes_every_form() {
    check_podman(Release::Bookworm);
}

#[test]
fn podman_5_takes_every_form() {
    check_podman(Release::Forky);
}

fn check_skopeo(release: Release) {
    let skopeo = |arguments: &[&str]| skopeo(release, arguments);
    each_with(release, &["skopeo"], seen_by(release), |cell| {
        let tar = cell.tar.display();
        if is_unread(cell, release) {
            let inspected = skopeo(&["inspect", &format!("docker-archive:{tar}")]);
            assert!(String::from_utf8_lossy(&inspected.stderr).contains("unexpected EOF"));
            return;
        }
        if matches!(cell.has, Has::Manifest | Has::Both) {
            let listed = skopeo(&["list-tags", &format!("docker-archive:{tar}")]);
            let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
            let mut tags = cell.tags();
            if tags.is_empty() {
                // By its position, for want of a name.
                tags.insert("@0".to_owned());
            }
            assert_eq!(short_names(&listed["Tags"]), tags);
        }
        for (place, image) in places(cell) {
            let config = skopeo_config(release, &place).unwrap();
            assert_eq!(config, image["config"], "{place}");
        }
    });
}

/// Where tools that share a library with skopeo find the images: in each half of an archive, by each name.
fn places(cell: &Cell) -> Vec<(String, &Value)> {
    let tar = cell.tar.display();
    let mut places = Vec::new();
    if matches!(cell.has, Has::Manifest | Has::Both) {
        for image in cell.images() {
            for tag in image["tags"].as_array().unwrap() {
                let tag = tag.as_str().unwrap();
                places.push((format!("docker-archive:{tar}:{tag}"), image));
            }
            if image["tags"] == json!([]) {
                places.push((format!("docker-archive:{tar}"), image));
            }
        }
    }
    if cell.has != Has::Manifest {
        let layout = cell.layout();
        for (name, image) in cell.named() {
            places.push((format!("oci-archive:{tar}:{name}"), image));
            places.push((format!("oci:{}:{name}", layout.display()), image));
        }
    }
    places
}

#[test]
fn skopeo_1_9_takes_every_form() {
    check_skopeo(Release::Bookworm);
}

#[test]
fn skopeo_1_22_takes_every_form() {
    check_skopeo(Release::Forky);
}

/// What umoci cannot read by itself, skopeo writes for it, which reads every layer too.
fn check_umoci(release: Release) {
    let skopeo = |arguments: &[&str]| skopeo(release, arguments);
    let umoci = || release.tool("umoci").unwrap();
    let tools = ["skopeo", "umoci"];
    each_with(release, &tools, seen_by(release), |cell| {
        if is_unread(cell, release) {
            return;
        }
        let is_plain = matches!(cell.has, Has::Names) && cell.form != "zstd";
        if is_plain {
            let mut names = umoci();
            let names = names.args(["list", "--layout"]).arg(cell.layout()).output();
            let names = String::from_utf8(names.unwrap().stdout).unwrap();
            let names = json!(names.lines().collect::<Vec<_>>());
            assert_eq!(short_names(&names), cell.tags());
        }
        if !matches!(cell.operation, "all" | "less") {
            return;
        }
        let tag = cell.patched_tag();
        let reference = match cell.has {
            Has::Tags => tag.rsplit_once(':').map_or("", |(_, tag)| tag).to_owned(),
            _ => tag.clone(),
        };
        let mut name = reference.as_str();
        let layout = if is_plain {
            cell.layout()
        } else {
            let (tar, copy) = (cell.tar.display(), cell.directory.path().join("copy"));
            let from = match cell.has {
                Has::Manifest | Has::Both if tag.is_empty() => format!("docker-archive:{tar}"),
                Has::Manifest | Has::Both => format!("docker-archive:{tar}:{tag}"),
                Has::Names | Has::Tags => format!("oci-archive:{tar}:{reference}"),
            };
            let to = format!("oci:{}:2", copy.display());
            let copied = skopeo(&[
                "copy",
                "--format",
                "oci",
                "--dest-compress-format",
                "gzip",
                &from,
                &to,
            ]);
            assert!(copied.status.success(), "{copied:?}");
            name = "2";
            copy
        };
        // Not a bundle: that needs a user whom the image knows.
        let rootfs = cell.directory.path().join("rootfs-of-umoci");
        let image = format!("{}:{name}", layout.display());
        let mut unpack = umoci();
        unpack
            .args(["raw", "unpack", "--image", &image])
            .arg(&rootfs);
        let unpacked = unpack.output().unwrap();
        assert!(unpacked.status.success(), "{unpacked:?}");
        check_tree(cell, &directory_tree(&rootfs));
    });
}

#[test]
fn umoci_0_4_unpacks_every_form() {
    check_umoci(Release::Bookworm);
}

#[test]
fn umoci_0_6_unpacks_every_form() {
    check_umoci(Release::Forky);
}

pub(super) fn skopeo(release: Release, arguments: &[&str]) -> Output {
    let mut skopeo = release.tool("skopeo").unwrap();
    skopeo
        .arg("--insecure-policy")
        .args(arguments)
        .output()
        .unwrap()
}

/// Forms that crane does not read, patched or not: it takes neither compression of the whole nor names behind `./`, and
/// it expects all layers to be compressed if the first is.
const UNREAD_BY_CRANE: [&str; 3] = ["docker 20, gzip", "nix, built", "rules_oci"];

/// Reads every layer, and compares it with its diff id.
#[test]
fn crane_validates_docker_archives() {
    each_with(Release::Forky, &["crane"], EVERY, |cell| {
        let has_manifest = matches!(cell.has, Has::Manifest | Has::Both);
        let is_read = has_manifest && !UNREAD_BY_CRANE.contains(&cell.form);
        if !is_read || cell.images().len() > 1 {
            return;
        }
        let mut crane = Release::Forky.tool("crane").unwrap();
        let said = succeed(crane.args(["validate", "--tarball"]).arg(&cell.tar));
        assert!(said.starts_with("PASS: "), "{said}");
    });
}

#[test]
fn oras_copies_every_image_of_a_layout() {
    each_with(Release::Forky, &["oras"], EVERY, |cell| {
        if cell.has == Has::Manifest {
            return;
        }
        let mut oras = Release::Forky.tool("oras").unwrap();
        let tar = cell.tar.display();
        let listed = oras.args(["repo", "tags", "--oci-layout", &tar.to_string()]);
        let listed = succeed(listed);
        let reference = |line: String| {
            let descriptor: Value = serde_json::from_str(&line).unwrap();
            descriptor[0][1].as_str().map(str::to_owned)
        };
        let names = descriptors(&cell.tar).into_iter().filter_map(reference);
        let listed = listed.lines().map(str::to_owned);
        assert_eq!(
            listed.collect::<BTreeSet<_>>(),
            names.collect::<BTreeSet<_>>()
        );
        for image in cell.images() {
            let digest = root(image).as_str().unwrap();
            let again = cell.directory.path().join(digest);
            let mut oras = Release::Forky.tool("oras").unwrap();
            oras.args(["cp", "--recursive", "--from-oci-layout"]);
            oras.arg(format!("{tar}@{digest}")).arg("--to-oci-layout");
            succeed(oras.arg(format!("{}:copy", again.display())));
            ok(["verify".as_ref(), again.as_os_str()]);
            assert_eq!(root(&inspect(&again)["images"][0]), digest);
        }
    });
}

/// Has its reader of archives from the library that skopeo has, so one cell of each form, and half of its places, will do.
#[test]
fn buildah_pulls_every_form() {
    each_with(Release::Forky, &["buildah"], RICHEST, |cell| {
        let store = cell.directory.path().join("store");
        for (place, image) in places(cell).into_iter().step_by(2) {
            let mut buildah = Release::Forky.tool("buildah").unwrap();
            buildah.arg("--root").arg(store.join("root"));
            buildah.arg("--runroot").arg(store.join("run"));
            let id = succeed(buildah.args(["--storage-driver=vfs", "pull", "--quiet", &place]));
            let digest = format!("sha256:{}", id.trim());
            assert_eq!(image["imageId"], digest, "{place}");
        }
    });
}

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
