//! Values for args from the command line, from files and from the environment; what is secret, and stays so.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::binary::{command, write_files};
use crate::cases::build;
use crate::cases::text::Image;

const PATCH: &str = "\
apiVersion: ocipatch/v1
args:
  version: { pattern: '[0-9.]+' }
  channel: { default: stable, from-env: CHANNEL, enum: [stable, edge] }
operations:
  - set-label: { mylabel: \"${version} ${channel}\" }
";
const SECRET: &str = "hunter2<\"long enough to be cut by a plan, which shows no more than a hundred characters of a value\">";

fn workspace(patch: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/docker26.tar");
    std::fs::copy(fixture, directory.path().join("app.tar")).unwrap();
    write_files(directory.path(), &[("fix.yaml", patch)]);
    directory
}

fn run(workspace: &TempDir, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    command()
        .current_dir(workspace.path())
        .env_remove("CHANNEL")
        .envs(environment.iter().copied())
        .args(arguments)
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    text(&output.stdout) + &text(&output.stderr)
}

/// The label that a plan sets, as its text shows it.
fn label(workspace: &TempDir, environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let plan = [&["plan", "fix.yaml", "app.tar"], arguments].concat();
    let told = told(&run(workspace, environment, &plan));
    let line = told.lines().find(|line| line.contains("mylabel"));
    line.unwrap_or(&told)
        .rsplit(" → ")
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn the_nearest_value_counts() {
    let workspace = workspace(PATCH);
    write_files(
        workspace.path(),
        &[
            ("one.env", "# values\n\nversion=1\nchannel=edge\n"),
            ("two.env", "version=2\r\n"),
        ],
    );
    let edge = [("CHANNEL", "edge")];
    for (environment, arguments, value) in [
        (&[][..], &["--arg", "version=1"][..], "\"1 stable\""),
        (&[("CHANNEL", "")], &["--arg", "version=1"], "\"1 stable\""),
        (&edge, &["--arg", "version=1"], "\"1 edge\""),
        (
            &edge,
            &["--arg", "version=1", "--arg", "channel=stable"],
            "\"1 stable\"",
        ),
        (&[], &["--arg-file", "one.env"], "\"1 edge\""),
        (
            &[],
            &["--arg-file", "one.env", "--arg-file", "two.env"],
            "\"2 edge\"",
        ),
        (
            &[],
            &["--arg", "version=3", "--arg-file", "one.env"],
            "\"3 edge\"",
        ),
    ] {
        assert_eq!(
            label(&workspace, environment, arguments),
            value,
            "{arguments:?}"
        );
    }
}

#[test]
fn a_value_that_is_missing_or_not_allowed_is_a_problem() {
    let workspace = workspace(PATCH);
    for (environment, arguments, words) in [
        (&[][..], &[][..], "unset-arg\n\n  × `version` has no value"),
        (
            &[],
            &["--arg", "version=1a"],
            "invalid-arg\n\n  × `version` is `1a`, which does not match `[0-9.]+`",
        ),
        (&[], &["--arg", "version=1\n"], "invalid-arg\n"),
        (
            &[("CHANNEL", "none")],
            &["--arg", "version=1"],
            "invalid-arg\n\n  × `channel` is `none`, and not `stable` or `edge`",
        ),
    ] {
        let plan = [&["plan", "fix.yaml", "app.tar"], arguments].concat();
        let output = run(&workspace, environment, &plan);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(told(&output).contains(words), "{}", told(&output));
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let workspace = workspace(PATCH);
    write_files(
        workspace.path(),
        &[("twice.env", "a=1\na=2\n"), ("no.env", "a=1\nb\n")],
    );
    for (arguments, message) in [
        (
            &["--arg", "version=1", "--arg", "versoin=2"][..],
            "no patch declares the argument `versoin`; there is `version`, `channel`",
        ),
        (
            &["--arg", "version"],
            "value 1 of `--arg` is not `NAME=VALUE`",
        ),
        (
            &["--arg", "version=1", "--arg", "version=2"],
            "`--arg` sets the argument `version` twice",
        ),
        (
            &["--arg-file", "twice.env"],
            "`twice.env` sets the argument `a` twice",
        ),
        (
            &["--arg-file", "no.env"],
            "value 2 of `no.env` is not `NAME=VALUE`",
        ),
    ] {
        for command in [&["plan", "fix.yaml", "app.tar"][..], &["check", "fix.yaml"]] {
            let output = run(&workspace, &[], &[command, arguments].concat());
            assert_eq!(output.status.code(), Some(2), "{}", told(&output));
            let first = format!("error: {message}");
            assert_eq!(told(&output).lines().next(), Some(first.as_str()));
        }
    }
    let output = run(
        &workspace,
        &[],
        &["check", "fix.yaml", "--arg-file", "none.env"],
    );
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_check_needs_no_values_and_heeds_those_it_gets() {
    let workspace = workspace(PATCH);
    let code = |arguments: &[&str]| run(&workspace, &[], arguments).status.code();
    assert_eq!(code(&["check", "fix.yaml"]), Some(0));
    assert_eq!(code(&["check", "fix.yaml", "--arg", "version=1"]), Some(0));
    assert_eq!(code(&["check", "fix.yaml", "--arg", "version=x"]), Some(1));
}

#[test]
fn a_value_stays_a_text() {
    let workspace = workspace(
        "apiVersion: ocipatch/v1\nargs: { x: {} }\noperations:\n  - set-label: { mylabel: \"${x}\" }\n",
    );
    for value in [
        "[a]",
        "~",
        "a, b: c",
        "}\n  - retag: [b]",
        "${x}",
        "*a",
        "!tag",
    ] {
        let expected = serde_json::Value::from(value).to_string();
        let found = label(&workspace, &[], &["--arg", &format!("x={value}")]);
        assert_eq!(found, expected);
    }
}

#[test]
fn the_same_args_give_the_same_bytes_and_history_tells_none() {
    let workspace = workspace(PATCH);
    let apply = |out: &str, arguments: &[&str]| {
        let all = [&["apply", "fix.yaml", "app.tar", "-o", out], arguments].concat();
        let output = run(&workspace, &[], &all);
        assert!(output.status.success(), "{}", told(&output));
        std::fs::read(workspace.path().join(out)).unwrap()
    };
    write_files(workspace.path(), &[("v.env", "version=47.11\n")]);
    let given = apply("given.tar", &["--arg", "version=47.11"]);
    assert!(given == apply("file.tar", &["--arg-file", "v.env"]));
    assert!(given != apply("other.tar", &["--arg", "version=47.12"]));
    let inspected = run(&workspace, &[], &["inspect", "--format=json", "given.tar"]);
    let lines = told(&inspected);
    let told_of = lines.lines().filter(|line| line.contains("47.11"));
    assert!(
        told_of.into_iter().all(|line| line.contains("mylabel")),
        "{lines}"
    );
}

#[test]
fn a_secret_is_written_and_not_shown() {
    let workspace = workspace(
        "apiVersion: ocipatch/v1\nargs: { token: { secret: true } }\noperations:\n  - set-label: { mylabel: \"x ${token}\" }\n  - set-env: { TOKEN: \"${token}\" }\n  - set-cmd: [\"${token}\"]\n  - set-annotation: { a: \"${token}\" }\n",
    );
    let given = format!("token={SECRET}");
    let shown = |arguments: &[&str]| {
        let output = run(&workspace, &[], &[arguments, &["--arg", &given]].concat());
        let told = told(&output);
        assert!(!told.contains("hunter2"), "{told}");
        told
    };
    let plan = shown(&["plan", "fix.yaml", "app.tar"]);
    assert!(plan.contains("→ \"x ***\""), "{plan}");
    shown(&["plan", "fix.yaml", "app.tar", "--format=json"]);
    shown(&["apply", "fix.yaml", "app.tar", "-o", "out.tar"]);
    let inspected = told(&run(&workspace, &[], &["unpack", "out.tar", "out"]));
    assert_eq!(inspected, "");
    let files = crate::binary::listing(&workspace.path().join("out/blobs/sha256"));
    let blobs = files.iter().map(|line| line.split(' ').next().unwrap());
    let holders = blobs.filter(|name| {
        let blob = std::fs::read(workspace.path().join("out/blobs/sha256").join(name)).unwrap();
        String::from_utf8_lossy(&blob).contains("hunter2")
    });
    assert!(holders.count() >= 1);
    write_files(
        workspace.path(),
        &[(
            "more.yaml",
            "apiVersion: ocipatch/v1\nexpect:\n  - label: { mylabel: other }\noperations:\n  - set-env: { TOKEN: a }\n  - unset: [cmd]\n",
        )],
    );
    let problems = shown(&["plan", "fix.yaml", "more.yaml", "app.tar"]);
    assert!(
        problems.contains("`TOKEN` is set to `***…` on line 5 of `fix.yaml`"),
        "{problems}"
    );
    assert!(problems.contains("is `x ***"), "{problems}");
}

/// The lines of a file that gets a secret are not shown, wherever in a value it is.
#[test]
fn a_secret_in_a_document_is_not_shown() {
    for (edit, is_shown) in [
        ("set: { /b: \"${token}\" }", false),
        ("set: { /b: [x, \"${token}\"] }", false),
        ("set: { /b: { c: [{ d: \"x${token}\" }] } }", false),
        ("merge: { b: { c: \"${token}\" } }", false),
        ("merge: { b: [[\"${token}\"]] }", false),
        ("set: { /b: 2 }, merge: { c: [3] }", true),
    ] {
        let workspace = workspace(&format!(
            "apiVersion: ocipatch/v1\nargs: {{ token: {{ secret: true }} }}\noperations:\n  - edit-json: {{ path: /a.json, {edit} }}\n  - set-label: {{ a: \"${{token}}\" }}\n"
        ));
        let image = Image::parse("tags: app:1\nlayer: 0644 a.json \"{\\\"a\\\": 1}\"");
        std::fs::write(workspace.path().join("small.tar"), build::hybrid(&[image])).unwrap();
        let given = format!("token={SECRET}");
        for format in ["--format=text", "--format=json"] {
            let arguments = ["plan", "fix.yaml", "small.tar", format, "--arg", &given];
            let output = run(&workspace, &[], &arguments);
            let told = told(&output);
            assert_eq!(output.status.code(), Some(0), "{told}");
            assert!(!told.contains("hunter2"), "{edit}: {told}");
            let has_lines = told.contains("{\"a\": 1") || told.contains("{\\\"a\\\": 1");
            assert_eq!(has_lines, is_shown, "{edit}: {told}");
        }
    }
}

#[test]
fn a_secret_of_several_words_is_no_help() {
    let workspace = workspace(
        "apiVersion: ocipatch/v1\nargs: { token: { secret: true } }\noperations:\n  - set-cmd: \"${token}\"\n  - set-label: \"${token}\"\n",
    );
    for token in ["hunter 2", "hunter=2"] {
        let given = format!("token={token}");
        let output = run(
            &workspace,
            &[],
            &["plan", "fix.yaml", "app.tar", "--arg", &given],
        );
        assert_eq!(output.status.code(), Some(1));
        assert!(!told(&output).contains("hunter"), "{}", told(&output));
    }
}

#[test]
fn a_secret_is_no_name() {
    for operation in [
        "retag: [\"app:${token}\"]",
        "add-port: [\"${token}\"]",
        "add-layer: { from: \"${token}\" }",
        "set-created: \"${token}\"",
    ] {
        let workspace = workspace(&format!(
            "apiVersion: ocipatch/v1\nargs: {{ token: {{ secret: true }} }}\noperations:\n  - {operation}\n"
        ));
        let output = run(
            &workspace,
            &[],
            &["plan", "fix.yaml", "app.tar", "--arg", "token=80"],
        );
        assert!(told(&output).contains("misplaced-arg"), "{}", told(&output));
    }
}

#[test]
fn a_manifest_is_as_expected() {
    let workspace = workspace("");
    let plan = told(&run(
        &workspace,
        &[],
        &["inspect", "app.tar", "--format=json"],
    ));
    let inspected: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let digest = inspected["images"][0]["manifestDigest"].as_str().unwrap();
    for (expected, code) in [(&digest[..20], 0), ("sha256:0000", 1)] {
        let patch = format!(
            "apiVersion: ocipatch/v1\nexpect:\n  - manifest-digest: {expected}\noperations:\n  - set-label: {{ a: b }}\n"
        );
        write_files(workspace.path(), &[("fix.yaml", &patch)]);
        let output = run(&workspace, &[], &["plan", "fix.yaml", "app.tar"]);
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
    }
}

#[test]
fn args_that_would_fill_memory_are_refused() {
    let long = "x".repeat(100_000);
    let uses = "${a}".repeat(2_000);
    let workspace = workspace(&format!(
        "apiVersion: ocipatch/v1\nargs: {{ a: {{ default: {long} }} }}\noperations:\n  - set-label: {{ a: \"{uses}\", b: \"{uses}\" }}\n"
    ));
    let output = run(&workspace, &[], &["check", "fix.yaml"]);
    assert!(told(&output).contains("the arguments expand to too much text"));
}
