//! Legacy ids of daemons that date layers below the top one otherwise: by their time zone, or before Docker 1.13 by nothing.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;

use super::compare::contents;
use super::{findings, patched};
use crate::cases::build::{hybrid_dated, v1_directories_dated};
use crate::cases::text::Image;
use crate::edit::Archive;

/// Writes images whose lower layers are of a time.
type Writer = fn(&[Image], &str) -> Vec<u8>;

const TIMES: [&str; 4] = [
    "1970-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "1970-01-01T01:00:00+01:00",
    "1969-12-31T19:00:00-05:00",
];
const LAYERS: &str = "layer: 0644 a \"1\"\nlayer: 0644 b \"2\"\nlayer: 0644 c \"3\"\n";

fn image(tag: &str, label: &str, layers: &str) -> Image {
    let created = "created: 2024-05-06T07:08:09Z\n";
    Image::parse(&format!("tags: {tag}\nlabel: a={label}\n{created}{layers}"))
}

/// Whatever the time, the new ids are those that the same daemon would derive of the new image.
#[test]
fn ids_are_derived_with_the_time_that_lower_layers_have() {
    let writers: [Writer; 2] = [v1_directories_dated, hybrid_dated];
    for write in writers {
        for time in TIMES {
            let archive = |label: &str| {
                // One layer alone does not tell the time.
                let images = [
                    image("one:1", "old", "layer: 0644 a \"1\"\n"),
                    image("app:1", label, LAYERS),
                ];
                Archive::read(&write(&images, time))
            };
            let directory = tempfile::tempdir().unwrap();
            let operations =
                "  - set-label: {a: new}\nhistory: none\ntarget: {images: ['app:1']}\n";
            let output = patched(directory.path(), &archive("old"), operations);
            assert_eq!(findings(&output), BTreeSet::new(), "{time}");
            let output = Archive::read(&std::fs::read(&output).unwrap());
            assert!(contents(&output) == contents(&archive("new")), "{time}");
        }
    }
}

/// Times of several daemons are no one's, and such ids stay as they are.
#[test]
fn ids_of_several_times_stay() {
    let times = [TIMES[0], TIMES[2]];
    let images = [
        image("app:1", "a", LAYERS),
        image("b:1", "b", "layer: 0644 x \"1\"\nlayer: 0644 y \"2\"\n"),
    ];
    let mut archive = Archive::read(&v1_directories_dated(&images[..1], times[0]));
    let other = Archive::read(&v1_directories_dated(&images[1..], times[1]));
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&archive.entry("manifest.json").data).unwrap();
    let mut other = other;
    let more: serde_json::Value =
        serde_json::from_slice(&other.entry("manifest.json").data).unwrap();
    manifest.as_array_mut().unwrap().push(more[0].clone());
    archive.entry("manifest.json").data = manifest.to_string().into_bytes();
    archive.remove("repositories");
    for entry in other.entries {
        if archive.entries.iter().all(|known| known.name != entry.name) {
            archive.entries.push(entry);
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let operations = "  - set-label: {a: new}\ntarget: {images: ['b:1']}\n";
    let output = patched(directory.path(), &archive, operations);
    let new = Archive::read(&std::fs::read(&output).unwrap());
    let (old, new) = (contents(&archive), contents(&new));
    let ids = |files: &std::collections::BTreeMap<String, Vec<u8>>| -> Vec<String> {
        let json = files.keys().filter(|name| name.ends_with("/json"));
        json.cloned().collect()
    };
    assert_eq!(ids(&old), ids(&new));
}

/// The time of each file of a layer, by the ids of directories in the order of `manifest.json`.
fn times(archive: &mut Archive, item: usize, layer: usize) -> Vec<u64> {
    let manifest = &archive.entry("manifest.json").data;
    let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
    let path = manifest[item]["Layers"][layer].as_str().unwrap();
    let directory = path.strip_suffix("layer.tar").unwrap();
    let inside = archive.entries.iter();
    let inside = inside.filter(|entry| entry.name.starts_with(directory));
    inside.map(|entry| entry.header.mtime().unwrap()).collect()
}

/// Docker dates what it links by the save, and everything else by the image (save.go, `saveLayer`).
#[test]
fn a_file_is_dated_by_its_image_or_by_the_save() {
    let mut archive = Archive::fixture("docker20-two-images.tar");
    let created = archive.entry("d356a1995a").header.mtime().unwrap();
    let link = times(&mut archive, 1, 1);
    let saved = link[0];
    assert_eq!(link, [saved; 4]);
    assert_ne!(saved, created);
    for (operations, target, wanted) in [
        // The first layer of that content goes, and the link becomes a file.
        ("  - remove-layer: 2\n", "greeter:1", created),
        // Its id is another one, and it is still a link.
        (
            "  - set-mode: {set: {/usr/bin/greet: '0700'}, in: layer}\n",
            "greeter2",
            saved,
        ),
        ("  - set-label: {a: b}\n", "greeter2", saved),
        ("  - set-label: {a: b}\n", "greeter:1", saved),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let operations = format!("{operations}target: {{images: ['{target}']}}\n");
        let output = patched(directory.path(), &archive, &operations);
        assert_eq!(findings(&output), BTreeSet::new(), "{operations}");
        let mut output = Archive::read(&std::fs::read(&output).unwrap());
        assert_eq!(times(&mut output, 1, 1), [wanted; 4], "{operations}");
    }
}
