//! `--to`: one form of archive into another, and nothing of the image is lost on the way.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binary::{fails, ok, write_files};
use crate::edit::Archive;
use crate::engine::{Docker, Release, fixture, podman_load, skopeo_config, tool};

/// Archives of one image, from every writer at hand.
const FIXTURES: [&str; 11] = [
    "docker20.tar",
    "docker20.tar.gz",
    "docker20-nasty.tar",
    "docker26.tar",
    "docker26-containerd.tar",
    "buildx-docker.tar",
    "podman-docker.tar",
    "crane.tar",
    "buildx-oci.tar",
    "podman-oci.tar",
    "skopeo-oci.tar",
];
const FORMS: [&str; 4] = ["docker-archive", "oci-archive", "docker-dir", "oci-dir"];
const RETAG: &str = "apiVersion: ocipatch/v1
operations:
  - set-label: {mylabel: modifiedvalue}
  - retag: [\"app:2\"]
";

/// Converts an archive, patching it if there is a patch, checks the output and returns its place.
#[track_caller]
fn convert(directory: &Path, input: &Path, to: &str, patch: Option<&str>) -> PathBuf {
    let name = input.file_name().unwrap().to_str().unwrap();
    let output = directory.join(format!("{name}-{to}"));
    let fix = directory.join("fix.yaml");
    let mut arguments = vec!["apply".as_ref(), "--quiet".as_ref(), "--to".as_ref()];
    arguments.extend([to.as_ref(), "-o".as_ref(), output.as_os_str()]);
    if let Some(patch) = patch {
        write_files(directory, &[("fix.yaml", patch)]);
        arguments.push(fix.as_os_str());
    }
    arguments.push(input.as_os_str());
    ok(arguments);
    ok(["verify".as_ref(), output.as_os_str()]);
    output
}

fn inspect(archive: &Path) -> Value {
    let report = ok([
        "inspect".as_ref(),
        "--format=json".as_ref(),
        archive.as_os_str(),
    ]);
    serde_json::from_str(&report).unwrap()
}

/// image-spec wants `architecture` and `os` of a platform that a descriptor names.
#[test]
fn an_image_that_is_for_no_machine_has_a_descriptor_without_one() {
    for (key, value) in [("architecture", "amd64"), ("os", "linux")] {
        let directory = tempfile::tempdir().unwrap();
        let mut archive = Archive::fixture("docker20.tar");
        let old = format!(r#""{key}":"{value}""#);
        archive.replace("fba3ad4", &old, &format!(r#""{key}":"""#));
        archive.repair();
        let [input, output] = ["in.tar", "out.tar"].map(|name| directory.path().join(name));
        std::fs::write(&input, archive.to_bytes()).unwrap();
        let to = ["apply", "--quiet", "--to=oci-archive", "-o"].map(AsRef::as_ref);
        ok(to
            .into_iter()
            .chain([output.as_os_str(), input.as_os_str()]));
        let mut output = Archive::read(&std::fs::read(output).unwrap());
        let index: Value = serde_json::from_slice(&output.entry("index.json").data).unwrap();
        assert_eq!(index["manifests"][0].get("platform"), None, "{key}");
    }
}

#[test]
fn an_image_stays_the_same_in_every_form() {
    for name in FIXTURES {
        let directory = tempfile::tempdir().unwrap();
        let was = inspect(&fixture(name));
        for form in FORMS {
            let output = convert(directory.path(), &fixture(name), form, None);
            assert_eq!(output.is_dir(), form.ends_with("-dir"), "{name} {form}");
            let is = inspect(&output);
            for key in ["imageId", "tags", "config", "created", "platform"] {
                let (was, is) = (&was["images"][0][key], &is["images"][0][key]);
                assert_eq!(was, is, "{name} {form} {key}");
            }
            let layers = |report: &Value| report["images"][0]["layers"].clone();
            assert_eq!(layers(&was), layers(&is), "{name} {form}");
            assert_eq!(
                output.join("manifest.json").exists(),
                form == "docker-dir",
                "{name} {form}"
            );
        }
    }
}

#[test]
fn the_way_back_and_forth_gives_the_same_bytes() {
    for name in FIXTURES {
        let directory = tempfile::tempdir().unwrap();
        let once = convert(directory.path(), &fixture(name), "oci-archive", Some(RETAG));
        let docker = convert(directory.path(), &once, "docker-archive", None);
        let twice = convert(directory.path(), &docker, "oci-archive", None);
        let manifest = |archive: &Path| inspect(archive)["images"][0]["manifestDigest"].clone();
        assert_eq!(manifest(&once), manifest(&twice), "{name}");
        let again = convert(directory.path(), &twice, "docker-archive", None);
        let bytes = |path: &Path| std::fs::read(path).unwrap();
        assert!(bytes(&docker) == bytes(&again), "{name}");
    }
}

#[test]
fn a_directory_and_a_tar_hold_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let input = fixture("docker20.tar");
    let tar = convert(directory.path(), &input, "oci-archive", None);
    let layout = convert(directory.path(), &input, "oci-dir", None);
    let archive = Archive::read(&std::fs::read(tar).unwrap());
    for entry in archive
        .entries
        .iter()
        .filter(|entry| !entry.name.ends_with('/'))
    {
        let held = std::fs::read(layout.join(&entry.name)).unwrap();
        assert!(held == entry.data, "{}", entry.name);
    }
}

/// What is in a layout goes to Docker, with the keys that skopeo drops (peers.md's Healthcheck, `OnBuild`, Shell).
fn check_docker(docker: &Docker) {
    for name in [
        "buildx-oci.tar",
        "skopeo-oci.tar",
        "podman-oci.tar",
        "docker20.tar",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let layout = convert(directory.path(), &fixture(name), "oci-archive", Some(RETAG));
        let archive = convert(directory.path(), &layout, "docker-archive", None);
        docker.reset();
        docker.load(&archive);
        let image = docker.inspect("app:2");
        let config = &inspect(&archive)["images"][0]["config"];
        assert_eq!(
            image["Config"]["Labels"]["mylabel"], "modifiedvalue",
            "{name}"
        );
        for key in ["Healthcheck", "OnBuild", "Shell", "Volumes", "StopSignal"] {
            let wanted = &config["config"][key];
            assert_eq!(&image["Config"][key], wanted, "{name} {key}");
        }
        assert_eq!(
            image["RootFS"]["Layers"], config["rootfs"]["diff_ids"],
            "{name}"
        );
        docker.run("app:2", &[]);
    }
}

#[test]
fn docker_20_runs_what_was_a_layout() {
    if let Some(docker) = Docker::v20() {
        check_docker(&docker);
    }
}

#[test]
fn docker_28_runs_what_was_a_layout() {
    if let Some(docker) = Docker::v28() {
        check_docker(&docker);
    }
    if let Some(docker) = Docker::v28_containerd() {
        check_docker(&docker);
    }
}

#[test]
fn readers_of_layouts_take_what_docker_wrote() {
    for name in [
        "docker20.tar",
        "docker26.tar",
        "buildx-docker.tar",
        "crane.tar",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let tar = convert(directory.path(), &fixture(name), "oci-archive", Some(RETAG));
        let wanted = inspect(&tar)["images"][0]["config"].clone();
        if let Some(found) =
            skopeo_config(Release::Forky, &format!("oci-archive:{}:2", tar.display()))
        {
            assert_eq!(found, wanted, "{name}");
        }
        if let Some(images) = podman_load(Release::Forky, &tar) {
            assert_eq!(images[0]["Labels"]["mylabel"], "modifiedvalue", "{name}");
            let tags = serde_json::json!(["docker.io/library/app:2"]);
            assert_eq!(images[0]["RepoTags"], tags, "{name}");
        }
        let layout = convert(directory.path(), &fixture(name), "oci-dir", Some(RETAG));
        if let Some(mut umoci) = Release::Forky.tool("umoci") {
            let bundle = directory.path().join("bundle");
            let image = format!("{}:2", layout.display());
            let unpacked = umoci
                .args(["unpack", "--image", &image])
                .arg(&bundle)
                .output();
            let unpacked = unpacked.unwrap();
            assert!(unpacked.status.success(), "{name}: {unpacked:?}");
            assert!(bundle.join("rootfs/usr/bin/greet").exists(), "{name}");
        }
    }
}

#[test]
fn platforms_never_collapse_unasked() {
    let directory = tempfile::tempdir().unwrap();
    let input = fixture("buildx-oci-multi.tar");
    let output = directory.path().join("out.tar");
    let paths = ["-o".as_ref(), output.as_os_str(), input.as_os_str()];
    let arguments = |more: &[&'static str]| {
        let apply = std::iter::once("apply").chain(more.iter().copied());
        apply
            .map(std::ffi::OsStr::new)
            .chain(paths)
            .collect::<Vec<_>>()
    };
    let stderr = fails(3, arguments(&["--to", "docker-archive"]));
    assert!(stderr.contains("linux/amd64, linux/arm64"), "{stderr}");
    assert!(stderr.contains("--platform"), "{stderr}");
    assert!(!output.exists());
    let stderr = fails(3, arguments(&["--platform", "linux/s390x"]));
    assert!(stderr.contains("matches 0 of them"), "{stderr}");

    let many = inspect(&input);
    ok(arguments(&[
        "--to",
        "docker-archive",
        "--platform",
        "linux/arm64",
    ]));
    ok(["verify".as_ref(), output.as_os_str()]);
    let one = inspect(&output);
    assert_eq!(one["images"].as_array().unwrap().len(), 1);
    assert_eq!(one["images"][0]["imageId"], many["images"][1]["imageId"]);
    assert_eq!(
        one["images"][0]["manifestDigest"],
        many["images"][1]["manifestDigest"]
    );
    assert_eq!(one["images"][0]["tags"], many["images"][1]["tags"]);
}

#[test]
fn a_tag_without_a_repository_is_none_for_docker() {
    let directory = tempfile::tempdir().unwrap();
    let mut layout = Archive::fixture("skopeo-oci.tar");
    layout.replace("index.json", "greeter:1", "latest");
    let input = directory.path().join("in.tar");
    std::fs::write(&input, layout.to_bytes()).unwrap();
    let stderr = fails(
        3,
        [
            "apply".as_ref(),
            "--to".as_ref(),
            "docker-archive".as_ref(),
            input.as_os_str(),
        ],
    );
    assert!(stderr.contains("retag: [\"name:latest\"]"), "{stderr}");
    let output = convert(directory.path(), &input, "docker-archive", Some(RETAG));
    assert_eq!(
        inspect(&output)["images"][0]["tags"],
        serde_json::json!(["app:2"])
    );
}

#[test]
fn two_images_of_one_tag_are_found_by_their_whole_names() {
    let directory = tempfile::tempdir().unwrap();
    let patch = "apiVersion: ocipatch/v1
target: {images: ['greeter:1']}
operations:
  - retag: ['a:9', 'registry.example.com/b:8']
---
apiVersion: ocipatch/v1
target: {images: ['greeter2:latest']}
operations:
  - retag: ['c:9']
";
    let input = fixture("docker20-two-images.tar");
    let layout = convert(directory.path(), &input, "oci-dir", Some(patch));
    let index = std::fs::read(layout.join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let names: Vec<&str> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            item["annotations"]["org.opencontainers.image.ref.name"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert_eq!(names, ["a:9", "8", "c:9"]);
}

#[test]
fn a_layer_that_oci_has_no_name_for_is_compressed_by_gzip() {
    let directory = tempfile::tempdir().unwrap();
    let mut archive = Archive::fixture("docker20.tar");
    let layer = archive.entry("layer.tar");
    let Some(mut xz) = tool("xz") else {
        return;
    };
    let plain = directory.path().join("layer");
    std::fs::write(&plain, &layer.data).unwrap();
    layer.data = xz.arg("--stdout").arg(&plain).output().unwrap().stdout;
    let input = directory.path().join("in.tar");
    std::fs::write(&input, archive.to_bytes()).unwrap();
    let output = convert(directory.path(), &input, "oci-dir", None);
    let (was, is) = (inspect(&fixture("docker20.tar")), inspect(&output));
    assert_eq!(was["images"][0]["imageId"], is["images"][0]["imageId"]);
    if let Some(found) = skopeo_config(Release::Forky, &format!("oci:{}:1", output.display())) {
        assert_eq!(found, was["images"][0]["config"]);
    }
}

/// Halves that name different configurations, and the patch that says which is right.
#[test]
fn of_halves_that_disagree_one_may_be_trusted() {
    let directory = tempfile::tempdir().unwrap();
    for name in [
        "docker26.tar",
        "docker26-containerd.tar",
        "buildx-docker.tar",
    ] {
        let mut archive = Archive::fixture(name);
        archive.replace("manifest.json", "greeter:1", "other:3");
        let input = directory.path().join("in.tar");
        std::fs::write(&input, archive.to_bytes()).unwrap();
        let output = directory.path().join("out.tar");
        for (half, tag) in [("manifest.json", "other:3"), ("index.json", "greeter:1")] {
            let label = "operations:\n  - set-label: {a: b}\n";
            let silent = format!("apiVersion: ocipatch/v1\n{label}");
            let saying = format!("apiVersion: ocipatch/v1\ntarget: {{trust: {half}}}\n{label}");
            write_files(
                directory.path(),
                &[("silent.yaml", &silent), ("saying.yaml", &saying)],
            );
            let silent = directory.path().join("silent.yaml");
            let saying = directory.path().join("saying.yaml");
            let stderr = fails(3, ["plan".as_ref(), silent.as_os_str(), input.as_os_str()]);
            assert!(
                stderr.contains("other:3") && stderr.contains("greeter:1"),
                "{stderr}"
            );
            assert!(stderr.contains("trust: manifest.json"), "{stderr}");
            ok([
                "apply".as_ref(),
                saying.as_os_str(),
                input.as_os_str(),
                "-o".as_ref(),
                output.as_os_str(),
            ]);
            ok(["verify".as_ref(), output.as_os_str()]);
            let report = inspect(&output);
            assert_eq!(
                report["images"][0]["tags"],
                serde_json::json!([tag]),
                "{name} {half}"
            );
            assert_eq!(report["images"][0]["config"]["config"]["Labels"]["a"], "b");
            if let Some(docker) = Docker::v20() {
                docker.reset();
                docker.load(&output);
                assert_eq!(docker.inspect(tag)["Config"]["Labels"]["a"], "b");
            }
        }
    }
}
