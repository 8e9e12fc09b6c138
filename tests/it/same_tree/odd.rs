//! Headers that others than Go's writer spell: what a patch makes of them is the same in every engine.

use std::path::Path;

use ocipatch::tarball::{Kind, Mtime};

use super::rows::Case;
use crate::raw::{GNU, Raw, Sparse, stream};
use crate::stacks::item::Item;
use crate::stacks::model::Tree;

const SIZE: u64 = 9000;
const PIECES: [(u64, &[u8]); 2] = [(512, b"first"), (8990, b"last")];
/// The highest owner that there is.
const HIGHEST: u64 = 4_294_967_294;

fn whole() -> Vec<u8> {
    let mut content = vec![0; usize::try_from(SIZE).unwrap()];
    for (offset, bytes) in PIECES {
        let offset = usize::try_from(offset).unwrap();
        content[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
    content
}

fn base() -> Vec<u8> {
    stream(&[
        Raw::new(b'5', "d/").mode(0o755),
        Raw::file("f", b"f"),
        Raw::file("g", b"g"),
    ])
}

fn base_items() -> Vec<Item> {
    let mut directory = Item::new(Kind::Directory, b"d/");
    directory.entry.mode = 0o755;
    vec![directory, Item::file(b"f", b"f"), Item::file(b"g", b"g")]
}

fn device(kind: Kind, name: &str, numbers: (u32, u32)) -> Item {
    let mut item = Item::new(kind, name.as_bytes());
    item.entry.device = numbers;
    item
}

fn owned(name: &str, content: &[u8], (uid, gid): (u64, u64)) -> Item {
    let mut item = Item::file(name.as_bytes(), content);
    (item.entry.uid, item.entry.gid) = (uid, gid);
    item
}

fn tree(items: &[Item], without: &[&str]) -> Tree {
    let mut tree = Tree::default();
    tree.add(&base_items()).unwrap();
    tree.add(items).unwrap();
    for path in without {
        tree.remove(&[path.as_bytes().to_vec()]);
    }
    tree
}

/// Devices as GNU tar writes them, one of numbers in base 256 and one of numbers that Linux cuts.
fn devices(directory: &str) -> Vec<Raw> {
    let name = |name: &str| format!("{directory}{name}");
    vec![
        Raw::device(b'3', &name("null"), (1, 3)).magic(GNU),
        Raw::device(b'4', &name("sda"), (8, 17)).magic(GNU),
        Raw::device(b'3', &name("base"), (0, 0))
            .magic(GNU)
            .bytes_at(329, b"\x80\0\0\0\0\0\0\x05")
            .bytes_at(337, b"\x80\0\0\0\0\0\x01\x02"),
        Raw::device(b'3', &name("cut"), (4097, 7)).bytes_at(337, b"\x80\0\0\0\0\x10\0\x07"),
        Raw::device(b'3', &name("star"), (1, 5)).bytes_at(508, b"tar\0"),
    ]
}

fn device_items(directory: &str) -> Vec<Item> {
    let name = |name: &str| format!("{directory}{name}");
    vec![
        device(Kind::CharDevice, &name("null"), (1, 3)),
        device(Kind::BlockDevice, &name("sda"), (8, 17)),
        device(Kind::CharDevice, &name("base"), (5, 258)),
        device(Kind::CharDevice, &name("cut"), (1, 7)),
        device(Kind::CharDevice, &name("star"), (1, 5)),
    ]
}

/// What operations take from beside the patch.
pub(super) fn write_sources(directory: &Path) {
    let write = |name: &str, entries: &[Raw]| {
        std::fs::write(directory.join(name), stream(entries)).unwrap();
    };
    write("gnu-devices.tar", &devices(""));
    for form in Sparse::ALL {
        let name = format!("sparse-{form:?}.tar");
        write(&name, &[form.file("sparse", SIZE, &PIECES)]);
    }
}

/// `a` and further names, each with metadata of its own; the last one counts.
fn names() -> Vec<Raw> {
    vec![
        Raw::file("a", b"a").mode(0o4755).owner(1, 2).mtime(1000),
        Raw::hard_link("b", "a").mode(0o600).owner(3, 4).mtime(2000),
        Raw::hard_link("c", "b").mode(0o640).owner(5, 6).mtime(3000),
    ]
}

fn name_items(mode: u32) -> Vec<Item> {
    let mut first = owned("a", b"a", (5, 6));
    first.entry.mode = mode;
    first.entry.mtime = Mtime {
        seconds: 3000,
        nanoseconds: 0,
    };
    let link = |name: &[u8]| {
        let mut link = first.clone();
        link.entry.name = name.to_vec();
        link.entry.kind = Kind::HardLink;
        link.entry.link_name = b"a".to_vec();
        link
    };
    let links = [link(b"b"), link(b"c")];
    [&[first][..], &links].concat()
}

fn case(name: &str, layer: Option<Vec<Raw>>, operation: &str, meant: Tree) -> Case {
    let streams = std::iter::once(base()).chain(layer.map(|layer| stream(&layer)));
    Case {
        name: format!("odd-{name}").to_lowercase(),
        streams: streams.collect(),
        operations: vec![operation.to_owned()],
        meant,
    }
}

fn cases_of_devices() -> Vec<Case> {
    let squashed = tree(&device_items(""), &[]);
    let directory = [Item::new(Kind::Directory, b"e/")];
    let moved = tree(&[&directory[..], &device_items("e/")].concat(), &["d"]);
    let move_path = "move-path: { /d: /e }";
    let zero = vec![
        Raw::device(b'3', "f", (0, 0)),
        Raw::hard_link("g", "f"),
        Raw::file("n", b"n"),
    ];
    let without = tree(&[Item::file(b"n", b"n")], &["f", "g"]);
    vec![
        case(
            "devices-squashed",
            Some(devices("")),
            "squash: all",
            squashed,
        ),
        case("devices-moved", Some(devices("d/")), move_path, moved),
        case(
            "devices-added",
            None,
            "add-layer: { from: gnu-devices.tar, to: /d }",
            tree(&device_items("d/"), &[]),
        ),
        case("zero-device-squashed", Some(zero), "squash: all", without),
    ]
}

fn cases_of_sparse_files(form: Sparse) -> Vec<Case> {
    let sparse = |what: &str, has_layer: bool, operation: &str, name: &str| {
        let layer = has_layer.then(|| vec![form.file("sparse", SIZE, &PIECES)]);
        let meant = tree(&[Item::file(name.as_bytes(), &whole())], &[]);
        case(&format!("sparse-{form:?}-{what}"), layer, operation, meant)
    };
    let add = format!("add-layer: {{ from: sparse-{form:?}.tar, to: /d }}");
    vec![
        sparse("kept", true, "set-label: { a: b }", "sparse"),
        sparse("squashed", true, "squash: all", "sparse"),
        sparse("moved", true, "move-path: { /sparse: /moved }", "moved"),
        sparse("added", false, &add, "d/sparse"),
    ]
}

fn cases_of_owners() -> Vec<Case> {
    let highest = i64::try_from(HIGHEST).unwrap();
    let layer = || {
        Some(vec![
            Raw::file("own", b"o").owner(highest, 3_059_377_464),
            Raw::file("minus", b"m").owner(-2, -1),
        ])
    };
    let kept = [
        owned("own", b"o", (HIGHEST, 3_059_377_464)),
        owned("minus", b"m", (HIGHEST, 0)),
    ];
    let given = [owned("own", b"o", (HIGHEST, HIGHEST)), kept[1].clone()];
    let set = "set-owner: { set: { /own: '4294967294:4294967294' }, in: layer }";
    let set_above = set.replace(", in: layer", "");
    vec![
        case(
            "owners-kept",
            layer(),
            "set-label: { a: b }",
            tree(&kept, &[]),
        ),
        case("owners-squashed", layer(), "squash: all", tree(&kept, &[])),
        case("owners-set", layer(), &set_above, tree(&given, &[])),
        case("owners-set-in-the-layer", layer(), set, tree(&given, &[])),
        case(
            "owners-added",
            None,
            "add-layer: { owner: '3059377464:4294967294', files: [{ path: /own, content: o }] }",
            tree(&[owned("own", b"o", (3_059_377_464, HIGHEST))], &[]),
        ),
    ]
}

/// umoci shows what the first name says where a layer of several is kept.
fn cases_of_names() -> Vec<Case> {
    let (squashed, set) = (name_items(0o640), name_items(0o444));
    vec![
        case(
            "metadata-of-names-squashed",
            Some(names()),
            "squash: all",
            tree(&squashed, &[]),
        ),
        case(
            "metadata-of-names-set",
            Some(names()),
            "set-mode: { /a: '0444' }",
            tree(&set, &[]),
        ),
    ]
}

fn cases_of_whiteouts() -> Vec<Case> {
    let again = || Some(vec![Raw::file(".wh.f", b""), Raw::file("f", b"new")]);
    let meant = || tree(&[Item::file(b"f", b"new")], &[]);
    let label = "set-label: { a: b }";
    vec![
        case("file-behind-its-whiteout-kept", again(), label, meant()),
        case(
            "file-behind-its-whiteout-squashed",
            again(),
            "squash: all",
            meant(),
        ),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let sparse = Sparse::ALL.into_iter().flat_map(cases_of_sparse_files);
    let all = [
        cases_of_devices(),
        sparse.collect(),
        cases_of_owners(),
        cases_of_names(),
        cases_of_whiteouts(),
    ];
    all.into_iter().flatten().collect()
}
