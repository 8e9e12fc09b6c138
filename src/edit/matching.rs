//! Finding paths of a file tree by pattern.

use std::collections::{BTreeSet, HashMap};

use super::effort::Effort;
use crate::image_path::ImagePath;
use crate::reference::Glob;
use crate::rootfs::{Iter, Resolution, Rootfs};
use crate::tarball::Kind;

/// One component of a pattern.
enum Part {
    Name(Vec<u8>),
    /// A pattern over one name; equal ones have one number.
    Pattern(usize),
    /// `**`: any directories, or none.
    Directories,
}

/// A pattern over paths: in a component `*` stands for any characters and `?` for one, the component `**` for any
/// directories. Symbolic links are followed before the first pattern and not at the end of the path, as `rm` does.
pub(crate) struct PathPattern<'a> {
    written: &'a ImagePath,
    /// The components behind the prefix.
    parts: Vec<Part>,
    globs: Vec<Glob>,
    /// What is named before the first pattern.
    prefix: ImagePath,
}

/// Tells whether a path stands for more than itself.
pub(crate) fn has_pattern(path: &ImagePath) -> bool {
    path.components().any(is_pattern)
}

fn is_pattern(name: &[u8]) -> bool {
    name.iter().any(|b| matches!(b, b'*' | b'?'))
}

/// Says that a path leads to another one.
pub(crate) fn through_link(written: &ImagePath, real: &ImagePath) -> String {
    format!("`{written}` leads through a link to `{real}`")
}

/// Returns the real paths that a pattern matches, and what is to be told of how it leads there.
pub(crate) fn matching(
    tree: &Rootfs,
    pattern: &ImagePath,
    effort: &Effort,
) -> (BTreeSet<ImagePath>, Option<String>) {
    let pattern = PathPattern::new(pattern);
    let Some(start) = pattern.start(tree) else {
        return (BTreeSet::new(), None);
    };
    let mut found = BTreeSet::new();
    pattern.find(tree, &start, Rootfs::below, effort, &mut found);
    let note = pattern.through_link(&start).filter(|_| !found.is_empty());
    (found, note)
}

/// Returns the real paths that a pattern matches, however long that takes: no plan waits for it.
pub(crate) fn matching_all(tree: &Rootfs, pattern: &ImagePath) -> BTreeSet<ImagePath> {
    matching(tree, pattern, &Effort::boundless()).0
}

impl<'a> PathPattern<'a> {
    pub(crate) fn new(written: &'a ImagePath) -> Self {
        let names: Vec<&[u8]> = written.components().collect();
        let n_names = names.iter().take_while(|name| !is_pattern(name)).count();
        let (prefix, rest) = names.split_at(n_names.min(names.len().saturating_sub(1)));
        let mut pattern = Self {
            written,
            parts: Vec::with_capacity(rest.len()),
            globs: Vec::new(),
            prefix: ImagePath::root().join_all(prefix.iter().copied()),
        };
        let mut known: HashMap<&[u8], usize> = HashMap::new();
        for &name in rest {
            let part = match name {
                b"**" => Part::Directories,
                _ if is_pattern(name) => Part::Pattern(*known.entry(name).or_insert_with(|| {
                    let glob = Glob::new(&String::from_utf8_lossy(name));
                    pattern.globs.push(glob);
                    pattern.globs.len() - 1
                })),
                _ => Part::Name(name.to_vec()),
            };
            pattern.parts.push(part);
        }
        pattern
    }

    /// Returns the directory that the components before the first pattern lead to.
    pub(crate) fn start(&self, tree: &Rootfs) -> Option<ImagePath> {
        match tree.resolve(&self.prefix) {
            Resolution::Found { path } => Some(path),
            _ => None,
        }
    }

    /// Tells of a pattern that leads to another directory than it names: `start`, which is really there.
    pub(crate) fn through_link(&self, start: &ImagePath) -> Option<String> {
        let is_other = self.prefix != *start;
        is_other.then(|| through_link(self.written, start))
    }

    /// Adds what the pattern matches below `start` where a `walk` leads; that need not be everything that is there. Ends
    /// where the plan may go through no more, which ends the plan too.
    pub(crate) fn find<'t>(
        &self,
        tree: &'t Rootfs,
        start: &ImagePath,
        walk: impl Fn(&'t Rootfs, &ImagePath) -> Iter<'t>,
        effort: &Effort,
        found: &mut BTreeSet<ImagePath>,
    ) {
        match self.parts.as_slice() {
            [] => return,
            [Part::Name(name)] => {
                let path = start.join(name);
                found.extend(tree.get(&path).map(|_| path));
                return;
            }
            _ => {}
        }
        let mut walk = walk(tree, start);
        // For each directory down to where the walk is, the parts that a name in it may be.
        let mut open = vec![self.with_directories([0])];
        while let Some((path, node)) = walk.next() {
            if effort.is_spent() {
                return;
            }
            open.truncate(walk.depth() + 1);
            let parts = open.last().expect("the first directory stays");
            effort.walk(parts.len());
            let name = path.file_name().expect("the walk is below its start");
            let (is_found, next) = self.step(parts, name);
            if is_found {
                found.insert(path);
            }
            if next.is_empty() || node.kind != Kind::Directory {
                walk.pass_over();
            } else {
                open.push(next);
            }
        }
    }

    /// Adds to `parts` those behind a `**`, which may stand for no directory.
    fn with_directories(&self, parts: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut all: Vec<usize> = Vec::new();
        for part in parts {
            let mut next = part;
            while all.last().is_none_or(|&last| last < next) {
                all.push(next);
                let is_last = next + 1 == self.parts.len();
                if is_last || !matches!(self.parts[next], Part::Directories) {
                    break;
                }
                next += 1;
            }
        }
        all
    }

    /// Tells whether `name` ends a match as one of `parts`, which are sorted, and which ones may follow it.
    fn step(&self, parts: &[usize], name: &[u8]) -> (bool, Vec<usize>) {
        let text = String::from_utf8_lossy(name);
        let mut covered: Vec<Option<bool>> = vec![None; self.globs.len()];
        let (mut is_found, mut next) = (false, Vec::new());
        for &part in parts {
            let is_match = match &self.parts[part] {
                Part::Directories => true,
                Part::Name(wanted) => name == wanted.as_slice(),
                Part::Pattern(glob) => {
                    let covers = || self.globs[*glob].matches(&text);
                    *covered[*glob].get_or_insert_with(covers)
                }
            };
            if !is_match {
                continue;
            }
            is_found |= part + 1 == self.parts.len();
            let follower = match self.parts[part] {
                Part::Directories => part,
                _ => part + 1,
            };
            if follower < self.parts.len() && next.last() != Some(&follower) {
                next.push(follower);
            }
        }
        (is_found, self.with_directories(next))
    }
}

#[cfg(test)]
mod tests {
    use super::{ImagePath, matching_all};
    use crate::rootfs::tests::rootfs;

    #[test]
    fn a_pattern_finds_what_its_components_match() {
        let tree = "layer: dir a; file a/x; file a/y1; dir a/b; file a/b/x; dir a/b/c; file a/b/c/x; link l -> a; file x";
        let tree = rootfs(tree).expect("it is a tree");
        for (pattern, wanted) in [
            ("/", ""),
            ("/x", "/x"),
            ("/q", ""),
            ("/*", "/a /l /x"),
            ("/?", "/a /l /x"),
            ("/a/y?", "/a/y1"),
            ("/l/?1", "/a/y1"),
            ("/l", "/l"),
            ("/l/x", "/a/x"),
            ("/*/x", "/a/x"),
            ("/q/*", ""),
            ("/**", "/a /a/b /a/b/c /a/b/c/x /a/b/x /a/x /a/y1 /l /x"),
            ("/**/x", "/a/b/c/x /a/b/x /a/x /x"),
            ("/**/b/**/x", "/a/b/c/x /a/b/x"),
            ("/**/**/c/x", "/a/b/c/x"),
            ("/a/**/b/*", "/a/b/c /a/b/x"),
            ("/a/*/c", "/a/b/c"),
        ] {
            let pattern = ImagePath::parse(pattern).expect("it is a path");
            let found = matching_all(&tree, &pattern);
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found.join(" "), wanted, "{pattern}");
        }
    }
}
