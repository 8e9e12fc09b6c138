//! Archives compared byte by byte, but for the few header fields in which `docker save` writes the time of day.
//! Reads tar by itself: what judges the tool must not share its reader.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use serde_json::Value;

const BLOCK: usize = 512;
const MTIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;

/// One header with its content. Extension headers (`x`, `L`, `K`) are entries of their own.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) content: &'a [u8],
    position: usize,
}

impl Entry<'_> {
    pub(crate) fn name(&self) -> String {
        let (name, prefix) = (text(&self.header[..100]), text(&self.header[345..500]));
        if prefix.is_empty() {
            name
        } else {
            format!("{prefix}/{name}")
        }
    }

    pub(crate) fn link(&self) -> String {
        text(&self.header[157..257])
    }

    pub(crate) fn kind(&self) -> u8 {
        self.header[156]
    }

    /// The octal number at `field`.
    pub(crate) fn number(&self, field: Range<usize>) -> u64 {
        octal(&self.header[field])
    }
}

/// The entries of a plain tar, in order.
pub(crate) fn entries(tar: &[u8]) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let mut position = 0;
    while let Some(header) = tar.get(position..position + BLOCK) {
        if header.iter().all(|&byte| byte == 0) {
            break;
        }
        let start = position + BLOCK;
        let size = usize::try_from(octal(&header[124..136])).unwrap();
        entries.push(Entry {
            header,
            content: &tar[start..start + size],
            position,
        });
        position = start + size.next_multiple_of(BLOCK);
    }
    entries
}

/// Panics unless two archives of Docker 20.10 are the same.
#[track_caller]
pub(crate) fn same_archive_20(a: &Path, b: &Path) {
    same(a, b, difference_20);
}

/// Panics unless two archives of Docker 26 with the graph-driver store are the same.
#[track_caller]
pub(crate) fn same_archive_26(a: &Path, b: &Path) {
    same(a, b, difference_26);
}

#[track_caller]
fn same(a: &Path, b: &Path, difference: fn(&[u8], &[u8]) -> Option<String>) {
    if let Some(difference) = difference(&std::fs::read(a).unwrap(), &std::fs::read(b).unwrap()) {
        panic!("{} and {}: {difference}", a.display(), b.display());
    }
}

/// The first entry that differs. The directory of a layer that is a symlink carries the time of the save.
pub(crate) fn difference_20(a: &[u8], b: &[u8]) -> Option<String> {
    difference(a, b, |entries| {
        let linked: BTreeSet<String> = entries
            .iter()
            .filter(|entry| entry.kind() == b'2')
            .filter_map(|entry| entry.name().strip_suffix("layer.tar").map(str::to_owned))
            .collect();
        Box::new(move |name| {
            ["", "VERSION", "json", "layer.tar"]
                .iter()
                .filter_map(|file| name.strip_suffix(file))
                .any(|directory| linked.contains(directory))
        })
    })
}

/// The first entry that differs. The two that Docker 26 writes last carry the time of the save.
pub(crate) fn difference_26(a: &[u8], b: &[u8]) -> Option<String> {
    difference(a, b, |_| {
        Box::new(|name| matches!(name, "blobs/sha256/" | "index.json"))
    })
}

type IsClocked = Box<dyn Fn(&str) -> bool>;

fn difference(a: &[u8], b: &[u8], clocked: fn(&[Entry<'_>]) -> IsClocked) -> Option<String> {
    let (left, right) = (without_clock(a, clocked), without_clock(b, clocked));
    if left == right {
        return None;
    }
    let (left_entries, right_entries) = (entries(&left), entries(&right));
    for (one, other) in left_entries.iter().zip(&right_entries) {
        if one.name() != other.name() {
            return Some(format!(
                "entry `{}` stands where the other has `{}`",
                one.name(),
                other.name()
            ));
        }
        if one.header != other.header {
            let byte = first_difference(one.header, other.header);
            return Some(format!(
                "the header of entry `{}` differs at byte {byte}",
                one.name()
            ));
        }
        if one.content != other.content {
            let byte = first_difference(one.content, other.content);
            return Some(format!(
                "the content of entry `{}` differs at byte {byte}:\n{}\n{}",
                one.name(),
                excerpt(one.content, byte),
                excerpt(other.content, byte)
            ));
        }
    }
    let common = left_entries.len().min(right_entries.len());
    let extra = left_entries.get(common).or(right_entries.get(common));
    Some(match extra {
        Some(entry) => format!("entry `{}` is in one archive only", entry.name()),
        None => format!(
            "padding or end differ at byte {}",
            first_difference(&left, &right)
        ),
    })
}

fn without_clock(tar: &[u8], clocked: fn(&[Entry<'_>]) -> IsClocked) -> Vec<u8> {
    let mut bytes = tar.to_vec();
    let entries = entries(tar);
    let is_clocked = clocked(&entries);
    for entry in entries.iter().filter(|entry| is_clocked(&entry.name())) {
        for field in [MTIME, CHECKSUM] {
            bytes[entry.position + field.start..entry.position + field.end].fill(b'0');
        }
    }
    bytes
}

/// The images of an archive, by config, in the order of its manifest.json.
pub(super) fn image_order(tar: &[u8]) -> Vec<String> {
    let manifest = entries(tar)
        .into_iter()
        .find(|entry| entry.name() == "manifest.json")
        .unwrap();
    let items: Vec<Value> = serde_json::from_slice(manifest.content).unwrap();
    items
        .iter()
        .map(|item| item["Config"].as_str().unwrap().to_owned())
        .collect()
}

fn first_difference(a: &[u8], b: &[u8]) -> usize {
    a.iter()
        .zip(b)
        .position(|(a, b)| a != b)
        .unwrap_or(a.len().min(b.len()))
}

fn excerpt(content: &[u8], around: usize) -> String {
    let range = around.saturating_sub(40)..content.len().min(around + 60);
    content[range].escape_ascii().to_string()
}

fn text(field: &[u8]) -> String {
    let end = field
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn octal(field: &[u8]) -> u64 {
    let digits = text(field);
    let digits = digits.trim_matches(' ');
    if digits.is_empty() {
        0
    } else {
        u64::from_str_radix(digits, 8).unwrap()
    }
}
