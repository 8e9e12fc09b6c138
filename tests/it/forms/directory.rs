//! The `dir:` form of skopeo and podman: one manifest or one index, without a name.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocipatch::digest::Digest;
use serde_json::Value;

use crate::binary::{fails, ok, run, write_files};
use crate::edit::Archive;
use crate::engine::{Release, fixture, podman_load, tool};

const LABEL: &str = "  - set-label: {mylabel: modifiedvalue}\n";

/// The files of a directory.
type Files = BTreeMap<String, Vec<u8>>;

/// What `skopeo copy --all oci-archive:ARCHIVE dir:…` writes.
fn dir_of(archive: &str) -> Files {
    let mut archive = Archive::fixture(archive);
    let index: Value = serde_json::from_slice(&archive.entry("index.json").data).unwrap();
    let hex = |descriptor: &Value| descriptor["digest"].as_str().unwrap()[7..].to_owned();
    let top = hex(&index["manifests"][0]);
    let top = archive.entry(&top).data.clone();
    let listed: Value = serde_json::from_slice(&top).unwrap();
    let listed = listed["manifests"].as_array().into_iter().flatten();
    let listed: Vec<String> = listed.map(hex).collect();
    let mut files = Files::new();
    for entry in &archive.entries {
        let Some(hex) = entry.name.strip_prefix("blobs/sha256/") else {
            continue;
        };
        let name = if listed.iter().any(|listed| listed == hex) {
            format!("{hex}.manifest.json")
        } else {
            hex.to_owned()
        };
        if !hex.is_empty() && entry.data != top {
            files.insert(name, entry.data.clone());
        }
    }
    files.insert("manifest.json".to_owned(), top);
    let version = b"Directory Transport Version: 1.1\n";
    files.insert("version".to_owned(), version.to_vec());
    files
}

/// What is done to the files.
type Damage<'a> = &'a dyn Fn(&mut Files);

/// One manifest of each family, and an index with attestations.
const ARCHIVES: [&str; 3] = ["skopeo-oci.tar", "podman-oci.tar", "buildx-oci-multi.tar"];

fn write(directory: &Path, files: &Files) {
    std::fs::create_dir(directory).unwrap();
    for (name, data) in files {
        std::fs::write(directory.join(name), data).unwrap();
    }
}

fn read(directory: &Path) -> Files {
    let items = std::fs::read_dir(directory).unwrap();
    let file = |item: std::io::Result<std::fs::DirEntry>| {
        let item = item.unwrap();
        let name = item.file_name().into_string().unwrap();
        (name, std::fs::read(item.path()).unwrap())
    };
    items.map(file).collect()
}

fn fix(directory: &Path, patch: &str) -> PathBuf {
    let patch = format!("apiVersion: ocipatch/v1\n{patch}");
    write_files(directory, &[("fix.yaml", &patch)]);
    directory.join("fix.yaml")
}

/// Applies a patch with these options to the directory `in`, and returns the directory that it is written to.
fn apply(directory: &Path, patch: &str, options: &[&str]) -> PathBuf {
    let fix = fix(directory, patch);
    let (input, output) = (directory.join("in"), directory.join("out"));
    let mut arguments = vec!["apply".as_ref(), "--quiet".as_ref()];
    if !patch.is_empty() {
        arguments.push(fix.as_os_str());
    }
    arguments.extend([input.as_os_str(), "-o".as_ref(), output.as_os_str()]);
    arguments.extend(options.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
    ok(arguments);
    output
}

fn inspect(archive: &Path) -> Value {
    let arguments = ["inspect".as_ref(), "--format=json".as_ref()];
    let report = ok([&arguments[..], &[archive.as_os_str()]].concat());
    serde_json::from_str(&report).unwrap()
}

/// The codes of what `verify` finds.
fn found(archive: &Path) -> Vec<String> {
    let arguments = ["verify".as_ref(), "--format=json".as_ref()];
    let output = run([&arguments[..], &[archive.as_os_str()]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| finding["rule"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_change_renames_what_it_changes_and_leaves_the_rest() {
    for archive in ARCHIVES {
        let directory = tempfile::tempdir().unwrap();
        let (input, files) = (directory.path().join("in"), dir_of(archive));
        write(&input, &files);
        assert_eq!(found(&input), Vec::<String>::new(), "{archive}");
        let patch = format!("attestations: drop\noperations:\n{LABEL}");
        let output = apply(directory.path(), &patch, &[]);
        assert_eq!(found(&output), Vec::<String>::new(), "{archive}");
        let patched = read(&output);
        assert_ne!(
            patched["manifest.json"], files["manifest.json"],
            "{archive}"
        );
        let images = inspect(&output)["images"].as_array().unwrap().clone();
        for image in &images {
            assert_eq!(
                image["config"]["config"]["Labels"]["mylabel"],
                "modifiedvalue"
            );
            let id = &image["imageId"].as_str().unwrap()[7..];
            assert!(patched.contains_key(id), "{archive} {id}");
        }
        let is_new = |(name, _): &(&String, &Vec<u8>)| !files.contains_key(*name);
        for (name, data) in patched.iter().filter(is_new) {
            let hex = name.strip_suffix(".manifest.json").unwrap_or(name);
            assert_eq!(hex, Digest::of(data).hex(), "{archive}");
        }
        let is_kept =
            |(name, _): &(&String, &Vec<u8>)| files.contains_key(*name) && *name != "manifest.json";
        for (name, data) in patched.iter().filter(is_kept) {
            assert!(*data == files[name], "{archive} {name}");
        }
        // The same in place.
        let fix = directory.path().join("fix.yaml");
        let in_place = ["apply".as_ref(), fix.as_os_str(), "--in-place".as_ref()];
        ok([&in_place[..], &[input.as_os_str()]].concat());
        assert!(read(&input) == patched, "{archive}");
        ok([&in_place[..], &[input.as_os_str()]].concat());
        assert!(read(&input) == patched, "{archive}");
    }
}

#[test]
fn a_tar_of_one_is_patched_as_a_tar() {
    let directory = tempfile::tempdir().unwrap();
    let mut archive = Archive {
        entries: Vec::new(),
    };
    for (name, data) in dir_of("skopeo-oci.tar") {
        archive.add(&format!("./{name}"), &data);
    }
    let input = directory.path().join("in");
    std::fs::write(&input, archive.to_bytes()).unwrap();
    let output = apply(
        directory.path(),
        "operations: [set-label: {mylabel: myvalue}]",
        &[],
    );
    assert!(std::fs::read(&output).unwrap() == std::fs::read(&input).unwrap());
    let output = apply(directory.path(), &format!("operations:\n{LABEL}"), &[]);
    let patched = Archive::read(&std::fs::read(&output).unwrap());
    assert!(
        patched
            .entries
            .iter()
            .all(|entry| entry.name.starts_with("./"))
    );
    assert_eq!(patched.entries.len(), archive.entries.len());
    ok(["verify".as_ref(), output.as_os_str()]);
}

#[test]
fn signatures_obey_what_the_patch_says_of_attestations() {
    for archive in ["skopeo-oci.tar", "buildx-oci-multi.tar"] {
        let directory = tempfile::tempdir().unwrap();
        let (input, mut files) = (directory.path().join("in"), dir_of(archive));
        let of_listed = files
            .keys()
            .find_map(|name| name.strip_suffix(".manifest.json"));
        let of_listed = of_listed.map(|hex| format!("{hex}.signature-1"));
        let signatures = ["signature-1", "signature-2"].map(str::to_owned);
        for name in signatures.iter().chain(&of_listed) {
            files.insert(name.clone(), name.clone().into_bytes());
        }
        write(&input, &files);
        assert_eq!(found(&input), Vec::<String>::new(), "{archive}");
        let patch = |word: &str| format!("{word}operations:\n{LABEL}");
        let refused = fix(directory.path(), &patch(""));
        let stderr = fails(1, ["plan".as_ref(), refused.as_os_str(), input.as_os_str()]);
        assert!(stderr.contains("attested"), "{stderr}");
        let is_signature = |name: &&String| name.contains("signature-");
        for (word, n) in [("attestations: drop\n", 0), ("attestations: keep\n", 2)] {
            let output = apply(directory.path(), &patch(word), &[]);
            let patched = read(&output);
            let there: Vec<&String> = patched.keys().filter(is_signature).collect();
            let n = n + usize::from(n > 0 && of_listed.is_some());
            assert_eq!(there.len(), n, "{archive} {there:?}");
            // What signs a manifest has its name.
            for name in there.iter().filter_map(|name| name.split_once('.')) {
                let document = format!("{}.manifest.json", name.0);
                assert!(patched.contains_key(&document), "{archive} {name:?}");
            }
            // What is kept says what it said.
            let mut found = found(&output);
            found.retain(|rule| n == 0 || rule != "attestation");
            assert_eq!(found, Vec::<String>::new(), "{archive}");
            std::fs::remove_dir_all(output).unwrap();
        }
    }
}

#[test]
fn a_name_is_a_problem_unless_the_output_has_a_place_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in");
    write(&input, &dir_of("skopeo-oci.tar"));
    for operation in ["add-tag: ['app:2']", "retag: ['app:2']"] {
        let patch = format!("operations: [{operation}]");
        let fix = fix(directory.path(), &patch);
        let stderr = fails(1, ["plan".as_ref(), fix.as_os_str(), input.as_os_str()]);
        assert!(stderr.contains("unsupported-form"), "{stderr}");
        assert!(stderr.contains("--to docker-archive"), "{stderr}");
        for to in ["docker-archive", "oci-dir"] {
            let output = apply(directory.path(), &patch, &["--to", to]);
            let tags = &inspect(&output)["images"][0]["tags"];
            assert_eq!(*tags, serde_json::json!(["app:2"]), "{to}");
            ok(["verify".as_ref(), output.as_os_str()]);
            let remove = if output.is_dir() {
                std::fs::remove_dir_all
            } else {
                std::fs::remove_file
            };
            remove(output).unwrap();
        }
    }
}

#[test]
fn every_form_can_be_written_from_one() {
    for archive in ARCHIVES {
        for to in ["oci-archive", "oci-dir", "docker-archive", "docker-dir"] {
            let directory = tempfile::tempdir().unwrap();
            let input = directory.path().join("in");
            write(&input, &dir_of(archive));
            let mut options = vec!["--to", to];
            if archive.contains("multi") && to.starts_with("docker") {
                options.extend(["--platform", "linux/arm64"]);
            }
            let output = apply(directory.path(), "", &options);
            assert_eq!(found(&output), Vec::<String>::new(), "{archive} {to}");
            let ids = |report: &Value| -> Vec<String> {
                let images = report["images"].as_array().unwrap().iter();
                images.map(|image| image["imageId"].to_string()).collect()
            };
            let (was, is) = (ids(&inspect(&input)), ids(&inspect(&output)));
            assert!(is.iter().all(|id| was.contains(id)), "{archive} {to}");
            assert_eq!(is.len(), if options.len() > 2 { 1 } else { was.len() });
        }
    }
}

#[test]
fn one_platform_of_an_index_is_a_directory_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in");
    write(&input, &dir_of("buildx-oci-multi.tar"));
    let options = ["--platform", "linux/arm64"];
    let output = apply(directory.path(), "", &options);
    assert_eq!(found(&output), Vec::<String>::new());
    let manifest: Value = serde_json::from_slice(&read(&output)["manifest.json"]).unwrap();
    assert!(manifest["config"].is_object(), "{manifest}");
    assert_eq!(inspect(&output)["images"][0]["platform"], "linux/arm64");
}

#[test]
fn what_a_dir_cannot_be_is_refused_with_a_way_out() {
    let mut schema1 = dir_of("skopeo-oci.tar");
    let manifest = br#"{"schemaVersion":1,"name":"x","tag":"y","fsLayers":[],"history":[]}"#;
    schema1.insert("manifest.json".to_owned(), manifest.to_vec());
    let mut both = dir_of("skopeo-oci.tar");
    both.insert("index.json".to_owned(), b"{\"manifests\":[]}".to_vec());
    for (files, expected) in [
        (schema1, "`skopeo copy --format v2s2 dir:DIR dir:NEW`"),
        (both, "`index.json` exists too"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let input = directory.path().join("in");
        write(&input, &files);
        let stderr = fails(
            3,
            [
                "unpack".as_ref(),
                "--layers".as_ref(),
                input.as_os_str(),
                directory.path().join("out").as_os_str(),
            ],
        );
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn verify_finds_every_damage() {
    for archive in ARCHIVES {
        let files = dir_of(archive);
        let blobs = files.keys().filter(|name| name.len() == 64);
        let largest = blobs.max_by_key(|name| files[*name].len()).unwrap().clone();
        let damages: [(&str, Damage<'_>); 5] = [
            ("blob-digest", &|files| {
                files.get_mut(&largest).unwrap()[9] ^= 1;
            }),
            ("descriptor-size", &|files| {
                files.get_mut(&largest).unwrap().push(0);
            }),
            ("missing-entry", &|files| drop(files.remove(&largest))),
            ("orphan", &|files| {
                files.insert("signature-3".to_owned(), Vec::new());
            }),
            ("dir-version", &|files| drop(files.remove("version"))),
        ];
        for (rule, damage) in damages {
            let directory = tempfile::tempdir().unwrap();
            let (input, mut files) = (directory.path().join("in"), files.clone());
            damage(&mut files);
            write(&input, &files);
            let found = found(&input);
            assert!(
                found.iter().any(|found| found == rule),
                "{archive} {rule}: {found:?}"
            );
        }
    }
}

#[test]
fn skopeo_writes_what_is_read_and_reads_what_is_written() {
    for archive in ARCHIVES {
        let directory = tempfile::tempdir().unwrap();
        let copy = |from: &str, to: &str| {
            let mut skopeo = tool("skopeo")?;
            let skopeo = skopeo.args(["--insecure-policy", "copy", "--all", from, to]);
            let output = skopeo.output().unwrap();
            assert!(output.status.success(), "{archive}: {output:?}");
            Some(())
        };
        let input = directory.path().join("in");
        let archive_name = format!("oci-archive:{}", fixture(archive).display());
        let Some(()) = copy(&archive_name, &format!("dir:{}", input.display())) else {
            return;
        };
        assert!(read(&input) == dir_of(archive), "{archive}");
        let patch = format!("attestations: drop\noperations:\n{LABEL}");
        let output = apply(directory.path(), &patch, &[]);
        let layout = directory.path().join("layout");
        let target = format!("oci:{}:app", layout.display());
        copy(&format!("dir:{}", output.display()), &target).unwrap();
        if let Some(images) = podman_load(Release::Bookworm, &output) {
            let id = images[0]["Id"].as_str().unwrap().to_owned();
            assert_eq!(
                inspect(&output)["images"][0]["imageId"],
                format!("sha256:{id}"),
                "{archive}"
            );
        }
        assert_eq!(
            inspect(&layout)["images"][0]["imageId"],
            inspect(&output)["images"][0]["imageId"]
        );
    }
}
