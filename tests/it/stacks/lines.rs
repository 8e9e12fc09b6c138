//! Trees of the model as text.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ocipatch::tarball::{Entry, Kind};

use super::model::{Path, Tree, show};

impl Tree {
    /// One line for each path, with everything that is the same wherever the image goes.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut firsts: BTreeMap<usize, &Path> = BTreeMap::new();
        let root = self.root.iter().map(|entry| line("/", entry));
        let nodes = self.nodes.iter().map(|(path, node)| {
            let mut line = line(&show(path), &node.entry);
            if node.entry.kind == Kind::File {
                write!(line, " {:?}", String::from_utf8_lossy(&node.content)).unwrap();
            }
            if node.entry.kind != Kind::Directory {
                let first = firsts.entry(node.file).or_insert(path);
                if *first != path {
                    write!(line, " = {}", show(first)).unwrap();
                }
            }
            line
        });
        root.chain(nodes).collect()
    }
}

fn line(path: &str, entry: &Entry) -> String {
    let Entry {
        kind,
        mode,
        uid,
        gid,
        mtime,
        device,
        ..
    } = entry;
    let mut line = format!(
        "{path} {kind:?} {:04o} {uid}:{gid} @{}.{}",
        mode & 0o7777,
        mtime.seconds,
        mtime.nanoseconds
    );
    if *kind == Kind::Symlink {
        write!(line, " -> {}", entry.link_name.escape_ascii()).unwrap();
    }
    if *device != (0, 0) {
        write!(line, " {device:?}").unwrap();
    }
    let mut xattrs = entry.xattrs.clone();
    xattrs.sort();
    for (name, value) in xattrs {
        write!(line, " {}={}", name.escape_ascii(), value.escape_ascii()).unwrap();
    }
    line
}
