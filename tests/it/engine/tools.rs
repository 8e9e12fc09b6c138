//! Engines that are a command and no daemon.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{absent, find, is_root};

/// `name` ready to take arguments, or `None` where it is not installed.
pub(crate) fn tool(name: &str) -> Option<Command> {
    let program = find(name);
    if program.is_none() {
        absent(name, "not on PATH");
    }
    program.map(Command::new)
}

/// What podman makes of `archive`: `podman inspect` of every image in it, as one JSON array.
#[track_caller]
pub(crate) fn podman_load(archive: &Path) -> Option<Value> {
    tool("podman")?;
    if !is_root() {
        // Would leave a process behind that keeps a user namespace.
        absent("podman", "a store of its own needs root");
        return None;
    }
    // A store of its own, gone afterwards: nothing of the machine's images is seen or left.
    let store = tempfile::tempdir().unwrap();
    let podman = |args: &[&str]| {
        let mut command = tool("podman").unwrap();
        command
            .arg("--root")
            .arg(store.path().join("root"))
            .arg("--runroot")
            .arg(store.path().join("run"))
            .args([
                "--storage-driver",
                "vfs",
                "--cgroup-manager",
                "cgroupfs",
                "--events-backend",
                "file",
            ])
            .args(args)
            // Its database and locks would otherwise be the machine's.
            .env("TMPDIR", store.path());
        output(&mut command)
    };
    podman(&["load", "--quiet", "--input", archive.to_str().unwrap()]);
    let ids = podman(&["images", "--quiet", "--no-trunc"]);
    let mut inspect = vec!["inspect", "--type", "image"];
    for id in ids.lines() {
        // An image is listed once per tag.
        if !inspect.contains(&id) {
            inspect.push(id);
        }
    }
    Some(serde_json::from_str(&podman(&inspect)).unwrap())
}

/// The image config that skopeo finds at, say, `docker-archive:/tmp/a.tar:app:1`.
#[track_caller]
pub(crate) fn skopeo_config(transport_ref: &str) -> Option<Value> {
    let mut skopeo = tool("skopeo")?;
    skopeo.args([
        "--insecure-policy",
        "inspect",
        "--config",
        "--raw",
        transport_ref,
    ]);
    Some(serde_json::from_str(&output(&mut skopeo)).unwrap())
}

#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
