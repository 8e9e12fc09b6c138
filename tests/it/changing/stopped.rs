//! Commands that are stopped at a system call while their input changes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use super::change_slyly;
use crate::binary::{NO_CACHE, listing};
use crate::engine::tool;
use crate::nothing_lost::home;

/// A command stops at its first new file, and goes on when the input has changed.
#[test]
fn unpack_and_pack_copy_what_does_not_change() {
    for (line, changed, call) in [
        // Its last reads.
        ("inspect --files app.tar", "app.tar", "pread64:when=20"),
        ("unpack app.tar out", "app.tar", "fsync:when=1"),
        ("unpack --layers app.tar out", "app.tar", "fsync:when=1"),
        ("pack app out.tar", "app/index.json", "write:when=1"),
        (
            "apply fix.yaml app.tar -o out.tar",
            "app.tar",
            "fallocate:when=1",
        ),
        (
            "apply fix.yaml app -o out",
            "app/index.json",
            "fsync:when=1",
        ),
        (
            "apply fix.yaml app.tar --in-place",
            "app.tar",
            "fallocate:when=1",
        ),
        (
            "apply fix.yaml app --in-place",
            "app/index.json",
            "renameat:when=1",
        ),
    ] {
        let Some(mut strace) = tool("strace") else {
            return;
        };
        let home = home("skopeo-oci.tar");
        let log = home.path().join("log");
        let inject = format!("inject={call}:signal=STOP");
        let trace = format!("trace={}", call.split(':').next().unwrap());
        strace
            .current_dir(home.path())
            .args(["-f", "-qq", "-o"])
            .arg(&log);
        strace.args(["-e", &trace, "-e", &inject]);
        strace
            .arg(env!("CARGO_BIN_EXE_ocipatch"))
            .envs(NO_CACHE)
            .args(line.split(' '));
        strace
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped());
        let mut child = strace.spawn().unwrap();
        let stopped = stopped_in(&log);
        change_slyly(&home.path().join(changed));
        // Of a program with threads some may not have stopped yet.
        while child.try_wait().unwrap().is_none() {
            let mut kill = std::process::Command::new("kill");
            let _ = kill
                .args(["-CONT", &stopped])
                .stderr(std::process::Stdio::null())
                .status();
            std::thread::yield_now();
        }
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        fs::remove_file(log).unwrap();
        let message = format!(
            "error: `{changed}` changed while it was read: its status change time is different\n"
        );
        assert_eq!(stderr, message, "{line}");
        assert_eq!(output.status.code(), Some(3));
        let is_new = |line: &String| line.starts_with("out") || line.starts_with('.');
        assert!(!listing(home.path()).iter().any(is_new), "{line}");
    }
}

/// Waits until a process is stopped, and returns its number.
fn stopped_in(log: &Path) -> String {
    let started = std::time::Instant::now();
    loop {
        let text = fs::read_to_string(log).unwrap_or_default();
        let stopped = text
            .lines()
            .find(|line| line.contains("--- stopped by SIGSTOP ---"));
        if let Some(line) = stopped {
            return line.split(' ').next().unwrap().to_owned();
        }
        assert!(started.elapsed().as_secs() < 60, "it never stops: {text}");
        std::thread::yield_now();
    }
}
