//! Moves within the layers that hold what moves: every entry at or below a path gets another name, in whichever layer it is.

use super::Move;
use crate::edit::image::EditedImage;
use crate::edit::rewrites::{LayerEdits, tree_with};
use crate::image_path::ImagePath;
use crate::layer::GroupEdit;
use crate::problem::{Code, quoted};
use crate::rootfs::{Node, Rootfs, WHITEOUT};
use crate::tarball::{Entry, HeaderChange, Kind};

/// Renames the entries. Where that does not move just what the image shows there, nothing is changed and that is told.
pub(super) fn rename(image: &mut EditedImage<'_>, moves: &[Move]) {
    let address = image.address();
    let state = &*image.state;
    let tree = state.tree.as_ref().expect("the tree was read");
    let logs = state.logs.as_ref().expect("the layers were read");
    let mut found = LayerEdits::new();
    for layer in &state.layers {
        let place = state.place(*layer);
        for logged in &logs[&place].entries {
            if let Some(header) = renamed(&logged.entry, moves) {
                let edit = GroupEdit::Change {
                    header,
                    content: None,
                };
                let (entries, _) = found.entry(place).or_default();
                entries.insert(logged.content.offset, edit);
            }
        }
    }
    let after = tree_with(state, &found);
    let is_moved = after.is_ok_and(|after| has_moved(tree, &after, moves));
    if !is_moved {
        let paths: Vec<String> = moves.iter().map(|it| quoted(&it.from.to_text())).collect();
        let message = format!(
            "{} cannot be moved within the layers: a layer reaches it through a link, or implies it",
            paths.join(", ")
        );
        let help = "remove `in: layer` to move it in a new layer";
        return image.problem(Code::LayerConflict, address, message, help);
    }
    for moved in moves {
        let top = tree.get(&moved.from).expect("what was found is there");
        let (_, files) = found.entry(top.layer).or_default();
        files.extend(moved.changes(top.kind));
    }
    image.rewrite(found, &address);
}

/// Returns what changes in an entry that is at or below a path that moves, or is a link to such a one.
fn renamed(entry: &Entry, moves: &[Move]) -> Option<HeaderChange> {
    let is_link = entry.kind == Kind::HardLink;
    let header = HeaderChange {
        name: moved_name(&entry.name, moves),
        link_name: moved_name(&entry.link_name, moves).filter(|_| is_link),
        ..HeaderChange::default()
    };
    (header.name.is_some() || header.link_name.is_some()).then_some(header)
}

/// Returns the new name of an entry, spelled as the old one is.
fn moved_name(name: &[u8], moves: &[Move]) -> Option<Vec<u8>> {
    let path = ImagePath::confined(name);
    // What a whiteout hides moves, and the whiteout with it.
    let hidden = path
        .file_name()
        .and_then(|name| name.strip_prefix(WHITEOUT));
    let hidden = hidden.filter(|name| !name.is_empty() && !name.starts_with(WHITEOUT));
    let meant = match hidden {
        Some(name) => path.parent()?.join(name),
        None => path.clone(),
    };
    let moved = moves.iter().find(|it| is_within(&meant, &it.from))?;
    let mut moved = meant.moved(&moved.from, &moved.to);
    if hidden.is_some() {
        let name = [WHITEOUT, moved.file_name()?].concat();
        moved = moved.parent()?.join(&name);
    }
    let start: &[u8] = match name {
        [b'.', b'/', ..] => b"./",
        [b'/', ..] => b"/",
        _ => b"",
    };
    let end: &[u8] = if name.ends_with(b"/") { b"/" } else { b"" };
    Some([start, moved.entry_name(), end].concat())
}

fn is_within(path: &ImagePath, directory: &ImagePath) -> bool {
    path == directory || super::is_below(path, directory)
}

/// Tells whether a tree is another one in which just that has moved; directories on the way may be new.
fn has_moved(before: &Rootfs, after: &Rootfs, moves: &[Move]) -> bool {
    let target = |path: &ImagePath| {
        let moved = moves.iter().find(|it| is_within(path, &it.from));
        moved.map_or_else(|| path.clone(), |it| path.moved(&it.from, &it.to))
    };
    let is_there = |(path, node): (ImagePath, &Node)| {
        let found = after.get(&target(&path));
        found.is_some_and(|found| is_same(node, found))
    };
    let is_new = |(path, node): &(ImagePath, &Node)| {
        let is_implied = node.is_implied && before.get(path).is_none();
        is_implied && !moves.iter().any(|it| is_within(path, &it.to))
    };
    let n_new = after.iter().filter(is_new).count();
    before.iter().all(is_there) && before.iter().count() + n_new == after.iter().count()
}

fn is_same(one: &Node, other: &Node) -> bool {
    (one.kind, one.mode, one.uid, one.gid, one.device, one.layer)
        == (
            other.kind,
            other.mode,
            other.uid,
            other.gid,
            other.device,
            other.layer,
        )
        && one.link_name == other.link_name
        && one.xattrs == other.xattrs
        && (one.content == other.content || one.kind != Kind::File)
}

#[cfg(test)]
mod tests {
    use super::{Kind, Move, Node, is_same, moved_name};
    use crate::image_path::ImagePath;
    use crate::rootfs::tests::rootfs;

    #[test]
    fn a_file_is_the_same_if_all_of_it_is() {
        let tree = rootfs("layer: file a; link l -> x; dir d; file x xattr:user.a=1").unwrap();
        let node = |path: &str| tree.get(&ImagePath::parse(path).unwrap()).unwrap().clone();
        let (file, link, directory, other) = (node("/a"), node("/l"), node("/d"), node("/x"));
        let changes: [&dyn Fn(&mut Node); 9] = [
            &|node| node.mode ^= 1,
            &|node| node.uid += 1,
            &|node| node.gid += 1,
            &|node| node.device.1 += 1,
            &|node| node.layer += 1,
            &|node| node.kind = Kind::Fifo,
            &|node| node.link_name = link.link_name.clone(),
            &|node| node.xattrs = other.xattrs.clone(),
            &|node| node.content = other.content,
        ];
        assert!(is_same(&file, &file));
        for (i, change) in changes.iter().enumerate() {
            let mut changed = file.clone();
            change(&mut changed);
            assert!(!is_same(&file, &changed), "{i}");
        }
        let mut moved = directory.clone();
        moved.content = other.content;
        assert!(is_same(&directory, &moved), "a directory has no content");
    }

    #[test]
    fn a_name_that_moves_is_spelled_as_before() {
        let moves = [("/d", "/e/f"), ("/x", "/")].map(|(from, to)| {
            let [from, to] = [from, to].map(|path| ImagePath::parse(path).unwrap());
            Move { from, to, index: 0 }
        });
        for (name, expected) in [
            ("d", Some("e/f")),
            ("d/", Some("e/f/")),
            ("./d", Some("./e/f")),
            ("./d/", Some("./e/f/")),
            ("/d", Some("/e/f")),
            ("/d/a", Some("/e/f/a")),
            ("d/a/b", Some("e/f/a/b")),
            ("x/a", Some("a")),
            // A whiteout moves with what it hides; what says that a directory is opaque is in that directory.
            (".wh.d", Some("e/.wh.f")),
            ("./.wh.d", Some("./e/.wh.f")),
            ("d/.wh.a", Some("e/f/.wh.a")),
            ("d/.wh..wh..opq", Some("e/f/.wh..wh..opq")),
            ("d/.wh.", Some("e/f/.wh.")),
            ("da", None),
            ("a/d", None),
            (".wh.da", None),
            (".wh..wh..opq", None),
            ("..", None),
            ("", None),
        ] {
            let moved = moved_name(name.as_bytes(), &moves);
            let moved = moved.map(|name| String::from_utf8(name).unwrap());
            assert_eq!(moved.as_deref(), expected, "{name}");
        }
    }
}
