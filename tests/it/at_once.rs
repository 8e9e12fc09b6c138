//! Several runs that write the same thing at once: whoever succeeds has written all of it, and nobody takes away what
//! another run makes, or what a user has.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::binary::{NO_CACHE, listing, names, write_files};
use crate::edit::fixture;
use crate::engine::tool;
use crate::kernel::{Lack, without};
use crate::nothing_lost::{home, run};

/// Nameless files make the window for collisions small; without them every output has a name from the beginning.
const KERNELS: [&[Lack]; 4] = [
    &[],
    &[Lack::NamelessFiles],
    &[Lack::NamelessFiles, Lack::Statx, Lack::RenameNoReplace],
    &[Lack::NamelessFiles, Lack::Locks],
];

fn start(home: &Path, lacks: &[Lack], line: &str) -> Option<Child> {
    let mut command = without(lacks, env!("CARGO_BIN_EXE_ocipatch"))?;
    command.current_dir(home).args(line.split(' '));
    command.env("TMPDIR", home).env_remove("SOURCE_DATE_EPOCH");
    command.envs(NO_CACHE);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Some(command.spawn().unwrap())
}

/// Runs all lines at once, and returns their exit codes.
fn all_at_once(home: &Path, lacks: &[Lack], lines: &[&str]) -> Option<Vec<Option<i32>>> {
    let children: Option<Vec<Child>> = lines.iter().map(|line| start(home, lacks, line)).collect();
    let end = |mut child: Child| child.wait().unwrap().code();
    Some(children?.into_iter().map(end).collect())
}

fn ours(home: &Path) -> Vec<String> {
    let lines = listing(home).into_iter();
    lines.filter(|line| line.starts_with('.')).collect()
}

#[test]
fn of_runs_that_make_one_directory_one_succeeds() {
    for lacks in KERNELS {
        for command in ["unpack", "unpack --layers"] {
            let home = tempfile::tempdir().unwrap();
            let archives = ["docker20.tar", "docker26.tar"].map(|name| {
                let expected = home.path().join(format!("of-{name}"));
                let archive = fixture(name).display().to_string();
                run(
                    home.path(),
                    &format!("{command} {archive} {}", expected.display()),
                );
                (format!("{command} {archive} out"), listing(&expected))
            });
            for is_there in [false, true].repeat(8) {
                if is_there {
                    fs::create_dir(home.path().join("out")).unwrap();
                }
                let lines = [
                    &archives[0].0,
                    &archives[1].0,
                    &archives[0].0,
                    &archives[1].0,
                ];
                let lines = lines.map(String::as_str);
                let Some(codes) = all_at_once(home.path(), lacks, &lines) else {
                    return;
                };
                let winner = codes
                    .iter()
                    .position(|code| *code == Some(0))
                    .expect("one succeeds");
                let is_refused = |(i, code): (usize, &Option<i32>)| i == winner || *code == Some(3);
                assert!(codes.iter().enumerate().all(is_refused), "{codes:?}");
                let out = home.path().join("out");
                assert!(
                    listing(&out) == archives[winner % 2].1,
                    "{lacks:?} {codes:?}"
                );
                assert_eq!(ours(home.path()), Vec::<String>::new());
                fs::remove_dir_all(out).unwrap();
            }
        }
    }
}

#[test]
fn runs_that_write_one_file_all_write_a_whole_one() {
    for lacks in KERNELS {
        let home = home("docker26.tar");
        run(
            home.path(),
            "apply fix.yaml app.tar -o expected.tar --iidfile id",
        );
        run(home.path(), "pack app expected-packed.tar");
        let read = |name: &str| fs::read(home.path().join(name)).unwrap();
        for (line, expected, output) in [
            (
                "apply fix.yaml app.tar -o out.tar --iidfile id",
                "expected.tar",
                "out.tar",
            ),
            ("pack app packed.tar", "expected-packed.tar", "packed.tar"),
        ] {
            for _ in 0..4 {
                let Some(codes) = all_at_once(home.path(), lacks, &[line; 6]) else {
                    return;
                };
                assert_eq!(codes, [Some(0); 6], "{lacks:?} {line}");
                assert!(read(output) == read(expected), "{lacks:?} {line}");
                assert_eq!(read("id").len(), "sha256:".len() + 64);
                assert_eq!(ours(home.path()), Vec::<String>::new());
            }
        }
    }
}

/// `strace` holds a run up at a call for a while.
fn held_up(home: &Path, lacks: &[Lack], call: &str, line: &str) -> Option<Child> {
    let mut strace = without(lacks, tool("strace").map(|_| "strace")?)?;
    strace.current_dir(home).env_remove("SOURCE_DATE_EPOCH");
    strace.args(["-f", "-qq", "-o", "log", "-e"]);
    strace.arg(format!("inject={call}:delay_enter=2000000:when=1"));
    strace
        .arg(env!("CARGO_BIN_EXE_ocipatch"))
        .envs(NO_CACHE)
        .args(line.split(' '));
    strace.stdout(Stdio::null()).stderr(Stdio::null());
    Some(strace.spawn().unwrap())
}

/// Waits until the names of ours in `home` are as a run should make them, and returns them.
fn eventually(home: &Path, is_right: impl Fn(&[String]) -> bool) -> Vec<String> {
    let started = std::time::Instant::now();
    loop {
        let mut tops = names(home);
        tops.retain(|name| name.starts_with('.'));
        if is_right(&tops) {
            return tops;
        }
        assert!(started.elapsed().as_secs() < 60, "{tops:?}");
        std::thread::yield_now();
    }
}

#[test]
fn what_a_living_run_makes_is_left_alone_and_what_a_dead_one_left_is_not() {
    for (lacks, call, line, output) in [
        (
            &[Lack::NamelessFiles][..],
            "fsync",
            "apply fix.yaml app.tar -o out.tar",
            "out.tar",
        ),
        (&[], "fsync", "unpack app.tar out", "out"),
        (&[], "fsync", "apply fix.yaml app.tar -o out/", "out"),
    ] {
        let home = home("docker26.tar");
        let Some(mut dead) = held_up(home.path(), lacks, call, line) else {
            return;
        };
        let left = eventually(home.path(), |tops| !tops.is_empty());
        kill(&mut dead);
        // Held up where it has its hidden name, and has removed the other one.
        let mut living = held_up(home.path(), lacks, call, line).unwrap();
        eventually(home.path(), |tops| !tops.is_empty() && tops != left);
        let code = start(home.path(), lacks, line)
            .unwrap()
            .wait()
            .unwrap()
            .code();
        assert_eq!(code, Some(0), "{line}");
        let first = listing(home.path());
        let code = living.wait().unwrap().code();
        // A file is replaced by the second run, and a directory that is there is not.
        let wanted = if output == "out" { Some(3) } else { Some(0) };
        assert_eq!(code, wanted, "{line}");
        let of_output = |lines: Vec<String>| {
            let lines = lines.into_iter().filter(|line| line.starts_with(output));
            lines.collect::<Vec<_>>()
        };
        assert_eq!(of_output(first), of_output(listing(home.path())), "{line}");
        assert_eq!(ours(home.path()), Vec::<String>::new(), "{line}");
    }
}

/// Kills `strace` and what it runs.
fn kill(strace: &mut Child) {
    let children = format!("/proc/{0}/task/{0}/children", strace.id());
    for child in fs::read_to_string(children)
        .unwrap_or_default()
        .split_whitespace()
    {
        let _ = Command::new("kill").args(["-KILL", child]).status();
    }
    strace.wait().unwrap();
}

#[test]
fn files_of_a_user_with_names_like_ours_stay() {
    for lacks in KERNELS {
        let home = home("docker26.tar");
        let names = [
            ".out.tar.ocipatch",
            ".out.tar.0123456789abcdef.fedcba9876543210.ocipatch",
            ".out.0123456789abcdef.fedcba9876543210.ocipatch/kept",
            ".spool.0123456789abcdef.fedcba9876543210.ocipatch",
            ".id.0123456789abcdef.fedcba9876543210.ocipatch",
        ];
        write_files(home.path(), &[("victim", "mine\n"), (names[2], "mine\n")]);
        for name in [names[0], names[1], names[3], names[4]] {
            fs::hard_link(home.path().join("victim"), home.path().join(name)).unwrap();
        }
        let victim = fs::metadata(home.path().join("victim")).unwrap();
        for line in [
            "apply fix.yaml app.tar -o out.tar --iidfile id",
            "apply fix.yaml app.tar -o out.tar --iidfile id",
            "unpack app.tar out",
            "pack app out.tar",
        ] {
            let Some(codes) = all_at_once(home.path(), lacks, &[line]) else {
                return;
            };
            assert_eq!(codes, [Some(0)], "{lacks:?} {line}");
            for name in names {
                let path = home.path().join(name);
                assert_eq!(fs::read(&path).unwrap(), b"mine\n", "{name} {line}");
            }
            let now = fs::metadata(home.path().join("victim")).unwrap();
            assert_eq!((now.ino(), now.nlink()), (victim.ino(), 5), "{line}");
        }
    }
}

/// A name that is as long as a name can be has no room for anything of ours.
#[test]
fn the_longest_names_are_written() {
    for lacks in KERNELS {
        for character in ["x", "ä"] {
            let name = character.repeat(255 / character.len());
            let home = home("docker26.tar");
            for line in [
                format!("apply fix.yaml app.tar -o {name}"),
                format!("apply fix.yaml app.tar -o {name}"),
                format!("unpack app.tar d/{name}"),
            ] {
                fs::create_dir_all(home.path().join("d")).unwrap();
                let Some(codes) = all_at_once(home.path(), lacks, &[&line]) else {
                    return;
                };
                assert_eq!(codes, [Some(0)], "{lacks:?} {line}");
            }
            run(home.path(), &format!("verify {name}"));
            run(home.path(), &format!("verify d/{name}"));
        }
    }
}
