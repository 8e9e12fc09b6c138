//! Several runs at once, and system calls that fail: what a run says is what it says without a cache.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use super::Home;
use crate::engine::tool;

#[test]
fn runs_at_once_share_a_cache() {
    let home = Home::new();
    let expected = home.succeeds("inspect --files app.tar --no-cache");
    for is_bounded in [false, true] {
        let _ = fs::remove_dir_all(home.cache());
        let run = || {
            let mut command = home.command();
            command.args(["inspect", "--files", "app.tar"]);
            command.stdout(Stdio::piped()).spawn().unwrap()
        };
        if is_bounded {
            // Each run has something to remove.
            home.succeeds("inspect --files app.tar");
            for i in 0..40_u64 {
                let name = home.cache().join(format!("{i}-{i:064x}"));
                let file = fs::File::create(name).unwrap();
                file.set_len(50 << 20).unwrap();
            }
        }
        let runs: Vec<_> = (0..16).map(|_| run()).collect();
        for run in runs {
            let output = run.wait_with_output().unwrap();
            assert!(output.status.success());
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        }
        home.succeeds("inspect --files app.tar");
        let records = home.records();
        assert!(
            records.iter().all(|name| !name.starts_with("new")),
            "{records:?}"
        );
        if !is_bounded {
            assert_eq!(records.len(), home.blobs().len());
        }
    }
}

/// The calls of the first thread that are about the cache: a name, and how often it was called until then.
fn calls_about_the_cache(home: &Home) -> Option<Vec<(String, usize)>> {
    let mut strace = tool("strace")?;
    strace.args(["-f", "-qq", "-y", "-o", "log"]);
    run_under(home, strace);
    let log = fs::read(home.path("log")).unwrap();
    let log = String::from_utf8_lossy(&log);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut about = Vec::new();
    let first = log.split(' ').next().unwrap();
    for line in log.lines().filter(|line| line.starts_with(first)) {
        let Some((call, arguments)) = line[first.len()..].trim_start().split_once('(') else {
            continue;
        };
        let n = counts.entry(call).or_default();
        *n += 1;
        if arguments.contains("caches/ocipatch") && call != "execve" {
            about.push((call.to_owned(), *n));
        }
    }
    Some(about)
}

fn run_under(home: &Home, mut strace: Command) -> String {
    let run = home.command();
    strace
        .arg(run.get_program())
        .args(["inspect", "--files", "app.tar"]);
    for (name, value) in run.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    let output = strace.current_dir(home.path("")).output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn no_failing_call_fails_a_run() {
    let home = Home::new();
    let expected = home.succeeds("inspect --files app.tar --no-cache");
    for is_warm in [false, true] {
        let begin = || {
            let _ = fs::remove_dir_all(home.path("caches"));
            fs::create_dir(home.path("caches")).unwrap();
            if is_warm {
                home.succeeds("inspect --files app.tar");
            }
        };
        begin();
        let Some(calls) = calls_about_the_cache(&home) else {
            return;
        };
        assert!(calls.len() > 5, "{calls:?}");
        for (call, n) in calls {
            for error in ["ENOSPC", "EIO"] {
                begin();
                let mut strace = tool("strace").unwrap();
                strace.args(["-f", "-qq", "-o", "log", "-e"]);
                strace.arg(format!("trace={call}"));
                strace.args(["-e", &format!("inject={call}:error={error}:when={n}")]);
                assert_eq!(run_under(&home, strace), expected, "{call} {n}");
                let log = fs::read(home.path("log")).unwrap();
                assert!(
                    String::from_utf8_lossy(&log).contains("INJECTED"),
                    "{call} {n}"
                );
                // And the next run has a cache again.
                assert_eq!(home.succeeds("inspect --files app.tar"), expected);
                assert_eq!(home.records().len() - left(&home), home.blobs().len());
            }
        }
    }
}

/// Where removing is what failed, a later run does it.
fn left(home: &Home) -> usize {
    let records = home.records();
    records
        .iter()
        .filter(|name| name.starts_with("new"))
        .count()
}
