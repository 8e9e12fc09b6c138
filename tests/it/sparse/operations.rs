//! Operations and commands on images with sparse files.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ocipatch::digest::Digest;
use ocipatch::tarball::Entry;
use serde_json::Value;
use tempfile::tempdir;

use super::{PIECES, SIZE, whole};
use crate::binary::{fails, ok, write_files};
use crate::cases::build;
use crate::cases::text::Image;
use crate::raw::{Raw, Sparse, stream};
use crate::stacks::run;

/// Without the lines that a message is broken into.
fn one_line(told: &str) -> String {
    let words = told.split_whitespace().filter(|&word| word != "│");
    words.collect::<Vec<_>>().join(" ")
}

fn image(layers: &[Vec<u8>]) -> Vec<u8> {
    build::v1_directories(&[Image {
        tags: vec!["app:1".to_owned()],
        streams: layers.to_vec(),
        ..Image::default()
    }])
}

/// Writes an image of one layer for each form, and of a base that has `/f`.
fn write_images(directory: &Path, size: u64, pieces: &[(u64, &[u8])]) -> Vec<String> {
    let write = |form: &Sparse| {
        let base = stream(&[Raw::file("f", b"f")]);
        let layer = stream(&[
            form.file("hole", size, pieces).mode(0o640).mtime(77),
            Raw::hard_link("zz", "hole").mode(0o640).mtime(77),
        ]);
        let name = format!("{form:?}.tar");
        std::fs::write(directory.join(&name), image(&[base, layer])).unwrap();
        name
    };
    Sparse::ALL.iter().map(write).collect()
}

#[test]
fn operations_write_the_content_and_leave_other_layers_alone() {
    let directory = tempdir().unwrap();
    for name in write_images(directory.path(), SIZE, &PIECES) {
        let bytes = std::fs::read(directory.path().join(name)).unwrap();
        let before = run::seen_with_sparse(&bytes);
        for (operation, path, is_rewritten) in [
            ("set-label: { a: b }", "hole", false),
            ("recompress: { layers: all, to: none }", "hole", false),
            ("squash: all", "hole", true),
            ("move-path: { /hole: /d/moved }", "d/moved", true),
            ("set-owner: { /zz: '5:6' }", "hole", true),
            (
                "set-mode: { set: { /hole: '0600' }, in: layer }",
                "hole",
                false,
            ),
        ] {
            let patched = run::apply(
                &bytes,
                &run::patch(&[operation.to_owned()]),
                directory.path(),
            );
            let after = run::seen_with_sparse(&patched.unwrap());
            let found = |name: &str| {
                let mut all = after.iter().flatten().rev();
                all.find(|(entry, _)| entry.name == name.as_bytes())
                    .unwrap()
                    .clone()
            };
            let (entry, content) = found(path);
            assert_eq!(content, whole(SIZE, &PIECES), "{operation}");
            assert_eq!(entry.sparse.is_none(), is_rewritten, "{operation}");
            if operation.starts_with("set-label") || operation.starts_with("recompress") {
                assert_eq!(after, before, "{operation}");
            }
        }
    }
}

#[test]
fn a_source_is_laid_out_with_its_content() {
    let directory = tempdir().unwrap();
    let base = image(&[stream(&[Raw::file("f", b"f")])]);
    for form in Sparse::ALL {
        let layer = stream(&[form.file("hole", SIZE, &PIECES)]);
        std::fs::write(directory.path().join("s.tar"), &layer).unwrap();
        let apply = |operation: &str| {
            let patch = run::patch(&[operation.to_owned()]);
            run::seen_with_sparse(&run::apply(&base, &patch, directory.path()).unwrap())
        };
        let added = apply("add-layer: { from: s.tar, to: /x }");
        let (entry, content) = added[1].last().unwrap();
        assert_eq!(
            (entry.name.as_slice(), &entry.sparse),
            (&b"x/hole"[..], &None)
        );
        assert_eq!(*content, whole(SIZE, &PIECES));
        let as_is = apply("add-layer: { from: s.tar, as-is: true }");
        assert!(as_is[1][0].0.sparse.is_some());
    }
}

#[test]
fn what_reads_files_reads_the_content() {
    let directory = tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let digest = Digest::of(&whole(SIZE, &PIECES));
    let diff = "--- a/hole\n+++ b/hole\n@@ -1,2 +1,2 @@\n";
    // The first line begins with all the zeros in front of it.
    let zeros = |n: usize| "\0".repeat(n);
    let (first, second) = (zeros(700), zeros(4096 - 711));
    let rest = zeros(5000 - 4103);
    let diff = format!(
        "{diff}-{first}first line\n+{first}other line\n {second}second\n {rest}\n\\ No newline at end of file\n"
    )
    .replace("@@ -1,2 +1,2 @@", "@@ -1,3 +1,3 @@");
    std::fs::write(place("change.diff"), diff).unwrap();
    let patch = |operations: &str| {
        format!(
            "apiVersion: ocipatch/v1\nexpect:\n  - path: {{ /hole: {{ sha256: \"{}\" }} }}\noperations:\n  - {operations}\n",
            digest.hex()
        )
    };
    for name in write_images(directory.path(), SIZE, &PIECES) {
        let image = place(&name);
        let shown = ok(["inspect", "--files", "--format=json"]
            .map(AsRef::as_ref)
            .into_iter()
            .chain([image.as_os_str()]));
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let files = shown["images"][0]["files"].as_array().unwrap();
        let sizes = files.iter().map(|file| {
            (
                file["path"].as_str().unwrap(),
                file["size"].as_u64().unwrap(),
            )
        });
        assert_eq!(
            sizes.collect::<Vec<_>>(),
            [("/f", 1), ("/hole", SIZE), ("/zz", SIZE)]
        );
        for place_of_change in ["new-layer", "layer"] {
            let operations =
                format!("patch-file: {{ path: /hole, from: change.diff, in: {place_of_change} }}");
            write_files(directory.path(), &[("fix.yaml", &patch(&operations))]);
            let out = place("out.tar");
            ok([
                Path::new("apply"),
                &place("fix.yaml"),
                &image,
                Path::new("-o"),
                &out,
            ]);
            let after = run::seen_with_sparse(&std::fs::read(&out).unwrap());
            let mut all = after.iter().flatten().rev();
            let is_it = |(entry, _): &&(Entry, Vec<u8>)| entry.size == SIZE;
            let (entry, content) = all.find(is_it).unwrap();
            assert_eq!(entry.sparse, None, "{place_of_change}");
            let new: [(u64, &[u8]); 2] = [(700, b"other line\n"), PIECES[1]];
            assert_eq!(*content, whole(SIZE, &new), "{place_of_change}");
            ok([Path::new("verify"), &out]);
        }
    }
    // Files that differ in how they are stored only are the same.
    let [v00, v01, v10] = Sparse::ALL.map(|form| place(&format!("{form:?}.tar")));
    let differs = |a: &Path, b: &Path| ok([Path::new("diff"), Path::new("--files"), a, b]);
    for other in [&v01, &v10] {
        let told = differs(&v00, other);
        assert!(!told.contains("/hole"), "{told}");
    }
    let other: [(u64, &[u8]); 2] = [(701, b"first line\n"), PIECES[1]];
    let elsewhere = tempdir().unwrap();
    let names = write_images(elsewhere.path(), SIZE, &other);
    let told = differs(&v10, &elsewhere.path().join(&names[2]));
    assert!(told.contains("/hole"), "{told}");
}

#[test]
fn layers_are_unpacked_with_holes() {
    let directory = tempdir().unwrap();
    let size = 1 << 30;
    let pieces: [(u64, &[u8]); 1] = [(size - 10, b"at the end")];
    for name in write_images(directory.path(), size, &pieces) {
        let unpacked = directory.path().join("unpacked");
        let image = directory.path().join(name);
        ok([
            Path::new("unpack"),
            Path::new("--layers"),
            &image,
            &unpacked,
        ]);
        let layers = std::fs::read_dir(unpacked.join(".ocipatch/layers")).unwrap();
        let hole = layers
            .map(|layer| layer.unwrap().path().join("hole"))
            .find(|path| path.exists());
        let hole = hole.unwrap().metadata().unwrap();
        assert_eq!(hole.len(), size);
        assert!(hole.blocks() < 1000, "{hole:?}");
        std::fs::remove_dir_all(unpacked).unwrap();
    }
}

/// A header of 1 KiB can promise 8 EiB.
#[test]
fn holes_are_not_filled_without_end() {
    let directory = tempdir().unwrap();
    let size = i64::MAX.unsigned_abs();
    let names = write_images(directory.path(), size, &PIECES);
    let help = "a layer that no operation changes keeps its sparse files as they are";
    for name in names {
        let image = directory.path().join(&name);
        let bytes = std::fs::read(&image).unwrap();
        for operation in [
            "squash: all",
            "move-path: { /hole: /h }",
            "set-owner: { /hole: '1:1' }",
        ] {
            write_files(
                directory.path(),
                &[("fix.yaml", &run::patch(&[operation.to_owned()]))],
            );
            let fix = directory.path().join("fix.yaml");
            let told = one_line(&fails(1, [Path::new("plan"), &fix, &image]));
            assert!(
                told.contains("9223372036854775789 bytes of holes; at most 68719476736 are filled"),
                "{told}"
            );
            assert!(told.contains(help), "{told}");
        }
        let expect = "apiVersion: ocipatch/v1\nexpect:\n  - path: { /hole: { sha256: \"%\" } }\noperations:\n  - set-label: { a: b }\n";
        let expect = expect.replace('%', &"0".repeat(64));
        let told = one_line(&run::apply(&bytes, &expect, directory.path()).unwrap_err());
        assert!(
            told.contains("a sparse file with 9223372036854775789 bytes of holes; at most 68719476736 are read"),
            "{told}"
        );
        for operation in [
            "remove-path: [/hole]",
            "remove-path: { match: [/hole], purge: true }",
            "set-label: { a: b }",
        ] {
            let patch = run::patch(&[operation.to_owned()]);
            run::apply(&bytes, &patch, directory.path()).unwrap();
        }
        let other = tempdir().unwrap();
        write_images(other.path(), size, &[(1, b"first line\nsecond\n")]);
        let other = other.path().join(&name);
        let arguments = [Path::new("diff"), Path::new("--files"), &image, &other];
        let told = one_line(&fails(3, arguments));
        assert!(
            told.contains("bytes of holes; at most 68719476736 are read"),
            "{told}"
        );
        ok([Path::new("verify"), &image]);
        ok([Path::new("inspect"), Path::new("--files"), &image]);
    }
    // Several that are each within the bound are not together.
    let half = (40_u64 << 30).to_string();
    let many: Vec<Raw> = (0..3)
        .map(|i| Sparse::V01.file(&format!("f{i}"), half.parse().unwrap(), &PIECES))
        .collect();
    std::fs::write(directory.path().join("many.tar"), stream(&many)).unwrap();
    let base = image(&[stream(&[Raw::file("f", b"f")])]);
    let patch = run::patch(&["add-layer: { from: many.tar }".to_owned()]);
    let told = run::apply(&base, &patch, directory.path()).unwrap_err();
    assert!(
        told.contains("with `/f1`, the sparse files of the new layer have"),
        "{told}"
    );
}

#[test]
fn holes_are_no_content_that_stays_below() {
    let directory = tempdir().unwrap();
    let n_bytes: usize = PIECES.iter().map(|(_, bytes)| bytes.len()).sum();
    write_files(
        directory.path(),
        &[(
            "fix.yaml",
            "apiVersion: ocipatch/v1\noperations: [remove-path: [/hole, /zz, /f]]\n",
        )],
    );
    let patch = directory.path().join("fix.yaml");
    for name in write_images(directory.path(), SIZE, &PIECES) {
        let image = directory.path().join(&name);
        let told = one_line(&ok(["plan".as_ref(), patch.as_os_str(), image.as_os_str()]));
        let note = format!("{} removed bytes stay in the layers below", 2 * n_bytes + 1);
        assert!(told.contains(&note), "{name}: {note}: {told}");
    }
}
