//! Layers that nobody meant to write: paths through links, parents that are not there, whiteouts behind what they hide,
//! names that stand twice.

use ocipatch::tarball::{Kind, Mtime};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::item::Item;

#[derive(Debug, Clone)]
enum What {
    File,
    Directory,
    Symlink(&'static str),
    /// Another name of an earlier file of the layer, or of whatever is at a path.
    Name(Index, Option<&'static str>),
    Whiteout,
    Opaque,
    Fifo,
    /// How overlayfs itself hides a file.
    Device,
}

type Line = (Vec<&'static str>, &'static str, What, u32, i64);

fn line() -> impl Strategy<Value = Line> {
    let names = vec(select(vec!["a", "b", "c", "d"]), 1..4);
    let before = select(vec![
        "", "", "", "", "", "", "./", "/", "../", "a/../", ".//",
    ]);
    let target = select(vec![
        "a",
        "b",
        "/c",
        "../d",
        "a/b",
        "/a/b/c",
        "..",
        "/",
        "nowhere/x",
        "gone/../a",
    ]);
    let path =
        prop_oneof![4 => Just(None), 1 => select(vec!["a", "a/b", "c/../b", "/c"]).prop_map(Some)];
    let what = prop_oneof![
        6 => Just(What::File),
        4 => Just(What::Directory),
        2 => target.prop_map(What::Symlink),
        2 => (any::<Index>(), path).prop_map(|(index, path)| What::Name(index, path)),
        3 => Just(What::Whiteout),
        1 => Just(What::Opaque),
        1 => select(vec![What::Fifo, What::Device]),
    ];
    (
        names,
        before,
        what,
        select(vec![0o644, 0o600, 0o755, 0o4711]),
        select(vec![0, 5, 1_900_000_000]),
    )
}

fn layer(lines: &[Line], number: usize) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for (n, (names, before, what, mode, mtime)) in lines.iter().enumerate() {
        let (last, parents) = names.split_last().expect("a path has a name");
        let at = |last: &str| {
            let directories = parents
                .iter()
                .fold(String::new(), |text, name| text + name + "/");
            format!("{before}{directories}{last}").into_bytes()
        };
        let files: Vec<&Item> = items
            .iter()
            .filter(|item| item.entry.kind == Kind::File)
            .filter(|item| !item.content.is_empty())
            .collect();
        let mut item = match what {
            What::Name(index, path) if path.is_some() || !files.is_empty() => {
                let mut item = Item::new(Kind::HardLink, &at(last));
                item.entry.link_name = match path {
                    Some(path) => path.as_bytes().to_vec(),
                    None => files[index.index(files.len())].entry.name.clone(),
                };
                item
            }
            What::File | What::Name(..) => {
                let text = format!("first of {number}\nsecret {number} {n}\nlast\n");
                Item::file(&at(last), text.as_bytes())
            }
            What::Directory => Item::new(Kind::Directory, &at(&format!("{last}/"))),
            What::Symlink(target) => {
                let mut item = Item::new(Kind::Symlink, &at(last));
                item.entry.link_name = target.as_bytes().to_vec();
                item
            }
            What::Whiteout => Item::new(Kind::File, &at(&format!(".wh.{last}"))),
            What::Opaque => Item::new(Kind::File, &at(".wh..wh..opq")),
            What::Fifo => Item::new(Kind::Fifo, &at(last)),
            What::Device => Item::new(Kind::CharDevice, &at(last)),
        };
        item.entry.mode = *mode;
        item.entry.mtime = Mtime {
            seconds: *mtime,
            nanoseconds: 0,
        };
        if mode & 1 == 1 {
            (item.entry.uid, item.entry.gid) = (7, 8);
        }
        items.push(item);
    }
    items
}

/// Returns stacks of `n` layers.
pub(crate) fn stack(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<Item>>> {
    vec(vec(line(), 1..9), n).prop_map(|layers| {
        let numbered = layers.iter().enumerate();
        numbered
            .map(|(number, lines)| layer(lines, number))
            .collect()
    })
}
