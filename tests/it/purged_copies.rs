//! A plan says where the content of a purged file still is: under another name, or in another layer.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;

use crate::binary::{ok, write_files};
use crate::cases::build;
use crate::cases::text::{File, Image};
use crate::raw::{Raw, Sparse, stream};
use crate::stacks::run;

const SECRET: &str = "-----BEGIN KEY-----\nabc\n";

fn layer(text: &str) -> Vec<u8> {
    let text = text.replace('%', &format!("{SECRET:?}"));
    let files: Vec<File> = text.split("; ").map(File::parse).collect();
    build::layer(&files)
}

/// The notes of a plan, in every form that Docker saves.
fn notes(layers: &[Vec<u8>], operations: &[&str]) -> Vec<String> {
    let directory = tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let image = Image {
        tags: vec!["app:1".to_owned()],
        streams: layers.to_vec(),
        ..Image::default()
    };
    let operations: Vec<String> = operations.iter().map(|&text| text.to_owned()).collect();
    write_files(
        directory.path(),
        &[("fix.yaml", &run::patch(&operations)), ("again", SECRET)],
    );
    let forms = [
        build::v1_directories(std::slice::from_ref(&image)),
        build::hybrid(&[image]),
    ];
    let told = forms.map(|bytes| {
        std::fs::write(place("app.tar"), bytes).unwrap();
        let arguments = ["plan", "--quiet", "--format=json"].map(AsRef::as_ref);
        let paths = ["fix.yaml", "app.tar"].map(place);
        let plan = ok(arguments
            .into_iter()
            .chain(paths.iter().map(|path| path.as_os_str())));
        let plan: Value = serde_json::from_str(&plan).unwrap();
        let notes = plan["images"][0]["notes"].as_array().unwrap().clone();
        let notes = notes.iter().map(|note| note.as_str().unwrap().to_owned());
        notes
            .filter(|note| !note.contains(" would be empty; "))
            .collect::<Vec<_>>()
    });
    assert_eq!(told[0], told[1]);
    told[0].clone()
}

const PURGE: &str = "remove-path: { match: [/etc/key], purge: true }";

fn still(places: &str) -> Vec<String> {
    vec![format!(
        "`/etc/key` is purged, and the image still has its content: {places}"
    )]
}

#[test]
fn a_copy_is_told_wherever_it_is() {
    let base = "0755 etc/; 0600 etc/key %; 0644 f \"f\"";
    for (layers, places) in [
        (
            &[base, "0755 app/; 0600 app/copy %"][..],
            "`/app/copy` (layer 2)",
        ),
        // In the same layer, in front of it.
        (&["0644 a %; 0755 etc/; 0600 etc/key %"], "`/a` (layer 1)"),
        // Other names of the file, one of which takes its place.
        (
            &["0755 etc/; 0600 etc/key %; 0644 f \"f\"; one => etc/key; two => one"],
            "`/one` (layer 1), `/two` (layer 1)",
        ),
        (
            &["0755 etc/; 0644 one %; etc/key => one"],
            "`/one` (layer 1)",
        ),
        // A later layer hides it, or what it is in.
        (
            &[base, "0755 app/; 0600 app/copy %", "0644 app/.wh.copy \"\""],
            "`/app/copy` (layer 2)",
        ),
        (
            &[base, "0600 copy %", "0600 copy \"other\""],
            "`/copy` (layer 2)",
        ),
        (
            &[base, "0755 d/; 0600 d/copy %", "0644 .wh.d \"\""],
            "`/d/copy` (layer 2)",
        ),
        // Below the layer that has the file that went.
        (
            &["0644 old %", "0755 etc/; 0600 etc/key %"],
            "`/old` (layer 1)",
        ),
        (
            &[base, "0600 copy %; link => copy", "0644 third %"],
            "`/copy` (layer 2), `/link` (layer 2), `/third` (layer 3)",
        ),
    ] {
        let layers: Vec<Vec<u8>> = layers.iter().map(|text| layer(text)).collect();
        assert_eq!(notes(&layers, &[PURGE]), still(places));
    }
}

#[test]
fn what_is_no_copy_is_not_told() {
    let base = "0755 etc/; 0600 etc/key %; 0644 f \"f\"";
    let other = SECRET.replace("abc", "abd");
    for (layers, operations) in [
        (&[base.to_owned()][..], &[PURGE][..]),
        (
            &[base.to_owned(), format!("0600 same-size {other:?}")],
            &[PURGE],
        ),
        (
            &["0755 etc/; 0600 etc/key \"\"; 0644 empty \"\"".to_owned()],
            &[PURGE],
        ),
        // Every version of the file goes.
        (
            &[base.to_owned(), "0755 etc/; 0600 etc/key %".to_owned()],
            &[PURGE],
        ),
        (
            &[base.to_owned(), "0644 copy %".to_owned()],
            &["remove-path: { match: [/etc/key, /copy], purge: true }"],
        ),
        // What other operations remove is gone as well.
        (
            &[base.to_owned(), "0644 copy %".to_owned()],
            &[PURGE, "remove-layer: 2"],
        ),
        (
            &[
                base.to_owned(),
                "0644 copy %".to_owned(),
                "0644 .wh.copy \"\"".to_owned(),
            ],
            &[PURGE, "squash: all"],
        ),
    ] {
        let layers: Vec<Vec<u8>> = layers.iter().map(|text| layer(text)).collect();
        assert_eq!(
            notes(&layers, operations),
            Vec::<String>::new(),
            "{operations:?}"
        );
    }
}

#[test]
fn what_the_patch_brings_itself_is_told() {
    let layers = [layer("0755 etc/; 0600 etc/key %; 0644 f \"f\"")];
    for (operation, places) in [
        (
            "add-layer: { files: [{ path: /n, from: again }] }".to_owned(),
            "`/n` (layer 2)",
        ),
        (
            format!("add-layer: {{ files: [{{ path: /n, content: {SECRET:?} }}] }}"),
            "`/n` (layer 2)",
        ),
    ] {
        assert_eq!(notes(&layers, &[PURGE, &operation]), still(places));
    }
    let copied = [layer("0755 etc/; 0600 etc/key %; 0644 f %")];
    let moved = notes(&copied, &[PURGE, "move-path: { /f: /g }"]);
    assert_eq!(moved, still("`/f` (layer 1), `/g` (layer 2)"));
    let squashed = notes(&copied, &["move-path: { /f: /g }", PURGE, "squash: all"]);
    assert_eq!(squashed, still("`/g` (layer 1)"));
}

#[test]
fn content_counts_and_not_how_it_is_stored() {
    let content: [(u64, &[u8]); 1] = [(3, b"key")];
    let base = stream(&[Raw::file("key", b"\0\0\0key\0\0"), Raw::file("f", b"f")]);
    let told = |copy: Raw| {
        let purge = "remove-path: { match: [/key], purge: true }";
        notes(&[base.clone(), stream(&[copy])], &[purge])
    };
    for form in Sparse::ALL {
        let places = "`/key` is purged, and the image still has its content: `/copy` (layer 2)";
        assert_eq!(told(form.file("copy", 8, &content)), [places]);
        assert_eq!(
            told(form.file("copy", 8, &[(2, b"key")])),
            Vec::<String>::new()
        );
    }
    // What has more holes than are read is counted.
    let huge = 1 << 62;
    let purged = stream(&[
        Sparse::V01.file("key", huge, &content),
        Raw::file("f", b"f"),
    ]);
    let copy = stream(&[Sparse::V10.file("copy", huge, &content)]);
    let purge = "remove-path: { match: [/key], purge: true }";
    let unread = "2 sparse files were not compared with purged files: together their holes have over 68719476736 bytes";
    assert_eq!(notes(&[purged, copy], &[purge]), [unread]);
}

#[test]
fn notes_are_few_and_count_the_rest() {
    let many = |n: usize, name: &dyn Fn(usize) -> String, content: &dyn Fn(usize) -> String| {
        let files: Vec<Raw> = (0..n)
            .map(|i| Raw::file(&name(i), content(i).as_bytes()))
            .collect();
        stream(&files)
    };
    let base = layer("0755 etc/; 0600 etc/key %; 0644 f \"f\"");
    let copies = many(30, &|i| format!("copy{i:02}"), &|_| SECRET.to_owned());
    let places = "`/copy00` (layer 2), `/copy01` (layer 2), `/copy02` (layer 2), `/copy03` (layer 2), `/copy04` (layer 2) and 25 more";
    assert_eq!(notes(&[base, copies], &[PURGE]), still(places));

    let content = |i: usize| format!("content {i}");
    let keys = many(30, &|i| format!("key{i:02}"), &content);
    let copies = many(30, &|i| format!("copy{i:02}"), &content);
    let purge = "remove-path: { match: ['/key*'], purge: true }";
    let told = notes(&[keys, copies], &[purge]);
    assert_eq!(told.len(), 21, "{told:#?}");
    assert_eq!(
        told[20],
        "the image still has the content of 10 more purged files"
    );
    assert!(told[0].starts_with("`/key00` is purged"), "{}", told[0]);
}

#[test]
fn the_note_is_in_the_text_of_a_plan_and_the_content_is_not() {
    let directory = tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let image = Image {
        tags: vec!["app:1".to_owned()],
        streams: vec![
            layer("0755 etc/; 0600 etc/key %"),
            layer("0644 copy %; 0644 x \"x\""),
        ],
        ..Image::default()
    };
    std::fs::write(place("app.tar"), build::v1_directories(&[image])).unwrap();
    write_files(
        directory.path(),
        &[("fix.yaml", &run::patch(&[PURGE.to_owned()]))],
    );
    let text = ok([Path::new("plan"), &place("fix.yaml"), &place("app.tar")]);
    assert!(
        text.contains("still has its content: `/copy` (layer 2)"),
        "{text}"
    );
    assert!(!text.contains("BEGIN"), "{text}");
}
