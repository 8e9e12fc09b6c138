//! A path that a patch removes is not there in any engine, and what is beside it is.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::Path;

use crate::binary::{ok, write_files};
use crate::engine::{Docker, fixture, tool};

const PATCH: &str = "apiVersion: ocipatch/v1
operations:
  - add-layer:
      files:
        - { path: /srv/data/cache/one, content: \"1\" }
        - { path: /srv/data/cache/two, content: \"2\" }
        - { path: /srv/data/kept, content: kept }
        - { path: /bin/tool, content: tool }
        - { path: /bin/other, content: other }
        - { path: /link, symlink: /srv/data/kept }
  - retag: [\"app:2\"]
";
const REMOVAL: &str = "apiVersion: ocipatch/v1
operations:
  - remove-path: [\"/srv/data/cache/**\", /bin/tool, /link, \"/etc/app.c*\"]
  - retag: [\"app:3\"]
";
const GONE: [&str; 5] = [
    "srv/data/cache/one",
    "srv/data/cache/two",
    "usr/bin/tool",
    "link",
    "etc/app.conf",
];
const KEPT: [&str; 5] = [
    "srv/data/cache",
    "srv/data/kept",
    "usr/bin/other",
    "bin",
    "etc/greeting",
];

/// Makes `two.tar` and `three.tar`, which has less.
fn make(directory: &Path, archive: &str) {
    let files = [("fix.yaml", PATCH), ("less.yaml", REMOVAL)];
    write_files(directory, &files);
    let path = |name: &str| directory.join(name);
    let apply = |patch: &str, from: &Path, to: &str| {
        let (patch, to) = (path(patch), path(to));
        ok([Path::new("apply"), &patch, from, Path::new("-o"), &to]);
        ok([Path::new("verify"), &to]);
    };
    apply("fix.yaml", &fixture(archive), "two.tar");
    apply("less.yaml", &path("two.tar"), "three.tar");
}

fn check_docker(docker: &Docker) {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path(), "docker20.tar");
    let lines = |name: &str, archive: &str| {
        docker.load(&directory.path().join(archive));
        docker.export_tree(name)
    };
    let (before, after) = (lines("app:2", "two.tar"), lines("app:3", "three.tar"));
    let is_of = |line: &&String, path: &str| line.split(' ').nth(3) == Some(path);
    for path in GONE {
        assert!(
            before.iter().any(|line| is_of(&line, path)),
            "{path}: {before:#?}"
        );
    }
    let is_gone = |line: &&String| GONE.iter().any(|path| is_of(line, path));
    let rest: Vec<String> = before
        .iter()
        .filter(|line| !is_gone(line))
        .cloned()
        .collect();
    assert_eq!(after, rest);
}

#[test]
fn docker_20_shows_no_removed_path() {
    if let Some(docker) = Docker::v20() {
        check_docker(&docker);
    }
}

#[test]
fn docker_28_shows_no_removed_path() {
    if let Some(docker) = Docker::v28() {
        check_docker(&docker);
    }
}

#[test]
fn umoci_unpacks_no_removed_path() {
    let Some(mut command) = tool("umoci") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    make(directory.path(), "skopeo-oci.tar");
    let path = |name: &str| directory.path().join(name);
    ok([Path::new("unpack"), &path("three.tar"), &path("layout")]);
    let image = format!("{}:app:3", path("layout").display());
    command.args(["raw", "unpack", "--rootless", "--image", &image]);
    let output = command.arg(path("rootfs")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for gone in GONE {
        assert!(
            path("rootfs").join(gone).symlink_metadata().is_err(),
            "{gone}"
        );
    }
    for kept in KEPT {
        assert!(
            path("rootfs").join(kept).symlink_metadata().is_ok(),
            "{kept}"
        );
    }
}
