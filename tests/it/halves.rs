//! Archives that describe their images twice, and not alike: refused with both sides named, unless the patch says which
//! is right.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use ocipatch::digest::Digest;
use serde_json::{Value, json};

use crate::binary::{fails, ok, run, write_files};
use crate::edit::Archive;

const FIXTURES: [&str; 3] = [
    "docker26.tar",
    "docker26-containerd.tar",
    "buildx-docker.tar",
];

/// Changes one document of an archive.
fn edit(archive: &mut Archive, name: &str, change: impl FnOnce(&mut Value)) {
    let entry = archive.entry(name);
    let mut value: Value = serde_json::from_slice(&entry.data).unwrap();
    change(&mut value);
    entry.data = value.to_string().into_bytes();
}

fn put(archive: &mut Archive, value: &Value) -> (String, usize) {
    let data = value.to_string();
    let hex = Digest::of(data.as_bytes()).hex();
    archive.add(&format!("blobs/sha256/{hex}"), data.as_bytes());
    (hex, data.len())
}

fn document(archive: &mut Archive, name: &str) -> Value {
    serde_json::from_slice(&archive.entry(name).data).unwrap()
}

/// The manifest of the image, and its configuration with another author.
fn parts(archive: &mut Archive) -> (Value, Value) {
    let index = document(archive, "index.json");
    let hex = |digest: &Value| digest.as_str().unwrap().replace("sha256:", "");
    let manifest = document(archive, &hex(&index["manifests"][0]["digest"]));
    let mut config = document(archive, &hex(&manifest["config"]["digest"]));
    config["author"] = json!("somebody else");
    (manifest, config)
}

fn lead_index_to(archive: &mut Archive, manifest: &Value) {
    let (hex, size) = put(archive, manifest);
    edit(archive, "index.json", |index| {
        index["manifests"][0]["digest"] = json!(format!("sha256:{hex}"));
        index["manifests"][0]["size"] = json!(size);
    });
}

type Change = fn(&mut Archive);

/// What differs, which halves can be read by themselves, and how it comes to be.
const CHANGES: &[(&str, [bool; 2], Change)] = &[
    ("a tag of manifest.json", [true, true], |archive| {
        edit(archive, "manifest.json", |items| {
            items[0]["RepoTags"] = json!(["other:1"]);
        });
    }),
    ("a name of index.json", [true, true], |archive| {
        edit(archive, "index.json", |index| {
            let annotations = &mut index["manifests"][0]["annotations"];
            annotations["io.containerd.image.name"] = json!("docker.io/library/other:9");
            annotations["org.opencontainers.image.ref.name"] = json!("9");
        });
    }),
    (
        "the configuration of manifest.json",
        [true, true],
        |archive| {
            let (_, config) = parts(archive);
            let (hex, _) = put(archive, &config);
            edit(archive, "manifest.json", |items| {
                items[0]["Config"] = json!(format!("blobs/sha256/{hex}"));
            });
        },
    ),
    ("the configuration of index.json", [true, true], |archive| {
        let (mut manifest, config) = parts(archive);
        let (hex, size) = put(archive, &config);
        manifest["config"]["digest"] = json!(format!("sha256:{hex}"));
        manifest["config"]["size"] = json!(size);
        lead_index_to(archive, &manifest);
    }),
    ("a layer less in manifest.json", [false, true], |archive| {
        edit(archive, "manifest.json", |items| {
            items[0]["Layers"].as_array_mut().unwrap().pop();
        });
    }),
    ("a layer less in index.json", [true, false], |archive| {
        let (mut manifest, _) = parts(archive);
        manifest["layers"].as_array_mut().unwrap().pop();
        lead_index_to(archive, &manifest);
    }),
    ("nothing in index.json", [true, false], |archive| {
        edit(archive, "index.json", |index| {
            index["manifests"] = json!([]);
        });
    }),
];

fn patch(trust: Option<&str>) -> String {
    let target = trust.map(|half| format!("target: {{trust: {half}}}\n"));
    let target = target.unwrap_or_default();
    format!(
        "apiVersion: ocipatch/v1\n{target}operations:\n  - set-label: {{mylabel: modifiedvalue}}\n"
    )
}

#[test]
fn halves_that_disagree_are_refused_unless_one_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let halves = ["manifest.json", "index.json"];
    let files = [None, Some(halves[0]), Some(halves[1])].map(patch);
    let names = ["plain.yaml", "0.yaml", "1.yaml"];
    let files: Vec<(&str, &str)> = names
        .into_iter()
        .zip(files.iter().map(String::as_str))
        .collect();
    write_files(directory.path(), &files);
    let (input, output) = (place("in.tar"), place("out.tar"));
    for fixture in FIXTURES {
        for (what, is_sound, change) in CHANGES {
            let mut archive = Archive::fixture(fixture);
            change(&mut archive);
            std::fs::write(&input, archive.to_bytes()).unwrap();
            let arguments = |patch: &str| {
                let fix = place(patch).into_os_string();
                let rest = [input.clone(), "-o".into(), output.clone()];
                let rest = rest.map(std::path::PathBuf::into_os_string);
                [vec!["apply".into(), "-q".into(), fix], rest.to_vec()].concat()
            };
            let told = fails(3, arguments("plain.yaml"));
            for half in halves {
                assert!(
                    told.contains(&format!("trust: {half}")),
                    "{fixture}, {what}: {told}"
                );
            }
            assert!(!output.exists());
            for (i, half) in halves.into_iter().enumerate() {
                let done = run(arguments(&format!("{i}.yaml")));
                assert_eq!(
                    done.status.success(),
                    is_sound[i],
                    "{fixture}, {what}, {half}: {done:?}"
                );
                if is_sound[i] {
                    check_trusted(&output, &archive, half);
                    std::fs::remove_file(&output).unwrap();
                }
            }
        }
    }
}

/// The output has one image, as the half that was trusted describes it, in both halves.
fn check_trusted(output: &Path, input: &Archive, half: &str) {
    ok(["verify".as_ref(), output.as_os_str()]);
    let report = ok([
        "inspect".as_ref(),
        output.as_os_str(),
        "--format=json".as_ref(),
    ]);
    let report: Value = serde_json::from_str(&report).unwrap();
    let [image] = &report["images"].as_array().unwrap()[..] else {
        panic!("{report:#}")
    };
    let mut input = input.clone();
    let (tag, config) = if half == "manifest.json" {
        let items = document(&mut input, "manifest.json");
        let config = items[0]["Config"].as_str().unwrap().to_owned();
        (items[0]["RepoTags"][0].as_str().unwrap().to_owned(), config)
    } else {
        let (manifest, _) = parts(&mut input);
        let index = document(&mut input, "index.json");
        let name = &index["manifests"][0]["annotations"]["io.containerd.image.name"];
        let digest = manifest["config"]["digest"].as_str().unwrap();
        let name = name.as_str().unwrap().replace("docker.io/library/", "");
        (name, digest.replace("sha256:", ""))
    };
    assert_eq!(image["tags"], json!([tag]));
    let mut config = document(&mut input, &config);
    config["config"]["Labels"]["mylabel"] = json!("modifiedvalue");
    let mut patched = image["config"].clone();
    patched["history"].as_array_mut().unwrap().pop();
    assert_eq!(patched, config);
}

/// Layers in the wrong order are found where their names tell it, and not written out in that order.
#[test]
fn plain_layers_that_changed_places_are_refused() {
    for fixture in [
        "docker26.tar",
        "docker26-containerd.tar",
        "podman-docker.tar",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut archive = Archive::fixture(fixture);
        edit(&mut archive, "manifest.json", |items| {
            items[0]["Layers"].as_array_mut().unwrap().reverse();
        });
        let input = directory.path().join("in.tar");
        std::fs::write(&input, archive.to_bytes()).unwrap();
        let layers = directory.path().join("layers");
        let told = fails(
            3,
            [
                "unpack".as_ref(),
                "--layers".as_ref(),
                input.as_os_str(),
                layers.as_os_str(),
            ],
        );
        assert!(told.contains("layer"), "{fixture}: {told}");
    }
}

#[test]
fn a_list_of_repositories_that_is_wrong_is_put_right_with_a_note() {
    for (fixture, old, new) in [
        ("docker20.tar", "\"1\"", "\"7\""),
        ("docker26.tar", "\"1\"", "\"7\""),
        ("podman-docker.tar", "\"1\"", "\"7\""),
        (
            "docker20.tar",
            "{\"greeter\"",
            "{\"other\":{\"1\":\"x\"},\"greeter\"",
        ),
        ("docker20.tar", "c6feb8ea", "11111111"),
        ("docker26.tar", "e389ba43", "11111111"),
        ("podman-docker.tar", "c9d0c360", "11111111"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        write_files(directory.path(), &[("fix.yaml", &patch(None))]);
        let mut archive = Archive::fixture(fixture);
        archive.replace("repositories", old, new);
        std::fs::write(place("wrong.tar"), archive.to_bytes()).unwrap();
        std::fs::write(place("right.tar"), Archive::fixture(fixture).to_bytes()).unwrap();
        let mut outputs = Vec::new();
        for (input, is_noted) in [("wrong.tar", true), ("right.tar", false)] {
            let (fix, input, output) = (place("fix.yaml"), place(input), place("out.tar"));
            let plan = ok(["plan".as_ref(), fix.as_os_str(), input.as_os_str()]);
            assert_eq!(
                plan.contains("`repositories` did not match"),
                is_noted,
                "{plan}"
            );
            ok([
                "apply".as_ref(),
                fix.as_os_str(),
                input.as_os_str(),
                "-o".as_ref(),
                output.as_os_str(),
            ]);
            ok(["verify".as_ref(), output.as_os_str()]);
            let bytes = std::fs::read(&output).unwrap();
            let entries = Archive::read(&bytes).entries.into_iter();
            let contents: Vec<(String, Vec<u8>)> = entries.map(|e| (e.name, e.data)).collect();
            outputs.push(contents);
        }
        assert!(outputs[0] == outputs[1], "{fixture}");
    }
}

/// What no image is changed in stays, right or wrong.
#[test]
fn a_list_of_repositories_that_is_wrong_stays_if_no_name_and_no_id_changes() {
    for (old, new) in [("\"1\"", "\"7\""), ("e389ba43", "11111111")] {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        let patch =
            "apiVersion: ocipatch/v1\noperations:\n  - set-annotation: {com.example.a: b}\n";
        write_files(directory.path(), &[("fix.yaml", patch)]);
        let mut archive = Archive::fixture("docker26.tar");
        archive.replace("repositories", old, new);
        std::fs::write(place("in.tar"), archive.to_bytes()).unwrap();
        let (fix, input, output) = (place("fix.yaml"), place("in.tar"), place("out.tar"));
        let arguments = ["apply".as_ref(), fix.as_os_str(), input.as_os_str()];
        ok([&arguments[..], &["-o".as_ref(), output.as_os_str()]].concat());
        let mut output = Archive::read(&std::fs::read(&output).unwrap());
        assert_ne!(
            output.entry("index.json").data,
            archive.entry("index.json").data
        );
        assert!(output.entry("repositories").data == archive.entry("repositories").data);
    }
}

#[test]
fn commands_that_look_into_an_image_may_trust_a_half() {
    let directory = tempfile::tempdir().unwrap();
    let mut archive = Archive::fixture("docker26-containerd.tar");
    CHANGES
        .iter()
        .find(|(what, ..)| *what == "the configuration of index.json")
        .unwrap()
        .2(&mut archive);
    let input = directory.path().join("in.tar");
    std::fs::write(&input, archive.to_bytes()).unwrap();
    let input = input.to_str().unwrap();
    for command in [
        &["init", input][..],
        &["cat", input, "/etc/app.conf"],
        &["export", input],
    ] {
        let told = fails(3, command);
        assert!(
            told.contains("`--trust manifest.json`"),
            "{command:?}: {told}"
        );
        let trusting = [command, &["--trust", "manifest.json"]].concat();
        let output = run(&trusting);
        assert!(output.status.success(), "{trusting:?}: {output:?}");
        assert!(!output.stdout.is_empty(), "{trusting:?}");
    }
}
