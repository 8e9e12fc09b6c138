//! The tar reader and writer against what Go's `archive/tar` does, the reader that counts.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::io::Read as _;

use ocipatch::tarball::{
    END_OF_ARCHIVE, Entry, Kind, Mtime, Range, Stream, TarError, TarReader, header_group,
};
use proptest::collection::vec;
use proptest::prelude::*;

const LAYER: &[u8] = include_bytes!("../fixtures/docker20-base-layer.tar");

fn file(name: &str, size: u64) -> Entry {
    Entry {
        name: name.into(),
        link_name: Vec::new(),
        kind: Kind::File,
        size,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: Mtime::default(),
        device: (0, 0),
        xattrs: Vec::new(),
        sparse: None,
    }
}

fn checksum(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A main block, edited.
fn block(entry: &Entry, edit: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut block = header_group(entry);
    edit(&mut block);
    checksum(&mut block);
    block
}

fn extension(flag: u8, body: &[u8]) -> Vec<u8> {
    let header = block(&file("ext", body.len() as u64), |b| b[156] = flag);
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(512), 0);
    [header, body].concat()
}

fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let digits = (1..9).find(|n| (rest + n).to_string().len() == *n).unwrap();
    let length = (rest + digits).to_string();
    [length.as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let body: Vec<u8> = records
        .iter()
        .flat_map(|(k, v)| record(k.as_bytes(), v))
        .collect();
    extension(b'x', &body)
}

fn read_all(stream: &[u8]) -> Result<Vec<Entry>, String> {
    let mut reader = TarReader::new(Stream(stream));
    let mut entries = Vec::new();
    while let Some(entry) = reader.next().map_err(|error| error.to_string())? {
        entries.push(entry);
    }
    Ok(entries)
}

fn only(stream: &[u8]) -> Entry {
    let [entry] = read_all(stream).unwrap().try_into().unwrap();
    entry
}

#[test]
fn a_real_layer_is_written_as_docker_wrote_it() {
    let mut reader = TarReader::new(Stream(LAYER));
    while let Some(entry) = reader.next().unwrap() {
        let (mut ours, mut theirs) = (header_group(&entry), reader.group().to_vec());
        // Docker 20 repeats the file type in the mode and names the owner; we do not.
        for group in [&mut ours, &mut theirs] {
            let main = group.len() - 512;
            group[main + 100..main + 108].fill(0);
            group[main + 148..main + 156].fill(0);
            group[main + 265..main + 329].fill(0);
        }
        assert_eq!(ours, theirs, "{}", entry.name.escape_ascii());
    }
}

#[test]
fn pax_values_are_taken_by_length() {
    let main = header_group(&file("short", 0));
    let value = b"a\n22 linkpath=/etc/evil\n16 path=/etc/evil\n";
    let entry = only(&[pax(&[("SCHILY.xattr.user.a", value)]), main.clone()].concat());
    assert_eq!(entry.xattrs, [(b"user.a".to_vec(), value.to_vec())]);
    assert_eq!(
        (entry.name, entry.link_name),
        (b"short".to_vec(), Vec::new())
    );
    let entry = only(&[pax(&[("path", b"with\nnewline")]), main.clone()].concat());
    assert_eq!(entry.name, b"with\nnewline");
    let entry = only(&[pax(&[("path", b"")]), main].concat());
    assert_eq!(entry.name, b"short");
}

#[test]
fn the_last_record_of_a_key_counts_even_if_empty() {
    let data = [&[b'x'; 10][..], &[0; 502]].concat();
    let sizes = |records: &[(&str, &[u8])]| {
        let main = header_group(&file("a", 10));
        let stream = [
            pax(records),
            main,
            data.clone(),
            header_group(&file("b", 0)),
        ]
        .concat();
        read_all(&stream)
            .unwrap()
            .iter()
            .map(|e| e.size)
            .collect::<Vec<_>>()
    };
    assert_eq!(sizes(&[("size", b"5"), ("size", b"10")]), [10, 0]);
    assert_eq!(sizes(&[("size", b"99999"), ("size", b"")]), [10, 0]);
}

#[test]
fn links_have_no_data_whatever_their_size() {
    let mut link = file("l", 0);
    (link.kind, link.link_name) = (Kind::HardLink, b"target".to_vec());
    let main = block(&link, |b| b[124..136].copy_from_slice(b"00000001000\0"));
    let names: Vec<_> = read_all(&[main, header_group(&file("next", 0))].concat()).unwrap();
    assert_eq!(
        (names[0].size, names[1].name.as_slice()),
        (0, b"next".as_slice())
    );
}

#[test]
fn numbers_are_read_as_go_reads_them() {
    let mtime = |field: &[u8; 12]| {
        let main = block(&file("a", 0), |b| b[136..148].copy_from_slice(field));
        read_all(&main).map(|entries| entries[0].mtime.seconds)
    };
    assert_eq!(
        mtime(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe"),
        Ok(-2)
    );
    assert_eq!(mtime(b"\x80\0\0\0\0\0\0\x01\0\0\0\0"), Ok(1 << 32));
    assert_eq!(mtime(b" \x00 0000005 \x00"), Ok(5));
    assert_eq!(mtime(b"5\0\x007\0\0\0\0\0\0\0\0"), Ok(5));
    assert_eq!(mtime(b"            "), Ok(0));
    assert!(mtime(b"0000009\0\0\0\0\0").is_err());
    assert!(mtime(b"\x7fELF\0\0\0\0\0\0\0\0").is_err());
    assert!(mtime(b"\x80\x80\0\0\0\0\0\0\0\0\0\0").is_err());
    for (text, seconds, nanoseconds) in [
        ("1.5", 1, 500_000_000),
        ("-1.25", -2, 750_000_000),
        ("-0.5", -1, 500_000_000),
        ("7.1234567899", 7, 123_456_789),
    ] {
        let stream = [
            pax(&[("mtime", text.as_bytes())]),
            header_group(&file("a", 0)),
        ]
        .concat();
        assert_eq!(
            only(&stream).mtime,
            Mtime {
                seconds,
                nanoseconds
            },
            "{text}"
        );
    }
}

#[test]
fn names_come_from_where_their_format_puts_them() {
    let with = |magic: &[u8; 8], prefix: &[u8], trailer: &[u8]| {
        let main = block(&file("name", 0), |b| {
            b[257..265].copy_from_slice(magic);
            b[345..345 + prefix.len()].copy_from_slice(prefix);
            b[508..508 + trailer.len()].copy_from_slice(trailer);
        });
        String::from_utf8(only(&main).name).unwrap()
    };
    assert_eq!(with(b"ustar\x0000", b"dir/sub", b""), "dir/sub/name");
    assert_eq!(with(b"ustar\0  ", b"dir", b""), "dir/name");
    assert_eq!(with(b"ustar\x0000", b"dir", b"tar\0"), "dir/name");
    assert_eq!(with(b"ustar  \0", b"14524770400\0", b""), "name");
    assert_eq!(with(b"ustar  \0", b"old/go", b""), "old/go/name");
    assert_eq!(with(b"ustar  \0", "old/gö".as_bytes(), b""), "name");
    assert_eq!(with(b"\0\0\0\0\0\0\0\0", b"dir", b""), "name");
    let long = [
        extension(b'L', b"long/name\0"),
        header_group(&file("short", 0)),
    ]
    .concat();
    assert_eq!(only(&long).name, b"long/name");
    let mut directory = file("d/", 0);
    directory.mode = 0o755;
    assert_eq!(
        only(&block(&directory, |b| b[156] = 0)).kind,
        Kind::Directory
    );
}

#[test]
fn what_two_readers_would_see_differently_is_refused() {
    let main = header_group(&file("a", 0));
    for (what, stream) in [
        ("NUL in a path", pax(&[("path", b"a\0b")])),
        (
            "two long names",
            [extension(b'L', b"x"), pax(&[("path", b"y")])].concat(),
        ),
        (
            "two GNU names",
            [extension(b'L', b"x"), extension(b'L', b"y")].concat(),
        ),
        ("a size in words", pax(&[("size", b"ten")])),
        ("a negative size", pax(&[("size", b"-1")])),
        (
            "a size beyond any",
            pax(&[("size", b"18446744073709551615")]),
        ),
        ("no newline", extension(b'x', b"9 path=xy")),
        ("too long a record", extension(b'x', b"99 path=x\n")),
        ("no length", extension(b'x', b"path=x\n")),
        ("huge", block(&file("x", 1 << 30), |b| b[156] = b'x')),
    ] {
        assert!(
            read_all(&[stream, main.clone()].concat()).is_err(),
            "{what}"
        );
    }
    let global = [extension(b'g', &record(b"path", b"evil")), main].concat();
    let kinds: Vec<_> = read_all(&global)
        .unwrap()
        .iter()
        .map(|e| (e.kind, e.name.clone()))
        .collect();
    assert_eq!(kinds[1], (Kind::File, b"a".to_vec()));
}

#[test]
fn a_stream_that_is_cut_short_is_an_error_unless_only_padding_is_lost() {
    let stream = [header_group(&file("a", 600)), vec![7; 600]].concat();
    for n in 1..stream.len() {
        let read = read_all(&stream[..n]);
        assert!(read.is_err(), "{n}: {read:?}");
    }
    assert_eq!(read_all(&stream).unwrap().len(), 1);
    let padded = [&stream[..], &[0; 300]].concat();
    assert_eq!(read_all(&padded).unwrap().len(), 1);
    let mut reader = TarReader::new(Stream(&stream[..1000]));
    assert_eq!(reader.next().unwrap().unwrap().size, 600);
    assert!(reader.read_to_end(&mut Vec::new()).is_err());
    let garbage = [&END_OF_ARCHIVE[..], b"anything"].concat();
    let mut reader = TarReader::new(Stream(&garbage[..]));
    assert_eq!(
        (reader.next().unwrap(), reader.next().unwrap()),
        (None, None)
    );
    let single = [&[0; 512][..], &header_group(&file("a", 0))].concat();
    assert!(matches!(
        TarReader::new(Stream(&single[..])).next(),
        Err(TarError::Invalid { .. })
    ));
}

#[test]
fn a_range_of_a_file_reads_like_a_stream() {
    use std::io::Write as _;
    let mut whole = tempfile::tempfile().unwrap();
    whole
        .write_all(&[b"before", LAYER, b"behind"].concat())
        .unwrap();
    let mut reader = TarReader::new(Range::new(&whole, 6, 6 + LAYER.len() as u64));
    let mut entries = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        entries.push(entry);
    }
    assert_eq!(entries, read_all(LAYER).unwrap());
    let mut short = TarReader::new(Range::new(&whole, 6, 6 + 512 + 100));
    assert!(short.next().unwrap().is_some());
    assert!(short.next().is_err());
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let name = prop_oneof![
        "[a-z]{1,8}(/[a-z.]{1,60}){0,5}".prop_map(String::into_bytes),
        vec(1_u8..=255, 1..300),
        "[a-z/]{99,102}".prop_map(String::into_bytes),
    ];
    let time = (any::<i64>(), prop_oneof![Just(0), 0..1_000_000_000_u32]);
    let id = prop_oneof![0..3_000_000_u64, any::<u32>().prop_map(u64::from)];
    let xattrs = vec(("[a-z.]{1,12}", vec(any::<u8>(), 0..40)), 0..3);
    let kind = prop_oneof![
        Just(Kind::File),
        Just(Kind::HardLink),
        Just(Kind::Symlink),
        Just(Kind::Directory),
        Just(Kind::Fifo),
        Just(Kind::CharDevice)
    ];
    let numbers = (
        0..0o10000_u32,
        id.clone(),
        id,
        0..1_u64 << 40,
        0..0o10_000_000_u32,
    );
    (name.clone(), name, kind, time, numbers, xattrs).prop_map(
        |(name, link, kind, (seconds, nanoseconds), (mode, uid, gid, size, major), mut xattrs)| {
            let is_link = matches!(kind, Kind::HardLink | Kind::Symlink);
            xattrs.sort();
            xattrs.dedup_by(|a, b| a.0 == b.0);
            Entry {
                name,
                link_name: if is_link { link } else { Vec::new() },
                kind,
                size: if kind == Kind::File { size } else { 0 },
                mode,
                uid,
                gid,
                // One second less than the least: a fraction is counted from the second before.
                mtime: Mtime {
                    seconds: seconds.max(i64::MIN + 1),
                    nanoseconds,
                },
                device: if kind == Kind::CharDevice {
                    // Linux has 12 bits.
                    (major & 0xfff, 3)
                } else {
                    (0, 0)
                },
                xattrs: xattrs
                    .into_iter()
                    .map(|(k, v)| (k.into_bytes(), v))
                    .collect(),
                sparse: None,
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(entry in any_entry()) {
        let group = header_group(&entry);
        let mut reader = TarReader::new(Stream(&group[..]));
        prop_assert_eq!(reader.next().unwrap(), Some(entry));
        prop_assert_eq!(reader.group(), &group[..]);
    }

    #[test]
    fn a_damaged_stream_never_panics(at in 0..LAYER.len(), byte: u8, end in 0..LAYER.len()) {
        let mut stream = LAYER.to_vec();
        stream[at] = byte;
        if at % 512 < 148 || at % 512 >= 156 {
            let start = at - at % 512;
            checksum(&mut stream[start..start + 512]);
        }
        let _ = read_all(&stream);
        let _ = read_all(&stream[..end]);
    }
}
