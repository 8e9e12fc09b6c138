//! What holds for every archive: a patch that changes nothing changes no byte, and one that changes something makes nothing
//! worse.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{TAKEN, document};
use crate::binary::{ok, run, write_files};
use crate::edit::{Archive, fixture};
use crate::forms;

const HEAD: &str =
    "apiVersion: ocipatch/v1\nattestations: keep\ntarget: {images: ['*']}\noperations:\n";

/// Every archive there is: those of real tools, and those that are made.
fn all() -> Vec<(String, Vec<u8>)> {
    let directory = std::fs::read_dir(fixture("")).unwrap();
    let paths = directory.map(|item| item.unwrap().path());
    let of_path = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (!name.contains("base-layer")).then(|| (name, std::fs::read(path).unwrap()))
    };
    let mut archives: Vec<(String, Vec<u8>)> = paths.filter_map(of_path).collect();
    archives.sort();
    let made = forms::all().chain(TAKEN.iter().copied());
    archives.extend(made.map(|(name, make)| (name.to_owned(), make().to_bytes())));
    archives
}

/// Applies operations to all images; returns what the archive is then, or nothing where they do not fit.
fn apply(home: &Path, image: &[u8], operations: &str) -> Option<Vec<u8>> {
    let (input, output) = (home.join("image"), home.join("out"));
    std::fs::write(&input, image).unwrap();
    write_files(home, &[("fix.yaml", &format!("{HEAD}{operations}"))]);
    let fix = home.join("fix.yaml");
    let arguments = ["apply".as_ref(), fix.as_os_str(), input.as_os_str()];
    let to = ["-o".as_ref(), output.as_os_str(), "-q".as_ref()];
    let done = run(arguments.iter().chain(&to));
    done.status
        .success()
        .then(|| std::fs::read(output).unwrap())
}

/// How often `verify` finds what, as errors.
fn errors(home: &Path, image: &[u8]) -> BTreeMap<String, usize> {
    let path = home.join("verified");
    std::fs::write(&path, image).unwrap();
    let told = run([
        "verify".as_ref(),
        path.as_os_str(),
        "--format".as_ref(),
        "json".as_ref(),
    ]);
    let report: Value = serde_json::from_slice(&told.stdout).unwrap();
    let mut errors = BTreeMap::new();
    for finding in report["findings"].as_array().unwrap() {
        if finding["severity"] == "error" {
            let rule = finding["rule"].as_str().unwrap().to_owned();
            *errors.entry(rule).or_default() += 1;
        }
    }
    errors
}

#[test]
fn nothing_changes_means_no_byte_changes() {
    let ignored = "  - unset-label: {match: [no.such.label], if-missing: ignore}\n";
    for (name, bytes) in all() {
        let home = tempfile::tempdir().unwrap();
        let out = apply(home.path(), &bytes, ignored);
        assert!(out.is_some_and(|out| out == bytes), "{name}");
        // The one in place is the same file.
        let (image, fix) = (home.path().join("image"), home.path().join("fix.yaml"));
        ok([
            "apply".as_ref(),
            fix.as_os_str(),
            image.as_os_str(),
            "--in-place".as_ref(),
        ]);
        assert!(std::fs::read(&image).unwrap() == bytes, "{name}");
    }
}

#[test]
fn a_patch_makes_nothing_worse() {
    for (name, bytes) in all() {
        let home = tempfile::tempdir().unwrap();
        let before = errors(home.path(), &bytes);
        for operations in [
            "  - set-label: {a: b}\n",
            "  - set-user: '7'\n  - set-env: {A: b}\n",
        ] {
            let out = apply(home.path(), &bytes, operations).unwrap_or_else(|| panic!("{name}"));
            let after = errors(home.path(), &out);
            assert!(
                after
                    .iter()
                    .all(|(rule, n)| before.get(rule).is_some_and(|m| n <= m)),
                "{name}: {before:?} {after:?}"
            );
        }
    }
}

#[test]
fn names_that_are_not_named_keep_their_spelling() {
    for (name, bytes) in all() {
        if bytes.starts_with(&[0x1f, 0x8b]) {
            continue;
        }
        let home = tempfile::tempdir().unwrap();
        let listed = |bytes: &[u8]| -> Vec<String> {
            let mut archive = Archive::read(bytes);
            let has = |archive: &Archive, name: &str| {
                archive.entries.iter().any(|entry| entry.name == name)
            };
            let mut names = Vec::new();
            if has(&archive, "manifest.json") {
                let items = document(&mut archive, "manifest.json");
                for item in items.as_array().unwrap() {
                    let tags = item.get("RepoTags").or_else(|| item.get("repoTags"));
                    let tags = tags.and_then(Value::as_array).into_iter().flatten();
                    names.extend(tags.map(ToString::to_string));
                }
            }
            if has(&archive, "index.json") {
                let index = document(&mut archive, "index.json");
                let descriptors = index["manifests"].as_array().into_iter().flatten();
                names.extend(descriptors.map(|it| it["annotations"].to_string()));
            }
            names
        };
        let Some(tagged) = apply(
            home.path(),
            &bytes,
            "  - add-tag: ['registry.example.com/new:1']\n",
        ) else {
            // Several images cannot all have one name.
            continue;
        };
        let after = listed(&tagged);
        for spelled in listed(&bytes).into_iter().filter(|name| name.contains(':')) {
            assert!(after.contains(&spelled), "{name}: {spelled} {after:?}");
        }
        // A name that is there is no change.
        let again = apply(
            home.path(),
            &tagged,
            "  - add-tag: ['registry.example.com/new:1']\n",
        );
        assert!(again.is_some_and(|again| again == tagged), "{name}");
    }
}
