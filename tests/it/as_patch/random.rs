//! Random images: such as operations can say everything of, and others.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::images::{Image, Pairs, object};
use crate::lossless::documents;

/// Texts that YAML, globs or args could take for something else.
fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(
        &[
            "no",
            "1.10",
            "~",
            " a",
            "a ",
            "a: b",
            "# a",
            "- a",
            "${x}",
            "$${",
            "*",
            "a*",
            "?",
            "'\"\\",
            "line\nline\n",
            "\ttab",
            "{a}",
            "[b]",
            "0x1f",
            "é\u{301}",
            "\u{1f600}\u{2028}",
            "true",
            "a",
        ][..],
    );
    let text = prop_oneof![4 => odd.prop_map(str::to_owned), 1 => "\\PC{1,8}"];
    // As a key it would be a merge key of YAML.
    text.prop_filter("no key of a patch", |text| text != "<<")
}

fn word() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(char::is_control, ""))
}

fn pairs(key: impl Strategy<Value = String>, prefix: &'static str) -> impl Strategy<Value = Pairs> {
    let pair = (key, prop_oneof![4 => text(), 1 => Just(String::new())]);
    prop::collection::vec(pair, 0..4).prop_map(move |pairs| {
        let mut seen = BTreeSet::new();
        let named = pairs
            .into_iter()
            .map(|(key, value)| (format!("{prefix}{key}"), value));
        named.filter(|(key, _)| seen.insert(key.clone())).collect()
    })
}

/// A key and its value, or neither.
fn optional(
    key: &'static str,
    value: impl Strategy<Value = Value> + 'static,
) -> BoxedStrategy<Vec<(&'static str, Value)>> {
    prop_oneof![
        2 => Just(Vec::new()),
        3 => value.prop_map(move |value| vec![(key, value)]),
    ]
    .boxed()
}

fn choice(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::sample::select(values).prop_map(|text| serde_json::from_str(text).unwrap())
}

fn texts(prefix: &'static str) -> impl Strategy<Value = Value> {
    let text = text().prop_map(move |text| json!(format!("{prefix}{text}")));
    prop::collection::vec(text, 1..4).prop_map(Value::Array)
}

fn sets(prefix: &'static str) -> impl Strategy<Value = Value> {
    let pair = word().prop_map(move |text| (format!("{prefix}{text}"), json!({})));
    prop::collection::vec(pair, 1..4).prop_map(|pairs| pairs.into_iter().collect())
}

/// A configuration of fields that operations know, with values that they take.
fn config() -> impl Strategy<Value = String> {
    let word = || text().prop_map(Value::from);
    let environment = pairs(word_without_equals(), "").prop_map(|pairs| {
        pairs
            .into_iter()
            .map(|(name, value)| json!(format!("{name}={value}")))
            .collect()
    });
    let labels = pairs(self::word(), "").prop_map(|pairs| object(&pairs));
    let times = || choice(&["1000000", "30000000000", "5430001000000", "0"]);
    let check = members(vec![
        optional(
            "Test",
            choice(&[
                "[\"NONE\"]",
                "[\"CMD\",\"a\",\" no\"]",
                "[\"CMD-SHELL\",\"a: b\\n\"]",
            ]),
        ),
        optional("Interval", times()),
        optional("Timeout", times()),
        optional("StartPeriod", times()),
        optional("Retries", choice(&["1", "3"])),
    ]);
    let inner = members(vec![
        optional("Hostname", word()),
        optional("Domainname", word()),
        optional("User", word()),
        optional(
            "ExposedPorts",
            choice(&[
                "{\"80/tcp\":{}}",
                "{\"80/tcp\":{},\"53/udp\":{}}",
                "{\"8080/tcp\":{}}",
            ]),
        ),
        optional("Env", environment),
        optional("Cmd", texts("")),
        optional("Healthcheck", check),
        optional("Volumes", sets("/")),
        optional(
            "WorkingDir",
            text().prop_map(|text| json!(format!("/{text}"))),
        ),
        optional("Entrypoint", texts("")),
        optional("OnBuild", texts("RUN ")),
        optional("Labels", labels),
        optional(
            "StopSignal",
            choice(&["\"SIGTERM\"", "\"9\"", "\"RTMIN+3\""]),
        ),
        optional("StopTimeout", choice(&["0", "-1", "30"])),
        optional("Shell", texts("")),
    ]);
    members(vec![
        Just(vec![
            ("architecture", json!("arm64")),
            ("os", json!("linux")),
        ])
        .boxed(),
        optional("author", word()),
        optional("comment", word()),
        optional(
            "created",
            choice(&[
                "\"2024-05-06T07:08:09Z\"",
                "\"2024-05-06T07:08:09.120+02:00\"",
            ]),
        ),
        optional("variant", choice(&["\"v8\"", "\"v9\""])),
        optional("os.version", choice(&["\"10.0\""])),
        optional("os.features", choice(&["[\"win32k\"]", "[\"a\",\"b\"]"])),
        optional("config", inner),
        Just(vec![("rootfs", json!({"type": "layers"}))]).boxed(),
    ])
    .prop_map(|config| config.to_string())
}

fn word_without_equals() -> impl Strategy<Value = String> {
    word().prop_map(|word| match word.replace('=', "") {
        word if word.is_empty() => "A".to_owned(),
        word => word,
    })
}

fn members(fields: Vec<BoxedStrategy<Vec<(&'static str, Value)>>>) -> impl Strategy<Value = Value> {
    fields.prop_map(|fields| {
        let members = fields.into_iter().flatten();
        members
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    })
}

fn with_config(config: impl Strategy<Value = String>) -> impl Strategy<Value = Image> {
    let names = ["app:1", "app:2", "registry.example.com/team/app:1"];
    let tags = prop::sample::subsequence(names.to_vec(), 1..=3);
    let annotations = || pairs(word(), "x.");
    (config, annotations(), annotations(), tags).prop_map(
        |(config, annotations, descriptor_annotations, tags)| Image {
            config,
            annotations,
            descriptor_annotations,
            tags: tags.into_iter().map(str::to_owned).collect(),
        },
    )
}

/// An image of which operations can say everything.
pub(super) fn image() -> impl Strategy<Value = Image> {
    with_config(config())
}

/// An image with much in it that no operation knows.
pub(super) fn wild_image() -> impl Strategy<Value = Image> {
    with_config(documents::config())
}
