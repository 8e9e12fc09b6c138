//! What engines export of the same images.

use std::fs;

use crate::binary::run;
use crate::edit::fixture;
use crate::engine::{Docker, Release, tar_tree};

/// What Docker puts into a container.
const OF_CONTAINERS: [&str; 11] = [
    ".dockerenv",
    "dev",
    "dev/console",
    "dev/pts",
    "dev/shm",
    "etc/hostname",
    "etc/hosts",
    "etc/mtab",
    "etc/resolv.conf",
    "proc",
    "sys",
];

fn exported(name: &str) -> Vec<String> {
    tar_tree(&run(["export".as_ref(), fixture(name).as_os_str()]).stdout)
}

#[test]
fn docker_exports_the_same_tree() {
    let Some(docker) = Docker::v26() else { return };
    docker.reset();
    docker.load(&fixture("docker26.tar"));
    let mut theirs = docker.export_tree("greeter:1");
    theirs.retain(|line| {
        let path = line.split(' ').nth(3).unwrap();
        !OF_CONTAINERS.contains(&path)
    });
    assert_eq!(exported("docker26.tar"), theirs);
}

#[test]
fn crane_exports_the_same_tree() {
    for name in ["docker26.tar", "podman-docker.tar"] {
        let Some(mut crane) = Release::Forky.tool("crane") else {
            return;
        };
        let output = crane
            .args(["export", "-", "-"])
            .stdin(fs::File::open(fixture(name)).unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(exported(name), tar_tree(&output.stdout), "{name}");
    }
}
