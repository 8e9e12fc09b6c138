//! Runs that lack something: a directory for temporary files, `/proc`, file descriptors.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::binary::{NO_CACHE, listing, write_files};
use crate::engine::{absent, is_root, tool};
use crate::nothing_lost::home;

/// Runs that write, and what they write.
const WRITING: [(&str, &str); 10] = [
    ("apply fix.yaml app.tar -o out.tar", "out.tar"),
    (
        "apply fix.yaml app.tar -o app.tar.new --iidfile id --metadata-file meta",
        "id",
    ),
    ("apply fix.yaml app.tar -o out/", "out"),
    ("apply fix.yaml app.tar --to oci-dir -o layout", "layout"),
    ("apply fix.yaml app.tar --in-place", "app.tar"),
    ("apply fix.yaml app --in-place", "app"),
    ("unpack --layers app.tar unpacked", "unpacked"),
    ("pack app packed.tar", "packed.tar"),
    ("verify app", ""),
    ("inspect --files app", ""),
];

/// Runs every line in a home of its own, by `program` and as usual, and compares what comes of both.
fn is_as_usual(archive: &str, program: &dyn Fn() -> Command) {
    for (line, output) in WRITING {
        let (here, there) = (home(archive), home(archive));
        let run = |mut command: Command, home: &Path| {
            command.current_dir(home).args(line.split(' '));
            command.env("TMPDIR", home).env_remove("SOURCE_DATE_EPOCH");
            command.envs(NO_CACHE);
            command.output().unwrap()
        };
        let told = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
        let found = run(program(), here.path());
        assert_eq!(
            found.status.code(),
            Some(0),
            "{archive} {line}: {}",
            told(&found)
        );
        let usual = run(Command::new(env!("CARGO_BIN_EXE_ocipatch")), there.path());
        assert!(found.stdout == usual.stdout, "{archive} {line}");
        assert_eq!(
            listing(here.path()),
            listing(there.path()),
            "{archive} {line}"
        );
        assert!(output.is_empty() || here.path().join(output).exists());
    }
}

#[test]
fn twenty_descriptors_are_enough() {
    let limited = || {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -n 20; exec \"$@\"", "sh"]);
        shell.arg(env!("CARGO_BIN_EXE_ocipatch")).envs(NO_CACHE);
        shell
    };
    for archive in ["docker20-two-images.tar", "docker26.tar", "skopeo-oci.tar"] {
        // Their patch names an image that all of them have.
        is_as_usual(archive, &limited);
    }
}

/// What needs more than one file of each kind: files from many directories, layers of another archive, many new layers.
#[test]
fn twenty_descriptors_are_enough_for_patches_with_many_sources() {
    let home = home("skopeo-oci.tar");
    let mut patch = "apiVersion: ocipatch/v1\noperations:\n".to_owned();
    for n in 0..30 {
        write_files(home.path(), &[(&format!("from/{n}/file"), "x\n")]);
        writeln!(
            patch,
            "  - add-layer: {{ files: [{{ path: /srv/{n}, from: from/{n}/file }}] }}"
        )
        .unwrap();
    }
    write_files(home.path(), &[("many.yaml", &patch)]);
    let run = |line: &str| {
        let output = Command::new("sh")
            .current_dir(home.path())
            .args(["-c", "ulimit -n 20; exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_ocipatch"))
            .envs(NO_CACHE)
            .args(line.split(' '))
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
    };
    run("apply many.yaml app --in-place");
    run("verify app");
    // Both bases are directories, one of them with 32 layers.
    run("apply label.yaml app.tar -o base/");
    let rebase = "apiVersion: ocipatch/v1\noperations:\n  - rebase: { from: base, onto: app }\n";
    write_files(home.path(), &[("rebase.yaml", rebase)]);
    run("apply rebase.yaml base -o rebased/");
    run("verify rebased");
    let mut deep = "app".to_owned();
    for _ in 0..15 {
        deep += "/d";
    }
    write_files(home.path(), &[(&format!("{deep}/x"), "x\n")]);
    run("apply label.yaml app -o deep/");
    run("pack deep deep.tar");
}

#[test]
fn proc_is_not_needed() {
    if !is_root() {
        return absent("a machine without `/proc`", "unmounting it needs root");
    }
    let Some(mut unshare) = tool("unshare") else {
        return;
    };
    let script = "mount -t tmpfs tmpfs /proc && exec \"$@\"";
    let status = unshare
        .args(["-m", "sh", "-c", script, "sh", "true"])
        .status();
    if !status.is_ok_and(|status| status.success()) {
        return absent(
            "a machine without `/proc`",
            "mounting is not permitted here",
        );
    }
    is_as_usual("docker26.tar", &|| {
        let mut unshare = tool("unshare").unwrap();
        unshare.args(["-m", "sh", "-c", script, "sh"]);
        unshare.arg(env!("CARGO_BIN_EXE_ocipatch")).envs(NO_CACHE);
        unshare
    });
}

/// What a run says that finds no room for its temporary files.
fn without_room(directory: &Path, temporary: &str, wrapper: &[&str]) {
    let home = home("docker26.tar");
    let gz = "gzip -c app.tar > app.tar.gz && gzip -dc app.tar.gz > plain.tar";
    let made = Command::new("sh")
        .current_dir(home.path())
        .args(["-c", gz])
        .status();
    assert!(made.unwrap().success());
    let before = listing(home.path());
    for (line, input) in [
        ("apply fix.yaml app.tar.gz -o out.tar", ""),
        ("apply fix.yaml - -o out.tar", "cat app.tar | "),
        ("inspect -", "cat app.tar | "),
        ("verify app.tar.gz", ""),
    ] {
        let script = format!("{input}\"$0\" {line}");
        let mut words = wrapper.iter().copied().chain(["sh", "-c", &script]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .arg(env!("CARGO_BIN_EXE_ocipatch"))
            .envs(NO_CACHE);
        command.current_dir(home.path()).env("TMPDIR", directory);
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{line}: {stderr}");
        let start = format!("error: cannot write temporary files to `{temporary}`: ");
        assert!(stderr.starts_with(&start), "{line}: {stderr}");
        assert!(
            stderr.contains("set `TMPDIR` to a writable directory"),
            "{line}: {stderr}"
        );
        assert_eq!(listing(home.path()), before);
    }
    // A plain file needs none.
    let output = Command::new(env!("CARGO_BIN_EXE_ocipatch"))
        .envs(NO_CACHE)
        .current_dir(home.path())
        .args(["apply", "fix.yaml", "app.tar", "-o", "out.tar"])
        .env("TMPDIR", directory)
        .output();
    assert!(output.unwrap().status.success());
}

#[test]
fn a_directory_for_temporary_files_that_is_none_is_told() {
    without_room(Path::new("/nowhere"), "/nowhere", &[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path();
    without_room(path, path.to_str().unwrap(), &[]);
}

#[test]
fn a_directory_for_temporary_files_that_is_read_only_is_told() {
    if !is_root() {
        return absent("a read-only directory", "mounting one needs root");
    }
    let place = tempfile::tempdir().unwrap();
    let path = place.path().to_str().unwrap();
    let script = format!("mount -t tmpfs -o ro tmpfs {path} && exec \"$@\"");
    let wrapper = ["unshare", "-m", "sh", "-c", &script, "sh"];
    let can = Command::new(wrapper[0])
        .args(&wrapper[1..])
        .arg("true")
        .status();
    if !can.is_ok_and(|status| status.success()) {
        return absent("a read-only directory", "mounting is not permitted here");
    }
    without_room(place.path(), path, &wrapper);
}

/// Of a layer that is written for the first time where it goes, the place is named, and not only that it is new.
#[test]
fn an_output_that_takes_no_more_is_named() {
    let home = home("docker20.tar");
    write_files(home.path(), &[("big", &"x".repeat(1 << 20))]);
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - add-layer: { files: [{ path: /big, from: big }] }\n";
    write_files(home.path(), &[("big.yaml", patch)]);
    let before = listing(home.path());
    for (line, start, end) in [
        (
            "apply big.yaml app --in-place",
            "error: `app/",
            "/layer.tar`: File too large (os error 27)\n",
        ),
        (
            "apply big.yaml app -o out/",
            "error: `.out.",
            "/layer.tar`: File too large (os error 27)\n",
        ),
        (
            "apply big.yaml app.tar -o out.tar",
            "error: `out.tar`: ",
            "File too large (os error 27)\n",
        ),
        (
            "apply big.yaml app.tar > /dev/full",
            "error: `standard output`: ",
            "No space left on device (os error 28)\n",
        ),
    ] {
        let script = format!("trap '' XFSZ; ulimit -f 400; \"$0\" {line}");
        let output = Command::new("sh")
            .current_dir(home.path())
            .args(["-c", &script, env!("CARGO_BIN_EXE_ocipatch")])
            .envs(NO_CACHE)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{line}: {stderr}");
        assert!(stderr.starts_with(start), "{line}: {stderr}");
        assert!(stderr.ends_with(end), "{line}: {stderr}");
        assert_eq!(listing(home.path()), before, "{line}");
    }
}
