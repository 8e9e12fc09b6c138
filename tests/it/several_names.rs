//! Links and pipes with several names are loaded by engines, and all their names change when a patch changes one.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::Path;

use ocipatch::tarball::{END_OF_ARCHIVE, Entry, Kind, header_group};

use crate::binary::{ok, write_files};
use crate::engine::{Docker, fixture};

const OPERATIONS: [&str; 3] = [
    "set-owner: { set: { \"/named/t*\": \"6:6\", /named/pipe2: \"7:7\" }, in: layer }",
    "set-owner: { set: { \"/named/t*\": \"6:6\", /named/pipe2: \"7:7\" } }",
    "squash: all",
];

/// A layer with a link and a pipe of two names each.
fn layer() -> Vec<u8> {
    let entries = [
        ("named/", Kind::Directory, "", 0o755),
        ("named/one", Kind::Symlink, "x", 0o777),
        ("named/two", Kind::HardLink, "named/one", 0o777),
        ("named/pipe", Kind::Fifo, "", 0o644),
        ("named/pipe2", Kind::HardLink, "named/pipe", 0o644),
    ];
    let group = |(name, kind, target, mode): (&str, Kind, &str, u32)| {
        header_group(&Entry {
            name: name.into(),
            link_name: target.into(),
            kind,
            mode,
            ..Entry::file()
        })
    };
    let mut layer: Vec<u8> = entries.into_iter().flat_map(group).collect();
    layer.extend_from_slice(&END_OF_ARCHIVE);
    layer
}

fn check(docker: &Docker) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("named.tar"), layer()).unwrap();
    let apply = |operations: &str, from: &Path, to: &str| {
        let patch = format!("apiVersion: ocipatch/v1\noperations:\n{operations}");
        write_files(directory.path(), &[("fix.yaml", &patch)]);
        let (patch, to) = (path("fix.yaml"), path(to));
        ok([Path::new("apply"), &patch, from, Path::new("-o"), &to]);
        ok([Path::new("verify"), &to]);
    };
    let added = "  - add-layer: { from: named.tar, as-is: true }\n  - retag: [\"app:names\"]\n";
    apply(added, &fixture("docker20.tar"), "named-image.tar");
    for (n, operation) in OPERATIONS.iter().enumerate() {
        let tag = format!("app:names{n}");
        let operations = format!("  - {operation}\n  - retag: [\"{tag}\"]\n");
        apply(&operations, &path("named-image.tar"), "out.tar");
        docker.load(&path("out.tar"));
        let tree = docker.export_tree(&tag);
        // Stores that copy whole layers make two of what is no file; the owner tells what was loaded.
        let found: Vec<String> = tree
            .iter()
            .filter(|line| line.contains(" named/"))
            .map(|line| line.split(' ').skip(1).step_by(2).take(2).collect())
            .collect();
        let (link, pipe) = if n < 2 {
            ("6/6", "7/7")
        } else {
            ("0/0", "0/0")
        };
        let wanted = [
            format!("{link}named/one"),
            format!("{pipe}named/pipe"),
            format!("{pipe}named/pipe2"),
            format!("{link}named/two"),
        ];
        assert_eq!(found, wanted, "{operation}");
    }
}

#[test]
fn docker_20_shows_one_thing_of_several_names() {
    if let Some(docker) = Docker::v20() {
        check(&docker);
    }
}

#[test]
fn docker_28_shows_one_thing_of_several_names() {
    if let Some(docker) = Docker::v28() {
        check(&docker);
    }
}
