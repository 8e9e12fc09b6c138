//! Promise 4: every loader sees the same image, whichever of an archive's descriptions it reads.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binary::{ok, write_files};
use crate::engine::{Docker, fixture, podman_load, skopeo_config, tool};

const PATCH: &str = "apiVersion: ocipatch/v1
operations:
  - set-label: {mylabel: modifiedvalue}
  - add-layer: {from: rootfs}
  - retag: [\"app:2\"]
";
/// Archives of one image, of every writer that has a `manifest.json`.
const FORMS: [&str; 6] = [
    "docker20.tar",
    "docker26.tar",
    "docker26-containerd.tar",
    "buildx-docker.tar",
    "podman-docker.tar",
    "crane.tar",
];

/// OCI layouts, each with the reference that skopeo finds the patched image by.
const LAYOUTS: [(&str, &str); 3] = [
    ("skopeo-oci.tar", "app:2"),
    ("podman-oci.tar", "app:2"),
    ("buildx-oci.tar", "2"),
];

fn patched(directory: &Path, form: &str) -> PathBuf {
    write_files(
        directory,
        &[
            ("rootfs/etc/greeting", "hello from the added layer\n"),
            ("rootfs/bin/tool", "x"),
            ("fix.yaml", PATCH),
        ],
    );
    let output = directory.join("patched.tar");
    ok([
        "apply".as_ref(),
        directory.join("fix.yaml").as_os_str(),
        fixture(form).as_os_str(),
        "-o".as_ref(),
        output.as_os_str(),
    ]);
    output
}

/// The configuration as it stands in the archive.
fn config(archive: &Path) -> Value {
    let report = ok([
        "inspect".as_ref(),
        archive.as_os_str(),
        "--format=json".as_ref(),
    ]);
    let report: Value = serde_json::from_str(&report).unwrap();
    report["images"][0]["config"].clone()
}

fn check_docker<'f>(docker: &Docker, forms: impl IntoIterator<Item = &'f str>) {
    for form in forms {
        let directory = tempfile::tempdir().unwrap();
        let archive = patched(directory.path(), form);
        docker.reset();
        docker.load(&archive);
        let image = docker.inspect("app:2");
        assert_eq!(
            image["Config"]["Labels"]["mylabel"], "modifiedvalue",
            "{form}"
        );
        assert_eq!(image["RepoTags"], serde_json::json!(["app:2"]), "{form}");
        assert_eq!(
            image["RootFS"]["Layers"],
            config(&archive)["rootfs"]["diff_ids"],
            "{form}"
        );
        assert_eq!(
            docker.run("app:2", &[]),
            "hello from the added layer\n",
            "{form}"
        );
        let tree = docker.export_tree("app:2");
        let line = |path: &str| {
            tree.iter()
                .find(|line| line.split(' ').nth(3) == Some(path))
                .cloned()
        };
        // Through the link, not over it.
        assert_eq!(
            line("bin").as_deref(),
            Some("0777 0/0 symlink bin -> usr/bin"),
            "{form}"
        );
        assert!(
            line("usr/bin/tool").is_some() && line("usr/bin/greet").is_some(),
            "{form}: {tree:#?}"
        );
        assert_eq!(line("tmp").as_deref(), Some("1777 0/0 dir tmp"), "{form}");
    }
}

#[test]
fn docker_20_runs_what_we_wrote() {
    if let Some(docker) = Docker::v20() {
        check_docker(&docker, FORMS);
    }
}

#[test]
fn docker_26_runs_what_we_wrote() {
    if let Some(docker) = Docker::v26() {
        check_docker(&docker, FORMS);
    }
}

#[test]
fn docker_26_with_containerd_runs_what_we_wrote() {
    if let Some(docker) = Docker::v26_containerd() {
        // Layouts of skopeo and podman have no name that containerd knows.
        check_docker(&docker, FORMS.into_iter().chain(["buildx-oci.tar"]));
    }
}

#[test]
fn podman_and_skopeo_see_the_configuration_that_we_wrote() {
    for form in FORMS {
        let directory = tempfile::tempdir().unwrap();
        let archive = patched(directory.path(), form);
        let wanted = config(&archive);
        if let Some(images) = podman_load(&archive) {
            assert_eq!(images[0]["Labels"]["mylabel"], "modifiedvalue", "{form}");
            // podman takes a short name of a Docker archive for one of its own.
            let is_short = ["docker20.tar", "crane.tar"].contains(&form);
            let domain = if is_short {
                "localhost"
            } else {
                "docker.io/library"
            };
            assert_eq!(
                images[0]["RepoTags"],
                serde_json::json!([format!("{domain}/app:2")]),
                "{form}"
            );
            assert_eq!(
                images[0]["RootFS"]["Layers"], wanted["rootfs"]["diff_ids"],
                "{form}"
            );
        }
        if let Some(found) = skopeo_config(&format!("docker-archive:{}:app:2", archive.display())) {
            assert_eq!(found, wanted, "{form}");
        }
    }
}

#[test]
fn podman_and_skopeo_see_the_layouts_that_we_wrote() {
    for (form, reference) in LAYOUTS {
        let directory = tempfile::tempdir().unwrap();
        let archive = patched(directory.path(), form);
        let wanted = config(&archive);
        if let Some(images) = podman_load(&archive) {
            assert_eq!(images[0]["Labels"]["mylabel"], "modifiedvalue", "{form}");
            assert_eq!(
                images[0]["RootFS"]["Layers"], wanted["rootfs"]["diff_ids"],
                "{form}"
            );
        }
        if let Some(found) =
            skopeo_config(&format!("oci-archive:{}:{reference}", archive.display()))
        {
            assert_eq!(found, wanted, "{form}");
        }
    }
}

#[test]
fn umoci_reads_a_layout_that_was_patched_in_place() {
    let Some(mut umoci) = tool("umoci") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let patched_tar = patched(directory.path(), "skopeo-oci.tar");
    std::fs::remove_file(patched_tar).unwrap();
    let layout = directory.path().join("layout");
    ok([
        "unpack".as_ref(),
        fixture("skopeo-oci.tar").as_os_str(),
        layout.as_os_str(),
    ]);
    let fix = directory.path().join("fix.yaml");
    ok([
        "apply".as_ref(),
        "--in-place".as_ref(),
        fix.as_os_str(),
        layout.as_os_str(),
    ]);
    ok(["verify".as_ref(), layout.as_os_str()]);
    let bundle = directory.path().join("bundle");
    let image = format!("{}:app:2", layout.display());
    let unpacked = umoci
        .args(["unpack", "--image", &image])
        .arg(&bundle)
        .output()
        .unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");
    let greeting = std::fs::read_to_string(bundle.join("rootfs/etc/greeting")).unwrap();
    assert_eq!(greeting, "hello from the added layer\n");
}

#[test]
fn umoci_unpacks_the_tree_that_we_meant() {
    let (Some(mut skopeo), Some(mut umoci)) = (tool("skopeo"), tool("umoci")) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let archive = patched(directory.path(), "docker26.tar");
    let layout = directory.path().join("layout");
    let from = format!("docker-archive:{}:app:2", archive.display());
    let to = format!("oci:{}:2", layout.display());
    let copied = skopeo
        .args(["--insecure-policy", "copy", &from, &to])
        .output()
        .unwrap();
    assert!(copied.status.success(), "{copied:?}");
    let bundle = directory.path().join("bundle");
    let image = format!("{}:2", layout.display());
    let unpacked = umoci
        .args(["unpack", "--image", &image])
        .arg(&bundle)
        .output()
        .unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");
    let greeting = std::fs::read_to_string(bundle.join("rootfs/etc/greeting")).unwrap();
    assert_eq!(greeting, "hello from the added layer\n");
    assert!(
        bundle
            .join("rootfs/bin")
            .symlink_metadata()
            .unwrap()
            .is_symlink()
    );
    assert!(bundle.join("rootfs/usr/bin/tool").exists());
}
