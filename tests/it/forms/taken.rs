//! Names that a new file gets and that something in the archive has already, which no image names.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::path::Path;

use super::compare::contents;
use super::{CHANGES, findings, fix, patched};
use crate::binary::ok;
use crate::edit::{Archive, Entry};

const FIXTURES: [&str; 5] = [
    "docker20.tar",
    "docker26.tar",
    "podman-docker.tar",
    "crane.tar",
    "skopeo-oci.tar",
];

/// The files that the patched archive has and the old one lacks.
fn added(old: &Archive, new: &Archive) -> BTreeMap<String, Vec<u8>> {
    let old = contents(old);
    let links: Vec<String> = new
        .entries
        .iter()
        .filter(|entry| entry.header.entry_type().is_symlink())
        .map(|entry| entry.name.clone())
        .collect();
    let mut files = contents(new);
    files.retain(|name, _| !old.contains_key(name) && !links.contains(name));
    files
}

/// Other bytes: as many, fewer and more.
fn others(data: &[u8]) -> [Vec<u8>; 3] {
    let mut other = data.to_vec();
    let middle = other.len() / 2;
    other[middle] ^= 1;
    let more = [data, b"more"].concat();
    [other, data[..middle].to_vec(), more]
}

#[test]
fn a_new_file_replaces_other_bytes_under_its_name() {
    for fixture in FIXTURES {
        let archive = Archive::fixture(fixture);
        let directory = tempfile::tempdir().unwrap();
        let clean = patched(directory.path(), &archive, CHANGES[2]);
        let clean = Archive::read(&std::fs::read(&clean).unwrap());
        let files = added(&archive, &clean);
        assert!(files.len() >= 3, "{fixture}: {:?}", files.keys());
        for n in 0..3 {
            let mut taken = archive.clone();
            for (name, data) in &files {
                taken.add(name, &others(data)[n]);
            }
            let output = patched(directory.path(), &taken, CHANGES[2]);
            let new = Archive::read(&std::fs::read(&output).unwrap());
            assert!(contents(&new) == contents(&clean), "{fixture} {n}");
            findings(&output);
            if n > 0 {
                continue;
            }
            // The same in a directory that is changed in place.
            let extracted = directory.path().join("extracted");
            let bytes = taken.to_bytes();
            tar::Archive::new(bytes.as_slice())
                .unpack(&extracted)
                .unwrap();
            let fix = fix(directory.path(), CHANGES[2]);
            ok([
                Path::new("apply"),
                Path::new("--in-place"),
                &fix,
                &extracted,
            ]);
            for (name, data) in &files {
                let found = std::fs::read(extracted.join(name)).unwrap();
                assert!(found == *data, "{fixture} {n}: {name}");
            }
        }
    }
}

/// Something else of that name: a link for a new file, and a file for a new directory.
#[test]
fn a_new_entry_replaces_one_of_another_kind() {
    for fixture in ["docker20.tar", "podman-docker.tar"] {
        let archive = Archive::fixture(fixture);
        let directory = tempfile::tempdir().unwrap();
        let clean = patched(directory.path(), &archive, CHANGES[2]);
        let clean = Archive::read(&std::fs::read(&clean).unwrap());
        let is_old = |name: &str| archive.entries.iter().any(|entry| entry.name == name);
        let new: Vec<Entry> = clean
            .entries
            .iter()
            .filter(|entry| !is_old(&entry.name))
            .cloned()
            .collect();
        for entry in new {
            let mut taken = archive.clone();
            let name = entry.name.trim_end_matches('/');
            taken.add(name, b"");
            if !entry.name.ends_with('/') {
                let header = &mut taken.entries.last_mut().unwrap().header;
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_link_name("manifest.json").unwrap();
            }
            let output = patched(directory.path(), &taken, CHANGES[2]);
            let output = Archive::read(&std::fs::read(&output).unwrap());
            assert!(contents(&output) == contents(&clean), "{fixture}: {name}");
            let is_same = |other: &&Entry| other.name == entry.name;
            let found = output.entries.iter().find(is_same).unwrap();
            let kind = found.header.entry_type();
            assert_eq!(kind, entry.header.entry_type(), "{fixture}: {name}");
        }
    }
}
