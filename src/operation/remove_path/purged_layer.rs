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
        let mut stays: Vec<Name<'_>> = self.all.into_iter().filter(|name| !name.goes).collect();
        let Some(first) = stays.first().filter(|_| stays.len() < n_names) else {
            return false;
        };
        let first = first.logged;
        let change = |header| GroupEdit::Change {
            header,
            content: None,
        };
        if bearer_goes {
            let header = HeaderChange {
                name: Some(first.entry.name.clone()),
                ..HeaderChange::default()
            };
            edits.insert(bearer.content.offset, change(header));
            edits.insert(first.content.offset, GroupEdit::Drop);
        }
        let spelled = &first.entry.name;
        let target = match ImagePath::from_entry_name(spelled) {
            Ok(_) => spelled.clone(),
            // As a name `..` stays in the root, as a target it does not.
            Err(_) => ImagePath::confined(spelled).entry_name().to_vec(),
        };
        // Engines remove what has the name of a link before they make it: nothing can link to itself.
        let own = ImagePath::confined(spelled);
        let is_own = |name: &mut Name<'_>| ImagePath::confined(&name.logged.entry.name) == own;
        for link in stays.extract_if(1.., is_own) {
            edits.insert(link.logged.content.offset, GroupEdit::Drop);
        }
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

#[cfg(test)]
mod tests {
    use super::{GroupEdit, HeaderChange, ImagePath, Looking, PathSet, Rootfs};
    use crate::rootfs::tests::logs;

    /// What becomes of the entries of a layer of which these paths go, and whether a hard link takes the place of one.
    fn purged(layer: &str, paths: &str) -> (String, bool) {
        let paths = paths.split(' ');
        let paths: Vec<_> = paths.map(|path| ImagePath::parse(path).unwrap()).collect();
        let (log, paths) = (&logs(layer)[0], PathSet::topmost(&paths));
        let mut looking = Looking::new(&paths);
        let look = |tree: &Rootfs, logged| looking.look(tree, logged);
        Rootfs::new().add_watched(0, log, look).unwrap();
        let mut has_heir = false;
        for names in looking.names {
            has_heir |= names.rehome(&mut looking.edits);
        }
        let shown = looking.edits.iter().map(|(offset, edit)| {
            let mut entries = log.entries.iter();
            let of = entries.find(|logged| logged.content.offset == *offset);
            let name = String::from_utf8_lossy(&of.unwrap().entry.name);
            let GroupEdit::Change { header, .. } = edit else {
                return format!("{name} goes");
            };
            let HeaderChange {
                name: new,
                link_name,
                mode,
                owner,
                mtime,
                ..
            } = header;
            let text = |(key, bytes): (&str, &Option<Vec<u8>>)| {
                let text = String::from_utf8_lossy(bytes.as_ref()?);
                Some(format!(" {key}={text}"))
            };
            let texts = [("name", new), ("link", link_name)].into_iter();
            let texts: String = texts.filter_map(text).collect();
            let mode = mode.map_or(String::new(), |mode| format!(" mode={mode:o}"));
            let owner = owner.map_or(String::new(), |(uid, gid)| format!(" owner={uid}:{gid}"));
            let mtime = mtime.map_or(String::new(), |mtime| format!(" mtime={mtime}"));
            format!("{name}:{texts}{mode}{owner}{mtime}")
        });
        (shown.collect::<Vec<_>>().join("; "), has_heir)
    }

    #[test]
    fn a_file_lives_on_under_its_other_names_as_the_last_one_describes_it() {
        for (layer, paths, edits, has_heir) in [
            ("file a; file b", "/q", "", false),
            ("file a; file b", "/a", "a goes", false),
            ("dir d; file d/a; file b", "/d", "d goes; d/a goes", false),
            ("file a; hard b -> a; hard c -> b", "/q", "", false),
            ("file a; hard b -> a", "/a /b", "a goes; b goes", false),
            ("file a; hard b -> a", "/a", "a: name=b; b goes", true),
            (
                "file a; hard b -> a mode=0600 uid=5 mtime=7",
                "/a",
                "a: name=b mode=600 owner=5:0 mtime=7; b goes",
                true,
            ),
            (
                "file a; hard b -> a; hard c -> b",
                "/a",
                "a: name=b; b goes; c: link=b",
                true,
            ),
            (
                "file a; hard b -> a; hard c -> b",
                "/b",
                "b goes; c: link=a",
                false,
            ),
            (
                "file a mode=0600; hard b -> a; hard c -> b mode=0600",
                "/a",
                "a: name=b; b goes; c: link=b",
                true,
            ),
            (
                "file a; hard b -> a; hard c -> b mode=0600",
                "/c",
                "b: link=a mode=600; c goes",
                false,
            ),
            (
                "file a; hard b -> a uid=5",
                "/b",
                "a: owner=5:0; b goes",
                false,
            ),
            (
                "link a -> x; hard b -> a mode=0600 uid=5 mtime=7",
                "/b",
                "a: owner=5:0; b goes",
                false,
            ),
            // As a name `..` stays in the root, as a target it does not.
            (
                "file ../a; hard b -> a; hard c -> a",
                "/b",
                "b goes; c: link=a",
                false,
            ),
            // What is below the directory of AUFS is no file of its own.
            ("file .wh..wh.plnk/1", "/a", "", false),
            (
                "file .wh..wh.plnk/1; hard a -> .wh..wh.plnk/1; hard b -> .wh..wh.plnk/1",
                "/a",
                "a goes",
                false,
            ),
            (
                "file .wh..wh.plnk/1; hard a -> .wh..wh.plnk/1; hard b -> .wh..wh.plnk/1",
                "/a /b",
                ".wh..wh.plnk/1 goes; a goes; b goes",
                false,
            ),
        ] {
            let wanted = (edits.to_owned(), has_heir);
            assert_eq!(purged(&format!("layer: {layer}"), paths), wanted, "{layer}");
        }
    }

    #[test]
    fn a_whiteout_goes_with_what_it_hides() {
        let layer = "layer: dir d; file d/.wh.a; file d/.wh.a2; file d/.wh..wh..opq; file d/b";
        for (paths, edits) in [
            ("/d/a", "d/.wh.a goes"),
            ("/d/b", "d/b goes"),
            ("/d/.wh.a", ""),
            (
                "/d",
                "d goes; d/.wh.a goes; d/.wh.a2 goes; d/.wh..wh..opq goes; d/b goes",
            ),
        ] {
            assert_eq!(purged(layer, paths).0, edits, "{paths}");
        }
    }
}
