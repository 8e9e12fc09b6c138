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
        "artifactLocation": { "uri": "deploy/%C3%A9.yaml" },
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
