//! Archives that ask for more memory than anybody gives them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use ocipatch::compression::Compression;

use crate::edit::{Archive, file_header};

pub(super) fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = Compression::Gzip.encoder(Vec::new()).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// More than the memory that a command has.
pub(super) const BOMB_BYTES: u64 = 64 << 20;

pub(super) fn bomb_bytes(head: &[u8]) -> Vec<u8> {
    let mut encoder = Compression::Gzip.encoder(Vec::new()).unwrap();
    encoder.write_all(head).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..BOMB_BYTES >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

pub(super) fn bomb(path: &Path, head: &[u8]) {
    fs::write(path, bomb_bytes(head)).unwrap();
}

/// A sparse file: the entry is there, byte for byte, and takes no room on disk.
pub(super) fn huge_manifest(path: &Path) {
    let mut archive = Archive::fixture("docker26.tar");
    archive.remove("manifest.json");
    let mut bytes = archive.to_bytes();
    bytes.truncate(bytes.len() - 1024);
    let mut header = file_header();
    header.set_path("manifest.json").unwrap();
    header.set_size(2 << 30);
    header.set_cksum();
    bytes.extend(header.as_bytes());
    let mut file = File::create(path).unwrap();
    file.write_all(&bytes).unwrap();
    file.seek(SeekFrom::Current((2 << 30) + 1023)).unwrap();
    file.write_all(&[0]).unwrap();
}

pub(super) fn huge_pax(path: &Path) {
    huge_group(path, tar::EntryType::XHeader);
}

pub(super) fn huge_group(path: &Path, kind: tar::EntryType) {
    let mut header = file_header();
    header.set_entry_type(kind);
    header.set_path("x").unwrap();
    header.set_size(2 << 30);
    header.set_cksum();
    // Behind a good entry: a file that begins with nonsense is no tar at all.
    let mut first = file_header();
    first.set_path("oci-layout").unwrap();
    first.set_size(0);
    first.set_cksum();
    let mut file = File::create(path).unwrap();
    file.write_all(first.as_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len((2 << 30) + 2048).unwrap();
}

pub(super) fn many_entries(path: &Path) {
    let mut bytes = Vec::new();
    for n in 0..=100_000 {
        let mut header = file_header();
        header.set_path(format!("{n}")).unwrap();
        header.set_size(0);
        header.set_cksum();
        bytes.extend(header.as_bytes());
    }
    bytes.resize(bytes.len() + 1024, 0);
    fs::write(path, bytes).unwrap();
}
