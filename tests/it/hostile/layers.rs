//! Layers that try to leave the directory that they are extracted into.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;

use super::limited;
use crate::binary::{listing, write_files};
use crate::edit::Archive;

#[test]
fn layers_are_extracted_below_their_directory() {
    use tar::EntryType::{Char, Directory, Link, Regular, Symlink};
    let home = tempfile::tempdir().unwrap();
    let outside = home.path().join("outside");
    write_files(&outside, &[("kept", "kept\n")]);
    let up = "../".repeat(12);
    let out = outside.to_str().unwrap().trim_start_matches('/').to_owned();
    let lines = [
        (Symlink, format!("link -> /{out}")),
        (Regular, "link/through".to_owned()),
        (Symlink, format!("up -> {up}{out}")),
        (Directory, "up/through/".to_owned()),
        (Regular, "up/kept".to_owned()),
        (Link, format!("hard -> /{out}/kept")),
        (Link, format!("hard2 -> {up}{out}/kept")),
        (Link, "hard3 -> link/kept".to_owned()),
        (Regular, format!("/{out}/absolute")),
        (Regular, format!("{up}{out}/relative")),
        (Regular, "a".to_owned()),
        (Symlink, format!("a -> /{out}/kept")),
        (Regular, "a".to_owned()),
        (Directory, "link/".to_owned()),
        (Symlink, format!("./ -> /{out}")),
        (Regular, "below".to_owned()),
        (Char, "device".to_owned()),
        (Regular, ".wh.kept".to_owned()),
    ];
    let expected = listing(&outside);
    // Together, and each alone behind the links: an error must not hide what the next one would do.
    let all: Vec<(tar::EntryType, &str)> = lines
        .iter()
        .map(|(kind, line)| (*kind, line.as_str()))
        .collect();
    let mut layers = vec![all.clone()];
    for line in &all {
        layers.push(vec![all[0], all[2], *line]);
    }
    for layer in layers {
        let mut archive = Archive::fixture("docker26.tar");
        archive.entry("e389ba").data = crate::edit::layer(&layer);
        archive.repair();
        fs::write(home.path().join("image"), archive.to_bytes()).unwrap();
        let output = limited(home.path(), &["unpack", "--layers", "image", "unpacked"]);
        let is_done = output.status.code() == Some(0);
        assert!(
            is_done || output.status.code() == Some(3),
            "{layer:?}: {output:?}"
        );
        assert_eq!(listing(&outside), expected, "{layer:?}");
        let unpacked = home.path().join("unpacked");
        assert_eq!(unpacked.exists(), is_done, "{output:?}");
        if is_done {
            fs::remove_dir_all(unpacked).unwrap();
        }
    }
}
