//! What the `files` of an `add-layer` come to.

use crate::edit::HostSource;
use crate::layer::{Addition, Data, Metadata};
use crate::operation::new_layer::{AddLayer, NewContent, NewFile};
use crate::problem::quoted;
use crate::rootfs::{Resolution, Rootfs};
use crate::tarball::Kind;

/// No device has this number, so what is linked here is never taken for a file of the host.
const NO_DEVICE: u64 = u64::MAX;

/// Adds the files of the operation to `additions`, the hard links last; returns the first one that links to nothing.
pub(crate) fn add(
    additions: &mut Vec<Addition>,
    add: &AddLayer,
    host: &HostSource,
    metadata: &Metadata,
    tree: &Rootfs,
) -> Result<(), (usize, String)> {
    for (file, source) in add.files.iter().zip(&host.files) {
        let path = file.path.clone();
        let inline = |kind, data| Addition::inline(path.clone(), kind, data, metadata);
        let mut addition = match (&file.content, source) {
            (NewContent::Text(text), _) => inline(Kind::File, Data::Inline(text.as_bytes().into())),
            (NewContent::Symlink(target), _) => {
                let mut link = inline(Kind::Symlink, Data::None);
                link.entry.link_name = target.as_bytes().to_vec();
                link
            }
            (NewContent::Directory, _) => {
                directory(inline(Kind::Directory, Data::None), file, tree)
            }
            (NewContent::From(_), Some((root, entry))) => {
                Addition::of_host(path.clone(), entry, *root, metadata)
            }
            (NewContent::From(_), None) => unreachable!("a file that is not found is a problem"),
            (NewContent::Hardlink(_), _) => continue,
        };
        addition.entry.mode = file.mode.unwrap_or(addition.entry.mode);
        if let Some((uid, gid)) = file.owner {
            (addition.entry.uid, addition.entry.gid) = (uid.into(), gid.into());
        }
        additions.push(addition);
    }
    for (i, file) in add.files.iter().enumerate() {
        if let NewContent::Hardlink(target) = &file.content {
            let mut linked = additions.iter_mut();
            let is_target = |addition: &&mut Addition| {
                addition.path == *target && addition.entry.kind == Kind::File
            };
            let Some(first) = linked.find(is_target) else {
                let target = quoted(&target.to_text());
                return Err((i, format!("{target} is not a file of this layer")));
            };
            first.same_file.get_or_insert((NO_DEVICE, i as u64));
            let mut link = first.clone();
            link.path = file.path.clone();
            additions.push(link);
        }
    }
    Ok(())
}

/// A directory that the image has changes only in what is said of it.
fn directory(mut addition: Addition, file: &NewFile, tree: &Rootfs) -> Addition {
    addition.overrides = file.mode.is_some() || file.owner.is_some();
    let Resolution::Found { path } = tree.resolve(&file.path) else {
        return addition;
    };
    if let Some(node) = tree.get(&path).filter(|node| node.kind == Kind::Directory) {
        let entry = &mut addition.entry;
        entry.mode = node.mode & 0o7777;
        (entry.uid, entry.gid, entry.mtime) = (node.uid, node.gid, node.mtime);
        entry.xattrs = node.xattrs.to_vec();
    }
    addition
}
