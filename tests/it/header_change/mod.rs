//! A change of a header shows when it is read back, by whatever reader, and everything else stays as it is spelled.
#![allow(clippy::unwrap_used, reason = "tests may fail")]

pub(crate) mod group;
mod readers;

use ocipatch::tarball::{Entry, HeaderChange, Stream, TarReader};
use proptest::option;
use proptest::prelude::*;

use self::group::{Digits, Format, extension, group, name, number, record, spell, sum, time};
use crate::random;

fn change() -> impl Strategy<Value = HeaderChange> {
    (
        option::weighted(0.4, name()),
        option::weighted(0.4, name()),
        option::weighted(0.4, 0..0o7777_u32),
        option::weighted(0.4, (number(), number())),
        option::weighted(0.2, 0..1_500_u64),
        option::weighted(0.3, time()),
        option::weighted(0.4, 0..2_000_000_000_i64),
    )
        .prop_map(
            |(name, link_name, mode, owner, size, mtime, latest)| HeaderChange {
                name,
                link_name,
                mode,
                owner,
                size,
                mtime,
                latest,
            },
        )
}

/// What of a change the entry can have.
fn fitting(mut change: HeaderChange, flag: u8) -> HeaderChange {
    if !matches!(flag, b'1' | b'2') {
        change.link_name = None;
    }
    if flag != b'0' {
        change.size = None;
    }
    change
}

fn with_data(group: &[u8], size: u64) -> Vec<u8> {
    let mut bytes = group.to_vec();
    bytes.extend(vec![b'd'; size.try_into().unwrap()]);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn read(group: &[u8]) -> Result<Entry, TestCaseError> {
    let bytes = with_data(group, 1_500);
    let mut reader = TarReader::new(Stream(&bytes[..]));
    let entry = reader
        .next()
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(reader.group(), group);
    Ok(entry.unwrap())
}

/// A group taken apart by itself: what stands in front of the main block, the records, the main block and what follows.
type Parts = (Vec<Vec<u8>>, Vec<(Vec<u8>, Vec<u8>)>, Vec<u8>, Vec<u8>);

fn parts(group: &[u8]) -> Parts {
    let (mut long, mut records, mut at) = (Vec::new(), Vec::new(), 0);
    while matches!(group[at + 156], b'x' | b'L' | b'K') {
        let size = std::str::from_utf8(&group[at + 124..at + 135]).unwrap();
        let size = usize::from_str_radix(size, 8).unwrap();
        let end = at + 512 + size.next_multiple_of(512);
        if group[at + 156] == b'x' {
            let mut body = &group[at + 512..at + 512 + size];
            while !body.is_empty() {
                let blank = body.iter().position(|&b| b == b' ').unwrap();
                let length: usize = std::str::from_utf8(&body[..blank])
                    .unwrap()
                    .parse()
                    .unwrap();
                let text = &body[blank + 1..length - 1];
                let equals = text.iter().position(|&b| b == b'=').unwrap();
                records.push((text[..equals].to_vec(), text[equals + 1..].to_vec()));
                body = &body[length..];
            }
        } else {
            long.push(group[at..end].to_vec());
        }
        at = end;
    }
    (
        long,
        records,
        group[at..at + 512].to_vec(),
        group[at + 512..].to_vec(),
    )
}

/// Panics where something differs that the change does not speak of.
fn assert_rest_is_kept(
    change: &HeaderChange,
    format: Format,
    was: &[u8],
    is: &[u8],
) -> Result<(), TestCaseError> {
    let (was, is) = (parts(was), parts(is));
    let mut spoken: Vec<&[u8]> = Vec::new();
    let mut fields = Vec::from([148..156, 0..0]);
    let mut flags = Vec::new();
    if change.name.is_some() {
        spoken.push(b"path");
        spoken.push(b"GNU.sparse.name");
        fields.push(0..100);
        fields.push(match format {
            Format::Ustar => 345..500,
            Format::Star => 345..476,
            Format::V7 | Format::Gnu => 0..0,
        });
        flags.push(b'L');
    }
    if change.link_name.is_some() {
        spoken.push(b"linkpath");
        fields.push(157..257);
        flags.push(b'K');
    }
    if change.mode.is_some() {
        fields.push(100..108);
    }
    if change.owner.is_some() {
        spoken.extend([&b"uid"[..], b"gid", b"uname", b"gname"]);
        fields.push(108..124);
        if format != Format::V7 {
            fields.push(265..329);
        }
    }
    if change.size.is_some() {
        spoken.push(b"size");
        fields.push(124..136);
    }
    if change.mtime.is_some() || change.latest.is_some() {
        spoken.push(b"mtime");
        fields.push(136..148);
    }
    if change.latest.is_some() {
        spoken.extend([&b"atime"[..], b"ctime", b"LIBARCHIVE.creationtime"]);
        match format {
            Format::Gnu => fields.push(345..369),
            Format::Star => fields.push(476..500),
            _ => {}
        }
    }
    let rest = |(long, mut records, mut main, behind): Parts| {
        let long: Vec<Vec<u8>> = long
            .into_iter()
            .filter(|block| !flags.contains(&block[156]))
            .collect();
        records.retain(|(key, _)| !spoken.contains(&key.as_slice()));
        records.sort();
        for field in fields.clone() {
            main[field].fill(0);
        }
        (long, records, main, behind)
    };
    prop_assert_eq!(rest(is), rest(was));
    Ok(())
}

#[test]
fn a_change_shows_and_the_rest_stays() {
    random::check(1_500, &(group(), change()), |(given, change)| {
        let change = fitting(change, given.flag);
        let group = given.bytes();
        let mut entry = read(&group)?;
        let changed = change.apply(&group);
        let found = read(&changed)?;
        change.apply_to(&mut entry);
        prop_assert_eq!(&found, &entry);
        assert_rest_is_kept(&change, given.format, &group, &changed)?;
        // Once is enough.
        prop_assert_eq!(change.apply(&changed), changed);
        Ok(())
    });
}

#[test]
fn what_does_not_change_keeps_its_bytes() {
    random::check(1_000, &group(), |given| {
        let group = given.bytes();
        prop_assert_eq!(HeaderChange::default().apply(&group), group.clone());
        let entry = read(&group)?;
        let times = [entry.mtime.seconds + 1].into_iter();
        let header_times = given.times.into_iter().flat_map(|(a, c)| [a, c]);
        let times = times.chain(header_times.map(|time| i64::try_from(time).unwrap()));
        let latest = HeaderChange {
            latest: times.max(),
            ..HeaderChange::default()
        };
        prop_assert_eq!(latest.apply(&group), group);
        Ok(())
    });
}

/// A PAX header is written again only where a record changes.
#[test]
fn records_that_say_it_already_keep_their_spelling() {
    let long = b"long/".repeat(50);
    let records = [
        record(b"path", &long),
        record(b"linkpath", &long),
        record(b"uid", b"4294967295"),
        record(b"mtime", b"99999999999"),
        record(b"comment", b"mine"),
    ];
    // No writer that we know calls it so, and it has the records in an order of its own.
    let spelled = extension(b'x', b"named/by/hand", &records.concat());
    let mut main = [0; 512];
    for (field, value) in [(100..108, 0o777), (108..116, 0), (116..124, 7)] {
        spell(&mut main[field], value, Digits::Zeros);
    }
    spell(&mut main[124..136], 0, Digits::Zeros);
    spell(&mut main[136..148], 0, Digits::Zeros);
    main[156] = b'2';
    main[257..265].copy_from_slice(b"ustar\x0000");
    sum(&mut main, false);
    let group = [&spelled[..], &main].concat();
    let same = |change: HeaderChange| change.apply(&group) == group;
    let none = HeaderChange::default;
    assert!(same(HeaderChange {
        name: Some(long.clone()),
        ..none()
    }));
    assert!(same(HeaderChange {
        link_name: Some(long.clone()),
        ..none()
    }));
    assert!(same(HeaderChange {
        owner: Some((u64::from(u32::MAX), 7)),
        ..none()
    }));
    assert!(same(HeaderChange {
        latest: Some(99_999_999_999),
        ..none()
    }));
    let other = HeaderChange {
        owner: Some((u64::from(u32::MAX) - 1, 7)),
        ..none()
    };
    let (_, mut found, new_main, _) = parts(&other.apply(&group));
    found.sort();
    let mut wanted = parts(&group).1;
    wanted.retain(|(key, _)| key != b"uid");
    wanted.push((b"uid".to_vec(), b"4294967294".to_vec()));
    wanted.sort();
    assert_eq!((found, new_main), (wanted, main.to_vec()));
}

/// Times that other readers see are not later either.
#[test]
fn no_time_is_later_wherever_it_stands() {
    let at =
        |field: &[u8]| i64::from_str_radix(std::str::from_utf8(&field[..11]).unwrap(), 8).unwrap();
    random::check(
        1_000,
        &(group(), 0..2_000_000_000_i64),
        |(given, latest)| {
            let limit = HeaderChange {
                latest: Some(latest),
                ..HeaderChange::default()
            };
            let mut given = given;
            given.extra.insert("atime", b"1999999999.5".to_vec());
            given.extra.insert("ctime", b"5".to_vec());
            let (_, records, main, _) = parts(&limit.apply(&given.bytes()));
            let record = |wanted: &str| {
                let found = records.iter().find(|(key, _)| key == wanted.as_bytes());
                String::from_utf8(found.unwrap().1.clone()).unwrap()
            };
            prop_assert_eq!(record("atime"), latest.to_string());
            prop_assert_eq!(record("ctime"), latest.min(5).to_string());
            if let Some((atime, ctime)) = given.times {
                let start = if given.format == Format::Gnu {
                    345
                } else {
                    476
                };
                let wanted = [atime, ctime].map(|time| i64::try_from(time).unwrap().min(latest));
                prop_assert_eq!([at(&main[start..]), at(&main[start + 12..])], wanted);
            }
            Ok(())
        },
    );
}

/// A sparse file in GNU's old form, with a map that did not fit the header.
#[test]
fn sparse_files_keep_their_maps() {
    let mut main = [0; 512];
    main[..3].copy_from_slice(b"old");
    for (field, value) in [
        (100..108, 0o644),
        (108..116, 0),
        (116..124, 0),
        (124..136, 512),
        (136..148, 5),
    ] {
        spell(&mut main[field], value, Digits::Zeros);
    }
    main[156] = b'S';
    main[257..265].copy_from_slice(b"ustar  \0");
    spell(&mut main[386..398], 0, Digits::Zeros);
    spell(&mut main[398..410], 512, Digits::Zeros);
    main[482] = 1;
    spell(&mut main[483..495], 1 << 20, Digits::Zeros);
    sum(&mut main, false);
    let mut more = [0; 512];
    spell(&mut more[..12], 4096, Digits::Zeros);
    let group = [&main[..], &more].concat();
    let change = HeaderChange {
        name: Some("new/".repeat(40).into_bytes()),
        mode: Some(0o600),
        owner: Some((7, 1 << 30)),
        mtime: Some(9),
        latest: Some(1),
        ..HeaderChange::default()
    };
    let changed = change.apply(&group);
    let (_, _, new_main, behind) = parts(&changed);
    assert_eq!(behind, more);
    assert_eq!(new_main[386..508], main[386..508]);
    let mut entry = read(&group).unwrap();
    change.apply_to(&mut entry);
    assert_eq!(read(&changed).unwrap(), entry);
}
