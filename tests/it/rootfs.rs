//! The tree and a new layer over a layer that Docker wrote: usrmerge links, modes, an owner, a hard link, an xattr.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use ocipatch::image_path::ImagePath;
use ocipatch::layer::{
    LayerContent, Metadata, Mode, Owner, SourceDirectory, SymlinkPolicy, Time, additions, compose,
};
use ocipatch::rootfs::{Resolution, Rootfs};
use ocipatch::tarball::{Kind, Stream, TarReader};

const LAYER: &[u8] = include_bytes!("../fixtures/docker20-base-layer.tar");

fn path(text: &str) -> ImagePath {
    ImagePath::parse(text).unwrap()
}

fn tree() -> Rootfs {
    let mut rootfs = Rootfs::new();
    let mut reader = TarReader::new(Stream(LAYER));
    rootfs.add_layer(0, &mut reader).unwrap();
    rootfs
}

#[test]
fn a_real_layer_is_a_tree() {
    let rootfs = tree();
    let greet = path("/usr/bin/greet");
    let found = Resolution::Found {
        path: greet.clone(),
    };
    assert_eq!(rootfs.resolve(&path("/bin/greet")), found);
    let node = |text| rootfs.get(&path(text)).unwrap();
    assert_eq!(node("/usr/bin/greet").inode, node("/usr/bin/hello").inode);
    assert_eq!(node("/tmp").mode & 0o7777, 0o1777);
    assert_eq!((node("/opt/app").uid, node("/opt/app").gid), (1000, 1000));
    let content = node("/etc/greeting").content;
    let start = usize::try_from(content.offset).unwrap();
    assert!(LAYER[start..].starts_with(b"hello from the base layer\n"));
}

#[test]
fn a_layer_over_it_names_real_paths_and_keeps_its_directories() {
    let source = tempfile::tempdir().unwrap();
    for directory in ["bin", "tmp", "opt/app", "srv/data"] {
        std::fs::create_dir_all(source.path().join(directory)).unwrap();
        std::fs::write(source.path().join(directory).join("new"), "x").unwrap();
    }
    let source = SourceDirectory::open(source.path()).unwrap();
    let scan = source.scan(&|_| false, false).unwrap();
    let metadata = Metadata {
        owner: Owner::Set { uid: 0, gid: 0 },
        mode: Mode::Normal,
        mtime: Time::At(0),
        keeps_xattrs: false,
    };
    let added = additions(&scan.entries, 0, &ImagePath::root(), &metadata).unwrap();
    let content = compose(&added, &tree(), SymlinkPolicy::Follow, 0);
    assert_eq!(content.problems, []);
    assert_eq!(
        describe(&content),
        [
            "opt/ 755 0 1700000000",
            "opt/app/ 755 1000 1700000000",
            "opt/app/new 644 0 0",
            "srv/ 755 0 1700000000",
            "srv/data/ 750 0 1700000000",
            "srv/data/new 644 0 0",
            "tmp/ 1777 0 1700000000",
            "tmp/new 644 0 0",
            "usr/ 755 0 1700000000",
            "usr/bin/ 755 0 1700000000",
            "usr/bin/new 644 0 0",
        ]
    );
    let kinds = content.entries.iter().map(|item| item.entry.kind);
    assert_eq!(kinds.filter(|kind| *kind == Kind::File).count(), 4);
}

fn describe(content: &LayerContent) -> Vec<String> {
    let lines = content.entries.iter().map(|item| {
        let entry = &item.entry;
        let name = entry.name.escape_ascii();
        format!(
            "{name} {:o} {} {}",
            entry.mode, entry.uid, entry.mtime.seconds
        )
    });
    lines.collect()
}
