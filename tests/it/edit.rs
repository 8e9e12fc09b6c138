//! A tar as a list that a test may edit, and wrote back the same each time.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::io::Read;
use std::path::PathBuf;

use ocipatch::archive::Source;
use ocipatch::digest::Digest;
use ocipatch::error::Error;

/// Returns the path of a real archive.
pub(crate) fn fixture(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/fixtures").join(name)
}

/// One entry: the header as it was, the data as the test wants it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) header: tar::Header,
    pub(crate) data: Vec<u8>,
    /// What the data hashed to, and how long it was, when [`Archive::repair`] last saw it.
    known: (String, usize),
}

impl Entry {
    fn new(name: &str, header: tar::Header, data: Vec<u8>) -> Self {
        let known = (Digest::of(&data).hex(), data.len());
        Self {
            name: name.to_owned(),
            header,
            data,
            known,
        }
    }

    fn is_document(&self) -> bool {
        matches!(self.data.first(), Some(b'{' | b'['))
    }
}

/// An archive in memory.
#[derive(Clone)]
pub(crate) struct Archive {
    pub(crate) entries: Vec<Entry>,
}

impl Archive {
    /// Reads a real archive.
    pub(crate) fn fixture(name: &str) -> Self {
        Self::read(&std::fs::read(fixture(name)).unwrap())
    }

    /// Reads a tar.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut archive = tar::Archive::new(bytes);
        let mut entries = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            entries.push(Entry::new(&name, entry.header().clone(), data));
        }
        Self { entries }
    }

    /// Returns the first entry whose name contains `part`.
    pub(crate) fn entry(&mut self, part: &str) -> &mut Entry {
        let found = self
            .entries
            .iter_mut()
            .find(|entry| entry.name.contains(part));
        found.unwrap_or_else(|| panic!("no entry `{part}`"))
    }

    /// Replaces a text in one entry; it must be there.
    pub(crate) fn replace(&mut self, part: &str, old: &str, new: &str) {
        let entry = self.entry(part);
        let changed = replace_bytes(&entry.data, old, new);
        assert!(changed != entry.data, "`{old}` in `{part}`");
        entry.data = changed;
    }

    /// Replaces a text in all names, link names and documents.
    pub(crate) fn replace_everywhere(&mut self, old: &str, new: &str) {
        for entry in &mut self.entries {
            entry.name = entry.name.replace(old, new);
            if let Some(link) = entry.header.link_name_bytes() {
                let link = String::from_utf8(link.into_owned())
                    .unwrap()
                    .replace(old, new);
                entry.header.set_link_name(link).unwrap();
            }
            if entry.is_document() {
                entry.data = replace_bytes(&entry.data, old, new);
            }
        }
    }

    /// Removes all entries whose name contains `part`.
    pub(crate) fn remove(&mut self, part: &str) {
        let n = self.entries.len();
        self.entries.retain(|entry| !entry.name.contains(part));
        assert_ne!(n, self.entries.len(), "no entry `{part}`");
    }

    /// Leaves of what Docker 20.10 saves the configurations, the layers and `manifest.json`.
    pub(crate) fn keep_named(&mut self) {
        let end = |name: &str| name.rsplit_once('.').map(|(_, end)| end.to_owned());
        let is_kept = |end: &String| ["json", "tar"].contains(&end.as_str());
        self.entries
            .retain(|entry| end(&entry.name).as_ref().is_some_and(is_kept));
    }

    /// Adds a regular file at the end.
    pub(crate) fn add(&mut self, name: &str, data: &[u8]) {
        self.entries
            .push(Entry::new(name, file_header(), data.to_vec()));
    }

    /// Writes the new digest and size of everything that changed wherever the old ones are named.
    pub(crate) fn repair(&mut self) {
        let digest = |entry: &Entry| Digest::of(&entry.data).hex();
        let mut digests: Vec<String> = self.entries.iter().map(digest).collect();
        let differs = |(digest, entry): (&String, &Entry)| *digest != entry.known.0;
        while let Some(i) = digests.iter().zip(&self.entries).position(differs) {
            let new = (digests[i].clone(), self.entries[i].data.len());
            let old = std::mem::replace(&mut self.entries[i].known, new.clone());
            self.replace_everywhere(&old.0, &new.0);
            let (digest, old, new) = (&new.0, old.1, new.1);
            self.replace_everywhere(
                &format!("\"digest\":\"sha256:{digest}\",\"size\":{old}"),
                &format!("\"digest\":\"sha256:{digest}\",\"size\":{new}"),
            );
            self.replace_everywhere(
                &format!("\"size\":{old},\"digest\":\"sha256:{digest}\""),
                &format!("\"size\":{new},\"digest\":\"sha256:{digest}\""),
            );
            // Nothing else changes.
            for (digest, entry) in digests.iter_mut().zip(&self.entries) {
                if entry.is_document() {
                    *digest = Digest::of(&entry.data).hex();
                }
            }
        }
    }

    /// Writes the tar.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in &self.entries {
            let mut header = entry.header.clone();
            // Not `set_path`: it would correct the names that a test wants wrong.
            let mut name = entry.name.as_bytes();
            if name.len() > 100 {
                // GNU's way: an entry before it has the name as its data.
                let mut long = file_header();
                long.set_entry_type(tar::EntryType::GNULongName);
                long.set_size(name.len() as u64);
                long.set_cksum();
                bytes.extend_from_slice(long.as_bytes());
                bytes.extend_from_slice(name);
                bytes.resize(bytes.len().next_multiple_of(512), 0);
                name = &name[..100];
            }
            header.as_old_mut().name = [0; 100];
            header.as_old_mut().name[..name.len()].copy_from_slice(name);
            header.set_size(entry.data.len() as u64);
            header.set_cksum();
            bytes.extend_from_slice(header.as_bytes());
            bytes.extend_from_slice(&entry.data);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        bytes.resize(bytes.len() + 1024, 0);
        bytes
    }

    /// Opens the tar.
    pub(crate) fn open(&self) -> Result<Source, Error> {
        open(&self.to_bytes())
    }
}

/// Opens the bytes of an archive.
pub(crate) fn open(bytes: &[u8]) -> Result<Source, Error> {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    Source::from_stream(file, "test.tar".to_owned(), &std::env::temp_dir())
}

/// Returns the header of a regular file.
pub(crate) fn file_header() -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

/// Writes a tar of empty entries: type and name, and for links `name -> target`.
pub(crate) fn layer(lines: &[(tar::EntryType, &str)]) -> Vec<u8> {
    let mut archive = Archive {
        entries: Vec::new(),
    };
    for (kind, line) in lines {
        let (name, target) = line.split_once(" -> ").unwrap_or((line, ""));
        let mut header = file_header();
        header.set_entry_type(*kind);
        if kind.is_dir() {
            header.set_mode(0o755);
        }
        header.set_link_name_literal(target).unwrap();
        archive.entries.push(Entry::new(name, header, Vec::new()));
    }
    archive.to_bytes()
}

fn replace_bytes(data: &[u8], old: &str, new: &str) -> Vec<u8> {
    let text = String::from_utf8(data.to_vec()).expect("a document is text");
    text.replace(old, new).into_bytes()
}
