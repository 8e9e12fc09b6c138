//! What a reviewer meets: comments and annotations of pull requests, and code scanning.

use std::fs;

use serde_json::{Value, json};

use super::Home;
use crate::binary::write_files;

const TWICE: &str = "apiVersion: ocipatch/v1
operations:
  - set-label: { é: b }
  - set-label: { é: c }
  - set-lable: { a: b }
";

#[test]
fn a_plan_is_a_comment() {
    let home = Home::new();
    let (comment, _) = home.ends(0, "plan --format=markdown fix.yaml app.tar");
    let (text, _) = home.ends(0, "plan fix.yaml app.tar");
    let expected = "### `greeter:1`

```diff
  config
! config.Labels.mylabel: \"myvalue\" → \"modifiedvalue\"
+ history.14: ocipatch apply fix.yaml@sha256:1b7e00123e1c (configuration only)
  layers
  sha256:65ecc442f26c    18.4 kB  ██████████
  sha256:e389ba439fbc    2.56 kB  ██
  tags
  greeter:1
";
    assert!(comment.starts_with(expected), "{comment}");
    let (_, ids) = text.split_once("\nwas ").unwrap();
    let (ids, total) = ids.split_once("\nPlan: ").unwrap();
    let end = format!("\nwas {ids}\n```\n\n**Plan: {}**\n", total.trim_end());
    assert!(comment.ends_with(&end), "{comment}");
    let (comment, told) = home.ends(1, "plan --format=markdown no.yaml app.tar");
    assert_eq!(told, "");
    let head =
        "### 1 problem in `no.yaml`\n\n```text\n  × 1 problem in no.yaml\n\nError: no-such-label\n";
    assert!(comment.starts_with(head), "{comment}");
}

#[test]
fn a_label_cannot_write_into_a_comment() {
    let home = Home::new();
    let patch =
        "apiVersion: ocipatch/v1\noperations:\n  - set-label: { a: \"\\n```\\n# x\", b: '````' }\n";
    write_files(home.0.path(), &[("fix.yaml", patch)]);
    let (comment, _) = home.ends(0, "plan --format=markdown fix.yaml app.tar");
    assert!(comment.contains("\n`````diff\n"), "{comment}");
    assert!(comment.contains("a: \"\\n```\\n# x\""), "{comment}");
}

#[test]
fn problems_are_named_by_the_path_that_was_typed() {
    let home = Home::new();
    write_files(home.0.path(), &[("deploy/a b,c.yaml", TWICE)]);
    let mut check = crate::binary::command();
    check
        .current_dir(&home.0)
        .args(["check", "--format=github", "deploy/a b,c.yaml"]);
    let output = check.output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let line = "::error file=deploy/a b%2Cc.yaml,line=5,col=5,title=unknown-operation::`set-lable` is not an operation in this version%0Adid you mean `set-label`?\n";
    assert_eq!(told, line);
    // History has the name alone.
    write_files(home.0.path(), &[("deploy/fix.yaml", super::PATCH)]);
    let (plan, _) = home.ends(0, "plan deploy/fix.yaml app.tar");
    assert_eq!(plan, home.ends(0, "plan fix.yaml app.tar").0);
}

fn scanned(home: &Home, name: &str, code: i32) -> Value {
    let (told, _) = home.ends(code, &format!("check --format=sarif {name}"));
    serde_json::from_str(&told).unwrap()
}

#[test]
fn code_scanning_gets_what_it_asks_for() {
    let home = Home::new();
    let fight = TWICE.replace("  - set-lable: { a: b }\n", "");
    write_files(
        home.0.path(),
        &[("deploy/é.yaml", &fight), ("empty.yaml", "")],
    );
    let log = scanned(&home, "./deploy/é.yaml", 1);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "ocipatch");
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "contradiction");
    assert_eq!(result["ruleIndex"], 0);
    let rule = &driver["rules"][0];
    assert_eq!(rule["id"], result["ruleId"]);
    for key in ["shortDescription", "fullDescription", "help"] {
        assert!(rule[key]["text"].as_str().unwrap().ends_with('.'), "{rule}");
    }
    let text = "label `é` is set to `b` on line 3 and set to `c` on line 4\nkeep one of the two";
    assert_eq!(result["message"]["text"], text);
    let expected = json!({
        "artifactLocation": { "uri": "deploy/%C3%A9.yaml", "uriBaseId": "%SRCROOT%" },
        "region": { "startLine": 4, "startColumn": 18, "endLine": 4, "endColumn": 19 },
    });
    assert_eq!(result["locations"][0]["physicalLocation"], expected);
    // A file as a whole has a line too, without which nothing is shown.
    let log = scanned(&home, "empty.yaml", 1);
    let region = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 1);
    // A log without results is what closes an alert.
    let log = scanned(&home, "fix.yaml", 0);
    assert_eq!(log["runs"][0]["results"], json!([]));
}

#[test]
fn line_ends_that_differ_are_named() {
    let home = Home::new();
    let patch = |content: &str, diff: &str| {
        format!(
            "apiVersion: ocipatch/v1\noperations:\n  - add-layer: {{files: [{{path: /a, content: {content}}}]}}\n  - patch-file: {{path: /a, from: {diff}}}\n"
        )
    };
    let diff = "--- a\n+++ b\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n";
    let (lf, crlf) = ("\"one\\ntwo\\n\"", "\"one\\r\\ntwo\\r\\n\"");
    let files = [
        ("lf.diff", diff.to_owned()),
        ("crlf.diff", diff.replace('\n', "\r\n")),
        ("crlf-in-lf.yaml", patch(lf, "crlf.diff")),
        ("lf-in-crlf.yaml", patch(crlf, "lf.diff")),
        ("lf-in-lf.yaml", patch(lf, "lf.diff")),
        ("crlf-in-crlf.yaml", patch(crlf, "crlf.diff")),
        ("other.yaml", patch("\"one\\nfour\\n\"", "lf.diff")),
    ];
    for (name, text) in files {
        fs::write(home.path(name), text).unwrap();
    }
    for (name, help) in [
        (
            "crlf-in-lf",
            "the diff has CRLF line ends, the file has LF: convert the diff, as with `dos2unix`",
        ),
        (
            "lf-in-crlf",
            "the file has CRLF line ends, the diff has LF: convert the diff, as with `unix2dos`",
        ),
        (
            "other",
            "make the diff from the file in the image, or allow some `fuzz`",
        ),
    ] {
        let (_, stderr) = home.ends(1, &format!("plan {name}.yaml app.tar"));
        assert!(stderr.contains(help), "{name}: {stderr}");
    }
    home.ends(0, "plan lf-in-lf.yaml app.tar");
    home.ends(0, "plan crlf-in-crlf.yaml app.tar");
}

const ONE: &str = "apiVersion: ocipatch/v1\noperations:\n  - set-label: { a: b }\n";
const UNFIT: &str = "apiVersion: ocipatch/v1
operations:
  - set-label: { a: b }
  - unset-label: [ absent ]
  - remove-path: [ /absent ]
";

/// Runs in a directory of the home.
fn within(home: &Home, directory: &str, code: i32, line: &str) -> (String, String) {
    let mut command = home.command(line);
    let output = command.current_dir(home.path(directory)).output().unwrap();
    let texts = super::texts(&output);
    assert_eq!(output.status.code(), Some(code), "{texts:?}");
    texts
}

#[test]
fn what_only_the_image_shows_is_on_its_line() {
    let home = Home::new();
    write_files(home.0.path(), &[("deploy/fix.yaml", UNFIT)]);
    let (told, drawn) = home.ends(1, "plan --format=github deploy/fix.yaml app.tar");
    let places: Vec<&str> = told
        .lines()
        .map(|line| line.split("::").nth(1).unwrap())
        .collect();
    let expected = [
        "error file=deploy/fix.yaml,line=4,col=20,title=no-such-label",
        "error file=deploy/fix.yaml,line=5,col=20,title=no-such-path",
    ];
    assert_eq!(places, expected, "{told}");
    assert!(drawn.contains("unset-label: [ absent ]"), "{drawn}");
    let (told, drawn) = home.ends(1, "plan --format=sarif deploy/fix.yaml app.tar");
    assert_eq!(drawn, "");
    let log: Value = serde_json::from_str(&told).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let found = results.iter().map(|result| {
        let place = &result["locations"][0]["physicalLocation"];
        (
            result["ruleId"].as_str().unwrap(),
            place["artifactLocation"]["uri"].as_str().unwrap(),
            place["region"]["startLine"].as_u64().unwrap(),
        )
    });
    let expected = [
        ("no-such-label", "deploy/fix.yaml", 4),
        ("no-such-path", "deploy/fix.yaml", 5),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn a_plan_is_on_the_first_line_of_its_patch() {
    let home = Home::new();
    let hidden = super::PATCH.replace("modifiedvalue", "\"100%\\n::error::x\u{200b}\"");
    write_files(
        home.0.path(),
        &[("hidden.yaml", &hidden), ("one.yaml", ONE)],
    );
    let (told, talk) = home.ends(0, "plan --format=github hidden.yaml one.yaml app.tar");
    assert_eq!(talk, "");
    let lines: Vec<&str> = told.lines().collect();
    let [note, plan] = lines.as_slice() else {
        panic!("{told}");
    };
    let start = "::notice file=hidden.yaml,line=3,col=";
    assert!(note.starts_with(start), "{note}");
    let start = "::notice file=hidden.yaml,line=1,col=1,title=plan::";
    assert!(plan.starts_with(start), "{plan}");
    let (code, _) = (
        2,
        home.ends(
            2,
            "plan --format=github --detailed-exitcode fix.yaml app.tar",
        ),
    );
    assert_eq!(code, 2);
    // Escaped once for people and once for the runner.
    home.ends(0, "plan --format=github hidden.yaml app.tar");
    let (told, _) = home.ends(0, "plan --format=github hidden.yaml app.tar");
    assert!(told.contains("100%25\\n::error::x"), "{told}");
    assert!(
        told.lines().all(|line| line.starts_with("::notice ")),
        "{told}"
    );
    // A scanner is told of notes alone.
    let (told, _) = home.ends(0, "plan --format=sarif hidden.yaml app.tar");
    let log: Value = serde_json::from_str(&told).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(results[0]["level"], "note");
    let (told, _) = home.ends(0, "plan --format=sarif fix.yaml app.tar");
    assert_eq!(told, home.ends(0, "check --format=sarif fix.yaml").0);
}

#[test]
fn a_long_plan_is_cut_to_what_an_annotation_holds() {
    let home = Home::new();
    let labels: Vec<String> = (0..3_000).map(|i| format!("label-{i}: {i}")).collect();
    let labels = labels.join(", ");
    let patch = format!("apiVersion: ocipatch/v1\noperations:\n  - set-label: {{ {labels} }}\n");
    write_files(home.0.path(), &[("long.yaml", &patch)]);
    let (told, _) = home.ends(0, "plan --format=github long.yaml app.tar");
    assert_eq!(told.lines().count(), 1);
    assert!(
        told.ends_with("%0A… the rest is too long for an annotation\n"),
        "{}",
        told.len()
    );
    assert!(
        (50_000..65_536).contains(&told.replace("%0A", "\n").len()),
        "{}",
        told.len()
    );
}

#[test]
fn paths_are_those_of_the_repository() {
    let home = Home::new();
    let patch = super::REJECTED;
    let files = [
        ("repo/.git/HEAD", "ref: refs/heads/main\n"),
        ("repo/deploy/fix.yaml", patch),
        ("repo/vendor/.git", "gitdir: ../.git/modules/vendor\n"),
        ("repo/vendor/deploy/fix.yaml", patch),
        ("plain/deploy/fix.yaml", patch),
    ];
    write_files(home.0.path(), &files);
    std::os::unix::fs::symlink("deploy", home.path("repo/linked")).unwrap();
    std::os::unix::fs::symlink("deploy/fix.yaml", home.path("repo/link.yaml")).unwrap();
    let outside = home.path("plain/deploy/fix.yaml").canonicalize().unwrap();
    let outside = outside.to_str().unwrap();
    for (directory, typed, path) in [
        ("repo", "deploy/fix.yaml", "deploy/fix.yaml"),
        ("repo", "./deploy/../deploy/fix.yaml", "deploy/fix.yaml"),
        ("repo", "linked/fix.yaml", "deploy/fix.yaml"),
        ("repo", "link.yaml", "link.yaml"),
        ("repo/deploy", "fix.yaml", "deploy/fix.yaml"),
        (
            "repo/deploy",
            "../vendor/deploy/fix.yaml",
            "vendor/deploy/fix.yaml",
        ),
        ("repo/vendor", "deploy/fix.yaml", "deploy/fix.yaml"),
        ("repo", "../plain/deploy/fix.yaml", outside),
        ("repo", outside, outside),
        ("plain", "deploy/fix.yaml", "deploy/fix.yaml"),
        ("plain/deploy", "fix.yaml", "fix.yaml"),
    ] {
        let app = home.path("app.tar");
        let app = app.to_str().unwrap();
        let line = format!("plan --format=sarif {typed} {app}");
        let log: Value = serde_json::from_str(&within(&home, directory, 1, &line).0).unwrap();
        let run = &log["runs"][0];
        let place = &run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
        let expected = if path.starts_with('/') {
            json!({ "uri": format!("file://{path}") })
        } else {
            json!({ "uri": path, "uriBaseId": "%SRCROOT%" })
        };
        assert_eq!(*place, expected, "{typed} in {directory}");
        assert!(run["originalUriBaseIds"]["%SRCROOT%"].is_object());
        let line = format!("plan --format=github {typed} {app}");
        let (told, _) = within(&home, directory, 1, &line);
        let start = format!("::error file={path},line=3,");
        assert!(told.starts_with(&start), "{typed} in {directory}: {told}");
    }
}

#[test]
fn every_rule_leads_to_its_documentation() {
    let home = Home::new();
    write_files(home.0.path(), &[("unfit.yaml", UNFIT)]);
    let (told, _) = home.ends(1, "plan --format=sarif unfit.yaml app.tar");
    let log: Value = serde_json::from_str(&told).unwrap();
    let driver = &log["runs"][0]["tool"]["driver"];
    let version = env!("CARGO_PKG_VERSION");
    let page = format!("https://docs.rs/crate/ocipatch/{version}");
    assert_eq!(driver["informationUri"], page);
    let links: Vec<&str> = driver["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["helpUri"].as_str().unwrap())
        .collect();
    let item =
        format!("https://docs.rs/ocipatch/{version}/ocipatch/problem/enum.Code.html#variant.");
    assert_eq!(
        links,
        [format!("{item}NoSuchLabel"), format!("{item}NoSuchPath")]
    );
}
