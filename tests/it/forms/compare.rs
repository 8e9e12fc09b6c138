//! What stays of an archive that is patched, and how what is new is named and dressed.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;

use ocipatch::compression::Compression;
use ocipatch::digest::Digest;
use serde_json::{Value, json};

use crate::edit::{Archive, Entry};

/// How a writer names what it writes; `{}` stands for the digest of the bytes, `<>` for that of the bytes decompressed.
pub(super) struct Names {
    pub(super) config: &'static str,
    pub(super) layer: &'static str,
}

pub(super) const fn names(config: &'static str, layer: &'static str) -> Names {
    Names { config, layer }
}

fn is_document(entry: &Entry) -> bool {
    let documents = ["manifest.json", "index.json", "repositories", "config.json"];
    // The document of a v1 layer names the one below.
    documents.contains(&entry.name.trim_start_matches("./")) || entry.name.ends_with("/json")
}

/// What is kept keeps its header, its bytes and its place; what is new wears the dress of what was there.
pub(super) fn assert_dressed(old: &Archive, new: &Archive) {
    let mut last = 0;
    for entry in &old.entries {
        let at = new
            .entries
            .iter()
            .position(|other| other.name == entry.name);
        let Some(at) = at else { continue };
        assert!(at >= last, "{} moved", entry.name);
        last = at;
        if !is_document(entry) {
            let kept = &new.entries[at];
            assert!(kept.data == entry.data, "{}", entry.name);
            assert!(kept.header.as_bytes() == entry.header.as_bytes());
        }
    }
    let dress = |entry: &Entry| {
        let header = &entry.header;
        let kind = header.entry_type();
        // A link has a mode of its own.
        let mode = if kind.is_symlink() {
            0
        } else {
            header.mode().unwrap()
        };
        let owner = (header.uid().unwrap(), header.gid().unwrap());
        let magic = header.as_bytes()[257..265].to_vec();
        let is_dotted = entry.name.starts_with("./");
        (kind, mode, owner, header.mtime().unwrap(), magic, is_dotted)
    };
    let dresses: Vec<_> = old.entries.iter().map(dress).collect();
    for entry in &new.entries {
        assert!(dresses.contains(&dress(entry)), "{}", entry.name);
    }
}

pub(super) fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut decoder = Compression::detect(bytes).decoder(bytes).unwrap();
    std::io::Read::read_to_end(&mut decoder, &mut plain).unwrap();
    plain
}

/// The names of configuration and layers are what the writer would give them.
pub(super) fn assert_named(archive: &Archive, names: &Names) {
    let file = |name: &Value| -> Entry {
        let name = name.as_str().unwrap();
        let is_it = |entry: &&Entry| entry.name.trim_start_matches("./") == name;
        archive
            .entries
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("no `{name}`"))
            .clone()
    };
    let is_named = |name: &str, pattern: &str, data: &[u8]| {
        let pattern = pattern.replace("{}", &Digest::of(data).hex());
        let pattern = pattern.replace("<>", &Digest::of(&plain(data)).hex());
        match pattern.split_once('*') {
            Some((start, end)) => name.starts_with(start) && name.ends_with(end),
            None => name == pattern,
        }
    };
    let bytes = file(&json!("manifest.json")).data;
    let manifest: Value = serde_json::from_slice(&bytes).unwrap();
    let config = &manifest[0]["Config"];
    let data = file(config).data;
    assert!(
        is_named(config.as_str().unwrap(), names.config, &data),
        "{config}"
    );
    for layer in manifest[0]["Layers"].as_array().unwrap() {
        let entry = file(layer);
        if !entry.header.entry_type().is_symlink() {
            assert!(
                is_named(layer.as_str().unwrap(), names.layer, &entry.data),
                "{layer}"
            );
        }
    }
}

/// Content by name, directories aside: what a loader sees.
pub(super) fn contents(archive: &Archive) -> BTreeMap<String, Vec<u8>> {
    let is_directory = |entry: &&Entry| entry.header.entry_type().is_dir();
    let entries = archive.entries.iter().filter(|entry| !is_directory(entry));
    let content = |entry: &Entry| {
        let name = entry.name.trim_start_matches("./").to_owned();
        let link = entry
            .header
            .link_name_bytes()
            .map(std::borrow::Cow::into_owned);
        (name, link.unwrap_or_else(|| entry.data.clone()))
    };
    entries.map(content).collect()
}
