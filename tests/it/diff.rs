//! What `ocipatch diff` tells of two archives.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use serde_json::Value;

use crate::binary::{command, fails, ok, write_files};
use crate::edit::{Archive, fixture};
use crate::raw::{self, Raw};

/// Runs `diff`, and returns its exit code and what it printed.
#[track_caller]
fn diff(old: &Path, new: &Path, options: &[&str]) -> (Option<i32>, String) {
    let mut command = command();
    let output = command.arg("diff").args([old, new]).args(options).output();
    let output = output.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text)
}

fn json(old: &Path, new: &Path) -> Value {
    let (code, text) = diff(old, new, &["--files", "--format=json"]);
    assert_eq!(code, Some(0));
    serde_json::from_str(&text).unwrap()
}

/// Applies a patch to a fixture.
fn patched(home: &Path, name: &str, operations: &str) -> std::path::PathBuf {
    let text = format!("apiVersion: ocipatch/v1\noperations:\n{operations}");
    write_files(home, &[("fix.yaml", &text)]);
    let out = home.join("out.tar");
    let (patch, image) = (home.join("fix.yaml"), fixture(name));
    ok([Path::new("apply"), &patch, &image, Path::new("-o"), &out]);
    out
}

#[test]
fn an_archive_does_not_differ_from_itself_or_its_other_forms() {
    for (old, new) in [
        ("docker20.tar", "docker20.tar"),
        ("docker20.tar", "docker20.tar.gz"),
        ("docker20.tar", "docker26.tar"),
        ("buildx-oci-multi.tar", "buildx-oci-multi.tar"),
        ("docker26-two-images.tar", "docker26-two-images.tar"),
    ] {
        let (old, new) = (fixture(old), fixture(new));
        let (code, text) = diff(&old, &new, &["--files", "--exit-code"]);
        assert_eq!(
            (code, text.as_str()),
            (Some(0), "nothing differs\n"),
            "{new:?}"
        );
    }
}

#[test]
fn the_library_tells_what_the_command_tells() {
    let (old, new) = (fixture("docker20.tar"), fixture("docker20-nasty.tar"));
    let open = |path: &Path| ocipatch::Archive::open(path).unwrap();
    let difference = open(&old).difference(&open(&new), false).unwrap();
    let (_, text) = diff(&old, &new, &[]);
    assert_eq!(difference.to_string(), text);
    assert!(text.contains("config.UnknownKey"), "{text}");
}

#[test]
fn what_differs_is_told_by_meaning() {
    let home = tempfile::tempdir().unwrap();
    let out = patched(
        home.path(),
        "docker26.tar",
        "  - set-label: { mylabel: other, new.key: \"\\e[1m\" }\n  - set-annotation: { a: b }\n  - retag: [\"greeter:1\", \"greeter:2\"]\n",
    );
    let old = fixture("docker20.tar");
    let (code, text) = diff(&old, &out, &["--exit-code"]);
    assert_eq!(code, Some(1));
    let expected = "image greeter:1 (linux/amd64)
  config
    ~ config.Labels.mylabel: \"myvalue\" → \"other\"
    + config.Labels[\"new.key\"]: \"\\u001b[1m\"
  history
";
    assert!(text.starts_with(expected), "{text}");
    for line in [
        "    + manifest.a: \"b\"\n",
        "  tags\n    = greeter:1\n    + greeter:2\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("layers"), "{text}");
    let value = json(&old, &out);
    assert_eq!(value["formatVersion"], 1);
    assert_eq!(value["images"][0]["change"], "changed");
    assert_eq!(value["images"][0]["files"], Value::Array(Vec::new()));
}

#[test]
fn files_differ_by_what_they_are() {
    let home = tempfile::tempdir().unwrap();
    write_files(
        home.path(),
        &[("one/srv/a", "same size"), ("one/srv/b", "same")],
    );
    let operation = "  - add-layer: { from: ./one }\n";
    let one = patched(home.path(), "docker20.tar", operation);
    let kept = home.path().join("one.tar");
    std::fs::rename(&one, &kept).unwrap();
    write_files(
        home.path(),
        &[("one/srv/a", "size same"), ("one/srv/c", "more")],
    );
    let two = patched(home.path(), "docker20.tar", operation);
    let value = json(&kept, &two);
    let files = value["images"][0]["files"].as_array().unwrap();
    let told: Vec<(&str, &str, String)> = files
        .iter()
        .map(|file| {
            let text = |key: &str| file[key].as_str().unwrap();
            (text("path"), text("change"), file["differs"].to_string())
        })
        .collect();
    // The same content in another layer is the same: `b` is not told.
    assert_eq!(
        told,
        [
            ("/srv/a", "changed", "[\"content\"]".to_owned()),
            ("/srv/c", "added", "null".to_owned())
        ]
    );
    assert_eq!(files[1]["new"]["mode"], "0644");
    // The other way round, what came is gone.
    let open = |path: &Path| ocipatch::Archive::open(path).unwrap();
    let difference = open(&two).difference(&open(&kept), true).unwrap();
    let gone = &serde_json::to_value(&difference).unwrap()["images"][0]["files"][1];
    assert_eq!(gone["change"], "removed");
    assert_eq!(
        (&gone["old"]["mode"], &gone["new"]),
        (&Value::from("0644"), &Value::Null)
    );
}

/// Writes an archive whose base layer has these entries.
fn with_base(path: &Path, entries: &[Raw]) {
    let mut archive = Archive::fixture("docker26-containerd.tar");
    archive.entry("65ecc4").data = raw::stream(entries);
    archive.repair();
    std::fs::write(path, archive.to_bytes()).unwrap();
}

#[test]
fn every_property_of_a_file_is_told_in_words() {
    let home = tempfile::tempdir().unwrap();
    let (old, new) = (home.path().join("old.tar"), home.path().join("new.tar"));
    let xattr =
        |name, value: &str| Raw::file(name, b"x").record("SCHILY.xattr.user.a", value.as_bytes());
    let entries = [
        Raw::device(b'3', "d/char", (1, 3)),
        Raw::device(b'3', "d/char-to-file", (1, 7)),
        Raw::device(b'4', "d/was-block", (8, 1)).mode(0o600),
        Raw::file("f/all", b"1").mode(0o644),
        Raw::file("f/content", b"same size"),
        Raw::file("f/kept", b"kept"),
        Raw::file("f/mode", b"x").mode(0o644),
        Raw::file("f/owner", b"x").owner(0, 0),
        Raw::file("f/group", b"x").owner(7, 8),
        Raw::file("f/size", b"x"),
        Raw::file("f/to-link", b"x"),
        Raw::new(b'2', "l/target").link("/a"),
        Raw::new(b'2', "l/was\x1b").link("/\x1b"),
        Raw::new(b'5', "p/was-directory").mode(0o1777),
        xattr("x/attribute", "1"),
        xattr("x/kept", "1"),
    ];
    with_base(&old, &entries);
    let entries = [
        Raw::device(b'3', "d/char", (1, 5)),
        Raw::file("d/char-to-file", b""),
        Raw::device(b'4', "d/block", (8, 17))
            .mode(0o660)
            .owner(0, 6),
        Raw::file("f/all", b"2345").mode(0o4755).owner(1, 2),
        Raw::file("f/content", b"size same"),
        Raw::file("f/kept", b"kept"),
        Raw::file("f/mode", b"x").mode(0o2644),
        Raw::file("f/owner", b"x").owner(3, 0),
        Raw::file("f/group", b"x").owner(7, 9),
        Raw::file("f/size", &[b'x'; 1234]),
        Raw::new(b'2', "f/to-link").link("size"),
        Raw::new(b'2', "l/target").link("/b"),
        Raw::new(b'6', "p/fifo").mode(0o622),
        xattr("x/attribute", "2"),
        xattr("x/kept", "1"),
    ];
    with_base(&new, &entries);
    let (code, text) = diff(&old, &new, &["--files"]);
    assert_eq!(code, Some(0));
    let (_, files) = text.split_once("  files\n").unwrap();
    let (files, _) = files.split_once("\nwas ").unwrap();
    let expected = "    + /d/block: block-device 8:17 0660 0:6
    ~ /d/char: device 1:3 → 1:5
    ~ /d/char-to-file: char-device → file, device 1:7 → none
    - /d/was-block: block-device 8:1 0600 0:0
    ~ /f/all: mode 0644 → 4755, owner 0:0 → 1:2, size 1 B → 4 B
    ~ /f/content: content
    ~ /f/group: owner 7:8 → 7:9
    ~ /f/mode: mode 0644 → 2644
    ~ /f/owner: owner 0:0 → 3:0
    ~ /f/size: size 1 B → 1.23 kB
    ~ /f/to-link: file → symlink, size 1 B → 0 B
    ~ /l/target: target /a → /b
    - /l/was\\u{1b}: symlink to /\\u{1b}
    + /p/fifo: fifo 0622 0:0
    - /p/was-directory: directory 1777 0:0
    ~ /x/attribute: extended attributes";
    assert_eq!(files, expected);
}

#[test]
fn images_of_one_side_are_told() {
    let (one, two) = (fixture("docker20.tar"), fixture("docker20-two-images.tar"));
    let value = json(&one, &two);
    let changes = |value: &Value| {
        let images = value["images"].as_array().unwrap().iter();
        images
            .map(|image| image["change"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(changes(&value).contains(&"added".to_owned()), "{value:#}");
    let back = json(&two, &one);
    assert!(changes(&back).contains(&"removed".to_owned()), "{back:#}");
    for (old, new, place) in [(&one, &two, "new"), (&two, &one, "old")] {
        let told = fails(1, [Path::new("diff"), Path::new("--as-patch"), old, new]);
        assert!(told.contains(&format!("): is only in the {place} archive\n")));
    }
    // Of two images with no tag of the other archive, neither is the one that has become another.
    let home = tempfile::tempdir().unwrap();
    let other = patched(
        home.path(),
        "docker20-untagged.tar",
        "  - set-label: {a: b}\n",
    );
    assert_eq!(
        changes(&json(&two, &other)),
        ["removed", "removed", "added"]
    );
    assert_eq!(changes(&json(&other, &two)), ["removed", "added", "added"]);
}

#[test]
fn the_text_has_every_image_that_differs_and_counts_the_others() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (fixture("docker20.tar"), fixture("docker20-two-images.tar"));
    let id = "sha256:d356a1995a5692b8cc192ca8ea56f7d326872f846c322969544b96509e8f02c9";
    let kept = "\n1 of 2 images do not differ\n";
    let added = format!(
        "image greeter2:latest (linux/amd64): only in the new archive\nimage id {id}\n{kept}"
    );
    assert_eq!(diff(&one, &two, &[]).1, added);
    let removed = format!(
        "image greeter2:latest (linux/amd64): only in the old archive\nwas      {id}\n{kept}"
    );
    assert_eq!(diff(&two, &one, &[]).1, removed);

    write_files(home.path(), &[("one/srv/a", "a\n")]);
    let old = fixture("docker26.tar");
    let operation = "  - add-layer: { from: ./one, created-by: a }\n";
    let out = patched(home.path(), "docker26.tar", operation);
    let expected = "image greeter:1 (linux/amd64)
  history
    + history.14: a
  layers
    = sha256:65ecc442f26c    18.4 kB
    = sha256:e389ba439fbc    2.56 kB
    + sha256:47fa0b0f30ef    2.56 kB
  files
    + /srv/a: file 0644 0:0 2 B
was      sha256:fba3ad4aca61080a0cdecdcaa2abf0497c03c54b342b782b65df3e779b38beee
image id sha256:5a96b28e829f6f85b4e84d399561bd34d406eeda382db9b7681994bea4411d6a
was      sha256:0b0773936ff89c363216f2aaf2ecc597d3c00cecad4c5727e16e490eb606e590
manifest sha256:a2225fde7e076e1c55726f7d8dbe868dd92ef5fdd591a612feaabb5b6aa60b15
";
    assert_eq!(diff(&old, &out, &["--files"]).1, expected);
}

#[test]
fn a_damaged_archive_is_a_problem_of_the_world() {
    let home = tempfile::tempdir().unwrap();
    write_files(home.path(), &[("no.tar", "no")]);
    let mut command = command();
    let output = command
        .arg("diff")
        .args([home.path().join("no.tar"), fixture("docker20.tar")]);
    assert_eq!(output.output().unwrap().status.code(), Some(3));
}

#[test]
fn a_layer_is_the_same_wherever_it_stands() {
    let home = tempfile::tempdir().unwrap();
    write_files(home.path(), &[("rootfs/new", "new\n")]);
    // The lower of two layers is another, and a third stands on top.
    let operations = "  - remove-path: {match: [/etc/greeting], purge: true}\n  - add-layer: {from: rootfs, to: /}\n";
    let out = patched(home.path(), "docker20.tar", operations);
    let found = json(&fixture("docker20.tar"), &out);
    let changes: Vec<&str> = found["images"][0]["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["change"].as_str().unwrap())
        .collect();
    assert_eq!(changes, ["removed", "added", "kept", "added"]);
    // The patch leaves the layer between them where it is.
    let patch = home.path().join("made.yaml");
    let image = fixture("docker20.tar");
    let made = command()
        .current_dir(home.path())
        .args(["diff", "--as-patch", "--layers", "layers"])
        .args([&image, &out])
        .output()
        .unwrap();
    let text = String::from_utf8(made.stdout).unwrap();
    std::fs::write(&patch, &text).unwrap();
    assert_eq!(
        text.matches("remove-layer").count() + text.matches("replace-layer").count(),
        1,
        "{text}"
    );
    let again = home.path().join("again.tar");
    ok([Path::new("apply"), &patch, &image, Path::new("-o"), &again]);
    let stack = |archive: &Path| -> Vec<String> {
        let text = ok([
            "inspect".as_ref(),
            archive.as_os_str(),
            "--format=json".as_ref(),
        ]);
        let report: Value = serde_json::from_str(&text).unwrap();
        let layers = report["images"][0]["layers"].as_array().unwrap();
        layers
            .iter()
            .map(|layer| layer["diffId"].to_string())
            .collect()
    };
    assert_eq!(stack(&again), stack(&out));
}

/// An archive whose index lists the images and nothing that is said about them.
pub(crate) fn without_attestations() -> Archive {
    let mut archive = Archive::fixture("buildx-oci-multi.tar");
    let index: Value = serde_json::from_slice(&archive.entry("index.json").data).unwrap();
    let top = index["manifests"][0]["digest"].as_str().unwrap()[7..].to_owned();
    let mut below: Value = serde_json::from_slice(&archive.entry(&top).data).unwrap();
    let listed = below["manifests"].as_array_mut().unwrap();
    listed.retain(|it| it["annotations"]["vnd.docker.reference.type"] != "attestation-manifest");
    archive.entry(&top).data = below.to_string().into_bytes();
    archive.repair();
    archive
}

#[test]
fn what_is_no_image_and_digests_are_compared() {
    let home = tempfile::tempdir().unwrap();
    let image = fixture("buildx-oci-multi.tar");
    // Nothing of the images: what is said about them goes.
    let archive = without_attestations();
    let without = home.path().join("without.tar");
    std::fs::write(&without, archive.to_bytes()).unwrap();
    let (code, text) = diff(&image, &without, &["--exit-code"]);
    assert_eq!(code, Some(1));
    let (was, index) = (
        "3b80aeb9093dc7f623d92d76725e09244abfc397dbd31dde6e17f41d292a75df",
        "e336e3a2480520c550eaee89dc43b40873ab0bda4972da8963deedffe358b47c",
    );
    let expected = format!(
        "image greeter:1 (linux/amd64)
image id sha256:eeeb9fec496501e8cd988000781aaf4aa7ff4d8804e21439398cc74f5c050933
was      sha256:{was}
index    sha256:{index}

image greeter:1 (linux/arm64)
image id sha256:b777ee1b24971104ddba06767d3261e83da8ffa8f8870efb8ad268c14eda5701
was      sha256:{was}
index    sha256:{index}

others
  - sha256:8cd939952924  attestation
  - sha256:2ea0ddcbe411  attestation
"
    );
    assert_eq!(text, expected);
    let found = json(&image, &without);
    assert!(found["images"][0]["config"].as_array().unwrap().is_empty());
    assert_eq!(found["others"][0]["change"], "removed");
}
