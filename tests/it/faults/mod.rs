//! A run that is killed, or that the system fails, at any of its system calls: what it writes is old or new, and one more
//! run leaves the new state and nothing else.
//!
//! For each kind of output (`kinds`) a run is counted under `strace`; then the run is made again and again, each time with
//! one more call killed, or failed by EIO or ENOSPC. Ordinarily that is a fixed sample: each call that changes something is
//! killed, and some of the others, and failed in turn. `FAULTS=all cargo test --test it -- --nocapture faults` takes them
//! all, in some 20 minutes, and prints how many there were; `FAULTS_OF=layout` only kinds with that in their name.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and this one has numbers to tell"
)]

mod kinds;
mod raw;
mod strace;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::binary::listing;
use crate::engine::tool;
pub(crate) use raw::leads_somewhere;

use kinds::{KINDS, Kind, Target, copy, furnish};
use strace::{Calls, Fault, Point, count, inject, plain};

/// Calls that change what is on the disk, or make it last.
const CHANGES: &[&str] = &[
    "copy_file_range",
    "fallocate",
    "fchmod",
    "fchown",
    "fdatasync",
    "fsync",
    "ftruncate",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "splice",
    "symlink",
    "symlinkat",
    "unlink",
    "unlinkat",
    "utimensat",
    "write",
];

/// Calls that concern memory, threads and signals: no disk makes them fail.
const NO_FILES: &[&str] = &[
    "arch_prctl",
    "brk",
    "clone",
    "clone3",
    "execve",
    "exit",
    "exit_group",
    "futex",
    "getpid",
    "getrandom",
    "gettid",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "poll",
    "prctl",
    "prlimit64",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
];

/// Of the calls that change nothing, every so many-th is in the sample.
const SAMPLE: usize = 17;
/// Of a call that is made often in one run, so many times are in the sample.
const MAX_OF_ONE: usize = 12;

/// After so many failures the rest is of no interest.
const MAX_WRONG: usize = 20;

/// Every point at which a run can be disturbed.
fn all(calls: &Calls) -> Vec<Point> {
    let mut points = Vec::new();
    for (call, (most, before)) in &calls.0 {
        for n in 1..=*most {
            let faults: &[Fault] = if NO_FILES.contains(&call.as_str()) || n <= *before {
                &[Fault::Kill]
            } else {
                &[Fault::Kill, Fault::Eio, Fault::Enospc]
            };
            points.extend(faults.iter().map(|&fault| Point {
                call: call.clone(),
                n,
                fault,
            }));
        }
    }
    points
}

/// A part of them, the same in each run.
fn sample(points: Vec<Point>, calls: &Calls) -> Vec<Point> {
    let is_in = |(i, point): &(usize, Point)| {
        let is_change = CHANGES.contains(&point.call.as_str());
        let (most, before) = calls.0[&point.call];
        // The first and the last ones, where there are many.
        let is_far = point.n > MAX_OF_ONE / 2 && most - point.n >= MAX_OF_ONE / 2;
        match point.fault {
            _ if point.n <= before => false,
            Fault::Kill if is_change => !is_far,
            // Each call is failed in one of both ways.
            Fault::Eio if is_change => !is_far && point.n % 2 == 0,
            Fault::Enospc if is_change => !is_far && point.n % 2 == 1,
            _ => i % SAMPLE == 0,
        }
    };
    let numbered = points.into_iter().enumerate();
    numbered.filter(is_in).map(|(_, point)| point).collect()
}

/// Everything that there is, with the times of what is in an archive.
fn everything(home: &Path) -> Vec<String> {
    let mut lines = listing(home);
    for line in &mut lines {
        let name = line.split(' ').next().unwrap();
        let is_entry = name.starts_with("app/") && name != "app/" && !name.contains(".ocipatch");
        if is_entry {
            let metadata = fs::symlink_metadata(home.join(name.trim_end_matches('/')));
            write!(line, " {}", metadata.unwrap().mtime()).unwrap();
        }
    }
    lines
}

/// What somebody who looks sees of a target.
fn seen(kind: &Kind, home: &Path, target: Target, what: &str) -> Vec<String> {
    match target {
        Target::Path(path) => {
            let lines = listing(home).into_iter();
            let is_it = |line: &String| {
                let name = line.split(' ').next().unwrap();
                name == path || name.starts_with(&format!("{path}/"))
            };
            lines.filter(is_it).collect()
        }
        Target::InPlace(path) => {
            leads_somewhere(&home.join(path), what);
            let before = everything(home);
            let said = ["inspect --format json", "verify"].map(|command| {
                let output = plain(kind, home, &format!("{command} {path}"));
                assert!(output.status.success(), "{command}: {output:?} {what}");
                String::from_utf8(output.stdout).unwrap()
            });
            assert_eq!(everything(home), before, "reading changes nothing: {what}");
            said.into()
        }
    }
}

/// A home before the run and after it, and what is seen of each target.
struct Model {
    home: TempDir,
    new: Vec<String>,
    old_seen: Vec<Vec<String>>,
    new_seen: Vec<Vec<String>>,
    calls: Calls,
}

impl Model {
    fn of(kind: &Kind) -> Option<Self> {
        let home = room();
        fs::create_dir(home.path().join("home")).unwrap();
        furnish(kind, &home.path().join("home"));
        let trial = room();
        let place = trial.path().join("home");
        copy(&home.path().join("home"), &place);
        let see = |place: &Path| {
            let targets = kind.targets.iter();
            targets
                .map(|target| seen(kind, place, *target, "undisturbed"))
                .collect()
        };
        let old_seen = see(&place);
        let (output, calls) = count(kind, &place)?;
        assert!(output.status.success(), "{}: {output:?}", kind.name);
        Some(Self {
            new_seen: see(&place),
            new: everything(&place),
            home,
            old_seen,
            calls,
        })
    }

    /// Disturbs a run at a point; returns whether the run got there.
    fn disturb(&self, kind: &Kind, point: &Point) -> bool {
        let room = room();
        let place = room.path().join("home");
        copy(&self.home.path().join("home"), &place);
        let run = inject(kind, &place, point);
        if !run.is_hit {
            // Calls are counted by thread, and not all threads come to the same every time.
            return false;
        }
        let stderr = String::from_utf8_lossy(&run.output.stderr);
        let code = run.output.status.code();
        let end: String = stderr.chars().take(300).collect();
        let what = format!("{}: {point:?}: {code:?}: {end}", kind.name);
        assert!(!stderr.contains("panicked"), "{what}");
        assert!(matches!(code, None | Some(0 | 3)), "{what}");
        let is_told = code != Some(3) || stderr.contains("error: ");
        assert!(is_told || point.call == "write", "{what}");
        let seen: Vec<Vec<String>> = kind
            .targets
            .iter()
            .map(|target| seen(kind, &place, *target, &what))
            .collect();
        for (i, seen) in seen.iter().enumerate() {
            let is_old_or_new = *seen == self.old_seen[i] || *seen == self.new_seen[i];
            assert!(is_old_or_new, "{:?}: {what}\n{seen:#?}", kind.targets[i]);
        }
        let is_new = !seen.is_empty() && seen == self.new_seen;
        assert!(code != Some(0) || is_new || seen.is_empty(), "{what}");
        let line = if is_new { kind.again } else { Some(kind.line) };
        if let Some(line) = line {
            let output = plain(kind, &place, line);
            assert!(output.status.success(), "{line}: {output:?} {what}");
        }
        let found = everything(&place);
        let only = |of: &[String], other: &[String]| {
            let only = of.iter().filter(|line| !other.contains(line));
            only.cloned().collect::<Vec<_>>()
        };
        let (left, missing) = (only(&found, &self.new), only(&self.new, &found));
        assert!(
            found == self.new,
            "left: {left:#?}\nmissing: {missing:#?}\n{what}"
        );
        true
    }
}

/// Thousands of runs that sync: in memory, where there is such a place.
fn room() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Disturbs the kinds whose place in the list leaves that remainder: two tests are two threads.
fn disturb_all(remainder: usize) {
    if tool("strace").is_none() {
        return;
    }
    let is_whole = std::env::var_os("FAULTS").is_some_and(|value| value == "all");
    let wanted = std::env::var("FAULTS_OF").unwrap_or_default();
    let kinds = KINDS.iter().enumerate();
    let kinds = kinds.filter(|(i, kind)| i % 2 == remainder && kind.name.contains(&wanted));
    let mut n_wrong = 0;
    for (_, kind) in kinds {
        let Some(model) = Model::of(kind) else {
            continue;
        };
        let mut points = all(&model.calls);
        let n_points = points.len();
        if !is_whole {
            points = sample(points, &model.calls);
        }
        let mut hits: BTreeMap<Fault, usize> = BTreeMap::new();
        for point in &points {
            // All that go wrong are told, and not only the first.
            let disturb = || model.disturb(kind, point);
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(disturb)) {
                Ok(true) => *hits.entry(point.fault).or_default() += 1,
                Ok(false) => {}
                Err(_) => n_wrong += 1,
            }
            assert!(n_wrong < MAX_WRONG, "{}: no more of these", kind.name);
        }
        let n = |fault| hits.get(&fault).copied().unwrap_or(0);
        println!(
            "{}: {} of {n_points} points: {} kills, {} EIO, {} ENOSPC",
            kind.name,
            hits.values().sum::<usize>(),
            n(Fault::Kill),
            n(Fault::Eio),
            n(Fault::Enospc),
        );
        assert!(n(Fault::Kill) > 10 && n(Fault::Eio) > 0 && n(Fault::Enospc) > 0);
    }
    assert_eq!(n_wrong, 0, "points at which something went wrong");
}

#[test]
fn whatever_is_cut_short_is_old_or_new_and_the_next_run_ends_it() {
    disturb_all(0);
}

#[test]
fn whatever_is_cut_short_is_old_or_new_and_the_next_run_ends_it_too() {
    disturb_all(1);
}
