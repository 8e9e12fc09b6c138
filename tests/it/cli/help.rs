//! `--help`, `--version`, manual pages and completions: what they say is true, and their examples run.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use clap::{CommandFactory, Parser};
use ocipatch::cli::Arguments;

use super::{Home, PATCH, texts};
use crate::binary::{NO_CACHE, write_files};

const RELEASE: &str = "apiVersion: ocipatch/v1\nargs: { version: {} }\noperations:\n  - set-label: { version: \"${version}\" }\n";

fn commands() -> Vec<String> {
    let program = Arguments::command();
    let names = program.get_subcommands().map(clap::Command::get_name);
    names.map(str::to_owned).collect()
}

/// The examples of a command, as its help shows them.
fn examples(home: &Home, command: &str) -> Vec<String> {
    let (help, _) = home.ends(0, &format!("{command} --help"));
    let lines = help
        .lines()
        .filter_map(|line| line.trim().strip_prefix("$ "));
    lines.map(str::to_owned).collect()
}

/// Runs a line as somebody types it, in a directory with the files that examples name.
fn shell(home: &Home, line: &str) -> Output {
    let directory = Path::new(env!("CARGO_BIN_EXE_ocipatch")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", line])
        .current_dir(home.0.path())
        .envs(NO_CACHE)
        .env("PATH", format!("{}:{path}", directory.display()))
        .env("EDITOR", "true")
        .env_remove("VISUAL")
        .output()
        .unwrap()
}

fn workspace() -> Home {
    let home = Home::new();
    fs::remove_file(home.path("no.yaml")).unwrap();
    write_files(home.0.path(), &[("release.yaml", RELEASE)]);
    home.ends(0, "apply fix.yaml app.tar -o new.tar");
    home.ends(0, "unpack app.tar layout");
    home
}

#[test]
fn every_example_runs() {
    let names = commands();
    for command in std::iter::once("").chain(names.iter().map(String::as_str)) {
        let home = workspace();
        let lines = examples(&home, command);
        assert!((2..=4).contains(&lines.len()), "{command}: {lines:?}");
        for line in lines {
            for piece in line.split(['|', '>', '<']) {
                let words: Vec<&str> = piece.trim().trim_end_matches(')').split(' ').collect();
                let words = words.iter().skip_while(|word| **word != "ocipatch");
                let words: Vec<&&str> = words.collect();
                if !words.is_empty() {
                    let parsed = Arguments::try_parse_from(words);
                    assert!(parsed.is_ok(), "{line}: {parsed:?}");
                }
            }
            // A daemon, a registry or a pager is not at hand everywhere.
            let is_elsewhere = ["docker", "fleet ", "man -l"];
            if is_elsewhere.iter().any(|word| line.contains(word)) {
                continue;
            }
            let output = shell(&home, &line);
            assert_eq!(
                output.status.code(),
                Some(0),
                "{line}: {:?}",
                texts(&output)
            );
        }
    }
}

#[test]
fn short_help_has_one_line_for_each_option_and_no_examples() {
    let home = Home::new();
    for command in commands() {
        let (short, _) = home.ends(0, &format!("{command} -h"));
        let (long, _) = home.ends(0, &format!("{command} --help"));
        assert!(short.lines().count() < long.lines().count(), "{command}");
        assert!(!short.contains("Examples:"), "{command}");
        assert!(long.contains("\nExamples:\n"), "{command}");
        let heading = "\nGlobal options:\n";
        assert!(short.contains(heading) && long.contains(heading));
        let (_, global) = short.rsplit_once(heading).unwrap();
        let is_last = global
            .lines()
            .all(|line| line.is_empty() || line.starts_with(' '));
        assert!(is_last, "{command}: {global}");
    }
}

#[test]
fn the_version_has_the_target_and_a_release_its_commit() {
    let home = Home::new();
    let version = concat!("ocipatch ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(home.ends(0, "-V").0, version);
    let (long, _) = home.ends(0, "--version");
    let rest = long.strip_prefix(version).unwrap();
    let architecture = std::env::consts::ARCH;
    let target = rest.lines().find_map(|line| line.strip_prefix("target: "));
    assert!(target.unwrap().starts_with(architecture), "{long}");
    let commit = rest.lines().find_map(|line| line.strip_prefix("commit: "));
    assert_eq!(commit, option_env!("OCIPATCH_COMMIT"));
}

#[test]
fn a_dry_run_is_a_check() {
    let home = Home::new();
    let check = home.ends(0, "apply --check fix.yaml app.tar");
    assert_eq!(home.ends(0, "apply --dry-run fix.yaml app.tar"), check);
    home.ends(1, "apply --dry-run no.yaml app.tar");
    home.ends(2, "apply --dry-run fix.yaml app.tar -o out.tar");
}

#[test]
fn a_plan_is_made_for_the_form_and_the_platform_of_the_output() {
    let home = Home::new();
    for options in [
        "--to oci-archive",
        "--to docker-archive --platform linux/amd64",
        "--platform linux/amd64",
    ] {
        let (_, applied) = home.ends(0, &format!("apply --check {options} fix.yaml app.tar"));
        let (planned, _) = home.ends(0, &format!("plan {options} fix.yaml app.tar"));
        assert_eq!(planned, applied, "{options}");
    }
    let (plan, _) = home.ends(0, "plan --to oci-archive --format json fix.yaml app.tar");
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    home.ends(
        0,
        "apply --to oci-archive --digest-file digest fix.yaml app.tar -o out.tar",
    );
    let digest = String::from_utf8(home.read("digest")).unwrap();
    assert_eq!(plan["images"][0]["manifestDigest"], digest.as_str());
    home.ends(0, "plan --to oci-dir app.tar");
    home.ends(3, "plan --platform linux/s390x fix.yaml app.tar");
}

#[test]
fn manual_pages_have_the_sections_that_readers_look_for() {
    let home = Home::new();
    home.ends(0, "man --all pages/man1");
    let mut names = commands();
    names.retain(|name| name != "help");
    let mut pages: Vec<String> = names
        .iter()
        .map(|name| format!("ocipatch-{name}.1"))
        .collect();
    pages.push("ocipatch.1".to_owned());
    let written = fs::read_dir(home.path("pages/man1")).unwrap().count();
    assert_eq!(written, pages.len());
    for page in &pages {
        let text = String::from_utf8(home.read(&format!("pages/man1/{page}"))).unwrap();
        for section in [
            "NAME",
            "SYNOPSIS",
            "EXAMPLES",
            "ENVIRONMENT",
            "EXIT STATUS",
            "SEE ALSO",
        ] {
            let heading = format!(".SH \"{section}\"\n");
            let plain = format!(".SH {section}\n");
            assert!(
                text.contains(&plain) || text.contains(&heading),
                "{page}: {section}"
            );
        }
        let Some(mut groff) = crate::engine::tool("groff") else {
            continue;
        };
        let checked = groff
            .args(["-man", "-ww", "-z", "-Tutf8"])
            .arg(home.path("pages/man1").join(page))
            .output()
            .unwrap();
        assert_eq!(texts(&checked), (String::new(), String::new()), "{page}");
    }
    let (one, _) = home.ends(0, "man plan");
    assert_eq!(one.into_bytes(), home.read("pages/man1/ocipatch-plan.1"));
}

#[test]
fn bash_completes_files_words_and_options() {
    let home = workspace();
    write_files(home.0.path(), &[("a file.yaml", PATCH)]);
    let complete = |words: &[&str]| {
        let array: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let script = format!(
            "source <(ocipatch completions bash); COMP_WORDS=({}); COMP_CWORD={}; complete -p ocipatch | grep -q _ocipatch_words; _ocipatch_words ocipatch \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            array.join(" "),
            words.len() - 1
        );
        let output = shell(&home, &script.replace("source", "set +eu; source"));
        let mut found: Vec<String> = texts(&output).0.lines().map(str::to_owned).collect();
        found.sort();
        found
    };
    assert_eq!(
        complete(&["ocipatch", "plan", "fix.yaml", "ap"]),
        ["app.tar"]
    );
    assert_eq!(
        complete(&["ocipatch", "plan", "a"]),
        ["a file.yaml", "app.tar"]
    );
    assert_eq!(
        complete(&["ocipatch", "unpack", "app.tar", "lay"]),
        ["layout"]
    );
    assert!(complete(&["ocipatch", "inspect", ""]).contains(&"new.tar".to_owned()));
    assert_eq!(
        complete(&["ocipatch", "apply", "fix.yaml", "app.tar", "-o", "n"]),
        ["new.tar", "noop.yaml"]
    );
    assert_eq!(
        complete(&["ocipatch", "apply", "--to", "oci"]),
        ["oci-archive", "oci-dir"]
    );
    assert_eq!(complete(&["ocipatch", "schema", "f"]), ["fleet"]);
    assert_eq!(complete(&["ocipatch", "fleet", "st"]), ["status"]);
    assert_eq!(complete(&["ocipatch", "insp"]), ["inspect"]);
    assert_eq!(
        complete(&["ocipatch", "plan", "--detailed"]),
        ["--detailed-exitcode"]
    );
}

#[test]
fn other_shells_complete_files_too() {
    let home = Home::new();
    let (zsh, _) = home.ends(0, "completions zsh");
    assert!(zsh.contains(":OUT:_files"), "{zsh}");
    assert!(zsh.contains("for an empty image:_files"), "{zsh}");
    assert!(zsh.contains("docker-archive"), "{zsh}");
    let (fish, _) = home.ends(0, "completions fish");
    assert!(fish.contains("-s o -l output"), "{fish}");
    let output = fish
        .lines()
        .find(|line| line.contains("-l iidfile"))
        .unwrap();
    assert!(output.ends_with("-r -F"), "{output}");
    assert!(fish.contains("oci-dir"), "{fish}");
}
