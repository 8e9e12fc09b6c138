//! README.md tells the truth: its transcripts are run, its patches parsed, its tables compared with the program.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::CommandFactory;
use ocipatch::cli::Arguments;
use ocipatch::fleet::FleetFile;
use ocipatch::patch::PatchFile;
use ocipatch::problem::Code;
use serde_json::Value;
use tempfile::TempDir;

use crate::binary;
use crate::binary::NO_CACHE;
use crate::renew::{check_table, rewrite};

/// What no output has a line of.
const MARK: &str = "--end of command--";

#[test]
fn every_transcript_is_what_the_program_prints() {
    let workspace = workspace();
    check_transcripts("console", || shell(workspace.path()));
}

#[test]
fn every_yaml_block_is_a_patch_or_a_fleet() {
    let readme = text("README.md");
    let blocks = blocks(&readme, "yaml");
    assert!(!blocks.is_empty());
    for block in &blocks {
        let parsed = if block.contains("kind: Fleet") {
            FleetFile::parse("README.yaml", block.as_bytes()).map(drop)
        } else {
            PatchFile::parse("README.yaml", block.as_bytes()).map(drop)
        };
        if let Err(rejected) = parsed {
            panic!("{block}\n{:#}", rejected.to_json());
        }
    }
    let recipe = text("patches/greeter.yaml");
    let (_comments, patch) = recipe.split_at(recipe.find("apiVersion").unwrap());
    assert_eq!(blocks[0], patch, "the first one is patches/greeter.yaml");
}

#[test]
fn the_rust_block_is_the_example_of_the_crate() {
    let crate_doc = text("src/lib.rs");
    let lines = crate_doc
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
    let example: Vec<&str> = lines
        .skip_while(|line| *line != "```rust")
        .skip(1)
        .take_while(|line| *line != "```")
        .filter(|line| !line.starts_with("# "))
        .collect();
    let example = example.join("\n") + "\n";
    assert_eq!(blocks(&text("README.md"), "rust"), [example]);
}

#[test]
fn the_problem_codes_are_those_of_the_program() {
    let source = text("src/problem/mod.rs");
    let table: Vec<String> = Code::ALL
        .iter()
        .map(|code| {
            let literal = format!(" \"{code}\",");
            let line = source.lines().position(|line| line.ends_with(&literal));
            let line = line.unwrap_or_else(|| panic!("no variant for {code}"));
            let lines: Vec<&str> = source.lines().take(line).collect();
            let doc = lines
                .iter()
                .rev()
                .map_while(|line| line.trim().strip_prefix("/// "))
                .last()
                .unwrap();
            format!("| `{code}` | {} |\n", doc.trim_end_matches('.'))
        })
        .collect();
    check_table("### Problem codes", &table.concat());
}

#[test]
fn the_commands_are_those_of_the_program() {
    let table: Vec<String> = Arguments::command()
        .get_subcommands()
        .map(|command| {
            format!(
                "| `{}` | {} |\n",
                command.get_name(),
                command.get_about().unwrap()
            )
        })
        .collect();
    check_table("## Commands", &table.concat());
}

#[test]
fn the_exit_codes_are_those_of_the_help_text() {
    let readme = text("README.md");
    let codes: Vec<String> = rows(&readme, "### Exit codes")
        .iter()
        .map(|row| row.join(" "))
        .collect();
    let help = binary::ok(["--help"]);
    let help: Vec<&str> = help.split_whitespace().collect();
    let sentence = format!("Exit codes: {}.", codes.join("; "));
    assert!(help.join(" ").ends_with(&sentence), "{sentence}");
}

#[test]
fn the_rust_that_it_wants_is_that_of_the_package() {
    let wanted = format!("With Rust {} or later", env!("CARGO_PKG_RUST_VERSION"));
    assert!(text("README.md").contains(&wanted), "{wanted}");
}

#[test]
fn every_key_of_a_plan_is_documented() {
    let readme = text("README.md");
    let (_, section) = readme.split_once("### The plan as JSON").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let workspace = workspace();
    fs::write(
        workspace.path().join("patches/all.yaml"),
        "apiVersion: ocipatch/v1\ntarget: {images: ['greeter:1']}\noperations:\n- unset-label: [maintainer]\n- set-label: {mylabel: a, b: c}\n- add-layer: {from: ./greeter}\n- add-tag: [a:2]\n- remove-tag: ['greeter:1']\n- set-env: {A: b}\n- unset-env: [PATH]\n- set-user: app\n- unset: [cmd]\n- add-port: [80]\n- remove-volume: ['*']\n",
    )
    .unwrap();
    fs::write(
        workspace.path().join("patches/note.yaml"),
        "apiVersion: ocipatch/v1\noperations:\n- set-annotation: {a: b}\n",
    )
    .unwrap();
    let mut keys = BTreeSet::new();
    for (patch, image) in [
        ("all", "docker20.tar"),
        ("note", "docker26.tar"),
        ("all", "docker26-two-images.tar"),
        ("all", "docker20-two-images.tar"),
    ] {
        let patch = workspace.path().join(format!("patches/{patch}.yaml"));
        let plan = binary::ok([
            "plan".as_ref(),
            "--format".as_ref(),
            "json".as_ref(),
            patch.as_os_str(),
            workspace
                .path()
                .join("tests/fixtures")
                .join(image)
                .as_os_str(),
        ]);
        collect_keys(&serde_json::from_str(&plan).unwrap(), &mut keys);
    }
    assert!(
        keys.contains("manifestDigest") && keys.contains("effects"),
        "{keys:?}"
    );
    for key in keys {
        let is_told = [format!("`{key}`"), format!("`{key}[]`")]
            .iter()
            .any(|word| section.contains(word));
        assert!(is_told, "`{key}` is not documented");
    }
}

#[test]
fn every_recipe_and_every_link_is_there() {
    let readme = text("README.md");
    for (at, _) in readme.match_indices("](") {
        let (target, _) = readme[at + 2..].split_once(')').unwrap();
        assert!(root().join(target).exists(), "{target}");
    }
    for entry in fs::read_dir(root().join("patches")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(readme.contains(&format!("](patches/{name})")), "{name}");
        }
    }
}

/// Keys of our own objects: values of the image's configuration are not ours.
fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                keys.insert(key.clone());
                if key != "old" && key != "new" {
                    collect_keys(value, keys);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// A directory with what the commands of the README name, and `bin` with the program.
pub(crate) fn workspace() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["patches", "tests/fixtures"] {
        copy(&root().join(name), &directory.path().join(name));
    }
    let bin = directory.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_ocipatch"), bin.join("ocipatch")).unwrap();
    directory
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A shell in a workspace, with nothing of the caller's that would show.
pub(crate) fn shell(workspace: &Path) -> Command {
    let mut shell = Command::new("sh");
    let path = std::env::var("PATH").unwrap();
    shell
        .current_dir(workspace)
        .env("PATH", format!("{}/bin:{path}", workspace.display()))
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env_remove("SOURCE_DATE_EPOCH")
        .env_remove("TMPDIR")
        .envs(NO_CACHE);
    shell
}

/// Runs every block of `README.md` with this info string, in order, and compares what is printed; `UPDATE=1` rewrites.
///
/// Blocks have one directory and a shell each.
#[track_caller]
pub(crate) fn check_transcripts(info: &str, shell: impl Fn() -> Command) {
    let readme = text("README.md");
    let blocks = blocks(&readme, info);
    assert!(!blocks.is_empty());
    let mut wrong = Vec::new();
    for block in blocks {
        let found = run(block, &mut shell());
        if found != block {
            wrong.push((
                format!("```{info}\n{block}```"),
                format!("```{info}\n{found}```"),
            ));
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        rewrite(&wrong);
        return;
    }
    for (expected, found) in wrong {
        assert_eq!(expected, found, "run with UPDATE=1 to rewrite README.md");
    }
}

/// The block as it should be: each command with what it prints.
fn run(block: &str, shell: &mut Command) -> String {
    let commands = commands(block);
    let mut script = String::from("exec 2>&1\n");
    for command in &commands {
        // The status of the command is there for the next one to ask.
        writeln!(
            script,
            "{command}\nstatus=$?; echo '{MARK}'; (exit $status)"
        )
        .unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let script_file = directory.path().join("script");
    fs::write(&script_file, script).unwrap();
    let output = shell
        .arg(&script_file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let end = format!("{MARK}\n");
    let mut outputs = output.split(end.as_str());
    let mut block = String::new();
    for command in &commands {
        let output = outputs.next().unwrap_or_default();
        writeln!(block, "$ {}", command.replace('\n', "\n> ")).unwrap();
        block.push_str(output);
        if !output.is_empty() && !output.ends_with('\n') {
            block.push('\n');
        }
    }
    block
}

/// The lines behind `$ `, each with the `> ` lines that continue it.
fn commands(block: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push(command.to_owned());
            is_open = true;
        } else if let Some(more) = line.strip_prefix("> ").filter(|_| is_open) {
            let command = commands.last_mut().expect("a command is open");
            command.push('\n');
            command.push_str(more);
        } else {
            is_open = false;
        }
    }
    commands
}

/// The content of every fenced block with exactly this info string.
fn blocks<'a>(markdown: &'a str, info: &str) -> Vec<&'a str> {
    let fence = format!("\n```{info}\n");
    markdown
        .match_indices(&fence)
        .map(|(at, fence)| {
            let content = &markdown[at + fence.len()..];
            let end = if content.starts_with("```") {
                0
            } else {
                content.find("\n```").unwrap() + 1
            };
            &content[..end]
        })
        .collect()
}

/// The cells of the first table below a heading.
fn rows<'a>(markdown: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, section) = markdown.split_once(&format!("\n{heading}\n")).unwrap();
    section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}
