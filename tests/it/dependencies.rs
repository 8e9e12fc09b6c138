//! What the package depends on: licences, sources and duplicates by the rules of `deny.toml`, and the notices that a
//! binary brings along. `UPDATE=1` rewrites `THIRD-PARTY-NOTICES`.
//!
//! `cargo deny check` says the same and knows advisories too; it takes minutes to install, so that every run of the tests
//! holds these rules by itself.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// Builds for it contain what those for any other Linux do.
const TARGET: &str = "x86_64-unknown-linux-gnu";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform",
            TARGET,
        ])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key}: {value}"))
}

/// The strings of a list of `deny.toml`.
fn listed(name: &str) -> BTreeSet<String> {
    let rules = read("deny.toml");
    let (_, list) = rules.split_once(&format!("\n{name} = [")).unwrap();
    let (list, _) = list.split_once(']').unwrap();
    // Of a table the first string counts: `{ crate = "syn@2", reason = … }`.
    let lines = list.lines().filter_map(|line| line.split('"').nth(1));
    lines.map(str::to_owned).collect()
}

/// Tells whether licences of `allowed` are enough for an SPDX expression; `/` is the old `OR`.
fn is_satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    if let Some(start) = expression.find('(') {
        let end = start + expression[start..].find(')').unwrap();
        let inner = is_satisfied(&expression[start + 1..end], allowed);
        let word = if inner { "YES" } else { "NO" };
        let (before, after) = (&expression[..start], &expression[end + 1..]);
        return is_satisfied(&format!("{before}{word}{after}"), allowed);
    }
    expression.split(" OR ").any(|choice| {
        let mut all = choice.split(" AND ").map(str::trim);
        all.all(|licence| licence == "YES" || allowed.contains(licence))
    })
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allowed = BTreeSet::from(["MIT", "BSD-3-Clause"].map(str::to_owned));
    for (expression, is_enough) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT/Apache-2.0", true),
        ("Apache-2.0 OR MIT", true),
        ("Apache-2.0 AND MIT", false),
        ("(Apache-2.0 OR MIT) AND BSD-3-Clause", true),
        ("(Apache-2.0 OR MIT) AND Zlib", false),
        ("Apache-2.0 WITH LLVM-exception", false),
    ] {
        assert_eq!(
            is_satisfied(expression, &allowed),
            is_enough,
            "{expression}"
        );
    }
}

#[test]
fn dependencies_keep_the_rules() {
    let allowed = listed("allow");
    let (skipped, denied) = (listed("skip"), listed("deny"));
    let metadata = metadata();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in reached(&metadata, |kind, _| kind != "dev") {
        let (name, version) = (text(package, "name"), text(package, "version"));
        let licence = text(package, "license");
        assert!(is_satisfied(licence, &allowed), "{name}: {licence}");
        assert!(!denied.contains(name), "{name}");
        let is_skipped = skipped.iter().any(|skipped| {
            let (skipped, begins) = skipped.split_once('@').unwrap();
            skipped == name && version.starts_with(&format!("{begins}."))
        });
        if !is_skipped {
            versions.entry(name).or_default().push(version);
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert_eq!(versions, BTreeMap::new());
    // The lock has the packages of every platform.
    let lock = read("Cargo.lock");
    for package in lock.split("[[package]]").skip(1) {
        let is_own = package.contains("name = \"ocipatch\"");
        let source = format!("\nsource = \"{REGISTRY}\"\n");
        let is_checked = package.contains(&source) && package.contains("\nchecksum = \"");
        assert!(is_own || is_checked, "{package}");
    }
}

/// The packages that the program is made of, itself and what only its tests use aside: those whose dependents want them
/// in a way that `wants` takes.
fn reached(metadata: &Value, wants: impl Fn(&Value, &Value) -> bool) -> Vec<&Value> {
    let packages = metadata["packages"].as_array().unwrap();
    let package = |id: &str| packages.iter().find(|package| package["id"] == id).unwrap();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let mut found = BTreeSet::new();
    let mut left = vec![text(&metadata["resolve"], "root")];
    while let Some(id) = left.pop() {
        if !found.insert(id) {
            continue;
        }
        let node = nodes.iter().find(|node| node["id"] == id).unwrap();
        for dependency in node["deps"].as_array().unwrap() {
            let mut kinds = dependency["dep_kinds"].as_array().unwrap().iter();
            let id = text(dependency, "pkg");
            if kinds.any(|kind| wants(&kind["kind"], package(id))) {
                left.push(id);
            }
        }
    }
    let mut reached: Vec<&Value> = found.into_iter().map(package).collect();
    reached.retain(|package| package["name"] != "ocipatch");
    reached.sort_by_key(|package| (text(package, "name"), text(package, "version")));
    reached
}

/// The packages whose code is in the binary: not those that only build it.
fn linked(metadata: &Value) -> Vec<&Value> {
    let is_macro = |package: &Value| package["targets"][0]["kind"][0] == "proc-macro";
    reached(metadata, |kind, package| {
        kind.is_null() && !is_macro(package)
    })
}

/// The files with the terms that a package is under, and those of the code that it wraps.
fn terms(package: &Value) -> Vec<PathBuf> {
    let directory = Path::new(text(package, "manifest_path")).parent().unwrap();
    let mut files = licence_files(directory);
    // With a choice of licences it is MIT; only some packages are under several at once.
    let is_apache = |path: &PathBuf| path.to_str().unwrap().to_uppercase().contains("APACHE");
    let is_mit = |path: &PathBuf| path.to_str().unwrap().ends_with("LICENSE-MIT");
    if files.iter().any(is_mit) {
        let is_choice = !text(package, "license").contains("AND");
        files.retain(|path| is_mit(path) || (!is_choice && !is_apache(path)));
    }
    let inner = fs::read_dir(directory)
        .unwrap()
        .map(|item| item.unwrap().path());
    for inner in inner.collect::<BTreeSet<_>>() {
        if inner.is_dir() && text(package, "name").ends_with("-sys") {
            let mut wrapped = licence_files(&inner);
            // Code under the GPL, or with a choice that leads there, is not in these libraries.
            wrapped.retain(|path| !path.to_str().unwrap().contains("GPL"));
            let is_chosen = wrapped.iter().any(|path| path.ends_with("LICENSE"));
            wrapped.retain(|path| !is_chosen || path.ends_with("LICENSE"));
            files.extend(wrapped);
        }
    }
    assert!(
        !files.is_empty(),
        "{} has no licence",
        text(package, "name")
    );
    files
}

fn licence_files(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory)
        .unwrap()
        .map(|item| item.unwrap().path());
    let is_licence = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_uppercase();
        let names = ["LICENSE", "LICENCE", "COPYING", "NOTICE"];
        path.is_file() && names.iter().any(|start| name.starts_with(start))
    };
    let mut files: Vec<PathBuf> = files.filter(is_licence).collect();
    files.sort();
    files
}

fn notices() -> String {
    let metadata = metadata();
    let mut by_text: Vec<(String, Vec<String>)> = Vec::new();
    for package in linked(&metadata) {
        let name = format!("{} {}", text(package, "name"), text(package, "version"));
        for path in terms(package) {
            let terms = fs::read_to_string(path).unwrap();
            let lines: Vec<&str> = terms.lines().map(str::trim_end).collect();
            let terms = lines.join("\n").trim_matches('\n').to_owned();
            match by_text.iter_mut().find(|(text, _)| *text == terms) {
                Some((_, names)) => names.push(name.clone()),
                None => by_text.push((terms, vec![name.clone()])),
            }
        }
    }
    let mut notices = String::from(
        "A binary of ocipatch contains the packages below, under these terms. It also contains the Rust standard library,\n\
         which is under MIT or Apache-2.0 (https://github.com/rust-lang/rust).\n",
    );
    let rule = "-".repeat(80);
    let sections = by_text.into_iter();
    notices.extend(
        sections.map(|(terms, names)| format!("\n{rule}\n{}\n\n{terms}\n", names.join("\n"))),
    );
    notices
}

#[test]
fn every_package_of_the_binary_has_its_notice() {
    let notices = notices();
    let path = root().join("THIRD-PARTY-NOTICES");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &notices).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    for package in linked(&metadata()) {
        let line = format!("\n{} {}\n", text(package, "name"), text(package, "version"));
        assert!(written.contains(&line), "{line}");
    }
    assert!(
        written == notices,
        "`UPDATE=1 cargo test --test it -- dependencies` rewrites it"
    );
}
