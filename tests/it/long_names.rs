//! Names that a header field has no room for, or no letters: written as Go writes them, in layers and around them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use ocipatch::tarball::{Entry, Kind, Mtime, Stream, TarReader, header_group, rename_group};
use serde_json::{Value, json};

use crate::binary::{ok, write_files};
use crate::edit::Archive;
use crate::raw::{GNU, Raw, USTAR};

const V7: &[u8] = &[0; 8];

fn named(name: &str) -> Entry {
    Entry {
        name: name.into(),
        ..Entry::file()
    }
}

fn field(block: &[u8]) -> String {
    let field = block[..100].split(|&b| b == 0).next().unwrap();
    String::from_utf8(field.to_vec()).unwrap()
}

/// The name in the field, and the name and the records of the PAX header before it.
fn spelled(group: &[u8]) -> (String, Option<(String, String)>) {
    let main = field(&group[group.len() - 512..]);
    if group.len() == 512 {
        return (main, None);
    }
    assert_eq!(group[156], b'x');
    let size = std::str::from_utf8(&group[124..135]).unwrap();
    let size = usize::from_str_radix(size, 8).unwrap();
    let records = String::from_utf8(group[512..512 + size].to_vec()).unwrap();
    (main, Some((field(&group[..512]), records)))
}

fn read_back(group: &[u8]) -> Entry {
    TarReader::new(Stream(group)).next().unwrap().unwrap()
}

/// Go's `Writer.writePAXHeader` (`path.Join(dir, "PaxHeaders.0", file)`) and `formatString`.
#[test]
fn a_name_is_in_its_field_if_that_has_room_and_letters_for_it() {
    let (n99, n100, n101) = ("n".repeat(99), "n".repeat(100), "n".repeat(101));
    let d99 = "d".repeat(99);
    let slash = format!("{d99}/x");
    let slashes = format!("{}//x", "d".repeat(98));
    let pax = |name: &str| Some(name.to_owned());
    for (name, main, header) in [
        (n99.as_str(), n99.as_str(), None),
        (&n100, &n100, None),
        (
            &n101,
            &n100,
            pax(&format!("PaxHeaders.0/{}", "n".repeat(87))),
        ),
        // What is cut behind a slash would be a directory to old readers.
        (&slash, &d99, pax(&d99)),
        (
            &slashes,
            &"d".repeat(98),
            pax(&format!("{}/P", "d".repeat(98))),
        ),
        ("dé/fé", "d/f", pax("d/PaxHeaders.0/f")),
        ("é", "", pax("PaxHeaders.0")),
        ("é/", "/", pax("/PaxHeaders.0")),
        ("d/é/", "d//", pax("d//PaxHeaders.0")),
        ("/a/é", "/a/", pax("/a/PaxHeaders.0")),
        ("./é", "./", pax("PaxHeaders.0")),
        ("a/../éb", "a/../b", pax("PaxHeaders.0/b")),
        ("../éb", "../b", pax("../PaxHeaders.0/b")),
        ("../../éb", "../../b", pax("../../PaxHeaders.0/b")),
        ("a/../../éb", "a/../../b", pax("../PaxHeaders.0/b")),
        ("/../éb", "/../b", pax("/PaxHeaders.0/b")),
    ] {
        let group = header_group(&named(name));
        let records = |text: &str| {
            String::from_utf8(crate::header_change::group::record(
                b"path",
                text.as_bytes(),
            ))
            .unwrap()
        };
        let wanted = header.map(|header| (header, records(name)));
        assert_eq!(spelled(&group), (main.to_owned(), wanted), "{name}");
        assert_eq!(read_back(&group), named(name));
    }
}

/// Templates with an owner's name: in each format, with something where a prefix would be.
fn templates() -> Vec<Raw> {
    let owned = |magic: &[u8]| {
        let raw = Raw::file("old", b"").magic(magic).owner(7, 8);
        if magic == V7 {
            raw
        } else {
            raw.bytes_at(265, b"somebody")
        }
    };
    vec![
        owned(USTAR),
        owned(USTAR).bytes_at(345, b"some/prefix"),
        owned(USTAR)
            .bytes_at(345, b"prefix")
            .bytes_at(476, b"00000000001\0")
            .bytes_at(508, b"tar\0"),
        owned(GNU),
        owned(GNU).bytes_at(345, b"14524770400\0"),
        owned(GNU).bytes_at(345, b"old/go"),
        owned(V7),
        owned(USTAR).record("path", b"other"),
    ]
}

/// A new entry of an archive takes the header of one that is there, unless that has no room for it.
#[test]
fn a_new_entry_wears_the_dress_of_another_where_it_fits() {
    let link = |target: &str| Entry {
        link_name: target.into(),
        kind: Kind::Symlink,
        ..named("new")
    };
    let sized = |size| Entry {
        size,
        ..named("new")
    };
    let dated = |seconds| Entry {
        mtime: Mtime::of_seconds(seconds),
        ..named("new")
    };
    let rows = [
        (named("new"), true),
        (named(&"n".repeat(100)), true),
        (named(&"n".repeat(101)), false),
        (named("é"), false),
        (link(&"n".repeat(100)), true),
        (link(&"n".repeat(101)), false),
        (link("é"), false),
        (sized((1 << 33) - 1), true),
        (sized(1 << 33), false),
        (dated((1 << 33) - 1), true),
        (dated(1 << 33), false),
        (dated(-1), false),
    ];
    for template in templates() {
        for (entry, fits) in &rows {
            let group = rename_group(&template.bytes(), entry);
            let found = read_back(&group);
            let wanted = Entry {
                uid: if *fits { 7 } else { 0 },
                gid: if *fits { 8 } else { 0 },
                ..entry.clone()
            };
            assert_eq!(
                found,
                wanted,
                "{:?}",
                template.block.escape_ascii().to_string()
            );
            if !fits {
                assert_eq!(group, header_group(entry));
                continue;
            }
            assert_eq!(group.len(), 512);
            assert_eq!(group[257..297], template.block[257..297]);
        }
    }
}

/// Moves the directory of every name into the prefix of its header.
fn with_prefixes(archive: &Archive, magic: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in &archive.entries {
        let (prefix, name) = entry.name.rsplit_once('/').unwrap_or(("", &entry.name));
        let (prefix, name) = if name.is_empty() {
            ("", entry.name.as_str())
        } else {
            (prefix, name)
        };
        let flag = entry.header.entry_type().as_byte();
        let raw = Raw::new(flag, name)
            .magic(magic)
            .bytes_at(345, prefix.as_bytes());
        bytes.extend(raw.mode(0o640).mtime(5).data(&entry.data).bytes());
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// Archives of writers that use prefixes, and of such with names of more than 100 bytes and other letters.
#[test]
fn an_archive_keeps_its_names_wherever_its_headers_have_them() {
    let long = format!("{}/é{}/layer.tar", "d".repeat(99), "f".repeat(60));
    let mut renamed = Archive::fixture("docker20.tar");
    renamed.keep_named();
    let mut manifest: Value = serde_json::from_slice(&renamed.entry("manifest.json").data).unwrap();
    let first = manifest[0]["Layers"][0].as_str().unwrap().to_owned();
    renamed.entry(&first).name.clone_from(&long);
    manifest[0]["Layers"][0] = json!(long);
    renamed.entry("manifest.json").data = manifest.to_string().into_bytes();
    let archives = [
        (
            "prefix",
            with_prefixes(&Archive::fixture("docker26.tar"), USTAR),
        ),
        (
            "prefix of old Go",
            with_prefixes(&Archive::fixture("docker26.tar"), GNU),
        ),
        (
            "prefix of directories",
            with_prefixes(&Archive::fixture("docker20.tar"), USTAR),
        ),
        ("long", renamed.to_bytes()),
    ];
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - add-layer: {files: [{path: /x, content: y}]}\n  - set-label: {a: b}\n";
    for (what, bytes) in archives {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        write_files(directory.path(), &[("fix.yaml", patch)]);
        std::fs::write(place("in.tar"), &bytes).unwrap();
        let (fix, input, output) = (place("fix.yaml"), place("in.tar"), place("out.tar"));
        let arguments = [
            "apply".as_ref(),
            fix.as_os_str(),
            input.as_os_str(),
            "-o".as_ref(),
            output.as_os_str(),
        ];
        ok(arguments);
        ok(["verify".as_ref(), output.as_os_str()]);
        // The reader of the crate `tar` joins prefixes and long names by itself.
        let bytes = std::fs::read(&output).unwrap();
        let mut read = tar::Archive::new(bytes.as_slice());
        let names: Vec<String> = read
            .entries()
            .unwrap()
            .map(|entry| String::from_utf8(entry.unwrap().path_bytes().into_owned()).unwrap())
            .collect();
        let output = Archive::read(&bytes);
        let mut ours = output.clone();
        let items: Value = serde_json::from_slice(&ours.entry("manifest.json").data).unwrap();
        let layers = items[0]["Layers"].as_array().unwrap();
        assert_eq!(layers.len(), 3, "{what}");
        if !what.ends_with("Go") {
            for layer in layers.iter().chain([&items[0]["Config"]]) {
                let layer = layer.as_str().unwrap().to_owned();
                assert!(names.contains(&layer), "{what}: {layer} of {names:?}");
            }
        }
        assert_eq!(what == "long", names.contains(&long), "{what}");
    }
}
