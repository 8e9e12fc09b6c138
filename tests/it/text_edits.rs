//! Edits of text files against `sed` over real files, and what they do with texts of every kind.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use serde_json::json;

use crate::binary::{fails, ok, run, write_files};
use crate::edit::fixture;
use crate::random;

/// How many files are edited in each way.
const FILES: u32 = 100;
/// Larger ones take long and show nothing new. In bytes.
const MAX_BYTES: u64 = 64 << 10;

/// A real text, and the line of it that an edit is about, which is there once.
struct Subject {
    text: String,
    line: String,
}

/// Returns text files of this machine below `directory`, sorted by path.
fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(items) = fs::read_dir(directory) else {
        return;
    };
    let mut paths: Vec<PathBuf> = items.map(|item| item.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        if metadata.is_dir() {
            files_below(&path, found);
        } else if metadata.is_file() && (1..MAX_BYTES).contains(&metadata.len()) {
            found.push(path);
        }
    }
}

fn subjects() -> Vec<Subject> {
    let mut paths = Vec::new();
    for directory in ["/etc", "/usr/share/doc", "/usr/lib/python3"] {
        files_below(Path::new(directory), &mut paths);
    }
    let n_files = random::cases(FILES) as usize;
    let step = (paths.len() / (4 * n_files)).max(1);
    let seeds = random::samples(1, &(0..step, any::<prop::sample::Index>()));
    let (first, index) = &seeds[0];
    let texts = paths.iter().skip(*first).step_by(step);
    let texts = texts.filter_map(|path| fs::read_to_string(path).ok());
    // `sed` knows no other line end.
    let texts = texts.filter(|text| !text.contains('\r'));
    // Each edit has something to do, such as two letters to swap.
    let has_letters = |text: &String| {
        let mut pairs = text.as_bytes().windows(2);
        pairs.any(|pair| pair.iter().all(u8::is_ascii_lowercase))
    };
    let texts = texts.filter(has_letters);
    let subject = |text: String| {
        let is_once = |line: &&str| text.lines().filter(|other| other == line).count() == 1;
        let is_plain =
            |line: &&str| line.len() > 3 && !line.contains(['\r', '\0', '\u{2028}', '\u{85}']);
        let lines: Vec<&str> = text.lines().filter(is_plain).filter(is_once).collect();
        let line = (!lines.is_empty()).then(|| (*index.get(&lines)).to_owned())?;
        Some(Subject { text, line })
    };
    let subjects: Vec<Subject> = texts.filter_map(subject).take(n_files).collect();
    assert!(subjects.len() > n_files / 2, "{} texts", subjects.len());
    subjects
}

/// Edits every file in one run of the program, and returns the texts after.
fn edited(subjects: &[Subject], operation: impl Fn(&Subject) -> serde_json::Value) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir(&root).unwrap();
    let mut operations = vec![json!({"add-layer": {"from": "root", "to": "/real"}})];
    for (i, subject) in subjects.iter().enumerate() {
        fs::write(root.join(i.to_string()), &subject.text).unwrap();
        let mut operation = operation(subject);
        let value = operation
            .as_object_mut()
            .unwrap()
            .values_mut()
            .next()
            .unwrap();
        value["path"] = format!("/real/{i}").into();
        operations.push(operation);
    }
    let patch = json!({"apiVersion": "ocipatch/v1", "operations": operations});
    let patch = patch.to_string().replace("${", "$${");
    write_files(directory.path(), &[("fix.yaml", &patch)]);
    let path = |name: &str| directory.path().join(name);
    let (patch, out) = (path("fix.yaml"), path("out.tar"));
    ok([
        Path::new("apply"),
        &patch,
        &fixture("docker26.tar"),
        Path::new("-o"),
        &out,
    ]);
    ok([
        Path::new("export"),
        &out,
        Path::new("/real"),
        Path::new("-o"),
        &path("after/"),
    ]);
    let read = |i: usize| fs::read_to_string(path("after").join(i.to_string())).unwrap();
    (0..subjects.len()).map(read).collect()
}

/// What `sed` makes of a text.
fn sed(script: &str, text: &str) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    let mut command = Command::new("sed");
    let output = command
        .env("LC_ALL", "C.UTF-8")
        .args(["-E", script])
        .arg(file.path())
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A text as a regular expression of `sed -E` that means just that.
fn literally(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if "\\/.*[]^$+?(){}|".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

fn compare(
    kind: &str,
    subjects: &[Subject],
    after: &[String],
    script: impl Fn(&Subject) -> String,
) {
    for (subject, after) in subjects.iter().zip(after) {
        let script = script(subject);
        assert_eq!(*after, sed(&script, &subject.text), "{kind}: {script}");
    }
}

#[test]
fn edits_do_what_sed_does() {
    let subjects = subjects();
    let at = |line: &str| serde_json::Value::from(format!("^{}$", regex::escape(line)));
    let after = edited(
        &subjects,
        |it| json!({"set-line": {"match": at(&it.line), "line": "new line"}}),
    );
    compare("set-line", &subjects, &after, |it| {
        format!("s/^{}$/new line/", literally(&it.line))
    });
    let after = edited(
        &subjects,
        |it| json!({"set-line": {"line": "new line", "insert": {"after": at(&it.line)}}}),
    );
    // `sed` ends no line that had no end; an inserted line has one.
    compare("insert", &subjects, &after, |it| {
        format!("/^{}$/a new line", literally(&it.line))
    });
    let after = edited(
        &subjects,
        |_| json!({"set-line": {"line": "new line", "insert": "start"}}),
    );
    compare("start", &subjects, &after, |_| "1i new line".to_owned());
    let after = edited(
        &subjects,
        |_| json!({"append-text": {"content": "one\ntwo\n"}}),
    );
    for (subject, after) in subjects.iter().zip(&after) {
        let end = if subject.text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        assert_eq!(*after, format!("{}{end}one\ntwo\n", subject.text));
    }
    let after = edited(
        &subjects,
        |_| json!({"replace-text": {"pattern": "([a-z])([a-z])", "with": "$2$1", "count": "all"}}),
    );
    compare("replace-text", &subjects, &after, |_| {
        "s/([a-z])([a-z])/\\2\\1/g".to_owned()
    });
}

/// Returns an image with these files below `/t`.
fn image_with(directory: &Path, files: &[(&str, &[u8])]) -> PathBuf {
    fs::create_dir(directory.join("files")).unwrap();
    for (name, content) in files {
        fs::write(directory.join("files").join(name), content).unwrap();
    }
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - add-layer: { to: /t, from: files }\n";
    write_files(directory, &[("base.yaml", patch)]);
    let (patch, image) = (directory.join("base.yaml"), directory.join("base.tar"));
    ok([
        Path::new("apply"),
        &patch,
        &fixture("docker26.tar"),
        Path::new("-o"),
        &image,
    ]);
    image
}

#[test]
fn texts_of_other_encodings_and_sizes_are_edited_or_told() {
    let directory = tempfile::tempdir().unwrap();
    let large = vec![b'x'; (64 << 20) + 1];
    let files: [(&str, &[u8]); 4] = [
        ("latin", b"caf\xe9 old\r\n"),
        ("large", &large),
        ("nul", b"a\0b\n"),
        ("empty", b""),
    ];
    let base = image_with(directory.path(), &files);
    let patch = "apiVersion: ocipatch/v1
operations:
  - append-text: { path: /t/latin, content: tea }
  - replace-text: { path: /t/latin, find: old, with: new }
  - replace-text: { path: /t/nul, find: b, with: c }
  - set-line: { path: /t/empty, line: one }
";
    write_files(directory.path(), &[("fix.yaml", patch)]);
    let path = |name: &str| directory.path().join(name);
    ok([
        Path::new("apply"),
        &path("fix.yaml"),
        &base,
        Path::new("-o"),
        &path("out.tar"),
    ]);
    let content = |name: &str| run([Path::new("cat"), &path("out.tar"), Path::new(name)]).stdout;
    assert_eq!(content("/t/latin"), b"caf\xe9 new\r\ntea\r\n");
    assert_eq!(content("/t/nul"), b"a\0c\n");
    assert_eq!(content("/t/empty"), b"one\n");
    for (operation, expected) in [
        (
            "set-line: { path: /t/latin, line: x }",
            "line 1 of `/t/latin` is not UTF-8",
        ),
        (
            "replace-text: { path: /t/latin, pattern: o, with: x }",
            "is not UTF-8",
        ),
        (
            "replace-text: { path: /t/latin, find: é, with: x }",
            "is not UTF-8",
        ),
        (
            "append-text: { path: /t/large, content: x }",
            "is larger than 64 MiB",
        ),
        ("set-line: { path: /t, line: x }", "is a directory"),
        (
            "replace-text: { path: /t/nul, pattern: '(a)', with: $2 }",
            "`$2`",
        ),
        (
            "set-line: { path: /t/nul, line: \"a\\nb\" }",
            "has a line break",
        ),
    ] {
        let patch = format!("apiVersion: ocipatch/v1\noperations:\n  - {operation}\n");
        write_files(directory.path(), &[("bad.yaml", &patch)]);
        let told = fails(1, [Path::new("plan"), &path("bad.yaml"), &base]);
        assert!(told.contains(expected), "{operation}: {told}");
    }
}

#[test]
fn a_plan_shows_no_secret_and_no_file_that_not_everybody_reads() {
    let directory = tempfile::tempdir().unwrap();
    let patch = "apiVersion: ocipatch/v1
args: { key: { required: true, secret: true } }
operations:
  - add-layer: { files: [{ path: /t/open, content: \"a\\n\" }, { path: /t/shut, content: \"first\\n\", mode: \"0640\" }] }
  - append-text: { path: /t/open, content: \"${key}\" }
  - append-text: { path: /t/shut, content: second }
";
    write_files(directory.path(), &[("fix.yaml", patch)]);
    let patch = directory.path().join("fix.yaml");
    let image = fixture("docker26.tar");
    for format in ["text", "json", "markdown"] {
        let words = ["--format", format, "--arg", "key=hunter2\nsecond-line"].map(Path::new);
        let told = ok([&[Path::new("plan"), &patch, &image], &words[..]].concat());
        for hidden in ["hunter2", "second-line", "first"] {
            assert!(!told.contains(hidden), "{format}: {told}");
        }
        assert!(told.contains("***"), "{format}: {told}");
    }
}
