//! Operations on files as values: what a patch says, and what becomes of a tree by hand.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use ocipatch::tarball::{Kind, Mtime};
use proptest::sample::Index;

use super::item::Item;
use super::model::{Node, Path, Place, Tree, show};

/// An operation. Which files it is about is known once there is a tree.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    Mode(Aim, u32, bool),
    Owner(Aim, u32, bool),
    /// To a new name in a directory, perhaps below some that are not there.
    Move(Index, Index, usize),
    Remove(Aim),
    /// The second line of a file becomes another.
    Patch(Index, u8, bool),
    Write(Index, u8),
    Squash,
    Times(i64),
}

/// Which files are meant.
#[derive(Debug, Clone)]
pub(crate) enum Aim {
    One(Index),
    /// What is in a directory.
    Children(Index),
    /// Everything below a directory.
    Below(Index),
}

/// What an operation comes to.
#[derive(Debug, PartialEq)]
pub(crate) enum Wanted {
    Done,
    /// The code of the problem that there is.
    Problem(&'static str),
}

/// Tells whether a path can be written in a patch, and is no pattern.
fn is_plain(path: &[Vec<u8>]) -> bool {
    path.iter()
        .all(|name| std::str::from_utf8(name).is_ok_and(|name| !name.contains(['*', '?'])))
}

/// A path in quotes, as YAML and JSON have them.
fn quoted(path: &[Vec<u8>], tail: &str) -> String {
    let names = path.iter().map(|name| std::str::from_utf8(name).unwrap());
    let text = names.fold(String::new(), |text, name| text + "/" + name);
    serde_json::to_string(&(text + tail)).unwrap()
}

fn place(within: bool) -> &'static str {
    if within { "layer" } else { "new-layer" }
}

/// The files that an operation is about: how it names them, and the real paths.
struct Meant {
    text: String,
    paths: Vec<Path>,
}

impl Aim {
    /// Finds files; a link that is named is followed if `follows`.
    fn find(&self, tree: &Tree, follows: bool) -> Option<Meant> {
        let all: Vec<&Path> = tree.nodes.keys().filter(|path| is_plain(path)).collect();
        match self {
            Self::One(index) => {
                let path = (!all.is_empty()).then(|| all[index.index(all.len())])?;
                let real = match tree.walk(path, follows) {
                    Place::Found(real) if !real.is_empty() => vec![real],
                    _ => Vec::new(),
                };
                Some(Meant {
                    text: quoted(path, ""),
                    paths: real,
                })
            }
            Self::Children(index) | Self::Below(index) => {
                let leads: Vec<&Path> = all.into_iter().filter(|path| matches!(tree.walk(path, true), Place::Found(real) if tree.is_directory(&real))).collect();
                let directory = (!leads.is_empty()).then(|| leads[index.index(leads.len())])?;
                let Place::Found(real) = tree.walk(directory, true) else {
                    unreachable!("it was looked at")
                };
                let is_child = matches!(self, Self::Children(_));
                let is_meant = |path: &&Path| {
                    path.len() > real.len()
                        && path.starts_with(&real)
                        && (!is_child || path.len() == real.len() + 1)
                };
                let paths = tree.nodes.keys().filter(is_meant).cloned().collect();
                let tail = if is_child { "/*" } else { "/**" };
                Some(Meant {
                    text: quoted(directory, tail),
                    paths,
                })
            }
        }
    }
}

impl Edit {
    /// Makes the change by hand; returns the operation as a patch has it, and what comes of it. The tree is changed only
    /// where that is `Done`.
    pub(crate) fn make(&self, tree: &mut Tree) -> Option<(String, Wanted)> {
        match self {
            Self::Mode(aim, mode, within) => {
                let meant = aim.find(tree, true)?;
                let text = format!(
                    "set-mode: {{ set: {{ {}: \"{mode:04o}\" }}, in: {} }}",
                    meant.text,
                    place(*within)
                );
                let change = |node: &mut Node| {
                    if node.entry.kind != Kind::Symlink {
                        node.entry.mode = *mode;
                    }
                };
                let is_other = |node: &Node| {
                    node.entry.kind != Kind::Symlink && node.entry.mode & 0o7777 != *mode
                };
                Some((text, set(tree, &meant, *within, is_other, change)))
            }
            Self::Owner(aim, owner, within) => {
                let meant = aim.find(tree, true)?;
                let text = format!(
                    "set-owner: {{ set: {{ {}: \"{owner}:8\" }}, in: {} }}",
                    meant.text,
                    place(*within)
                );
                let ids = (u64::from(*owner), 8);
                let change = |node: &mut Node| (node.entry.uid, node.entry.gid) = ids;
                let is_other = |node: &Node| (node.entry.uid, node.entry.gid) != ids;
                Some((text, set(tree, &meant, *within, is_other, change)))
            }
            Self::Move(from, to, n) => moved(tree, *from, *to, *n),
            Self::Remove(aim) => {
                let meant = aim.find(tree, false)?;
                let wanted = if meant.paths.is_empty() {
                    Wanted::Problem("no-such-path")
                } else {
                    meant.paths.iter().for_each(|path| tree.remove(path));
                    rise(tree, &meant.paths);
                    Wanted::Done
                };
                Some((format!("remove-path: [{}]", meant.text), wanted))
            }
            Self::Patch(at, n, within) => patched(tree, *at, *n, *within),
            Self::Write(at, n) => {
                let files = directories(tree);
                let mut path = files[at.index(files.len())].clone();
                path.push(format!("new{n}").into_bytes());
                let is_there = tree.nodes.contains_key(&path);
                let text = format!(
                    "add-layer: {{ files: [{{ path: {}, content: \"{n}\" }}] }}",
                    quoted(&path, "")
                );
                if is_there {
                    return None;
                }
                put(
                    tree,
                    path.clone(),
                    &Item::file(b"", n.to_string().as_bytes()),
                );
                rise(tree, &[path]);
                Some((text, Wanted::Done))
            }
            Self::Squash => {
                let all: Vec<Path> = tree.nodes.keys().cloned().collect();
                rise(tree, &all);
                Some(("squash: all".to_owned(), Wanted::Done))
            }
            Self::Times(limit) => {
                let at = Mtime {
                    seconds: *limit,
                    nanoseconds: 0,
                };
                for node in tree.nodes.values_mut() {
                    node.entry.mtime = node.entry.mtime.min(at);
                }
                if let Some(root) = &mut tree.root {
                    root.mtime = root.mtime.min(at);
                }
                let time = match limit {
                    0 => "1970-01-01T00:00:00Z",
                    5 => "1970-01-01T00:00:05Z",
                    _ => "2001-09-09T01:46:40Z",
                };
                Some((format!("rewrite-timestamps: \"{time}\""), Wanted::Done))
            }
        }
    }
}

/// Puts something new somewhere: as nobody's.
fn put(tree: &mut Tree, path: Path, item: &Item) {
    let file = tree.made_by.keys().max().unwrap_or(&0) + 1;
    tree.made_by.insert(file, usize::MAX);
    let (entry, content) = (item.entry.clone(), item.content.clone());
    tree.put(
        path,
        Node {
            entry,
            content,
            file,
            is_implied: false,
            by: usize::MAX,
        },
    );
}

fn directories(tree: &Tree) -> Vec<Path> {
    let real = tree
        .nodes
        .keys()
        .filter(|path| tree.is_directory(path) && is_plain(path));
    std::iter::once(Path::new()).chain(real.cloned()).collect()
}

fn set(
    tree: &mut Tree,
    meant: &Meant,
    within: bool,
    is_other: impl Fn(&Node) -> bool,
    change: impl Fn(&mut Node),
) -> Wanted {
    if meant.paths.is_empty() {
        return Wanted::Problem("no-such-path");
    }
    let changed: Vec<Path> = meant
        .paths
        .iter()
        .filter(|path| is_other(&tree.nodes[*path]))
        .cloned()
        .collect();
    if within && changed.iter().any(|path| tree.nodes[path].is_implied) {
        return Wanted::Problem("layer-conflict");
    }
    for path in &changed {
        for name in tree.names(path) {
            change(tree.nodes.get_mut(&name).unwrap());
        }
    }
    if !within {
        rise(tree, &changed);
    }
    Wanted::Done
}

/// Notes that a new layer has these files, with all their names, and the directories that hold them.
fn rise(tree: &mut Tree, paths: &[Path]) {
    for path in paths {
        let names = match tree.nodes.get(path) {
            Some(node) if node.entry.kind != Kind::Directory => {
                tree.made_by.insert(node.file, usize::MAX);
                tree.names(path)
            }
            _ => vec![path.clone()],
        };
        for name in names {
            for n in 1..=name.len() {
                if let Some(node) = tree.nodes.get_mut(&name[..n]) {
                    (node.is_implied, node.by) = (false, usize::MAX);
                }
            }
        }
    }
}

fn moved(tree: &mut Tree, from: Index, to: Index, n: usize) -> Option<(String, Wanted)> {
    let all: Vec<&Path> = tree.nodes.keys().filter(|path| is_plain(path)).collect();
    let from = (!all.is_empty()).then(|| all[from.index(all.len())].clone())?;
    // Through links too, and into what is no directory.
    let place = to.index(all.len() + 1);
    let mut to = place
        .checked_sub(1)
        .map(|i| all[i].clone())
        .unwrap_or_default();
    to.extend((0..=n).map(|n| format!("moved{n}").into_bytes()));
    let text = format!(
        "move-path: {{ {}: {} }}",
        quoted(&from, ""),
        quoted(&to, "")
    );
    if to.starts_with(&from) {
        return Some((text, Wanted::Problem("invalid-path")));
    }
    let conflict = (text.clone(), Wanted::Problem("layer-conflict"));
    let (name, parents) = to.split_last().unwrap();
    let Some(mut real) = tree.directory_at(parents) else {
        return Some(conflict);
    };
    real.push(name.clone());
    if tree.nodes.contains_key(&real) || real.starts_with(&from) || from.starts_with(&real) {
        return Some(conflict);
    }
    for n in 1..real.len() {
        if !tree.nodes.contains_key(&real[..n]) {
            put(tree, real[..n].to_vec(), &Item::new(Kind::Directory, b""));
        }
    }
    let moved: Vec<Path> = tree
        .nodes
        .keys()
        .filter(|path| path.starts_with(&from))
        .cloned()
        .collect();
    let mut risen = vec![from.clone()];
    for path in moved {
        let node = tree.nodes.remove(&path).unwrap();
        let path = [&real[..], &path[from.len()..]].concat();
        tree.nodes.insert(path.clone(), node);
        risen.push(path);
    }
    rise(tree, &risen);
    Some((text, Wanted::Done))
}

fn patched(tree: &mut Tree, at: Index, n: u8, within: bool) -> Option<(String, Wanted)> {
    let is_text =
        |node: &Node| node.entry.kind == Kind::File && node.content.starts_with(b"first of");
    let texts: Vec<&Path> = tree
        .nodes
        .iter()
        .filter(|(path, node)| is_text(node) && is_plain(path))
        .map(|(path, _)| path)
        .collect();
    let path = (!texts.is_empty()).then(|| texts[at.index(texts.len())].clone())?;
    let node = tree.nodes[&path].clone();
    let content = String::from_utf8(node.content.clone()).unwrap();
    let lines: Vec<&str> = content.lines().collect();
    let [first, second, last] = lines[..] else {
        unreachable!("every text has three lines")
    };
    let new = format!("patched {n}");
    let diff = format!("@@ -1,3 +1,3 @@\n {first}\n-{second}\n+{new}\n {last}\n");
    let diff = serde_json::to_string(&diff).unwrap();
    let text = format!(
        "patch-file: {{ path: {}, diff: {diff}, in: {} }}",
        quoted(&path, ""),
        place(within)
    );
    let names = tree.names(&path);
    let wanted = format!("{first}\n{new}\n{last}\n").into_bytes();
    if within
        && names
            .iter()
            .any(|name| tree.nodes[name].by != tree.made_by[&node.file])
    {
        return Some((text, Wanted::Problem("layer-conflict")));
    }
    for name in &names {
        let node = tree.nodes.get_mut(name).unwrap();
        node.entry.size = wanted.len() as u64;
        node.entry.mtime = Mtime::default();
        node.content.clone_from(&wanted);
    }
    if !within {
        rise(tree, &names);
    }
    Some((text, Wanted::Done))
}

/// For messages.
pub(crate) fn told(operations: &[String], tree: &Tree) -> String {
    let paths: Vec<String> = tree.nodes.keys().map(|path| show(path)).collect();
    format!("{operations:#?}\n{paths:?}")
}
