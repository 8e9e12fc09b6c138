//! An archive told as text, read from its bytes alone.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fmt::Write as _;
use std::io::Read;

use ocipatch::digest::Digest;
use serde_json::Value;

use crate::edit::{Archive, Entry};

/// One image of an archive, as far as both forms have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) image_id: String,
    pub(super) diff_ids: Vec<String>,
    pub(super) text: String,
}

/// Returns the entry of exactly that name, through a symlink if it is one.
pub(super) fn entry<'a>(archive: &'a Archive, name: &str) -> &'a Entry {
    let found = archive.entries.iter().find(|entry| entry.name == name);
    let entry = found.unwrap_or_else(|| panic!("no entry `{name}`"));
    match entry.header.link_name_bytes() {
        Some(link) if !link.is_empty() => {
            let link = String::from_utf8(link.into_owned()).unwrap();
            self::entry(archive, link.strip_prefix("../").unwrap())
        }
        _ => entry,
    }
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

/// Reads the images that `manifest.json` lists.
pub(super) fn describe(bytes: &[u8]) -> Vec<Described> {
    let archive = Archive::read(bytes);
    let manifest: Value = serde_json::from_slice(&entry(&archive, "manifest.json").data).unwrap();
    let items = manifest.as_array().unwrap().iter();
    items.map(|item| describe_image(&archive, item)).collect()
}

fn describe_image(archive: &Archive, item: &Value) -> Described {
    let config_bytes = &entry(archive, item["Config"].as_str().unwrap()).data;
    let config: Value = serde_json::from_slice(config_bytes).unwrap();
    let diff_ids = texts(&config["rootfs"]["diff_ids"]);
    let mut text = String::new();
    writeln!(text, "tags: {}", texts(&item["RepoTags"]).join(" ")).unwrap();
    for (key, value) in config["config"]["Labels"].as_object().into_iter().flatten() {
        writeln!(text, "label: {key}={}", value.as_str().unwrap()).unwrap();
    }
    for key in [
        "architecture",
        "variant",
        "os",
        "os.version",
        "os.features",
        "author",
        "comment",
    ] {
        let usual = match key {
            "architecture" => Value::from("amd64"),
            "os" => Value::from("linux"),
            _ => Value::Null,
        };
        if config[key] != usual {
            writeln!(text, "{key}: {}", config[key]).unwrap();
        }
    }
    for (key, value) in config["config"].as_object().into_iter().flatten() {
        // What is as in an image of which nobody has said anything.
        let is_empty = matches!(value, Value::Null | Value::Bool(false)) || *value == "";
        if key != "Labels" && !is_empty {
            writeln!(text, "config: {key}={value}").unwrap();
        }
    }
    if let Some(created) = config["created"].as_str() {
        writeln!(text, "created: {created}").unwrap();
    }
    match config["history"].as_array() {
        None => writeln!(text, "history: absent").unwrap(),
        Some(entries) => {
            for entry in entries {
                writeln!(text, "history: {entry}").unwrap();
            }
        }
    }
    for (path, diff_id) in texts(&item["Layers"]).iter().zip(&diff_ids) {
        let data = &entry(archive, path).data;
        assert_eq!(*diff_id, format!("sha256:{}", Digest::of(data).hex()));
        writeln!(text, "layer: {}", describe_layer(data)).unwrap();
    }
    Described {
        image_id: format!("sha256:{}", Digest::of(config_bytes).hex()),
        diff_ids,
        text,
    }
}

/// Owner and time are told only where they are not those of a base layer of a case.
fn describe_layer(data: &[u8]) -> String {
    let mut archive = tar::Archive::new(data);
    let mut lines = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut data = Vec::new();
        entry.read_to_end(&mut data).unwrap();
        let header = entry.header();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mode = header.mode().unwrap() & 0o7777;
        let mut line = match header.entry_type() {
            tar::EntryType::Directory => format!("{mode:04o} {name}"),
            tar::EntryType::Regular => {
                let text = String::from_utf8(data).unwrap();
                format!("{mode:04o} {name} {}", Value::from(text))
            }
            tar::EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap();
                format!("{name} -> {}", String::from_utf8_lossy(&target))
            }
            tar::EntryType::Link => {
                let target = entry.link_name_bytes().unwrap();
                format!("{name} => {}", String::from_utf8_lossy(&target))
            }
            kind => format!("{kind:?} {name}"),
        };
        let (uid, gid) = (header.uid().unwrap(), header.gid().unwrap());
        if (uid, gid) != (0, 0) {
            write!(line, " {uid}:{gid}").unwrap();
        }
        let mtime = header.mtime().unwrap();
        if mtime != super::build::MTIME {
            write!(line, " @{mtime}").unwrap();
        }
        lines.push(line);
    }
    lines.join("; ")
}
