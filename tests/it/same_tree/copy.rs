//! `add-layer` from a directory makes the tree that `COPY` of the classic builder makes, but for what a checkout does not
//! keep, and for links of the image, which `COPY` replaces.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use ocipatch::tarball::Mtime;

use super::shown::{Meant, OF_CONTAINERS, tree};
use super::views::DOCKER;
use crate::binary::{ok, write_files};
use crate::cases::build;
use crate::cases::text::{File, Image};
use crate::engine::Docker;
use crate::stacks::model::{Tree, clean};

/// Images by the name of what is special about them, with their only layer.
const BASES: [(&str, &str); 3] = [
    ("without", "0755 etc/; 0644 etc/a \"a\""),
    (
        "with",
        "0755 etc/; 0750 opt/ 5:6; 0640 opt/old \"old\" 5:6; 0711 opt/empty/ 7:7; 0600 opt/over \"was\" 5:5",
    ),
    (
        "linked",
        "0755 opt/; opt/bin -> ../usr/bin; opt/over -> old; 0644 opt/old \"old\"; 0755 usr/; 0755 usr/bin/",
    ),
];

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A directory as a checkout has it: modes are 0644 and 0755.
fn make_ordinary(directory: &Path) {
    let files = [
        (".dot/.file", "dot\n"),
        ("bin/run", "#!/bin/sh\n"),
        ("empty file", ""),
        ("first", "of two names\n"),
        ("name with spaces", "s\n"),
        ("over", "new\n"),
        ("ünïcode/ß", "u\n"),
    ];
    write_files(directory, &files);
    let place = |name: &str| directory.join(name);
    fs::create_dir_all(place("empty")).unwrap();
    for path in [".dot", "bin", "bin/run", "empty", "ünïcode"] {
        set_mode(&place(path), 0o755);
    }
    for path in [
        ".dot/.file",
        "empty file",
        "first",
        "name with spaces",
        "over",
        "ünïcode/ß",
    ] {
        set_mode(&place(path), 0o644);
    }
    fs::hard_link(place("first"), place("second")).unwrap();
    symlink("bin/run", place("to run")).unwrap();
    symlink("/etc/absolute", place("to absolute")).unwrap();
    symlink("../nothing", place("to nothing")).unwrap();
    chown(place("first"), Some(1234), Some(1234)).unwrap();
}

/// Modes that a checkout does not keep.
fn make_odd(directory: &Path) {
    let place = |name: &str| directory.join(name);
    set_mode(&place("first"), 0o600);
    set_mode(&place("over"), 0o664);
    set_mode(&place("bin"), 0o2711);
    set_mode(&place("empty"), 0o1777);
    set_mode(&place(".dot/.file"), 0o444);
    set_mode(&place("bin/run"), 0o4755);
}

/// Both trees, of what is built and what is patched.
fn both(docker: &Docker, home: &Path, base: &str, options: &str) -> (Tree, Tree) {
    let place = |name: &str| home.join(name);
    let dockerfile = format!("FROM base:{base}\nCOPY files/ /opt/\n");
    write_files(home, &[("Dockerfile", &dockerfile)]);
    docker.ok(&[
        "build",
        "--quiet",
        "--network",
        "none",
        "--tag",
        "built:1",
        home.to_str().unwrap(),
    ]);
    let patch = format!(
        "apiVersion: ocipatch/v1\ntarget: {{ images: ['base:{base}'] }}\noperations:\n  - add-layer: {{ from: files, to: /opt{options} }}\n  - retag: ['patched:1']\n"
    );
    write_files(home, &[("fix.yaml", &patch)]);
    let options = ["apply", "--quiet", "-o"].map(AsRef::as_ref);
    let paths = ["out.tar", "fix.yaml", "base.tar"].map(place);
    ok(options
        .into_iter()
        .chain(paths.iter().map(|path| path.as_os_str())));
    docker.load(&place("out.tar"));
    (
        tree(&docker.export("built:1")),
        tree(&docker.export("patched:1")),
    )
}

/// The differences, without the times; but for what Docker puts into a container and the times of directories in which a
/// build wrote.
fn differences(mut built: Tree, patched: &Tree) -> Vec<String> {
    let is_of_container = |path: &[Vec<u8>]| {
        OF_CONTAINERS
            .iter()
            .any(|of| clean(of.as_bytes()).0 == *path)
    };
    built.nodes.retain(|path, _| !is_of_container(path));
    let is_copied = |path: &&Vec<Vec<u8>>| path[0] == b"opt" && path.len() > 1;
    let timed: BTreeSet<_> = built.nodes.keys().filter(is_copied).cloned().collect();
    let lines = Meant { tree: built, timed }.differences(patched, DOCKER);
    let without_time = |line: String| {
        let words = line.split(' ').filter(|word| !word.starts_with('@'));
        words.collect::<Vec<_>>().join(" ")
    };
    lines.into_iter().map(without_time).collect()
}

/// A build takes the times of what it copies, a patch none.
fn without_times(mut tree: Tree) -> Tree {
    let is_copied = |path: &[Vec<u8>]| path[0] == b"opt" && path[path.len() - 1] != b"old";
    let copied = tree.nodes.iter_mut().filter(|(path, _)| is_copied(path));
    copied.for_each(|(_, node)| node.entry.mtime = Mtime::default());
    tree
}

fn with_base(docker: &Docker, home: &Path) {
    let image = |(name, layer): &(&str, &str)| Image {
        tags: vec![format!("base:{name}")],
        layers: vec![layer.split("; ").map(File::parse).collect()],
        ..Image::default()
    };
    let images: Vec<Image> = BASES.iter().map(image).collect();
    fs::write(home.join("base.tar"), build::v1_directories(&images)).unwrap();
    docker.remove_all();
    docker.load(&home.join("base.tar"));
    make_ordinary(&home.join("files"));
}

#[test]
fn what_is_added_is_what_a_build_copies() {
    for docker in [Docker::v20, Docker::v20_overlay] {
        let Some(docker) = docker() else { continue };
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        with_base(&docker, home);
        // What the image has of directories stays, which a build sets as the checkout has them.
        let kept = [
            "- /opt/empty Directory 0755 0:0",
            "+ /opt/empty Directory 0711 7:7",
        ];
        for (base, known) in [("without", &kept[..0]), ("with", &kept)] {
            let (built, patched) = both(&docker, home, base, "");
            let (built, patched) = (without_times(built), without_times(patched));
            assert_eq!(differences(built, &patched), known);
            let (built, patched) = both(&docker, home, base, ", mtime: keep");
            assert_eq!(differences(built, &patched), known);
        }
        make_odd(&home.join("files"));
        // A build loses setuid where it sets the owner.
        let (built, patched) = both(&docker, home, "without", ", mode: keep, mtime: keep");
        let lost = [
            "- /opt/bin/run File 0755 0:0 \"#!/bin/sh\\n\"",
            "+ /opt/bin/run File 4755 0:0 \"#!/bin/sh\\n\"",
        ];
        assert_eq!(differences(built, &patched), lost);
    }
}

#[test]
fn a_build_replaces_the_links_of_the_image_that_a_patch_follows() {
    let Some(docker) = Docker::v20() else { return };
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    with_base(&docker, home);
    let replaced = ", mtime: keep, symlinks: replace";
    let (built, patched) = both(&docker, home, "linked", replaced);
    assert_eq!(differences(built, &patched), [""; 0]);
    let (built, patched) = both(&docker, home, "linked", ", mtime: keep");
    assert_eq!(
        differences(built, &patched),
        [
            "- /opt/bin Directory 0755 0:0",
            "- /opt/bin/run File 0755 0:0 \"#!/bin/sh\\n\"",
            "+ /opt/bin Symlink 0777 0:0 -> ../usr/bin",
            "+ /usr/bin/run File 0755 0:0 \"#!/bin/sh\\n\"",
        ]
    );
}
