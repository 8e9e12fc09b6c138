//! What `ocipatch repair` prints, and the archive that `patches/README.md` makes by hand.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::path::Path;

use ocipatch::digest::Digest;

use super::hand::{config, edit, entry, layers, read};
use super::{findings, repair, write};
use crate::binary::{command, ok, run, write_files};
use crate::edit::{Archive, fixture};
use crate::forms;

#[test]
fn each_line_says_what_was_there_and_what_it_becomes() {
    let home = tempfile::tempdir().unwrap();
    let mut archive = Archive::fixture("docker26.tar");
    archive.replace(
        "fba3ad4a",
        "\"mylabel\":\"myvalue\"}",
        "\"mylabel\":\"mine\"}",
    );
    let repaired = repair(&write(home.path(), &archive)).unwrap();
    let wanted = std::fs::read_to_string(fixture("../it/repair/label.txt")).unwrap_or_default();
    let found = format!("{repaired}\n");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(fixture("../it/repair/label.txt"), &found).unwrap();
        return;
    }
    assert_eq!(found, wanted);
}

#[test]
fn the_command_checks_repairs_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let mut archive = Archive::fixture("docker20.tar");
    edit(&mut archive, "manifest.json", |manifest| {
        manifest[0]["RepoTags"] = serde_json::json!(["greeter:2"]);
    });
    let input = write(home.path(), &archive);
    let line = "repositories: `greeter.1` is `\"c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7\"`, is removed\n\
        repositories: `greeter.2` is missing, becomes `\"c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7\"`\n\
        2 corrections\n";
    let before = std::fs::read(&input).unwrap();
    let checked = run(["repair".as_ref(), "--check".as_ref(), input.as_os_str()]);
    assert_eq!(checked.status.code(), Some(3));
    assert_eq!(String::from_utf8(checked.stdout).unwrap(), line);
    assert_eq!(std::fs::read(&input).unwrap(), before);
    let output = home.path().join("repaired.tar");
    let repaired = run([
        "repair".as_ref(),
        input.as_os_str(),
        "-o".as_ref(),
        output.as_os_str(),
    ]);
    assert!(repaired.status.success() && repaired.stdout.is_empty());
    assert_eq!(String::from_utf8(repaired.stderr).unwrap(), line);
    // From a pipe to a pipe, and in place, it is the same archive.
    let piped = command()
        .args(["--quiet", "repair", "-"])
        .stdin(File::open(&input).unwrap())
        .output()
        .unwrap();
    assert!(piped.status.success() && piped.stderr.is_empty());
    assert!(piped.stdout == std::fs::read(&output).unwrap());
    ok(["repair".as_ref(), "--in-place".as_ref(), input.as_os_str()]);
    assert!(std::fs::read(&input).unwrap() == std::fs::read(&output).unwrap());
    let right = run(["repair".as_ref(), "--check".as_ref(), input.as_os_str()]);
    assert_eq!(right.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(right.stderr).unwrap(),
        "nothing to repair\n"
    );
}

#[test]
fn what_was_made_by_hand_comes_out_as_apply_makes_it() {
    let home = tempfile::tempdir().unwrap();
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - set-label: { mylabel: modifiedvalue }\n  \
        - add-layer: { from: layer.tar, as-is: true }\n  - retag: [\"greeter:2\"]\n";
    write_files(home.path(), &[("fix.yaml", patch)]);
    let mut archive = Archive::fixture("docker20.tar");
    let mut layer = Archive {
        entries: Vec::new(),
    };
    layer.add("srv/hello", b"hello from the patch\n");
    std::fs::write(home.path().join("layer.tar"), layer.to_bytes()).unwrap();
    let patched = home.path().join("patched.tar");
    let fix = home.path().join("fix.yaml");
    let image = fixture("docker20.tar");
    ok([
        "apply".as_ref(),
        fix.as_os_str(),
        image.as_os_str(),
        "-o".as_ref(),
        patched.as_os_str(),
    ]);
    let name = config(&mut archive);
    edit(&mut archive, &name, |config| {
        config["config"]["Labels"]["mylabel"] = "modifiedvalue".into();
    });
    archive.add("by-hand/layer.tar", &layer.to_bytes());
    archive.add("by-hand/VERSION", b"1.0");
    archive.add("by-hand/json", b"{\"id\":\"by-hand\"}");
    edit(&mut archive, "manifest.json", |manifest| {
        manifest[0]["RepoTags"] = serde_json::json!(["greeter:2"]);
        manifest[0]["Layers"]
            .as_array_mut()
            .unwrap()
            .push("by-hand/layer.tar".into());
    });
    let repaired = home.path().join("repaired.tar");
    repair(&write(home.path(), &archive))
        .unwrap()
        .publish(&repaired)
        .unwrap();
    let difference = ok([
        "diff".as_ref(),
        "--files".as_ref(),
        patched.as_os_str(),
        repaired.as_os_str(),
    ]);
    // The history entry of the new layer has no text.
    let lines: Vec<&str> = difference
        .lines()
        .filter(|line| line.contains("history."))
        .collect();
    assert_eq!(lines.len(), 2, "{difference}");
    assert!(
        !difference.contains("config.") && !difference.contains("files"),
        "{difference}"
    );
    // No other name is another: the id of a v1 layer does not cover the history.
    let names = |path: &Path| {
        let archive = Archive::read(&std::fs::read(path).unwrap());
        let mut names: Vec<String> = archive
            .entries
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        names.sort();
        names
    };
    let (patched, repaired) = (names(&patched), names(&repaired));
    let is_other = |name: &&String| !patched.contains(name);
    let other: Vec<&String> = repaired.iter().filter(is_other).collect();
    assert_eq!((other.len(), patched.len()), (1, repaired.len()));
    assert!(
        other[0].len() == "0".repeat(64).len() + ".json".len(),
        "{other:?}"
    );
}

/// Of writers that have no `repositories`, and whose ids nobody knows.
#[test]
fn names_that_repositories_lacks_get_the_likeliest_id() {
    let home = tempfile::tempdir().unwrap();
    let id = |digits: &str| digits.repeat(32);
    for (archive, before, repository, after) in [
        (
            forms::nix(),
            r#"{"greeter":{"2":"old"}}"#.to_owned(),
            "greeter",
            "directory",
        ),
        (
            Archive::fixture("crane.tar"),
            "{}".to_owned(),
            "127.0.0.1:5999/greeter",
            "diff id",
        ),
        (
            forms::unrecognized(),
            format!(
                r#"{{"docker.io/library/greeter":{{"1":"{}","2":"x"}}}}"#,
                id("ab")
            ),
            "greeter",
            "said",
        ),
    ] {
        let mut archive = archive;
        archive.add("repositories", before.as_bytes());
        let output = home.path().join("repaired.tar");
        let repaired = repair(&write(home.path(), &archive)).unwrap();
        repaired.publish(&output).unwrap();
        let mut found = Archive::read(&std::fs::read(&output).unwrap());
        let found = read(&mut found, "repositories");
        let name = config(&mut archive);
        let diff_ids = read(&mut archive, &name)["rootfs"]["diff_ids"].clone();
        let top_id = diff_ids
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .as_str()
            .unwrap()[7..]
            .to_owned();
        let top = layers(&mut archive).pop().unwrap();
        let wanted = match after {
            "directory" => top.rsplit_once('/').unwrap().0.to_owned(),
            "diff id" => top_id,
            _ => id("ab"),
        };
        assert_eq!(
            found,
            serde_json::json!({repository: {"1": wanted}}),
            "{after}: {repaired}"
        );
    }
}

#[test]
fn a_blob_of_an_artifact_gets_its_name() {
    let home = tempfile::tempdir().unwrap();
    let mut archive = Archive::fixture("skopeo-oci.tar");
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let (empty, edited) = (Digest::of(b"{}"), Digest::of(b"edited"));
    let stated = "1".repeat(64);
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type, "artifactType": "a/b",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty.to_string(), "size": 2},
        "layers": [{"mediaType": "text/plain", "digest": format!("sha256:{stated}"), "size": 1}],
    })
    .to_string();
    let old = Digest::of(manifest.as_bytes());
    let blobs = [
        (empty.hex(), &b"{}"[..]),
        (stated, b"edited"),
        (old.hex(), manifest.as_bytes()),
    ];
    for (hex, data) in blobs {
        archive.add(&format!("blobs/sha256/{hex}"), data);
    }
    edit(&mut archive, "index.json", |index| {
        let descriptor = serde_json::json!({"mediaType": media_type, "digest": old.to_string(), "size": manifest.len()});
        index["manifests"].as_array_mut().unwrap().push(descriptor);
    });
    let output = home.path().join("repaired.tar");
    repair(&write(home.path(), &archive))
        .unwrap()
        .publish(&output)
        .unwrap();
    assert_eq!(findings(&output), Vec::<String>::new());
    let mut repaired = Archive::read(&std::fs::read(&output).unwrap());
    let blob = format!("blobs/sha256/{}", edited.hex());
    assert_eq!(entry(&mut repaired, &blob).data, b"edited");
    let index = read(&mut repaired, "index.json");
    let name = index["manifests"][1]["digest"]
        .as_str()
        .unwrap()
        .replace("sha256:", "blobs/sha256/");
    let layer = &read(&mut repaired, &name)["layers"][0];
    assert_eq!(
        (layer["digest"].as_str().unwrap(), layer["size"].as_u64()),
        (edited.to_string().as_str(), Some(6))
    );
}
