//! Further names of files, and what the headers of hard links say about the files.

use std::collections::HashMap;

use super::build::{Layer, PSEUDO_LINKS, clean};
use super::resolve::Walk;
use super::{EntryFault, Node, Rootfs};
use crate::tarball::{Entry, Kind};

/// File capabilities, which `chown(2)` removes (capabilities(7)).
const CAPABILITY: &[u8] = b"security.capability";
/// The owner by which `chown(2)` leaves a file its own.
const NO_OWNER: u64 = u32::MAX as u64;

impl Rootfs {
    pub(super) fn place_hard_link(
        &mut self,
        layer: &mut Layer,
        entry: &Entry,
        offset: u64,
        components: &[&[u8]],
    ) -> Result<(), EntryFault> {
        let (&name, parents) = components.split_last().expect("it is not the root");
        let (target, escapes) = clean(&entry.link_name)?;
        let target_name = target.join(&b'/');
        if layer.zero_devices.contains(&target_name) {
            layer.zero_devices.insert(components.join(&b'/'));
            if let Some(directory) = self.existing_directory(parents) {
                self.remove_lower(layer, directory, name);
            }
            return Ok(());
        }
        let mut first = None;
        let node = if target.first() == Some(&PSEUDO_LINKS) {
            layer.pseudo_links.get(&target_name).cloned()
        } else {
            // In the layer or below it: Docker wants it in the layer, containerd takes both.
            match self.walk(target.iter().copied(), false) {
                Walk::Found(_, id) if !escapes => {
                    first = Some(id);
                    Some(self.slot(id).node.clone())
                }
                _ => None,
            }
        };
        let node = node
            .filter(|node| node.kind != Kind::Directory)
            .ok_or(EntryFault::HardLinkToNothing)?;
        let was = layer.changed.remove(&node.inode);
        let is_changed = was.is_some();
        let was = was.unwrap_or(node);
        let mut node = described(&was, entry);
        if is_changed || node != was {
            layer.changed.insert(node.inode, node.clone());
        }
        (node.layer, node.entry_offset) = (layer.position, offset);
        let directory = self.enter(layer, parents, 0)?;
        let inode = node.inode;
        self.put(layer, directory, name, node)?;
        self.name_again(inode, first, self.child(directory, name));
        Ok(())
    }

    /// Gives every name of a file what the last hard link to it has said.
    pub(super) fn end(&mut self, layer: Layer) {
        for (inode, last) in layer.changed {
            let names = self.names.get(&inode).into_iter().flatten();
            let names: Vec<u32> = names.copied().chain([inode.0]).collect();
            for id in names {
                let node = &mut self.slot_mut(id).node;
                (node.mode, node.uid, node.gid) = (last.mode, last.uid, last.gid);
                (node.mtime, node.xattrs) = (last.mtime, last.xattrs.clone());
            }
        }
    }
}

/// Returns a file as it is once a hard link to it has been extracted. Engines give it the owner, mode, time and attributes
/// that the link's own header has (moby `pkg/archive/archive.go`, `createTarFile`; containerd `archive/tar.go`), so the last
/// one counts; only umoci leaves it alone. Of a symbolic link they change the owner, not the mode, and Docker not the time.
fn described(was: &Node, link: &Entry) -> Node {
    let mut node = was.clone();
    (node.uid, node.gid) = (owner(link.uid, was.uid), owner(link.gid, was.gid));
    if was.kind != Kind::Symlink {
        node.mode = was.mode & !0o7777 | link.mode & 0o7777;
        node.mtime = link.mtime;
    }
    // Files may have thousands of them.
    let stated: HashMap<&[u8], &Xattr> = by_name(&link.xattrs).collect();
    let had: HashMap<&[u8], &Xattr> = by_name(&was.xattrs).collect();
    let kept = was
        .xattrs
        .iter()
        .filter_map(|xattr| match stated.get(&*xattr.0) {
            None if xattr.0 == CAPABILITY => None,
            None => Some(xattr),
            Some(&stated) => Some(stated),
        });
    let is_new = |xattr: &&Xattr| !had.contains_key(&*xattr.0);
    let new = link.xattrs.iter().filter(is_new);
    node.xattrs = kept.chain(new).cloned().collect();
    node
}

/// Name and raw value.
type Xattr = (Vec<u8>, Vec<u8>);

fn by_name(xattrs: &[Xattr]) -> impl Iterator<Item = (&[u8], &Xattr)> {
    xattrs.iter().map(|xattr| (&*xattr.0, xattr))
}

/// Returns the owner of a file that is given to `id`, and was `own`.
pub(super) fn owner(id: u64, own: u64) -> u64 {
    if id == NO_OWNER { own } else { id }
}
