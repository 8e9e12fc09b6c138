//! Taking paths away by whiteouts in a new layer: what each pattern finds, and what of it is told.

mod purge;
mod purged_layer;

use std::collections::BTreeSet;

use super::{Inverse, Needs, Reach, Room};
use crate::edit::files::EditTarget;
use crate::edit::image::{EditedImage, Missing};
use crate::edit::matching::matching;
use crate::edit::{Change, tree_changes};
use crate::image_path::ImagePath;
use crate::layer::whiteouts;
use crate::operation::{Docs, ValueOf};
use crate::problem::{Address, Code, quoted};
use crate::rootfs::{PathSet, Rootfs};
use crate::shape::{
    EditPlace, Field, IfMissing, NotWith, PATH_KEY, Problems, Requires, Shape, Short, Word, Yes,
    item_address, list, record, shape, string_like, too_long,
};
use crate::tarball::Kind;

const HELP: &str = "write at least one path or pattern, as in `[/var/cache/*]`";

record! {
    /// Paths, and what to do if one does not exist.
    pub struct PathRemoval("LongPathRemoval") {
        /// The patterns.
        "match" pub patterns: Vec<ImagePath> = required::<PathPatterns>(HELP);
        /// What to do if a pattern matches nothing: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
        /// `true` removes the paths from every layer, so that the archive no longer contains them.
        "purge" pub purges: bool = default::<Yes>();
        /// `true` drops layers that become empty.
        "drop-empty-layers" pub drops_empty_layers: bool = default::<Yes>();
        is_long: bool = is_long();
    }
    short Short::Value("match"), "PathRemoval", "Paths and patterns, or a map of them and of options";
    rule Requires { keys: &["drop-empty-layers"], other: "purge" };
    rule NotWith {
        key: "purge",
        others: &["created-by"],
        case: "if no layer is added",
        help: "the layer keeps its history entry",
    };
}

impl PathRemoval {
    /// Returns the address of the pattern `index`, given the one of the operation.
    #[must_use]
    pub fn pattern_address(&self, operation: Address, index: usize) -> Address {
        item_address(operation, index, self.is_long)
    }
}

shape! {
    /// Paths and patterns
    struct PathPatterns("PathPatterns") -> Vec<ImagePath> {
        list::<PathPattern>,
        |field, problems| {
            let items = field.items(HELP, problems)?;
            let patterns: Vec<Option<ImagePath>> =
                items.iter().map(|item| pattern(item, problems)).collect();
            patterns.into_iter().collect()
        }
    }
}

shape! {
    /// An absolute path without `..`; `*` and `?` match characters of one name, `**` matches any directories
    struct PathPattern("PathPattern") -> ImagePath {
        |_| string_like(PATH_KEY.pattern, PATH_KEY.message),
        pattern
    }
}

fn pattern(field: &Field<'_>, problems: &mut Problems) -> Option<ImagePath> {
    let path = ImagePath::decode(field, problems)?;
    let too_long = field.node.as_text().and_then(|text| too_long(field, text));
    if let Some(problem) = too_long {
        problems.add(problem);
        return None;
    }
    if path.is_root() {
        let problem = field.problem(Code::InvalidPath, "the root directory cannot be removed");
        problems.add(problem.with_help("`/*` is everything in it"));
        return None;
    }
    Some(path)
}

impl Room for PathRemoval {
    type Shape = Self;

    const KEY: &'static str = "remove-path";

    const DOCS: Docs = Docs {
        does: "Removes files and directories with a layer of whiteouts, or from every layer.",
        takes: "`[path, …]` with patterns, or `{match: [path, …], purge: true, if-missing: ignore, created-by: string}`",
        example: "[/etc/a]",
        before: "layers: [etc/ etc/a etc/b]",
        after: "layers: [etc/ etc/a etc/b] [etc/ etc/.wh.a]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] = &[
        "{ match: [/etc/greeting, '/var/**/*.log'], if-missing: ignore }",
        "{ match: [/etc/greeting], purge: true, if-missing: ignore }",
    ];

    fn needs(removal: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(if removal.purges {
            Reach::FilesWithin
        } else {
            Reach::FilesAbove
        })
    }

    fn plan<'a>(removal: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        remove(image, removal);
    }
}

/// Adds the problem that a path is to go that an earlier operation has added.
fn refuse_added(image: &mut EditedImage<'_>, path: &ImagePath) {
    let message = format!(
        "{} is added by an earlier operation",
        quoted(&path.to_text())
    );
    let address = image.address();
    image.problem(Code::Contradiction, address, message, "keep one of the two");
}

/// Removes what the patterns find.
fn remove(image: &mut EditedImage<'_>, removal: &PathRemoval) {
    if removal.purges {
        return purge::purge(image, removal);
    }
    let address = image.address();
    let tree = image.state.tree.as_ref().expect("the tree was read");
    let mut paths = BTreeSet::new();
    let mut notes = Vec::new();
    let mut is_found = Vec::new();
    for pattern in &removal.patterns {
        let (found, note) = matching(tree, pattern, &image.state.effort);
        is_found.push(!found.is_empty());
        notes.extend(note);
        paths.extend(found);
    }
    look_for_patterns(image, removal, &is_found);
    if image.state.effort.is_spent() {
        return;
    }
    let paths = topmost(&paths);
    if paths.is_empty() {
        return;
    }
    if let Some(path) = image.state.first_added(&paths, image.layers) {
        return refuse_added(image, &path);
    }
    let tree = image.state.tree.as_ref().expect("the tree was read");
    let hidden: u64 = paths.iter().map(|path| content_bytes(tree, path)).sum();
    if hidden > 0 {
        let bytes = match hidden {
            1 => "1 removed byte stays".to_owned(),
            n => format!("{n} removed bytes stay"),
        };
        notes.push(format!(
            "{bytes} in the layers below, where everyone who has the image can read them"
        ));
    }
    let gone = |path: &ImagePath| {
        let kind = tree.get(path).map_or(Kind::File, |node| node.kind);
        tree_changes::file_change(Change::Removed, path, kind)
    };
    let files = paths.iter().map(gone).collect();
    let content = whiteouts(&paths, tree, image.around.epoch);
    let state = &mut *image.state;
    for note in notes {
        state.note(note);
    }
    let target = EditTarget {
        place: EditPlace::NewLayer,
        created_by: removal.created_by.as_deref(),
        address: &address,
    };
    image.lay_files(content, files, &target);
}

/// Notes which of the patterns find something in the image.
fn look_for_patterns(image: &mut EditedImage<'_>, removal: &PathRemoval, is_found: &[bool]) {
    for (p, pattern) in removal.patterns.iter().enumerate() {
        image.look(p, is_found[p], removal.if_missing, |image| {
            let help = "`if-missing: ignore` beside `match` allows a pattern to match nothing";
            Missing::path(removal.pattern_address(image.address(), p), pattern, help)
        });
    }
}

/// Returns the paths that are not below another one.
fn topmost(paths: &BTreeSet<ImagePath>) -> BTreeSet<ImagePath> {
    let topmost = PathSet::topmost(paths);
    let is_topmost = |path: &&ImagePath| topmost.contains(path);
    paths.iter().filter(is_topmost).cloned().collect()
}

/// Returns how many bytes the layers have of the content of a path and of what is below it.
fn content_bytes(tree: &Rootfs, path: &ImagePath) -> u64 {
    let own = tree.get(path).into_iter();
    let below = tree.below(path).map(|(_, node)| node);
    let files = own.chain(below).filter(|node| node.kind == Kind::File);
    files.map(|node| node.size - node.hole_bytes()).sum()
}
