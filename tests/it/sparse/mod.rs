//! Sparse files in PAX form are ordinary files with zeros in them, in every form that GNU tar has for them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod operations;

use std::io::Read as _;

use ocipatch::archive::Archive;
use ocipatch::image_path::ImagePath;
use ocipatch::look::Part;
use ocipatch::tarball::{ContentReader, Entry, HeaderChange, Stream, TarReader};

use crate::cases::build;
use crate::cases::text::Image;
use crate::edit;
use crate::raw::{Raw, Sparse, stream};

const SIZE: u64 = 5000;
const PIECES: [(u64, &[u8]); 2] = [(700, b"first line\n"), (4096, b"second\n")];

fn whole(size: u64, pieces: &[(u64, &[u8])]) -> Vec<u8> {
    let mut content = vec![0; size.try_into().unwrap()];
    for (offset, bytes) in pieces {
        let offset = usize::try_from(*offset).unwrap();
        content[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
    content
}

fn read(bytes: &[u8]) -> Result<(Entry, Vec<u8>), String> {
    let mut reader = TarReader::new(Stream(bytes));
    let entry = reader.next().map_err(|error| error.to_string())?.unwrap();
    let mut content = Vec::new();
    ContentReader::new(&mut reader, entry.size, entry.sparse.as_ref())
        .read_to_end(&mut content)
        .map_err(|error| error.to_string())?;
    Ok((entry, content))
}

#[test]
fn every_form_is_read_with_the_size_and_content_of_the_file() {
    let many: Vec<(u64, &[u8])> = (0..300).map(|i| (16 * i + 3, &b"piece"[..])).collect();
    for form in Sparse::ALL {
        for (size, pieces) in [
            (SIZE, &PIECES[..]),
            (SIZE, &[]),
            (0, &[]),
            (11, &[(0, b"no holes at")]),
            (
                4000,
                &[(0, b"a"), (1, b"b"), (2, b""), (3999, b"c"), (4000, b"")],
            ),
            // The map takes several blocks.
            (SIZE, &many[..]),
        ] {
            if form != Sparse::V10 && pieces.is_empty() {
                // No record says then that it is sparse, and Go takes the file for an empty one.
                continue;
            }
            let raw = form.file("name", size, pieces).bytes();
            let behind = [&raw[..], &stream(&[Raw::file("next", b"n")])].concat();
            let (entry, content) = read(&behind).unwrap();
            assert_eq!(entry.name, b"name", "{form:?}");
            assert_eq!(entry.size, size, "{form:?}");
            assert_eq!(content, whole(size, pieces), "{form:?}");
            let mut reader = TarReader::new(Stream(&behind[..]));
            reader.next().unwrap();
            assert_eq!(reader.next().unwrap().unwrap().name, b"next", "{form:?}");
        }
    }
}

/// As Go has it: `path` is for readers that know no sparse files.
#[test]
fn files_that_go_takes_for_others_are_no_sparse_ones() {
    let plain = Raw::file("plain", b"plain");
    for raw in [
        plain.clone().record("GNU.sparse.name", b"other"),
        plain.clone().record("GNU.sparse.size", b"9"),
        plain
            .clone()
            .record("GNU.sparse.major", b"2")
            .record("GNU.sparse.minor", b"0"),
        plain.clone().record("GNU.sparse.major", b"1"),
    ] {
        let (entry, content) = read(&raw.bytes()).unwrap();
        assert_eq!(
            (entry.name, content),
            (b"plain".to_vec(), b"plain".to_vec())
        );
        assert_eq!(entry.sparse, None);
    }
    let named = Sparse::V01
        .file("real", SIZE, &PIECES)
        .record("path", b"other");
    assert_eq!(read(&named.bytes()).unwrap().0.name, b"real");
}

/// Go reads the version of a map in records from other records, where there are such.
#[test]
fn a_map_in_records_may_state_its_version() {
    for (major, minor, is_sparse) in [("0", "1", true), ("0", "0", true), ("0", "2", false)] {
        let raw = Sparse::V01.file("f", SIZE, &PIECES);
        let raw = raw.record("GNU.sparse.major", major.as_bytes());
        let raw = raw.record("GNU.sparse.minor", minor.as_bytes());
        let (entry, _) = read(&raw.bytes()).unwrap();
        assert_eq!(entry.sparse.is_some(), is_sparse, "{major}.{minor}");
    }
}

#[test]
fn an_entry_of_an_unknown_kind_has_no_map() {
    let entry = Raw::new(b'V', "volume").record("GNU.sparse.size", b"100");
    let entry = entry.record("GNU.sparse.numblocks", b"1");
    let bytes = entry.record("GNU.sparse.map", b"0,0").bytes();
    let mut reader = TarReader::new(Stream(&bytes[..]));
    let entry = reader.next().unwrap().unwrap();
    assert_eq!((entry.size, entry.sparse), (0, None));
}

#[test]
fn maps_that_go_refuses_are_refused() {
    let map = |n: &[u8], map: &[u8]| {
        let raw = Raw::file("f", b"0123456789").record("GNU.sparse.size", b"100");
        raw.record("GNU.sparse.numblocks", n)
            .record("GNU.sparse.map", map)
    };
    let lines = |text: &[u8], more: &[u8]| {
        let mut data = text.to_vec();
        data.resize(data.len().next_multiple_of(512), 0);
        let raw = Raw::file("f", &[data.as_slice(), more].concat());
        let raw = raw
            .record("GNU.sparse.major", b"1")
            .record("GNU.sparse.minor", b"0");
        raw.record("GNU.sparse.realsize", b"100")
    };
    let wrong = [
        map(b"1", b"0,10,20,0"),
        map(b"2", b"0,10"),
        map(b"1", b"0,11"),
        map(b"1", b"0,9"),
        map(b"1", b"95,10"),
        map(b"2", b"10,5,0,5"),
        map(b"2", b"0,5,4,5"),
        map(b"1", b"-1,10"),
        map(b"1", b"9223372036854775807,10"),
        map(b"1", b"x,10"),
        map(b"9223372036854775807", b"0,10"),
        map(b"1", b"0,10").bytes_at(156, b"5"),
        map(b"1", b"0,10").bytes_at(156, b"2"),
        map(b"1", b"0,10").record("GNU.sparse.size", b"ten"),
        lines(b"1\n0\n", b""),
        lines(b"1\n0\n9\n", b"0123456789"),
        lines(b"x\n", b""),
        lines(b"-1\n", b""),
        lines(b"9223372036854775807\n", b""),
        lines(b"", b""),
        Raw::file("f", b"")
            .record("GNU.sparse.major", b"1")
            .record("GNU.sparse.minor", b"0"),
        Raw::file("f", b"1").record("GNU.sparse.offset", b"0"),
        Raw::file("f", b"1")
            .record("GNU.sparse.numbytes", b"1")
            .record("GNU.sparse.offset", b"0"),
    ];
    for (i, raw) in wrong.iter().enumerate() {
        assert!(read(&raw.bytes()).is_err(), "{i}");
    }
    // The largest map that is read fills its blocks.
    let most = format!("262142\n{}", "0\n0\n".repeat(262_142));
    assert!(read(&lines(most.as_bytes(), b"").bytes()).is_ok());
    let more = most.replacen("262142", "262272", 1) + &"0\n0\n".repeat(130);
    let told = read(&lines(more.as_bytes(), b"").bytes()).unwrap_err();
    assert!(told.contains("a sparse map of over 1 MiB"), "{told}");
    // A map without an end is read no further than Go reads it.
    let endless = Raw::file("f", &b"1000000\n".repeat(1 << 18));
    let endless = endless
        .record("GNU.sparse.major", b"1")
        .record("GNU.sparse.minor", b"0");
    let told = read(&endless.bytes()).unwrap_err();
    assert!(told.contains("a sparse map of over 1 MiB"), "{told}");
}

#[test]
fn a_header_changes_and_the_map_stays() {
    let change = HeaderChange {
        name: Some("new/".repeat(40).into_bytes()),
        mode: Some(0o600),
        owner: Some((7, 1 << 30)),
        ..HeaderChange::default()
    };
    for form in Sparse::ALL {
        let raw = form.file("old", SIZE, &PIECES).bytes();
        let mut reader = TarReader::new(Stream(&raw[..]));
        let mut entry = reader.next().unwrap().unwrap();
        let mut data = Vec::new();
        let group = reader.group().to_vec();
        reader.read_to_end(&mut data).unwrap();
        data.resize(data.len().next_multiple_of(512), 0);
        let changed = [change.apply(&group), data].concat();
        change.apply_to(&mut entry);
        assert_eq!(
            read(&changed).unwrap(),
            (entry, whole(SIZE, &PIECES)),
            "{form:?}"
        );
    }
}

#[test]
fn with_other_content_a_file_has_no_holes() {
    let change = HeaderChange {
        size: Some(3),
        ..HeaderChange::default()
    };
    for form in Sparse::ALL {
        let raw = form.file("old", SIZE, &PIECES).bytes();
        let mut reader = TarReader::new(Stream(&raw[..]));
        let mut entry = reader.next().unwrap().unwrap();
        let changed = [change.apply(reader.group()), b"new".to_vec()].concat();
        change.apply_to(&mut entry);
        assert_eq!(
            read(&changed).unwrap(),
            (entry, b"new".to_vec()),
            "{form:?}"
        );
        assert_eq!(changed.len(), 512 + 3, "{form:?}");
    }
}

/// The holes of all files count together, and names of one file once.
#[test]
fn a_part_with_too_many_holes_is_not_exported() {
    let sparse = |name: &str| Sparse::V10.file(name, 33 << 30, &[(0, b"x")]);
    let stream = stream(&[
        Raw::new(b'5', "one"),
        sparse("one/a"),
        Raw::hard_link("one/b", "one/a"),
        Raw::new(b'5', "two"),
        sparse("two/a"),
        Raw::hard_link("two/b", "one/a"),
        Raw::file("z", b"z"),
    ]);
    let image = Image {
        streams: vec![stream],
        ..Default::default()
    };
    let bytes = build::hybrid(&[image]);
    let archive = Archive::open(edit::open(&bytes).unwrap()).unwrap();
    for (path, is_fine) in [("/", false), ("/one", true), ("/two", false), ("/z", true)] {
        let part = Part::of(&archive, 0, &ImagePath::parse(path).unwrap());
        match part {
            Ok(_) => assert!(is_fine, "{path}"),
            Err(unseen) => {
                assert!(!is_fine, "{path}");
                let text = format!("{unseen:?}");
                assert!(text.contains("bytes of holes"), "{text}");
            }
        }
    }
}
