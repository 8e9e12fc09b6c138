//! Archives from before Docker 1.10: read as Docker 1.10 loaded them, and written in any other form.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::made::before_1_10;
use super::{fix, write};
use crate::binary::{fails, ok, run};
use crate::edit::Archive;
use crate::engine::Docker;

const LABEL: &str = "  - set-label: {mylabel: modifiedvalue}\n";
/// Archives of which there are images by the names in `repositories`.
const FIXTURES: [&str; 3] = [
    "docker20.tar",
    "docker20-two-images.tar",
    "docker20-nasty.tar",
];

fn inspect(archive: &Path) -> Vec<Value> {
    let report = ok([
        "inspect".as_ref(),
        "--format=json".as_ref(),
        archive.as_os_str(),
    ]);
    let report: Value = serde_json::from_str(&report).unwrap();
    report["images"].as_array().unwrap().clone()
}

fn id(n: u8) -> String {
    format!("{n:02x}").repeat(32)
}

/// A layer with this `json`, to which the id is added.
fn add_step(archive: &mut Archive, n: u8, parent: Option<u8>, json: &Value, layer: &[u8]) {
    let mut json = json.clone();
    json["id"] = json!(id(n));
    if let Some(parent) = parent {
        json["parent"] = json!(id(parent));
    }
    archive.add(&format!("{}/VERSION", id(n)), b"1.0");
    archive.add(&format!("{}/json", id(n)), json.to_string().as_bytes());
    archive.add(&format!("{}/layer.tar", id(n)), layer);
}

/// A tar of nothing.
const EMPTY: &[u8] = &[0; 1024];

fn archive() -> Archive {
    Archive {
        entries: Vec::new(),
    }
}

/// Steps whose descriptions are odd in each way that Docker reads: a base, what is built on it twice, and an empty layer.
fn odd() -> Archive {
    let mut archive = archive();
    let created = "2015-03-04T21:38:56.120300000+00:00";
    let base = json!({"created": created, "architecture": "x86_64", "os": "linux", "docker_version": "0.4.0"});
    add_step(&mut archive, 1, None, &base, EMPTY);
    let middle = json!({
        "os": "linux", "author": "A <a@example.com> & B\u{2028}", "comment": "c\u{1}",
        "created": created, "docker_version": "1.8.2", "Size": 7, "unknown": {"b": 1.50, "a": [null]},
        "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) A  <b>"], "PortSpecs": null},
        "config": {"Env": ["A=b"], "Cmd": "one", "Volumes": {"/b": {}, "/a": {}}, "CpuShares": 0},
    });
    add_step(&mut archive, 2, Some(1), &middle, b"");
    let mut top = middle.clone();
    top["docker_version"] = json!("1.9.1");
    top["layer_id"] = json!("sha256:x");
    top["parent_id"] = json!("sha256:y");
    top["throwaway"] = json!(true);
    add_step(&mut archive, 3, Some(2), &top, EMPTY);
    let mut other = top.clone();
    other.as_object_mut().unwrap().remove("docker_version");
    other.as_object_mut().unwrap().remove("created");
    add_step(&mut archive, 4, Some(2), &other, &crate::edit::layer(&[]));
    let names = json!({"app": {"1": id(3), "latest": id(3)}, "registry.example.com:5000/app": {"base": id(2)}, "b": {"4": id(4)}});
    archive.add("repositories", names.to_string().as_bytes());
    archive
}

#[test]
fn every_name_of_such_an_archive_is_that_of_an_image() {
    let directory = tempfile::tempdir().unwrap();
    for fixture in FIXTURES {
        let input = write(directory.path(), &before_1_10(fixture));
        let told = ok(["verify".as_ref(), input.as_os_str()]);
        assert!(!told.contains("not in the archive"), "{fixture}: {told}");
    }
    let mut archive = before_1_10(FIXTURES[0]);
    let names = json!({"app": {"1": "f".repeat(64)}});
    archive.entry("repositories").data = names.to_string().into_bytes();
    let input = write(directory.path(), &archive);
    let output = run(["verify".as_ref(), input.as_os_str()]);
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8(output.stdout).unwrap();
    let wanted = "for `app:1`, which is not in the archive";
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn an_image_is_the_one_that_docker_makes_of_the_archive() {
    let Some(docker) = Docker::v20() else { return };
    let made = FIXTURES.iter().map(|fixture| before_1_10(fixture));
    for archive in made.chain([odd()]) {
        let directory = tempfile::tempdir().unwrap();
        let input = write(directory.path(), &archive);
        docker.reset();
        docker.load(&input);
        let images = inspect(&input);
        assert!(!images.is_empty());
        for image in images {
            for tag in image["tags"].as_array().unwrap() {
                let seen = docker.inspect(tag.as_str().unwrap());
                assert_eq!(seen["Id"], image["imageId"], "{tag}");
                assert_eq!(
                    seen["RootFS"]["Layers"],
                    image["config"]["rootfs"]["diff_ids"]
                );
            }
        }
    }
}

#[test]
fn what_names_an_image_and_what_nothing_is_built_on_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut archive = odd();
    add_step(
        &mut archive,
        5,
        Some(1),
        &json!({"os": "linux", "architecture": "amd64"}),
        EMPTY,
    );
    let input = write(directory.path(), &archive);
    let told = |images: &[Value]| -> Vec<(usize, BTreeSet<String>)> {
        let told = images.iter().map(|image| {
            let tags = image["tags"].as_array().unwrap().iter();
            let tags = tags.map(|tag| tag.as_str().unwrap().to_owned());
            (image["layers"].as_array().unwrap().len(), tags.collect())
        });
        told.collect()
    };
    let tags = |tags: &[&str]| tags.iter().map(|&tag| tag.to_owned()).collect();
    let wanted = [
        (3, tags(&["app:1", "app:latest"])),
        (3, tags(&["b:4"])),
        (2, tags(&["registry.example.com:5000/app:base"])),
        (2, tags(&[])),
    ];
    let mut found = told(&inspect(&input));
    found.sort();
    let mut sorted = wanted.to_vec();
    sorted.sort();
    assert_eq!(found, sorted);
    archive.remove("repositories");
    let input = write(directory.path(), &archive);
    let found: Vec<usize> = told(&inspect(&input)).into_iter().map(|(n, _)| n).collect();
    assert_eq!(found, [3, 3, 2]);
    ok(["verify".as_ref(), input.as_os_str()]);
}

/// Applies a patch with these options, and returns the output.
fn apply(directory: &Path, input: &Path, operations: &str, options: &[&str]) -> PathBuf {
    let fix = fix(directory, operations);
    let output = directory.join("output");
    let mut arguments = vec!["apply".as_ref(), "--quiet".as_ref(), fix.as_os_str()];
    arguments.extend([input.as_os_str(), "-o".as_ref(), output.as_os_str()]);
    arguments.extend(options.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
    ok(arguments);
    output
}

#[test]
fn it_is_patched_into_every_other_form() {
    let archive = before_1_10("docker20.tar");
    for form in ["docker-archive", "docker-dir", "oci-archive", "oci-dir"] {
        let directory = tempfile::tempdir().unwrap();
        let input = write(directory.path(), &archive);
        let operations = format!("{LABEL}  - add-layer: {{from: rootfs}}\n");
        let output = apply(directory.path(), &input, &operations, &["--to", form]);
        let report = ok(["verify".as_ref(), output.as_os_str()]);
        assert!(!report.contains("warning"), "{report}");
        let (was, is) = (&inspect(&input)[0], &inspect(&output)[0]);
        assert_eq!(is["config"]["config"]["Labels"]["mylabel"], "modifiedvalue");
        assert_eq!(is["tags"], was["tags"], "{form}");
        let n_layers = |image: &Value| image["layers"].as_array().unwrap().len();
        assert_eq!(n_layers(is), n_layers(was) + 1, "{form}");
    }
}

#[test]
fn it_stays_what_it_is_or_becomes_another_form() {
    let directory = tempfile::tempdir().unwrap();
    let input = write(directory.path(), &before_1_10("docker20.tar"));
    let same = apply(
        directory.path(),
        &input,
        "  - set-label: {mylabel: myvalue}\n",
        &[],
    );
    assert!(std::fs::read(&same).unwrap() == std::fs::read(&input).unwrap());
    let fix = fix(directory.path(), LABEL);
    let plan = ok(["plan".as_ref(), fix.as_os_str(), input.as_os_str()]);
    assert!(
        plan.contains("modifiedvalue") && plan.contains("needs `--to`"),
        "{plan}"
    );
    let output = apply(directory.path(), &input, LABEL, &["--to", "oci-archive"]);
    let id = inspect(&output)[0]["imageId"].as_str().unwrap().to_owned();
    assert!(plan.contains(&id), "{plan}");
    for options in [
        &["-o", "-"][..],
        &["--in-place"],
        &["--check"],
        &["--platform=linux/amd64", "-o", "x.tar"],
    ] {
        let mut arguments = vec!["apply".as_ref(), fix.as_os_str(), input.as_os_str()];
        arguments.extend(options.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
        let stderr = fails(3, arguments);
        assert!(
            stderr.contains("`ocipatch apply --to docker-archive -o OUT`"),
            "{stderr}"
        );
    }
}

#[test]
fn a_chain_that_does_not_end_is_an_error_that_names_both_sides() {
    let step = json!({"os": "linux", "architecture": "amd64"});
    let mut cycle = archive();
    add_step(&mut cycle, 1, Some(2), &step, EMPTY);
    add_step(&mut cycle, 2, Some(1), &step, EMPTY);
    let mut own = archive();
    add_step(&mut own, 1, Some(1), &step, EMPTY);
    let mut headed = cycle.clone();
    add_step(&mut headed, 3, Some(2), &step, EMPTY);
    let mut orphan = archive();
    add_step(&mut orphan, 1, Some(2), &step, EMPTY);
    let mut absent = archive();
    add_step(&mut absent, 1, None, &step, EMPTY);
    absent.add(
        "repositories",
        json!({"a": {"b": id(9)}}).to_string().as_bytes(),
    );
    let mut unreadable = archive();
    add_step(
        &mut unreadable,
        1,
        None,
        &json!({"container_config": {"Cmd": 1}}),
        EMPTY,
    );
    for (archive, sides, rule) in [
        (cycle, [id(1), id(2)], "v1-parent"),
        (own, [id(1), id(1)], "v1-parent"),
        (headed, [id(1), id(2)], "v1-parent"),
        (orphan, [id(1), id(2)], "missing-entry"),
        (absent, ["repositories".to_owned(), id(9)], "missing-entry"),
        (unreadable, [id(1), "type".to_owned()], ""),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let input = write(directory.path(), &archive);
        let stderr = fails(3, ["inspect".as_ref(), input.as_os_str()]);
        for side in &sides {
            assert!(stderr.contains(side), "{side}: {stderr}");
        }
        let output = run(["verify".as_ref(), input.as_os_str()]);
        let found = String::from_utf8(output.stdout).unwrap();
        assert!(
            found.contains(&format!("error[{rule}")) || rule.is_empty(),
            "{found}"
        );
    }
}

#[test]
fn a_list_of_names_that_is_none_is_found() {
    for (list, place) in [
        (json!([]), "."),
        (json!({"a": []}), ".a"),
        (json!({"a": {"1": 1}}), ".a.1"),
    ] {
        let mut archive = before_1_10("docker20.tar");
        archive.entry("repositories").data = list.to_string().into_bytes();
        let directory = tempfile::tempdir().unwrap();
        let input = write(directory.path(), &archive);
        let output = run(["verify".as_ref(), input.as_os_str()]);
        let found = String::from_utf8(output.stdout).unwrap();
        let is_told = found.lines().any(|line| {
            line.starts_with("error[bad-shape] repositories: ")
                && line.contains(&format!("at `{place}`"))
        });
        assert!(is_told, "{place}: {found}");
    }
}

/// Each of them costs little by itself; images that all have the others below them would cost the square.
#[test]
fn images_that_share_a_long_chain_do_not_cost_its_square() {
    let mut archive = archive();
    let step = json!({"os": "linux", "comment": "x".repeat(1000)});
    let mut names = serde_json::Map::new();
    let ids: Vec<String> = (0..1000).map(|n| format!("{n:064x}")).collect();
    for (n, id) in ids.iter().enumerate() {
        let mut json = step.clone();
        json["id"] = json!(id);
        if n > 0 {
            json["parent"] = json!(ids[n - 1]);
        }
        archive.add(&format!("{id}/json"), json.to_string().as_bytes());
        archive.add(&format!("{id}/layer.tar"), b"");
        names.insert(format!("t{n}"), json!({"1": id}));
    }
    archive.add("repositories", Value::Object(names).to_string().as_bytes());
    let directory = tempfile::tempdir().unwrap();
    let input = write(directory.path(), &archive);
    let stderr = fails(3, ["inspect".as_ref(), input.as_os_str()]);
    assert!(stderr.contains("counted for each image"), "{stderr}");
}
