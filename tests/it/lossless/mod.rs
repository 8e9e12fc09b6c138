//! Whatever a configuration looks like, an operation changes what it names and no other byte.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

pub(crate) mod documents;
mod tokens;

use proptest::prelude::*;

use crate::operations::{documented, field_samples, patched};
use crate::random::cases;
use documents::config;
use tokens::{Token, tokens};

/// The tokens that no named path leads to, commas aside; the white space of one that follows a gap or a comma is its
/// neighbour's to change.
fn rest(text: &str, named: &[Vec<String>]) -> Vec<(Option<String>, String)> {
    let mut rest = Vec::new();
    let mut is_free = false;
    for token in tokens(text) {
        let is_named = named.iter().any(|path| token.path.starts_with(path));
        if is_named || token.text == "," {
            is_free |= is_named;
            continue;
        }
        let blank = (!is_free).then_some(token.blank);
        is_free = false;
        rest.push((blank, token.text));
    }
    rest
}

fn assert_same_rest(before: &str, after: &str, named: &[Vec<String>]) {
    let (before_rest, after_rest) = (rest(before, named), rest(after, named));
    assert_eq!(before_rest.len(), after_rest.len(), "{before}\n{after}");
    for (old, new) in before_rest.iter().zip(&after_rest) {
        assert_eq!(old.1, new.1, "{before}\n{after}");
        // An item that was the first or last of a list gives its place to a new one.
        if let (Some(old), Some(new)) = (&old.0, &new.0) {
            assert_eq!(old.trim(), "");
            assert_eq!(old, new, "{before}\n{after}");
        }
    }
}

/// The operations but for those that set one field, and the keys that each of them names.
const OPERATIONS: &[(&str, &[&str])] = &[
    ("set-label: { a: b, '\u{e9}': c }", &["config.Labels"]),
    (
        "unset-label: { match: ['*a*'], if-missing: ignore }",
        &["config.Labels"],
    ),
    ("set-env: { A: b, NEW: '<&>' }", &["config.Env"]),
    (
        "unset-env: { match: ['A*'], if-missing: ignore }",
        &["config.Env"],
    ),
    (
        "prepend-env: { A: { value: x, if-missing: ignore } }",
        &["config.Env"],
    ),
    (
        "append-env: { A: { value: x, if-missing: ignore } }",
        &["config.Env"],
    ),
    ("add-port: [80, 53/udp]", &["config.ExposedPorts"]),
    (
        "remove-port: { match: ['8*'], if-missing: ignore }",
        &["config.ExposedPorts"],
    ),
    ("add-volume: [/data]", &["config.Volumes"]),
    (
        "remove-volume: { match: ['/*'], if-missing: ignore }",
        &["config.Volumes"],
    ),
    (
        "set-healthcheck: { interval: 30s }",
        &["config.Healthcheck.Interval"],
    ),
    (
        "set-healthcheck: { test: x, retries: 3 }",
        &["config.Healthcheck.Test", "config.Healthcheck.Retries"],
    ),
    ("add-onbuild: [RUN x]", &["config.OnBuild"]),
    (
        "unset: { match: [cmd, healthcheck.timeout], if-missing: ignore }",
        &["config.Cmd", "config.Healthcheck.Timeout"],
    ),
    (
        "unset: { match: [healthcheck, env, author], if-missing: ignore }",
        &["config.Healthcheck", "config.Env", "author"],
    ),
    (
        "set-platform: { architecture: arm, variant: v7 }",
        &["architecture", "variant"],
    ),
    (
        "set-platform: { os-features: [x], os-version: '1' }",
        &["os.features", "os.version"],
    ),
];

fn named(paths: &[&str]) -> Vec<Vec<String>> {
    let inner = |path: &&str| match *path {
        "os.features" | "os.version" => vec![(*path).to_owned()],
        path => path.split('.').map(str::to_owned).collect(),
    };
    paths.iter().map(inner).collect()
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|&key| key.to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(50)))]

    #[test]
    fn an_operation_changes_only_what_it_names(config in config()) {
        let named_here = OPERATIONS.iter().map(|(line, paths)| ((*line).to_owned(), named(paths)));
        let fields = field_samples(std::iter::empty()).into_iter();
        let fields = fields.map(|field| (field.line, vec![owned(field.path)]));
        for (operation, mut named) in named_here.chain(fields) {
            let patch = format!("apiVersion: ocipatch/v1\noperations:\n- {operation}\n");
            let after = patched(&config, &patch)
                .unwrap_or_else(|rejected| panic!("{operation}: {config}: {:#}", rejected.to_json()));
            // What stands above a new field may be new too, or null before.
            let old = tokens(&config);
            named.push(vec!["history".to_owned(), n_entries(&old).to_string()]);
            for path in &mut named {
                let is_none = |n: &usize| {
                    !old.iter().any(|token| token.path == path[..*n] && token.text == "{")
                };
                if let Some(n) = (1..path.len()).find(is_none) {
                    path.truncate(n);
                }
            }
            assert_same_rest(&config, &after, &named);
            let again = patched(&after, &patch).unwrap();
            prop_assert_eq!(again, after, "{} twice", operation);
        }
    }
}

/// Patches that come to nothing, or to nothing in the configuration.
const NO_OPERATIONS: &[&str] = &[
    "retag: ['other:1']",
    "unset-label: { match: [nowhere], if-missing: ignore }",
    "remove-port: { match: ['1'], if-missing: ignore }",
    "prepend-env: { NOWHERE: { value: x, if-missing: ignore } }",
    "unset: { match: [shell, stop-signal, comment, variant], if-missing: ignore }",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(75)))]

    #[test]
    fn what_no_operation_changes_keeps_every_byte(config in config()) {
        for operation in NO_OPERATIONS {
            let is_there = |key: &str| config.contains(&format!("\"{key}\""));
            if operation.starts_with("unset:") && ["Shell", "StopSignal", "comment", "variant"].into_iter().any(is_there) {
                continue;
            }
            let patch = format!("apiVersion: ocipatch/v1\noperations:\n- {operation}\n");
            prop_assert_eq!(&patched(&config, &patch).unwrap(), &config, "{}", operation);
        }
    }
}

/// How many entries the history has.
fn n_entries(tokens: &[Token]) -> usize {
    let indices = tokens
        .iter()
        .filter_map(|token| match token.path.as_slice() {
            [key, index, ..] if key == "history" => index.parse::<usize>().ok(),
            _ => None,
        });
    indices.max().map_or(0, |last| last + 1)
}

#[test]
fn every_operation_on_the_configuration_is_tried() {
    let fields = field_samples(std::iter::empty());
    for operation in documented().iter().filter(|o| o.is_of_configuration()) {
        let begins = format!("{}:", operation.name);
        let is_tried = OPERATIONS.iter().any(|(text, _)| text.starts_with(&begins));
        let is_tried = is_tried || fields.iter().any(|field| field.name == operation.name);
        assert!(is_tried, "{}", operation.name);
    }
}

#[test]
fn the_check_sees_a_byte() {
    let before = r#"{"a": [1, {"b":2}],"c":3}"#;
    let named = [vec!["c".to_owned()]];
    assert_same_rest(before, r#"{"a": [1, {"b":2}]}"#, &named);
    for after in [
        r#"{"a": [1, {"b":2.0}],"c":3}"#,
        r#"{"a": [1,{"b":2}],"c":3}"#,
        r#"{"a": [{"b":2}],"c":3}"#,
    ] {
        assert!(std::panic::catch_unwind(|| assert_same_rest(before, after, &named)).is_err());
    }
}
