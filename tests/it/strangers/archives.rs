//! Every string of every document of an archive, and every name of its entries, its layers, and the files around it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::clean::Format;
use super::patches::with_payload;
use super::{PAYLOADS, run};
use crate::binary::write_files;
use crate::edit::{Archive, file_header, fixture};
use crate::random::{cases, takes};

const PATCH: &str = "apiVersion: ocipatch/v1
attestations: drop
operations:
  - set-label: {a: b}
  - unset-env: {match: ['*'], if-missing: ignore}
  - unset-annotation: {match: ['*'], if-missing: ignore}
  - set-owner: {'/**': '7:7'}
  - add-layer: {from: rootfs}
";
/// Of the program's commands those that print what an archive holds, on `new.tar` beside `old.tar`.
const COMMANDS: [(Format, &[&str]); 13] = [
    (Format::Text, &["inspect", "new.tar"]),
    (Format::Text, &["plan", "fix.yaml", "new.tar"]),
    (Format::Text, &["verify", "new.tar"]),
    (Format::Text, &["diff", "--files", "old.tar", "new.tar"]),
    (Format::Text, &["inspect", "--files", "new.tar"]),
    (
        Format::Markdown,
        &["plan", "--format=markdown", "fix.yaml", "new.tar"],
    ),
    (
        Format::Yaml,
        &["diff", "--as-patch", "--partial", "old.tar", "new.tar"],
    ),
    (Format::Text, &["verify", "--strict", "new.tar"]),
    (Format::Text, &["diff", "--as-patch", "new.tar", "old.tar"]),
    (
        Format::Json,
        &["inspect", "--files", "--format=json", "new.tar"],
    ),
    (
        Format::Json,
        &["plan", "--format=json", "fix.yaml", "new.tar"],
    ),
    (Format::Json, &["verify", "--format=json", "new.tar"]),
    (
        Format::Json,
        &["diff", "--files", "--format=json", "old.tar", "new.tar"],
    ),
];

fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let files = [("fix.yaml", PATCH), ("rootfs/etc/greeting", "hello\n")];
    write_files(home.path(), &files);
    home
}

/// What leaves something behind.
const WRITING: [(Format, &[&str]); 3] = [
    (
        Format::Text,
        &[
            "apply",
            "--to=docker-archive",
            "fix.yaml",
            "new.tar",
            "-o",
            "out.tar",
        ],
    ),
    (
        Format::Text,
        &["apply", "--to=oci-dir", "new.tar", "-o", "layout"],
    ),
    (Format::Text, &["unpack", "--layers", "new.tar", "unpacked"]),
];

/// Runs in turn a sixth of all commands: half of them meet one of the first three payloads in each kind of place, and those act
/// wherever they get out. `OCIPATCH_CASES=6` has each command meet all.
fn run_some(home: &Path, turn: usize) {
    let commands = COMMANDS.iter().chain(&WRITING).enumerate();
    for (i, (format, arguments)) in commands {
        if takes(i + turn, 6) {
            run(home, *format, arguments);
        }
    }
    for name in ["layout", "unpacked"] {
        std::fs::remove_dir_all(home.join(name)).ok();
    }
}

#[test]
fn no_string_of_a_document_gets_out_of_its_place() {
    let mut n_places = 0;
    for name in ["docker20.tar", "docker26.tar", "buildx-oci-multi.tar"] {
        let home = home();
        let archive = Archive::fixture(name);
        std::fs::copy(fixture(name), home.path().join("old.tar")).unwrap();
        for (e, entry) in archive.entries.iter().enumerate() {
            let Ok(document) = serde_json::from_slice::<Value>(&entry.data) else {
                continue;
            };
            for n in 0.. {
                if with_payload(&document, n, "").is_none() {
                    break;
                }
                n_places += 1;
                // In turn, a payload and a command for every eighth place: all of them meet many times. `OCIPATCH_CASES=8` takes
                // every place, `OCIPATCH_CASES=65` has each meet every payload and command.
                if !takes(n_places, 8) {
                    continue;
                }
                for turn in (n_places / 8..).take(cases(1) as usize) {
                    let payload = PAYLOADS[turn % PAYLOADS.len()];
                    let changed = with_payload(&document, n, payload).unwrap();
                    let mut new = archive.clone();
                    new.entries[e].data = changed.to_string().into_bytes();
                    new.repair();
                    std::fs::write(home.path().join("new.tar"), new.to_bytes()).unwrap();
                    let (format, arguments) = COMMANDS[turn % COMMANDS.len()];
                    run(home.path(), format, arguments);
                }
            }
        }
    }
    println!("{n_places} places");
    assert!(n_places > 500, "{n_places}");
}

/// Names in the headers of an archive: its entries, and what they link to.
#[test]
fn no_name_of_an_entry_gets_out_of_its_place() {
    let home = home();
    for name in ["docker20.tar", "docker26.tar"] {
        std::fs::copy(fixture(name), home.path().join("old.tar")).unwrap();
        for (p, payload) in PAYLOADS.into_iter().enumerate() {
            let mut more = Archive::fixture(name);
            more.add(payload, b"x");
            let mut renamed = Archive::fixture(name);
            payload.clone_into(&mut renamed.entry("manifest.json").name);
            let mut layer = Archive::fixture(name);
            let position = layer.entries.len() / 2;
            let old = std::mem::replace(&mut layer.entries[position].name, payload.to_owned());
            layer.replace_everywhere(&old, payload);
            let mut linked = Archive::fixture(name);
            linked.add("link", b"");
            let header = &mut linked.entries.last_mut().unwrap().header;
            header.set_entry_type(tar::EntryType::Symlink);
            header
                .set_link_name_literal(beginning(payload, 90))
                .unwrap();
            for (k, archive) in [more, renamed, layer, linked].into_iter().enumerate() {
                std::fs::write(home.path().join("new.tar"), archive.to_bytes()).unwrap();
                run_some(home.path(), p + k);
            }
        }
    }
}

fn beginning(text: &str, n: usize) -> &str {
    let mut ends = (0..=n.min(text.len())).rev();
    &text[..ends.find(|end| text.is_char_boundary(*end)).unwrap()]
}

/// Adds an entry with PAX records to a tar.
fn entry(kind: tar::EntryType, records: &[(&str, &[u8])], owner: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    builder
        .append_pax_extensions(records.iter().copied())
        .unwrap();
    let mut header = file_header();
    header.set_entry_type(kind);
    header.as_mut_bytes()[..1].copy_from_slice(b"x");
    let owner = beginning(owner, 31).as_bytes();
    header.as_mut_bytes()[265..265 + owner.len()].copy_from_slice(owner);
    header.set_size(0);
    header.set_cksum();
    builder.append(&header, std::io::empty()).unwrap();
    builder.into_inner().unwrap()
}

/// Names in the headers of a layer, and of a tar that becomes one.
#[test]
fn no_name_in_a_layer_gets_out_of_its_place() {
    use tar::EntryType::{Link, Regular, Symlink};
    let home = home();
    std::fs::copy(fixture("docker26.tar"), home.path().join("old.tar")).unwrap();
    let as_is = PATCH.replace("{from: rootfs}", "{from: layer.tar, as-is: true}");
    let merged = PATCH.replace("from: rootfs", "from: layer.tar");
    write_files(
        home.path(),
        &[("as-is.yaml", &as_is), ("merged.yaml", &merged)],
    );
    let mut payloads: Vec<Vec<u8>> = PAYLOADS
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
    payloads.push(b"\xff\x1b\xe2\x80".to_vec());
    for (p, payload) in payloads.into_iter().enumerate() {
        let below = [b"etc/".as_slice(), &payload].concat();
        let hidden = [b"etc/.wh.".as_slice(), &payload].concat();
        let attribute = format!("SCHILY.xattr.user.{}", String::from_utf8_lossy(&payload));
        let owner = String::from_utf8_lossy(&payload).into_owned();
        let layers = [
            entry(Regular, &[("path", &below)], ""),
            entry(Regular, &[("path", &hidden)], ""),
            entry(
                Symlink,
                &[("path", b"etc/link"), ("linkpath", &payload)],
                "",
            ),
            entry(Link, &[("path", b"etc/link"), ("linkpath", &payload)], ""),
            entry(
                Regular,
                &[
                    ("path", b"etc/x"),
                    ("uname", &payload),
                    ("comment", &payload),
                ],
                &owner,
            ),
            entry(Regular, &[("path", b"etc/x"), (&attribute, &payload)], ""),
            entry(Regular, &[("path", b"etc/x"), ("mtime", &payload)], ""),
            entry(Regular, &[("path", b"etc/x"), ("size", &payload)], ""),
        ];
        for (k, layer) in layers.into_iter().enumerate() {
            std::fs::write(home.path().join("layer.tar"), &layer).unwrap();
            let mut archive = Archive::fixture("docker26.tar");
            archive.entry("e389ba").data = layer;
            archive.repair();
            std::fs::write(home.path().join("new.tar"), archive.to_bytes()).unwrap();
            run_some(home.path(), p + k);
            for patch in ["as-is.yaml", "merged.yaml"] {
                run(home.path(), Format::Text, &["plan", patch, "old.tar"]);
            }
        }
    }
}

/// Names of files on the machine: of archives, within extracted ones, and of what is added.
#[test]
fn no_name_of_a_file_gets_out_of_its_place() {
    let names = PAYLOADS
        .iter()
        .map(|text| OsString::from(text.replace('/', "")));
    let names = names.chain([OsString::from_vec(b"\xff\x1b\xe2\x80".to_vec())]);
    for (p, name) in names.enumerate() {
        let home = home();
        let at = |name: &OsStr| home.path().join(name);
        let path = OsString::from("./")
            .into_vec()
            .into_iter()
            .chain(name.clone().into_vec());
        let path = OsString::from_vec(path.collect());
        let text = |arguments: &[&OsStr]| run(home.path(), Format::Text, arguments);
        let s = OsStr::new;

        std::fs::write(at(&name), "no archive").unwrap();
        for command in ["inspect", "verify"] {
            text(&[s(command), &path]);
        }
        text(&[s("plan"), s("fix.yaml"), &path]);
        text(&[s("unpack"), &path, s("there")]);
        text(&[s("pack"), &path, s("there")]);
        std::fs::remove_file(at(&name)).unwrap();
        text(&[s("inspect"), &path]);

        std::fs::copy(fixture("docker26.tar"), at(s("old.tar"))).unwrap();
        text(&[s("unpack"), s("old.tar"), &path]);
        text(&[s("unpack"), s("old.tar"), &path]);
        std::fs::write(at(&name).join(&name), "x").unwrap();
        std::os::unix::fs::symlink(&name, at(&name).join("link")).unwrap();
        for command in ["inspect", "verify"] {
            text(&[s(command), &path]);
        }
        text(&[s("apply"), s("fix.yaml"), &path, s("-o"), s("out")]);
        text(&[
            s("unpack"),
            s("--layers"),
            s("old.tar"),
            &at(&name).join("more").into_os_string(),
        ]);

        let source = at(s("rootfs")).join(&name);
        std::fs::create_dir(&source).unwrap();
        std::fs::write(source.join(&name), "x").unwrap();
        std::os::unix::fs::symlink(&name, source.join("link")).unwrap();
        for format in ["text", "json", "markdown"] {
            let kind = match format {
                "json" => Format::Json,
                "markdown" => Format::Markdown,
                _ => Format::Text,
            };
            let arguments = [
                s("plan"),
                s("--format"),
                s(format),
                s("fix.yaml"),
                s("old.tar"),
            ];
            run(home.path(), kind, &arguments);
        }
        text(&[
            s("apply"),
            s("fix.yaml"),
            s("old.tar"),
            s("-o"),
            s("new.tar"),
        ]);
        run_some(home.path(), p);
    }
}
