//! What authors see in an editor: the language server of YAML, with the schema, completes, explains and complains.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod server;

use std::collections::BTreeSet;

use ocipatch::operation::definitions;
use ocipatch::patch::{Expectation, Operation};
use serde_json::Value;

use server::{Document, Server};

use crate::engine::fixture;

/// A patch with a cursor, `|`, behind its version.
fn patch(rest: &str) -> Document {
    Document::new("patch", &format!("apiVersion: ocipatch/v1\n{rest}"))
}

fn labels(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .map(|it| it["label"].as_str().unwrap())
        .collect()
}

#[test]
fn every_operation_is_offered_before_and_after_its_first_letters() {
    let Some(mut server) = Server::start() else {
        return;
    };
    for rest in [
        "operations:\n  - |\n",
        "operations:\n  - |",
        "operations:\n- |\n",
        "operations:\n  - set|\n",
        "operations:\n  - set-|\n",
        "operations:\n  - retag: [\"app:2\"]\n  - re|\n",
    ] {
        let items = server.complete(&patch(rest));
        assert_eq!(labels(&items), Operation::names(), "{rest}");
        for item in &items {
            let text = item["insertText"].as_str().unwrap();
            let name = item["label"].as_str().unwrap();
            let value = text.strip_prefix(name).unwrap();
            assert!(value.starts_with(':'), "{text}");
            let docs = item["documentation"]["value"].as_str().unwrap();
            let it = definitions().iter().find(|it| it.name == name).unwrap();
            assert!(docs.starts_with(it.docs.does), "{docs}");
            assert!(docs.contains(it.docs.takes), "{docs}");
        }
    }
}

#[test]
fn preconditions_keys_and_words_are_offered() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let items = server.complete(&patch("operations: [retag: [\"app:2\"]]\nexpect:\n  - |\n"));
    assert_eq!(labels(&items), Expectation::NAMES);
    let items = server.complete(&patch(
        "operations:\n  - add-layer:\n      from: rootfs\n      |\n",
    ));
    let options = labels(&items);
    assert!(
        options.contains(&"owner") && options.contains(&"compression"),
        "{options:?}"
    );
    assert!(!options.contains(&"from"), "{options:?}");
    for (rest, words) in [
        ("history: |\n", "per-patch per-operation none"),
        ("operations:\n  - recompress: |\n", "gzip zstd none"),
        ("operations:\n  - add-layer: {from: a, mtime: |}\n", "keep"),
        (
            "operations:\n  - rewrite-timestamps: |\n",
            "source-date-epoch",
        ),
    ] {
        let items = server.complete(&patch(rest));
        let offered: BTreeSet<&str> = labels(&items).into_iter().collect();
        assert!(
            words.split(' ').all(|word| offered.contains(word)),
            "{rest}: {offered:?}"
        );
    }
    let fleet = Document::new(
        "fleet",
        "apiVersion: ocipatch/v1\nkind: Fleet\nimages:\n  - |\n",
    );
    let items = server.complete(&fleet);
    assert!(labels(&items).contains(&"tags"), "{items:?}");
}

#[test]
fn the_cursor_on_a_key_shows_what_it_does() {
    let Some(mut server) = Server::start() else {
        return;
    };
    for it in definitions() {
        let (first, rest) = it.name.split_at(1);
        let example = it.docs.example;
        let hover = server.hover(&patch(&format!(
            "operations:\n  - {first}|{rest}: {example}\n"
        )));
        assert!(hover.starts_with(it.docs.does), "{}: {hover}", it.name);
    }
    let add_layer = "operations:\n  - add-layer:\n      from: rootfs\n      ";
    for (rest, shown) in [
        (
            format!("{add_layer}ow|ner: keep\n"),
            "The owner of all files, or `keep`",
        ),
        (
            format!("{add_layer}ow|ner: \"1:2\"\n"),
            "User and group as numbers",
        ),
        (
            "operations:\n  - unset-label: {match: [a], if-mis|sing: ignore}\n".to_owned(),
            "`ignore`: Do nothing.",
        ),
        (
            "expect:\n  - plat|form: linux/amd64\n".to_owned(),
            "The image is for this platform.",
        ),
        ("attest|ations: drop\n".to_owned(), "`drop`: Remove them."),
    ] {
        let hover = server.hover(&patch(&rest));
        assert!(hover.contains(shown), "{rest}: {hover}");
    }
}

#[test]
fn a_mistake_has_one_message_that_names_it() {
    let Some(mut server) = Server::start() else {
        return;
    };
    for (operation, message) in [
        ("set-lable: {a: b}", "set-lable"),
        (
            "set-mode: {/etc/motd: rw}",
            "write three or four octal digits",
        ),
        ("set-mode: {etc/motd: \"0644\"}", "write an absolute path"),
        ("set-owner: {/etc/motd: root}", "write two numbers"),
        (
            "add-port: [web]",
            "write `8080`, `53/udp` or `8000-8010/tcp`",
        ),
        ("set-env: {\"A=b\": c}", "write the name of a variable"),
        ("set-stop-signal: SIGFOO", "write a name such as `SIGTERM`"),
        ("recompress: brotli", "\"zstd\""),
        ("unset-label: {match: [a], if-missing: skip}", "\"ignore\""),
        ("add-layer: {from: a, ownr: keep}", "ownr"),
    ] {
        let messages = server.diagnose(&patch(&format!("operations:\n  - {operation}\n")));
        let [only] = messages.as_slice() else {
            panic!("{operation}: {messages:?}");
        };
        assert!(only.contains(message), "{operation}: {only}");
    }
    let expect = "expect:\n  - labels: {a: b}\noperations: [retag: [\"app:2\"]]\n";
    let messages = server.diagnose(&patch(expect));
    assert!(
        messages.len() == 1 && messages[0].contains("labels"),
        "{messages:?}"
    );
}

#[test]
fn recipes_are_clean_in_an_editor() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let patches = fixture("").join("../../patches");
    let mut n_recipes = 0;
    for item in std::fs::read_dir(patches).unwrap() {
        let path = item.unwrap().path();
        if path.extension().is_some_and(|it| it == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let messages = server.diagnose(&Document::new("patch", &text));
            assert!(messages.is_empty(), "{}: {messages:?}", path.display());
            n_recipes += 1;
        }
    }
    assert!(n_recipes > 10, "{n_recipes}");
}
