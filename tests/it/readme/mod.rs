//! The pages tell the truth: their transcripts are run, their patches parsed, their links followed, their tables compared with the program.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod language;
mod markdown;
mod outputs;
mod transcript;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use ocipatch::cli::Arguments;
use ocipatch::fleet::FleetFile;
use ocipatch::patch::PatchFile;
use ocipatch::problem::{Code, NoteKind};

use self::markdown::{anchors, blocks, links, rows};
pub(crate) use self::transcript::{check_transcripts, shell, workspace};
use crate::binary;
use crate::renew::check_table;

/// Every page that a user reads. No fact is on two of them.
pub(crate) const PAGES: [&str; 6] = [
    "README.md",
    "patches/README.md",
    "schema/README.md",
    "src/README.md",
    "src/cli/README.md",
    "tests/README.md",
];

/// Pages that only contributors read; their links are followed too.
const OTHER_PAGES: [&str; 3] = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];

/// The most bytes of `README.md`, which a new user reads at once.
const README_BYTES: usize = 14_000;

#[test]
fn every_transcript_is_what_the_program_prints() {
    let mut n_pages = 0;
    for page in PAGES {
        if blocks(&text(page), "console").is_empty() {
            continue;
        }
        let workspace = workspace();
        check_transcripts(page, "console", || shell(workspace.path()));
        n_pages += 1;
    }
    assert!(n_pages > 3);
}

#[test]
fn every_command_that_is_not_run_is_one() {
    let mut n_commands = 0;
    for page in PAGES {
        let text = text(page);
        let lines = blocks(&text, "sh").into_iter().flat_map(str::lines);
        let code = lines.map(|line| line.split(" #").next().unwrap());
        let commands = code.flat_map(|line| line.split(['|', '&']).map(str::trim));
        for command in commands.filter(|command| command.starts_with("ocipatch ")) {
            let parsed = Arguments::command().try_get_matches_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{page}: {command}\n{}", parsed.unwrap_err());
            n_commands += 1;
        }
    }
    assert!(n_commands > 10, "{n_commands}");
}

#[test]
fn every_yaml_block_is_a_patch_or_a_fleet() {
    let mut n_blocks = 0;
    for page in PAGES {
        for block in blocks(&text(page), "yaml") {
            let parsed = if block.contains("kind: Fleet") {
                FleetFile::parse("README.yaml", block.as_bytes()).map(drop)
            } else {
                PatchFile::parse("README.yaml", block.as_bytes()).map(drop)
            };
            if let Err(rejected) = parsed {
                panic!("{page}: {block}\n{:#}", rejected.to_json());
            }
            n_blocks += 1;
        }
    }
    assert!(n_blocks > 5);
}

#[test]
fn a_recipe_on_a_page_is_the_file() {
    let mut n_recipes = 0;
    for page in ["README.md", "patches/README.md"] {
        let text = text(page);
        let described = blocks(&text, "yaml").into_iter();
        for block in described.filter(|block| block.contains("\ndescription: ")) {
            assert!(
                recipes().iter().any(|(_, patch)| patch == block),
                "{page}: {block}"
            );
            n_recipes += 1;
        }
    }
    assert!(n_recipes > 4);
}

/// The name and the patch, without the comments at its top, of each recipe.
fn recipes() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join("patches")).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    let recipes = paths.filter(|path| path.extension().is_some_and(|it| it == "yaml"));
    let recipe = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let patch = text[text.find("apiVersion").unwrap()..].to_owned();
        (
            path.file_name().unwrap().to_str().unwrap().to_owned(),
            patch,
        )
    };
    recipes.map(recipe).collect()
}

#[test]
fn the_readme_is_short() {
    let n_bytes = text("README.md").len();
    assert!(n_bytes <= README_BYTES, "README.md has {n_bytes} bytes");
}

#[test]
fn every_page_is_one_step_from_the_readme() {
    let readme = text("README.md");
    let links = links(&readme);
    for page in PAGES.into_iter().chain(OTHER_PAGES).skip(1) {
        let is_linked = links
            .iter()
            .any(|link| link.split('#').next() == Some(page));
        assert!(is_linked, "README.md has no link to {page}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let pages = PAGES.into_iter().chain(OTHER_PAGES);
    let all: BTreeMap<PathBuf, Vec<String>> = pages
        .map(|page| (root().join(page), anchors(&text(page))))
        .collect();
    let mut wrong = Vec::new();
    for page in all.keys() {
        for link in links(&fs::read_to_string(page).unwrap()) {
            if !leads_somewhere(page, link, &all) {
                wrong.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn leads_somewhere(page: &Path, link: &str, anchors: &BTreeMap<PathBuf, Vec<String>>) -> bool {
    if link.starts_with("https://") {
        return true;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let file = match file {
        "" => page.to_path_buf(),
        file => match page.parent().unwrap().join(file).canonicalize() {
            Ok(file) => file,
            Err(_) => return false,
        },
    };
    anchor.is_empty()
        || anchors
            .get(&file)
            .is_some_and(|all| all.iter().any(|it| it == anchor))
}

#[test]
fn a_link_is_followed_to_its_heading() {
    let page = "# A `b`: c, d\n```sh\n# no heading\n```\n## Two\n## Two\n[x](#two-1)\n";
    assert_eq!(anchors(page), ["a-b-c-d", "two", "two-1"]);
    assert_eq!(links(page), ["#two-1"]);
    let readme = root().join("README.md");
    let all = BTreeMap::from([(readme.clone(), anchors(page))]);
    let leads = |link| leads_somewhere(&readme, link, &all);
    assert!(leads("#two-1") && leads("README.md#two") && leads("src") && leads("https://a.b"));
    assert!(!leads("#three") && !leads("READMEE.md") && !leads("src/main.rs#two"));
}

#[test]
fn every_recipe_is_listed() {
    let page = text("patches/README.md");
    let links: BTreeSet<&str> = links(&page).into_iter().collect();
    let recipes = recipes();
    for (name, _) in &recipes {
        assert!(links.contains(name.as_str()), "{name}");
    }
    assert!(recipes.len() > 20);
}

#[test]
fn the_tests_that_prove_a_promise_exist() {
    let page = text("tests/README.md");
    let (_, section) = page.split_once("\n## The three promises\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let main = text("tests/it/main.rs");
    let cells = section.lines().filter_map(|line| line.strip_suffix(" |"));
    let cells = cells.filter_map(|line| Some(line.rsplit_once(" | ")?.1));
    let mut n_modules = 0;
    for module in cells
        .filter(|cell| cell.starts_with('`'))
        .flat_map(|cell| cell.split(", "))
    {
        let declaration = format!("mod {};\n", module.trim_matches('`'));
        assert!(main.contains(&declaration), "{module}");
        n_modules += 1;
    }
    assert!(n_modules > 20, "{n_modules}");
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
    check_table("schema/README.md", "## Problem codes", &table.concat());
}

#[test]
fn the_notes_are_those_of_the_program() {
    let row = |kind: &NoteKind| {
        let meaning = kind.meaning().trim_end_matches('.');
        format!("| `{}` | {meaning} |\n", kind.as_str())
    };
    let table: Vec<String> = NoteKind::ALL.iter().map(row).collect();
    check_table("src/cli/README.md", "## Notes", &table.concat());
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
    check_table("src/cli/README.md", "## The commands", &table.concat());
}

#[test]
fn the_exit_codes_are_those_of_the_help_text() {
    let page = text("src/cli/README.md");
    let codes: Vec<String> = rows(&page, "## Exit codes")
        .iter()
        .map(|row| row.join(" "))
        .collect();
    let help = binary::ok(["--help"]);
    let help: Vec<&str> = help.split_whitespace().collect();
    let sentence = format!("Exit codes: {}.", codes.join("; "));
    assert!(help.join(" ").ends_with(&sentence), "{sentence}");
}

#[test]
fn the_rust_that_it_needs_is_that_of_the_package() {
    let needed = format!("Rust {} or later", env!("CARGO_PKG_RUST_VERSION"));
    assert!(text("README.md").contains(&needed), "{needed}");
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}
