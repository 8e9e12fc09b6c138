//! Ceilings of memory and work: 64 MiB and 64 bytes for each byte of headers and documents, and work in proportion.
//!
//! Nothing is timed here. The kernel ends a run that takes more memory, or that is busy for longer than [`SECONDS`]:
//! where work grew with the square, each of these inputs took minutes. `tests/bench/growth` measures how it grows.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bounds;
mod made;

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::binary::limited;
use crate::random::cases;
use made::{Image, docker, file, files, layout, one, parts, patch};

/// Processor time that a run may take with all of an input, many times what it needs.
const SECONDS: u32 = 10;

const PLAN: &[&str] = &["plan", "patch.yaml", "a.tar"];
const INSPECT: &[&str] = &["inspect", "--files", "a.tar"];
const DIFF: &[&str] = &["diff", "--files", "a.tar", "b.tar"];
const VERIFY: &[&str] = &["verify", "a.tar"];
const UNPACK: &[&str] = &["unpack", "--layers", "a.tar", "out"];
const AS_PATCH: &[&str] = &[
    "diff",
    "--as-patch",
    "--partial",
    "--layers",
    "made",
    "a.tar",
    "b.tar",
];

/// How much of an input there is, in halves: all of it where random cases are twice as many.
fn halves() -> u32 {
    cases(1).min(2)
}

/// So many, or half of them.
fn many(n: usize) -> usize {
    n * halves() as usize / 2
}

/// Runs every command on what `make` puts there; `make` returns what its headers and documents come to.
#[track_caller]
fn hold(make: impl FnOnce(&Path) -> u64, commands: &[&[&str]]) {
    let home = tempfile::tempdir().unwrap();
    // Less than what is promised beside the input: of small inputs that alone would hide what each byte of them takes.
    let n_bytes = (24 << 20) + 64 * make(home.path());
    for command in commands {
        let output = limited(home.path(), n_bytes, SECONDS * halves() / 2, command);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stderr: String = stderr.chars().take(400).collect();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{command:?}: {:?}\n{stderr}",
            output.status
        );
    }
}

const LABEL: &str = "set-label: {growth: yes}";

fn label(home: &Path) -> u64 {
    patch(home, [LABEL.to_owned()])
}

/// Two images that differ in their configuration.
fn configs(home: &Path, config: impl Fn(&str) -> Value) -> u64 {
    let layers = [files(3)];
    one(&home.join("b.tar"), &Image::of(config("w")), &layers);
    one(&home.join("a.tar"), &Image::of(config("v")), &layers) + label(home)
}

fn labels(n: usize, mark: &str) -> Value {
    let pair = |i| (format!("com.example.key{i}"), format!("{mark}{i}").into());
    json!({"Labels": (0..n).map(pair).collect::<Map<_, _>>()})
}

fn env(n: usize, mark: &str) -> Value {
    let text = |i| format!("KEY{i}={mark}{i}");
    json!({"Env": (0..n).map(text).collect::<Vec<_>>()})
}

#[test]
fn layers() {
    let n = 15_000;
    let layers: Vec<Vec<u8>> = (0..n).map(|i| file(format!("f{i}"))).collect();
    let image = Image {
        layers: (0..n).collect(),
        history: (0..n)
            .map(|i| json!({"created_by": format!("RUN {i}")}))
            .collect(),
        ..Image::named("app:1")
    };
    let few = Image {
        layers: vec![0],
        ..Image::named("app:1")
    };
    let made = |home: &Path| {
        docker(
            &home.join("b.tar"),
            std::slice::from_ref(&few),
            &layers[..1],
        );
        docker(&home.join("a.tar"), std::slice::from_ref(&image), &layers) + label(home)
    };
    hold(made, &[PLAN, INSPECT, DIFF, VERIFY]);
    let made = |home: &Path| {
        one(&home.join("b.tar"), &few, &layers[..1]);
        one(&home.join("a.tar"), &image, &layers) + patch(home, ["squash: all".to_owned()])
    };
    hold(made, &[PLAN, INSPECT, DIFF, AS_PATCH, VERIFY]);
}

#[test]
fn images() {
    let n = many(1500);
    let images = |mark: &str| -> Vec<Image> {
        let image = |i: usize| Image {
            config: json!({"Labels": {"n": format!("{mark}{i}")}}),
            ..Image::named(&format!("app:{i}"))
        };
        (0..n).map(image).collect()
    };
    let (a, b, layers) = (images("a"), images("b"), [files(20)]);
    let made = |home: &Path| {
        docker(&home.join("b.tar"), &b, &layers);
        docker(&home.join("a.tar"), &a, &layers) + label(home)
    };
    hold(made, &[PLAN, INSPECT, DIFF, AS_PATCH, VERIFY]);
    for is_one_index in [false, true] {
        let made = |home: &Path| {
            layout(&home.join("b.tar"), &b, &layers, (false, is_one_index));
            layout(&home.join("a.tar"), &a, &layers, (false, is_one_index)) + label(home)
        };
        hold(made, &[PLAN, INSPECT, DIFF, VERIFY]);
    }
}

#[test]
fn tags() {
    let image = |name: &str, n| Image {
        tags: (0..n).map(|i| format!("{name}:{i}")).collect(),
        ..Image::named("")
    };
    let layers = [files(20)];
    let made = |home: &Path| {
        docker(
            &home.join("b.tar"),
            &[image("other", many(20_000))],
            &layers,
        );
        docker(&home.join("a.tar"), &[image("app", many(20_000))], &layers) + label(home)
    };
    hold(made, &[PLAN, INSPECT, DIFF, VERIFY]);
    // An `index.json` has at most 4 MiB.
    let made = |home: &Path| {
        one(&home.join("b.tar"), &image("other", many(5000)), &layers);
        let add = parts("add-tag: [", 700, |i| format!("app:x{i}"), "]");
        one(&home.join("a.tar"), &image("app", many(5000)), &layers) + patch(home, add)
    };
    hold(made, &[PLAN, INSPECT, DIFF, AS_PATCH, VERIFY]);
}

#[test]
fn labels_and_variables() {
    hold(
        |home| configs(home, |mark| labels(many(16_000), mark)),
        &[PLAN, INSPECT, DIFF],
    );
    hold(
        |home| configs(home, |mark| env(many(10_000), mark)),
        &[PLAN, INSPECT, DIFF],
    );
    let made = |home: &Path| {
        configs(home, |mark| {
            labels(if mark == "v" { 0 } else { many(7000) }, mark)
        })
    };
    hold(made, &[AS_PATCH]);
}

#[test]
fn history_and_lists() {
    let image = |mark: &str| Image {
        history: (0..many(10_000))
            .map(|i| json!({"created_by": format!("RUN {mark} {i}"), "empty_layer": i > 0}))
            .collect(),
        ..Image::named("app:1")
    };
    let made = |home: &Path| {
        one(&home.join("b.tar"), &image("w"), &[files(3)]);
        one(&home.join("a.tar"), &image("v"), &[files(3)]) + label(home)
    };
    hold(made, &[PLAN, INSPECT, DIFF]);
    let config = |mark: &str| {
        let texts: Vec<String> = (0..many(5000)).map(|i| format!("{mark}{i}")).collect();
        let volumes = texts.iter().map(|text| (format!("/{text}"), json!({})));
        json!({"Cmd": texts, "Volumes": volumes.collect::<Map<_, _>>()})
    };
    hold(|home| configs(home, config), &[PLAN, DIFF, AS_PATCH]);
}

#[test]
fn operations() {
    let n = many(2500);
    let set = |config: Value, operation: fn(usize) -> String| {
        move |home: &Path| {
            one(&home.join("a.tar"), &Image::of(config.clone()), &[files(n)])
                + patch(home, (0..n).map(operation))
        }
    };
    let made = set(labels(n, "v"), |i| {
        format!("unset-label: [com.example.key{i}]")
    });
    hold(made, &[PLAN]);
    let made = set(env(n, "v"), |i| format!("set-env: {{KEY{i}: x}}"));
    hold(made, &[PLAN]);
    let made = set(json!({}), |i| format!("remove-path: [/f{i}]"));
    hold(made, &[PLAN]);
    let made = set(json!({}), |i| format!("set-mode: {{/f{i}: \"0600\"}}"));
    hold(made, &[PLAN]);
    let made = set(json!({}), |i| format!("add-tag: [app:x{i}]"));
    hold(made, &[PLAN]);
}

#[test]
fn parts_of_one_operation() {
    let n = many(7000);
    for operation in [
        parts("set-label: {", n, |i| format!("new.key{i}: x"), "}"),
        parts("set-env: {", n, |i| format!("KEY{i}: x"), "}"),
        parts("add-volume: [", n, |i| format!("/v{i}"), "]"),
        parts("remove-path: [", n, |i| format!("/f{i}"), "]"),
        parts("move-path: {", n, |i| format!("/f{i}: /g{i}"), "}"),
        parts("set-mode: {", n, |i| format!("/f{i}: \"0600\""), "}"),
        parts(
            "add-layer: {files: [",
            n / 2,
            |i| format!("{{path: /x/y{i}, content: a}}"),
            "]}",
        ),
    ] {
        let image = Image::of(env(n, "v"));
        let made =
            |home: &Path| one(&home.join("a.tar"), &image, &[files(n)]) + patch(home, operation);
        hold(made, &[PLAN]);
    }
}

#[test]
fn directories_in_directories() {
    let described = made::tar((1..1000).map(|i| ("a/".repeat(i) + "f", "")));
    let made = |home: &Path| {
        let operation = "remove-path: {match: [\"/**/f\"]}".to_owned();
        one(&home.join("b.tar"), &Image::named("app:1"), &[files(3)]);
        one(&home.join("a.tar"), &Image::named("app:1"), &[described]) + patch(home, [operation])
    };
    hold(made, &[PLAN, INSPECT, DIFF, VERIFY, UNPACK]);
}

#[test]
fn entries() {
    let layer = |mark: &str| {
        made::tar((0..many(10_000)).map(|i| (format!("d{}/f{i}", i / 100), mark.to_owned())))
    };
    let made = |home: &Path| {
        let operation = "set-owner: {\"/**\": \"1:1\"}".to_owned();
        one(&home.join("b.tar"), &Image::named("app:1"), &[layer("b")]);
        one(&home.join("a.tar"), &Image::named("app:1"), &[layer("a")]) + patch(home, [operation])
    };
    hold(made, &[PLAN, INSPECT, DIFF, VERIFY]);
}
