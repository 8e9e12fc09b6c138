//! The engines agree with the archives they wrote, and notice one that is damaged.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::MutexGuard;

use tempfile::TempDir;

use crate::engine::{
    Docker, Kind, PATIENCE, Release, Store, difference_20, difference_26, entries, eventually,
    fixture, podman_load, same_archive_20, same_archive_26, skopeo_config, tool,
};

const GREETING: &str = "hello from the base layer\n";

#[test]
fn docker_20_saves_the_archive_that_it_loaded() {
    let Some(docker) = Docker::v20() else { return };
    for (archive, references) in [
        ("docker20.tar", &["greeter:1"][..]),
        ("docker20-untagged.tar", &["fba3ad4aca61"]),
        (
            "docker20-nasty.tar",
            &["t:1", "t:2", "reg.example.com:5000/x/y:tag"],
        ),
    ] {
        let original = fixture(archive);
        let (_directory, again) = loaded_and_saved(&docker, &original, references);
        same_archive_20(&original, &again);
    }
}

#[test]
fn docker_20_saves_two_images_that_it_loaded() {
    let Some(docker) = Docker::v20() else { return };
    let original = fixture("docker20-two-images.tar");
    let references = [
        "greeter:1",
        "greeter2:latest",
        "registry.example.com:5000/team/greeter2:2.0",
    ];
    let (_directory, again) = loaded_and_saved(&docker, &original, &references);
    same_archive_20(&original, &again);
}

#[test]
fn docker_20_reads_a_compressed_archive_as_the_plain_one() {
    let Some(docker) = Docker::v20() else { return };
    docker.reset();
    docker.load(&fixture("docker20.tar.gz"));
    let directory = tempfile::tempdir().unwrap();
    let again = directory.path().join("again.tar");
    docker.save(&["greeter:1"], &again);
    same_archive_20(&fixture("docker20.tar"), &again);
}

#[test]
fn docker_26_saves_the_archive_that_it_loaded() {
    let Some(docker) = Docker::v26() else { return };
    let original = fixture("docker26.tar");
    let (_directory, again) = loaded_and_saved(&docker, &original, &["greeter:1"]);
    same_archive_26(&original, &again);
}

#[test]
fn docker_26_saves_two_images_that_it_loaded() {
    let Some(docker) = Docker::v26() else { return };
    let original = fixture("docker26-two-images.tar");
    let references = [
        "greeter:1",
        "greeter2:latest",
        "registry.example.com:5000/team/greeter2:2.0",
    ];
    let (_directory, again) = loaded_and_saved(&docker, &original, &references);
    same_archive_26(&original, &again);
}

#[test]
fn every_docker_runs_what_it_loaded() {
    for docker in dockers() {
        docker.reset();
        docker.load(&fixture(own_archive(&docker)));
        assert_eq!(
            docker.run("greeter:1", &[]),
            GREETING,
            "{:?}",
            docker.kind()
        );
        assert_eq!(
            docker.inspect("greeter:1")["Config"]["Labels"]["mylabel"],
            "myvalue"
        );
    }
}

#[test]
fn every_docker_shows_the_same_tree() {
    let mut trees = Vec::new();
    for docker in dockers() {
        docker.reset();
        docker.load(&fixture("docker26.tar"));
        let tree = docker.export_tree("greeter:1");
        for entry in [
            "1777 0/0 dir tmp",
            "0777 0/0 symlink bin -> usr/bin",
            "0750 0/0 dir srv/data",
        ] {
            assert!(
                tree.iter().any(|line| line == entry),
                "{:?}: no `{entry}` in {tree:#?}",
                docker.kind()
            );
        }
        trees.push(tree);
    }
    for pair in trees.windows(2) {
        assert_eq!(pair[0], pair[1]);
    }
}

#[test]
fn docker_notices_a_damaged_layer_even_after_it_loaded_the_sound_one() {
    let directory = tempfile::tempdir().unwrap();
    for docker in dockers() {
        let archive = own_archive(&docker);
        let damaged = damaged(archive, directory.path());
        docker.reset();
        docker.load(&fixture(archive));
        docker.reset();
        let message = docker.load_fails(&damaged);
        let expected = match docker.kind().store {
            Store::Vfs | Store::Overlay => "invalid diffID for layer 0",
            // Stores the blob under its true digest, and misses the one it is asked for.
            Store::Containerd => "not found",
        };
        assert!(message.contains(expected), "{:?}: {message}", docker.kind());
    }
}

#[test]
fn a_daemon_ends_with_the_process_that_holds_it() {
    let Ok(docker) = Docker::start(Kind::V20) else {
        return;
    };
    let state = docker.state();
    assert!(UnixStream::connect(state.join("docker.sock")).is_ok());
    drop(docker);
    assert!(!state.exists(), "{} is still there", state.display());
}

#[test]
fn a_daemon_ends_without_its_watchdog() {
    let Ok(docker) = Docker::start(Kind::V20) else {
        return;
    };
    let state = docker.state();
    docker.kill_watchdog();
    // The daemon sees the end of the same pipe.
    drop(docker);
    assert!(eventually(PATIENCE, || UnixStream::connect(
        state.join("docker.sock")
    )
    .is_err()));
    std::fs::remove_dir_all(state).unwrap();
}

#[test]
fn every_other_engine_reads_the_label() {
    for archive in ["docker20.tar", "docker26.tar"] {
        let path = fixture(archive);
        if let Some(images) = podman_load(Release::Bookworm, &path) {
            assert_eq!(images.as_array().unwrap().len(), 1);
            assert_eq!(
                images[0]["Config"]["Labels"]["mylabel"], "myvalue",
                "{archive}"
            );
        }
        if let Some(config) = skopeo_config(
            Release::Bookworm,
            &format!("docker-archive:{}:greeter:1", path.display()),
        ) {
            assert_eq!(
                config["config"]["Labels"]["mylabel"], "myvalue",
                "{archive}"
            );
        }
    }
}

#[test]
fn umoci_unpacks_the_greeting() {
    let (Some(mut tar), Some(mut umoci)) = (tool("tar"), tool("umoci")) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    succeed(
        tar.arg("-xf")
            .arg(fixture("docker26.tar"))
            .arg("-C")
            .arg(directory.path()),
    );
    let bundle = directory.path().join("bundle");
    succeed(
        umoci
            .args(["unpack", "--rootless", "--image"])
            .arg(format!("{}:1", directory.path().display()))
            .arg(&bundle),
    );
    assert_eq!(
        std::fs::read_to_string(bundle.join("rootfs/etc/greeting")).unwrap(),
        GREETING
    );
}

#[test]
fn containerd_imports_under_the_full_name() {
    let Some(docker) = Docker::v20() else { return };
    let ctr = |args: &[&str]| docker.ctr().map(|mut ctr| succeed(ctr.args(args)));
    let path = fixture("docker26.tar");
    let import = [
        "images",
        "import",
        "--snapshotter",
        "native",
        path.to_str().unwrap(),
    ];
    let Some(report) = ctr(&import) else { return };
    assert!(report.contains("/library/greeter:1"), "{report}");
    let names = ctr(&["images", "list", "--quiet"]).unwrap();
    assert!(names.trim().ends_with("/library/greeter:1"), "{names}");
    ctr(&["images", "remove", "--sync", names.trim()]).unwrap();
}

#[test]
fn archives_differ_by_the_entry_that_differs() {
    let directory = tempfile::tempdir().unwrap();
    for (archive, difference) in [
        ("docker20.tar", difference_20 as fn(&[u8], &[u8]) -> _),
        ("docker26.tar", difference_26),
    ] {
        let sound = std::fs::read(fixture(archive)).unwrap();
        assert_eq!(difference(&sound, &sound), None);
        let damaged = std::fs::read(damaged(archive, directory.path())).unwrap();
        let layer = entries(&sound)
            .into_iter()
            .find(|entry| entry.content != content(&damaged, &entry.name()))
            .unwrap();
        let message = difference(&sound, &damaged).unwrap();
        assert!(
            message.contains(&format!("content of entry `{}`", layer.name())),
            "{message}"
        );
    }
}

#[test]
fn the_time_of_a_save_is_ignored_in_its_own_headers_only() {
    let sound = std::fs::read(fixture("docker26.tar")).unwrap();
    for entry in ["index.json", "blobs/sha256/"] {
        assert_eq!(
            difference_26(&sound, &touched(&sound, entry)),
            None,
            "{entry}"
        );
    }
    for entry in ["manifest.json", "blobs/", "oci-layout"] {
        let message = difference_26(&sound, &touched(&sound, entry)).unwrap();
        assert!(
            message.contains(&format!("header of entry `{entry}`")),
            "{message}"
        );
    }
    let sound = std::fs::read(fixture("docker20-nasty.tar")).unwrap();
    for entry in entries(&sound) {
        let name = entry.name();
        let clocked = name.starts_with("bb03e63869b4");
        assert_eq!(
            difference_20(&sound, &touched(&sound, &name)).is_none(),
            clocked,
            "{name}"
        );
    }
}

/// The dockers of this machine, one after the other.
fn dockers() -> impl Iterator<Item = MutexGuard<'static, Docker>> {
    let dockers = [
        Docker::v20,
        Docker::v26,
        Docker::v26_containerd,
        Docker::v28,
        Docker::v28_containerd,
    ];
    dockers.into_iter().filter_map(|docker| docker())
}

fn own_archive(docker: &Docker) -> &'static str {
    if docker.kind().release == Release::Bookworm {
        "docker20.tar"
    } else {
        "docker26.tar"
    }
}

fn loaded_and_saved(docker: &Docker, original: &Path, references: &[&str]) -> (TempDir, PathBuf) {
    docker.reset();
    docker.load(original);
    let directory = tempfile::tempdir().unwrap();
    let again = directory.path().join("again.tar");
    docker.save_like(references, original, &again);
    (directory, again)
}

/// A copy whose layer says `jello`.
fn damaged(archive: &str, directory: &Path) -> PathBuf {
    let mut bytes = std::fs::read(fixture(archive)).unwrap();
    let greeting = bytes
        .windows(GREETING.len())
        .position(|window| window == GREETING.as_bytes())
        .unwrap();
    bytes[greeting] = b'j';
    let damaged = directory.join(archive);
    std::fs::write(&damaged, bytes).unwrap();
    damaged
}

/// A copy with another mtime in one header.
fn touched(archive: &[u8], name: &str) -> Vec<u8> {
    let mut bytes = archive.to_vec();
    let header = entries(archive)
        .into_iter()
        .find(|entry| entry.name() == name)
        .unwrap()
        .header;
    let position = header.as_ptr() as usize - archive.as_ptr() as usize;
    bytes[position + 146] ^= 1;
    bytes
}

fn content<'a>(archive: &'a [u8], name: &str) -> &'a [u8] {
    entries(archive)
        .into_iter()
        .find(|entry| entry.name() == name)
        .unwrap()
        .content
}

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
