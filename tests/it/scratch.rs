//! `scratch` begins an image with nothing.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::Path;

use crate::binary::{fails, ok, write_files};
use crate::edit::{Archive, fixture};
use crate::engine::Docker;

const PATCH: &str = "apiVersion: ocipatch/v1
operations:
  - add-layer: { files: [{ path: /bin/greet, from: greet, mode: \"0755\" }, { path: /etc/motd, content: hi }] }
  - set-line: { path: /etc/motd, line: there }
  - set-entrypoint: [/bin/greet]
  - set-env: { LANG: C.UTF-8 }
  - retag: [\"mini:1\"]
";

/// A directory with a patch and a static program.
fn desk() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write_files(directory.path(), &[("fix.yaml", PATCH)]);
    let image = fixture("docker20.tar");
    let program = crate::binary::run([Path::new("cat"), &image, Path::new(PROGRAM)]);
    assert!(program.status.success(), "{program:?}");
    fs::write(directory.path().join("greet"), program.stdout).unwrap();
    directory
}

const PROGRAM: &str = "/bin/greet";

fn args<'a>(words: &'a [&'a str], desk: &Path) -> Vec<std::ffi::OsString> {
    let word = |word: &&str| match word.strip_prefix('@') {
        Some(name) => desk.join(name).into(),
        None => (*word).into(),
    };
    words.iter().map(word).collect()
}

#[test]
fn an_image_is_made_of_nothing_in_every_form_and_the_same_each_time() {
    let desk = desk();
    let mut ids = Vec::new();
    for form in ["docker-archive", "oci-archive", "oci-dir", "docker-dir", ""] {
        let out = format!("@{form}out");
        let to = ["--to", form];
        let to = if form.is_empty() { &[][..] } else { &to[..] };
        let words = [
            "apply",
            "@fix.yaml",
            "scratch",
            "--platform",
            "linux/amd64",
            "-o",
            &out,
        ];
        ids.push(ok(args(&[&words[..], to].concat(), desk.path())));
        ok(args(&["verify", &out], desk.path()));
        let motd = ok(args(&["cat", &out, "/etc/motd"], desk.path()));
        assert_eq!(motd, "hi\nthere\n");
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let first = fs::read(desk.path().join("out")).unwrap();
    let words = [
        "apply",
        "@fix.yaml",
        "scratch",
        "--platform",
        "linux/amd64",
        "-o",
        "@again",
    ];
    ok(args(&words, desk.path()));
    assert_eq!(fs::read(desk.path().join("again")).unwrap(), first);
    let report = ok(args(&["inspect", "@out", "--format", "json"], desk.path()));
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let image = &report["images"][0];
    assert_eq!(image["platform"], "linux/amd64");
    assert_eq!(image["tags"], serde_json::json!(["mini:1"]));
    for entry in &Archive::read(&first).entries {
        let is_directory = entry.header.entry_type().is_dir();
        let mode = if is_directory { 0o755 } else { 0o644 };
        assert_eq!(entry.header.mode().unwrap(), mode, "{}", entry.name);
    }
    // The history tells of both layers, and nothing of a clock.
    let n_layers = image["layers"].as_array().unwrap().len();
    assert_eq!(
        image["config"]["history"].as_array().unwrap().len(),
        n_layers
    );
    assert_eq!(image["created"], serde_json::Value::Null);
    let words = ["plan", "@fix.yaml", "scratch", "--platform", "linux/amd64"];
    let plan = ok(args(&words, desk.path()));
    assert!(plan.contains(ids[0].trim()), "{plan}");
}

#[test]
fn the_platform_is_said_or_set() {
    let desk = desk();
    let words = ["apply", "@fix.yaml", "scratch", "-o", "@out"];
    let told = fails(2, args(&words, desk.path()));
    assert!(told.contains("`scratch` has no platform"), "{told}");
    assert!(!desk.path().join("out").exists());
    let told = fails(2, args(&["plan", "@fix.yaml", "scratch"], desk.path()));
    assert!(told.contains("set-platform"), "{told}");
    let words = [
        "apply",
        "@fix.yaml",
        "scratch",
        "-o",
        "@out",
        "--platform",
        "linux/*",
    ];
    let told = fails(2, args(&words, desk.path()));
    assert!(told.contains("is a pattern"), "{told}");
    let words = ["apply", "@fix.yaml", "scratch", "--in-place"];
    let told = fails(2, args(&words, desk.path()));
    assert!(told.contains("is not an archive"), "{told}");
    let set = PATCH.replace(
        "operations:\n",
        "operations:\n  - set-platform: { os: linux, architecture: arm, variant: v7 }\n",
    );
    write_files(desk.path(), &[("fix.yaml", &set)]);
    ok(args(
        &["apply", "@fix.yaml", "scratch", "-o", "@out"],
        desk.path(),
    ));
    let told = ok(args(&["inspect", "@out"], desk.path()));
    assert!(told.contains("platform linux/arm/v7"), "{told}");
}

fn runs(docker: &Docker) {
    let desk = desk();
    let words = [
        "apply",
        "@fix.yaml",
        "scratch",
        "--platform",
        "linux/amd64",
        "-o",
        "@out",
    ];
    let id = ok(args(&words, desk.path()));
    docker.load(&desk.path().join("out"));
    let told = docker.run("mini:1", &["/etc/motd"]);
    assert_eq!(told, "hi\nthere\n");
    let inspected = docker.inspect("mini:1");
    assert_eq!(inspected["Architecture"], "amd64");
    assert!(
        inspected.to_string().contains("LANG=C.UTF-8"),
        "{inspected} {id}"
    );
}

#[test]
fn docker_20_runs_an_image_that_was_made_of_nothing() {
    if let Some(docker) = Docker::v20() {
        runs(&docker);
    }
}

#[test]
fn docker_28_runs_an_image_that_was_made_of_nothing() {
    if let Some(docker) = Docker::v28_containerd() {
        runs(&docker);
    }
}
