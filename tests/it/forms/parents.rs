//! `Parent` in an item of `manifest.json`: the image of the archive that Docker built this one on.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use serde_json::json;

use super::items::{apply, change, ids, read};
use crate::edit::Archive;

/// Two images, of which Docker built the second on the first in one step.
fn built_on(fixture: &str) -> Archive {
    let mut archive = Archive::fixture(fixture);
    change(&mut archive, "d356a1995a", |config| {
        let history = config["history"].as_array_mut().unwrap();
        history.pop();
        history.remove(14);
    });
    archive.repair();
    let parent = ids(&mut archive).remove(0);
    change(&mut archive, "manifest.json", |items| {
        items[1]["Parent"] = json!(parent);
    });
    archive
}

/// The same, by somebody whose ids follow no rule of Docker's.
fn foreign() -> Archive {
    let mut archive = built_on("docker20-two-images.tar");
    let top = "ef1534d1759b030bbfcdb108be4d58186ab401fa4036a8916bcd599678778d0f";
    archive.replace_everywhere(top, &"2".repeat(64));
    archive
}

/// The same, by somebody who names files as Docker does and writes nothing beside them.
fn named() -> Archive {
    let mut archive = built_on("docker20-two-images.tar");
    archive.keep_named();
    archive
}

/// The same, by containerd.
pub(super) fn containerd() -> Archive {
    let mut archive = built_on("docker26-two-images.tar");
    change(&mut archive, "manifest.json", |items| {
        for item in items.as_array_mut().unwrap() {
            item.as_object_mut().unwrap().remove("LayerSources");
        }
    });
    archive.remove("repositories");
    archive
}

/// What is expected of `Parent`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Parent {
    Follows,
    Goes,
}

/// Docker refuses an image whose parent in the archive is not its history less one entry.
#[test]
fn an_image_names_the_one_that_it_was_built_on_as_long_as_its_history_says_so() {
    const LABEL: &str = "operations: [set-label: {mylabel: modifiedvalue}]\n";
    const TAG: &str = "operations: [add-tag: ['app:2']]\n";
    let archives = [
        built_on("docker20-two-images.tar"),
        built_on("docker26-two-images.tar"),
        foreign(),
        named(),
        containerd(),
    ];
    for (n, archive) in archives.iter().enumerate() {
        for (images, history, operations, wanted) in [
            ("greeter:1", "history: none\n", LABEL, Parent::Follows),
            ("greeter2", "history: none\n", LABEL, Parent::Follows),
            ("greeter*", "history: none\n", LABEL, Parent::Follows),
            ("greeter:1", "", LABEL, Parent::Goes),
            ("greeter2", "", LABEL, Parent::Goes),
            ("greeter*", "", LABEL, Parent::Goes),
            ("greeter:1", "", TAG, Parent::Follows),
            ("greeter2", "", TAG, Parent::Follows),
        ] {
            let patch = format!("target: {{images: ['{images}']}}\n{history}{operations}");
            let (plan, mut output) = apply(archive, &patch);
            let parent = &read(&mut output, "manifest.json")[1]["Parent"];
            let parent = parent.as_str().map(str::to_owned);
            let id = ids(&mut output).remove(0);
            let expected = (wanted == Parent::Follows).then_some(id);
            assert_eq!(parent, expected, "{n}: {patch}");
            let note = "`greeter2:latest` no longer names its parent image";
            assert_eq!(plan.contains(note), wanted == Parent::Goes, "{n}: {plan}");
        }
    }
}

/// Docker drops such a link when it loads the archive.
#[test]
fn a_parent_that_is_not_in_the_archive_stays() {
    for fixture in ["docker20.tar", "docker26.tar", "docker26-containerd.tar"] {
        let mut archive = Archive::fixture(fixture);
        let parent = format!("sha256:{}", "1".repeat(64));
        change(&mut archive, "manifest.json", |items| {
            items[0]["Parent"] = json!(parent);
        });
        let (plan, mut output) = apply(&archive, "operations: [set-label: {a: b}]\n");
        let items = read(&mut output, "manifest.json");
        assert_eq!(items[0]["Parent"], json!(parent), "{fixture}");
        assert!(!plan.contains("parent"), "{plan}");
    }
}
