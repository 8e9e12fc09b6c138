//! Finding paths of a file tree by pattern.

use std::collections::{BTreeSet, HashSet};

use crate::image_path::ImagePath;
use crate::reference::Glob;
use crate::rootfs::{Resolution, Rootfs};
use crate::tarball::Kind;

/// One component of a pattern.
enum Part {
    Name(Vec<u8>),
    Pattern(Glob),
    /// `**`: any directories, or none.
    Directories,
}

impl Part {
    fn of(name: &[u8]) -> Self {
        let text = String::from_utf8_lossy(name);
        match name {
            b"**" => Self::Directories,
            _ if text.contains(['*', '?']) => Self::Pattern(Glob::new(&text)),
            _ => Self::Name(name.to_vec()),
        }
    }
}

/// Tells whether a path stands for more than itself.
pub(in crate::plan) fn has_pattern(path: &ImagePath) -> bool {
    path.components()
        .any(|name| name.iter().any(|b| matches!(b, b'*' | b'?')))
}

/// Returns the directory that is named before the first pattern, and of how many components.
fn prefix_of(pattern: &ImagePath, parts: &[Part]) -> (usize, ImagePath) {
    let is_name = |part: &&Part| matches!(part, Part::Name(_));
    let n_names = parts.iter().take_while(is_name).count();
    let n_prefix = n_names.min(parts.len().saturating_sub(1));
    let prefix = pattern.components().take(n_prefix);
    let prefix = prefix.fold(ImagePath::root(), |path, name| path.join(name));
    (n_prefix, prefix)
}

/// Tells of a pattern that leads to another directory than it names: `start`, which is really there.
pub(in crate::plan) fn through_link(pattern: &ImagePath, start: &ImagePath) -> Option<String> {
    let parts: Vec<Part> = pattern.components().map(Part::of).collect();
    let (_, named) = prefix_of(pattern, &parts);
    (named != *start).then(|| format!("`{pattern}` leads through a link to `{start}`"))
}

/// Returns the directory that the components before the first pattern lead to, and the real paths that match there.
///
/// In a component `*` stands for any characters and `?` for one, the component `**` for any directories. Symbolic
/// links are followed before the first pattern and not at the end of the path, as `rm` does.
pub(in crate::plan) fn matching(
    tree: &Rootfs,
    pattern: &ImagePath,
) -> (Option<ImagePath>, BTreeSet<ImagePath>) {
    let mut found = BTreeSet::new();
    let parts: Vec<Part> = pattern.components().map(Part::of).collect();
    let (n_prefix, prefix) = prefix_of(pattern, &parts);
    let Resolution::Found { path: start } = tree.resolve(&prefix) else {
        return (None, found);
    };
    let mut seen = HashSet::new();
    let mut stack = vec![(start.clone(), n_prefix)];
    while let Some((directory, n)) = stack.pop() {
        let (Some(part), Some(children)) = (parts.get(n), tree.children(&directory)) else {
            continue;
        };
        // Several `**` lead to one place by many ways.
        if !seen.insert((directory.clone(), n)) {
            continue;
        }
        let is_last = n + 1 == parts.len();
        if matches!(part, Part::Directories) && !is_last {
            stack.push((directory.clone(), n + 1));
        }
        for (name, node) in children {
            let (is_match, next) = match part {
                Part::Name(wanted) => (name == wanted.as_slice(), n + 1),
                Part::Pattern(glob) => (glob.matches(&String::from_utf8_lossy(name)), n + 1),
                Part::Directories => (true, n),
            };
            if !is_match {
                continue;
            }
            let path = directory.join(name);
            let is_directory = node.kind == Kind::Directory;
            if is_directory && (!is_last || matches!(part, Part::Directories)) {
                stack.push((path.clone(), next));
            }
            if is_last {
                found.insert(path);
            }
        }
    }
    (Some(start), found)
}
