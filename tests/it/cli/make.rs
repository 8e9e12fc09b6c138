//! `apply --depfile` and `--if-changed`, with the make of this machine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::{Home, texts};
use crate::binary::{NO_CACHE, write_files};
use crate::edit::fixture;
use crate::engine::tool;

const PATCH: &str = "apiVersion: ocipatch/v1
args: { version: {} }
operations:
  - set-label: { version: \"${version}\" }
  - add-layer: { from: rootfs, exclude: [ '*.tmp' ], files: [ { path: /etc/one, from: one } ] }
  - append-text: { path: /etc/app.conf, from: text.txt }
";

const MAKEFILE: &str = "all: used
out.tar:
\t$(OCIPATCH) apply -q deploy/fix.yaml --arg-file args app.tar -o $@ --depfile out.d
\t@echo made >> log
used: out.tar
\t@echo used >> log
\t@touch $@
-include out.d
";

/// A home with what the patch takes.
fn home() -> Home {
    let home = Home::new();
    let files = [
        ("Makefile", MAKEFILE),
        ("deploy/fix.yaml", PATCH),
        ("deploy/rootfs/etc/a", "a"),
        ("deploy/rootfs/b", "b"),
        ("deploy/rootfs/c.tmp", "c"),
        ("deploy/one", "1"),
        ("deploy/text.txt", "text\n"),
        ("args", "version=1\n"),
    ];
    write_files(home.0.path(), &files);
    // Older than everything that is made.
    for (path, _) in files {
        age(&home.path(path), 60);
    }
    for directory in ["deploy/rootfs/etc", "deploy/rootfs", "deploy"] {
        age(&home.path(directory), 60);
    }
    age(&home.path("app.tar"), 60);
    home
}

/// Gives a file the time of so many seconds ago.
fn age(path: &Path, seconds: u64) {
    let time = SystemTime::now() - Duration::from_secs(seconds);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

fn make(home: &Home) -> Option<Command> {
    let mut make = tool("make")?;
    make.current_dir(&home.0)
        .args([
            "--silent",
            "--no-builtin-rules",
            "--warn-undefined-variables",
        ])
        .env("OCIPATCH", env!("CARGO_BIN_EXE_ocipatch"))
        .envs(NO_CACHE);
    Some(make)
}

/// Runs make; returns what its recipes did.
#[track_caller]
fn made(home: &Home, mut make: Command) -> String {
    let _ = fs::remove_file(home.path("log"));
    let output = make.output().unwrap();
    assert!(output.status.success(), "{:?}", texts(&output));
    fs::read_to_string(home.path("log")).unwrap_or_default()
}

#[test]
fn make_patches_again_what_a_change_concerns() {
    let home = home();
    let Some(_) = make(&home) else { return };
    let made = || made(&home, make(&home).unwrap());
    assert_eq!(made(), "made\nused\n");
    assert_eq!(made(), "", "nothing changed");
    let later = || age(&home.path("out.tar"), 30);
    for path in [
        "deploy/fix.yaml",
        "deploy/rootfs/etc/a",
        "deploy/rootfs/b",
        "deploy/one",
        "deploy/text.txt",
        "args",
        "app.tar",
    ] {
        later();
        age(&home.path(path), 10);
        assert_eq!(made(), "made\nused\n", "{path}");
        age(&home.path(path), 60);
        assert_eq!(made(), "", "{path}");
    }
    // What is excluded, and what is beside the sources, is nothing to make.
    write_files(
        home.0.path(),
        &[("deploy/rootfs/etc-c.tmp", ""), ("deploy/beside", "")],
    );
    age(&home.path("deploy/rootfs"), 60);
    assert_eq!(made(), "");
    // A file more changes its directory, and so does one less, which no rule has to make.
    later();
    write_files(home.0.path(), &[("deploy/rootfs/etc/more", "")]);
    assert_eq!(made(), "made\nused\n");
    age(&home.path("deploy/rootfs/etc"), 60);
    later();
    fs::remove_file(home.path("deploy/rootfs/etc/more")).unwrap();
    assert_eq!(made(), "made\nused\n");
    assert!(
        !fs::read_to_string(home.path("out.d"))
            .unwrap()
            .contains("more")
    );
}

#[test]
fn a_rule_has_all_that_was_read_and_nothing_else() {
    let home = home();
    let rebase = PATCH.split_inclusive('\n').take(4).collect::<String>()
        + "  - rebase: { from: base.tar, onto: other.tar }\n";
    write_files(home.0.path(), &[("deploy/rebase.yaml", &rebase)]);
    fs::copy(home.path("app.tar"), home.path("deploy/base.tar")).unwrap();
    fs::copy(fixture("podman-oci.tar"), home.path("deploy/other.tar")).unwrap();
    for (patch, wanted) in [
        (
            "fix.yaml",
            &[
                "fix.yaml",
                "one",
                "rootfs",
                "rootfs/b",
                "rootfs/etc",
                "rootfs/etc/a",
                "text.txt",
            ][..],
        ),
        ("rebase.yaml", &["base.tar", "other.tar", "rebase.yaml"]),
    ] {
        let line =
            format!("apply -q deploy/{patch} --arg-file args app.tar -o out.tar --depfile out.d");
        let output = home.run(&line);
        assert!(output.status.success(), "{:?}", texts(&output));
        let text = fs::read_to_string(home.path("out.d")).unwrap();
        let (_, rule) = text.split_once("out.tar: ").unwrap();
        let (rule, _) = rule.split_once("\n\n").unwrap();
        let names: Vec<&str> = rule.split(" \\\n  ").collect();
        let wanted = wanted.iter().map(|name| format!("deploy/{name}"));
        let all: Vec<String> = ["app.tar".to_owned(), "args".to_owned()]
            .into_iter()
            .chain(wanted)
            .collect();
        assert_eq!(names, all);
    }
}

#[test]
fn make_understands_every_name() {
    let names = [
        "a b", "a#b", "a$b", "a%b", "a:b", "a=b", "a+=b", "a*b", "a[b]", "a?b", "a\\b", "a\\ b",
        "a\\#b", "~a", "é", "a&b", "(a)b", "a,b", "a'b", "a\"b", "-a", "@a", " a", ".a", "a%b c",
        "%", "a{b}", "a\\\\ b", "$(a)b", "a\\%b", "a=%",
    ];
    let unknown = ["a;b", "a|b", "a\\", "a ", "a(b)", "a\tb", "a\nb"];
    let home = home();
    let Some(_) = make(&home) else { return };
    let made = || made(&home, make(&home).unwrap());
    fs::remove_dir_all(home.path("deploy/rootfs")).unwrap();
    for name in names.iter().chain(&unknown) {
        let path = format!("deploy/rootfs/{name}");
        write_files(home.0.path(), &[(&path, "")]);
        age(&home.path(&path), 60);
    }
    age(&home.path("deploy/rootfs"), 60);
    assert_eq!(made(), "made\nused\n");
    let rules = fs::read_to_string(home.path("out.d")).unwrap();
    let comment = format!(
        "# not listed: {} with names that make cannot express\n",
        unknown.len()
    );
    assert!(rules.starts_with(&comment), "{rules}");
    assert_eq!(made(), "", "{rules}");
    for name in names {
        let path = home.path("deploy/rootfs").join(name);
        age(&home.path("out.tar"), 30);
        age(&path, 10);
        assert_eq!(made(), "made\nused\n", "{name}");
        age(&path, 60);
        assert_eq!(made(), "", "{name}");
    }
    // None of them is a missing target once it is gone.
    age(&home.path("out.tar"), 30);
    for name in names {
        fs::remove_file(home.path("deploy/rootfs").join(name)).unwrap();
    }
    assert_eq!(made(), "made\nused\n");
    assert_eq!(made(), "");
}

#[test]
fn a_directory_is_read_file_by_file() {
    let home = home();
    let line = "apply -q deploy/fix.yaml --arg-file args app.tar -o a.tar --depfile a.d";
    home.ends(0, line);
    let rules = fs::read_to_string(home.path("a.d")).unwrap();
    assert!(rules.contains("\nargs:\n"), "{rules}");
    home.ends(0, "unpack app.tar layout");
    home.ends(0, "apply -q noop.yaml layout -o out --depfile out.d");
    let rules = fs::read_to_string(home.path("out.d")).unwrap();
    let (rule, _) = rules.split_once("\n\n").unwrap();
    let lines: Vec<&str> = rule.lines().collect();
    assert!(lines[0].starts_with("out: "), "{rule}");
    for name in [
        "layout/index.json",
        "layout/manifest.json",
        "layout/oci-layout",
    ] {
        assert!(rule.contains(name), "{name}: {rule}");
    }
    assert!(rule.contains("layout/blobs/sha256/"), "{rule}");
}

#[test]
fn an_output_with_the_same_bytes_stays() {
    let home = home();
    let line = "apply deploy/fix.yaml --arg-file args app.tar -o out.tar --if-changed --iidfile iid --provenance record.json";
    let paths = ["out.tar", "iid", "record.json"].map(|name| home.path(name));
    let reset = || paths.iter().for_each(|path| age(path, 3_600));
    let times = || paths.iter().map(|path| modified(path)).collect::<Vec<_>>();
    let (id, plan) = home.ends(0, line);
    assert!(plan.contains("config.Labels.version"), "{plan}");
    for form in ["", " --to oci-archive", " --to docker-archive"] {
        let line = format!("{line}{form}");
        home.ends(0, &line);
        reset();
        let (bytes, before) = (home.read("out.tar"), times());
        let (again, told) = home.ends(0, &line);
        assert_eq!(
            (again.as_str(), told.as_str()),
            (id.as_str(), "`out.tar` is up to date\n")
        );
        assert_eq!(times(), before, "{form}");
        assert!(home.read("out.tar") == bytes);
    }
    // One file that describes it has gone; only that is written.
    home.ends(0, line);
    reset();
    fs::write(&paths[1], "other").unwrap();
    age(&paths[1], 3_600);
    let before = times();
    home.ends(0, line);
    assert_eq!(times()[0], before[0]);
    assert_eq!(times()[2], before[2]);
    assert_eq!(fs::read_to_string(&paths[1]).unwrap(), id.trim());
}

#[test]
fn an_output_with_other_bytes_is_written() {
    let home = home();
    let line = "apply -q deploy/fix.yaml --arg-file args app.tar -o out.tar --if-changed";
    home.ends(0, line);
    let good = home.read("out.tar");
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() = 1;
    let mut early = good.clone();
    early[0] ^= 1;
    let longer = [&good[..], b"\0"].concat();
    for bad in [
        &good[..good.len() - 1],
        &good[..0],
        &flipped,
        &early,
        &longer,
    ] {
        fs::write(home.path("out.tar"), bad).unwrap();
        home.ends(0, line);
        assert!(home.read("out.tar") == good, "{}", bad.len());
    }
    // A change of a source is one of the output, and one that changes nothing is none.
    age(&home.path("out.tar"), 3_600);
    let before = modified(&home.path("out.tar"));
    fs::write(home.path("deploy/one"), "1").unwrap();
    home.ends(0, line);
    assert_eq!(modified(&home.path("out.tar")), before);
    fs::write(home.path("deploy/one"), "2").unwrap();
    home.ends(0, line);
    assert_ne!(modified(&home.path("out.tar")), before);
}

#[test]
fn a_compressed_output_is_compared_as_it_would_be_compressed() {
    for compression in ["gzip", "zstd", "xz", "bzip2"] {
        let home = home();
        let Some(mut packer) = tool(compression) else {
            continue;
        };
        let packed = packer
            .current_dir(&home.0)
            .args(["-q", "-c", "app.tar"])
            .output()
            .unwrap();
        fs::write(home.path("app.tar"), packed.stdout).unwrap();
        for patch in ["fix.yaml", "noop.yaml"] {
            let line = format!("apply {patch} app.tar -o out.tar --if-changed");
            home.ends(0, &line);
            age(&home.path("out.tar"), 3_600);
            let before = modified(&home.path("out.tar"));
            let (_, told) = home.ends(0, &line);
            assert_eq!(told, "`out.tar` is up to date\n", "{compression} {patch}");
            assert_eq!(modified(&home.path("out.tar")), before);
        }
    }
}

#[test]
fn what_cannot_be_compared_or_made_is_refused() {
    let home = home();
    for (line, told) in [
        ("--if-changed", "the following required arguments"),
        ("--depfile d", "the following required arguments"),
        (
            "--if-changed --in-place",
            "`--if-changed` requires a file as the output: use `-o OUT`",
        ),
        (
            "-o - --if-changed",
            "`--if-changed` requires a file as the output: use `-o OUT`",
        ),
        (
            "-o out/ --if-changed",
            "`--if-changed` requires a file as the output: use `-o OUT`",
        ),
        (
            "-o - --depfile d",
            "`--depfile` requires a file or a directory as the output: use `-o OUT`",
        ),
        (
            "-o docker://r.example/app:1 --if-changed",
            "`--if-changed` requires a file as the output: use `-o OUT`",
        ),
        (
            "-o out;tar --depfile d",
            "make cannot express the name `out;tar`",
        ),
        (
            "-o out.tar --depfile app.tar",
            "`app.tar` (`--depfile`) is the same file as `app.tar` (the image)",
        ),
        (
            "-o app.tar --if-changed",
            "`app.tar` (the output) is the same file as `app.tar` (the image)",
        ),
    ] {
        let (_, found) = home.ends(2, &format!("apply fix.yaml app.tar {line}"));
        assert!(found.contains(told), "{line}: {found}");
    }
}
