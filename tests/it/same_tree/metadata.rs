//! Metadata that is hard to write down, which a new layer has to write for parents, for what moves and for what changes.

use ocipatch::tarball::Kind;

use super::rows::Case;
use crate::stacks::item::{Hand, Item, stream};
use crate::stacks::model::{Tree, clean};

/// `cap_net_raw+ep`, as the kernel stores it.
const CAPABILITY: &[u8] = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn item(kind: Kind, name: &[u8], mode: u32) -> Item {
    let mut item = Item::new(kind, name);
    item.entry.mode = mode;
    item.entry.mtime.seconds = 1_700_000_000;
    item
}

fn owned(mut item: Item, uid: u64, gid: u64) -> Item {
    (item.entry.uid, item.entry.gid) = (uid, gid);
    item
}

fn with(mut item: Item, name: &[u8], value: &[u8]) -> Item {
    item.entry.xattrs.push((name.to_vec(), value.to_vec()));
    item
}

fn file(name: &[u8], mode: u32, content: &[u8]) -> Item {
    let mut item = item(Kind::File, name, mode);
    item.content = content.to_vec();
    item.entry.size = content.len() as u64;
    item
}

fn symlink(name: &[u8], to: &[u8]) -> Item {
    let mut item = item(Kind::Symlink, name, 0o777);
    item.entry.link_name = to.to_vec();
    item
}

/// Another name, with the metadata of the file, as those who write tars have it.
fn name(of: &Item, name: &[u8]) -> Item {
    let mut item = of.clone();
    item.entry.kind = Kind::HardLink;
    item.entry.link_name.clone_from(&of.entry.name);
    item.entry.name = name.to_vec();
    item.entry.size = 0;
    item.content.clear();
    item
}

fn device(kind: Kind, name: &[u8], numbers: (u32, u32)) -> Item {
    let mut item = item(kind, name, 0o640);
    item.entry.device = numbers;
    item
}

/// A directory `h` of everything, and `i` beside it.
fn hard() -> Vec<Item> {
    let long = [b'n'; 200];
    let deep = [&b"h/"[..], &[b'p'; 140], b"/", &[b'q'; 150]].concat();
    let deepest = [&deep[..], b"/", &[b'r'; 255]].concat();
    let attributes = with(
        file(b"h/attributes", 0o755, b"x"),
        b"user.lines",
        b"one\ntwo\0\xff\n",
    );
    let attributes = with(attributes, b"security.capability", CAPABILITY);
    let far = file(&deepest, 0o644, b"a path of more than 255 bytes");
    let directory = |name: &[u8], mode| item(Kind::Directory, &[name, b"/"].concat(), mode);
    vec![
        with(directory(b"h", 0o2751), b"user.of", b"a\ndirectory"),
        file(b"h/\xff\xfe not utf-8", 0o644, b"bytes"),
        attributes.clone(),
        device(Kind::BlockDevice, b"h/block", (7, 300)),
        owned(device(Kind::CharDevice, b"h/char", (1, 3)), 0, 6),
        item(Kind::Fifo, b"h/fifo", 0o622),
        owned(file(b"h/high", 0o640, b"ids"), 2_097_152, 4_000_000_000),
        file(
            &[b"h/", &long[..]].concat(),
            0o644,
            b"a name of more than 100 bytes",
        ),
        directory(&[&b"h/"[..], &[b'p'; 140]].concat(), 0o755),
        owned(directory(&deep, 0o700), 3_000_000, 3_000_000),
        far.clone(),
        file(b"h/setgid", 0o2755, b"g"),
        file(b"h/setuid", 0o4711, b"u"),
        directory(b"h/sticky", 0o1777),
        symlink(b"h/to a long one", &deepest),
        name(&far, b"h/zz other name"),
        name(&attributes, "h/ünïcode".as_bytes()),
        directory(b"i", 0o755),
    ]
}

/// The tree of these items when their names and links below `h` begin with `new`, each changed by `change`.
fn meant(new: &[u8], change: impl Fn(&mut Item)) -> Tree {
    let mut items = hard();
    for item in &mut items {
        let entry = &mut item.entry;
        let is_below = |name: &[u8]| clean(name).0[0] == b"h";
        let renamed = |name: &[u8]| [new, &name[1..]].concat();
        if is_below(&entry.name) {
            entry.name = renamed(&entry.name);
        }
        if entry.kind == Kind::HardLink {
            entry.link_name = renamed(&entry.link_name);
        }
        change(item);
    }
    if new.starts_with(b"new/") {
        items.push(Item::new(Kind::Directory, b"new/"));
    }
    let mut tree = Tree::default();
    tree.add(&items).unwrap();
    tree
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, operations: &[&str], meant: Tree| Case {
        name: format!("metadata-{name}"),
        streams: vec![stream(&hard(), Hand::Plain)],
        operations: operations.iter().map(|&text| text.to_owned()).collect(),
        meant,
    };
    let mut added = meant(b"h", |_| ());
    let q = "q".repeat(150);
    let p = "p".repeat(140);
    let new = format!("h/{p}/{q}/new");
    added.place(&Item::file(new.as_bytes(), b"n")).unwrap();
    let closed_to_others = || {
        meant(b"h", |item| {
            if item.entry.name != b"h/"
                && item.entry.name != b"i/"
                && item.entry.kind != Kind::Symlink
            {
                item.entry.mode &= !0o7;
            }
        })
    };
    vec![
        case(
            "of-parents",
            &[&format!(
                "add-layer: {{ files: [{{ path: /{new}, content: n }}] }}"
            )],
            added,
        ),
        case(
            "moved",
            &["move-path: { /h: /new/h }"],
            meant(b"new/h", |_| ()),
        ),
        case(
            "of-other-modes",
            &["set-mode: { '/h/**': 'o-rwx' }"],
            closed_to_others(),
        ),
        case(
            "of-other-modes-in-the-layer",
            &["set-mode: { set: { '/h/**': 'o-rwx' }, in: layer }"],
            closed_to_others(),
        ),
        case(
            "of-another-owner",
            &["set-owner: { '/h/**': '2097152:2200000' }"],
            meant(b"h", |item| {
                if item.entry.name != b"h/" && item.entry.name != b"i/" {
                    (item.entry.uid, item.entry.gid) = (2_097_152, 2_200_000);
                }
            }),
        ),
        case(
            "squashed",
            &[
                "move-path: { /h: /g }",
                "set-mode: { /i: '0700' }",
                "squash: all",
            ],
            meant(b"g", |item| {
                if item.entry.name == b"i/" {
                    item.entry.mode = 0o700;
                }
            }),
        ),
    ]
}
