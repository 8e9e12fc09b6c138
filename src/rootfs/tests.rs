//! Layers and trees as texts. The rows are those of a comparison of engines; where engines differ, the tree is umoci's.
//! One file because they share one notation for images.

#![allow(clippy::format_push_string, clippy::format_collect)] // Plain text beats speed here.

use std::collections::BTreeSet;

use super::{LayerLog, Resolution, Rootfs};
use crate::image_path::ImagePath;
use crate::tarball::{Entry, Kind, Mtime, Stream, TarReader, header_group};

/// One entry: `dir NAME`, `file NAME`, `link NAME -> TARGET`, `hard NAME -> TARGET`, `dev NAME MAJOR:MINOR`,
/// `block NAME MAJOR:MINOR`, `fifo NAME`, `global NAME`; then `mode=0700`, `uid=5`, `mtime=7`, `xattr:user.a=1`.
pub(crate) fn entry(line: &str) -> Entry {
    let mut words = line.split(' ').filter(|word| *word != "->");
    let kind = match words.next().unwrap() {
        "dir" => Kind::Directory,
        "file" => Kind::File,
        "link" => Kind::Symlink,
        "hard" => Kind::HardLink,
        "dev" => Kind::CharDevice,
        "block" => Kind::BlockDevice,
        "fifo" => Kind::Fifo,
        "global" => Kind::Global,
        other => panic!("{other}"),
    };
    let mut entry = Entry {
        name: words.next().unwrap().into(),
        link_name: Vec::new(),
        kind,
        size: 0,
        mode: if kind == Kind::Directory {
            0o755
        } else {
            0o644
        },
        uid: 0,
        gid: 0,
        mtime: Mtime::default(),
        device: (0, 0),
        xattrs: Vec::new(),
        sparse: None,
    };
    for word in words {
        if let Some(mode) = word.strip_prefix("mode=") {
            entry.mode = u32::from_str_radix(mode, 8).unwrap();
        } else if let Some(uid) = word.strip_prefix("uid=") {
            entry.uid = uid.parse().unwrap();
        } else if let Some(mtime) = word.strip_prefix("mtime=") {
            entry.mtime.seconds = mtime.parse().unwrap();
        } else if let Some((name, value)) =
            word.strip_prefix("xattr:").and_then(|x| x.split_once('='))
        {
            entry.xattrs.push((name.into(), value.into()));
        } else if let Some((major, minor)) = word.split_once(':') {
            entry.device = (major.parse().unwrap(), minor.parse().unwrap());
        } else {
            entry.link_name = word.into();
        }
    }
    entry
}

/// Builds the tree of layers, each begun by a line `layer`, entries separated by lines or `; `.
pub(crate) fn rootfs(layers: &str) -> Result<Rootfs, String> {
    let mut rootfs = Rootfs::new();
    for (position, stream) in streams(layers).iter().enumerate() {
        rootfs
            .add_layer(position, &mut TarReader::new(Stream(&stream[..])))
            .map_err(|error| error.to_string())?;
    }
    Ok(rootfs)
}

fn streams(layers: &str) -> Vec<Vec<u8>> {
    let stream = |layer: &str| {
        let lines = layer.split(['\n', ';']).map(str::trim);
        let lines = lines.filter(|line| !line.is_empty());
        lines.flat_map(|line| header_group(&entry(line))).collect()
    };
    layers.split("layer:").skip(1).map(stream).collect()
}

/// Reads layers as [`rootfs`] does, to be laid later.
pub(crate) fn logs(layers: &str) -> Vec<LayerLog> {
    let read = |(position, stream): (usize, &Vec<u8>)| {
        LayerLog::read(position, &mut TarReader::new(Stream(&stream[..]))).unwrap()
    };
    streams(layers).iter().enumerate().map(read).collect()
}

#[test]
fn layers_that_were_read_before_are_laid_in_any_selection() {
    let layers = [
        "layer: dir a; file a/x; file y mode=0600",
        "layer: file a/.wh.x; file y; link b -> a; dir c",
        "layer: file b/z; dir c mode=0700",
    ];
    let logs = logs(&layers.join(" "));
    for selection in 0..1 << layers.len() {
        let is_in = |i: &usize| selection & 1 << i != 0;
        let laid = Rootfs::of((0..3).filter(is_in).map(|i| (i, &logs[i]))).unwrap();
        let rest: Vec<&str> = (0..3).filter(is_in).map(|i| layers[i]).collect();
        let expected = rootfs(&rest.join(" ")).unwrap();
        assert_eq!(paths(&laid), paths(&expected), "{selection}");
        assert!(laid.iter().all(|(_, node)| is_in(&node.layer)));
    }
}

/// Every path with its kind and mode, but not the layer.
fn paths(rootfs: &Rootfs) -> String {
    rootfs
        .iter()
        .map(|(path, node)| format!("{path} {:?} {:o}\n", node.kind, node.mode))
        .collect()
}

#[test]
fn a_layer_that_others_link_to_cannot_go() {
    let logs = logs("layer: file a layer: hard b -> a");
    let error = Rootfs::of([(1, &logs[1])]).unwrap_err().to_string();
    assert_eq!(
        error,
        "layer 1: entry `b`: a hard link to something other than a file in the image"
    );
}

fn describe(rootfs: &Rootfs) -> String {
    let lines = rootfs.iter().map(|(path, node)| {
        let kind = match node.kind {
            Kind::Directory => "dir",
            Kind::File => "file",
            Kind::Symlink => "link",
            Kind::CharDevice => "dev",
            Kind::Fifo => "fifo",
            _ => "?",
        };
        let mut line = format!("{} {kind} {path}", node.layer);
        if !node.link_name.is_empty() {
            line += &format!(" -> {}", node.link_name.escape_ascii());
        }
        let usual = if node.kind == Kind::Directory {
            0o755
        } else {
            0o644
        };
        if node.mode != usual {
            line += &format!(" {:04o}", node.mode);
        }
        if node.uid != 0 {
            line += &format!(" uid={}", node.uid);
        }
        if node.is_implied {
            line += " implied";
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn check(layers: &str, tree: &str) {
    let found = match rootfs(layers) {
        Ok(rootfs) => describe(&rootfs),
        Err(error) => error,
    };
    let tree: Vec<&str> = tree
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    assert_eq!(found, tree.join("\n"), "{layers}");
}

#[test]
fn upper_files_replace_lower_ones_and_directories_merge() {
    check(
        "layer: dir d mode=0700 uid=5; file d/a; file d/b; layer: dir d mode=0750; file d/b",
        "1 dir /d 0750
         0 file /d/a
         1 file /d/b",
    );
}

#[test]
fn a_directory_without_an_entry_keeps_what_the_lower_layer_says() {
    check(
        "layer: dir d mode=0700 uid=5; layer: file d/f; file e/f",
        "0 dir /d 0700 uid=5
         1 file /d/f
         1 dir /e implied
         1 file /e/f",
    );
}

#[test]
fn whiteouts_reach_lower_layers_only_in_any_order() {
    let tree = "1 dir /d\n1 file /d/new";
    check(
        "layer: dir d; file d/old; layer: file .wh.d; dir d; file d/new",
        tree,
    );
    check(
        "layer: dir d; file d/old; layer: dir d; file d/new; file .wh.d",
        tree,
    );
    check(
        "layer: dir d; file d/old; layer: dir d; file .wh.d; file d/new",
        tree,
    );
    check("layer: file a; layer: file .wh.a; file a", "1 file /a");
    check("layer: file a; layer: file a; file .wh.a", "1 file /a");
    check("layer: file a; layer: file .wh.a", "");
    check(
        "layer: file a; layer: file .wh.a; layer: file a",
        "2 file /a",
    );
    check("layer: dir d; file d/e/f; file d/g; layer: file .wh.d", "");
}

#[test]
fn a_hidden_directory_that_holds_something_new_is_only_implied() {
    let tree = "1 dir /d implied\n1 dir /d/e implied\n1 file /d/e/new";
    let lower = "layer: dir d mode=0700; dir d/e mode=0711; file d/e/old; file d/x/y; ";
    check(&format!("{lower}layer: file .wh.d; file d/e/new"), tree);
    check(&format!("{lower}layer: file d/e/new; file .wh.d"), tree);
    check(
        &format!("{lower}layer: file d/e/new; file .wh.d; file d/.wh.e; file .wh.d"),
        tree,
    );
}

#[test]
fn an_opaque_directory_shows_only_its_own_layer() {
    let lower = "layer: dir d mode=0700; file d/old; dir d/s; file d/s/old; ";
    let tree = "1 dir /d\n1 file /d/new";
    check(
        &format!("{lower}layer: dir d; file d/.wh..wh..opq; file d/new"),
        tree,
    );
    check(
        &format!("{lower}layer: dir d; file d/new; file d/.wh..wh..opq"),
        tree,
    );
    check(
        &format!("{lower}layer: file d/.wh..wh..opq; file d/new"),
        "0 dir /d 0700\n1 file /d/new",
    );
    check(
        &format!("{lower}layer: file .wh..wh..opq; file n"),
        "1 file /n",
    );
}

#[test]
fn whiteouts_take_any_form() {
    check("layer: dir d; file d/x; layer: dir .wh.d", "");
    check("layer: file a; layer: dev a 0:0", "");
    check("layer: file a; layer: dev a 1:3", "1 dev /a");
    check(
        "layer: file a; layer: file q/.wh.zzz; file .wh.nothing",
        "0 file /a",
    );
    check("layer: file f; layer: file f/.wh.x", "0 file /f");
    check("layer: file .wh.d/x; file a", "0 file /a");
    // A link leads to a name that no entry can have.
    for (link, name) in [
        ("link d -> .wh.x", "d/a"),
        ("link d -> .wh..wh.aufs", "d/a"),
        ("link d -> e/.wh.x/f; link g -> d", "g/a"),
    ] {
        check(
            &format!("layer: {link}; file {name}"),
            &format!("layer 0: entry `{name}`: a path through a link to the name of a whiteout"),
        );
    }
    for name in [".wh.", ".wh..", ".wh..."] {
        check(
            &format!("layer: file {name}"),
            &format!("layer 0: entry `{name}`: a whiteout that names nothing"),
        );
    }
}

#[test]
fn names_of_aufs_are_no_files() {
    check(
        "layer: file .wh..wh.aufs; dir .wh..wh.orph; dir .wh..wh.plnk; file .wh..wh.plnk/1.2 mode=0755; file a
         hard b -> .wh..wh.plnk/1.2 mode=0755; hard c -> /.wh..wh.plnk/1.2 mode=0755",
        "0 file /a\n0 file /b 0755\n0 file /c 0755",
    );
}

/// Only a file among the pseudo links of AUFS has another name.
#[test]
fn what_is_below_other_names_of_aufs_is_not_there() {
    for layer in [
        "layer: file .wh.other/1; hard b -> .wh.other/1",
        "layer: dir .wh..wh.plnk/1; hard b -> .wh..wh.plnk/1",
        "layer: link .wh..wh.plnk/1 -> a; hard b -> .wh..wh.plnk/1",
        "layer: fifo .wh..wh.plnk/1; hard b -> .wh..wh.plnk/1",
    ] {
        assert!(rootfs(layer).is_err(), "{layer}");
    }
}

#[test]
fn names_of_aufs_are_those_of_one_file_each() {
    let rootfs = rootfs(
        "layer: file .wh..wh.plnk/1; file .wh..wh.plnk/2; file a
         hard b -> .wh..wh.plnk/1; hard c -> .wh..wh.plnk/2; hard d -> .wh..wh.plnk/1",
    );
    let rootfs = rootfs.unwrap();
    let files: BTreeSet<_> = rootfs.iter().map(|(_, node)| node.inode).collect();
    assert_eq!(files.len(), 3, "{rootfs:?}");
    let inode = |path| rootfs.get(&ImagePath::parse(path).unwrap()).unwrap().inode;
    assert_eq!(inode("/b"), inode("/d"));
}

#[test]
fn paths_through_links_land_where_the_links_point() {
    check(
        "layer: dir usr/bin; link bin -> usr/bin; link lib -> /usr/lib; dir usr/lib; file usr/bin/x
         layer: file bin/foo; file lib/bar; file bin/.wh.x",
        "0 link /bin -> usr/bin
         0 link /lib -> /usr/lib
         0 dir /usr implied
         0 dir /usr/bin
         1 file /usr/bin/foo
         0 dir /usr/lib
         1 file /usr/lib/bar",
    );
    check(
        "layer: dir usr/bin; link bin -> usr/bin; layer: dir bin; file bin/foo",
        "1 dir /bin\n1 file /bin/foo\n0 dir /usr implied\n0 dir /usr/bin",
    );
    check(
        "layer: link s -> ../../../tmp; file s/confined",
        "0 link /s -> ../../../tmp\n0 dir /tmp implied\n0 file /tmp/confined",
    );
    check(
        "layer: link a -> b; link b -> a; file a/x",
        "layer 0: entry `a/x`: a path through symbolic links that form a loop",
    );
}

#[test]
fn kinds_replace_each_other() {
    check("layer: dir d; file d/x; layer: file d", "1 file /d");
    check(
        "layer: dir d; file d/x; layer: link d -> e",
        "1 link /d -> e",
    );
    check(
        "layer: file f; layer: dir f; file f/x",
        "1 dir /f\n1 file /f/x",
    );
    // umoci refuses these; Docker, podman and containerd make directories.
    check(
        "layer: file f; layer: file f/x",
        "1 dir /f implied\n1 file /f/x",
    );
    check(
        "layer: file f; link l -> f; layer: file l/x",
        "0 file /f\n1 dir /l implied\n1 file /l/x",
    );
}

#[test]
fn the_last_of_two_entries_with_one_name_wins() {
    check("layer: file a; file a mode=0600", "0 file /a 0600");
    check("layer: dir d; file d/x; file d", "0 file /d");
}

#[test]
fn names_are_cleaned_within_the_root() {
    check(
        "layer: dir ./ mode=0700; file ./a; file /b; file ../c; file d//e/../f",
        "0 file /a\n0 file /b\n0 file /c\n0 dir /d implied\n0 file /d/f",
    );
    assert_eq!(
        rootfs("layer: dir ./ mode=0700")
            .unwrap()
            .get(&ImagePath::root())
            .unwrap()
            .mode,
        0o700
    );
    check(
        "layer: file /",
        "layer 0: entry `/`: the root as something other than a directory",
    );
    check("layer: global pax_global_header; fifo p", "0 fifo /p");
    let long = "x/".repeat(2049);
    check(
        &format!("layer: dir {long}"),
        &format!("layer 0: entry `{long}`: a path of over 4096 bytes"),
    );
}

#[test]
fn hard_links_share_an_inode_and_a_place() {
    let rootfs = rootfs(
        "layer: file a mode=0711; hard b -> ./a mode=0711; hard c -> /b mode=0711; dir u; link l -> u; file u/x; hard y -> l/x
         layer: hard m -> a mode=0711; file .wh.a; file c",
    )
    .unwrap();
    let node = |path: &str| rootfs.get(&ImagePath::parse(path).unwrap()).unwrap();
    assert_eq!(node("/b").inode, node("/m").inode);
    assert_eq!((node("/m").layer, node("/m").content.layer), (1, 0));
    assert_eq!((node("/m").content.offset, node("/m").mode), (512, 0o711));
    assert_ne!(node("/b").inode, node("/c").inode);
    assert_eq!(node("/y").inode, node("/u/x").inode);
    for (layer, name) in [
        ("layer: hard b -> a; file a", "b"),
        ("layer: dir d; hard b -> d", "b"),
        ("layer: dir etc; file etc/p; hard b -> ../etc/p", "b"),
    ] {
        let reason = "a hard link to something other than a file in the image";
        check(layer, &format!("layer 0: entry `{name}`: {reason}"));
    }
}

/// As engines have it but umoci: the header of a link is given to the file.
#[test]
fn the_last_header_of_a_file_describes_all_its_names() {
    check(
        "layer: file a mode=0600 uid=1; hard b -> a mode=0640 uid=2; hard c -> b mode=0755 uid=3",
        "0 file /a 0755 uid=3
         0 file /b 0755 uid=3
         0 file /c 0755 uid=3",
    );
    // A name that is replaced has been there.
    check(
        "layer: file a mode=0600; hard b -> a mode=0640; file b",
        "0 file /a 0640
         0 file /b",
    );
    // Also of a file of a lower layer, where engines take such links.
    check(
        "layer: file a mode=0600; hard b -> a mode=0600; layer: hard c -> a mode=0640 uid=4; layer: file d",
        "0 file /a 0640 uid=4
         0 file /b 0640 uid=4
         1 file /c 0640 uid=4
         2 file /d",
    );
    // A symbolic link has no mode, and `chown` by -1 leaves the owner.
    check(
        "layer: link a -> x mode=0777 uid=1; hard b -> a mode=0640 uid=2; file c uid=4294967295; file d uid=7; hard e -> d uid=4294967295",
        "0 link /a -> x 0777 uid=2
         0 link /b -> x 0777 uid=2
         0 file /c
         0 file /d uid=7
         0 file /e uid=7",
    );
    check(
        "layer: file .wh..wh.plnk/1 mode=0600; hard a -> .wh..wh.plnk/1 mode=0640; hard b -> .wh..wh.plnk/1 mode=0755",
        "0 file /a 0755
         0 file /b 0755",
    );
}

#[test]
fn a_hard_link_to_the_device_0_0_is_a_whiteout_too() {
    check(
        "layer: file a; file b; file c; layer: dev a 0:0; hard b -> a; hard n -> b; file d",
        "0 file /c
         1 file /d",
    );
    check(
        "layer: file a; dev a 1:3; hard b -> a",
        "0 dev /a\n0 dev /b",
    );
}

#[test]
fn resolution_tells_what_is_in_the_way() {
    let rootfs = rootfs(
        "layer: dir usr/bin; link bin -> usr/bin; link var/run -> /run; link up -> ../../usr; link self -> self
         link a -> b; link b -> gone/../there/x; file f; link tof -> f; link dot -> .; link usr/bin/s -> ../../bin/",
    )
    .unwrap();
    let say = |path: &str| {
        let path = ImagePath::parse(path).unwrap();
        let text = |rest: Vec<Vec<u8>>| {
            let rest: Vec<_> = rest.iter().map(|r| r.escape_ascii().to_string()).collect();
            rest.join("/")
        };
        match rootfs.resolve(&path) {
            Resolution::Found { path } => format!("{path}"),
            Resolution::Missing { parent, rest } => format!("missing {parent} {}", text(rest)),
            Resolution::Dangling { link, target, rest } => {
                format!("dangling {link} {target} {}", text(rest))
            }
            Resolution::Loop { link } => format!("loop {link}"),
            Resolution::NotADirectory { path } => format!("not a directory {path}"),
        }
    };
    for (path, said) in [
        ("/", "/"),
        ("/bin", "/usr/bin"),
        ("/bin/s/s/s", "/usr/bin"),
        ("/up/bin", "/usr/bin"),
        ("/dot/dot/f", "/f"),
        ("/bin/x/y", "missing /usr/bin x/y"),
        ("/var/run", "dangling /var/run /run "),
        ("/var/run/x/y", "dangling /var/run /run x/y"),
        ("/a", "dangling /a /there/x "),
        ("/self", "loop /self"),
        ("/self/x", "loop /self"),
        ("/f", "/f"),
        ("/f/x", "not a directory /f"),
        ("/tof/x", "not a directory /f"),
    ] {
        assert_eq!(say(path), said, "{path}");
    }
    let path = ImagePath::parse("/dot/bin").unwrap();
    let bin = ImagePath::parse("/bin").unwrap();
    assert_eq!(rootfs.locate(&path), Resolution::Found { path: bin });
}

#[test]
fn forty_links_are_followed_and_no_more() {
    let chain: String = (0..41)
        .map(|i| format!("link l{i} -> l{}; ", i + 1))
        .collect();
    let rootfs = rootfs(&format!("layer: file l41; {chain}")).unwrap();
    let path = |name| ImagePath::parse(name).unwrap();
    let end = path("/l41");
    assert_eq!(
        rootfs.resolve(&path("/l1")),
        Resolution::Found { path: end }
    );
    assert!(matches!(
        rootfs.resolve(&path("/l0")),
        Resolution::Loop { .. }
    ));
}

#[test]
fn a_deep_tree_and_many_whiteouts_cost_what_they_weigh() {
    let mut layer = String::from("layer: file a/x; layer: ");
    for i in 0..2_000 {
        layer += &format!("file a/b/f{i}; file .wh.a; file a/.wh..wh..opq; ");
    }
    let rootfs = rootfs(&layer).unwrap();
    let b = ImagePath::parse("/a/b").unwrap();
    assert_eq!(rootfs.children(&b).unwrap().count(), 2_000);
    assert_eq!(rootfs.below(&b).count(), 2_000);
    assert!(rootfs.children(&b.join(b"f1")).is_none());
}

#[test]
fn a_path_that_does_not_exist_is_nearly_another() {
    let files = "file etc/passwd; file etc/group; file etc/app/app.conf; file a/same; file b/same; file etc/ab; file etc/name2; file etc/name1";
    let tree = rootfs(&format!("layer: {files}; link link -> etc")).unwrap();
    for (path, near) in [
        ("/etc/pasword", Some("/etc/passwd")),
        ("/ect/passwd", Some("/etc/passwd")),
        ("/ect/ap/app.cnf", Some("/etc/app/app.conf")),
        ("/link/grop", Some("/link/group")),
        ("/etc/app.conf", Some("/etc/app/app.conf")),
        ("/nothing/same", None),
        ("/etc/shadow", None),
        ("/etc/passwd/x", None),
        // Half of so short a name differs.
        ("/etc/ac", None),
        ("/etc/name3", Some("/etc/name1")),
        (&format!("/etc/{}", "p".repeat(255)), None),
    ] {
        let found = tree.near(&ImagePath::parse(path).unwrap());
        let found = found.map(|path| path.to_string());
        assert_eq!(found.as_deref(), near, "{path}");
    }
}

#[test]
fn a_hard_link_states_attributes_of_the_file() {
    for (file, link, expected) in [
        ("user.a=1", "", "user.a=1"),
        ("user.a=1", "user.a=2", "user.a=2"),
        ("user.a=1", "user.a=", "user.a="),
        ("user.a=1", "user.b=2", "user.a=1 user.b=2"),
        ("", "user.b=2", "user.b=2"),
        // The change of its owner takes it.
        ("security.capability=1", "", ""),
        (
            "security.capability=1",
            "security.capability=2",
            "security.capability=2",
        ),
        ("", "security.capability=2", "security.capability=2"),
    ] {
        let xattr = |text: &str| match text {
            "" => String::new(),
            text => format!("xattr:{text}"),
        };
        let (file, link) = (xattr(file), xattr(link));
        let tree = rootfs(&format!("layer: file f {file}; hard g -> f {link}")).unwrap();
        for path in ["/f", "/g"] {
            let node = tree.get(&ImagePath::parse(path).unwrap()).unwrap();
            let xattrs = node.xattrs.iter().map(|(name, value)| {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                format!("{}={}", text(name), text(value))
            });
            let xattrs: Vec<String> = xattrs.collect();
            assert_eq!(xattrs.join(" "), expected, "{file} {link} {path}");
        }
    }
}

#[test]
fn long_links_and_ways_come_to_an_end() {
    let there_and_back = "d/../".repeat(800);
    for (target, is_followed) in [
        (format!("{}d", "./".repeat(2047)), true),
        (format!("{}d", "/".repeat(4095)), false),
        ("way/way2/d".to_owned(), true),
        ("way/way2/way3/d".to_owned(), false),
    ] {
        let links = ["way", "way2", "way3"].map(|name| format!("link {name} -> {there_and_back}"));
        let tree = format!("layer: dir d; {}; link l -> {target}", links.join("; "));
        let found = rootfs(&tree)
            .unwrap()
            .resolve(&ImagePath::parse("/l").unwrap());
        let is_found = matches!(found, Resolution::Found { .. });
        assert_eq!(is_found, is_followed, "{} {found:?}", target.len());
    }
}

/// `PATH_MAX`, with the slash in front, as engines see it when they have cleaned the name.
#[test]
fn a_path_has_at_most_4096_bytes() {
    let path = |n_bytes: usize| {
        format!(
            "{}/a",
            "b/".repeat(n_bytes)[..n_bytes - 3].trim_end_matches('/')
        )
    };
    for (name, is_fine) in [
        (path(4096), true),
        (path(4098), false),
        (format!("{}a", "./".repeat(2047)), true),
        (format!("{}aa", "./".repeat(2047)), true),
        (format!("{}a", "./".repeat(2048)), false),
        (format!("{}a", "./".repeat(2500)), false),
    ] {
        let tree = rootfs(&format!("layer: file {name}"));
        assert_eq!(tree.is_ok(), is_fine, "{} bytes", name.len());
    }
}

#[test]
fn a_tree_counts_names_and_its_errors_have_a_reason() {
    assert_eq!(Rootfs::new().n_names(), 1);
    let tree = rootfs("layer: dir a; file a/x layer: file b").unwrap();
    assert_eq!(tree.n_names(), 4);
    let tar = Rootfs::new()
        .add_layer(0, &mut TarReader::new(Stream(&[b'a'; 512][..])))
        .unwrap_err();
    assert_eq!(
        std::error::Error::source(&tar).unwrap().to_string(),
        "byte 0: a header with a wrong checksum, or not a tar"
    );
    let entry = Rootfs::of([(0, &logs("layer: hard b -> a")[0])]).unwrap_err();
    assert!(std::error::Error::source(&entry).is_none());
}

#[test]
fn everything_has_an_inode_of_its_own_also_where_directories_merge() {
    let tree = rootfs("layer: dir a; file a/x; dir b layer: dir a mode=0700; file a/y; file b/z");
    let tree = tree.unwrap();
    let inodes: BTreeSet<_> = tree.iter().map(|(_, node)| node.inode).collect();
    assert_eq!((inodes.len(), tree.iter().count()), (5, 5));
}

#[test]
fn the_newest_are_those_of_the_layer_on_top_and_the_way_to_them() {
    let tree = rootfs("layer: dir a; file a/x; dir b; file b/z layer: file a/y; file c");
    let tree = tree.unwrap();
    let found = |path: &str| -> Vec<String> {
        let newest = tree.newest_below(&ImagePath::parse(path).unwrap());
        newest.map(|(path, _)| path.to_string()).collect()
    };
    assert_eq!(found("/"), ["/a", "/a/y", "/c"]);
    assert_eq!(found("/a"), ["/a/y"]);
    assert!(found("/b").is_empty());
}
