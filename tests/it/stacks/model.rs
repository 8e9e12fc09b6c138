//! The file tree of a stack of layers, worked out as simply as it can be said: a map of paths, gone through again and
//! again. What judges `rootfs` shares nothing with it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;

use ocipatch::tarball::{Entry, Kind};

use super::item::Item;

/// The components of an absolute path.
pub(crate) type Path = Vec<Vec<u8>>;

/// What is at a path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) entry: Entry,
    pub(crate) content: Vec<u8>,
    /// Paths with equal numbers are names of one file.
    pub(crate) file: usize,
    pub(crate) is_implied: bool,
    /// The layer that put it there.
    pub(crate) by: usize,
}

/// A tree without its root, which is a directory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub(crate) nodes: BTreeMap<Path, Node>,
    pub(crate) root: Option<Entry>,
    /// The layer that holds the content of a file.
    pub(crate) made_by: BTreeMap<usize, usize>,
    pub(crate) n_files: usize,
    n_layers: usize,
    /// The character devices 0:0 of the layer that is being laid.
    zero_devices: Vec<Path>,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Found(Path),
    /// Nothing is there; this is its real path.
    Missing(Path),
    /// A link that leads to nothing is on the way; this is what would be there.
    Dangling(Path),
    Loop,
    NotADirectory,
}

/// Why a layer has no place in the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unfit;

/// Splits a name; what would leave the root stays there.
pub(crate) fn clean(name: &[u8]) -> (Path, bool) {
    let (mut path, mut escapes) = (Path::new(), false);
    for part in name.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => escapes |= path.pop().is_none(),
            part => path.push(part.to_vec()),
        }
    }
    (path, escapes)
}

/// Writes a path as people do.
pub(crate) fn show(path: &[Vec<u8>]) -> String {
    let names = path.iter().map(|name| name.escape_ascii().to_string());
    names.fold(String::new(), |text, name| text + "/" + &name)
}

impl Tree {
    /// Lays layers one upon the other.
    pub(crate) fn of<'a>(layers: impl IntoIterator<Item = &'a Vec<Item>>) -> Result<Self, Unfit> {
        let mut tree = Self::default();
        for layer in layers {
            tree.add(layer)?;
        }
        Ok(tree)
    }

    /// Lays a layer over the tree.
    pub(crate) fn add(&mut self, items: &[Item]) -> Result<(), Unfit> {
        self.n_layers += 1;
        self.zero_devices.clear();
        items.iter().try_for_each(|item| self.place(item))
    }

    pub(crate) fn is_directory(&self, path: &[Vec<u8>]) -> bool {
        let node = self.nodes.get(path);
        path.is_empty() || node.is_some_and(|node| node.entry.kind == Kind::Directory)
    }

    pub(crate) fn place(&mut self, item: &Item) -> Result<(), Unfit> {
        let (path, _) = clean(&item.entry.name);
        let Some((name, parents)) = path.split_last() else {
            if item.entry.kind != Kind::Directory {
                return Err(Unfit);
            }
            self.root = Some(item.entry.clone());
            return Ok(());
        };
        if parents.iter().any(|name| name.starts_with(b".wh.")) {
            return Ok(());
        }
        let entry = &item.entry;
        let is_zero_device = match entry.kind {
            Kind::HardLink => self.zero_devices.contains(&clean(&entry.link_name).0),
            kind => kind == Kind::CharDevice && entry.device == (0, 0),
        };
        let is_whiteout = name.starts_with(b".wh.");
        if is_zero_device && !is_whiteout {
            self.zero_devices.push(path.clone());
        }
        let directory = || match self.walk(parents, true) {
            Place::Found(path) if self.is_directory(&path) => Some(path),
            _ => None,
        };
        if let Some(hidden) = name.strip_prefix(b".wh.") {
            let Some(directory) = directory() else {
                return if matches!(hidden, b"" | b"." | b"..") {
                    Err(Unfit)
                } else {
                    Ok(())
                };
            };
            match hidden {
                b"" | b"." | b".." => return Err(Unfit),
                b".wh..opq" => self.hide_below(&directory),
                _ if hidden.starts_with(b".wh.") => {}
                _ => self.hide(&joined(&directory, hidden)),
            }
            return Ok(());
        }
        if is_zero_device {
            if let Some(directory) = directory() {
                self.hide(&joined(&directory, name));
            }
            return Ok(());
        }
        let node = self.node(item)?;
        let directory = self.enter(parents, 0)?;
        self.put(joined(&directory, name), node);
        Ok(())
    }

    fn node(&mut self, item: &Item) -> Result<Node, Unfit> {
        if item.entry.kind == Kind::HardLink {
            let (target, escapes) = clean(&item.entry.link_name);
            let found = match self.walk(&target, false) {
                Place::Found(path) if !escapes => self.nodes.get(&path),
                _ => None,
            };
            let node = found.filter(|node| node.entry.kind != Kind::Directory);
            let node = node.cloned().ok_or(Unfit)?;
            self.describe(&node, &item.entry);
            let entry = described(&node.entry, &item.entry);
            let by = self.n_layers;
            return Ok(Node { entry, by, ..node });
        }
        self.n_files += 1;
        self.made_by.insert(self.n_files, self.n_layers);
        Ok(Node {
            entry: item.entry.clone(),
            content: item.content.clone(),
            file: self.n_files,
            is_implied: false,
            by: self.n_layers,
        })
    }

    /// Every name of a file has what the last header of one says.
    fn describe(&mut self, of: &Node, link: &Entry) {
        for node in self.nodes.values_mut().filter(|node| node.file == of.file) {
            node.entry = described(&node.entry, link);
        }
    }

    fn implied(&mut self) -> Node {
        let mut item = Item::new(Kind::Directory, b"");
        item.entry.mode = 0o755;
        let node = self.node(&item).unwrap();
        Node {
            is_implied: true,
            ..node
        }
    }

    /// Lets `path` be `node`; a directory over a directory keeps what it holds.
    pub(crate) fn put(&mut self, path: Path, node: Node) {
        if !(node.entry.kind == Kind::Directory && self.is_directory(&path)) {
            self.remove(&path);
        }
        self.nodes.insert(path, node);
    }

    /// Removes `path` and everything below.
    pub(crate) fn remove(&mut self, path: &[Vec<u8>]) {
        self.nodes.retain(|other, _| !other.starts_with(path));
    }

    /// Hides what lower layers have at `path` and below: of a directory that holds something of this layer it is left
    /// that it exists.
    fn hide(&mut self, path: &[Vec<u8>]) {
        let own: Vec<Path> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.by == self.n_layers)
            .map(|(path, _)| path.clone())
            .collect();
        let hidden: Vec<Path> = self
            .nodes
            .keys()
            .filter(|other| other.starts_with(path))
            .cloned()
            .collect();
        for path in hidden {
            if self.nodes[&path].by == self.n_layers {
                continue;
            }
            if own.iter().any(|own| own.starts_with(&path)) {
                let file = self.nodes[&path].file;
                let node = self.implied();
                self.nodes.insert(path, Node { file, ..node });
            } else {
                self.nodes.remove(&path);
            }
        }
    }

    fn hide_below(&mut self, directory: &[Vec<u8>]) {
        let is_child =
            |path: &&Path| path.len() == directory.len() + 1 && path.starts_with(directory);
        let children: Vec<Path> = self.nodes.keys().filter(is_child).cloned().collect();
        for child in &children {
            self.hide(child);
        }
    }

    /// Returns the directory that a layer means by `path`; what is not there is made, and files give way.
    fn enter(&mut self, path: &[Vec<u8>], n: usize) -> Result<Path, Unfit> {
        if n > 40 {
            return Err(Unfit);
        }
        match self.walk(path, true) {
            Place::Found(real) if self.is_directory(&real) => Ok(real),
            Place::Found(_) | Place::NotADirectory => {
                let is_there = |n: &usize| match self.walk(&path[..*n], true) {
                    Place::Found(real) => self.is_directory(&real),
                    _ => false,
                };
                let obstacle = (0..=path.len()).take_while(is_there).last().unwrap();
                let parent = self.enter(&path[..obstacle], n + 1)?;
                let node = self.implied();
                self.put(joined(&parent, &path[obstacle]), node);
                self.enter(path, n + 1)
            }
            Place::Missing(real) => {
                for n in 1..=real.len() {
                    if !self.is_directory(&real[..n]) {
                        let node = self.implied();
                        self.put(real[..n].to_vec(), node);
                    }
                }
                Ok(real)
            }
            Place::Dangling(real) => self.enter(&real, n + 1),
            Place::Loop => Err(Unfit),
        }
    }

    /// Follows links on the way, and at the end if that is asked for.
    pub(crate) fn walk(&self, path: &[Vec<u8>], follows_last: bool) -> Place {
        let mut real = Path::new();
        // Each component with whether a link brought it.
        let mut ahead: Vec<(Vec<u8>, bool)> = path
            .iter()
            .rev()
            .map(|name| (name.clone(), false))
            .collect();
        let mut n_links = 0;
        while let Some((name, is_of_link)) = ahead.pop() {
            if name == b".." {
                real.pop();
                continue;
            }
            real.push(name);
            let Some(node) = self.nodes.get(&real) else {
                let rest: Vec<Vec<u8>> = ahead.iter().rev().map(|(name, _)| name.clone()).collect();
                for name in rest {
                    if name == b".." {
                        real.pop();
                    } else {
                        real.push(name);
                    }
                }
                return if is_of_link {
                    Place::Dangling(real)
                } else {
                    Place::Missing(real)
                };
            };
            match node.entry.kind {
                Kind::Directory => {}
                Kind::Symlink if follows_last || !ahead.is_empty() => {
                    n_links += 1;
                    if n_links > 40 {
                        return Place::Loop;
                    }
                    real.pop();
                    let target = &node.entry.link_name;
                    if target.starts_with(b"/") {
                        real.clear();
                    }
                    let names = target
                        .split(|&b| b == b'/')
                        .filter(|name| !matches!(*name, b"" | b"."));
                    ahead.extend(names.rev().map(|name| (name.to_vec(), true)));
                }
                _ if ahead.is_empty() => return Place::Found(real),
                _ => return Place::NotADirectory,
            }
        }
        Place::Found(real)
    }

    /// Returns where a directory is or would be, also behind links that lead to nothing; nothing where none can be.
    pub(crate) fn directory_at(&self, path: &[Vec<u8>]) -> Option<Path> {
        let mut path = path.to_vec();
        for _ in 0..40 {
            match self.walk(&path, true) {
                Place::Found(real) => return self.is_directory(&real).then_some(real),
                Place::Missing(real) => return Some(real),
                Place::Dangling(real) => path = real,
                Place::Loop | Place::NotADirectory => return None,
            }
        }
        None
    }

    /// Returns all names of what is at `path`, that one among them.
    pub(crate) fn names(&self, path: &[Vec<u8>]) -> Vec<Path> {
        let node = &self.nodes[path];
        let is_one = |(_, other): &(&Path, &Node)| other.file == node.file;
        self.nodes
            .iter()
            .filter(is_one)
            .map(|(path, _)| path.clone())
            .collect()
    }
}

/// What `chown`, `setxattr`, `chmod` and `utimes` make of a file, one after the other.
fn described(was: &Entry, link: &Entry) -> Entry {
    let mut entry = was.clone();
    (entry.uid, entry.gid) = (link.uid, link.gid);
    entry
        .xattrs
        .retain(|(name, _)| name != b"security.capability");
    for (name, value) in &link.xattrs {
        entry.xattrs.retain(|(other, _)| other != name);
        entry.xattrs.push((name.clone(), value.clone()));
    }
    if was.kind != Kind::Symlink {
        entry.mode = was.mode & !0o7777 | link.mode & 0o7777;
        entry.mtime = link.mtime;
    }
    entry
}

fn joined(directory: &[Vec<u8>], name: &[u8]) -> Path {
    [directory, &[name.to_vec()]].concat()
}
