//! Additions, images and layers as texts; then real directories.
//! One file because they share one notation for images.

#![allow(clippy::format_collect, clippy::type_complexity)] // Plain text beats speed here.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{
    Addition, Data, Edit, GroupEdit, HostFile, Inputs, Kept, LayerContent, Metadata, Mode, Origin,
    Owner, Rewrite, SourceDirectory, SourceEntry, SourceKind, SymlinkPolicy, Time, WriteError,
    additions, compose, lay_out, layer_size, read_contents, write_layer, write_rewritten,
};
use crate::digest::Digest;
use crate::error::Error;
use crate::file_state::FileState;
use crate::image_path::ImagePath;
use crate::rootfs::tests::{entry, rootfs};
use crate::rootfs::{Content, LayerLog, LoggedEntry, Rootfs};
use crate::tarball::{Entry, HeaderChange, Input, Kind, Mtime, Stream, TarReader};

/// Lines in the language of the tree's tests; a hard link here says which names are one file.
fn composed(image: &str, added: &str, symlinks: SymlinkPolicy) -> LayerContent {
    let lines = added
        .split([';', '\n'])
        .map(str::trim)
        .filter(|l| !l.is_empty());
    let additions: Vec<super::Addition> = lines
        .map(|line| {
            let mut entry = entry(line);
            let same_file = (entry.kind == Kind::HardLink).then_some((0, 7));
            if entry.kind == Kind::HardLink {
                (entry.kind, entry.link_name) = (Kind::File, Vec::new());
            }
            super::Addition {
                path: ImagePath::from_entry_name(&entry.name).unwrap(),
                data: match entry.kind {
                    Kind::File => Data::Inline(b"hi"[..].into()),
                    _ => Data::None,
                },
                entry,
                same_file,
                overrides: false,
            }
        })
        .collect();
    compose(&additions, &rootfs(image).unwrap(), symlinks, 0)
}

fn describe(content: &LayerContent) -> String {
    let mut lines = Vec::new();
    for problem in &content.problems {
        lines.push(format!("problem {problem}"));
    }
    for note in &content.notes {
        lines.push(format!("note {note}"));
    }
    for item in content
        .entries
        .iter()
        .filter(|_| content.problems.is_empty())
    {
        let Entry {
            kind, mode, uid, ..
        } = item.entry;
        let mut line = format!("{kind:?} {:03o} {}", mode, item.entry.name.escape_ascii());
        if !item.entry.link_name.is_empty() {
            line = format!("{line} -> {}", item.entry.link_name.escape_ascii());
        }
        if uid != 0 {
            line = format!("{line} uid={uid}");
        }
        lines.push(line);
    }
    lines.join("\n")
}

fn check_with(image: &str, added: &str, symlinks: SymlinkPolicy, expected: &str) {
    let lines = expected.lines().map(str::trim).filter(|l| !l.is_empty());
    let expected: Vec<&str> = lines.collect();
    let found = describe(&composed(image, added, symlinks));
    assert_eq!(found, expected.join("\n"), "{image} + {added}");
}

fn check(image: &str, added: &str, expected: &str) {
    check_with(image, added, SymlinkPolicy::Follow, expected);
}

const USRMERGE: &str =
    "layer: dir usr mode=0751 uid=3; dir usr/bin; link bin -> usr/bin; link lib -> /usr/lib
    dir usr/lib; file usr/bin/x; link var/run -> /run; link var/spool -> run/../../srv";

#[test]
fn every_parent_has_an_entry_with_what_the_image_says_of_it() {
    check(
        USRMERGE,
        "file usr/bin/y",
        "Directory 751 usr/ uid=3
         Directory 755 usr/bin/
         File 644 usr/bin/y",
    );
    check(
        "",
        "file a/b/c; file a/d",
        "Directory 755 a/\nDirectory 755 a/b/\nFile 644 a/b/c\nFile 644 a/d",
    );
}

#[test]
fn files_go_where_the_links_of_the_image_point() {
    check(
        USRMERGE,
        "dir bin; file bin/y; dir lib; file lib/z",
        "note `/bin` is a link in the image; files are added in `/usr/bin`
         note `/lib` is a link in the image; files are added in `/usr/lib`
         Directory 751 usr/ uid=3
         Directory 755 usr/bin/
         File 644 usr/bin/y
         Directory 755 usr/lib/
         File 644 usr/lib/z",
    );
}

#[test]
fn links_are_replaced_or_refused_if_asked() {
    check_with(
        USRMERGE,
        "dir bin mode=0700; file bin/y",
        SymlinkPolicy::Replace,
        "note `/bin` changes from a symbolic link to a directory
         Directory 700 bin/
         File 644 bin/y",
    );
    check_with(
        USRMERGE,
        "file bin/y; file bin/z; file usr/x",
        SymlinkPolicy::Error,
        "problem `/bin`: `/bin` of the image is a symbolic link",
    );
}

#[test]
fn a_parent_has_all_that_the_image_says_of_it() {
    let mut directory = entry("dir a uid=3 xattr:user.a=1 xattr:user.b=");
    // Some writers put the kind of the file there as well.
    directory.mode = 0o41750;
    directory.mtime.seconds = 77;
    let logged = |entry: &Entry| LoggedEntry {
        entry: entry.clone(),
        content: Content {
            layer: 0,
            offset: 512,
        },
    };
    let entries = [logged(&directory), logged(&entry("link l -> a uid=5"))];
    let image = LayerLog {
        entries: entries.into(),
    };
    let image = Rootfs::of([(0, &image)]).unwrap();
    let addition = |path| super::Addition {
        path: ImagePath::parse(path).unwrap(),
        entry: entry("file x"),
        data: Data::None,
        same_file: None,
        overrides: false,
    };
    let added = [addition("/a/x"), addition("/l/x")];
    let content = compose(&added, &image, SymlinkPolicy::Replace, 9);
    let of = |name: &[u8]| {
        let mut entries = content.entries.iter().map(|item| &item.entry);
        entries.find(|entry| entry.name == name).unwrap()
    };
    let expected = Entry {
        name: b"a/".to_vec(),
        mode: 0o1750,
        ..directory
    };
    assert_eq!(*of(b"a/"), expected);
    // Of the link that it replaces it has nothing.
    let (made, seconds) = (of(b"l/"), of(b"l/").mtime.seconds);
    assert_eq!((made.mode, made.uid, seconds), (0o755, 0, 9));
}

#[test]
fn the_root_has_no_entry() {
    check("", "dir ./ mode=0700; file x", "File 644 x");
}

#[test]
fn whiteouts_stand_before_all_that_is_beside_them() {
    let put = |line| Edit::Put {
        entry: Box::new(entry(line)),
        data: Data::None,
        same_file: None,
    };
    let path = |text| ImagePath::parse(text).unwrap();
    let edits = [
        (path("/d"), put("dir d mode=0700")),
        (path("/d/-x"), put("file x")),
        (path("/d/gone"), Edit::Hide),
        (path("/e/!"), put("file x")),
        (path("/e/gone"), Edit::Hide),
    ];
    let image = rootfs("layer: dir d; file d/gone; dir e; file e/gone").unwrap();
    assert_eq!(
        describe(&lay_out(edits.into(), &image, 0)),
        "Directory 700 d/\nFile 000 d/.wh.gone\nFile 644 d/-x\n\
         Directory 755 e/\nFile 000 e/.wh.gone\nFile 644 e/!"
    );
}

#[test]
fn files_of_several_directories_are_not_mistaken_for_each_other() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut contents = Vec::new();
    let mut roots = Vec::new();
    for (root, directory) in [&one, &two].into_iter().enumerate() {
        for name in ["d", "e"] {
            fs::create_dir(directory.path().join(name)).unwrap();
            fs::write(
                directory.path().join(name).join("f"),
                format!("{root}{name}"),
            )
            .unwrap();
        }
        roots.push(SourceDirectory::open(directory.path()).unwrap());
        for name in ["d/f", "e/f"] {
            let found = roots[root].entry(name.as_bytes(), false).unwrap().unwrap();
            contents.push(Data::Host(HostFile {
                root,
                path: found.path,
                state: found.state,
            }));
        }
    }
    let mut read = String::new();
    for order in [[0, 2, 1, 3], [3, 1, 2, 0], [0, 1, 2, 3]] {
        let contents: Vec<&Data> = order.iter().map(|&i| &contents[i]).collect();
        read_contents(&contents, inputs(&roots), &mut |_, bytes| {
            read.push_str(std::str::from_utf8(bytes).unwrap());
        })
        .unwrap();
        read.push(' ');
    }
    assert_eq!(read, "0d1d0e1e 1e0e1d0d 0d0e1d1e ");
}

#[test]
fn later_edits_of_an_entry_add_to_earlier_ones() {
    let change = |mode, content: Option<&[u8]>| GroupEdit::Change {
        header: HeaderChange {
            mode,
            ..HeaderChange::default()
        },
        content: content.map(Into::into),
    };
    for (first, later, expected) in [
        (
            change(None, Some(b"1")),
            change(Some(7), None),
            change(Some(7), Some(b"1")),
        ),
        (
            change(Some(7), Some(b"1")),
            change(None, Some(b"2")),
            change(Some(7), Some(b"2")),
        ),
        (
            change(Some(7), None),
            change(Some(5), None),
            change(Some(5), None),
        ),
        (
            change(Some(7), Some(b"1")),
            GroupEdit::Drop,
            GroupEdit::Drop,
        ),
    ] {
        let mut edit = first;
        edit.and(later);
        assert_eq!(edit, expected);
    }
}

#[test]
fn an_edit_of_what_is_no_longer_there_ends_the_writing() {
    let stream = crate::tarball::header_group(&entry("file f"));
    let open = |_: Origin| -> Result<Box<dyn Input>, Error> {
        Ok(Box::new(Stream(std::io::Cursor::new(stream.clone()))))
    };
    let inputs = Inputs {
        roots: &[],
        open: &open,
    };
    for (offset, is_there) in [(512, true), (0, false), (511, false), (1024, false)] {
        let rewrite = Rewrite {
            origin: Origin::Layer(0),
            edits: [(offset, GroupEdit::Drop)].into(),
            latest: None,
        };
        let written = write_rewritten(&rewrite, inputs, std::io::sink());
        let has_changed = matches!(written, Err(WriteError::OriginChanged(Origin::Layer(0))));
        assert_eq!(
            (written.is_ok(), has_changed),
            (is_there, !is_there),
            "{offset}"
        );
    }
}

#[test]
fn a_dangling_link_is_followed_by_paths_and_replaced_by_directories() {
    check(
        USRMERGE,
        "file var/run/app/pid",
        "note `/var/run` is a link in the image; files are added in `/run`
         Directory 755 run/
         Directory 755 run/app/
         File 644 run/app/pid",
    );
    check(
        USRMERGE,
        "dir var/run mode=0700; file var/run/pid",
        "note `/var/run` changes from a symbolic link to a directory
         Directory 755 var/
         Directory 700 var/run/
         File 644 var/run/pid",
    );
    check(
        USRMERGE,
        "dir run mode=0700; file run/a; dir var/run; file var/run/b",
        "note `/var/run` is a link in the image; files are added in `/run`
         Directory 700 run/
         File 644 run/a
         File 644 run/b",
    );
    check(
        USRMERGE,
        "file var/spool/x",
        "note `/var/spool` is a link in the image; files are added in `/srv`
         Directory 755 srv/
         File 644 srv/x",
    );
}

#[test]
fn replacing_one_kind_by_another_is_a_note() {
    let image = "layer: dir d; file d/x; file f; link l -> f; link m -> d";
    check(
        image,
        "file d; dir f; file f/x; file l; link m -> f",
        "note `/d` changes from a directory to a file
         note `/f` changes from a file to a directory
         note `/l` changes from a symbolic link to a file
         File 644 d
         Directory 755 f/
         File 644 f/x
         File 644 l
         Symlink 644 m -> f",
    );
    // What only changes its content is none.
    check(
        "layer: file f; dev n 1:3",
        "link f -> x; file n",
        "Symlink 644 f -> x\nFile 644 n",
    );
    let content = composed(image, "dir f; file f/x; dir d", SymlinkPolicy::Follow);
    assert_eq!(content.n_directories_added, 1);
    let content = composed(
        image,
        "file d; file f; file new/n; dir e",
        SymlinkPolicy::Follow,
    );
    assert_eq!((content.n_added, content.n_changed), (1, 2));
    assert_eq!((content.n_directories_added, content.tar_bytes), (2, 5120));
}

#[test]
fn what_cannot_be_is_a_problem_each() {
    let image = "layer: file f; link tof -> f; link a -> b; link b -> a; link bin -> usr; dir usr";
    for (added, problem) in [
        ("file f/x", "`/f`: `/f` of the image is not a directory"),
        ("file tof/x", "`/tof`: `/f` of the image is not a directory"),
        (
            "dir tof; file tof/x",
            "`/tof`: `/f` of the image is not a directory",
        ),
        (
            "file a/x; file a/y",
            "`/a`: the link `/a` of the image leads to itself",
        ),
        (
            "file bin/x; file usr/x",
            "`/usr/x`: `/bin/x` is the same path in the image",
        ),
        (
            "file n; file n/x",
            "`/n`: `/n`, which is also added, is not a directory",
        ),
        (
            "file bin/x; file usr",
            "`/usr`: `/usr` is the same path in the image",
        ),
        (
            "dir usr; dir bin",
            "`/`: the image already has everything that the layer adds",
        ),
        (
            "",
            "`/`: the image already has everything that the layer adds",
        ),
        ("file /", "`/`: only a directory can be `/`"),
        (
            "file etc/.wh.x",
            "`/etc/.wh.x`: a name that starts with `.wh.` removes a file instead of adding one",
        ),
    ] {
        let notes = composed(image, added, SymlinkPolicy::Follow);
        let notes: String = notes.notes.iter().map(|n| format!("note {n}\n")).collect();
        check(image, added, &format!("problem {problem}\n{notes}"));
    }
}

#[test]
fn the_first_name_in_order_carries_the_data_of_hard_links() {
    check(
        "layer: dir usr/bin; link bin -> usr/bin",
        "hard bin/z; hard a; hard usr/b",
        "note `/bin` is a link in the image; files are added in `/usr/bin`
         File 644 a
         Directory 755 usr/
         HardLink 644 usr/b -> a
         Directory 755 usr/bin/
         HardLink 644 usr/bin/z -> a",
    );
}

#[test]
fn devices_and_programs_with_rights_are_noted() {
    check(
        "",
        "dev null 1:3; block sda 8:0; file su mode=4755; file group mode=2755; file t mode=1755; dir d mode=2755",
        "note `/group` is a device or has setuid or setgid rights
         note `/null` is a device or has setuid or setgid rights
         note `/sda` is a device or has setuid or setgid rights
         note `/su` is a device or has setuid or setgid rights
         Directory 2755 d/
         File 2755 group
         CharDevice 644 null
         BlockDevice 644 sda
         File 4755 su
         File 1755 t",
    );
}

#[test]
fn the_tree_below_a_composed_layer_shows_what_was_added() {
    let mut tree = rootfs(USRMERGE).unwrap();
    let content = composed(USRMERGE, "file bin/y", SymlinkPolicy::Follow);
    tree.add_logged(1, &log(&content)).unwrap();
    let path = |text| ImagePath::parse(text).unwrap();
    assert_eq!(tree.get(&path("/usr/bin/y")).unwrap().layer, 1);
    assert_eq!(tree.get(&path("/usr")).unwrap().mode, 0o751);
    assert_eq!(tree.get(&path("/bin")).unwrap().kind, Kind::Symlink);
}

/// What a tree sees of a layer; nobody here asks for contents.
fn log(content: &LayerContent) -> LayerLog {
    let logged = |item: &super::LayerEntry| LoggedEntry {
        entry: item.entry.clone(),
        content: Content {
            layer: 1,
            offset: 0,
        },
    };
    LayerLog {
        entries: content.entries.iter().map(logged).collect(),
    }
}

/// Nothing is kept in a stream.
fn nowhere(_: super::Origin) -> Result<Box<dyn Input>, Error> {
    unreachable!("no content of these layers is kept in a stream")
}

fn inputs(roots: &[SourceDirectory]) -> Inputs<'_> {
    Inputs {
        roots,
        open: &nowhere,
    }
}

const REPRODUCIBLE: Metadata = Metadata {
    owner: Owner::Set { uid: 0, gid: 0 },
    mode: Mode::Normal,
    mtime: Time::At(0),
    keeps_xattrs: false,
};

fn layer_of(directory: &Path) -> (LayerContent, SourceDirectory) {
    let source = SourceDirectory::open(directory).unwrap();
    let scan = source.scan(&|_| false, false).unwrap();
    assert_eq!(scan.problems, []);
    let added = additions(&scan.entries, 0, &ImagePath::root(), &REPRODUCIBLE).unwrap();
    (
        compose(&added, &Rootfs::new(), SymlinkPolicy::Follow, 0),
        source,
    )
}

fn written(directory: &Path) -> Vec<u8> {
    let (content, source) = layer_of(directory);
    let mut bytes = Vec::new();
    write_layer(&content, inputs(&[source]), &mut bytes).unwrap();
    assert_eq!(layer_size(&content), bytes.len() as u64);
    bytes
}

fn fill(root: &Path, is_reversed: bool) {
    let mut steps: Vec<Box<dyn Fn()>> = vec![
        Box::new(|| fs::create_dir_all(root.join("etc/app/deep")).unwrap()),
        Box::new(|| {
            fs::create_dir_all(root.join("usr")).unwrap();
            fs::write(root.join("usr/run"), "#!").unwrap();
            let mode = if is_reversed { 0o700 } else { 0o775 };
            fs::set_permissions(root.join("usr/run"), fs::Permissions::from_mode(mode)).unwrap();
        }),
        Box::new(|| symlink("/outside", root.join("link")).unwrap()),
        Box::new(|| {
            fs::write(root.join("empty"), "").unwrap();
            let mode = if is_reversed { 0o600 } else { 0o666 };
            fs::set_permissions(root.join("empty"), fs::Permissions::from_mode(mode)).unwrap();
            fs::write(root.join("block"), vec![7; 512]).unwrap();
            fs::write(root.join("long".repeat(40)), vec![9; 300_000]).unwrap();
        }),
        Box::new(|| {
            let (first, second) = if is_reversed {
                ("h2", "h1")
            } else {
                ("h1", "h2")
            };
            fs::write(root.join(first), "linked").unwrap();
            fs::hard_link(root.join(first), root.join(second)).unwrap();
        }),
    ];
    if is_reversed {
        steps.reverse();
    }
    for step in steps {
        step();
    }
}

#[test]
fn the_same_tree_gives_the_same_bytes_however_it_was_made() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(one.path(), false);
    fill(two.path(), true);
    let bytes = written(one.path());
    assert!(written(two.path()) == bytes);
    // These bytes are `ocipatch/v1`.
    assert_eq!(
        Digest::of(&bytes).to_string(),
        "sha256:2baf9d2ba6bbe5d1e13e904ee3bb2a90e8e98def16675c390b2727ac90e3b25c"
    );
    let mut reader = TarReader::new(Stream(&bytes[..]));
    let (content, _) = layer_of(one.path());
    for item in &content.entries {
        assert_eq!(reader.next().unwrap().as_ref(), Some(&item.entry));
    }
    assert_eq!(reader.next().unwrap(), None);
}

#[test]
fn a_file_that_changes_after_the_scan_ends_the_writing() {
    let changes: [(&str, fn(&Path)); 6] = [
        ("content", |f| fs::write(f, "other").unwrap()),
        ("length", |f| fs::write(f, "longer than before").unwrap()),
        ("gone", |f| fs::remove_file(f).unwrap()),
        ("link", |f| {
            fs::rename(f, f.with_extension("x")).unwrap();
            symlink(f.with_extension("x"), f).unwrap();
        }),
        ("directory", |f| {
            fs::remove_file(f).unwrap();
            fs::create_dir(f).unwrap();
        }),
        ("parent", |f| {
            let (parent, moved) = (f.parent().unwrap(), f.parent().unwrap().with_extension("x"));
            fs::rename(parent, &moved).unwrap();
            symlink(moved, parent).unwrap();
        }),
    ];
    for (what, change) in changes {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("d/f");
        fs::create_dir(root.path().join("d")).unwrap();
        fs::write(&file, "bytes").unwrap();
        let (content, source) = layer_of(root.path());
        change(&file);
        let error = write_layer(&content, inputs(&[source]), std::io::sink()).unwrap_err();
        assert!(
            matches!(&error, WriteError::Changed { path, .. } if *path == file),
            "{what}: {error}"
        );
    }
}

#[test]
fn a_scan_says_what_no_layer_can_hold_and_follows_nothing() {
    let root = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("s")).unwrap();
    fs::create_dir_all(root.path().join("skip/me")).unwrap();
    symlink("skip", root.path().join("to-skip")).unwrap();
    fs::write(root.path().join("skip.txt"), "").unwrap();
    let source = SourceDirectory::open(root.path()).unwrap();
    let scan = source.scan(&|path| path == b"skip", false).unwrap();
    let paths: Vec<_> = scan
        .entries
        .iter()
        .map(|e| e.path.escape_ascii().to_string())
        .collect();
    assert_eq!(paths, ["skip.txt", "to-skip"]);
    let reason = "a socket, which a layer cannot contain";
    assert_eq!(scan.problems, [(b"s".to_vec(), reason)]);
    assert_eq!(source.entry(b"s", false).unwrap(), Err(reason));
    assert_eq!(
        source.entry(b"to-skip", false).unwrap().unwrap(),
        scan.entries[1]
    );
    assert!(source.entry(b"to-skip/me", false).is_err());
    let error = SourceDirectory::open(Path::new("/nowhere/x")).unwrap_err();
    assert!(error.to_string().starts_with("`/nowhere/x`: "));
}

/// Links that stand where files and directories were found lead to what must not even be opened.
#[cfg(target_os = "linux")]
#[test]
fn nothing_outside_is_opened() {
    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    let outside = tempfile::tempdir().unwrap();
    let place = |name: &str| outside.path().join(name);
    fs::write(place("f"), "bytes").unwrap();
    let pipe = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, place("pipe"), pipe, 0o600.into(), 0).unwrap();
    for (replaced, target) in [("d/f", "f"), ("d/f", "pipe"), ("d/f", "."), ("d", ".")] {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("d")).unwrap();
        fs::write(root.path().join("d/f"), "bytes").unwrap();
        let (content, source) = layer_of(root.path());
        let link = root.path().join(replaced);
        fs::rename(&link, root.path().join("was")).unwrap();
        symlink(place(target), link).unwrap();
        let watched = init(CreateFlags::NONBLOCK).unwrap();
        add_watch(&watched, place(target), WatchFlags::OPEN).unwrap();
        let error = write_layer(&content, inputs(&[source]), std::io::sink()).unwrap_err();
        assert!(matches!(error, WriteError::Changed { .. }), "{error}");
        let event = rustix::io::read(&watched, &mut [0; 512]);
        assert_eq!(event, Err(rustix::io::Errno::AGAIN), "{replaced} {target}");
    }
}

/// Pieces of a stream, and errors between them.
struct Torn(Vec<Result<&'static [u8], ErrorKind>>);

impl Read for Torn {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.first_mut() {
            None => Ok(0),
            Some(Err(kind)) => {
                let kind = *kind;
                let _ = self.0.remove(0);
                Err(kind.into())
            }
            Some(Ok(bytes)) => {
                let n = bytes.read(buffer)?;
                if bytes.is_empty() {
                    let _ = self.0.remove(0);
                }
                Ok(n)
            }
        }
    }
}

#[test]
fn a_stream_that_cannot_be_read_ends_the_writing() {
    use ErrorKind::{BrokenPipe, Interrupted, TimedOut, UnexpectedEof};
    let kept = |offset, size| {
        Data::Kept(Kept {
            origin: Origin::Import(3),
            offset,
            size,
            sparse: None,
        })
    };
    // One behind the other, whatever the order in which they are asked for.
    let contents = [kept(5, 3), kept(2, 3), kept(9, 1)];
    for (pieces, expected) in [
        (vec![Ok(&b"--abcdef-g"[..])], Ok("def|abc|g")),
        (vec![Ok(b"--a"), Ok(b"bcdef-g-")], Ok("def|abc|g")),
        (
            vec![
                Err(Interrupted),
                Ok(b"--a"),
                Err(Interrupted),
                Ok(b"bcdef-g"),
            ],
            Ok("def|abc|g"),
        ),
        (vec![Err(BrokenPipe)], Err(BrokenPipe)),
        (
            vec![Ok(b"-"), Err(BrokenPipe), Ok(b"-abcdef-g")],
            Err(BrokenPipe),
        ),
        (
            vec![Ok(b"--ab"), Err(TimedOut), Ok(b"cdef-g")],
            Err(TimedOut),
        ),
        (
            vec![Ok(b"--abcdef"), Err(TimedOut), Ok(b"-g")],
            Err(TimedOut),
        ),
        (vec![Ok(b"-")], Err(UnexpectedEof)),
        (vec![Ok(b"--abcd")], Err(UnexpectedEof)),
        (vec![Ok(b"--abcdef-")], Err(UnexpectedEof)),
    ] {
        let n_opened = AtomicUsize::new(0);
        let open = |_: Origin| -> Result<Box<dyn Input>, Error> {
            n_opened.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(Stream(Torn(pieces.clone()))))
        };
        let inputs = Inputs {
            roots: &[],
            open: &open,
        };
        let mut read = vec![Vec::new(); contents.len()];
        let contents: Vec<&Data> = contents.iter().collect();
        let found = read_contents(&contents, inputs, &mut |i, bytes| read[i].extend(bytes));
        let read: Vec<&str> = read
            .iter()
            .map(|b| std::str::from_utf8(b).unwrap())
            .collect();
        let found = match found {
            Ok(()) => Ok(read.join("|")),
            Err(WriteError::Read(Origin::Import(3), error)) => Err(error.kind()),
            Err(other) => panic!("{pieces:?}: {other:?}"),
        };
        assert_eq!(found, expected.map(str::to_owned), "{pieces:?}");
        assert_eq!(n_opened.into_inner(), 1, "{pieces:?}");
    }
}

proptest::proptest! {
    #[test]
    fn a_written_layer_reads_back_as_composed(
        files in proptest::collection::btree_map("[a-c]{1,2}(/[a-c]{1,2}){0,3}", proptest::collection::vec(0_u8.., 0..1500), 0..20),
    ) {
        let additions: Vec<super::Addition> = files
            .iter()
            .map(|(name, bytes)| super::Addition {
                path: ImagePath::from_entry_name(name.as_bytes()).unwrap(),
                entry: entry("file x"),
                data: Data::Inline(bytes.clone().into()),
                same_file: None,
                overrides: false,
            })
            .collect();
        let image = rootfs("layer: link a -> b/c; dir b; file c; link cc -> ca; link ab -> ab").unwrap();
        let content = compose(&additions, &image, SymlinkPolicy::Follow, 0);
        if content.problems.is_empty() {
            let mut bytes = Vec::new();
            write_layer(&content, inputs(&[]), &mut bytes).unwrap();
            proptest::prop_assert_eq!(bytes.len() as u64, layer_size(&content));
            let mut reader = TarReader::new(Stream(&bytes[..]));
            let mut names: Vec<Vec<u8>> = Vec::new();
            for item in &content.entries {
                let entry = reader.next().unwrap().unwrap();
                proptest::prop_assert_eq!(&entry, &item.entry);
                // Each parent stands before what it holds.
                let parent = entry.name.strip_suffix(b"/").unwrap_or(&entry.name);
                if let Some(slash) = parent.iter().rposition(|&b| b == b'/') {
                    proptest::prop_assert!(names.iter().any(|name| *name == parent[..=slash]));
                }
                names.push(entry.name);
            }
            // What engines see of the layer alone is what was decided: no path goes through a link.
            let mut merged = image.clone();
            merged.add_logged(1, &log(&content)).unwrap();
            for item in &content.entries {
                let path = ImagePath::from_entry_name(&item.entry.name).unwrap();
                proptest::prop_assert_eq!(merged.get(&path).map(|node| node.kind), Some(item.entry.kind));
            }
        }
    }
}

#[test]
fn a_link_to_the_name_of_a_whiteout_removes_nothing() {
    let image = "layer: dir etc; link d -> .wh.etc; link e -> /etc/.wh.x/y; link g -> d";
    for (added, path, led) in [
        ("file d/a", "/d", "/.wh.etc"),
        ("file e/a/b; file e/c", "/e", "/etc/.wh.x/y"),
        ("file g/a", "/g", "/.wh.etc"),
    ] {
        let problem = "and a name that starts with `.wh.` removes a file";
        let expected = format!("problem `{path}`: links of the image lead to `{led}`, {problem}");
        check(image, added, &expected);
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "it is one table")]
fn what_the_host_has_is_kept_where_that_is_asked() {
    let time = Mtime {
        seconds: 5,
        nanoseconds: 6,
    };
    let state = FileState {
        device: 0,
        inode: 0,
        size: 0,
        mtime: time,
        ctime: time,
    };
    let xattrs = vec![(b"user.a".to_vec(), b"b".to_vec())];
    let link = SourceKind::Symlink {
        target: b"t".to_vec(),
    };
    let metadata = |owner, mode, mtime, keeps_xattrs| Metadata {
        owner,
        mode,
        mtime,
        keeps_xattrs,
    };
    let set = Owner::Set { uid: 7, gid: 8 };
    let all = metadata(Owner::Keep, Mode::Keep, Time::Keep, true);
    let none = metadata(set, Mode::Normal, Time::At(9), false);
    for (kind, mode, metadata, wanted) in [
        (
            SourceKind::File,
            0o4751,
            all,
            (Kind::File, 0o4751, (0, 0), ""),
        ),
        (
            SourceKind::File,
            0o4751,
            none,
            (Kind::File, 0o755, (0, 0), ""),
        ),
        (
            SourceKind::File,
            0o651,
            none,
            (Kind::File, 0o644, (0, 0), ""),
        ),
        (
            SourceKind::Directory,
            0o1700,
            all,
            (Kind::Directory, 0o1700, (0, 0), ""),
        ),
        (
            SourceKind::Directory,
            0o1700,
            none,
            (Kind::Directory, 0o755, (0, 0), ""),
        ),
        (
            SourceKind::Fifo,
            0o711,
            none,
            (Kind::Fifo, 0o644, (0, 0), ""),
        ),
        (link, 0o700, all, (Kind::Symlink, 0o777, (0, 0), "t")),
        (
            SourceKind::CharDevice(1, 2),
            0o600,
            all,
            (Kind::CharDevice, 0o600, (1, 2), ""),
        ),
        (
            SourceKind::BlockDevice(3, 4),
            0o600,
            all,
            (Kind::BlockDevice, 0o600, (3, 4), ""),
        ),
    ] {
        let source = SourceEntry {
            path: b"a".to_vec(),
            kind,
            mode,
            uid: 1,
            gid: 2,
            xattrs: xattrs.clone(),
            n_links: 1,
            state,
        };
        let path = ImagePath::parse("/a").unwrap();
        let entry = Addition::of_host(path, &source, 0, &metadata).entry;
        let found = (
            entry.kind,
            entry.mode,
            entry.device,
            entry.link_name.as_slice(),
        );
        assert_eq!(found, (wanted.0, wanted.1, wanted.2, wanted.3.as_bytes()));
        let kept = ((entry.uid, entry.gid), entry.mtime.seconds, entry.xattrs);
        let wanted = if metadata.keeps_xattrs {
            ((1, 2), 5, xattrs.clone())
        } else {
            ((7, 8), 9, Vec::new())
        };
        assert_eq!(kept, wanted);
        assert_eq!(entry.mtime.nanoseconds, 0);
    }
}

#[test]
fn whiteouts_have_the_time_of_new_files() {
    let image = rootfs("layer: file a; dir d; file d/b").unwrap();
    let path = |text: &str| ImagePath::parse(text).unwrap();
    let edits = [(path("/a"), Edit::Hide), (path("/d/b"), Edit::Hide)];
    let content = lay_out(edits.into(), &image, 7);
    let hidden = content.entries.iter().map(|item| &item.entry);
    let hidden: Vec<&Entry> = hidden
        .filter(|entry| entry.size == 0 && entry.mode == 0)
        .collect();
    assert_eq!(hidden.len(), 2);
    for entry in hidden {
        assert_eq!(entry.mtime, Mtime::of_seconds(7), "{entry:?}");
    }
}

#[test]
fn what_went_wrong_with_an_output_is_told() {
    use std::error::Error as _;

    let error = || std::io::Error::from(ErrorKind::StorageFull);
    for (error, has_source) in [
        (WriteError::Output(error()), true),
        (WriteError::Read(Origin::Layer(0), error()), true),
        (WriteError::OriginChanged(Origin::Layer(0)), false),
    ] {
        assert!(!error.to_string().is_empty(), "{error:?}");
        assert_eq!(error.source().is_some(), has_source, "{error:?}");
    }
}
