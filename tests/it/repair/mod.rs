//! Archives that were edited by hand, and what `repair` makes of them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;
mod hand;
mod loaded;
mod refused;

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use ocipatch::digest::Digest;
use ocipatch::{Archive as Opened, Error, Half, Input, Job, Repair};
use serde_json::Value;

use self::hand::{EDITS, config, edit, has, layers, read};
use crate::binary::{listing, ok};
use crate::edit::Archive;
use crate::forms;
use crate::random::takes;

/// Archives of real programs.
const FIXTURES: &[&str] = &[
    "docker20.tar",
    "docker20-nasty.tar",
    "docker20-two-images.tar",
    "docker20-untagged.tar",
    "docker26.tar",
    "docker26-two-images.tar",
    "docker26-containerd.tar",
    "buildx-docker.tar",
    "buildx-oci.tar",
    "buildx-oci-multi.tar",
    "crane.tar",
    "podman-docker.tar",
    "podman-oci.tar",
    "skopeo-oci.tar",
];

type Make = fn() -> Archive;

/// Archives as other programs write them.
const MADE: &[(&str, Make)] = &[
    ("rules_docker", forms::rules_docker),
    ("ggcr, legacy", forms::ggcr_legacy),
    ("nix, built", forms::nix_built),
    ("foreign ids", forms::foreign_ids),
    ("kaniko", forms::kaniko),
    ("rules_oci", forms::rules_oci),
    ("nix", forms::nix),
    ("unrecognized", forms::unrecognized),
    ("zstd", forms::zstd_layout),
    ("rules_oci, layout", forms::rules_oci_layout),
];

fn all() -> Vec<(String, Archive)> {
    let fixtures = FIXTURES
        .iter()
        .map(|name| ((*name).to_owned(), Archive::fixture(name)));
    let made = MADE.iter().map(|(name, make)| ((*name).to_owned(), make()));
    fixtures.chain(made).collect()
}

fn write(directory: &Path, archive: &Archive) -> std::path::PathBuf {
    let path = directory.join("by-hand.tar");
    std::fs::write(&path, archive.to_bytes()).unwrap();
    path
}

fn repair(path: &Path) -> Result<Repair, Error> {
    Job::new().repair(path, Half::Manifest)
}

/// What `verify` finds that is an error, or a warning about what `repair` mends.
fn findings(path: &Path) -> Vec<String> {
    let input = Input::Stream(File::open(path).unwrap(), "archive".to_owned());
    let report = Job::new().verify(input).unwrap().to_string();
    let is_mended = |line: &&str| {
        let warnings = ["warning[v1-id]", "warning[history]"];
        // The name of a configuration tells whether somebody edited it; without a digest in it a short history stays.
        let is_known = !line.starts_with("warning[history] config.json:");
        let is_warning = warnings.iter().any(|start| line.starts_with(start));
        line.starts_with("error") || is_warning && is_known
    };
    report
        .lines()
        .filter(is_mended)
        .map(str::to_owned)
        .collect()
}

/// What of those findings the archive has before anybody edits it.
fn findings_before(archive: &Archive, directory: &Path) -> Vec<String> {
    findings(&write(directory, archive))
}

#[test]
fn every_edit_by_hand_of_every_form_is_repaired() {
    let home = tempfile::tempdir().unwrap();
    let (mut n_edited, mut outcomes) = (0, String::new());
    for (form, archive) in all() {
        let before = findings_before(&archive, home.path());
        for (what, by_hand) in EDITS {
            let mut archive = archive.clone();
            if !by_hand(&mut archive) {
                continue;
            }
            n_edited += 1;
            let what = format!("{form}: {what}");
            let input = write(home.path(), &archive);
            let repaired = repair(&input).unwrap_or_else(|error| panic!("{what}: {error}"));
            let output = home.path().join("repaired.tar");
            repaired.publish(&output).unwrap();
            tell(&mut outcomes, &what, &repaired.to_string(), &output);
            let after = findings(&output);
            assert!(
                after.len() <= before.len(),
                "{what}: {repaired}\n{after:#?}"
            );
            Opened::open(&output).unwrap_or_else(|error| panic!("{what}: {error}"));
            let again = repair(&output).unwrap();
            assert_eq!(again.to_string(), "nothing to repair", "{what}");
            // The same corrections each time, whatever order a map has.
            if takes(n_edited, 3) {
                let twice = repair(&input).unwrap();
                assert_eq!(twice.to_string(), repaired.to_string(), "{what}");
            }
        }
    }
    assert!(n_edited > 350, "{n_edited}");
    hold(&outcomes, "outcomes.txt");
}

/// Adds how many corrections there were, and the digest of these with that of the archive.
fn tell(outcomes: &mut String, what: &str, corrections: &str, output: &Path) {
    let archive = Digest::of(&std::fs::read(output).unwrap());
    let digest = Digest::of(format!("{corrections}\n{archive}").as_bytes()).hex();
    let last = corrections.lines().last().unwrap_or_default();
    writeln!(outcomes, "{what}: {last}, {}", &digest[..12]).unwrap();
}

/// Compares outcomes with those of a file, or renews the file.
fn hold(outcomes: &str, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/repair")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, outcomes).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    let differs = outcomes.lines().zip(wanted.lines()).filter(|(a, b)| a != b);
    let differs: Vec<(&str, &str)> = differs.collect();
    assert!(differs.is_empty(), "{differs:#?}");
    assert_eq!(outcomes.lines().count(), wanted.lines().count());
}

#[test]
fn every_edit_by_hand_is_repaired_as_the_index_has_it() {
    let home = tempfile::tempdir().unwrap();
    let mut outcomes = String::new();
    for form in [
        "docker26.tar",
        "docker26-two-images.tar",
        "docker26-containerd.tar",
        "buildx-docker.tar",
    ] {
        for (what, by_hand) in EDITS {
            let mut archive = Archive::fixture(form);
            if !by_hand(&mut archive) {
                continue;
            }
            let what = format!("{form}: {what}");
            match Job::new().repair(write(home.path(), &archive), Half::Index) {
                Err(error) => writeln!(outcomes, "{what}: {error}").unwrap(),
                Ok(repaired) => {
                    let output = home.path().join("repaired.tar");
                    repaired.publish(&output).unwrap();
                    tell(&mut outcomes, &what, &repaired.to_string(), &output);
                }
            }
        }
    }
    hold(&outcomes, "outcomes_of_index.txt");
}

#[test]
fn what_is_right_stays_byte_for_byte() {
    let home = tempfile::tempdir().unwrap();
    for (form, archive) in all() {
        let input = write(home.path(), &archive);
        let right = repair(&input).unwrap();
        assert_eq!(right.to_string(), "nothing to repair", "{form}");
        let output = home.path().join("repaired.tar");
        right.publish(&output).unwrap();
        let (before, after) = (
            std::fs::read(&input).unwrap(),
            std::fs::read(&output).unwrap(),
        );
        assert!(before == after, "{form}");
    }
}

#[test]
fn a_directory_is_repaired_as_a_tar_is() {
    for form in FIXTURES {
        let home = tempfile::tempdir().unwrap();
        let mut archive = Archive::fixture(form);
        let config = config(&mut archive);
        edit(&mut archive, &config, |config| {
            config["author"] = "by hand".into();
        });
        let tar = write(home.path(), &archive);
        let (directory, output) = (home.path().join("image"), home.path().join("repaired"));
        let unpacked = home.path().join("from-tar");
        ok(["unpack".as_ref(), tar.as_os_str(), directory.as_os_str()]);
        let repaired = home.path().join("repaired.tar");
        ok([
            "repair".as_ref(),
            tar.as_os_str(),
            "-o".as_ref(),
            repaired.as_os_str(),
        ]);
        ok([
            "unpack".as_ref(),
            repaired.as_os_str(),
            unpacked.as_os_str(),
        ]);
        ok([
            "repair".as_ref(),
            directory.as_os_str(),
            "-o".as_ref(),
            output.as_os_str(),
        ]);
        let names = |path: &Path| {
            let lines = listing(path);
            let is_file = |line: &&String| !line.contains("/ 4") && !line.starts_with(".ocipatch");
            lines
                .iter()
                .filter(is_file)
                .map(|line| line.replace(" 100600 ", " 100644 "))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&output), names(&unpacked), "{form}");
        ok([
            "repair".as_ref(),
            "--in-place".as_ref(),
            directory.as_os_str(),
        ]);
        assert_eq!(names(&directory), names(&unpacked), "{form}");
    }
}

#[test]
fn the_history_gets_an_entry_for_a_layer_more_and_loses_that_of_one_less() {
    let home = tempfile::tempdir().unwrap();
    for form in FIXTURES.iter().filter(|form| !form.contains("nasty")) {
        for (what, is_more) in [("a layer more", true), ("the top layer is gone", false)] {
            let mut archive = Archive::fixture(form);
            let n_before = layers(&mut archive).len();
            let n_layers = if is_more { n_before + 1 } else { n_before - 1 };
            let (_, by_hand) = EDITS.iter().find(|(name, _)| *name == what).unwrap();
            assert!(by_hand(&mut archive));
            let output = home.path().join("repaired.tar");
            repair(&write(home.path(), &archive))
                .unwrap()
                .publish(&output)
                .unwrap();
            let mut repaired = Archive::read(&std::fs::read(&output).unwrap());
            let config = config(&mut repaired);
            let config = read(&mut repaired, &config);
            let n = |value: &Value| value.as_array().unwrap().len();
            assert_eq!(n(&config["rootfs"]["diff_ids"]), n_layers, "{form}");
            let history = config["history"].as_array().unwrap();
            let is_layer = |entry: &&Value| entry["empty_layer"] != true;
            let described: Vec<&Value> = history.iter().filter(is_layer).collect();
            assert_eq!(described.len(), n_layers, "{form}");
            if is_more {
                assert_eq!(described.last().unwrap().get("created_by"), None, "{form}");
            }
        }
    }
}

#[test]
fn one_half_is_followed_where_they_disagree() {
    for form in [
        "docker26.tar",
        "docker26-containerd.tar",
        "buildx-docker.tar",
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut archive = Archive::fixture(form);
        let (_, by_hand) = EDITS
            .iter()
            .find(|(name, _)| *name == "another tag")
            .unwrap();
        assert!(by_hand(&mut archive));
        let input = write(home.path(), &archive);
        for (trusted, wanted) in [
            ("manifest.json", "registry.example.com/edited:2"),
            ("index.json", "greeter:1"),
        ] {
            let output = home.path().join("repaired.tar");
            let arguments = ["repair", "--trust", trusted, "-o"];
            let paths = [output.as_os_str(), input.as_os_str()];
            let arguments = arguments.iter().map(std::ffi::OsStr::new);
            ok(arguments.chain(paths));
            assert_eq!(findings(&output), Vec::<String>::new(), "{form} {trusted}");
            let repaired = Opened::open(&output).unwrap();
            let tags = repaired.images()[0].tags();
            let tags: Vec<String> = tags.iter().map(ocipatch::Reference::familiar).collect();
            assert_eq!(tags, [wanted], "{form} {trusted}");
        }
    }
}

#[test]
fn halves_that_describe_different_images_are_made_again_from_the_one_that_is_followed() {
    for form in [
        "docker26.tar",
        "docker26-containerd.tar",
        "buildx-docker.tar",
    ] {
        let mut archive = Archive::fixture(form);
        // Another image, and only one half knows it.
        let name = config(&mut archive);
        let mut other = read(&mut archive, &name);
        other["author"] = "somebody else".into();
        archive.add("other.json", other.to_string().as_bytes());
        edit(&mut archive, "manifest.json", |manifest| {
            let mut item = manifest[0].clone();
            item["Config"] = "other.json".into();
            item["RepoTags"] = serde_json::json!(["other:1"]);
            manifest.as_array_mut().unwrap().push(item);
        });
        let home = tempfile::tempdir().unwrap();
        let input = write(home.path(), &archive);
        let output = home.path().join("repaired.tar");
        for (trusted, n_images) in [(Half::Manifest, 2), (Half::Index, 1)] {
            let repaired = Job::new().repair(&input, trusted).unwrap();
            repaired.publish(&output).unwrap();
            assert_eq!(
                findings(&output),
                Vec::<String>::new(),
                "{form} {trusted:?}"
            );
            let opened = Opened::open(&output).unwrap();
            assert_eq!(opened.images().len(), n_images, "{form} {trusted:?}");
        }
    }
}
