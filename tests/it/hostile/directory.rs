//! Extracted archives whose files are not what they seem.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use ocipatch::archive::Source;

use super::{PATCH, limited, told};
use crate::binary::{listing, write_files};
use crate::edit::fixture;

/// An extracted `docker26.tar`, and a file beside it that nothing may read or change.
fn extracted(image: &Path) {
    fs::write(image.with_file_name("secret"), "secret\n").unwrap();
    let output = limited(
        image.parent().unwrap(),
        &["unpack", fixture("docker26.tar").to_str().unwrap(), "image"],
    );
    assert!(output.status.success(), "{output:?}");
    fs::remove_dir_all(image.join(".ocipatch")).unwrap();
}

fn layer_path(image: &Path) -> std::path::PathBuf {
    let name = "e389ba439fbca16cf9888144484c9e6cc56d67238e02c4ab4d5ad69f77de3caf";
    image.join("blobs/sha256").join(name)
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

type Swap = fn(&Path);

const SWAPS: &[(&str, Swap)] = &[
    ("manifest.json leads out", |image| {
        fs::remove_file(image.join("manifest.json")).unwrap();
        symlink("../secret", image.join("manifest.json")).unwrap();
    }),
    ("a layer leads out", |image| {
        fs::remove_file(layer_path(image)).unwrap();
        symlink("../../../secret", layer_path(image)).unwrap();
    }),
    ("a layer leads to an absolute path", |image| {
        fs::remove_file(layer_path(image)).unwrap();
        symlink("/etc/passwd", layer_path(image)).unwrap();
    }),
    ("all blobs are elsewhere", |image| {
        fs::rename(image.join("blobs"), image.with_file_name("elsewhere")).unwrap();
        symlink("../elsewhere", image.join("blobs")).unwrap();
    }),
    ("a layer is a pipe", |image| {
        fs::remove_file(layer_path(image)).unwrap();
        fifo(&layer_path(image));
    }),
    ("manifest.json is a pipe", |image| {
        fs::remove_file(image.join("manifest.json")).unwrap();
        fifo(&image.join("manifest.json"));
    }),
    ("manifest.json is a directory", |image| {
        fs::remove_file(image.join("manifest.json")).unwrap();
        fs::create_dir(image.join("manifest.json")).unwrap();
    }),
    ("a layer is shorter", |image| {
        fs::write(layer_path(image), "short").unwrap();
    }),
    ("directories without end", |image| {
        let mut path = image.to_owned();
        for _ in 0..40 {
            path.push("d");
            fs::create_dir(&path).unwrap();
        }
    }),
    ("a name that is no text", |image| {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"\xff\xfe");
        fs::write(image.join(name), "x").unwrap();
    }),
];

#[test]
fn an_extracted_archive_leads_nowhere() {
    let mut found = String::new();
    for (name, swap) in SWAPS {
        found += &told(name, |image| {
            extracted(image);
            swap(image);
        });
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile_directory.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&path).unwrap());
}

#[test]
fn a_blob_that_is_swapped_after_the_index_was_made_is_noticed() {
    let swaps: [(Swap, &str); 4] = [
        (
            |blob| fs::write(blob, "other").unwrap(),
            "changed while it was read",
        ),
        (
            |blob| {
                fs::remove_file(blob).unwrap();
                symlink("/etc/passwd", blob).unwrap();
            },
            "Too many levels of symbolic links",
        ),
        (
            |blob| {
                fs::remove_file(blob).unwrap();
                fifo(blob);
            },
            "changed while it was read",
        ),
        (
            |blob| {
                let directory = blob.parent().unwrap();
                fs::rename(directory, directory.with_file_name("moved")).unwrap();
                symlink("moved", directory).unwrap();
            },
            "Not a directory",
        ),
    ];
    for (swap, reason) in swaps {
        let home = tempfile::tempdir().unwrap();
        let image = home.path().join("image");
        extracted(&image);
        let source = Source::open(&image, home.path()).unwrap();
        let blob = layer_path(&image);
        let name = blob.strip_prefix(&image).unwrap().to_str().unwrap();
        swap(&blob);
        let error = source
            .blob(source.find(name).unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains(name) && error.contains(reason), "{error}");
    }
}

/// Directories that a hostile archive puts links at, where the new directories of a patch would go.
#[test]
fn a_link_in_the_way_of_a_new_directory_is_not_followed() {
    let home = tempfile::tempdir().unwrap();
    let image = home.path().join("image");
    write_files(home.path(), &[("fix.yaml", PATCH), ("rootfs/new", "new\n")]);
    let docker20 = fixture("docker20.tar");
    let run = |arguments: &[&str]| limited(home.path(), arguments);
    assert!(
        run(&["unpack", docker20.to_str().unwrap(), "image"])
            .status
            .success()
    );
    assert!(
        run(&["apply", "fix.yaml", "image", "-o", "patched"])
            .status
            .success()
    );
    fs::create_dir(home.path().join("outside")).unwrap();
    for item in fs::read_dir(home.path().join("patched")).unwrap() {
        let item = item.unwrap();
        let place = image.join(item.file_name());
        if item.path().is_dir() && !place.exists() {
            symlink("../outside", place).unwrap();
        }
    }
    let before = listing(home.path());
    let output = run(&["apply", "fix.yaml", "image", "--in-place"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(listing(home.path()), before);
}
