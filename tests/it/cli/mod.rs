//! The command line as its users meet it: exit codes, streams, and where the output goes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod explain;
mod help;
mod make;
mod mistaken;
mod options;
mod output;
mod record;
mod review;
mod terminal;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::binary::{command, listing, write_files};
use crate::edit::fixture;

const PATCH: &str =
    "apiVersion: ocipatch/v1\noperations:\n  - set-label: { mylabel: modifiedvalue }\n";
const NO_OP: &str = "apiVersion: ocipatch/v1\noperations:\n  - set-label: { mylabel: myvalue }\n";
const REJECTED: &str = "apiVersion: ocipatch/v1\noperations:\n  - unset-label: [nothing]\n";
const IMAGE_ID: &str = "sha256:bf5779393d504df465c08f59d97db5604fa318f162984972b94690079dd2df26";

/// A directory with the patches and `app.tar`.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let files = [
            ("fix.yaml", PATCH),
            ("noop.yaml", NO_OP),
            ("no.yaml", REJECTED),
        ];
        write_files(home.path(), &files);
        fs::copy(fixture("docker26.tar"), home.path().join("app.tar")).unwrap();
        Self(home)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = command();
        command.current_dir(&self.0).args(line.split_whitespace());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    fn run_with(&self, line: &str, stdin: &[u8]) -> Output {
        let mut child = self
            .command(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let bytes = stdin.to_vec();
        let writer = std::thread::spawn(move || drop(input.write_all(&bytes)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// Runs what has to end with `code`; returns both streams.
    #[track_caller]
    fn ends(&self, code: i32, line: &str) -> (String, String) {
        let output = self.run(line);
        let texts = texts(&output);
        assert_eq!(output.status.code(), Some(code), "{texts:?}");
        texts
    }

    /// What the plain run writes.
    fn patched(&self) -> Vec<u8> {
        self.ends(0, "apply fix.yaml app.tar -o expected.tar");
        let bytes = self.read("expected.tar");
        fs::remove_file(self.path("expected.tar")).unwrap();
        bytes
    }
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn id_line() -> String {
    format!("{IMAGE_ID}\n")
}

#[test]
fn exit_codes_tell_what_happened() {
    let home = Home::new();
    let before = listing(home.0.path());
    for (code, line) in [
        (0, "plan fix.yaml app.tar"),
        (0, "apply --check fix.yaml app.tar"),
        (0, "check fix.yaml noop.yaml"),
        (0, "inspect app.tar"),
        (0, "verify app.tar"),
        (0, "schema"),
        (0, "--help"),
        (0, "--version"),
        (0, "completions bash"),
        (0, "man"),
        (0, "man apply"),
        (2, "man aply"),
        (1, "plan no.yaml app.tar"),
        (1, "apply no.yaml app.tar -o out.tar"),
        (1, "apply --check no.yaml app.tar"),
        (2, "check app.tar"),
        (2, "apply app.tar fix.yaml -o out.tar"),
        (2, "plan app.tar missing.tar"),
        (2, ""),
        (2, "aply fix.yaml app.tar"),
        (2, "apply fix.yaml"),
        (2, "apply fix.yaml app.tar --in-place -o out.tar"),
        (2, "apply fix.yaml app.tar --in-place --check"),
        (2, "apply - - -o out.tar"),
        (2, "apply fix.yaml - --in-place"),
        (2, "plan fix.yaml app.tar --format=xml"),
        (2, "pack app.tar out.tar"),
        (3, "apply fix.yaml missing.tar -o out.tar"),
        (3, "apply missing.yaml app.tar -o out.tar"),
        (2, "apply fix.yaml fix.yaml -o out.tar"),
        (3, "apply fix.yaml app.tar -o missing/out.tar"),
        (3, "apply fix.yaml app.tar -o missing/out/"),
        (3, "verify fix.yaml"),
        (3, "inspect missing.tar"),
        (3, "unpack missing.tar out"),
        (3, "pack missing out.tar"),
    ] {
        let output = home.run(line);
        let shown = texts(&output);
        assert_eq!(output.status.code(), Some(code), "{line}: {shown:?}");
        let is_checked = line.contains("check ");
        assert_eq!(
            code != 0 || is_checked,
            shown.0.is_empty(),
            "{line}: {shown:?}"
        );
        assert_eq!(
            code != 0 || is_checked,
            !shown.1.is_empty(),
            "{line}: {shown:?}"
        );
        assert_eq!(listing(home.0.path()), before, "{line}");
    }
}

#[test]
fn the_environment_is_read_where_it_is_promised() {
    let home = Home::new();
    let plan = |key: &str, value: &str| {
        let mut command = home.command("plan fix.yaml app.tar");
        command.env(key, value).output().unwrap()
    };
    let plain = home.run("plan fix.yaml app.tar");
    assert_eq!(plan("SOURCE_DATE_EPOCH", ""), plain);
    for wrong in ["-1", "+5", "now", "1.5", "99999999999999999999"] {
        let output = plan("SOURCE_DATE_EPOCH", wrong);
        let message = format!(
            "error: SOURCE_DATE_EPOCH is `{wrong}`, not seconds since 1970\n\nFor more information, try '--help'.\n"
        );
        assert_eq!(texts(&output), (String::new(), message));
        assert_eq!(output.status.code(), Some(2));
    }
    let no_room = plan("TMPDIR", "/nonexistent");
    assert_eq!(no_room, plain, "a plain tar needs no room");
}

#[test]
fn streams_carry_data_and_talk_apart() {
    let home = Home::new();
    let (plan, nothing) = home.ends(0, "plan fix.yaml app.tar");
    assert_eq!(nothing, "");
    let talk = (id_line(), plan.clone() + "wrote `out.tar`: 38.4 kB\n");
    assert_eq!(home.ends(0, "apply fix.yaml app.tar -o out.tar"), talk);
    let checked = home.ends(0, "apply --check fix.yaml app.tar");
    assert_eq!(checked, (String::new(), plan.clone()));
    let quiet = home.ends(0, "apply -q fix.yaml app.tar -o out.tar");
    assert_eq!(quiet, (id_line(), String::new()));
    let streamed = home.run("apply fix.yaml app.tar");
    assert!(streamed.stdout == home.patched());
    assert_eq!(texts(&streamed).1, plan);
    let (json, nothing) = home.ends(0, "plan fix.yaml app.tar --format=json");
    assert_eq!(nothing, "");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["images"][0]["imageId"], IMAGE_ID);
    let rejected = home.run("plan no.yaml app.tar --format=json");
    assert_eq!(rejected.status.code(), Some(1));
    let problems: serde_json::Value = serde_json::from_slice(&rejected.stdout).unwrap();
    assert_eq!(problems["problems"][0]["code"], "no-such-label");
    assert_eq!(texts(&rejected).1, "");
    assert_eq!(
        home.ends(0, "verify -q app.tar"),
        (String::new(), String::new())
    );
    assert_eq!(
        home.ends(0, "check -q fix.yaml"),
        (String::new(), String::new())
    );
}

#[test]
fn standard_input_is_an_image_or_a_patch() {
    let home = Home::new();
    let patched = home.patched();
    let (plan, _) = home.ends(0, "plan fix.yaml app.tar");
    let output = home.run_with("apply fix.yaml - -o out.tar", &home.read("app.tar"));
    let talk = plan + "wrote `out.tar`: 38.4 kB\n";
    assert_eq!(texts(&output), (id_line(), talk));
    assert!(home.read("out.tar") == patched);
    let output = home.run_with("apply fix.yaml -", &home.read("app.tar"));
    assert!(output.stdout == patched);
    let output = home.run_with("plan - app.tar", PATCH.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    let output = home.run_with("check -", b"apiVersion: ocipatch/v1\n");
    assert_eq!(output.status.code(), Some(1));
    let output = home.run_with("verify -", &home.read("app.tar"));
    assert_eq!(output.status.code(), Some(0));
    let output = home.run_with("unpack - unpacked", &home.read("app.tar"));
    assert_eq!(output.status.code(), Some(0));
    let output = home.run_with("inspect -", b"");
    let message = "error: `standard input` is empty\n";
    assert_eq!(texts(&output), (String::new(), message.to_owned()));
}

#[test]
fn help_is_as_written() {
    let home = Home::new();
    let mut help = String::new();
    for name in [
        "", "apply", "plan", "check", "inspect", "cat", "export", "init", "diff", "verify",
        "repair", "unpack", "pack",
    ] {
        let (text, _) = home.ends(0, &format!("{name} --help"));
        help = format!("{help}$ ocipatch {name} --help\n{text}\n");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &help).unwrap();
    }
    assert_eq!(help, fs::read_to_string(&path).unwrap());
}

#[test]
fn every_page_that_the_manual_names_is_there() {
    let home = Home::new();
    let (page, _) = home.ends(0, "man");
    let names = page
        .lines()
        .filter_map(|line| line.strip_prefix("ocipatch\\-")?.strip_suffix("(1)"));
    let names: Vec<&str> = names.filter(|name| *name != "help").collect();
    assert!(names.contains(&"diff"), "{page}");
    for name in names {
        let (page, _) = home.ends(0, &format!("man {name}"));
        assert!(
            page.contains(&format!("\n.TH ocipatch-{name} 1 ")),
            "{page}"
        );
        assert!(page.contains(&format!("\\fBocipatch {name}\\fR")), "{page}");
    }
}

#[test]
fn an_inspection_shows_what_patches_change() {
    let home = Home::new();
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - set-annotation: { a.b: \"\\e[1m\", c: \"\" }\n  - set-author: me\n  - set-comment: fine\n  - set-healthcheck: { interval: 90s }\n";
    write_files(home.0.path(), &[("fix.yaml", patch)]);
    home.ends(0, "apply fix.yaml app.tar -o out.tar");
    let (text, _) = home.ends(0, "inspect out.tar");
    for line in [
        "author   me",
        "comment  fine",
        "    Interval = 1m30s",
        "    Retries = 2",
        "annotations\n  manifest\n    a.b = \"\\u001b[1m\"\n    c = \"\"",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}: {text}");
    }
    let (json, _) = home.ends(0, "inspect --format=json out.tar");
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let annotations = &report["images"][0]["annotations"];
    assert_eq!(annotations["manifest"]["a.b"], "\u{1b}[1m");
    assert_eq!(annotations["descriptor"], serde_json::json!({}));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let home = Home::new();
    for line in [
        "schema",
        "inspect app.tar --files",
        "man",
        "completions zsh",
        "plan fix.yaml app.tar",
        "verify app.tar",
    ] {
        let mut child = home
            .command(line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let (_, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(0), "{line}: {stderr}");
        assert!(!stderr.contains("panicked"), "{line}: {stderr}");
    }
}

#[test]
fn a_full_device_is_a_failure() {
    let home = Home::new();
    for line in [
        "schema",
        "inspect app.tar",
        "apply fix.yaml app.tar",
        "plan fix.yaml app.tar",
        "verify app.tar",
        "man",
        "completions zsh",
        "apply fix.yaml app.tar -o out.tar",
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = home.command(line).stdout(full).output().unwrap();
        let message = "error: `standard output`: No space left on device (os error 28)\n";
        let (_, stderr) = texts(&output);
        let written = "written: `out.tar`\nnot written: the image id\n";
        let stderr = stderr.strip_suffix(written).unwrap_or(&stderr);
        assert!(stderr.ends_with(message), "{line}: {stderr}");
        assert_eq!(output.status.code(), Some(3), "{line}");
    }
}

#[test]
fn a_pipe_gets_no_colour() {
    let home = Home::new();
    for no_colour in ["1", ""] {
        let mut command = home.command("plan no.yaml app.tar");
        let output = command.env("NO_COLOR", no_colour).output().unwrap();
        assert!(!output.stderr.contains(&0x1b), "{:?}", texts(&output));
    }
}

#[test]
fn of_two_words_of_which_none_is_a_patch_the_first_is_named() {
    let home = Home::new();
    for line in ["plan app.tar missing.tar", "plan app.tar app.tar"] {
        let (_, told) = home.ends(2, line);
        let wanted = "`app.tar` is an archive, not a patch: patches come first, the image last";
        assert!(told.contains(wanted), "{line}: {told}");
    }
}

#[test]
fn a_patch_of_the_greatest_length_is_read_and_a_longer_one_is_not() {
    let home = Home::new();
    let patch = fs::read(home.path("fix.yaml")).unwrap();
    for (n_more, code) in [(0, 0), (1, 1)] {
        let mut patch = patch.clone();
        patch.push(b'#');
        patch.resize((1 << 20) + n_more, b'x');
        let output = home.run_with("check -", &patch);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        fs::write(home.path("long.yaml"), &patch).unwrap();
        home.ends(code, "check long.yaml");
    }
}
