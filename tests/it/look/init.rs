//! `ocipatch init`

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;

use super::{GREETERS, written};
use crate::binary::{fails, ok};
use crate::edit::fixture;

/// The patch with every example uncommented.
fn uncommented(patch: &str) -> String {
    let line = |line: &str| match line.strip_prefix("  # ") {
        Some(example) => format!("  {example}"),
        None if line == "  #" => String::new(),
        None if line == "# attestations: drop" => "attestations: drop".to_owned(),
        None => line.to_owned(),
    };
    let lines: Vec<String> = patch.lines().map(line).collect();
    lines.join("\n") + "\n"
}

fn init(image: &Path, arguments: &[&str]) -> String {
    ok([&["init", image.to_str().unwrap()], arguments].concat())
}

/// Checks and plans a patch, which has to change nothing.
fn changes_nothing(directory: &Path, image: &Path, patch: &str) {
    let file = directory.join("fix.yaml");
    fs::write(&file, patch).unwrap();
    ok(["check".as_ref(), file.as_os_str()]);
    let plan = [
        "plan".as_ref(),
        file.as_os_str(),
        image.as_os_str(),
        "--format=json".as_ref(),
    ];
    let plan: Value = serde_json::from_str(&ok(plan)).unwrap();
    assert_eq!(plan["changed"], false, "{patch}");
}

#[track_caller]
fn holds(directory: &Path, image: &Path, arguments: &[&str]) -> String {
    let patch = init(image, arguments);
    changes_nothing(directory, image, &patch);
    changes_nothing(directory, image, &uncommented(&patch));
    patch
}

#[test]
fn a_first_patch_of_every_form_plans_and_changes_nothing() {
    let directory = tempdir().unwrap();
    for name in GREETERS {
        let patch = holds(directory.path(), &fixture(name), &[]);
        assert!(!patch.contains("\ntarget:"), "{name}");
        // All examples are there, and one of them is in effect.
        for example in [
            "  - set-label:",
            "  # - set-env:",
            "  # - platform: linux/amd64",
            "  # - layers: ",
        ] {
            assert!(patch.contains(example), "{name}: {example}\n{patch}");
        }
    }
    holds(directory.path(), &fixture("docker20-nasty.tar"), &[]);
}

#[test]
fn one_of_several_images_is_pinned() {
    let directory = tempdir().unwrap();
    for name in ["docker26-two-images.tar", "docker20-two-images.tar"] {
        let image = fixture(name);
        for tag in ["greeter:1", "greeter2:latest"] {
            let patch = holds(directory.path(), &image, &["--image", tag]);
            assert!(patch.contains("\ntarget:\n  images: ["), "{patch}");
        }
        let several = fails(2, ["init".as_ref(), image.as_os_str()]);
        assert!(several.contains("select one with `--image`"), "{several}");
    }
    let image = fixture("buildx-oci-multi.tar");
    for platform in ["linux/amd64", "linux/arm64"] {
        let patch = holds(directory.path(), &image, &["--platform", platform]);
        assert!(patch.contains("\ntarget:\n  images: [\"sha256:"), "{patch}");
        assert!(
            patch.contains(&format!("  # - platform: {platform}\n")),
            "{patch}"
        );
    }
}

#[test]
fn odd_configurations_are_quoted_or_left_out() {
    let directory = tempdir().unwrap();
    let long = "x".repeat(300);
    for (n, config) in [
        String::new(),
        "label: a=1.10\nlabel: b=yes\nlabel: c=${HOME}\nlabel: d=\u{1b}[31m: # \"x\"\n".to_owned(),
        format!("label: long={long}\nlabel: *=star\nlabel: e=\n"),
        "config: Env=[\"A=1\",\"B=2=3\",\"A=4\",\"C\",\"=D\",\"E=\",\"F=${A}\"]\n".to_owned(),
        "config: Env=[\"path=a\",\"PATH=b\"]\nconfig: User=\"1000:1000\"\n".to_owned(),
        "config: User=\"0\"\nos: windows\n".to_owned(),
        "config: Labels={\"a\":\"one\\n\\ntwo\\n\",\"b\":\"operations:\\n\",\"c\":\"expect:\\n\\nx\\n\"}\n".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        let image = format!("tags: app:{n}\n{config}layer: 0644 a \"a\"\n");
        let image = written(directory.path(), &image);
        holds(directory.path(), &image, &[]);
    }
}

#[test]
fn a_file_that_exists_is_never_replaced() {
    let directory = tempdir().unwrap();
    let image = written(directory.path(), "tags: app:1\nlayer: 0644 a \"a\"\n");
    let to = |name: &str| {
        let out = directory.path().join(name);
        [
            "init".into(),
            image.clone().into_os_string(),
            "-o".into(),
            out.into_os_string(),
        ]
    };
    assert_eq!(ok(to("fix.yaml")), "");
    let patch = fs::read_to_string(directory.path().join("fix.yaml")).unwrap();
    assert_eq!(patch, init(&image, &[]));
    fs::write(directory.path().join("fix.yaml"), "mine").unwrap();
    std::os::unix::fs::symlink("nowhere", directory.path().join("link")).unwrap();
    for name in ["fix.yaml", "link"] {
        let message = fails(3, to(name));
        assert!(
            message.ends_with("` exists already; name a new file\n"),
            "{message}"
        );
    }
    assert_eq!(
        fs::read(directory.path().join("fix.yaml")).unwrap(),
        b"mine"
    );
    assert!(!directory.path().join("nowhere").exists());
    fails(2, to("app.tar"));
}
