//! The two ways of `patches/README.md`, by hand and with ocipatch, and the first patch of `README.md`, on a real Docker.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::engine::{Docker, same_archive_20};
use crate::readme::{check_transcripts, shell, workspace};

const GREETING: &str = "hello from the patch\n";

/// What an image means to who runs it.
#[derive(Debug, PartialEq)]
struct Meaning {
    tags: serde_json::Value,
    config: serde_json::Value,
    tree: Vec<String>,
    greeting: String,
}

#[test]
fn both_ways_of_the_page_lead_to_the_same_image() {
    let Some(docker) = Docker::v20() else { return };
    docker.reset();
    let workspace = workspace();
    let shell = || shell_with(&docker, workspace.path());
    check_transcripts("patches/README.md", "console docker", shell);

    let by_hand = meaning(&docker, &workspace.path().join("by-hand.tar"));
    let patched = workspace.path().join("patched.tar");
    let mut apply = shell();
    let script = "ocipatch --quiet apply patches/greeter.yaml greeter.tar > patched.tar";
    assert!(apply.args(["-c", script]).status().unwrap().success());
    let with_ocipatch = meaning(&docker, &patched);
    assert_eq!(by_hand, with_ocipatch);
    assert_eq!(by_hand.tags, serde_json::json!(["greeter:2"]));
    assert_eq!(by_hand.config["Labels"]["mylabel"], "modifiedvalue");
    assert_eq!(by_hand.greeting, GREETING);

    // The store holds what `patched` was loaded into.
    let saved = workspace.path().join("saved.tar");
    docker.save(&["greeter:2"], &saved);
    same_archive_20(&patched, &saved);
    assert_eq!(fs::read(&patched).unwrap(), fs::read(&saved).unwrap());
}

#[test]
fn docker_runs_the_first_patch_of_the_readme() {
    let Some(docker) = Docker::v20() else { return };
    docker.reset();
    let workspace = workspace();
    let shell = || shell_with(&docker, workspace.path());
    check_transcripts("README.md", "console docker", shell);
}

/// A shell whose `docker` is this one.
fn shell_with(docker: &Docker, workspace: &Path) -> Command {
    let mut shell = shell(workspace);
    for (key, value) in docker.command(&[]).get_envs() {
        match value {
            Some(value) => shell.env(key, value),
            None => shell.env_remove(key),
        };
    }
    shell
}

#[track_caller]
fn meaning(docker: &Docker, archive: &Path) -> Meaning {
    docker.reset();
    docker.load(archive);
    let image = docker.inspect("greeter:2");
    Meaning {
        tags: image["RepoTags"].clone(),
        config: image["Config"].clone(),
        tree: docker.export_tree("greeter:2"),
        greeting: docker.run("greeter:2", &["/srv/hello"]),
    }
}
