//! Whatever is done to an archive, verify says so, and never panics.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use ocipatch::error::Error;
use ocipatch::verify::{Report, verify};
use proptest::prelude::*;

use crate::edit::{self, Archive};

const CONFIG: &str = "fba3ad4a";

type Damage = fn(&mut Archive, &str);

fn check(archive: &Archive) -> Result<Report, Error> {
    verify(&archive.open()?)
}

#[test]
fn every_damage_to_every_part_is_found() {
    let damages: [(&str, Damage); 4] = [
        ("truncate", |archive, part| {
            let data = &mut archive.entry(part).data;
            data.truncate(data.len() / 2);
        }),
        ("flip", |archive, part| {
            let data = &mut archive.entry(part).data;
            let at = data.len() / 3;
            data[at] ^= 1;
        }),
        ("delete", |archive, part| archive.remove(part)),
        ("swap", |archive, part| {
            let other = archive.entry("manifest.json").data.clone();
            let other = if part == "manifest.json" {
                b"[]".to_vec()
            } else {
                other
            };
            archive.entry(part).data = other;
        }),
    ];
    let v1 = "c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7";
    let layer = format!("{v1}/layer.tar");
    let json = format!("{v1}/json");
    let docker20 = [
        "manifest.json",
        "repositories",
        CONFIG,
        &layer,
        &json,
        "VERSION",
    ];
    let docker26 = [
        "manifest.json",
        "repositories",
        "index.json",
        "oci-layout",
        CONFIG,
        "0b0773",
        "65ecc4",
        "e389ba",
    ];
    let containerd = [
        "manifest.json",
        "index.json",
        "oci-layout",
        CONFIG,
        "b35fe2",
        "65ecc4",
        "e389ba",
    ];
    for (name, parts) in [
        ("docker20.tar", &docker20[..]),
        ("docker26.tar", &docker26),
        ("docker26-containerd.tar", &containerd),
    ] {
        for part in parts {
            for (what, damage) in damages {
                // An OCI layout that never had a manifest.json is a whole archive.
                if (name, *part, what) == ("docker26-containerd.tar", "manifest.json", "delete") {
                    continue;
                }
                let mut archive = Archive::fixture(name);
                damage(&mut archive, part);
                let found = check(&archive).map_or(true, |report| !report.findings.is_empty());
                assert!(found, "{what} {part} in {name}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is_not_in_an_optional_key() {
    for name in ["docker20.tar", "docker26.tar", "docker26-containerd.tar"] {
        let archive = Archive::fixture(name);
        for (i, entry) in archive.entries.iter().enumerate() {
            // A misspelled optional key is an unknown one, which is allowed.
            let has_optional_keys = matches!(entry.name.as_str(), "manifest.json" | "index.json");
            if has_optional_keys && name != "docker20.tar" {
                continue;
            }
            let step = if entry.data.len() > 2000 { 311 } else { 13 };
            for at in (0..entry.data.len()).step_by(step) {
                let mut damaged = archive.clone();
                damaged.entries[i].data[at] ^= 1;
                let found = check(&damaged).map_or(true, |report| !report.findings.is_empty());
                assert!(found, "byte {at} of {} in {name}", entry.name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::random::cases(30)))]

    #[test]
    fn flipped_bytes_never_panic(
        name in prop::sample::select(vec!["docker20-nasty.tar", "docker26-two-images.tar", "crane.tar"]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..6),
    ) {
        let mut bytes = std::fs::read(edit::fixture(name)).unwrap();
        for (at, flip) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
        }
        if let Ok(source) = edit::open(&bytes) {
            let _ = verify(&source).map(|report| report.to_string());
        }
    }

    #[test]
    fn documents_of_any_shape_never_panic(
        part in prop::sample::select(vec!["manifest.json", "index.json", "repositories", "fba3ad", "0b0773", "2505d4"]),
        old in prop::sample::select(vec!["{", "[", "\"sha256:", ":", "1", "\"", "}"]),
        new in prop::sample::select(vec!["null", "[]", "{}", "-1", "\"\"", "1e9", "[[{}]]", "\"a\":", ","]),
        nth in 0_usize..12,
    ) {
        let mut archive = Archive::fixture("docker26.tar");
        let entry = archive.entry(part);
        let text = String::from_utf8(entry.data.clone()).unwrap();
        if let Some((at, _)) = text.match_indices(old).nth(nth) {
            entry.data = [&text[..at], new, &text[at + old.len()..]].concat().into_bytes();
            archive.repair();
            let _ = check(&archive).map(|report| report.to_string());
        }
    }
}

/// A file that begins with a header is a tar, and one that does not is none.
#[test]
fn a_damaged_tar_is_told_from_what_is_no_tar() {
    let whole = Archive::fixture("docker20.tar").to_bytes();
    let damaged = |damage: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        let opened = edit::open(&bytes);
        opened.map(drop).unwrap_err()
    };
    let no_size = damaged(&|bytes| {
        let mut header = tar::Header::from_byte_slice(&bytes[..512]).clone();
        header.as_old_mut().size = *b"none        ";
        header.set_cksum();
        bytes[..512].copy_from_slice(header.as_bytes());
    });
    assert!(
        matches!(no_size, Error::NotTar { offset: 0, .. }),
        "{no_size}"
    );
    let no_checksum = damaged(&|bytes| bytes[0] ^= 1);
    assert!(
        matches!(no_checksum, Error::NotAnImage { .. }),
        "{no_checksum}"
    );
    let short = damaged(&|bytes| bytes.truncate(100));
    assert!(matches!(short, Error::NotAnImage { .. }), "{short}");
}
