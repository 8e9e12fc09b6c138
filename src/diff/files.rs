//! Merged trees, path by path.

use std::cmp::Ordering;

use serde::Serialize;

use super::content::{Contents, Place};
use crate::archive::Image;
use crate::image_path::ImagePath;
use crate::plan::Change;
use crate::printable;
use crate::rootfs::{Node, Rootfs};
use crate::tarball::Kind;

/// A path that differs.
#[derive(Debug, Clone, Serialize)]
pub struct FileDifference {
    /// The path.
    pub path: String,
    /// Whether it is in one image only, or in both.
    pub change: Change,
    /// What differs, where it is in both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<Property>,
    /// What the old image has there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<FileSide>,
    /// What the new one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<FileSide>,
}

/// What stands at a path.
#[derive(Debug, Clone, Serialize)]
pub struct FileSide {
    /// What it is.
    pub kind: &'static str,
    /// The permission bits, in octal.
    pub mode: String,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
    /// Bytes of content.
    pub size: u64,
    /// Where a symbolic link points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Major and minor number of a device, as in `8:17`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// What may differ between two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// What it is.
    Kind,
    /// The permission bits.
    Mode,
    /// Owner or group.
    Owner,
    /// Bytes of content, and so the content.
    Size,
    /// The content, though it is of the same size.
    Content,
    /// Where a symbolic link points.
    Target,
    /// Major or minor number.
    Device,
    /// Extended attributes.
    Xattrs,
}

/// A path that may differ, and where the contents stand that decide it, if they have to.
#[derive(Debug)]
pub(super) struct Candidate {
    difference: FileDifference,
    pub(super) undecided: Option<(Place, Place)>,
}

impl Candidate {
    /// Returns the difference, if it is one now that contents are known.
    pub(super) fn decide(mut self, old: &Contents, new: &Contents) -> Option<FileDifference> {
        if let Some((a, b)) = self.undecided
            && old.digest(a) != new.digest(b)
        {
            self.difference.differs.push(Property::Content);
        }
        let is_one = self.difference.change != Change::Changed;
        (is_one || !self.difference.differs.is_empty()).then_some(self.difference)
    }
}

type Side<'a> = (&'a Image, &'a Rootfs);

/// Returns the paths of two images that differ or may do so, sorted as the trees are.
pub(super) fn candidates(old: Side<'_>, new: Side<'_>) -> Vec<Candidate> {
    let (mut before, mut after) = (old.1.iter().peekable(), new.1.iter().peekable());
    let mut found = Vec::new();
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return found,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            // Component by component, which is the order of a walk.
            (Some((a, _)), Some((b, _))) => a.components().cmp(b.components()),
        };
        let a = before.next_if(|_| order.is_le());
        let b = after.next_if(|_| order.is_ge());
        found.extend(match (a, b) {
            (Some((path, a)), Some((_, b))) => changed(&path, (old.0, a), (new.0, b)),
            (Some((path, node)), None) => Some(only(&path, node, Change::Removed)),
            (None, Some((path, node))) => Some(only(&path, node, Change::Added)),
            (None, None) => None,
        });
    }
}

fn only(path: &ImagePath, node: &Node, change: Change) -> Candidate {
    let side = Some(FileSide::of(node));
    let (old, new) = match change {
        Change::Removed => (side, None),
        _ => (None, side),
    };
    let difference = FileDifference {
        path: path.to_string(),
        change,
        differs: Vec::new(),
        old,
        new,
    };
    Candidate {
        difference,
        undecided: None,
    }
}

fn changed(path: &ImagePath, old: (&Image, &Node), new: (&Image, &Node)) -> Option<Candidate> {
    let (a, b) = (old.1, new.1);
    let differs: Vec<Property> = [
        (Property::Kind, kind_name(a.kind) != kind_name(b.kind)),
        (Property::Mode, a.mode & 0o7777 != b.mode & 0o7777),
        (Property::Owner, (a.uid, a.gid) != (b.uid, b.gid)),
        (Property::Size, a.size != b.size),
        (
            Property::Target,
            a.kind == Kind::Symlink && b.kind == Kind::Symlink && a.link_name != b.link_name,
        ),
        (Property::Device, a.device != b.device),
        (Property::Xattrs, a.xattrs != b.xattrs),
    ]
    .into_iter()
    .filter_map(|(property, is_other)| is_other.then_some(property))
    .collect();
    let has_content = kind_name(a.kind) == "file" && kind_name(b.kind) == "file";
    let undecided = has_content && a.size == b.size && a.size > 0 && !is_same_place(old, new);
    if differs.is_empty() && !undecided {
        return None;
    }
    let place = |(image, node): (&Image, &Node)| {
        let layer = &image.layers()[node.content.layer];
        let blob = layer
            .blob()
            .expect("a tree is read from layers that are there");
        (blob, node.content.offset)
    };
    Some(Candidate {
        difference: FileDifference {
            path: path.to_string(),
            change: Change::Changed,
            differs,
            old: Some(FileSide::of(a)),
            new: Some(FileSide::of(b)),
        },
        undecided: undecided.then(|| (place(old), place(new))),
    })
}

/// Tells whether both contents are the same bytes of the same layer.
fn is_same_place(old: (&Image, &Node), new: (&Image, &Node)) -> bool {
    let place = |(image, node): (&Image, &Node)| {
        let layer = &image.layers()[node.content.layer];
        (layer.diff_id(), node.content.offset)
    };
    place(old) == place(new)
}

impl FileSide {
    fn of(node: &Node) -> Self {
        let target = printable::decoded(&node.link_name);
        Self {
            kind: kind_name(node.kind),
            mode: format!("{:04o}", node.mode & 0o7777),
            uid: node.uid,
            gid: node.gid,
            size: node.size,
            target: (node.kind == Kind::Symlink).then(|| target.into_owned()),
            device: device_name(node),
        }
    }
}

/// Returns the numbers of a device as reports have them.
pub(crate) fn device_name(node: &Node) -> Option<String> {
    let is_device = matches!(node.kind, Kind::CharDevice | Kind::BlockDevice);
    is_device.then(|| format!("{}:{}", node.device.0, node.device.1))
}

/// Returns the word that reports have for what stands at a path.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Directory => "directory",
        Kind::Symlink => "symlink",
        Kind::CharDevice => "char-device",
        Kind::BlockDevice => "block-device",
        Kind::Fifo => "fifo",
        Kind::File | Kind::HardLink | Kind::Global => "file",
        Kind::Unsupported(_) => "unsupported",
    }
}
