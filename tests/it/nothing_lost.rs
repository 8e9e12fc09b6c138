//! Disks that are full, directories that are closed, and kills in the middle of a large archive: the output is absent or
//! complete, the input as it was. (`faults` does that to every system call.)
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::binary::{NO_CACHE, command, listing, write_files};
use crate::edit::fixture;
use crate::engine::{absent, is_root, tool};
use crate::kernel::{Lack, without};

const PATCH: &str = "apiVersion: ocipatch/v1\ntarget: { images: [\"greeter:1\"] }\noperations:\n  - set-label: { mylabel: modifiedvalue }\n  - add-layer: { from: rootfs }\n  - retag: [\"app:2\"]\n";
/// What `PATCH` leaves nothing to do for.
const LABEL: &str =
    "apiVersion: ocipatch/v1\noperations:\n  - set-label: { mylabel: modifiedvalue }\n";
/// A directory with the patch, the archive as a tar, and the archive as a directory.
pub(crate) fn home(archive: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    write_files(
        home.path(),
        &[
            ("fix.yaml", PATCH),
            ("label.yaml", LABEL),
            ("rootfs/etc/greeting", "hi\n"),
        ],
    );
    fs::copy(fixture(archive), home.path().join("app.tar")).unwrap();
    let tar = fs::File::open(fixture(archive)).unwrap();
    tar::Archive::new(tar)
        .unpack(home.path().join("app"))
        .unwrap();
    date(&home.path().join("app"));
    home
}

/// Gives all directories the same time: two homes that are compared may be made in different seconds.
fn date(directory: &Path) {
    for item in fs::read_dir(directory).unwrap() {
        let item = item.unwrap();
        if item.file_type().unwrap().is_dir() {
            date(&item.path());
        }
    }
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::open(directory)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

pub(crate) fn run(directory: &Path, line: &str) -> Output {
    let output = command()
        .current_dir(directory)
        .args(line.split(' '))
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    output
}

/// What a user sees of a directory: hidden names are ours until the next run.
fn visible(directory: &Path) -> Vec<String> {
    let mut lines = listing(directory);
    lines.retain(|line| !line.starts_with('.'));
    lines
}

/// A large archive: a kill at any moment falls into the copying.
fn large(directory: &Path) -> u64 {
    const BYTES: u64 = 64 << 20;
    write_large(directory, BYTES);
    BYTES
}

fn write_large(directory: &Path, n_bytes: u64) {
    let mut archive = crate::edit::Archive::fixture("docker26.tar");
    // Behind the layer's end: no reader looks there, and every writer has to copy it.
    archive
        .entry("e389ba")
        .data
        .resize(usize::try_from(n_bytes).unwrap(), 0);
    archive.repair();
    fs::write(directory.join("app.tar"), archive.to_bytes()).unwrap();
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    if !is_root() {
        return absent("a small disk", "mounting one needs root");
    }
    let home = home("docker26.tar");
    large(home.path());
    let disk = home.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
        .arg(&disk)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        return absent("a small disk", "mounting one is not permitted here");
    }
    let before = listing(home.path());
    let output = command()
        .current_dir(home.path())
        .args(["apply", "fix.yaml", "app.tar", "-o", "disk/out.tar"])
        .output()
        .unwrap();
    let after = listing(home.path());
    assert!(
        Command::new("umount")
            .arg(&disk)
            .status()
            .unwrap()
            .success()
    );
    let message = "error: `disk/out.tar`: No space left on device (os error 28)\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), message);
    assert_eq!((output.status.code(), after), (Some(3), before));
}

/// The kernel tells once of bytes that it could not write: to who syncs next, which is done while the file still grows.
#[test]
fn an_error_in_the_background_is_told() {
    let home = home("docker26.tar");
    write_large(home.path(), 20 << 20);
    let before = listing(home.path());
    let run = |errno| {
        let program = env!("CARGO_BIN_EXE_ocipatch");
        let mut command = without(&[Lack::WriteBack(errno)], program)?;
        command.current_dir(home.path()).envs(NO_CACHE);
        command.env_remove("SOURCE_DATE_EPOCH");
        command.args(["apply", "label.yaml", "app.tar", "-o", "out.tar"]);
        Some(command.output().unwrap())
    };
    for (errno, message) in [
        (5, "Input/output error (os error 5)"),
        (28, "No space left on device (os error 28)"),
        (122, "Disk quota exceeded (os error 122)"),
    ] {
        let Some(output) = run(errno) else { return };
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, format!("error: `out.tar`: {message}\n"));
        assert_eq!(
            (output.status.code(), listing(home.path())),
            (Some(3), before.clone())
        );
    }
    // What no file system can write back is not to be durable.
    for errno in [22, 30] {
        let output = run(errno).unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::remove_file(home.path().join("out.tar")).unwrap();
    }
}

#[test]
fn a_file_that_may_not_grow_is_not_left_behind() {
    let home = home("docker26.tar");
    large(home.path());
    let before = listing(home.path());
    // The signal is what usually comes first; who ignores it gets the error.
    let output = Command::new("sh")
        .current_dir(home.path())
        .args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_ocipatch"))
        .envs(NO_CACHE)
        .args(["apply", "fix.yaml", "app.tar", "-o", "out.tar"])
        .output()
        .unwrap();
    let message = "error: `out.tar`: File too large (os error 27)\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), message);
    assert_eq!(
        (output.status.code(), listing(home.path())),
        (Some(3), before)
    );
}

/// The program as somebody who may not do everything.
fn not_as_root() -> Option<Command> {
    if !is_root() {
        return Some(command());
    }
    let mut setpriv = tool("setpriv")?;
    setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    setpriv.arg(env!("CARGO_BIN_EXE_ocipatch")).envs(NO_CACHE);
    Some(setpriv)
}

#[test]
fn what_may_not_be_read_of_a_source_is_a_problem_each() {
    use std::os::unix::fs::PermissionsExt;
    let home = home("docker26.tar");
    write_files(
        home.path(),
        &[
            ("rootfs/closed/x", "x"),
            ("rootfs/listed/x", "x"),
            ("rootfs/secret", "s"),
        ],
    );
    for (path, mode) in [
        ("", 0o755),
        ("rootfs/closed", 0o311),
        ("rootfs/listed", 0o755),
        ("rootfs/secret", 0o200),
    ] {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(home.path().join(path), mode).unwrap();
    }
    let Some(mut command) = not_as_root() else {
        return;
    };
    let output = command
        .current_dir(home.path())
        .args(["plan", "fix.yaml", "app.tar"])
        .output();
    // The build directory may be one that nobody else enters.
    let Ok(output) = output else { return };
    if matches!(output.status.code(), Some(126 | 127)) {
        return;
    }
    let stderr = String::from_utf8(output.stderr).unwrap();
    let told: Vec<&str> = stderr.lines().filter(|line| line.contains("×")).collect();
    assert_eq!(
        told,
        [
            "  × 2 problems in fix.yaml",
            "  × `closed`: no permission to read it",
            "  × `secret`: no permission to read it",
        ],
        "{stderr}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_directory_that_is_not_ours_to_write_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let home = home("docker26.tar");
    let closed = home.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let before = listing(home.path());
    let Some(mut command) = not_as_root() else {
        return;
    };
    let output = command
        .current_dir(home.path())
        .args(["apply", "fix.yaml", "app.tar", "-o", "closed/out.tar"])
        .output();
    // The build directory may be one that nobody else enters.
    let Ok(output) = output else { return };
    let message = "error: `closed`: Permission denied (os error 13)\n";
    if output.status.code() != Some(127) && output.status.code() != Some(126) {
        assert_eq!(String::from_utf8(output.stderr).unwrap(), message);
        assert_eq!(output.status.code(), Some(3));
    }
    assert_eq!(listing(home.path()), before);
}

#[test]
fn a_kill_at_any_moment_leaves_no_half_output() {
    let home = home("docker26.tar");
    let n_bytes = large(home.path());
    run(home.path(), "apply fix.yaml app.tar -o expected.tar");
    let expected = fs::metadata(home.path().join("expected.tar"))
        .unwrap()
        .len();
    assert!(expected > n_bytes);
    let before = visible(home.path());
    for n in 0..12 {
        let mut child = command()
            .current_dir(home.path())
            .args(["apply", "fix.yaml", "app.tar", "-o", "out.tar"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(n * 10));
        child.kill().unwrap();
        child.wait().unwrap();
        let out = home.path().join("out.tar");
        if out.exists() {
            assert_eq!(fs::metadata(&out).unwrap().len(), expected);
            fs::remove_file(&out).unwrap();
        }
        assert_eq!(visible(home.path()), before);
    }
    run(home.path(), "apply fix.yaml app.tar -o out.tar");
    fs::remove_file(home.path().join("out.tar")).unwrap();
    assert_eq!(listing(home.path()), before, "what was left is reclaimed");
}
