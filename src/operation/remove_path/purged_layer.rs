//! One layer of which paths go out: which entries those are, and which hard links take over what others have left.

use std::collections::HashMap;

use crate::edit::links::{Target, Targets, is_pseudo_link};
use crate::edit::rewrites::Edits;
use crate::edit::{Change, FileChange, tree_changes};
use crate::image_path::ImagePath;
use crate::layer::GroupEdit;
use crate::rootfs::{Content, LoggedEntry, OPAQUE, PathSet, Rootfs, WHITEOUT};
use crate::tarball::{Entry, HeaderChange, Kind};

/// One layer that is looked through.
pub(crate) struct Looking<'a> {
    paths: &'a PathSet,
    pub(crate) edits: Edits,
    pub(crate) files: Vec<FileChange>,
    /// The files that go, and their contents.
    pub(crate) contents: Vec<(ImagePath, Target)>,
    /// What is no directory, with all names that it has in the layer.
    pub(crate) names: Vec<Names<'a>>,
    by_content: HashMap<Content, usize>,
    targets: Targets,
}

/// The names of one file in a layer, the one with the content first.
#[derive(Default)]
pub(crate) struct Names<'a> {
    all: Vec<Name<'a>>,
}

struct Name<'a> {
    logged: &'a LoggedEntry,
    goes: bool,
}

impl<'a> Looking<'a> {
    pub(crate) fn new(paths: &'a PathSet) -> Self {
        Self {
            paths,
            edits: Edits::new(),
            files: Vec::new(),
            contents: Vec::new(),
            names: Vec::new(),
            by_content: HashMap::new(),
            targets: Targets::default(),
        }
    }

    /// Looks at an entry that comes to a tree.
    pub(crate) fn look(&mut self, tree: &Rootfs, logged: &'a LoggedEntry) {
        let entry = &logged.entry;
        let path = ImagePath::confined(&entry.name);
        let real = real_path(tree, &path);
        let goes = self.goes(&real, entry.kind);
        let target = self.targets.look(tree, logged);
        if goes {
            self.edits.insert(logged.content.offset, GroupEdit::Drop);
            // An empty file is nothing that is found again.
            let is_lost = |target: &&Target| target.kind == Kind::File && target.size > 0;
            let lost = target.iter().find(is_lost).cloned();
            self.contents.extend(lost.map(|target| (real, target)));
        }
        let Some(target) = target else { return };
        let names = match (entry.kind, self.by_content.get(&target.content)) {
            (Kind::HardLink, Some(&names)) => names,
            (Kind::HardLink, None) => return,
            _ => {
                self.names.push(Names::default());
                self.by_content.insert(target.content, self.names.len() - 1);
                self.names.len() - 1
            }
        };
        self.names[names].all.push(Name { logged, goes });
    }

    /// Tells whether an entry of this name is to go: what it puts, hides or describes is at one of the paths or below it.
    fn goes(&mut self, real: &ImagePath, kind: Kind) -> bool {
        let (Some(parent), Some(last)) = (real.parent(), real.file_name()) else {
            return false;
        };
        match last.strip_prefix(WHITEOUT) {
            Some(_) if last == OPAQUE => self.paths.covers(&parent),
            Some(b"") => false,
            Some(hidden) => self.paths.covers(&parent.join(hidden)),
            None => {
                if self.paths.contains(real) {
                    let change = tree_changes::file_change(Change::Removed, real, kind);
                    self.files.push(change);
                }
                self.paths.covers(real)
            }
        }
    }
}

impl Names<'_> {
    /// Where the name with the content goes, the next one takes its place in the stream; links to a name that went lead to
    /// the one with the content. Tells whether any does.
    pub(crate) fn rehome(self, edits: &mut Edits) -> bool {
        let Some(Name {
            logged: bearer,
            goes,
        }) = self.all.first()
        else {
            return false;
        };
        if is_pseudo_link(&ImagePath::confined(&bearer.entry.name)) {
            // No file has that name: it goes with the last one that leads there.
            if self.all.len() > 1 && self.all[1..].iter().all(|name| name.goes) {
                edits.insert(bearer.content.offset, GroupEdit::Drop);
            }
            return false;
        }
        let (bearer, bearer_goes, n_names) = (*bearer, *goes, self.all.len());
        let last_was = self.all.last().map_or(bearer, |name| name.logged);
        let stays: Vec<Name<'_>> = self.all.into_iter().filter(|name| !name.goes).collect();
        let Some(first) = stays.first().filter(|_| stays.len() < n_names) else {
            return false;
        };
        let change = |header| GroupEdit::Change {
            header,
            content: None,
        };
        if bearer_goes {
            let header = HeaderChange {
                name: Some(first.logged.entry.name.clone()),
                ..HeaderChange::default()
            };
            edits.insert(bearer.content.offset, change(header));
            edits.insert(first.logged.content.offset, GroupEdit::Drop);
        }
        let spelled = &first.logged.entry.name;
        let target = match ImagePath::from_entry_name(spelled) {
            Ok(_) => spelled.clone(),
            // As a name `..` stays in the root, as a target it does not.
            Err(_) => ImagePath::confined(spelled).entry_name().to_vec(),
        };
        for link in &stays[1..] {
            let header = HeaderChange {
                link_name: Some(target.clone()),
                ..HeaderChange::default()
            };
            edits.insert(link.logged.content.offset, change(header));
        }
        // The last name says what the file is like.
        let last = match stays.last() {
            Some(last) if stays.len() > 1 || !bearer_goes => last.logged,
            _ => bearer,
        };
        let header = described(&last.entry, &last_was.entry, bearer.entry.kind);
        if header != HeaderChange::default() {
            let edit = edits.entry(last.content.offset);
            edit.or_insert_with(|| change(HeaderChange::default()))
                .and(change(header));
        }
        bearer_goes
    }
}

/// Returns what gives an entry the metadata that a hard link has given the file. Of a symbolic link that is the owner.
fn described(entry: &Entry, like: &Entry, kind: Kind) -> HeaderChange {
    let owner = (like.uid, like.gid);
    let has_mode = kind != Kind::Symlink;
    let is_other = entry.mode & 0o7777 != like.mode & 0o7777;
    HeaderChange {
        mode: (has_mode && is_other).then_some(like.mode & 0o7777),
        owner: ((entry.uid, entry.gid) != owner).then_some(owner),
        mtime: (has_mode && entry.mtime != like.mtime).then_some(like.mtime.seconds),
        ..HeaderChange::default()
    }
}

/// Returns where an entry of that name comes to be. Behind what is in the way nothing but the name says what is meant.
fn real_path(tree: &Rootfs, name: &ImagePath) -> ImagePath {
    let (Some(parent), Some(last)) = (name.parent(), name.file_name()) else {
        return name.clone();
    };
    tree.directory_at(&parent).unwrap_or(parent).join(last)
}
