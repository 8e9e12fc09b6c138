//! Engines that are a command and no daemon.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::release::Release;
use super::{absent, is_root};

/// The tool of this machine.
pub(crate) fn tool(name: &str) -> Option<Command> {
    Release::Bookworm.tool(name)
}

/// How a whole tree with all that there is to know of it becomes a tar on stdout.
pub(crate) const TAR_OF_TREE: [&str; 6] = [
    "tar",
    "--create",
    "--sort=name",
    "--format=pax",
    "--numeric-owner",
    "--xattrs",
];

/// A tar of everything below a directory.
#[track_caller]
pub(crate) fn tree_of_directory(directory: &Path) -> Vec<u8> {
    let mut tar = Command::new(TAR_OF_TREE[0]);
    tar.args(&TAR_OF_TREE[1..]).arg("--directory");
    let output = tar.arg(directory).arg(".").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// podman with a store of its own: nothing of the machine's images is seen or left.
struct Podman {
    release: Release,
    store: tempfile::TempDir,
    driver: &'static str,
}

impl Podman {
    fn new(release: Release) -> Option<Self> {
        Self::with_driver(release, "vfs")
    }

    fn with_driver(release: Release, driver: &'static str) -> Option<Self> {
        release.tool("podman")?;
        if !is_root() {
            // Would leave a process behind that keeps a user namespace.
            absent("podman", "a store of its own needs root");
            return None;
        }
        let store = tempfile::tempdir().unwrap();
        Some(Self {
            release,
            store,
            driver,
        })
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        output(&mut self.command(args))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.release.tool("podman").unwrap();
        self.configure(&mut command);
        command.args(args);
        command
    }

    /// Adds what makes the store its own.
    fn configure(&self, command: &mut Command) {
        let store = self.store.path();
        command
            .arg("--root")
            .arg(store.join("root"))
            .arg("--runroot")
            .arg(store.join("run"));
        command.args([
            "--storage-driver",
            self.driver,
            "--cgroup-manager",
            "cgroupfs",
            "--events-backend",
            "file",
        ]);
        // Its database and locks would otherwise be the machine's.
        command.env("TMPDIR", store);
        command.env("PODMAN_IGNORE_CGROUPSV1_WARNING", "1");
    }
}

/// What podman makes of `archive`: `podman inspect` of every image in it, as one JSON array.
#[track_caller]
pub(crate) fn podman_load(release: Release, archive: &Path) -> Option<Value> {
    let podman = Podman::new(release)?;
    podman.ok(&["load", "--quiet", "--input", archive.to_str().unwrap()]);
    let ids = podman.ok(&["images", "--quiet", "--no-trunc"]);
    let mut inspect = vec!["inspect", "--type", "image"];
    for id in ids.lines() {
        // An image is listed once per tag.
        if !inspect.contains(&id) {
            inspect.push(id);
        }
    }
    Some(serde_json::from_str(&podman.ok(&inspect)).unwrap())
}

/// The configuration of an image that podman pulls from a registry without encryption.
#[track_caller]
pub(crate) fn podman_pull(release: Release, name: &str) -> Option<Value> {
    let podman = Podman::new(release)?;
    podman.ok(&["pull", "--quiet", "--tls-verify=false", name]);
    let inspected: Value =
        serde_json::from_str(&podman.ok(&["inspect", "--type", "image", name])).unwrap();
    Some(inspected[0]["Config"].clone())
}

/// A tar of each image of an archive as podman mounts it, by name; all have one.
#[track_caller]
pub(crate) fn podman_mounts(
    release: Release,
    archive: &Path,
    driver: &'static str,
) -> Option<Vec<(String, Vec<u8>)>> {
    let podman = Podman::with_driver(release, driver)?;
    // The mounts are in a namespace of their own, and end with it.
    let script = r#"set -e
        store=$1 archive=$2; shift 2
        "$@" load --quiet --input "$archive" >&2
        "$@" image mount --all >&2
        "$@" image mount | while read -r name path; do
            (cd "$path" && $TAR .) >"$store/$name.tar"
            echo "$name"
        done"#;
    let out = podman.store.path().join("out");
    let mut shell = release.tool("unshare")?;
    shell.args(["--mount", "sh", "-c", script, "sh"]);
    shell.arg(&out).arg(archive).arg("podman");
    podman.configure(&mut shell);
    shell.env("TAR", TAR_OF_TREE.join(" "));
    std::fs::create_dir_all(out.join("localhost")).unwrap();
    let names = output(&mut shell);
    let read = |name: &str| {
        let tar = std::fs::read(out.join(format!("{name}.tar"))).unwrap();
        (name.to_owned(), tar)
    };
    Some(names.lines().map(read).collect())
}

/// What podman says of an archive that it does not load.
#[track_caller]
pub(crate) fn podman_refuses(release: Release, archive: &Path) -> Option<String> {
    let podman = Podman::new(release)?;
    let arguments = ["load", "--quiet", "--input", archive.to_str().unwrap()];
    let output = podman.command(&arguments).output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stderr).unwrap())
}

/// Loads an archive and saves it again in podman's Docker form; false where there is no podman.
#[track_caller]
pub(crate) fn podman_load_and_save(
    release: Release,
    archive: &Path,
    reference: &str,
    again: &Path,
) -> bool {
    load_and_save(release, "docker-archive", archive, reference, again)
}

/// Loads an archive and saves it again as an OCI layout; false where there is no podman.
#[track_caller]
pub(crate) fn podman_load_and_save_layout(
    release: Release,
    archive: &Path,
    reference: &str,
    again: &Path,
) -> bool {
    load_and_save(release, "oci-archive", archive, reference, again)
}

#[track_caller]
fn load_and_save(
    release: Release,
    format: &str,
    archive: &Path,
    reference: &str,
    again: &Path,
) -> bool {
    let Some(podman) = Podman::new(release) else {
        return false;
    };
    podman.ok(&["load", "--quiet", "--input", archive.to_str().unwrap()]);
    let again = again.to_str().unwrap();
    podman.ok(&[
        "save", "--quiet", "--format", format, "--output", again, reference,
    ]);
    true
}

/// The image config that skopeo finds at, say, `docker-archive:/tmp/a.tar:app:1`.
#[track_caller]
pub(crate) fn skopeo_config(release: Release, transport_ref: &str) -> Option<Value> {
    let mut skopeo = release.tool("skopeo")?;
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
