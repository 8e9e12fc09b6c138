//! Layers as builders write them: what changes against the layers below, with its parents, whiteouts first.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};

use ocipatch::tarball::{Entry, Kind, Mtime};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::item::Item;
use super::model::{Node, Path, Tree};

/// A change of a tree. What it is about is known only when it is made.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Something new in a directory, perhaps in the place of something.
    Add(Index, Vec<u8>, What, Meta),
    Remove(Index),
    /// A directory that is made anew.
    Empty(Index),
    /// Other metadata.
    Change(Index, Meta),
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    File,
    Directory,
    Symlink(Vec<u8>),
    /// Another name of something in the layer that is no directory: pipes and links may have several as files do.
    Name(Index),
    Fifo,
    Device,
}

#[derive(Debug, Clone)]
pub(crate) struct Meta {
    mode: u32,
    owner: (u64, u64),
    mtime: i64,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

fn meta() -> impl Strategy<Value = Meta> {
    let mode = select(vec![0o644, 0o600, 0o755, 0o4755, 0o2711, 0o1777, 0o444]);
    let id = select(vec![0, 0, 0, 7, 1000, 65_534, 3_000_000]);
    let xattr = select(vec![
        (&b"user.note"[..], &b"two\nlines"[..]),
        (b"user.empty\xc3\xa9", b"\0\x01"),
        // cap_net_raw+ep, as the kernel stores it.
        (
            b"security.capability",
            b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ),
    ]);
    let xattrs = prop_oneof![5 => Just(Vec::new()), 1 => vec(xattr, 1..3)];
    let mtime = select(vec![0, 1, 1_000_000_000, 1_704_067_200, 1_900_000_000]);
    (mode, id.clone(), id, mtime, xattrs).prop_map(|(mode, uid, gid, mtime, xattrs)| {
        let mut xattrs: Vec<_> = xattrs
            .into_iter()
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect();
        xattrs.sort();
        xattrs.dedup();
        Meta {
            mode,
            owner: (uid, gid),
            mtime,
            xattrs,
        }
    })
}

pub(crate) fn name() -> impl Strategy<Value = Vec<u8>> {
    let names: Vec<Vec<u8>> = vec![
        b"a".to_vec(),
        b"b".to_vec(),
        b"c".to_vec(),
        b"d e".to_vec(),
        "ü".as_bytes().to_vec(),
        b"a-b".to_vec(),
        b"n\xff".to_vec(),
        [b'l'; 101].to_vec(),
    ];
    select(names)
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let target = select(vec!["a", "/b", "../c", "a/b", "/a/b/c", ".", "/nowhere/x"]);
    let what = prop_oneof![
        5 => Just(What::File),
        4 => Just(What::Directory),
        1 => target.prop_map(|target| What::Symlink(target.into())),
        1 => any::<Index>().prop_map(What::Name),
        1 => select(vec![What::Fifo, What::Device]),
    ];
    prop_oneof![
        6 => (any::<Index>(), name(), what, meta()).prop_map(|(at, name, what, meta)| Step::Add(at, name, what, meta)),
        2 => any::<Index>().prop_map(Step::Remove),
        1 => any::<Index>().prop_map(Step::Empty),
        2 => (any::<Index>(), meta()).prop_map(|(at, meta)| Step::Change(at, meta)),
    ]
}

/// A layer on its way: the tree that it makes, and what it has to say of it.
struct Building<'a> {
    below: &'a Tree,
    after: Tree,
    own: BTreeSet<Path>,
    opaque: BTreeSet<Path>,
    /// Numbers of files of this layer.
    n_files: usize,
    number: usize,
}

/// Returns the layer that makes the changes over `below`; a content says in which layer it is. Parents may be left out
/// where everybody makes them as they are.
pub(crate) fn layer(steps: &[Step], below: &Tree, number: usize, omits_parents: bool) -> Vec<Item> {
    let mut building = Building {
        below,
        after: below.clone(),
        own: BTreeSet::new(),
        opaque: BTreeSet::new(),
        n_files: 1_000_000,
        number,
    };
    for step in steps {
        building.make(step);
    }
    building.finish(omits_parents)
}

impl Building<'_> {
    fn pick(&self, index: Index, is_wanted: impl Fn(&Node) -> bool) -> Option<Path> {
        let wanted: Vec<&Path> = self
            .after
            .nodes
            .iter()
            .filter(|(_, node)| is_wanted(node))
            .map(|(path, _)| path)
            .collect();
        (!wanted.is_empty()).then(|| wanted[index.index(wanted.len())].clone())
    }

    fn make(&mut self, step: &Step) {
        let is_directory = |node: &Node| node.entry.kind == Kind::Directory;
        match step {
            Step::Add(at, name, what, meta) => {
                let directories: Vec<Path> = self
                    .after
                    .nodes
                    .iter()
                    .filter(|(_, node)| is_directory(node))
                    .map(|(path, _)| path.clone())
                    .collect();
                let place = at.index(directories.len() + 1);
                let parent = place
                    .checked_sub(1)
                    .map(|i| directories[i].clone())
                    .unwrap_or_default();
                if parent.len() < 4 {
                    self.add(
                        [&parent[..], std::slice::from_ref(name)].concat(),
                        what,
                        meta,
                    );
                }
            }
            Step::Remove(at) => {
                if let Some(path) = self.pick(*at, |_| true) {
                    self.forget(&path);
                }
            }
            Step::Empty(at) => {
                if let Some(path) = self.pick(*at, is_directory) {
                    let node = self.after.nodes[&path].clone();
                    self.forget(&path);
                    self.put(path, node);
                }
            }
            Step::Change(at, meta) => {
                let has_mode =
                    |node: &Node| matches!(node.entry.kind, Kind::Directory | Kind::File);
                if let Some(path) = self.pick(*at, has_mode) {
                    let mut node = self.after.nodes[&path].clone();
                    meta.apply_to(&mut node.entry);
                    self.n_files += 1;
                    node.file = self.n_files;
                    self.put(path, node);
                }
            }
        }
    }

    fn forget(&mut self, path: &[Vec<u8>]) {
        self.after.remove(path);
        self.own.retain(|own| !own.starts_with(path));
        self.opaque.retain(|own| !own.starts_with(path));
    }

    fn put(&mut self, path: Path, node: Node) {
        let is_directory = node.entry.kind == Kind::Directory;
        let was_directory = self.after.is_directory(&path);
        if !is_directory || !was_directory {
            self.forget(&path);
        }
        // A directory that is there below would show what it holds.
        if is_directory && !was_directory && self.below.is_directory(&path) {
            self.opaque.insert(path.clone());
        }
        self.own.insert(path.clone());
        self.after.nodes.insert(path, node);
    }

    fn add(&mut self, path: Path, what: &What, meta: &Meta) {
        self.n_files += 1;
        let (kind, content, link) = match what {
            What::File => {
                let text = format!(
                    "first of {}\nsecret {} {}\nlast\n",
                    self.number, self.number, self.n_files
                );
                (Kind::File, text.into_bytes(), &b""[..])
            }
            What::Directory => (Kind::Directory, Vec::new(), &b""[..]),
            What::Symlink(target) => (Kind::Symlink, Vec::new(), &target[..]),
            What::Fifo => (Kind::Fifo, Vec::new(), &b""[..]),
            What::Device => (Kind::CharDevice, Vec::new(), &b""[..]),
            What::Name(of) => {
                let own = self.own.clone();
                let files: Vec<&Path> = own
                    .iter()
                    .filter(|path| self.after.nodes[*path].entry.kind != Kind::Directory)
                    .collect();
                if files.is_empty() {
                    return;
                }
                let target = files[of.index(files.len())];
                if *target != path {
                    let node = self.after.nodes[target].clone();
                    self.put(path, node);
                }
                return;
            }
        };
        let mut entry = Item::new(kind, b"").entry;
        entry.link_name = link.to_vec();
        entry.size = content.len() as u64;
        meta.apply_to(&mut entry);
        match kind {
            Kind::Symlink => {
                entry.mode = 0o777;
                entry.xattrs.clear();
            }
            Kind::CharDevice => entry.device = (1, 3),
            _ => {}
        }
        if kind != Kind::File && kind != Kind::Directory {
            entry.xattrs.clear();
        }
        let node = Node {
            entry,
            content,
            file: self.n_files,
            is_implied: false,
            by: 0,
        };
        self.put(path, node);
    }

    fn finish(self, omits_parents: bool) -> Vec<Item> {
        let hidden: Vec<&Path> = self
            .below
            .nodes
            .keys()
            .filter(|path| {
                let parent = &path[..path.len() - 1];
                // What goes with its directory, or with one that is made anew, is not spoken of.
                self.after.is_directory(parent)
                    && self.below.is_directory(parent)
                    && !self.after.nodes.contains_key(*path)
                    && !self.opaque.contains(parent)
            })
            .collect();
        let mut names: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        let mut parents: BTreeSet<Path> = BTreeSet::new();
        for path in self
            .own
            .iter()
            .chain(hidden.iter().copied())
            .chain(&self.opaque)
        {
            parents.extend((1..path.len()).map(|n| path[..n].to_vec()));
        }
        let mut items = Vec::new();
        for path in &hidden {
            let name = [b".wh.", &path.last().unwrap()[..]].concat();
            let path = [&path[..path.len() - 1], &[name]].concat();
            let key = [&path[..path.len() - 1], &[b"\0".to_vec()]].concat();
            items.push((key, Item::new(Kind::File, &path.join(&b'/'))));
        }
        for path in &self.opaque {
            let name = [&path[..], &[b".wh..wh..opq".to_vec()]].concat();
            items.push((name.clone(), Item::new(Kind::File, &name.join(&b'/'))));
        }
        for path in self.own.union(&parents) {
            let node = &self.after.nodes[path];
            let is_usual = (node.entry.mode & 0o7777, node.entry.uid, node.entry.gid)
                == (0o755, 0, 0)
                && node.entry.xattrs.is_empty();
            if omits_parents && is_usual && !self.own.contains(path) && !self.opaque.contains(path)
            {
                continue;
            }
            let mut item = Item {
                entry: node.entry.clone(),
                content: node.content.clone(),
            };
            item.entry.name = path.join(&b'/');
            if item.entry.kind == Kind::Directory {
                item.entry.name.push(b'/');
            }
            if item.entry.kind != Kind::Directory && node.file > 1_000_000 {
                let first = names
                    .entry(node.file)
                    .or_insert_with(|| item.entry.name.clone());
                if *first != item.entry.name {
                    item.entry.kind = Kind::HardLink;
                    item.entry.link_name.clone_from(first);
                    item.entry.size = 0;
                    item.entry.device = (0, 0);
                    item.content.clear();
                }
            }
            items.push((path.clone(), item));
        }
        items.sort_by(|a, b| a.0.cmp(&b.0));
        items.into_iter().map(|(_, item)| item).collect()
    }
}

impl Meta {
    fn apply_to(&self, entry: &mut Entry) {
        let is_directory = entry.kind == Kind::Directory;
        entry.mode = self.mode | if is_directory { 0o700 } else { 0 };
        (entry.uid, entry.gid) = self.owner;
        entry.mtime = Mtime {
            seconds: self.mtime,
            nanoseconds: 0,
        };
        entry.xattrs.clone_from(&self.xattrs);
        if is_directory {
            entry
                .xattrs
                .retain(|(name, _)| name != b"security.capability");
        }
    }
}

/// Returns stacks of `n` layers, each as a builder writes it over the ones below.
pub(crate) fn stack(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<Item>>> {
    let layers = vec((vec(step(), 1..8), any::<bool>()), n);
    layers.prop_map(|layers| {
        let mut tree = Tree::default();
        let mut stack = Vec::new();
        for (number, (steps, omits_parents)) in layers.iter().enumerate() {
            let mut layer = layer(steps, &tree, number, *omits_parents);
            if layer.is_empty() {
                layer.push(Item::new(Kind::Directory, b"a/"));
            }
            tree.add(&layer).unwrap();
            stack.push(layer);
        }
        stack
    })
}
