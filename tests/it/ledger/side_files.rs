//! Files beside an output: complete or absent, like the output; and a report of what is in place if something fails.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use super::allowed::sh;
use super::home::Home;
use crate::edit::fixture;
use crate::engine::{absent, is_root, tool};

/// Each way to write a file, with `OUT` for its path.
const FILES: &[&str] = &[
    "apply patch/label.yaml image/in.tar -o OUT",
    "apply patch/label.yaml image/in.tar -o other --iidfile OUT",
    "apply patch/label.yaml image/in.tar -o other --metadata-file OUT",
    "apply patch/label.yaml image/in.tar -o other --provenance OUT",
    "diff --as-patch --partial image/in.tar image/app.tar -o OUT",
    "pack directory/in OUT",
    "repair image/in.tar -o OUT",
];

/// Each way to make a directory.
const DIRECTORIES: &[&str] = &[
    "apply patch/label.yaml directory/in -o OUT/",
    "apply patch/label.yaml image/in.tar --to oci-dir -o OUT",
    "repair directory/in -o OUT/",
    "unpack image/in.tar OUT",
    "unpack --layers image/in.tar OUT",
];

#[track_caller]
fn run(home: &Home, line: &str) {
    let output = sh(home, &format!("$o {line}"));
    assert!(output.status.success(), "{line}: {output:?}");
}

#[test]
fn every_file_is_written_through_a_link_to_what_it_names() {
    for line in FILES {
        let home = Home::new();
        fs::write(home.path("target"), "old").unwrap();
        fs::set_permissions(home.path("target"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("target", home.path("first")).unwrap();
        symlink("first", home.path("link")).unwrap();
        run(&home, &line.replace("OUT", "link"));
        assert!(
            home.path("link").is_symlink() && home.path("first").is_symlink(),
            "{line}"
        );
        let there = home.path("target").symlink_metadata().unwrap();
        assert!(there.is_file() && there.len() > 3, "{line}");
        assert_eq!(there.mode() & 0o7777, 0o640, "{line}");
        // Where a link leads to nothing yet, that is made.
        symlink("missing", home.path("dangling")).unwrap();
        run(&home, &line.replace("OUT", "dangling"));
        assert!(home.path("dangling").is_symlink(), "{line}");
        assert!(
            home.path("missing").symlink_metadata().unwrap().is_file(),
            "{line}"
        );
    }
}

#[test]
fn a_link_that_the_system_does_not_follow_is_not_followed() {
    // As `fs.protected_symlinks` has it for a link of somebody else in `/tmp`.
    let inject = "-P link -e trace=newfstatat -e inject=newfstatat:error=EACCES";
    for line in FILES.iter().chain(DIRECTORIES) {
        let home = Home::new();
        fs::write(home.path("target"), "old").unwrap();
        symlink("target", home.path("link")).unwrap();
        let line = line.replace("OUT/", "OUT").replace("OUT", "link");
        let Some((code, stderr, _)) = traced(&home, inject, &line) else {
            return;
        };
        assert_eq!(code, Some(3), "{line}: {stderr}");
        assert!(
            stderr.contains("error: `link`: Permission denied"),
            "{line}: {stderr}"
        );
        assert_eq!(fs::read(home.path("target")).unwrap(), b"old", "{line}");
        assert!(home.path("link").is_symlink(), "{line}");
    }
}

#[test]
fn every_directory_is_made_through_a_link_to_what_it_names() {
    for line in DIRECTORIES {
        let home = Home::new();
        fs::create_dir(home.path("empty")).unwrap();
        for (link, target) in [("link", "empty"), ("dangling", "missing")] {
            symlink(target, home.path(link)).unwrap();
            run(&home, &line.replace("OUT", link));
            assert!(home.path(link).is_symlink(), "{line}");
            assert!(home.file_in(target).is_some(), "{line}");
        }
    }
}

#[test]
fn every_file_inherits_what_it_replaces() {
    for line in FILES {
        let home = Home::new();
        let out = home.path("out");
        run(
            &home,
            &format!(
                "{} && test $(stat -c %a out) = 644",
                line.replace("OUT", "out")
            ),
        );
        fs::set_permissions(&out, fs::Permissions::from_mode(0o600)).unwrap();
        if is_root() {
            std::os::unix::fs::chown(&out, Some(65534), Some(65533)).unwrap();
        }
        let inode = fs::metadata(&out).unwrap().ino();
        run(&home, &line.replace("OUT", "out"));
        let there = fs::metadata(&out).unwrap();
        assert_eq!(there.mode() & 0o7777, 0o600, "{line}");
        assert_ne!(
            there.ino(),
            inode,
            "a file is replaced, not written over: {line}"
        );
        if is_root() {
            assert_eq!((there.uid(), there.gid()), (65534, 65533), "{line}");
        }
    }
}

#[test]
fn a_directory_is_no_place_for_a_file() {
    for line in FILES.iter().filter(|line| !line.ends_with("-o OUT")) {
        let home = Home::new();
        fs::create_dir(home.path("taken")).unwrap();
        for out in ["taken", "taken/", "missing/"] {
            let before = home.state();
            let output = sh(&home, &format!("$o {}", line.replace("OUT", out)));
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(3), "{line}: {stderr}");
            assert_eq!(stderr, format!("error: `{out}` is a directory\n"), "{line}");
            assert_eq!(home.state(), before, "{line}");
        }
    }
}

const ALL: &str = "apply -q patch/label.yaml image/in.tar -o out.tar --iidfile id --metadata-file metadata.json --provenance provenance.json";

/// Runs a line under `strace`; returns the exit code, standard error and the log.
fn traced(home: &Home, options: &str, line: &str) -> Option<(Option<i32>, String, String)> {
    tool("strace")?;
    let script = format!("strace -f -qq -o trace {options} \"$o\" {line}");
    let output = sh(home, &script);
    let log = fs::read_to_string(home.path("trace")).unwrap();
    fs::remove_file(home.path("trace")).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Some((output.status.code(), stderr, log))
}

#[test]
fn files_are_durable_before_the_output_and_named_after_it() {
    let home = Home::new();
    let calls = "-e trace=fsync,rename,renameat,renameat2,linkat";
    let Some((code, stderr, log)) = traced(&home, calls, ALL) else {
        return;
    };
    assert_eq!(code, Some(0), "{stderr}");
    // The names that are given, and the waits for the disk; names of ours come before the last one.
    let calls = log.lines().map(|line| {
        let path = line.rsplit('"').nth(1).unwrap_or("sync");
        path.rsplit('/').next().unwrap()
    });
    let calls: Vec<&str> = calls.filter(|name| !name.starts_with('.')).collect();
    // Three files, the output and its directory; then the names, and their directory.
    let wanted = "sync sync sync sync out.tar sync id metadata.json provenance.json sync";
    assert_eq!(calls.join(" "), wanted, "{log}");
}

#[test]
fn a_name_that_cannot_be_given_is_reported_with_those_that_were() {
    for (n, written, unwritten) in [
        (
            2,
            "`out.tar`",
            "`id` (`--iidfile`), `metadata.json` (`--metadata-file`), `provenance.json` (`--provenance`)",
        ),
        (
            4,
            "`out.tar`, `id` (`--iidfile`), `metadata.json` (`--metadata-file`)",
            "`provenance.json` (`--provenance`)",
        ),
    ] {
        let home = Home::new();
        let inject = format!("-e trace=linkat -e inject=linkat:error=EIO:when={n}+");
        let Some((code, stderr, log)) = traced(&home, &inject, ALL) else {
            return;
        };
        assert!(log.contains("INJECTED"), "{log}");
        let end = format!("\nwritten: {written}\nnot written: {unwritten}\n");
        assert!(stderr.ends_with(&end), "{stderr}");
        assert_eq!(code, Some(3), "{stderr}");
        for name in ["out.tar", "id", "metadata.json", "provenance.json"] {
            assert_eq!(
                home.path(name).exists(),
                written.contains(name),
                "{name}: {stderr}"
            );
        }
        let hidden = sh(&home, "ls -d .[!.]*").stdout;
        assert!(hidden.is_empty(), "nothing hidden is left: {hidden:?}");
    }
}

#[test]
fn what_cannot_be_cleaned_up_is_reported_with_what_was_written() {
    // The documents of the first are switched by a journal, that of the second by one rename.
    for archive in ["docker20.tar", "skopeo-oci.tar"] {
        let home = Home::new();
        fs::copy(fixture(archive), home.path("app.tar")).unwrap();
        run(&home, "unpack app.tar app");
        let line = "apply -q patch/label.yaml app --in-place --iidfile id";
        let inject = "-e trace=unlinkat -e inject=unlinkat:error=EIO:when=1";
        let Some((code, stderr, log)) = traced(&home, inject, line) else {
            return;
        };
        assert!(log.contains("INJECTED"), "{log}");
        let end = "\nwritten: `app`\nnot written: `id` (`--iidfile`)\n";
        assert!(stderr.ends_with(end), "{archive}: {stderr}");
        assert_eq!(code, Some(3), "{stderr}");
        let output = sh(&home, "$o plan patch/label.yaml app");
        let plan = String::from_utf8(output.stdout).unwrap();
        assert!(plan.contains("nothing changes"), "{archive}: {plan}");
    }
}

#[test]
fn a_device_that_takes_nothing_is_reported_with_what_was_written() {
    let home = Home::new();
    let line = "$o apply -q patch/label.yaml image/in.tar -o out.tar --provenance p --iidfile /dev/full --metadata-file m";
    let output = sh(&home, line);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let message = "error: `/dev/full`: No space left on device (os error 28)\nwritten: `out.tar`\nnot written: `/dev/full` (`--iidfile`), `m` (`--metadata-file`), `p` (`--provenance`)\n";
    assert_eq!(stderr, message);
    assert_eq!(output.status.code(), Some(3));
    assert!(home.path("out.tar").exists() && !home.path("m").exists());
}

#[test]
fn a_full_disk_under_a_side_file_leaves_no_output() {
    let home = Home::new();
    if !is_root() {
        return absent("a small disk", "mounting one needs root");
    }
    fs::create_dir(home.path("disk")).unwrap();
    let mut mount = Command::new("mount");
    mount
        .args(["-t", "tmpfs", "-o", "size=4k", "tmpfs"])
        .arg(home.path("disk"));
    if !mount.status().is_ok_and(|status| status.success()) {
        return absent("a small disk", "mounting one is not permitted here");
    }
    fs::write(home.path("disk/filler"), [0; 4096]).unwrap();
    let before = home.state();
    let output = sh(
        &home,
        "$o apply -q patch/label.yaml image/in.tar -o out.tar --iidfile disk/id",
    );
    let after = home.state();
    let umounted = Command::new("umount")
        .arg(home.path("disk"))
        .status()
        .unwrap();
    assert!(umounted.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr,
        "error: `disk/id`: No space left on device (os error 28)\n"
    );
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(after, before);
}

#[test]
fn layers_of_a_patch_appear_with_it_or_not_at_all() {
    let home = Home::new();
    let line = "diff --as-patch --partial image/in.tar image/app.tar -o turn/it.yaml --layers turn/new/layers";
    fs::create_dir(home.path("turn")).unwrap();
    let before = home.state();
    let inject = "-e trace=fsync -e inject=fsync:error=EIO:when=1";
    let Some((code, stderr, _)) = traced(&home, inject, line) else {
        return;
    };
    assert_eq!(code, Some(3), "{stderr}");
    assert!(!stderr.contains("written"), "{stderr}");
    let names = |state: &[(std::path::PathBuf, u64, u64, i64, i64)]| -> Vec<std::path::PathBuf> {
        state.iter().map(|(path, ..)| path.clone()).collect()
    };
    assert_eq!(
        names(&home.state()),
        names(&before),
        "the directories are gone again"
    );
    let inject = "-e trace=linkat -e inject=linkat:error=EIO:when=2+";
    let (code, stderr, _) = traced(&home, inject, line).unwrap();
    assert_eq!(code, Some(3), "{stderr}");
    let tar = home.layer_tar().replace("layers/tars", "turn/new/layers");
    let end = format!(
        "\nwritten: `{tar}` (a tar of `--layers`)\nnot written: `turn/it.yaml` (the output)\n"
    );
    assert!(stderr.ends_with(&end), "{stderr}");
    run(&home, line);
}
