//! `move-path`: everything at and below a path, put somewhere else by a layer on top, or in the layers that hold it.

mod within;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Docs, Inverse, Needs, Room, ValueOf};
use crate::edit::files::EditTarget;
use crate::edit::image::{EditedImage, Missing};
use crate::edit::kept::{entry_of, first_unsupported, names_of, put};
use crate::edit::matching::through_link;
use crate::edit::{Change, FileChange, tree_changes};
use crate::image_path::ImagePath;
use crate::layer::{Edit, lay_out};
use crate::problem::{Address, Code, quoted};
use crate::rootfs::{Obstacle, Resolution, Rootfs};
use crate::shape::{
    EditPlace, Field, IfMissing, NoNewLayer, PathMap, Paths, Problems, Short, Word, record,
};
use crate::tarball::{ImpliedDirectories, Kind, TooManyImplied};

record! {
    /// Paths to move, and options.
    pub struct PathMoves("LongPathMoves") {
        /// New paths by old path.
        "move" pub moves: Vec<(ImagePath, ImagePath)> = required::<Paths<Moves>>(Moves::HELP);
        /// What to do if a path does not exist: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
        /// The layer that is changed.
        "in" pub place: EditPlace = default::<EditPlace>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
        is_long: bool = is_long();
    }
    short Short::Map { key: "move", unless: "move" }, "PathMoves", "New paths by old path, or a map of these and of options";
    rule NoNewLayer;
}

impl PathMoves {
    /// Returns the address of the move `index`, given the one of the operation.
    #[must_use]
    pub fn address(&self, operation: Address, index: usize) -> Address {
        if self.is_long {
            operation.key("move").index(index)
        } else {
            operation.index(index)
        }
    }
}

struct Moves;

impl PathMap for Moves {
    type To = ImagePath;

    const NAME: &'static str = "Moves";
    const DESCRIPTION: &'static str = "New paths by old path";
    const HELP: &'static str =
        "write at least one path and its new path, as in `{ /etc/old.conf: /etc/new.conf }`";
    const KEY: &'static str = "move";

    fn check(from: &ImagePath, to: &ImagePath, field: &Field<'_>, problems: &mut Problems) {
        let why = match () {
            () if to == from => "is the same path",
            () if is_below(to, from) => "is inside it",
            () => return,
        };
        let message = format!("cannot move `{from}` to `{to}`, which {why}");
        problems.add(field.problem(Code::InvalidPath, message));
    }
}

fn is_below(path: &ImagePath, directory: &ImagePath) -> bool {
    std::iter::successors(path.parent(), ImagePath::parent).any(|parent| parent == *directory)
}

impl Room for PathMoves {
    type Shape = Self;

    const KEY: &'static str = "move-path";

    const DOCS: Docs = Docs {
        does: "Moves files and directories.",
        takes: "`{old: new, …}`, or `{move: {old: new, …}, in: layer, if-missing: ignore, created-by: string}`",
        example: "{ /etc/a: /srv/b }",
        before: "layers: [etc/ srv/ etc/a]",
        after: "layers: [etc/ srv/ etc/a] [etc/ etc/.wh.a srv/ srv/b]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] =
        &["{ move: { /etc/greeting: /srv/moved }, if-missing: ignore }"];

    fn needs(moves: &ValueOf<Self>) -> Needs<'_> {
        Needs::edit(moves.place)
    }

    fn plan<'a>(moves: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        move_paths(image, moves);
    }
}

/// A move between real paths, and which of the operation it is.
struct Move {
    from: ImagePath,
    to: ImagePath,
    index: usize,
}

impl Move {
    /// Returns what it changes of the files, for people; `kind` is that of what moves.
    fn changes(&self, kind: Kind) -> [FileChange; 2] {
        let Self { from, to, .. } = self;
        let added = FileChange {
            detail: Some(format!("from {from}")),
            ..tree_changes::file_change(Change::Added, to, kind)
        };
        [
            tree_changes::file_change(Change::Removed, from, kind),
            added,
        ]
    }
}

fn move_paths(image: &mut EditedImage<'_>, moves: &PathMoves) {
    let address = image.address();
    let tree = image.state.tree.as_ref().expect("the tree was read");
    let mut real = Vec::new();
    let mut is_found = vec![false; moves.moves.len()];
    let (mut problems, mut notes) = (Vec::new(), Vec::new());
    for (index, (asked, new)) in moves.moves.iter().enumerate() {
        let Resolution::Found { path: from } = tree.locate(asked) else {
            continue;
        };
        is_found[index] = true;
        match target_of(tree, new, (asked, moves)) {
            Ok(to) => {
                let led = [(asked, &from), (new, &to)].into_iter();
                let led = led.filter(|(written, real)| written != real);
                notes.extend(led.map(|(written, real)| through_link(written, real)));
                real.push(Move { from, to, index });
            }
            Err(reason) => problems.push((index, reason)),
        }
    }
    problems.extend(collisions(&real));
    let is_fine = problems.is_empty();
    for (index, message) in problems {
        let place = moves.address(address.clone(), index);
        image.bare_problem(Code::LayerConflict, place, message);
    }
    for (index, (from, _)) in moves.moves.iter().enumerate() {
        let place = || moves.address(address.clone(), index);
        let help = "`if-missing: ignore`, beside `move`, allows the path to be missing";
        let missing = |_: &EditedImage<'_>| Missing::path(place(), from, help);
        image.look(index, is_found[index], moves.if_missing, missing);
    }
    if is_fine && !real.is_empty() {
        for note in notes {
            image.state.note(note);
        }
        match moves.place {
            EditPlace::NewLayer => lay_moves(image, &real, moves.created_by.as_deref()),
            EditPlace::Layer => within::rename(image, &real),
        }
    }
}

/// Returns the real path that something new at `to` has, or why nothing can be there.
fn target_of(
    tree: &Rootfs,
    to: &ImagePath,
    (from, all): (&ImagePath, &PathMoves),
) -> Result<ImagePath, String> {
    let (Some(parent), Some(name)) = (to.parent(), to.file_name()) else {
        return Err("the root directory already exists".to_owned());
    };
    let real = match tree.directory_at(&parent) {
        Ok(real) => real,
        Err(Obstacle::File { path }) => {
            return Err(format!("{} is not a directory", quoted(&path.to_text())));
        }
        Err(Obstacle::Whiteout { path }) => {
            let path = quoted(&path.to_text());
            return Err(format!(
                "{path} is the name of a whiteout, which removes a file"
            ));
        }
        Err(Obstacle::Loop { link }) => {
            let link = quoted(&link.to_text());
            return Err(format!("the link {link} leads to itself"));
        }
    };
    let real = real.join(name);
    let Some(node) = tree.get(&real) else {
        return Ok(real);
    };
    let exists = format!("{} already exists", quoted(&real.to_text()));
    let inside = from.file_name().map(|name| real.join(name));
    let is_moved = all.moves.iter().any(|(other, _)| *other == real);
    Err(match inside {
        _ if is_moved => format!("{exists}; move it in an operation before this one"),
        Some(inside) if node.kind == Kind::Directory => {
            let inside = quoted(&inside.to_text());
            format!("{exists}; to move into this directory, write the whole path, {inside}")
        }
        _ => format!("{exists}; add `remove-path` before it"),
    })
}

/// Two moves of one layer may not touch what the other one does.
fn collisions(moves: &[Move]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut taken = Taken::default();
    for (n, later) in moves.iter().enumerate() {
        let mut own = Taken::default();
        own.take(&later.from, n);
        if own.first_meeting(&later.to).is_some() {
            let message = format!(
                "cannot move `{}` to `{}`: one is inside the other",
                later.from, later.to
            );
            found.push((later.index, message));
        }
        let paths = [&later.from, &later.to];
        let earlier = paths
            .iter()
            .filter_map(|path| taken.first_meeting(path))
            .min();
        if let Some(earlier) = earlier {
            let message = format!(
                "cannot move `{}` and `{}` at once; write one operation for each",
                moves[earlier].from, later.from
            );
            found.push((later.index, message));
        }
        for path in paths {
            taken.take(path, n);
        }
    }
    found
}

/// Paths that moves touch, as a tree of names.
#[derive(Default)]
struct Taken<'a> {
    /// By the number of a directory, the root being 0, and a name in it.
    children: HashMap<(usize, &'a [u8]), usize>,
    /// The first move that touches exactly this path.
    exactly: HashMap<usize, usize>,
    /// The first one that touches this path or what is below it.
    within: HashMap<usize, usize>,
}

impl<'a> Taken<'a> {
    /// Notes that a move touches a path; moves come in their order.
    fn take(&mut self, path: &'a ImagePath, by: usize) {
        let mut at = 0;
        self.within.entry(at).or_insert(by);
        for name in path.components() {
            let next = self.children.len() + 1;
            at = *self.children.entry((at, name)).or_insert(next);
            self.within.entry(at).or_insert(by);
        }
        self.exactly.entry(at).or_insert(by);
    }

    /// Returns the first move that touches a path, something in it, or something that it is in.
    fn first_meeting(&self, path: &'a ImagePath) -> Option<usize> {
        let mut at = 0;
        let mut found = self.exactly.get(&at).copied();
        for name in path.components() {
            match self.children.get(&(at, name)) {
                Some(&next) => at = next,
                None => return found,
            }
            let here = self.exactly.get(&at).copied();
            found = found.into_iter().chain(here).min();
        }
        let within = self.within.get(&at).copied();
        found.into_iter().chain(within).min()
    }
}

/// Counts the directories that are not there yet and that something at `path` implies.
fn count_implied(
    implied: &mut ImpliedDirectories,
    tree: &Rootfs,
    path: &ImagePath,
) -> Result<(), TooManyImplied> {
    implied.count_text(path.n_bytes());
    let mut above = path.parent();
    while let Some(missing) = above.filter(|above| tree.get(above).is_none()) {
        implied.count(missing.n_bytes())?;
        above = missing.parent();
    }
    Ok(())
}

fn lay_moves(image: &mut EditedImage<'_>, moves: &[Move], created_by: Option<&str>) {
    let state = &*image.state;
    let tree = state.tree.as_ref().expect("the tree was read");
    let address = image.address();
    let mut edits: BTreeMap<ImagePath, Edit> = BTreeMap::new();
    let mut files: Vec<FileChange> = Vec::new();
    let mut moved = BTreeSet::new();
    let mut implied = ImpliedDirectories::default();
    for it in moves {
        let Move { from, to, .. } = it;
        if let Err(many) = count_implied(&mut implied, tree, to) {
            let help = "move into directories that the image has";
            return image.problem(Code::LayerConflict, address, many.to_string(), help);
        }
        let top = tree.get(from).expect("what was found is there");
        for (path, node) in std::iter::once((from.clone(), top)).chain(tree.below(from)) {
            let edit = put(node, entry_of(node), state.data(node, image.layers));
            edits.insert(path.moved(from, to), edit);
            moved.insert(path);
        }
        edits.insert(from.clone(), Edit::Hide);
        files.extend(it.changes(top.kind));
    }
    if let Some(found) = first_unsupported(tree, &moved) {
        return image.refuse_unsupported(&found, &address);
    }
    // Other names of what moves come along, or they would be another file.
    for names in names_of(tree, &moved).into_values() {
        for other in names.into_iter().filter(|other| !moved.contains(other)) {
            let node = tree.get(&other).expect("a name of the tree is in it");
            let edit = put(node, entry_of(node), state.data(node, image.layers));
            edits.entry(other).or_insert(edit);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let content = lay_out(edits, tree, image.around.epoch);
    let target = EditTarget {
        place: EditPlace::NewLayer,
        created_by,
        address: &address,
    };
    image.lay_files(content, files, &target);
}

#[cfg(test)]
mod tests {
    use super::{ImagePath, Taken};

    #[test]
    fn moves_meet_at_a_path_above_it_and_below_it() {
        let path = |text: &str| ImagePath::parse(text).unwrap();
        let taken = ["/a/b", "/c", "/a/b/d", "/a"].map(path);
        let asked = ["/a/b", "/a/b/x", "/a", "/a/x", "/c/x/y", "/", "/x"].map(path);
        for (n_moves, wanted) in [
            (0, [None; 7]),
            (1, [Some(0), Some(0), Some(0), None, None, Some(0), None]),
            (2, [Some(0), Some(0), Some(0), None, Some(1), Some(0), None]),
            (
                4,
                [Some(0), Some(0), Some(0), Some(3), Some(1), Some(0), None],
            ),
        ] {
            let mut all = Taken::default();
            for (by, path) in taken[..n_moves].iter().enumerate() {
                all.take(path, by);
            }
            let found = asked.each_ref().map(|path| all.first_meeting(path));
            assert_eq!(found, wanted, "{n_moves}");
        }
        let (root, mut all) = (path("/"), Taken::default());
        all.take(&root, 5);
        assert_eq!(
            all.first_meeting(&taken[0]),
            Some(5),
            "all is below the root"
        );
    }
}
