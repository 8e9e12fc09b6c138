//! `set-mode` and `set-owner`: which files a pattern means, and what of them is another then.

mod mode;

use std::collections::HashSet;

pub use self::mode::{Clause, FileMode};
use super::{Inverse, Needs, Room};
use crate::edit::claims::{Claimed, Intent};
use crate::edit::effort::Effort;
use crate::edit::files::{EditTarget, FileEdit, FileEdits};
use crate::edit::image::{EditedImage, Missing};
use crate::edit::kept::names_of;
use crate::edit::matching::{has_pattern, matching};
use crate::image_path::ImagePath;
use crate::operation::{Docs, ValueOf};
use crate::problem::Address;
use crate::rootfs::{Node, Resolution, Rootfs};
use crate::shape::{
    EditPlace, Ids, IfMissing, NoNewLayer, PathMap, Paths, Shape, Short, Word, record,
};
use crate::tarball::{HeaderChange, Kind};

record! {
    /// What to set, and options.
    pub struct PathSettings<T: PathSetting>(T::LONG) {
        /// Values by path or pattern; the last match wins.
        "set" pub settings: Vec<(ImagePath, T)> = required::<Paths<T>>(T::HELP);
        /// What to do if a pattern matches nothing: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
        /// The layer that is changed.
        "in" pub place: EditPlace = default::<EditPlace>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
        is_long: bool = is_long();
    }
    short Short::Map { key: "set", unless: "set" }, T::EITHER, T::EITHER_DESCRIPTION;
    rule NoNewLayer;
}

impl<T> PathSettings<T> {
    /// Returns the address of the setting `index`, given the one of the operation.
    #[must_use]
    pub fn address(&self, operation: Address, index: usize) -> Address {
        if self.is_long {
            operation.key("set").index(index)
        } else {
            operation.index(index)
        }
    }
}

/// What an operation sets of files.
pub(crate) trait PathSetting: PathMap<To: Shape<Value = Self>> + Sized {
    /// The name of the long form in the schema.
    const LONG: &'static str;
    /// The name of both forms.
    const EITHER: &'static str;
    /// What both forms are.
    const EITHER_DESCRIPTION: &'static str;
}

impl PathMap for FileMode {
    type To = Self;

    const NAME: &'static str = "Modes";
    const DESCRIPTION: &'static str = "Permissions by path or pattern; the last match wins";
    const HELP: &'static str = "write at least one path, as in `{ /usr/bin/app: \"0755\" }`";
    const KEY: &'static str = "set";
}

impl PathSetting for FileMode {
    const LONG: &'static str = "LongModeSettings";
    const EITHER: &'static str = "ModeSettings";
    const EITHER_DESCRIPTION: &'static str =
        "Permissions by path or pattern, or a map of these and of options";
}

/// User and group.
impl PathMap for (u32, u32) {
    type To = Ids;

    const NAME: &'static str = "Owners";
    const DESCRIPTION: &'static str = "Owners by path or pattern; the last match wins";
    const HELP: &'static str = "write at least one path, as in `{ /srv/app: \"1000:1000\" }`";
    const KEY: &'static str = "set";
}

impl PathSetting for (u32, u32) {
    const LONG: &'static str = "LongOwnerSettings";
    const EITHER: &'static str = "OwnerSettings";
    const EITHER_DESCRIPTION: &'static str =
        "Owners by path or pattern, or a map of these and of options";
}

impl Room for PathSettings<FileMode> {
    type Shape = Self;

    const KEY: &'static str = "set-mode";

    const DOCS: Docs = Docs {
        does: "Sets the permissions of files and directories.",
        takes: "`{path: mode, …}` with patterns, or `{set: {path: mode, …}, in: layer, if-missing: ignore, created-by: string}`",
        example: "{ /etc/a: go-r }",
        before: "layers: [etc/(0755) etc/a(0644)]",
        after: "layers: [etc/(0755) etc/a(0644)] [etc/(0755) etc/a(0600)]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] =
        &["{ set: { '/etc/**': go-w, /etc/greeting: '0600' }, if-missing: ignore }"];

    fn needs(settings: &ValueOf<Self>) -> Needs<'_> {
        Needs::edit(settings.place)
    }

    fn plan<'a>(settings: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        set_modes(image, settings);
    }
}

impl Room for PathSettings<(u32, u32)> {
    type Shape = Self;

    const KEY: &'static str = "set-owner";

    const DOCS: Docs = Docs {
        does: "Sets the owner of files and directories.",
        takes: "`{path: \"uid:gid\", …}` with patterns, or what `set-mode` takes",
        example: "{ /etc/a: \"5:7\" }",
        before: "layers: [etc/(0:0) etc/a(0:0)]",
        after: "layers: [etc/(0:0) etc/a(0:0)] [etc/(0:0) etc/a(5:7)]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] = &["{ set: { '/etc/**': '5:7' }, if-missing: ignore }"];

    fn needs(settings: &ValueOf<Self>) -> Needs<'_> {
        Needs::edit(settings.place)
    }

    fn plan<'a>(settings: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        set_owners(image, settings);
    }
}

/// Sets permissions. A link has none of its own: one that is named leads to what is meant, others are passed over.
fn set_modes(image: &mut EditedImage<'_>, settings: &PathSettings<FileMode>) {
    let claim = |mode: &FileMode| mode.to_string();
    let edit = |node: &Node, mode: &FileMode| {
        let was = node.mode & 0o7777;
        let now = mode.apply(was, node.kind == Kind::Directory);
        (node.kind != Kind::Symlink && now != was).then(|| FileEdit {
            header: HeaderChange {
                mode: Some(now),
                ..HeaderChange::default()
            },
            content: None,
            new: None,
            detail: format!("{was:04o} → {now:04o}"),
        })
    };
    set(image, settings, "mode", claim, edit);
}

/// Sets owners. A link that is named leads to what is meant, as with `chown`; one that a pattern finds is meant itself.
fn set_owners(image: &mut EditedImage<'_>, settings: &PathSettings<(u32, u32)>) {
    let claim = |(uid, gid): &(u32, u32)| format!("{uid}:{gid}");
    let edit = |node: &Node, (uid, gid): &(u32, u32)| {
        let (uid, gid) = (u64::from(*uid), u64::from(*gid));
        ((uid, gid) != (node.uid, node.gid)).then(|| FileEdit {
            header: HeaderChange {
                owner: Some((uid, gid)),
                ..HeaderChange::default()
            },
            content: None,
            new: None,
            detail: format!("{}:{} → {uid}:{gid}", node.uid, node.gid),
        })
    };
    set(image, settings, "owner", claim, edit);
}

fn set<T>(
    image: &mut EditedImage<'_>,
    settings: &PathSettings<T>,
    thing: &str,
    claim: impl Fn(&T) -> String,
    edit: impl Fn(&Node, &T) -> Option<FileEdit>,
) {
    let address = image.address();
    let mut meant: Vec<(ImagePath, usize)> = Vec::new();
    let mut notes = Vec::new();
    for (s, (pattern, value)) in settings.settings.iter().enumerate() {
        let tree = image.state.tree.as_ref().expect("the tree was read");
        let found = find(tree, pattern, &image.state.effort);
        let place = || settings.address(address.clone(), s);
        image.look(s, !found.is_empty(), settings.if_missing, |_| {
            let help = "`if-missing: ignore`, beside `set`, allows the path to be missing";
            Missing::path(place(), pattern, help)
        });
        if !has_pattern(pattern)
            && let Some(real) = found.first()
        {
            if real != pattern {
                notes.push(format!(
                    "`{pattern}` is a link or leads through one, to `{real}`"
                ));
            }
            let claimed = Claimed::file(real, thing);
            image.claim(claimed, Intent::Set(claim(value)), place());
        }
        meant.extend(found.into_iter().map(|path| (path, s)));
    }
    if image.state.effort.is_spent() {
        return;
    }
    let state = &mut *image.state;
    for note in notes {
        state.note(note);
    }
    let tree = state.tree.as_ref().expect("the tree was read");
    let edits = edits(tree, meant, |node, s| edit(node, &settings.settings[s].1));
    let target = EditTarget {
        place: settings.place,
        created_by: settings.created_by.as_deref(),
        address: &address,
    };
    image.edit_files(edits, &target);
}

/// Returns what becomes of the paths that settings mean; the last one counts, by whichever name of a file it is meant.
fn edits(
    tree: &Rootfs,
    meant: Vec<(ImagePath, usize)>,
    edit: impl Fn(&Node, usize) -> Option<FileEdit>,
) -> FileEdits {
    let names = names_of(tree, meant.iter().map(|(path, _)| path));
    let mut is_made = HashSet::new();
    let mut edits = FileEdits::new();
    for (path, s) in meant {
        let node = tree.get(&path).expect("what was found is there");
        let paths = match names.get(&node.inode) {
            Some(_) if !is_made.insert((node.inode, s)) => continue,
            Some(names) => names.iter().cloned().collect(),
            None => vec![path],
        };
        let edit = edit(node, s);
        for path in paths {
            match &edit {
                Some(edit) => drop(edits.insert(path, edit.clone())),
                // A later setting may say that it stays as it is.
                None => drop(edits.remove(&path)),
            }
        }
    }
    edits
}

/// Returns the real paths that are meant: by a pattern what it finds, by a path what that leads to.
fn find(tree: &Rootfs, pattern: &ImagePath, effort: &Effort) -> Vec<ImagePath> {
    if has_pattern(pattern) {
        return matching(tree, pattern, effort).0.into_iter().collect();
    }
    match tree.resolve(pattern) {
        Resolution::Found { path } if !path.is_root() => vec![path],
        _ => Vec::new(),
    }
}
