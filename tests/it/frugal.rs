//! What a precondition reads of an archive: headers of layers for a path, and one file's content for its digest.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use ocipatch::digest::Digest;

use crate::binary::{NO_CACHE, ok, write_files};
use crate::engine::{fixture, tool};

const BIG: usize = 8 << 20;
/// Documents and headers of a small image. In bytes.
const LITTLE: usize = 256 << 10;

/// How many bytes of `app.tar` a plan reads.
fn n_read(home: &Path) -> usize {
    let mut strace = tool("strace").unwrap();
    strace
        .current_dir(home)
        .args(["-f", "-qq", "-y", "-e", "trace=read,pread64", "-o", "log"])
        .arg(env!("CARGO_BIN_EXE_ocipatch"))
        .envs(NO_CACHE)
        .args(["plan", "expect.yaml", "app.tar"]);
    let output = strace.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let log = std::fs::read(home.join("log")).unwrap();
    let log = String::from_utf8_lossy(&log);
    let of_archive = log.lines().filter(|line| line.contains("app.tar>"));
    let n_bytes = |line: &str| line.rsplit(" = ").next()?.parse::<usize>().ok();
    of_archive.filter_map(n_bytes).sum()
}

#[test]
fn a_precondition_reads_no_more_than_it_is_about() {
    if tool("strace").is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let big = "x".repeat(BIG);
    let files = ["one", "two", "three"].map(|name| (format!("rootfs/srv/{name}"), big.as_str()));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), *text))
        .collect();
    write_files(home, &files);
    write_files(
        home,
        &[(
            "layer.yaml",
            "apiVersion: ocipatch/v1\noperations:\n- add-layer: { from: rootfs }\n",
        )],
    );
    ok([
        "apply".as_ref(),
        "-q".as_ref(),
        home.join("layer.yaml").as_os_str(),
        fixture("docker20.tar").as_os_str(),
        "-o".as_ref(),
        home.join("app.tar").as_os_str(),
    ]);
    let digest = Digest::of(big.as_bytes()).hex();
    let read = |expectations: &str| {
        let patch = format!(
            "apiVersion: ocipatch/v1\nexpect:\n{expectations}operations:\n- set-label: {{ a: b }}\n"
        );
        write_files(home, &[("expect.yaml", &patch)]);
        n_read(home)
    };
    let of_fields = read("- label: { mylabel: myvalue }\n- layers: 3\n");
    assert!(of_fields < LITTLE, "{of_fields}");
    let of_paths = read(
        "- path: { /srv/one: exists, /srv/none: absent, /bin: { symlink: usr/bin }, /srv/two: { mode: 0644 } }\n",
    );
    assert!((of_fields..LITTLE).contains(&of_paths), "{of_paths}");
    let of_content = read(&format!("- path: {{ /srv/two: {{ sha256: {digest} }} }}\n"));
    assert!((BIG..BIG + LITTLE).contains(&of_content), "{of_content}");
}
