//! Real container engines, as oracles. Tests use those that are installed; `tests/engines/setup` installs them all, and
//! `SKIP_TOOLS=1` runs the tests as on a machine that has none.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests may fail and talk as tests do"
)]

mod archive_bytes;
mod daemon;
mod docker;
mod release;
mod tools;
mod tree;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use archive_bytes::{
    difference_20, difference_26, entries, same_archive_20, same_archive_26,
};
pub(crate) use daemon::{Kind, PATIENCE, Store, eventually, mounts_overlays};
pub(crate) use docker::Docker;
pub(crate) use release::Release;
pub(crate) use tools::{
    TAR_OF_TREE, podman_load, podman_load_and_save, podman_load_and_save_layout, podman_mounts,
    podman_pull, podman_refuses, skopeo_config, tool, tree_of_directory,
};
pub(crate) use tree::tree as tar_tree;

/// A file of `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// What a test does about an engine that is not there: it says so, and fails only where engines are promised.
pub(crate) fn absent(engine: &str, reason: &str) {
    check_promise(engine, reason);
    println!("skipped: {engine} is missing: {reason}");
}

/// Fails where engines are promised.
fn check_promise(engine: &str, reason: &str) {
    assert!(
        std::env::var_os("REQUIRE_TOOLS").is_none_or(|value| value != "1"),
        "REQUIRE_TOOLS=1, but {engine} is missing: {reason}"
    );
}

/// The tool of this machine; without it, a test uses something of ours and is not skipped.
pub(crate) fn replaceable_tool(name: &str) -> Option<Command> {
    let program = find(name);
    if program.is_none() {
        check_promise(name, "not on PATH");
    }
    program.map(Command::new)
}

/// A tool from the registry of Python or Node that `tests/engines/setup` installs; where it could not reach them, its tests are skipped even if engines are
/// promised.
pub(crate) fn from_registry(name: &str) -> Option<Command> {
    let tools = std::env::var_os("OCIPATCH_TOOLS");
    let tools = tools.map_or_else(|| PathBuf::from("/var/lib/ocipatch-tools"), PathBuf::from);
    let directories = ["python/bin", "node/bin"].map(|directory| tools.join(directory));
    let program = directories.iter().map(|directory| directory.join(name));
    let program = program
        .filter(|_| !are_skipped())
        .find(|program| program.is_file());
    let Some(program) = program else {
        if tools.join("unreachable").is_file() {
            println!("skipped: {name} is missing: its registry could not be reached");
        } else {
            absent(name, "tests/engines/setup installs it");
        }
        return None;
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = directories.into_iter().chain(std::env::split_paths(&path));
    let mut command = Command::new(program);
    command.env(
        "PATH",
        std::env::join_paths(path).expect("no directory has a colon"),
    );
    Some(command)
}

/// Where `name` is on PATH, or among the places for daemons that a user's PATH leaves out.
fn find(name: &str) -> Option<PathBuf> {
    if are_skipped() {
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

/// Whether tests run as on a machine without engines.
pub(crate) fn are_skipped() -> bool {
    std::env::var_os("SKIP_TOOLS").is_some_and(|value| value == "1")
}

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
