//! Names that look right and are others: a note shows what cannot be seen, and what can never work is a problem.

use std::path::Path;

use serde_json::{Value, json};

use super::clean::Format;
use super::{AT_ONCE, run, run_on};
use crate::binary::write_files;
use crate::edit::fixture;

const CHARACTERS: [(&str, &str); 14] = [
    ("\u{a0}", "U+00A0"),
    ("\u{200b}", "U+200B"),
    ("\u{feff}", "U+FEFF"),
    ("\u{ad}", "U+00AD"),
    ("\u{2060}", "U+2060"),
    ("\u{2003}", "U+2003"),
    ("\u{3000}", "U+3000"),
    ("\u{202e}", "U+202E"),
    ("\u{180e}", "U+180E"),
    ("\u{3164}", "U+3164"),
    ("\u{61c}", "U+061C"),
    ("\u{200d}", "U+200D"),
    ("\u{e0041}", "U+E0041"),
    (" ", "U+0020"),
];
/// Operations with a name that an image may have, whatever is in it.
const NAMED: [&str; 8] = [
    "set-label: {'NAME': a}",
    "set-env: {'NAME': a}",
    "append-env: {'NAME': {value: a, if-missing: ignore}}",
    "set-annotation: {'NAME': a}",
    "set-annotation: {on: index, set: {'NAME': a}}",
    "set-owner: {'/NAME': '0:0'}",
    "move-path: {'/NAME': /b}",
    "set-label: {b: c}\n  - set-label: {'NAME': a}",
];
/// Values that name something.
const VALUES: [&str; 8] = [
    "set-user: 'NAME'",
    "set-cmd: ['NAME']",
    "set-workdir: '/NAME'",
    "set-label: {a: 'NAME'}",
    "add-layer: {files: [{path: '/NAME', content: x}]}",
    "add-layer: {files: [{path: /a, symlink: 'NAME'}]}",
    "remove-path: {match: ['/NAME'], if-missing: ignore}",
    "set-healthcheck: {test: [CMD, 'NAME']}",
];
/// What cannot work with any such character, with the code that says so.
const WRONG: [(&str, &str); 8] = [
    ("retag: ['NAME:1']", "invalid-reference"),
    ("add-tag: ['app:NAME']", "invalid-reference"),
    ("'NAME': x", "unknown-operation"),
    ("add-port: ['NAME']", "invalid-value"),
    ("set-stop-signal: 'NAME'", "invalid-value"),
    ("set-label: {a: '${NAME}'}", "malformed-arg"),
    ("set-mode: {/a: 'NAME'}", "invalid-value"),
    ("set-platform: {variant: 'NAME'}", "invalid-platform"),
];

fn check(home: &Path, operation: &str, name: &str) -> Value {
    check_all(home, &[(operation, name.to_owned())]).remove(0)
}

/// What is said of the patch of each operation.
fn check_all(home: &Path, patches: &[(&str, String)]) -> Vec<Value> {
    let patch = |(operation, name): &(&str, String)| {
        let operation = operation.replace("NAME", name);
        format!("apiVersion: ocipatch/v1\noperations:\n  - {operation}\n")
    };
    let patches: Vec<String> = patches.iter().map(patch).collect();
    let mut reports = Vec::new();
    for patches in patches.chunks(AT_ONCE) {
        let command = ["check", "--format=json"];
        let output = run_on(home, Format::Json, &command, patches, &[]);
        let all: Value = serde_json::from_slice(&output.stdout).unwrap();
        reports.extend((0..patches.len()).map(|i| {
            let file = format!("{i}.yaml");
            let of_file = |key: &str| -> Value {
                let items = all[key].as_array().into_iter().flatten();
                items.filter(|it| it["file"] == *file).cloned().collect()
            };
            json!({ "problems": of_file("problems"), "notes": of_file("notes") })
        }));
    }
    reports
}

#[test]
fn a_name_with_a_character_that_cannot_be_seen_has_a_note() {
    let home = tempfile::tempdir().unwrap();
    for (character, point) in CHARACTERS {
        let escape = ocipatch::printable::line(character);
        let names = [format!("{character}x"), format!("x{character}")];
        let with_names = |operations: &[&'static str]| {
            let names = names.iter();
            let pairs = names.flat_map(|name| operations.iter().map(|it| (*it, name.clone())));
            pairs.collect::<Vec<_>>()
        };
        let mut named = with_names(&NAMED);
        // Behind the slash of a path a blank is no longer at the end.
        named.retain(|(operation, name)| !(operation.contains("/NAME") && name.starts_with(' ')));
        for ((operation, _), report) in named.iter().zip(check_all(home.path(), &named)) {
            let told = &report["notes"];
            let message = told[0]["message"]
                .as_str()
                .unwrap_or_else(|| panic!("{operation}: {report:#}"));
            assert!(message.contains(&escape), "{message}");
            assert!(message.contains(point), "{message}");
            assert_eq!(told[0]["code"], "invisible-character");
            let line = if operation.contains('\n') { 4 } else { 3 };
            assert_eq!(told[0]["line"], line);
            assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
        }
        let values = with_names(&VALUES);
        for ((operation, _), report) in values.iter().zip(check_all(home.path(), &values)) {
            let told = report["notes"][0]["message"].as_str();
            // A blank at the end of a value is not hidden by it: prose has blanks.
            let expected = (character != " ")
                .then(|| format!("the value has the invisible character {point}"));
            assert_eq!(told, expected.as_deref(), "{operation}: {report:#}");
        }
    }
}

#[test]
fn what_cannot_work_is_a_problem_that_shows_the_character() {
    let home = tempfile::tempdir().unwrap();
    for (character, _) in CHARACTERS.iter().take(13) {
        let escape = ocipatch::printable::line(character);
        let names = [format!("{character}x"), format!("x{character}")];
        let codes = WRONG.iter().flat_map(|(_, code)| [code, code]);
        let patches = WRONG.iter();
        let patches = patches.flat_map(|(it, _)| names.iter().map(|name| (*it, name.clone())));
        let patches: Vec<_> = patches.collect();
        for ((operation, _), (code, report)) in patches
            .iter()
            .zip(codes.zip(check_all(home.path(), &patches)))
        {
            let problem = &report["problems"][0];
            assert_eq!(problem["code"], *code, "{operation}: {report:#}");
            let message = problem["message"].as_str().unwrap();
            assert!(message.contains(&escape), "{message}");
        }
    }
    let text = "apiVersion: ocipatch/v1\nargs: {'name\u{200b}': {default: a}}\noperations:\n  - set-label: {a: b}\n";
    write_files(home.path(), &[("fix.yaml", text)]);
    let output = run(
        home.path(),
        Format::Json,
        &["check", "--format=json", "fix.yaml"],
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["problems"][0]["code"], "malformed-arg");
}

#[test]
fn every_format_has_the_note() {
    let home = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("docker26.tar"), home.path().join("app.tar")).unwrap();
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - set-env: {\u{a0}KEY: a}\n";
    write_files(home.path(), &[("dir/fix.yaml", patch)]);
    let text = |stream: Vec<u8>| String::from_utf8(stream).unwrap();
    let check = |name: &str, format| {
        let output = run(
            home.path(),
            format,
            &["check", "--format", name, "dir/fix.yaml"],
        );
        assert!(output.status.success());
        (text(output.stdout), text(output.stderr))
    };
    let note = r"the name `\u{a0}KEY` has the invisible character U+00A0";
    let told = format!("note: dir/fix.yaml:3:15: {note}\n1 patch file without a problem\n");
    assert_eq!(check("text", Format::Text), (String::new(), told));
    let told =
        format!("::notice file=dir/fix.yaml,line=3,col=15,title=invisible-character::{note}\n");
    assert_eq!(check("github", Format::Github), (told, String::new()));
    let log: Value = serde_json::from_str(&check("sarif", Format::Sarif).0).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["level"], "note");
    assert_eq!(result["message"]["text"], note);
    let plan = |name: &str, format| {
        let output = run(
            home.path(),
            format,
            &["plan", "--format", name, "dir/fix.yaml", "app.tar"],
        );
        text(output.stdout)
    };
    let told = format!("note: fix.yaml:3:15: {note}\n");
    let shown = plan("text", Format::Text);
    assert!(
        shown.ends_with(&format!("\n{told}Plan: 1 field; 1 note\n")),
        "{shown}"
    );
    assert!(plan("markdown", Format::Markdown).contains(&format!("```text\n{told}```\n")));
    // JSON has what is in the image, by escapes.
    let json = plan("json", Format::Json);
    assert!(
        json.contains(r#""key": "\u00a0KEY""#) || json.contains(r#""\u00a0KEY=a""#),
        "{json}"
    );
    let quiet = run(home.path(), Format::Text, &["-q", "check", "dir/fix.yaml"]);
    assert!(quiet.stderr.is_empty());
}

/// Languages and emoji are written with characters that others hide behind.
#[test]
fn honest_names_have_no_note() {
    let home = tempfile::tempdir().unwrap();
    for name in [
        "KEY",
        "a b",
        "org.example/x-y_z",
        "é",
        "日本",
        "❤\u{fe0f}",
        "👩\u{200d}💻",
        "می\u{200c}خواهم",
        "10\u{a0}000 fichiers",
    ] {
        let operations: &[&str] = if name.contains(' ') {
            &VALUES[3..4]
        } else {
            &[NAMED[0], NAMED[1], VALUES[3], VALUES[4]]
        };
        for operation in operations {
            let report = check(home.path(), operation, name);
            assert_eq!(report["problems"], Value::Array(Vec::new()), "{report:#}");
            assert_eq!(report["notes"], Value::Array(Vec::new()), "{report:#}");
        }
    }
}

/// Operations that a shell or a build would read in another way, with the code of the note and a part of it.
const HABITS: [(&str, &str, &str); 9] = [
    (
        "set-env: {PATH: '/opt/bin:$PATH'}",
        "unexpanded-variable",
        "`prepend-env`",
    ),
    (
        "set-env: {HOME: '$${HOME}/x'}",
        "unexpanded-variable",
        "`append-env`",
    ),
    (
        "set-env: {A: 'x:$HOME'}",
        "unexpanded-variable",
        "nothing expands `$HOME`",
    ),
    (
        "set-cmd: [npm start]",
        "shell-form",
        "`[\"npm\", \"start\"]`",
    ),
    (
        "set-entrypoint: [/bin/app, '&&', /bin/b]",
        "shell-form",
        "`&&` is an argument",
    ),
    (
        "set-cmd: [serve, --port, $PORT]",
        "shell-form",
        "nothing expands `$PORT`",
    ),
    (
        "set-cmd: [serve, '$${PORT:-80}']",
        "shell-form",
        "nothing expands `${PORT:-80}`",
    ),
    (
        "set-healthcheck: {test: [CMD, curl -f http://localhost]}",
        "shell-form",
        "no shell splits",
    ),
    (
        "set-healthcheck: {test: [CMD, curl, localhost, '|', grep, ok]}",
        "shell-form",
        "`|` is an argument",
    ),
];
/// Operations that are as they should be.
const FINE: [&str; 9] = [
    "set-env: {A: 'costs $5', B: 'a^b$', C: '$'}",
    "prepend-env: {PATH: '/opt/$x'}",
    "set-cmd: [/bin/sh, -c, 'echo $HOME && ls']",
    "set-entrypoint: [/usr/bin/bash.exe, -lc, '$X']",
    "set-cmd: ['/opt/my app/run']",
    "set-shell: [/bin/bash, -c]",
    "set-healthcheck: {test: [CMD-SHELL, 'curl $X && true']}",
    "set-healthcheck: {test: curl $X && true}",
    "set-cmd: [nginx, -g, daemon off;]",
];

#[test]
fn what_a_shell_or_a_build_would_read_otherwise_has_a_note() {
    let home = tempfile::tempdir().unwrap();
    for (operation, code, part) in HABITS {
        let report = check(home.path(), operation, "");
        let notes = report["notes"].as_array().unwrap();
        assert_eq!(notes.len(), 1, "{operation}: {report:#}");
        assert_eq!(notes[0]["code"], code, "{operation}");
        let message = notes[0]["message"].as_str().unwrap();
        assert!(message.contains(part), "{operation}: {message}");
    }
    for operation in FINE {
        let report = check(home.path(), operation, "");
        assert_eq!(report["notes"], serde_json::json!([]), "{operation}");
    }
    // Of a secret nothing is told.
    let secret = "apiVersion: ocipatch/v1\nargs: {S: {secret: true}}\noperations:\n  - set-env: {A: '${S}'}\n  - set-cmd: ['${S}']\n";
    write_files(home.path(), &[("fix.yaml", secret)]);
    let arguments = ["check", "--format=json", "--arg", "S=a $HOME", "fix.yaml"];
    let output = run(home.path(), Format::Json, &arguments);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["notes"], serde_json::json!([]), "{report:#}");
    // The plan has the same note.
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - set-cmd: [npm start]\n";
    write_files(home.path(), &[("fix.yaml", patch)]);
    let image = fixture("docker20.tar");
    let output = run(
        home.path(),
        Format::Text,
        &["plan", "fix.yaml", image.to_str().unwrap()],
    );
    let plan = String::from_utf8(output.stdout).unwrap();
    assert!(
        plan.contains("note: fix.yaml:3:15: no shell splits `npm start`"),
        "{plan}"
    );
}
