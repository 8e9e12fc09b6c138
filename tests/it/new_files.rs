//! Files that a patch holds itself are in the image what the patch says, in every version of Docker.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use crate::binary::{ok, write_files};
use crate::engine::{Docker, fixture};

const PATCH: &str = "apiVersion: ocipatch/v1
operations:
  - add-layer:
      files:
        - { path: /etc/app.conf, content: \"port 8080\\n\", mode: \"0640\", owner: \"3000000:101\" }
        - { path: /bin/run, from: run.sh, mode: \"4755\" }
        - { path: /etc/app.old, symlink: app.conf }
        - { path: /etc/app.also, hardlink: /etc/app.conf }
        - { path: /srv/empty, directory: true, mode: \"0700\", owner: \"7:8\" }
        - { path: /tmp, directory: true, mode: \"0755\" }
  - retag: [\"app:2\"]
";

fn check(docker: &Docker) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    write_files(
        directory.path(),
        &[("run.sh", "#!/bin/sh\n"), ("fix.yaml", PATCH)],
    );
    ok([
        "apply".as_ref(),
        path("fix.yaml").as_os_str(),
        fixture("docker20.tar").as_os_str(),
        "-o".as_ref(),
        path("out.tar").as_os_str(),
    ]);
    docker.load(&path("out.tar"));
    let tree = docker.export_tree("app:2");
    for wanted in [
        "0777 0/0 symlink bin -> usr/bin",
        "4755 0/0 file usr/bin/run",
        "0640 3000000/101 file etc/app.also",
        "0640 3000000/101 hardlink etc/app.conf -> etc/app.also",
        "0777 0/0 symlink etc/app.old -> app.conf",
        "0700 7/8 dir srv/empty",
        "0755 0/0 dir tmp",
    ] {
        let is_there = tree.iter().any(|line| {
            line == wanted || line.starts_with(wanted) && line[wanted.len()..].starts_with(' ')
        });
        assert!(is_there, "{wanted}: {tree:#?}");
    }
}

#[test]
fn docker_20_has_the_files_of_a_patch() {
    if let Some(docker) = Docker::v20() {
        check(&docker);
    }
}

#[test]
fn docker_28_has_the_files_of_a_patch() {
    if let Some(docker) = Docker::v28() {
        check(&docker);
    }
}
