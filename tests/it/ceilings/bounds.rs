//! Bounds, each from both sides: what is met and what is allowed is said.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use serde_json::json;

use super::made::{Image, deep, docker, files, layout, one, parts, patch, tar};
use super::{INSPECT, PLAN, UNPACK, VERIFY, label, labels};
use crate::binary::limited;

/// Processor time that a run may take: some go as far as they may.
const SECONDS: u32 = 30;

/// Returns the code with which a command ends within the ceilings of so much input, and what it says.
fn run(home: &Path, n_input: u64, command: &[&str]) -> (Option<i32>, String) {
    let output = limited(home, (64 << 20) + 64 * n_input, SECONDS, command);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// Plans one operation on an image of three files.
fn planned(operation: &str) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("source")).unwrap();
    let image = Image {
        history: vec![json!({"created_by": "a".repeat(60)})],
        ..Image::named("app:1")
    };
    let n = one(&home.path().join("a.tar"), &image, &[files(3)]);
    let n = n + patch(home.path(), [operation.to_owned()]);
    run(home.path(), n, PLAN)
}

#[test]
fn a_pattern_is_no_longer_than_a_path() {
    type Operation = fn(String) -> String;
    let operations: [(&str, &str, Operation); 4] = [
        ("/", "/**/a*", |pattern| {
            format!("remove-path: {{match: [\"{pattern}\"], if-missing: ignore}}")
        }),
        ("", "a*", |pattern| {
            format!("unset-label: {{match: [\"{pattern}\"], if-missing: ignore}}")
        }),
        ("", "/***", |pattern| {
            format!("add-layer: {{from: source, to: /x, exclude: [\"**{pattern}\"]}}")
        }),
        ("", "a*", |pattern| {
            format!("remove-tag: {{match: [\"{pattern}\"], if-missing: ignore}}")
        }),
    ];
    for (before, unit, operation) in operations {
        let n_prefix = if unit == "/***" { 2 } else { before.len() };
        let pattern = |n: usize| {
            let units = unit.repeat((n - n_prefix) / unit.len());
            format!("{before}{units:a<width$}", width = n - n_prefix)
        };
        let (code, text) = planned(&operation(pattern(4096)));
        assert!(!text.contains("are allowed"), "{text}");
        assert!(matches!(code, Some(0 | 1)), "{code:?} {text}");
        let (code, text) = planned(&operation(pattern(4097)));
        assert_eq!(code, Some(1), "{text}");
        let words = text.split_whitespace().filter(|word| *word != "│");
        let text = words.collect::<Vec<_>>().join(" ");
        assert!(
            text.contains("a pattern of 4097 bytes; at most 4096 are allowed"),
            "{text}"
        );
    }
}

#[test]
fn a_regular_expression_compiles_to_little() {
    let operation =
        |pattern: &str| format!("remove-layer: {{created-by: \"{pattern}\", if-missing: ignore}}");
    for pattern in ["(a*)*".repeat(40), "(ab?){1,40}".to_owned()] {
        let (code, text) = planned(&operation(&pattern));
        assert!(!text.contains("compiles to more"), "{code:?} {text}");
    }
    for pattern in [
        "(a*)*".repeat(800),
        "((a{30}){30}){30}".to_owned(),
        "(ab?c*){2000}".to_owned(),
    ] {
        let (code, text) = planned(&operation(&pattern));
        assert_eq!(code, Some(1), "{text}");
        let words = text.split_whitespace().filter(|word| *word != "│");
        let text = words.collect::<Vec<_>>().join(" ");
        assert!(text.contains("compiles to more than 65536 bytes"), "{text}");
    }
}

#[test]
fn directories_that_no_entry_describes_follow_from_the_headers() {
    for (n, is_allowed) in [(2, true), (3, false), (300, false)] {
        let home = tempfile::tempdir().unwrap();
        let (path, image) = (home.path().join("a.tar"), Image::named("app:1"));
        let n_input = layout(&path, &[image], &[deep(n)], (true, false));
        let operation = "remove-path: {match: [\"/**/f\"]}".to_owned();
        let n_input = n_input + patch(home.path(), [operation]);
        for command in [PLAN, INSPECT, UNPACK] {
            let (code, text) = run(home.path(), n_input, command);
            let text: String = text.chars().rev().take(300).collect();
            let text: String = text.chars().rev().collect();
            if is_allowed {
                assert_eq!(code, Some(0), "{command:?} {text}");
                continue;
            }
            assert_eq!(code, Some(3), "{command:?} {text}");
            let said = "the paths of directories without entries have ";
            assert!(text.contains(said), "{command:?} {text}");
            assert!(text.contains("(8 MiB and 4 times the headers)"), "{text}");
        }
        assert_eq!(run(home.path(), n_input, VERIFY).0, Some(0));
    }
    // An archive is a tar too. Each directory that is made takes its time.
    for (n, is_allowed) in [(1, true), (3, false)] {
        let home = tempfile::tempdir().unwrap();
        one(
            &home.path().join("b.tar"),
            &Image::named("app:1"),
            &[files(3)],
        );
        let mut archive = deep(n);
        archive.truncate(archive.len() - 1024);
        archive.extend(fs::read(home.path().join("b.tar")).unwrap());
        fs::write(home.path().join("a.tar"), &archive).unwrap();
        let unpack = ["unpack", "a.tar", "out"];
        let (code, text) = run(home.path(), archive.len() as u64, &unpack);
        let wanted = if is_allowed { 0 } else { 3 };
        assert_eq!(code, Some(wanted), "{text}");
    }
}

#[test]
fn a_plan_goes_through_so_much() {
    let too_much = "too-much-work";
    let pattern = |i: usize| format!("\"x*y*{i}\"");
    let removal = |kind: &str, n| {
        parts(
            &format!("{kind}: {{match: ["),
            n,
            pattern,
            "], if-missing: ignore}",
        )
    };
    for (n, is_allowed) in [(2000, true), (3500, false)] {
        let home = tempfile::tempdir().unwrap();
        let image = Image::of(labels(n, "v"));
        let n_input = one(&home.path().join("a.tar"), &image, &[files(3)]);
        let n_input = n_input + patch(home.path(), removal("unset-label", n));
        let (code, text) = run(home.path(), n_input, PLAN);
        assert_eq!(code, Some(i32::from(!is_allowed)), "{text}");
        assert_eq!(text.contains(too_much), !is_allowed, "{text}");
    }
    // Patterns over paths, and layers that are laid anew.
    let patterns = |n| {
        let pattern = |i: usize| format!("\"/**/x{i}*\"");
        parts(
            "remove-path: {match: [",
            n,
            pattern,
            "], if-missing: ignore}",
        )
        .to_vec()
    };
    let layings = |n: usize| {
        let mode = |i| format!("set-mode: {{set: {{/f{i}: \"0600\"}}, in: layer}}");
        (0..n).map(mode).collect::<Vec<_>>()
    };
    let cases: [(Vec<String>, Vec<String>); 2] = [
        (patterns(400), patterns(20_000)),
        (layings(50), layings(3000)),
    ];
    for (few, many) in cases {
        let home = tempfile::tempdir().unwrap();
        let image = Image::named("app:1");
        let n_input = one(&home.path().join("a.tar"), &image, &[files(3000)]);
        for (operations, is_allowed) in [(few, true), (many, false)] {
            let n_input = n_input + patch(home.path(), operations);
            let (code, text) = run(home.path(), n_input, PLAN);
            assert_eq!(code, Some(i32::from(!is_allowed)), "{text}");
            assert_eq!(text.contains(too_much), !is_allowed, "{text}");
        }
    }
}

#[test]
fn what_is_no_tar_ends_at_its_first_blocks() {
    let home = tempfile::tempdir().unwrap();
    label(home.path());
    for command in [
        &["inspect", "/dev/zero"][..],
        &["verify", "/dev/zero"],
        &["plan", "patch.yaml", "/dev/zero"],
        &["apply", "patch.yaml", "/dev/zero", "-o", "out.tar"],
        &["diff", "/dev/zero", "/dev/zero"],
        &["unpack", "/dev/zero", "out"],
        &["unpack", "--layers", "/dev/zero", "out"],
    ] {
        let (code, text) = run(home.path(), 0, command);
        assert_eq!(code, Some(3), "{command:?} {text}");
        assert!(text.contains("is a tar without entries"), "{text}");
    }
    let (code, text) = run(home.path(), 0, &["inspect", "/dev/urandom"]);
    assert_eq!(code, Some(3), "{text}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn a_target_that_fits_nothing_is_told_before_layers_are_read() {
    let home = tempfile::tempdir().unwrap();
    let image = Image::named("app:1");
    let no_layer = tar([("f", "")])[..700].to_vec();
    one(&home.path().join("a.tar"), &image, &[no_layer]);
    let write = |target: &str| {
        let text = format!(
            "apiVersion: ocipatch/v1\ntarget: {target}\noperations:\n  - remove-path: [/f]\n  - squash: all\n"
        );
        fs::write(home.path().join("patch.yaml"), text).unwrap();
    };
    write("{images: [\"app:1\"]}");
    let (code, text) = run(home.path(), 0, PLAN);
    assert_eq!(code, Some(3), "{text}");
    for target in [
        "{images: [\"app:2\"]}",
        "{platforms: [linux/arm64]}",
        "{images: [\"other*\"]}",
    ] {
        write(target);
        let (code, text) = run(home.path(), 0, PLAN);
        assert_eq!(code, Some(1), "{target} {text}");
    }
}

#[test]
fn images_that_share_a_document_are_counted_each() {
    for (n, is_allowed) in [(11, true), (14, false), (300, false)] {
        let home = tempfile::tempdir().unwrap();
        let image = |i: usize| Image {
            config: json!({"Labels": {"long": "a".repeat(1 << 20)}}),
            ..Image::named(&format!("app:{i}"))
        };
        let images: Vec<Image> = (0..n).map(image).collect();
        let n_input = docker(&home.path().join("a.tar"), &images, &[files(3)]);
        let n_input = n_input + label(home.path());
        for command in [PLAN, INSPECT] {
            let (code, text) = run(home.path(), n_input, command);
            if is_allowed {
                assert_eq!(code, Some(0), "{text}");
                continue;
            }
            assert_eq!(code, Some(3), "{text}");
            let said = "are allowed (8 MiB and 4 times the documents)";
            assert!(text.contains(said), "{text}");
        }
    }
}

#[test]
fn a_layout_leads_to_so_many_documents() {
    for (n, said) in [
        (9999, None),
        (10_001, Some("is document 10001 of at most 10000")),
    ] {
        let home = tempfile::tempdir().unwrap();
        let image = |i: usize| Image {
            config: json!({"Labels": {"n": i.to_string()}}),
            ..Image::named(&format!("app:{i}"))
        };
        let images: Vec<Image> = (0..n).map(image).collect();
        let path = home.path().join("a.tar");
        let n_input = layout(&path, &images, &[files(3)], (false, false));
        let (code, text) = run(home.path(), n_input, INSPECT);
        let wanted = if said.is_some() { 3 } else { 0 };
        assert_eq!(code, Some(wanted), "{text}");
        assert!(said.is_none_or(|said| text.contains(said)), "{text}");
    }
}
