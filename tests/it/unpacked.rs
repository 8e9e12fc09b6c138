//! What `unpack` makes is there to look at and to edit: whoever unpacks may read all of it, and gets no rights from it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::binary::ok;
use crate::cases::build;
use crate::cases::text::{File, Image};
use crate::edit::Archive;
use crate::raw::{Raw, stream};

fn mode(path: &Path) -> String {
    format!("{:04o}", path.symlink_metadata().unwrap().mode() & 0o7777)
}

#[test]
fn files_of_an_archive_can_be_read_and_edited() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    for (stated, expected) in [
        (0o600, "0600"),
        (0o4755, "0755"),
        (0o2750, "0750"),
        (0o1777, "0777"),
        (0o700, "0700"),
        (0o444, "0644"),
        (0o000, "0600"),
        (0o111, "0711"),
    ] {
        let mut archive = Archive::fixture("docker26.tar");
        archive.entry("manifest.json").header.set_mode(stated);
        archive.entry("manifest.json").header.set_mtime(1_234_567);
        let bytes = archive.to_bytes();
        std::fs::write(place("app.tar"), &bytes).unwrap();
        ok([Path::new("unpack"), &place("app.tar"), &place("app")]);
        let file = place("app/manifest.json");
        assert_eq!(mode(&file), expected, "{stated:o}");
        assert_eq!(file.metadata().unwrap().mtime(), 1_234_567);
        assert_eq!(mode(&place("app/blobs/sha256")), "0755");
        // What it was is known nevertheless.
        ok([Path::new("pack"), &place("app"), &place("again.tar")]);
        assert!(
            std::fs::read(place("again.tar")).unwrap() == bytes,
            "{stated:o}"
        );
        std::fs::remove_dir_all(place("app")).unwrap();
    }
}

/// Unpacks an image of these layers; returns the directory of each.
fn layers(streams: &[Vec<u8>]) -> (TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let image = build::v1_directories(&[Image {
        tags: vec!["app:1".to_owned()],
        streams: streams.to_vec(),
        ..Image::default()
    }]);
    std::fs::write(place("app.tar"), image).unwrap();
    let unpacked = place("app");
    let arguments = ["unpack", "--layers"].map(Path::new);
    ok(arguments.into_iter().chain([&*place("app.tar"), &unpacked]));
    let made = std::fs::read_dir(unpacked.join(".ocipatch/layers")).unwrap();
    let mut made: Vec<PathBuf> = made.map(|layer| layer.unwrap().path()).collect();
    made.sort();
    (directory, made)
}

#[test]
fn files_of_layers_can_be_read() {
    let table = [
        // Stated, as a file, as a directory.
        (0o600, "0600", "0700"),
        (0o4755, "0755", "0755"),
        (0o700, "0700", "0700"),
        (0o2711, "0711", "0711"),
        (0o1777, "0777", "0777"),
        (0o040, "0440", "0740"),
        (0o000, "0400", "0700"),
    ];
    let entries = table.iter().flat_map(|(stated, ..)| {
        let directory = Raw::new(b'5', &format!("d{stated:o}/"));
        let inside = Raw::file(&format!("d{stated:o}/f{stated:o}"), b"x");
        [directory, inside].map(|entry| entry.mode(*stated).mtime(1_234_567).owner(3, 4))
    });
    let mut entries: Vec<Raw> = entries.collect();
    entries.push(Raw::file("implied/f", b"x"));
    let (_directory, layers) = layers(&[stream(&entries)]);
    for (stated, file, directory) in table {
        let path = layers[0].join(format!("d{stated:o}"));
        assert_eq!(mode(&path), directory, "{stated:o}");
        let inside = path.join(format!("f{stated:o}"));
        assert_eq!(mode(&inside), file, "{stated:o}");
        let owner = layers[0].metadata().unwrap().uid();
        for path in [path, inside] {
            let made = path.metadata().unwrap();
            assert_eq!((made.mtime(), made.uid()), (1_234_567, owner));
        }
    }
    assert_eq!(mode(&layers[0].join("implied/f")), "0644");
}

#[test]
fn links_to_what_only_a_lower_layer_has_are_left_out() {
    let layer = |lines: &str| {
        let files: Vec<File> = lines.split("; ").map(File::parse).collect();
        build::layer(&files)
    };
    for (upper, is_there) in [
        ("same => lower/f", false),
        ("same => lower/deep/f", false),
        ("0755 lower/; same => lower/f", false),
        ("same => top", false),
        // Something else is at the directory's place.
        ("0644 lower \"x\"; same => lower/f", false),
        ("lower -> elsewhere; same => lower/f", false),
        (
            "0755 d/; lower -> d; 0644 d/f \"x\"; same => lower/f",
            false,
        ),
        (
            "0755 d/; lower -> d; 0755 d/deep/; 0644 d/deep/f \"x\"; same => lower/deep/f",
            false,
        ),
        ("0755 lower/; 0644 lower/f \"x\"; same => lower/f", true),
        ("0755 d/; 0644 d/f \"x\"; d/g => d/f; same => ./d/f", true),
    ] {
        let lower = "0755 lower/; 0644 lower/f \"f\"; 0644 top \"t\"; 0755 lower/deep/; 0644 lower/deep/f \"f\"";
        let upper_layer = layer(&format!("{upper}; 0644 last \"last\""));
        let (_directory, layers) = layers(&[layer(lower), upper_layer]);
        let place = |name: &str| layers[1].join(name);
        assert_eq!(place("same").exists(), is_there, "{upper}");
        // What is behind it is there.
        assert_eq!(std::fs::read(place("last")).unwrap(), b"last", "{upper}");
        if is_there {
            assert!(place("same").metadata().unwrap().nlink() > 1, "{upper}");
        }
    }
}
