//! Failures and kills in the middle of writing: the output is absent or complete, the input as it was or complete.
//!
//! `strace` makes each system call that touches the output fail in turn, or kills the program there.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::binary::{command, listing, write_files};
use crate::edit::fixture;
use crate::engine::{absent, is_root, tool};

const PATCH: &str = "apiVersion: ocipatch/v1\ntarget: { images: [\"greeter:1\"] }\noperations:\n  - set-label: { mylabel: modifiedvalue }\n  - add-layer: { from: rootfs }\n  - retag: [\"app:2\"]\n";
/// What `PATCH` leaves nothing to do for.
const LABEL: &str =
    "apiVersion: ocipatch/v1\noperations:\n  - set-label: { mylabel: modifiedvalue }\n";
/// What is written with, by the names that `strace` has for it.
const CALLS: &[&str] = &[
    "write",
    "copy_file_range",
    "sendfile",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fchmod",
    "fchown",
    "utimensat",
    "linkat",
    "link",
    "symlinkat",
    "symlink",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "unlink",
    "unlinkat",
    "rmdir",
];

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
    run(home.path(), "unpack app.tar app");
    fs::remove_dir_all(home.path().join("app/.ocipatch")).unwrap();
    home
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

/// Runs `line` in copies of a home with every call made to fail in every way; `check` judges what is there then.
pub(crate) fn each_failure(archive: &str, line: &str, check: impl Fn(&Path, &str)) {
    if tool("strace").is_none() {
        return;
    }
    let model = home(archive);
    let counted = traced(
        &copy(&model),
        &["-e", &format!("trace={}", CALLS.join(","))],
        line,
    );
    assert!(counted.0.status.success(), "{counted:?}");
    let (mut n_errors, mut n_kills) = (0, 0);
    for call in CALLS {
        let is_call = |text: &&str| text.contains(&format!(" {call}("));
        let n_calls = counted.1.lines().filter(is_call).count();
        for fault in [
            if call.contains("sync") {
                "error=EIO"
            } else {
                "error=ENOSPC"
            },
            "signal=KILL",
        ] {
            for n in 1..=n_calls {
                let copy = copy(&model);
                let inject = format!("inject={call}:{fault}:when={n}");
                let trace = format!("trace={call}");
                let (output, log) = traced(&copy, &["-e", &trace, "-e", &inject], line);
                // Calls are counted by thread: a number that none of them reaches is none.
                if !log.contains("(INJECTED)") && !log.contains("killed by SIGKILL") {
                    continue;
                }
                if log.contains("(INJECTED)") {
                    n_errors += 1;
                } else {
                    n_kills += 1;
                }
                let what = format!("{archive}: {line}: {call} {fault} at {n}: {output:?}");
                let stderr = String::from_utf8_lossy(&output.stderr);
                assert!(!stderr.contains("panicked"), "{what}");
                check(&copy.path().join("home"), &what);
            }
        }
    }
    assert!(
        n_errors > 10 && n_kills > 10,
        "{n_errors} errors, {n_kills} kills"
    );
}

pub(crate) fn copy(model: &TempDir) -> TempDir {
    // Hundreds of runs that sync: in memory, where there is such a place.
    let memory = Path::new("/dev/shm");
    let copy = match tempfile::tempdir_in(memory) {
        Ok(copy) => copy,
        Err(_) => tempfile::tempdir().unwrap(),
    };
    let mut command = Command::new("cp");
    command
        .arg("-a")
        .arg(model.path())
        .arg(copy.path().join("home"));
    assert!(command.status().unwrap().success());
    copy
}

/// Runs `line` under `strace`; returns its log too. With `--seccomp-bpf` it would be faster, and send no signals.
pub(crate) fn traced(copy: &TempDir, arguments: &[&str], line: &str) -> (Output, String) {
    let log = copy.path().join("log");
    let output = Command::new("strace")
        .current_dir(copy.path().join("home"))
        .args(["-f", "-qq", "-o", log.to_str().unwrap()])
        .args(arguments)
        .arg(env!("CARGO_BIN_EXE_ocipatch"))
        .args(line.split(' '))
        .env_remove("SOURCE_DATE_EPOCH")
        .output()
        .unwrap();
    (output, fs::read_to_string(log).unwrap())
}

pub(crate) fn expected(archive: &str, line: &str) -> (TempDir, Vec<String>) {
    let home = home(archive);
    run(home.path(), line);
    let listing = listing(home.path());
    (home, listing)
}

/// A run that was cut short leaves the old or the new state, and the next one ends in the new with nothing left over.
fn is_old_or_new(archive: &str, line: &str) {
    let old = listing(home(archive).path());
    let (_home, new) = expected(archive, line);
    each_failure(archive, line, |place, what| {
        let seen = visible(place);
        let old_or_new = [&old, &new].map(|lines| {
            let lines = lines.iter().filter(|line| !line.starts_with('.'));
            lines.cloned().collect::<Vec<_>>()
        });
        assert!(old_or_new.contains(&seen), "{what}\n{seen:#?}");
        if seen == old_or_new[0] {
            run(place, line);
        }
        assert_eq!(listing(place), new, "{what}");
    });
}

#[test]
fn an_output_file_is_complete_or_absent() {
    is_old_or_new("docker26.tar", "apply fix.yaml app.tar -o out.tar");
}

#[test]
fn an_output_directory_is_complete_or_absent() {
    is_old_or_new("docker20.tar", "apply fix.yaml app.tar -o out/");
}

#[test]
fn a_tar_changed_in_place_is_old_or_new() {
    is_old_or_new("docker20.tar", "apply fix.yaml app.tar --in-place");
}

#[test]
fn an_unpacked_archive_is_complete_or_absent() {
    is_old_or_new("docker26.tar", "unpack --layers app.tar out");
}

#[test]
fn a_packed_archive_is_complete_or_absent() {
    is_old_or_new("docker26.tar", "pack app out.tar");
}

#[test]
fn a_directory_changed_in_place_is_old_or_new() {
    for archive in ["docker26.tar", "docker20-two-images.tar"] {
        let line = "apply fix.yaml app --in-place";
        let (_home, new) = expected(archive, line);
        let old = home(archive);
        each_failure(archive, line, |place, what| {
            leads_somewhere(&place.join("app"), what);
            // Only once the change has taken place does doing it again add another layer.
            if !has_taken_place(&place.join("app"), &old.path().join("app")) {
                run(place, line);
                assert_eq!(listing(place), new, "{what}");
            }
            assert_eq!(run(place, "verify app").status.code(), Some(0), "{what}");
        });
    }
}

/// Whether `manifest.json` is the new one for good: no journal that would bring the old one back.
fn has_taken_place(directory: &Path, old: &Path) -> bool {
    let manifest = |directory: &Path| fs::read(directory.join("manifest.json")).unwrap();
    !directory.join(".ocipatch/undo").exists() && manifest(directory) != manifest(old)
}

/// Whatever `manifest.json` names is there, as any loader wants it.
fn leads_somewhere(directory: &Path, what: &str) {
    let manifest = fs::read(directory.join("manifest.json")).expect(what);
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect(what);
    for item in manifest.as_array().unwrap() {
        let layers = item["Layers"].as_array().unwrap();
        for path in layers.iter().chain([&item["Config"]]) {
            let path = directory.join(path.as_str().unwrap());
            assert!(path.is_file(), "{}: {what}", path.display());
        }
    }
}

/// A large archive: a kill at any moment falls into the copying.
fn large(directory: &Path) -> u64 {
    const BYTES: u64 = 64 << 20;
    let mut archive = crate::edit::Archive::fixture("docker26.tar");
    // Behind the layer's end: no reader looks there, and every writer has to copy it.
    archive
        .entry("e389ba")
        .data
        .resize(usize::try_from(BYTES).unwrap(), 0);
    archive.repair();
    fs::write(directory.join("app.tar"), archive.to_bytes()).unwrap();
    BYTES
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

#[test]
fn a_directory_that_is_not_ours_to_write_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let home = home("docker26.tar");
    let closed = home.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let before = listing(home.path());
    let mut command = if is_root() {
        let Some(mut setpriv) = tool("setpriv") else {
            return;
        };
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        setpriv.arg(env!("CARGO_BIN_EXE_ocipatch"));
        setpriv
    } else {
        command()
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
        let started = std::time::Instant::now();
        while started.elapsed().as_millis() < n * 10 {
            std::thread::yield_now();
        }
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
