//! The same patch on the same image gives the same bytes, wherever and by whomever it is applied.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use ocipatch::compression::Compression;
use ocipatch::digest::Digest;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::binary::{NO_CACHE, command, write_files};
use crate::edit::fixture;
use crate::engine::{is_root, tool};
use crate::random::cases;

const FILES: &[(&str, &str)] = &[
    ("rootfs/etc/greeting", "hello\n"),
    ("rootfs/etc/zz", "last\n"),
    ("rootfs/bin/tool", "#!/bin/sh\n"),
    ("more/data/a", "a\n"),
    ("more/data/b", "b\n"),
];
const ALL: &str = "  - set-label: { mylabel: modifiedvalue, new: \"<1.10>\" }\n  - unset-label: { match: [maintainer], if-missing: ignore }\n  - add-layer: { from: rootfs }\n  - add-layer: { from: more, to: /srv }\n  - retag: [\"app:2\"]\n  - add-tag: [\"registry.example.com:5000/app:3\"]\n";
const LABEL: &str = "  - set-label: { mylabel: modifiedvalue }\n";

fn home(files: &[(&str, &str)], operations: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    write_files(home.path(), files);
    let target = "target: { images: [\"*:1\"] }";
    let patch = format!("apiVersion: ocipatch/v1\n{target}\noperations:\n{operations}");
    fs::write(home.path().join("fix.yaml"), patch).unwrap();
    home
}

/// Applies to a fixture by `sh`, so that the caller's surroundings can be set before.
fn applied(home: &Path, archive: &str, surroundings: &str) -> Vec<u8> {
    fs::copy(fixture(archive), home.join("app.tar")).unwrap();
    let script = format!("{surroundings}\nexec \"$OCIPATCH\" apply fix.yaml app.tar");
    let output = Command::new("sh")
        .current_dir(home)
        .args(["-c", &script])
        .env("OCIPATCH", env!("CARGO_BIN_EXE_ocipatch"))
        .envs(NO_CACHE)
        .env_remove("SOURCE_DATE_EPOCH")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[test]
fn surroundings_leave_no_trace() {
    for archive in ["docker20.tar", "docker26.tar", "docker20.tar.gz"] {
        let model = home(FILES, ALL);
        let expected = applied(model.path(), archive, "");
        let reversed: Vec<_> = FILES.iter().rev().copied().collect();
        for surroundings in [
            "umask 077",
            "umask 000; export TZ=Asia/Kathmandu",
            "export TZ=America/St_Johns LC_ALL=tr_TR.UTF-8 LANG=tr_TR.UTF-8",
            "export USER=nobody HOME=/nonexistent",
            "find rootfs more -exec touch -d '2001-02-03 04:05:06' {} +",
            "chmod -R go-rwx rootfs more",
            "chown -R 12:34 rootfs more 2>/dev/null || true",
        ] {
            let place = home(&reversed, ALL);
            let found = applied(place.path(), archive, surroundings);
            assert!(found == expected, "{archive}: {surroundings}");
        }
        if is_root() && tool("setpriv").is_some() {
            let place = home(FILES, ALL);
            // Another user reads the program, wherever the build keeps it. Written by a process of its own: what another
            // thread starts meanwhile would hold the file open, and it could not be run.
            let program = place.path().join("ocipatch");
            let mut copy = Command::new("cp");
            let copied = copy
                .arg(env!("CARGO_BIN_EXE_ocipatch"))
                .envs(NO_CACHE)
                .arg(program)
                .status();
            assert!(copied.unwrap().success());
            let surroundings = "chmod -R a+rX .; umask 022; OCIPATCH='setpriv'; set -- --reuid=65534 --regid=65534 --clear-groups ./ocipatch; setpriv \"$@\" apply fix.yaml app.tar; exit";
            let found = applied(place.path(), archive, surroundings);
            assert!(found == expected, "{archive}: another user");
        }
    }
}

/// What new layers and archives are compressed to, several blocks of it. The streams of xz take longer than all others: those
/// with something in them are taken from `golden` unless `OCIPATCH_CASES` asks for more.
fn compressed(golden: &str) -> Vec<String> {
    let numbers: Vec<u8> = (0..1_500_000_u32)
        .flat_map(|i| (i.wrapping_mul(i) >> 9).to_le_bytes())
        .collect();
    // Of each kind that compressors treat in their own way.
    let random = std::iter::successors(Some(1_u32), |x| {
        Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    });
    let noise: Vec<u8> = random
        .take(700_000)
        .flat_map(|x| (x >> 16).to_le_bytes())
        .collect();
    let words = noise
        .iter()
        .map(|byte| format!("{} ", u32::from(*byte).pow(2) % 977));
    let words: String = words.take(1_200_000).collect();
    let mut rows = Vec::new();
    for (kind, bytes) in [
        ("", numbers.as_slice()),
        (" words", words.as_bytes()),
        (" noise", &noise),
        (" nothing", &[]),
    ] {
        for compression in [
            Compression::Gzip,
            Compression::Zstd,
            Compression::Bzip2,
            Compression::Xz,
        ] {
            let row = format!("stream {}{kind} ", compression.name());
            if compression == Compression::Xz && !bytes.is_empty() && cases(1) < 2 {
                let golden = golden.lines().find(|line| line.starts_with(&row));
                rows.push(golden.map(|line| format!("{line}\n")).unwrap_or_default());
                continue;
            }
            let mut encoder = compression.encoder(Vec::new()).unwrap();
            encoder.write_all(bytes).unwrap();
            let digest = Digest::of(&encoder.finish().unwrap());
            rows.push(format!("{row}{digest}\n"));
        }
    }
    rows
}

/// The crates that compress, with what they wrap: a package manager may not take others.
#[test]
fn what_compresses_is_pinned() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let (manifest, lock) = (read("Cargo.toml"), read("Cargo.lock"));
    let golden = read("tests/v1_digests.txt");
    for (compression, crates) in [
        (Compression::Gzip, &["libdeflater", "libdeflate-sys"][..]),
        (Compression::Zstd, &["zstd", "zstd-safe", "zstd-sys"]),
        (Compression::Bzip2, &["bzip2", "libbz2-rs-sys"]),
        (Compression::Xz, &["liblzma", "liblzma-sys"]),
    ] {
        for name in crates {
            let start = format!("{name} = ");
            let line = manifest.lines().find(|line| line.starts_with(&start));
            let (_, pinned) = line.unwrap().split_once("\"=").unwrap();
            let version = pinned.split('"').next().unwrap();
            let locked = format!("name = \"{name}\"\nversion = \"{version}");
            assert!(lock.contains(&locked), "{locked}");
        }
        let row = format!("stream {} sha256:", compression.name());
        assert!(golden.contains(&row), "{row}");
    }
}

/// These bytes are `ocipatch/v1`: other bytes for the same patch need another `apiVersion`.
#[test]
fn version_1_of_the_patch_language_gives_these_bytes() {
    let found: Vec<String> = [
        ("docker20.tar", ALL),
        ("docker20.tar", LABEL),
        ("docker20-nasty.tar", ALL),
        ("docker20-two-images.tar", ALL),
        ("docker26.tar", ALL),
        ("docker26-two-images.tar", LABEL),
        ("docker20.tar.gz", LABEL),
    ]
    .iter()
    .map(|(archive, operations)| {
        let home = home(FILES, operations);
        let bytes = applied(home.path(), archive, "");
        let name = if *operations == ALL { "all" } else { "label" };
        format!("{archive} {name} {}\n", Digest::of(&bytes))
    })
    .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/v1_digests.txt");
    let golden = fs::read_to_string(&path).unwrap();
    let found = [&found[..], &compressed(&golden)].concat();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, found.concat()).unwrap();
    }
    assert_eq!(found.concat(), fs::read_to_string(&path).unwrap());
}

fn any_operation() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "mylabel",
        "maintainer",
        "new",
        "a.b/c",
        "*",
        "my*",
        "nothing",
    ]);
    let value = prop::sample::select(vec![
        "x",
        "1.10",
        "no",
        "\"\"",
        "\"<é&\\u2028>\"",
        "myvalue",
    ]);
    let tag = prop::sample::select(vec![
        "app:2",
        "greeter:1",
        "greeter2:latest",
        "registry.example.com:5000/x/y:z",
        "x",
        "t:1",
    ]);
    let missing = prop::sample::select(vec!["ignore", "problem"]);
    let from = prop::sample::select(vec!["rootfs", "more", "rootfs/etc", "missing", "fix.yaml"]);
    let to = prop::sample::select(vec![
        "/",
        "/srv",
        "/bin",
        "/etc/greeting",
        "/bin/greet",
        "/a/b/c",
    ]);
    prop_oneof![
        (key.clone(), value)
            .prop_map(|(key, value)| format!("  - set-label: {{ \"{key}\": {value} }}\n")),
        (key, missing.clone()).prop_map(|(key, missing)| format!(
            "  - unset-label: {{ match: [\"{key}\"], if-missing: {missing} }}\n"
        )),
        (from, to).prop_map(|(from, to)| format!("  - add-layer: {{ from: {from}, to: {to} }}\n")),
        prop::collection::btree_set(tag.clone(), 1..3)
            .prop_map(|tags| format!("  - retag: {:?}\n", tags.iter().collect::<Vec<_>>())),
        tag.clone()
            .prop_map(|tag| format!("  - add-tag: [\"{tag}\"]\n")),
        (tag, missing).prop_map(|(tag, missing)| format!(
            "  - remove-tag: {{ match: [\"{tag}\"], if-missing: {missing} }}\n"
        )),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(40)))]

    #[test]
    fn any_patch_is_rejected_or_gives_a_sound_archive(
        archive in prop::sample::select(vec!["docker20.tar", "docker20-nasty.tar", "docker20-two-images.tar", "docker20-untagged.tar", "docker26.tar", "docker26-two-images.tar"]),
        operations in prop::collection::vec(any_operation(), 1..5),
        target in prop::sample::select(vec!["", "target: { images: [\"*\"] }\n", "target: { images: [\"greeter2\"] }\n", "target: { images: [\"greeter:*\", \"t:2\"] }\n"]),
    ) {
        let home = home(FILES, LABEL);
        let patch = format!("apiVersion: ocipatch/v1\n{target}operations:\n{}", operations.concat());
        fs::write(home.path().join("fix.yaml"), &patch).unwrap();
        let archive = fixture(archive);
        let run = |arguments: &[&str]| command().current_dir(home.path()).args(arguments).output().unwrap();
        let image = archive.to_str().unwrap();
        let output = run(&["apply", "fix.yaml", image, "-o", "out.tar"]);
        let is_done = output.status.code() == Some(0);
        prop_assert!(is_done || output.status.code() == Some(1), "{patch}\n{output:?}");
        prop_assert_eq!(home.path().join("out.tar").exists(), is_done);
        if is_done {
            let verified = run(&["verify", "out.tar"]);
            prop_assert!(verified.status.success(), "{patch}\n{verified:?}");
        }
    }
}
