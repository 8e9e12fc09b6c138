//! `strace` counts the system calls of a run, and then makes one of them fail, or kills the program there.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::kinds::Kind;
use crate::binary::NO_CACHE;
use crate::kernel::without;

/// What is done to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Kill,
    Eio,
    Enospc,
}

impl Fault {
    fn injected(self) -> &'static str {
        match self {
            Self::Kill => "signal=KILL",
            Self::Eio => "error=EIO",
            Self::Enospc => "error=ENOSPC",
        }
    }
}

/// The `n`th time that a thread makes a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) call: String,
    pub(super) n: usize,
    pub(super) fault: Fault,
}

/// The calls of a run: how often the thread makes each that makes it most, and how often before the program begins.
pub(super) struct Calls(pub(super) BTreeMap<String, (usize, usize)>);

/// What a run came to.
pub(super) struct Run {
    pub(super) output: Output,
    /// Whether the call was reached.
    pub(super) is_hit: bool,
}

/// The first thing that the standard library of a Rust program does: before it nobody but the loader is at work.
const BEGINNING: &str = "rt_sigaction(SIGPIPE";

/// Runs the line of `kind` in `home`, and counts its calls.
pub(super) fn count(kind: &Kind, home: &Path) -> Option<(Output, Calls)> {
    let log = home.with_extension("log");
    let output = traced(kind, home, &log, &[])?;
    let text = fs::read_to_string(&log).unwrap();
    let mut by_thread: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut calls = BTreeMap::new();
    let mut has_begun = false;
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let Some((call, _)) = rest.trim_start().split_once('(') else {
            continue;
        };
        if !call
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            continue;
        }
        has_begun |= rest.contains(BEGINNING);
        let n = by_thread.entry((thread, call)).or_default();
        *n += 1;
        let (most, before) = calls.entry(call.to_owned()).or_insert((0, 0));
        *most = (*most).max(*n);
        if !has_begun {
            *before = *n;
        }
    }
    assert!(has_begun, "the program does not begin: {text}");
    Some((output, Calls(calls)))
}

/// Runs the line of `kind` in `home` with a fault at a point.
pub(super) fn inject(kind: &Kind, home: &Path, point: &Point) -> Run {
    let log = home.with_extension("log");
    let Point { call, n, fault } = point;
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:{}:when={n}", fault.injected());
    let output = traced(kind, home, &log, &["-e", &trace, "-e", &inject]).unwrap();
    let text = fs::read_to_string(&log).unwrap();
    let is_hit = text.contains("(INJECTED)") || text.contains("killed by SIGKILL");
    Run { output, is_hit }
}

/// With `--seccomp-bpf` it would be faster, and send no signals.
fn traced(kind: &Kind, home: &Path, log: &Path, arguments: &[&str]) -> Option<Output> {
    let mut command = without(kind.lacks, "strace")?;
    command.args(["-f", "-qq", "-o"]).arg(log).args(arguments);
    command.arg(env!("CARGO_BIN_EXE_ocipatch"));
    Some(finish(kind, home, command, kind.line))
}

/// Runs a line of `kind` in `home`, undisturbed.
pub(super) fn plain(kind: &Kind, home: &Path, line: &str) -> Output {
    let command = without(kind.lacks, env!("CARGO_BIN_EXE_ocipatch"));
    finish(kind, home, command.unwrap(), line)
}

fn finish(kind: &Kind, home: &Path, mut command: Command, line: &str) -> Output {
    command
        .current_dir(home)
        .args(line.split(' '))
        .env_remove("SOURCE_DATE_EPOCH")
        .envs(NO_CACHE)
        .env("TMPDIR", "tmp")
        .env("NO_COLOR", "1");
    if let Some(input) = kind.stdin {
        command.stdin(Stdio::from(fs::File::open(home.join(input)).unwrap()));
    }
    command.output().unwrap()
}
