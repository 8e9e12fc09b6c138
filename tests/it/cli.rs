//! The command line as its users meet it: exit codes, streams, and where the output goes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ocipatch::compression::Compression;
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
        (1, "plan no.yaml app.tar"),
        (1, "apply no.yaml app.tar -o out.tar"),
        (1, "apply --check no.yaml app.tar"),
        (1, "check app.tar"),
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
        (3, "apply fix.yaml fix.yaml -o out.tar"),
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
    for wrong in ["-1", "now", "1.5", "99999999999999999999"] {
        let output = plan("SOURCE_DATE_EPOCH", wrong);
        let message = format!(
            "error: SOURCE_DATE_EPOCH is {wrong:?}, not seconds since 1970\n\nFor more information, try '--help'.\n"
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
    let talk = (id_line(), plan.clone());
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
fn an_output_file_appears_where_it_was_asked_for() {
    let home = Home::new();
    let patched = home.patched();
    let input = home.read("app.tar");
    home.ends(0, "apply fix.yaml app.tar -o new.tar");
    assert!(home.read("new.tar") == patched);
    fs::write(home.path("old.tar"), "something else").unwrap();
    home.ends(0, "apply fix.yaml app.tar -o old.tar");
    assert!(
        home.read("old.tar") == patched,
        "an existing file is replaced"
    );
    std::os::unix::fs::symlink("old.tar", home.path("link.tar")).unwrap();
    fs::write(home.path("old.tar"), "something else").unwrap();
    home.ends(0, "apply fix.yaml app.tar -o link.tar");
    assert!(home.path("link.tar").is_symlink(), "a link is followed");
    assert!(home.read("old.tar") == patched);

    fs::hard_link(home.path("app.tar"), home.path("same.tar")).unwrap();
    std::os::unix::fs::symlink("app.tar", home.path("alias.tar")).unwrap();
    for out in ["app.tar", "./app.tar", "same.tar", "alias.tar"] {
        let (stdout, stderr) = home.ends(3, &format!("apply fix.yaml app.tar -o {out}"));
        let message = format!("error: `{out}` is the input; to change it say `--in-place`\n");
        assert_eq!((stdout, stderr), (String::new(), message));
    }
    assert!(home.read("app.tar") == input);
}

#[test]
fn an_output_directory_is_new_or_empty() {
    let home = Home::new();
    home.ends(0, "apply fix.yaml app.tar -o expected.tar");
    home.ends(0, "unpack expected.tar expected");
    fs::remove_dir_all(home.path("expected/.ocipatch")).unwrap();
    let expected = listing(&home.path("expected"));
    fs::create_dir(home.path("empty")).unwrap();
    for out in ["new/", "empty"] {
        home.ends(0, &format!("apply fix.yaml app.tar -o {out}"));
        assert_eq!(listing(&home.path(out)), expected);
    }
    let before = listing(home.0.path());
    let (_, stderr) = home.ends(3, "apply fix.yaml app.tar -o empty");
    assert_eq!(stderr, "error: `empty` is a directory that is not empty\n");
    // A directory is given back as one, unless a stream is asked for.
    let (_, stderr) = home.ends(2, "apply fix.yaml new -o out.tar");
    let message = "error: IMAGE is a directory, so OUT will be one: say `-o out.tar/` for that, or `-o - > out.tar` for a tar\n\nFor more information, try '--help'.\n";
    assert_eq!(stderr, message);
    assert_eq!(listing(home.0.path()), before);
    home.ends(0, "unpack app.tar unpacked");
    fs::remove_dir_all(home.path("unpacked/.ocipatch")).unwrap();
    home.ends(0, "apply fix.yaml unpacked -o third");
    assert_eq!(listing(&home.path("third")), expected);
}

#[test]
fn a_change_in_place_keeps_name_mode_and_links() {
    let home = Home::new();
    let patched = home.patched();
    fs::set_permissions(home.path("app.tar"), fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("app.tar", home.path("alias.tar")).unwrap();
    let (stdout, _) = home.ends(0, "apply fix.yaml alias.tar --in-place");
    assert_eq!(stdout, id_line());
    assert!(home.path("alias.tar").is_symlink());
    assert!(home.read("app.tar") == patched);
    let mode = fs::metadata(home.path("app.tar"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600, "a private file stays private");
    let before = listing(home.0.path());
    home.ends(0, "apply fix.yaml app.tar --in-place");
    assert_eq!(listing(home.0.path()), before, "twice is once");
}

#[test]
fn an_id_file_holds_the_id_and_nothing_else() {
    let home = Home::new();
    home.ends(0, "apply fix.yaml app.tar -o out.tar --iidfile id");
    assert_eq!(home.read("id"), IMAGE_ID.as_bytes());
    home.ends(0, "apply --check fix.yaml app.tar --iidfile id2");
    assert!(!home.path("id2").exists(), "a check writes nothing");
    home.ends(1, "apply no.yaml app.tar -o out2.tar --iidfile id2");
    assert!(!home.path("id2").exists() && !home.path("out2.tar").exists());
    home.ends(3, "apply fix.yaml app.tar -o out3.tar --iidfile missing/id");
    assert!(!home.path("out3.tar").exists(), "no archive without its id");
}

#[test]
fn standard_input_is_an_image_or_a_patch() {
    let home = Home::new();
    let patched = home.patched();
    let (plan, _) = home.ends(0, "plan fix.yaml app.tar");
    let output = home.run_with("apply fix.yaml - -o out.tar", &home.read("app.tar"));
    assert_eq!(texts(&output), (id_line(), plan));
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
    let message = "error: `standard input` at byte 0: no entries\n";
    assert_eq!(texts(&output), (String::new(), message.to_owned()));
}

#[test]
fn help_is_as_written() {
    let home = Home::new();
    let mut help = String::new();
    for name in [
        "", "apply", "plan", "check", "inspect", "verify", "unpack", "pack",
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
fn a_reader_that_has_seen_enough_is_no_failure() {
    let home = Home::new();
    for line in [
        "schema",
        "inspect app.tar --files",
        "apply fix.yaml app.tar",
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
fn a_compressed_archive_stays_compressed() {
    let home = Home::new();
    let patched = home.patched();
    let plain = home.read("app.tar");
    for compression in [
        Compression::Gzip,
        Compression::Zstd,
        Compression::Bzip2,
        Compression::Xz,
    ] {
        let name = compression.name();
        let mut encoder = compression.encoder(Vec::new()).unwrap();
        encoder.write_all(&plain).unwrap();
        let compressed = encoder.finish().unwrap();
        fs::write(home.path("app.z"), &compressed).unwrap();
        for line in [
            "apply fix.yaml app.z -o out.z",
            "apply fix.yaml app.z --in-place",
        ] {
            home.ends(0, line);
            let out = home.read(if line.ends_with('e') {
                "app.z"
            } else {
                "out.z"
            });
            assert_eq!(Compression::detect(&out), compression, "{name}");
            let mut found = Vec::new();
            let mut decoder = compression.decoder(out.as_slice()).unwrap();
            std::io::Read::read_to_end(&mut decoder, &mut found).unwrap();
            assert!(found == patched, "{name}: {line}");
        }
        fs::write(home.path("app.z"), &compressed).unwrap();
        home.ends(0, "apply noop.yaml app.z -o out.z");
        assert!(home.read("out.z") == compressed, "{name}: nothing changes");
        home.ends(0, "verify app.z");
        home.ends(0, &format!("unpack app.z {name}"));
        home.ends(0, &format!("pack {name} packed.z"));
        assert_eq!(Compression::detect(&home.read("packed.z")), compression);
    }
}

#[test]
fn a_patch_that_changes_nothing_gives_the_same_bytes() {
    let home = Home::new();
    let image = "sha256:fba3ad4aca61080a0cdecdcaa2abf0497c03c54b342b782b65df3e779b38beee";
    let talk = format!(
        "image greeter:1\n  nothing changes: every operation finds the image as it wants it\n  image id  {image}\n  manifest  sha256:0b0773936ff89c363216f2aaf2ecc597d3c00cecad4c5727e16e490eb606e590\n"
    );
    let streams = home.ends(0, "apply noop.yaml app.tar -o out.tar");
    assert_eq!(streams, (format!("{image}\n"), talk));
    assert!(home.read("out.tar") == home.read("app.tar"));
    // What stands behind the archive is part of the bytes.
    let mut odd = home.read("app.tar");
    odd.extend_from_slice(&[0; 9000]);
    odd.extend_from_slice(b"junk");
    fs::write(home.path("odd.tar"), &odd).unwrap();
    home.ends(0, "apply noop.yaml odd.tar -o out.tar");
    assert!(home.read("out.tar") == odd);
}

#[test]
fn a_device_or_pipe_is_written_to_and_never_replaced() {
    let home = Home::new();
    let patched = home.patched();
    let (fifo, id_fifo) = (home.path("fifo"), home.path("id"));
    for path in [&fifo, &id_fifo] {
        let made = Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    }
    let readers = [fifo, id_fifo].map(|path| std::thread::spawn(move || fs::read(path).unwrap()));
    home.ends(0, "apply fix.yaml app.tar -o fifo --iidfile id");
    let [archive, id] = readers.map(|reader| reader.join().unwrap());
    assert!(archive == patched);
    assert_eq!(id, IMAGE_ID.as_bytes());
    assert!(!home.path("fifo").is_file() && !home.path("id").is_file());
}

#[test]
fn what_stands_before_the_first_entry_is_kept() {
    // As `tar -C directory -c .` writes it: the root comes first.
    let home = Home::new();
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_path("./").unwrap();
    header.set_size(0);
    header.set_mode(0o755);
    header.set_cksum();
    let rooted = [header.as_bytes().as_slice(), &home.read("app.tar")].concat();
    fs::write(home.path("rooted.tar"), &rooted).unwrap();
    home.ends(0, "apply fix.yaml rooted.tar -o out.tar");
    let expected = [header.as_bytes().as_slice(), &home.patched()].concat();
    assert!(home.read("out.tar") == expected);
    home.ends(0, "unpack rooted.tar unpacked");
    home.ends(0, "pack unpacked packed.tar");
    assert!(home.read("packed.tar") == rooted);
}

#[test]
fn packing_what_was_unpacked_gives_the_bytes_back() {
    let home = Home::new();
    let plain = home.read("app.tar");
    // GNU tar fills its last record of 20 blocks.
    let mut padded = plain.clone();
    padded.resize(plain.len().next_multiple_of(10240) + 10240, 0);
    for (name, bytes) in [("plain", &plain), ("padded", &padded)] {
        fs::write(home.path("in.tar"), bytes).unwrap();
        home.ends(0, &format!("unpack in.tar {name}"));
        home.ends(0, &format!("pack {name} out.tar"));
        assert!(home.read("out.tar") == *bytes, "{name}");
    }
}
