//! Laying one layer over the tree.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::hard_link::owner;
use super::log::{LayerLog, LoggedEntry};
use super::resolve::Walk;
use super::{
    Children, Content, EntryFault, Inode, MAX_PATH_BYTES, Node, OPAQUE, ROOT, Rootfs, RootfsError,
    Slot, WHITEOUT,
};
use crate::tarball::{Entry, Input, Kind, TarReader};

/// How often a way is tried again after a link or a file on it was dealt with.
const MAX_AGAIN: u32 = 40;
/// AUFS' own bookkeeping; not files of the image.
const META: &[u8] = b".wh..wh.";
/// Where AUFS kept files with several names; entries below are targets of hard links and nothing else.
pub const PSEUDO_LINKS: &[u8] = b".wh..wh.plnk";

/// The layer being added.
pub(super) struct Layer {
    pub(super) position: usize,
    number: u32,
    pub(super) pseudo_links: HashMap<Vec<u8>, Node>,
    /// The names of character devices 0:0, to which hard links may lead.
    pub(super) zero_devices: HashSet<Vec<u8>>,
    /// Files whose metadata a hard link has changed, as the last of them left it.
    pub(super) changed: BTreeMap<Inode, Node>,
}

impl Rootfs {
    /// Lays a layer over the tree. After an error the tree is unfinished and of no use.
    pub fn add_layer(
        &mut self,
        position: usize,
        reader: &mut TarReader<impl Input>,
    ) -> Result<(), RootfsError> {
        let mut layer = self.begin(position);
        let tar = |error| RootfsError::Tar {
            layer: position,
            error,
        };
        while let Some(entry) = reader.next().map_err(tar)? {
            let content = Content {
                layer: position,
                offset: reader.offset(),
            };
            self.add(&mut layer, entry, content)?;
        }
        self.end(layer);
        Ok(())
    }

    /// Lays a layer over the tree that was read before.
    pub fn add_logged(&mut self, position: usize, log: &LayerLog) -> Result<(), RootfsError> {
        self.add_watched(position, log, |_, _| {})
    }

    /// Does what [`add_logged`](Self::add_logged) does, and shows each entry with the tree that it comes to.
    pub fn add_watched<'a>(
        &mut self,
        position: usize,
        log: &'a LayerLog,
        mut look: impl FnMut(&Self, &'a LoggedEntry),
    ) -> Result<(), RootfsError> {
        let mut layer = self.begin(position);
        for logged in &log.entries {
            look(self, logged);
            self.add(&mut layer, logged.entry.clone(), logged.content)?;
        }
        self.end(layer);
        Ok(())
    }

    fn begin(&mut self, position: usize) -> Layer {
        self.n_layers += 1;
        Layer {
            position,
            number: self.n_layers,
            pseudo_links: HashMap::new(),
            zero_devices: HashSet::new(),
            changed: BTreeMap::new(),
        }
    }

    fn add(
        &mut self,
        layer: &mut Layer,
        entry: Entry,
        content: Content,
    ) -> Result<(), RootfsError> {
        let name = entry.name.clone();
        self.place(layer, entry, content)
            .map_err(|reason| RootfsError::Entry {
                layer: layer.position,
                name,
                reason,
            })
    }

    fn place(
        &mut self,
        layer: &mut Layer,
        entry: Entry,
        content: Content,
    ) -> Result<(), EntryFault> {
        if entry.kind == Kind::Global {
            return Ok(());
        }
        self.implied.count_header(&entry);
        let spelled = entry.name.clone();
        // `../x` lands at `/x`, as in every engine: names are confined, not refused.
        let (components, _) = clean(&spelled)?;
        let Some((&name, parents)) = components.split_last() else {
            return self.place_root(layer, entry, content);
        };
        if parents.iter().any(|part| part.starts_with(WHITEOUT)) {
            if parents[0] == PSEUDO_LINKS && entry.kind == Kind::File {
                let node = Self::node(layer, entry, content, self.next_inode()?);
                self.reserve(&node);
                layer.pseudo_links.insert(components.join(&b'/'), node);
            }
            return Ok(());
        }
        if name == OPAQUE {
            if let Some(directory) = self.existing_directory(parents) {
                self.remove_lower_children(layer, directory);
            }
        } else if name.starts_with(META) {
            // Also without the exact shape of AUFS: a file cannot be named so, hence nothing can be hidden by it.
        } else if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            if matches!(hidden, b"" | b"." | b"..") {
                return Err(EntryFault::WhiteoutOfNothing);
            }
            if let Some(directory) = self.existing_directory(parents) {
                self.remove_lower(layer, directory, hidden);
            }
        } else if entry.is_zero_device() {
            // Overlay's own form of a whiteout, whichever tool packed it.
            layer.zero_devices.insert(components.join(&b'/'));
            if let Some(directory) = self.existing_directory(parents) {
                self.remove_lower(layer, directory, name);
            }
        } else if entry.kind == Kind::HardLink {
            self.place_hard_link(layer, &entry, content.offset, &components)?;
        } else {
            let directory = self.enter(layer, parents, 0)?;
            let node = Self::node(layer, entry, content, self.next_inode()?);
            self.put(layer, directory, name, node)?;
        }
        Ok(())
    }

    fn place_root(
        &mut self,
        layer: &Layer,
        entry: Entry,
        content: Content,
    ) -> Result<(), EntryFault> {
        if entry.kind != Kind::Directory {
            return Err(EntryFault::RootNotADirectory);
        }
        self.slot_mut(ROOT).node = Self::node(layer, entry, content, Inode(ROOT));
        Ok(())
    }

    fn node(layer: &Layer, entry: Entry, content: Content, inode: Inode) -> Node {
        Node {
            kind: entry.kind,
            mode: entry.mode,
            uid: owner(entry.uid, 0),
            gid: owner(entry.gid, 0),
            mtime: entry.mtime,
            size: entry.size,
            link_name: entry.link_name.into(),
            xattrs: entry.xattrs.into(),
            device: entry.device,
            layer: layer.position,
            entry_offset: content.offset,
            inode,
            content,
            sparse: entry.sparse,
            is_implied: false,
        }
    }

    fn next_inode(&self) -> Result<Inode, EntryFault> {
        u32::try_from(self.slots.len())
            .map(Inode)
            .map_err(|_| EntryFault::TooMany)
    }

    /// Takes the number of a file that is nowhere in the tree, so that no other gets it.
    fn reserve(&mut self, node: &Node) {
        self.slots.push(Slot::unplaced(node.clone()));
    }

    /// Returns the directory that a whiteout speaks of; where there is none, nothing can be hidden in it.
    pub(super) fn existing_directory(&self, components: &[&[u8]]) -> Option<u32> {
        match self.walk(components.iter().copied(), true) {
            Walk::Found(_, id) => (self.slot(id).node.kind == Kind::Directory).then_some(id),
            _ => None,
        }
    }

    /// Returns the directory at `components`, made if it is not there. One that exists below keeps its metadata:
    /// overlay engines lose it (0755 root), which is their loss and no wish of the layer's author.
    pub(super) fn enter(
        &mut self,
        layer: &Layer,
        components: &[&[u8]],
        n_again: u32,
    ) -> Result<u32, EntryFault> {
        let path: Vec<Vec<u8>> = match self.walk(components.iter().copied(), true) {
            Walk::Found(_, id) if self.slot(id).node.kind == Kind::Directory => return Ok(id),
            Walk::Found(..) | Walk::NotADirectory(_) if n_again < MAX_AGAIN => {
                self.clear_the_way(layer, components, n_again)?;
                return self.enter(layer, components, n_again + 1);
            }
            Walk::Missing(trail, rest) => owned(trail.iter().chain(&rest)),
            Walk::Dangling { target, rest, .. } if n_again < MAX_AGAIN => {
                let path = owned(target.iter().chain(&rest));
                let path: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
                return self.enter(layer, &path, n_again + 1);
            }
            _ => return Err(EntryFault::LinkLoop),
        };
        let mut directory = ROOT;
        for name in &path {
            directory = match self.child(directory, name) {
                Some(id) => id,
                None => self.make_directory(layer, directory, name)?,
            };
        }
        Ok(directory)
    }

    /// A file where a directory must be gives way, as with Docker, podman and containerd; umoci refuses. A link to a
    /// file gives way itself.
    fn clear_the_way(
        &mut self,
        layer: &Layer,
        components: &[&[u8]],
        n_again: u32,
    ) -> Result<(), EntryFault> {
        // Prefixes are directories up to the obstacle and nothing behind it.
        let lengths: Vec<usize> = (1..=components.len()).collect();
        let obstacle =
            lengths.partition_point(|&n| self.existing_directory(&components[..n]).is_some());
        let name = components.get(obstacle).ok_or(EntryFault::LinkLoop)?;
        let parent = self.enter(layer, &components[..obstacle], n_again + 1)?;
        self.make_directory(layer, parent, name)?;
        Ok(())
    }

    fn make_directory(
        &mut self,
        layer: &Layer,
        parent: u32,
        name: &[u8],
    ) -> Result<u32, EntryFault> {
        // Entries never have such names, and a link can still lead to one.
        if name.starts_with(WHITEOUT) {
            return Err(EntryFault::WhiteoutAsDirectory);
        }
        let inode = self.next_inode()?;
        let node = Node::implied_directory(layer.position, inode);
        self.put(layer, parent, name, node)?;
        Ok(inode.0)
    }

    /// Lets `name` in `directory` stand for `node`. A directory over a directory keeps what it holds.
    pub(super) fn put(
        &mut self,
        layer: &Layer,
        directory: u32,
        name: &[u8],
        node: Node,
    ) -> Result<(), EntryFault> {
        let path_bytes = self.slot(directory).path_bytes as usize + 1 + name.len();
        if path_bytes > MAX_PATH_BYTES {
            return Err(EntryFault::TooLong);
        }
        let is_directory = |node: &Node| node.kind == Kind::Directory;
        let existing = self.child(directory, name).filter(|_| is_directory(&node));
        let merged = existing.filter(|&id| is_directory(&self.slot(id).node));
        if let Some(id) = merged {
            let slot = self.slot_mut(id);
            let inode = slot.node.inode;
            slot.node = Node { inode, ..node };
            slot.placed_by = layer.number;
        } else {
            let Inode(id) = self.next_inode()?;
            if node.is_implied {
                self.implied.count(path_bytes)?;
            }
            self.slots.push(Slot {
                node,
                children: Children::None,
                parent: directory,
                name: name.into(),
                placed_by: layer.number,
                touched_by: layer.number,
                pruned_by: 0,
                path_bytes: u32::try_from(path_bytes).expect("it is at most 4096"),
            });
            self.slot_mut(directory).children.insert(name, id);
        }
        let mut id = merged.unwrap_or(directory);
        while self.slot(id).touched_by != layer.number {
            self.slot_mut(id).touched_by = layer.number;
            id = self.slot(id).parent;
        }
        Ok(())
    }

    /// Removes what lower layers have at `name`; what this layer put there or below stays, in whatever order it came.
    pub(super) fn remove_lower(&mut self, layer: &Layer, directory: u32, name: &[u8]) {
        let Some(id) = self.child(directory, name) else {
            return;
        };
        if self.slot(id).touched_by == layer.number {
            self.disown(layer, id);
            self.remove_lower_children(layer, id);
        } else {
            self.slot_mut(directory).children.remove(name);
        }
    }

    /// A directory of a lower layer that is hidden, yet holds something new: only that it exists is left.
    fn disown(&mut self, layer: &Layer, id: u32) {
        let slot = self.slot_mut(id);
        if slot.placed_by != layer.number {
            slot.node = Node::implied_directory(layer.position, slot.node.inode);
            slot.placed_by = layer.number;
        }
    }

    /// Each directory is gone through once per layer, so that many whiteouts cost no more than one.
    fn remove_lower_children(&mut self, layer: &Layer, directory: u32) {
        let mut directories = vec![directory];
        while let Some(directory) = directories.pop() {
            if self.slot(directory).pruned_by == layer.number {
                continue;
            }
            self.slot_mut(directory).pruned_by = layer.number;
            let mut children = std::mem::take(&mut self.slot_mut(directory).children);
            children.retain(|id| self.slot(id).touched_by == layer.number);
            for (_, id) in children.iter() {
                if self.slot(id).node.kind == Kind::Directory {
                    self.disown(layer, id);
                    directories.push(id);
                }
            }
            self.slot_mut(directory).children = children;
        }
    }
}

fn owned<'a>(components: impl Iterator<Item = &'a &'a [u8]>) -> Vec<Vec<u8>> {
    components.map(|name| name.to_vec()).collect()
}

/// Splits a name into components, `.` and `..` cleaned away within the root; tells whether it tried to leave it.
pub(super) fn clean(name: &[u8]) -> Result<(Vec<&[u8]>, bool), EntryFault> {
    if name.len() > MAX_PATH_BYTES {
        return Err(EntryFault::TooLong);
    }
    let mut components = Vec::new();
    let mut escapes = false;
    for part in name.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => escapes |= components.pop().is_none(),
            part => components.push(part),
        }
    }
    Ok((components, escapes))
}
