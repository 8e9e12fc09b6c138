//! The file tree of a `docker export`, as lines to compare.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::archive_bytes::{Entry, entries};

/// One line for each entry of a plain tar, sorted by path.
pub(crate) fn tree(tar: &[u8]) -> Vec<String> {
    let mut records = Vec::new();
    let mut lines = Vec::new();
    for entry in entries(tar) {
        if entry.kind() == b'x' {
            records = pax_records(entry.content);
        } else {
            lines.push(line(&entry, &std::mem::take(&mut records)));
        }
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

fn line(entry: &Entry<'_>, records: &[(String, String)]) -> (String, String) {
    let record = |key: &str| {
        records
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.clone())
    };
    let path = record("path").unwrap_or_else(|| entry.name());
    let link = record("linkpath").unwrap_or_else(|| entry.link());
    let (kind, detail) = match entry.kind() {
        b'1' => ("hardlink", format!(" -> {link}")),
        b'2' => ("symlink", format!(" -> {link}")),
        b'3' => ("char", String::new()),
        b'4' => ("block", String::new()),
        b'5' => ("dir", String::new()),
        b'6' => ("fifo", String::new()),
        _ => {
            let mut hasher = DefaultHasher::new();
            entry.content.hash(&mut hasher);
            (
                "file",
                format!(" {} bytes {:016x}", entry.content.len(), hasher.finish()),
            )
        }
    };
    let owner = |key: &str, at| record(key).unwrap_or_else(|| entry.number(at).to_string());
    let (uid, gid) = (owner("uid", 108..116), owner("gid", 116..124));
    let mode = entry.number(100..108);
    let path = path.trim_end_matches('/').to_owned();
    let mut line = format!("{:04o} {uid}/{gid} {kind} {path}{detail}", mode & 0o7777);
    for (key, value) in records {
        if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
            write!(line, " {name}={value:?}").expect("a string takes any text");
        }
    }
    (path, line)
}

/// Each record is `LENGTH KEY=VALUE\n`, where the length counts itself.
fn pax_records(mut content: &[u8]) -> Vec<(String, String)> {
    let mut records = Vec::new();
    while let Some(space) = content.iter().position(|&byte| byte == b' ') {
        let length: usize = std::str::from_utf8(&content[..space])
            .unwrap()
            .parse()
            .unwrap();
        let record = String::from_utf8_lossy(&content[space + 1..length - 1]).into_owned();
        let (key, value) = record.split_once('=').unwrap();
        records.push((key.to_owned(), value.to_owned()));
        content = &content[length..];
    }
    records
}
