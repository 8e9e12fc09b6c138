//! Numbers and types of headers in every format, read as engines read them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::Path;

use ocipatch::tarball::{Entry, Kind, Stream, TarReader, TypeFlag};
use tempfile::tempdir;

use crate::binary::ok;
use crate::cases::build;
use crate::cases::text::Image;
use crate::header_change::group::{Digits, spell};
use crate::raw::{GNU, Raw, USTAR, stream};
use crate::stacks::run;

fn read(raw: &Raw) -> Result<Entry, String> {
    let bytes = raw.bytes();
    let entry = TarReader::new(Stream(&bytes[..])).next();
    entry.map(Option::unwrap).map_err(|error| error.to_string())
}

fn image(layers: &[Vec<u8>]) -> Vec<u8> {
    build::v1_directories(&[Image {
        tags: vec!["app:1".to_owned()],
        streams: layers.to_vec(),
        ..Image::default()
    }])
}

#[test]
fn device_numbers_are_read_in_every_format_that_has_them() {
    for (magic, trailer, numbers) in [
        (USTAR, &b""[..], (1, 3)),
        (GNU, b"", (1, 3)),
        (USTAR, b"tar\0", (1, 3)),
        // The version counts for nothing in a POSIX header, and makes the other one GNU's.
        (b"ustar\0\0\0", b"", (1, 3)),
        (b"ustar \0\0", b"", (0, 0)),
        (b"\0\0\0\0\0\0\0\0", b"", (0, 0)),
    ] {
        for flag in [b'3', b'4'] {
            let raw = Raw::device(flag, "d", (1, 3)).magic(magic);
            let raw = raw.bytes_at(508, trailer);
            let entry = read(&raw).unwrap();
            assert_eq!(entry.device, numbers, "{magic:?} {trailer:?}");
        }
    }
}

#[test]
fn device_numbers_are_read_however_they_are_spelled() {
    let device = |spelled: [u8; 8]| {
        let raw = Raw::device(b'3', "d", (0, 7)).bytes_at(329, &spelled);
        read(&raw).map(|entry| entry.device.0)
    };
    for digits in [Digits::Zeros, Digits::Blank, Digits::Padded, Digits::Binary] {
        let mut field = [0; 8];
        spell(&mut field, 254, digits);
        assert_eq!(device(field), Ok(254), "{digits:?}");
    }
    for (field, number) in [
        (*b"\0\0\0\0\0\0\0\0", 0),
        (*b"        ", 0),
        (*b"376     ", 0o376),
        (*b"7777777\0", 0xfff),
        // What Linux has no room for, every engine cuts.
        (*b"\x80\0\0\0\0\x01\0\x05", 5),
        (*b"\xff\xff\xff\xff\xff\xff\xff\xff", 0xfff),
    ] {
        assert_eq!(device(field), Ok(number), "{field:?}");
    }
    assert!(device(*b"12x4567\0").is_err());
    let minor = Raw::device(b'4', "d", (8, 0)).bytes_at(337, b"\x80\0\0\0\0\x10\0\x02");
    assert_eq!(read(&minor).unwrap().device, (8, 2));
}

#[test]
fn owners_are_cut_to_32_bits_as_chown_takes_them() {
    for (number, owner) in [
        (2_097_152, 2_097_152),
        (2_147_483_648, 2_147_483_648),
        (4_294_967_294, 4_294_967_294),
        (-2, 4_294_967_294),
        ((1 << 32) + 7, 7),
    ] {
        let entry = read(&Raw::file("f", b"").owner(number, 0)).unwrap();
        assert_eq!((entry.uid, entry.gid), (owner, 0), "{number}");
        let raw = Raw::file("f", b"").record("gid", number.to_string().as_bytes());
        assert_eq!(read(&raw).unwrap().gid, owner, "{number}");
    }
    // Nobody is given to a new file by 4294967295, which is -1: it stays with root.
    let layer = stream(&[Raw::file("f", b"f").owner(-1, 4_294_967_295)]);
    let directory = tempdir().unwrap();
    let path = directory.path().join("app.tar");
    std::fs::write(&path, image(&[layer])).unwrap();
    let shown = ok(["inspect".as_ref(), "--files".as_ref(), path.as_os_str()]);
    assert!(shown.contains("  0644     0:0 "), "{shown}");
}

/// Types that no engine unpacks.
const TYPES: &[u8] = b"789ADEIMNSVXZ\x01";

#[test]
fn other_types_than_those_that_engines_unpack_are_named() {
    for &flag in TYPES {
        let entry = read(&Raw::file("f", b"data").bytes_at(156, &[flag])).unwrap();
        assert_eq!(
            (entry.kind, entry.size),
            (Kind::Unsupported(TypeFlag(flag)), 4)
        );
    }
    for (flag, name, kind) in [
        (0, "f", Kind::File),
        (b'0', "f/", Kind::File),
        (0, "f/", Kind::Directory),
        (b'6', "f", Kind::Fifo),
    ] {
        assert_eq!(read(&Raw::new(flag, name)).unwrap().kind, kind);
    }
}

/// Writes a base of one file, and an image with a layer of that type upon it.
fn write_images(directory: &Path, flag: u8) {
    let base = stream(&[Raw::file("f", b"f")]);
    let odd = stream(&[
        Raw::new(b'5', "d/").mode(0o755),
        Raw::file("d/odd", b"data")
            .magic(GNU)
            .bytes_at(156, &[flag]),
        Raw::file("d/plain", b"plain"),
    ]);
    for (name, bytes) in [
        ("odd.tar", odd.clone()),
        ("base.tar", image(std::slice::from_ref(&base))),
        ("image.tar", image(&[base, odd])),
    ] {
        std::fs::write(directory.join(name), bytes).unwrap();
    }
}

#[test]
fn a_source_with_a_type_that_no_engine_unpacks_is_refused() {
    let directory = tempdir().unwrap();
    for &flag in TYPES {
        write_images(directory.path(), flag);
        let base = std::fs::read(directory.path().join("base.tar")).unwrap();
        let apply = |operation: &str| {
            run::apply(
                &base,
                &run::patch(&[operation.to_owned()]),
                directory.path(),
            )
        };
        for operation in [
            "add-layer: { from: odd.tar, as-is: true }",
            "add-layer: { from: odd.tar, to: /x }",
            "replace-layer: { layer: 1, with: { from: odd.tar } }",
        ] {
            let told = apply(operation).unwrap_err();
            let wanted = format!(
                "invalid-source: `d/odd` is an entry of type `{}` (",
                flag.escape_ascii()
            );
            assert!(told.starts_with(&wanted), "{told}");
        }
        apply("add-layer: { from: odd.tar, exclude: [d/odd] }").unwrap();
    }
}

/// The device that is a whiteout to some engines is taken where a layer is used as it is.
#[test]
fn a_source_with_the_device_of_overlay_is_refused_or_used_as_it_is() {
    let directory = tempdir().unwrap();
    let device = Raw::device(b'3', "gone", (0, 0));
    std::fs::write(
        directory.path().join("odd.tar"),
        stream(&[device, Raw::file("g", b"g")]),
    )
    .unwrap();
    let base = image(&[stream(&[Raw::file("f", b"f")])]);
    let apply = |operation: &str| {
        let patch = run::patch(&[operation.to_owned()]);
        run::apply(&base, &patch, directory.path())
    };
    let told = apply("add-layer: { from: odd.tar }").unwrap_err();
    let wanted = "invalid-source: `gone` is the character device 0:0";
    assert!(told.starts_with(wanted), "{told}");
    apply("add-layer: { from: odd.tar, as-is: true }").unwrap();
    apply("add-layer: { from: odd.tar, exclude: [gone] }").unwrap();
}

#[test]
fn a_layer_with_such_a_type_is_kept_or_the_entry_is_named() {
    let directory = tempdir().unwrap();
    for &flag in TYPES {
        write_images(directory.path(), flag);
        let image = std::fs::read(directory.path().join("image.tar")).unwrap();
        let apply = |operations: &[&str]| {
            let operations: Vec<String> = operations.iter().map(|&it| it.to_owned()).collect();
            run::apply(&image, &run::patch(&operations), directory.path())
        };
        for operation in [
            "squash: all",
            "move-path: { /d: /e }",
            "set-owner: { '/d/*': '5:5' }",
            "set-mode: { set: { /d/odd: '0600' }, in: layer }",
        ] {
            let told = apply(&[operation]).unwrap_err();
            let wanted = format!(
                "layer-conflict: `/d/odd` is an entry of type `{}` (",
                flag.escape_ascii()
            );
            assert!(told.starts_with(&wanted), "{operation}: {told}");
        }
        for operations in [
            &["set-label: { a: b }"][..],
            &["remove-path: [/d/odd]"],
            &["set-mode: { set: { /d/plain: '0600' }, in: layer }"],
            &[
                "remove-path: { match: [/d/odd], purge: true }",
                "squash: all",
            ],
        ] {
            apply(operations).unwrap();
        }
    }
}

#[test]
fn an_owner_of_32_bits_is_taken_and_the_one_that_means_none_is_not() {
    let directory = tempdir().unwrap();
    write_images(directory.path(), b'0');
    let base = std::fs::read(directory.path().join("base.tar")).unwrap();
    let apply = |owner: &str| {
        let operations = [
            format!("set-owner: {{ /f: '{owner}' }}"),
            format!("add-layer: {{ files: [{{ path: /g, content: g, owner: '{owner}' }}] }}"),
            format!("add-layer: {{ from: odd.tar, to: /x, owner: '{owner}' }}"),
        ];
        run::apply(&base, &run::patch(&operations), directory.path())
    };
    let highest = "4294967294:4294967294";
    let patched = apply(highest).unwrap();
    let seen = run::seen(&patched).unwrap();
    for path in ["f", "g", "x/d/plain"] {
        let node = &seen.tree().nodes[&path.split('/').map(Into::into).collect::<Vec<_>>()];
        let owner = (node.entry.uid, node.entry.gid);
        assert_eq!(owner, (4_294_967_294, 4_294_967_294), "{path}");
    }
    for owner in ["4294967295:0", "0:4294967295", "4294967296:0", "-1:0"] {
        assert!(
            apply(owner).unwrap_err().contains("invalid-value"),
            "{owner}"
        );
    }
}
