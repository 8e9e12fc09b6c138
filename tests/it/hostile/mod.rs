//! Damaged and hostile archives: every command says which entry and why, writes nothing, and stays small.
//!
//! `tests/hostile.txt` holds what is said about each; `UPDATE=1` rewrites it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bombs;
mod damages;
mod directory;
mod layers;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Output;

use crate::binary::{self, write_files};
use crate::edit::{Archive, file_header, fixture};
use bombs::{
    BOMB_BYTES, bomb, bomb_bytes, compressed, huge_group, huge_manifest, huge_pax, many_entries,
};
use damages::DAMAGES;

const PATCH: &str = "apiVersion: ocipatch/v1\noperations:\n  - set-label: { a: b }\n  - add-layer: { from: rootfs }\n";
const COMMANDS: [&[&str]; 6] = [
    &["apply", "fix.yaml", "IMAGE", "-o", "out"],
    &["plan", "fix.yaml", "IMAGE"],
    &["inspect", "--files", "IMAGE"],
    &["verify", "IMAGE"],
    &["unpack", "IMAGE", "out"],
    &["unpack", "--layers", "IMAGE", "out"],
];
/// Memory that a command may take. In bytes.
const ROOM: u64 = 48 << 20;
/// Processor time that it may take, many times what it needs.
const SECONDS: u32 = 60;

fn limited(directory: &Path, arguments: &[&str]) -> Output {
    binary::limited(directory, ROOM, SECONDS, arguments)
}

/// Runs every command on `image`, which `write` puts there; returns what they say.
fn told(name: &str, write: impl FnOnce(&Path)) -> String {
    let home = tempfile::tempdir().unwrap();
    write_files(home.path(), &[("fix.yaml", PATCH), ("rootfs/new", "new\n")]);
    write(&home.path().join("image"));
    let before = shape(home.path());
    // Commands that say the same stand together.
    let mut says: Vec<(Vec<String>, String)> = Vec::new();
    for command in COMMANDS {
        let arguments: Vec<&str> = command
            .iter()
            .map(|&argument| {
                if argument == "IMAGE" {
                    "image"
                } else {
                    argument
                }
            })
            .collect();
        let output = limited(home.path(), &arguments);
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code();
        let said = match code {
            Some(0) => "done\n".to_owned(),
            // What `inspect` can read of a damaged archive stands before what it cannot.
            Some(3) if stdout.contains("\nunreadable\n") => {
                stdout[stdout.find("\nunreadable\n").unwrap()..]
                    .trim_start()
                    .to_owned()
                    + &stderr
            }
            // A report of `verify` goes to standard output.
            Some(3) => stdout + &stderr,
            _ => panic!(
                "{name}: {arguments:?}: {:?}\n{stdout}\n{stderr}",
                output.status
            ),
        };
        let is_word = |word: &&&str| **word == command[0] || word.starts_with("--");
        let words: Vec<&str> = command.iter().filter(is_word).copied().collect();
        match says.last_mut() {
            Some((commands, last)) if *last == said => commands.push(words.join(" ")),
            _ => says.push((vec![words.join(" ")], said)),
        }
        let out = home.path().join("out");
        if code == Some(0) && out.exists() {
            fs::remove_dir_all(&out)
                .or_else(|_| fs::remove_file(&out))
                .unwrap();
        }
        assert_eq!(shape(home.path()), before, "{name}: {arguments:?}");
    }
    let mut text = format!("# {name}\n");
    for (commands, said) in says {
        write!(text, "{}: {said}", commands.join(", ")).unwrap();
    }
    text + "\n"
}

/// What is there, by names and sizes: reading a fifo would wait, reading gigabytes takes long.
fn shape(directory: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for item in fs::read_dir(directory).unwrap() {
        let path = item.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        let target = fs::read_link(&path).unwrap_or_default();
        let (mode, modified) = (metadata.mode(), metadata.modified().unwrap());
        let n_bytes = metadata.len();
        let (path_shown, target) = (path.display(), target.display());
        lines.push(format!(
            "{path_shown} {mode:o} {n_bytes} {target} {modified:?}"
        ));
        if metadata.is_dir() {
            lines.extend(shape(&path));
        }
    }
    lines.sort();
    lines
}

#[test]
fn every_damage_is_told_by_entry_and_reason() {
    let mut found = String::new();
    for (archive, name, damage) in DAMAGES {
        let mut edited = Archive::fixture(archive);
        damage(&mut edited);
        let bytes = edited.to_bytes();
        found += &told(&format!("{archive}: {name}"), |path| {
            fs::write(path, bytes).unwrap();
        });
    }
    let plain = fs::read(fixture("docker26.tar")).unwrap();
    let gz = compressed(&plain);
    for (name, bytes) in [
        ("cut in a header", &plain[..512 * 5 + 100]),
        ("cut in a layer", &plain[..14_000]),
        ("cut behind a header", &plain[..512]),
        ("nothing", &[][..]),
        ("zeros", &[0; 10240]),
        ("no tar", b"hello, world\n"),
        ("a gzip stream that was cut", &gz[..gz.len() / 2]),
        ("a gzip header and nothing behind it", &gz[..10]),
    ] {
        found += &told(name, |path| fs::write(path, bytes).unwrap());
    }
    found += &told("a manifest.json of 2 GiB", huge_manifest);
    found += &told("a PAX header of 2 GiB", huge_pax);
    found += &told("a name of 2 GiB", |path| {
        huge_group(path, tar::EntryType::GNULongName);
    });
    found += &told("more entries than any image has", many_entries);
    found += &told("a gzip bomb of zeros", |path| bomb(path, &[]));
    found += &told("a gzip bomb in a document", |path| {
        let mut header = file_header();
        header.set_path("manifest.json").unwrap();
        header.set_size(BOMB_BYTES);
        header.set_cksum();
        bomb(path, header.as_bytes());
    });
    found += &told("a layer that is a gzip bomb", |path| {
        let mut archive = Archive::fixture("docker26.tar");
        let mut header = file_header();
        header.set_path("zeros").unwrap();
        header.set_size(BOMB_BYTES);
        header.set_cksum();
        archive.entry("e389ba").data = bomb_bytes(header.as_bytes());
        archive.repair();
        fs::write(path, archive.to_bytes()).unwrap();
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&path).unwrap());
}
