//! What is no file, is endless, or has a name that few would choose: told or taken as it is, and never waited for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::binary::{command, write_files};
use crate::edit::{Archive, fixture};

fn home(patch: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let patch = format!("apiVersion: ocipatch/v1\n{patch}\n");
    write_files(home.path(), &[("fix.yaml", &patch)]);
    fs::copy(fixture("docker26.tar"), home.path().join("in.tar")).unwrap();
    home
}

/// Runs a script in which `$o` is the program; what waits for ever is stopped.
fn sh(home: &Path, script: &str) -> (Option<i32>, String) {
    let program = command();
    let mut shell = std::process::Command::new("timeout");
    shell.args(["60", "sh", "-c", script]).current_dir(home);
    shell.env("o", program.get_program()).env("NO_COLOR", "1");
    let Output { status, stderr, .. } = shell.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn names_with_carriage_returns_are_changed_in_place() {
    for (from, to) in [
        (".tar.gz", ".tar.gz\r"),
        ("ecb06", "\recb06"),
        ("b1de2", "b1\rde2"),
    ] {
        let home = home("operations: [remove-path: {match: [/srv/data/secret.txt], purge: true}]");
        let mut archive = Archive::fixture("crane.tar");
        for entry in &mut archive.entries {
            entry.name = entry.name.replace(from, to);
        }
        archive.replace("manifest.json", from, &to.replace('\r', "\\r"));
        fs::write(home.path().join("app.tar"), archive.to_bytes()).unwrap();
        let script = "mkdir app; tar -xf app.tar -C app; $o verify app && $o -q apply fix.yaml app --in-place && $o verify app && ! $o -q apply fix.yaml app --check";
        let (code, stderr) = sh(home.path(), script);
        assert_eq!(code, Some(0), "{from:?} {stderr}");
        let names = fs::read_dir(home.path().join("app")).unwrap().count();
        assert_eq!(names, archive.entries.len(), "what was replaced is gone");
    }
}

#[test]
fn a_pipe_is_not_waited_for() {
    let rebase = "operations: [rebase: {from: {archive: pipe}, onto: {archive: pipe}}]";
    for patch in [
        rebase,
        "operations: [patch-file: {path: /etc/hello, from: pipe}]",
    ] {
        let (code, stderr) = sh(home(patch).path(), "mkfifo pipe; $o plan fix.yaml in.tar");
        assert_eq!(code, Some(1), "{patch}: {stderr}");
        assert!(
            stderr.contains("is neither a directory nor a file"),
            "{stderr}"
        );
    }
    for make in [
        "mkfifo $h",
        "truncate -s 20G $h",
        "printf x >> kept; cp kept $h",
    ] {
        let script = format!(
            "$o unpack in.tar d; h=d/.ocipatch/headers; mv $h kept; {make}; $o pack d out.tar"
        );
        let (code, stderr) = sh(home("operations: []").path(), &script);
        assert_eq!(code, Some(3), "{make}: {stderr}");
        assert!(stderr.contains("is damaged; remove it"), "{make}: {stderr}");
    }
}

#[test]
fn a_file_of_arguments_without_end_is_not_read_to_its_end() {
    let home = home("operations: [set-label: {a: b}]");
    for script in [
        "$o plan fix.yaml in.tar --arg-file /dev/zero",
        "yes A=b | $o plan fix.yaml in.tar --arg-file /dev/stdin",
    ] {
        let (code, stderr) = sh(home.path(), script);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("has more than 16777216 bytes"), "{stderr}");
    }
}

#[test]
fn an_exclude_has_at_most_a_thousand_patterns() {
    for (n, code) in [(1000, 0), (1001, 1)] {
        let patterns: Vec<String> = (0..n).map(|i| format!("x{i}")).collect();
        let patterns = patterns.join(", ");
        let home = home(&format!(
            "operations: [add-layer: {{from: rootfs, exclude: [{patterns}]}}]"
        ));
        write_files(home.path(), &[("rootfs/a", "a\n")]);
        let (found, stderr) = sh(home.path(), "$o plan fix.yaml in.tar");
        assert_eq!(found, Some(code), "{stderr}");
        let message = "1001 patterns are given; at most 1000 are allowed";
        assert_eq!(stderr.contains(message), code == 1, "{stderr}");
    }
}

#[test]
fn a_help_that_cannot_be_written_is_a_failure() {
    let home = home("operations: []");
    for (script, code) in [
        ("$o --help > /dev/full", 3),
        ("$o --version > /dev/full", 3),
        ("$o apply --help | true", 0),
    ] {
        assert_eq!(sh(home.path(), script).0, Some(code), "{script}");
    }
}

#[test]
fn layers_go_to_where_a_link_leads() {
    let home = home("operations: [add-layer: {files: [{path: /x, content: x}]}]");
    let script = "$o -q apply fix.yaml in.tar -o new.tar && ln -s real ly && $o diff --as-patch --partial in.tar new.tar -o it.yaml --layers ly && test -L ly && ls real/*.tar";
    let (code, stderr) = sh(home.path(), script);
    assert_eq!(code, Some(0), "{stderr}");
}
