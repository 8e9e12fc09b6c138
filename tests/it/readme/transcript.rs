//! The transcripts of the pages: their commands are run by a shell, and what is printed is compared.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::markdown::blocks;
use super::{root, text};
use crate::binary::NO_CACHE;
use crate::renew::rewrite;

/// What no output has a line of.
const MARK: &str = "--end of command--";

/// A directory with what the commands of the pages name, and `bin` with the program.
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

/// Runs every block of a page with this info string, in order, and compares what is printed; `UPDATE=1` rewrites.
///
/// Blocks have one directory and a shell each.
#[track_caller]
pub(crate) fn check_transcripts(page: &str, info: &str, shell: impl Fn() -> Command) {
    let text = text(page);
    let blocks = blocks(&text, info);
    assert!(!blocks.is_empty(), "{page}");
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
        rewrite(page, &wrong);
        return;
    }
    for (expected, found) in wrong {
        assert_eq!(expected, found, "run with UPDATE=1 to rewrite {page}");
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
