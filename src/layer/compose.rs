//! What a new layer will hold: additions laid out over the image's tree so that every engine sees the same result.
//!
//! Overlay engines extract a layer alone. A path through a symbolic link of the image, or a directory without its own
//! entry, would there become something else than meant; so paths are made real and every parent gets an entry.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::arrange::{self, arrange};
use super::{Addition, Data, LayerProblem, Note, Reason};
use crate::image_path::ImagePath;
use crate::rootfs::{Obstacle, Rootfs, WHITEOUT};
use crate::tarball::{
    BLOCK_BYTES, END_OF_ARCHIVE, Entry, ImpliedDirectories, Kind, Mtime, TooManyImplied,
};

/// What to do where the image has a symbolic link and the layer needs a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymlinkPolicy {
    /// Go where it points.
    Follow,
    /// Put a directory in its place.
    Replace,
    /// Refuse.
    Error,
}

/// One entry of the new layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerEntry {
    /// The tar entry, complete.
    pub entry: Entry,
    /// The data behind it, `entry.size` bytes.
    pub data: Data,
}

/// A layer, decided. It may be written only if there are no problems.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerContent {
    /// The entries; parents come before what they hold.
    pub entries: Vec<LayerEntry>,
    /// What the reader of a plan should know.
    pub notes: Vec<Note>,
    /// Why there can be no such layer.
    pub problems: Vec<LayerProblem>,
    /// Files, links and devices where the image has nothing.
    pub n_added: u64,
    /// Files, links and devices where the image has something.
    pub n_changed: u64,
    /// Directories that the image does not have.
    pub n_directories_added: u64,
    /// What the layer comes to as a tar, or a little less: long names take more than one block.
    pub tar_bytes: u64,
}

/// Lays `additions` out over `rootfs`. Parents that the image does not have are 0755 0:0 of `parent_mtime`.
#[must_use]
pub fn compose(
    additions: &[Addition],
    rootfs: &Rootfs,
    symlinks: SymlinkPolicy,
    parent_mtime: i64,
) -> LayerContent {
    let mut sorted: Vec<&Addition> = additions.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let is_directory = |addition: &&&Addition| addition.entry.kind == Kind::Directory;
    let mut composing = Composing {
        rootfs,
        symlinks,
        parent_mtime,
        explicit: sorted
            .iter()
            .filter(is_directory)
            .map(|addition| (&addition.path, *addition))
            .collect(),
        directories: HashMap::new(),
        entries: BTreeMap::new(),
        notes: BTreeSet::new(),
        content: LayerContent::default(),
        implied: ImpliedDirectories::default(),
        is_overfull: false,
    };
    for addition in sorted {
        if composing.is_overfull {
            break;
        }
        composing.implied.count_text(addition.path.n_bytes());
        composing.place(addition);
    }
    composing.finish()
}

/// An entry on its way into the layer.
struct Placed<'a> {
    item: LayerEntry,
    /// The path that was asked for; nothing for a parent.
    asked: Option<&'a ImagePath>,
    same_file: Option<(u64, u64)>,
}

struct Composing<'a> {
    rootfs: &'a Rootfs,
    symlinks: SymlinkPolicy,
    parent_mtime: i64,
    /// Directories that were asked for.
    explicit: HashMap<&'a ImagePath, &'a Addition>,
    /// Where directories as asked for really are; nothing where a problem was reported.
    directories: HashMap<ImagePath, Option<ImagePath>>,
    /// By real path.
    entries: BTreeMap<ImagePath, Placed<'a>>,
    notes: BTreeSet<Note>,
    content: LayerContent,
    /// What the parents of additions come to that no addition describes.
    implied: ImpliedDirectories,
    is_overfull: bool,
}

impl<'a> Composing<'a> {
    fn place(&mut self, addition: &'a Addition) {
        let path = &addition.path;
        if path.components().any(|name| name.starts_with(WHITEOUT)) {
            return self.problem(path, Reason::WhiteoutName);
        }
        if addition.entry.kind == Kind::Directory {
            let Some(real) = self.directory(path) else {
                return;
            };
            // A directory of the image keeps its mode and owner: a checkout cannot know them.
            let is_there = self.kind_below(&real) == Some(Kind::Directory);
            let is_new = !real.is_root() && (addition.overrides || !is_there);
            // Where a link makes one directory of two, the one asked for by its real path decides.
            let placed = self.entries.get(&real);
            let is_decided = placed.is_some_and(|placed| placed.asked == Some(&real));
            if is_new && (addition.overrides || !is_decided) {
                self.content.n_changed += u64::from(is_there);
                self.insert(real, addition);
            }
            return;
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return self.problem(path, Reason::RootMustBeADirectory);
        };
        let Some(real) = self.directory(&parent).map(|parent| parent.join(name)) else {
            return;
        };
        if let Some(placed) = self.entries.get(&real) {
            let other = placed.asked.unwrap_or(&real).clone();
            return self.problem(path, Reason::Collision { other });
        }
        match self.kind_below(&real) {
            None => self.content.n_added += 1,
            Some(was) => {
                self.content.n_changed += 1;
                let by = addition.entry.kind;
                if was != by && matches!(was, Kind::Directory | Kind::Symlink) {
                    self.note_replaced(&real, was, by);
                }
            }
        }
        self.insert(real, addition);
    }

    /// What the image has at a real path; nothing is found below what this layer replaces by a directory.
    fn kind_below(&self, real: &ImagePath) -> Option<Kind> {
        self.rootfs.get(real).map(|node| node.kind)
    }

    /// Returns the real path of a directory, each component looked at once.
    fn directory(&mut self, path: &ImagePath) -> Option<ImagePath> {
        let (mut real, mut unknown) = (Some(ImagePath::root()), Vec::new());
        let mut above = Some(path.clone()).filter(|path| !path.is_root());
        while let Some(asked) = above {
            if let Some(known) = self.directories.get(&asked) {
                real.clone_from(known);
                break;
            }
            above = asked.parent().filter(|above| !above.is_root());
            unknown.push(asked);
        }
        for asked in unknown.into_iter().rev() {
            let name = asked.file_name().expect("it is not the root");
            let candidate = real?.join(name);
            real = match self.count(&asked) {
                Ok(()) => self.enter(&asked, candidate),
                Err(many) => {
                    self.problem(&asked, Reason::TooManyDirectories(many));
                    None
                }
            };
            self.directories.insert(asked, real.clone());
        }
        real
    }

    /// Counts a directory that no addition describes.
    fn count(&mut self, asked: &ImagePath) -> Result<(), TooManyImplied> {
        if self.explicit.contains_key(asked) || self.is_overfull {
            return Ok(());
        }
        let counted = self.implied.count(asked.n_bytes());
        // Told once.
        self.is_overfull = counted.is_err();
        counted
    }

    /// Decides which directory stands for `asked`, whose parent really is that of `candidate`.
    fn enter(&mut self, asked: &ImagePath, candidate: ImagePath) -> Option<ImagePath> {
        if let Some(placed) = self.entries.get(&candidate) {
            if placed.item.entry.kind == Kind::Directory {
                return Some(candidate);
            }
            let other = placed.asked.unwrap_or(&candidate).clone();
            self.problem(asked, Reason::ParentAdded { other });
            return None;
        }
        let is_explicit = self.explicit.contains_key(asked);
        match (self.kind_below(&candidate), self.symlinks) {
            (None | Some(Kind::Directory), _) => Some(candidate),
            (Some(Kind::Symlink), SymlinkPolicy::Error) => {
                let link = candidate;
                self.problem(asked, Reason::ThroughLink { link });
                None
            }
            (Some(was @ Kind::Symlink), SymlinkPolicy::Replace) => {
                Some(self.replace(asked, candidate, was))
            }
            (Some(was @ Kind::Symlink), SymlinkPolicy::Follow) => {
                let reason = match self.rootfs.directory_at(&candidate) {
                    Ok(real)
                        if !is_explicit
                            || self.explicit.contains_key(&real)
                            || self.kind_below(&real).is_some() =>
                    {
                        return Some(self.follow(candidate, real));
                    }
                    Ok(_) => return Some(self.replace(asked, candidate, was)),
                    Err(Obstacle::File { path }) => Reason::ParentIsAFile { path },
                    Err(Obstacle::Whiteout { path }) => Reason::LedToWhiteout { path },
                    Err(Obstacle::Loop { link }) => Reason::LinkLoop { link },
                };
                self.problem(asked, reason);
                None
            }
            (Some(was), _) if is_explicit => Some(self.replace(asked, candidate, was)),
            (Some(_), _) => {
                self.problem(asked, Reason::ParentIsAFile { path: candidate });
                None
            }
        }
    }

    fn follow(&mut self, link: ImagePath, to: ImagePath) -> ImagePath {
        let real = to.clone();
        self.notes.insert(Note::Followed { link, to });
        real
    }

    fn replace(&mut self, asked: &ImagePath, real: ImagePath, was: Kind) -> ImagePath {
        self.note_replaced(&real, was, Kind::Directory);
        match self.explicit.get(asked).copied() {
            Some(addition) => self.insert(real.clone(), addition),
            None => self.insert_parent(&real),
        }
        real
    }

    fn note_replaced(&mut self, path: &ImagePath, was: Kind, by: Kind) {
        let path = path.clone();
        self.notes.insert(Note::Replaced { path, was, by });
    }

    fn insert(&mut self, real: ImagePath, addition: &'a Addition) {
        self.insert_parents(&real, &addition.path);
        let mut entry = addition.entry.clone();
        entry.name = name_of(&real, entry.kind);
        entry.size = addition.data.size();
        let is_device = matches!(entry.kind, Kind::CharDevice | Kind::BlockDevice);
        if is_device || entry.kind == Kind::File && entry.mode & 0o6000 != 0 {
            let path = real.clone();
            self.notes.insert(Note::Privileged { path });
        }
        let placed = Placed {
            item: LayerEntry {
                entry,
                data: addition.data.clone(),
            },
            asked: Some(&addition.path),
            same_file: addition.same_file,
        };
        self.entries.insert(real, placed);
    }

    fn insert_parents(&mut self, real: &ImagePath, asked: &ImagePath) {
        let mut missing = Vec::new();
        let mut parent = real.parent();
        while let Some(directory) = parent.filter(|directory| !directory.is_root()) {
            match self.entries.get(&directory) {
                Some(placed) if placed.item.entry.kind == Kind::Directory => break,
                Some(placed) => {
                    let other = placed.asked.unwrap_or(&directory).clone();
                    return self.problem(asked, Reason::ParentAdded { other });
                }
                None => parent = directory.parent(),
            }
            missing.push(directory);
        }
        for directory in missing {
            self.insert_parent(&directory);
        }
    }

    /// A directory that is only there to hold something, with the metadata that the image has for it.
    fn insert_parent(&mut self, real: &ImagePath) {
        let item = LayerEntry {
            entry: parent_entry(real, self.rootfs, self.parent_mtime),
            data: Data::None,
        };
        let placed = Placed {
            item,
            asked: None,
            same_file: None,
        };
        self.entries.insert(real.clone(), placed);
    }

    fn problem(&mut self, path: &ImagePath, reason: Reason) {
        let path = path.clone();
        self.content.problems.push(LayerProblem { path, reason });
    }

    fn finish(mut self) -> LayerContent {
        if self.entries.is_empty() && self.content.problems.is_empty() {
            self.problem(&ImagePath::root(), Reason::NothingToAdd);
        }
        let mut entries = Vec::new();
        for (
            path,
            Placed {
                item, same_file, ..
            },
        ) in self.entries
        {
            if item.entry.kind == Kind::Directory
                && self
                    .rootfs
                    .get(&path)
                    .is_none_or(|node| node.kind != Kind::Directory)
            {
                self.content.n_directories_added += 1;
            }
            entries.push(arrange::Placed {
                path,
                item,
                same_file,
            });
        }
        self.content.entries = arrange(entries);
        self.content.tar_bytes = tar_bytes(&self.content.entries);
        self.content.notes = self.notes.into_iter().collect();
        self.content
    }
}

/// Sparse files may promise more than there can be.
pub(super) fn tar_bytes(entries: &[LayerEntry]) -> u64 {
    let sizes = entries
        .iter()
        .map(|item| BLOCK_BYTES + item.entry.padded_bytes());
    sizes.fold(END_OF_ARCHIVE.len() as u64, u64::saturating_add)
}

/// Returns the entry of a directory that is only there to hold something.
pub(super) fn parent_entry(real: &ImagePath, rootfs: &Rootfs, mtime: i64) -> Entry {
    let mut entry = Entry {
        name: name_of(real, Kind::Directory),
        kind: Kind::Directory,
        mode: 0o755,
        mtime: Mtime::of_seconds(mtime),
        ..Entry::file()
    };
    let below = rootfs.get(real);
    if let Some(node) = below.filter(|node| node.kind == Kind::Directory) {
        entry.mode = node.mode & 0o7777;
        (entry.uid, entry.gid, entry.mtime) = (node.uid, node.gid, node.mtime);
        entry.xattrs = node.xattrs.to_vec();
    }
    entry
}

pub(super) fn name_of(path: &ImagePath, kind: Kind) -> Vec<u8> {
    if path.is_root() {
        // `/` alone is an absolute name.
        return b"./".to_vec();
    }
    let mut name = path.entry_name().to_vec();
    if kind == Kind::Directory {
        name.push(b'/');
    }
    name
}
