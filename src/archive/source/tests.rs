//! Tars and directories as sources. One file because they share small archives.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;

use super::directory::{open_file, state};
use super::entry::{Blob, SourceEntry};
use super::import::Import;
use super::remote_graph::Referrers;
use super::spool::{self, Spool};
use super::spooling::LIMITS;
use super::{Source, names};
use crate::archive::tests::registry::{Memory, image as image_of};
use crate::archive::tests::{Files, compressed, tar};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::error::Error;
use crate::media_type::MANIFEST;
use crate::registry::Reach;
use crate::tarball::{BLOCK_BYTES, END_OF_ARCHIVE, Entry, Interrupted, Kind, header_group};

fn open(bytes: &[u8]) -> Result<Source, String> {
    let opened = Source::from_bytes(bytes, "a.tar".to_owned(), &std::env::temp_dir());
    opened.map_err(|error| error.to_string())
}

/// Entries without data, each as kind, name and target.
fn headers(entries: &[(Kind, &str, &str)]) -> Vec<u8> {
    let header = |&(kind, name, target): &(Kind, &str, &str)| {
        header_group(&Entry {
            name: name.into(),
            kind,
            link_name: target.into(),
            ..Entry::file()
        })
    };
    entries.iter().flat_map(header).collect()
}

fn directory(path: &Path) -> Result<Source, String> {
    Source::open(path, &std::env::temp_dir()).map_err(|error| error.to_string())
}

fn content(blob: &Blob) -> Vec<u8> {
    let mut content = Vec::new();
    blob.reader().read_to_end(&mut content).unwrap();
    content
}

fn on_disk(directory: &Path, name: &str) -> SourceEntry {
    let open = File::open(directory).unwrap();
    SourceEntry::on_disk(&open, name.as_ref(), name.to_owned()).unwrap()
}

#[test]
fn a_file_is_the_entry_that_it_is() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let hex = Digest::of(b"elsewhere").hex();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("file"), "elsewhere").unwrap();
    fs::write(at("file"), "abc").unwrap();
    fs::set_permissions(at("file"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::create_dir(at("directory")).unwrap();
    let inside = Digest::of(b"inside").hex();
    symlink("file", at(&inside)).unwrap();
    symlink("file", at("link")).unwrap();
    symlink(outside.path().join("file"), at(&hex)).unwrap();
    symlink(outside.path().join("file"), at("leaves")).unwrap();
    let (dangles, leads_to_none) = (Digest::of(b"a").hex(), Digest::of(b"b").hex());
    symlink("/not/there", at(&dangles)).unwrap();
    symlink(outside.path(), at(&leads_to_none)).unwrap();
    mknodat(CWD, at("fifo"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    let file = fs::canonicalize(outside.path().join("file")).unwrap();
    let file = file.to_str().unwrap();
    let out = outside.path().to_str().unwrap();
    for (name, kind, size, target, linked) in [
        ("file", Kind::File, 3, "", false),
        ("directory", Kind::Directory, 0, "", false),
        ("link", Kind::Symlink, 0, "file", false),
        (&inside, Kind::Symlink, 0, "file", false),
        (&hex, Kind::File, 9, "", true),
        ("leaves", Kind::Symlink, 0, file, false),
        (&dangles, Kind::Symlink, 0, "/not/there", false),
        (&leads_to_none, Kind::Symlink, 0, out, false),
        ("fifo", Kind::Fifo, 0, "", false),
        ("socket", Kind::Fifo, 0, "", false),
    ] {
        let entry = on_disk(home.path(), name);
        let told = (entry.kind, entry.size, entry.link_name.as_slice());
        assert_eq!(told, (kind, size, target.as_bytes()), "{name}");
        assert_eq!(entry.linked().is_some(), linked, "{name}");
    }
    assert_eq!(on_disk(home.path(), "file").mode, 0o4751);
    assert_eq!(on_disk(Path::new("/dev"), "null").kind, Kind::CharDevice);
    let is_block = |entry: &fs::DirEntry| {
        use std::os::unix::fs::FileTypeExt as _;
        entry.file_type().is_ok_and(|kind| kind.is_block_device())
    };
    // A container has none.
    let block = fs::read_dir("/dev").unwrap().flatten().find(is_block);
    if let Some(block) = block.and_then(|block| block.file_name().into_string().ok()) {
        assert_eq!(on_disk(Path::new("/dev"), &block).kind, Kind::BlockDevice);
    }
}

#[test]
fn what_is_in_a_registry_can_be_read_by_all() {
    let mode = |kind| SourceEntry::remote("a".to_owned(), kind, 0).mode;
    assert_eq!([Kind::Directory, Kind::File].map(mode), [0o755, 0o644]);
}

#[test]
fn a_hard_link_is_what_stands_before_it() {
    let mut bytes = tar([("file", &b"abc"[..])]);
    bytes.truncate(1024);
    bytes.extend(headers(&[
        (Kind::Symlink, "link", "file"),
        (Kind::Directory, "directory", ""),
        (Kind::HardLink, "to-file", "./file"),
        (Kind::HardLink, "to-link", "link"),
        (Kind::HardLink, "to-directory", "directory"),
        (Kind::HardLink, "to-later", "later"),
        (Kind::HardLink, "out", "../file"),
        (Kind::HardLink, "again", "to-file"),
        (Kind::File, "later", ""),
    ]));
    bytes.extend(END_OF_ARCHIVE);
    let source = open(&bytes).unwrap();
    let told = |name: &str| {
        let entry = &source.entries()[source.find(name).unwrap()];
        (
            entry.kind,
            entry.size,
            entry.links_to(),
            entry.is_hard_link(),
        )
    };
    assert_eq!(told("file"), (Kind::File, 3, None, false));
    assert_eq!(told("to-file"), (Kind::File, 3, Some(0), true));
    assert_eq!(told("to-link"), (Kind::Symlink, 0, Some(1), true));
    assert_eq!(told("to-directory"), (Kind::HardLink, 0, None, true));
    assert_eq!(told("to-later"), (Kind::HardLink, 0, None, true));
    assert_eq!(told("out"), (Kind::HardLink, 0, None, true));
    assert_eq!(told("again"), (Kind::File, 3, Some(3), true));
    let at = |name: &str| source.find(name).unwrap();
    assert_eq!(content(&source.blob(at("again")).unwrap()), b"abc");
    assert_eq!(source.entries()[at("to-link")].link_name, b"file");
    // As it stands in the tar, a hard link has no data.
    let n_bytes = |name: &str| source.kept(at(name)).unwrap().n_bytes();
    assert_eq!(
        [n_bytes("file"), n_bytes("again"), n_bytes("link")],
        [1024, 512, 512]
    );
    let (before, behind) = source.around().unwrap();
    assert!(before.is_empty() && !behind.is_empty());
    assert_eq!(
        (behind.start, behind.n_bytes()),
        (bytes.len() as u64 - 1024, 1024)
    );
    for (name, wanted) in [
        ("file", Ok(0)),
        ("/again", Ok(8)),
        ("link", Ok(0)),
        ("to-link", Ok(0)),
        ("directory", Err("is not a regular file")),
        (
            "to-directory",
            Err("is a hard link to an entry that does not precede it"),
        ),
        (
            "to-later",
            Err("is a hard link to an entry that does not precede it"),
        ),
        ("out", Err("links outside the archive")),
        ("not-there", Err("not-there")),
    ] {
        let found = source.resolve(name, "a document");
        match (found, wanted) {
            (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{name}"),
            (Err(error), Err(wanted)) => assert!(error.to_string().contains(wanted), "{error}"),
            (found, wanted) => panic!("{name} {found:?} {wanted:?}"),
        }
    }
}

#[test]
fn links_are_followed_within_bounds() {
    let names: Vec<String> = (0..=9).map(|i| format!("a/{i}")).collect();
    let mut links: Vec<(Kind, &str, &str)> = Vec::new();
    for i in 0..9 {
        links.push((Kind::Symlink, &names[i], &names[i + 1][2..]));
    }
    let mut bytes = headers(&links);
    bytes.extend(headers(&[
        (Kind::File, &names[9], ""),
        (Kind::Symlink, "round", "round"),
        (Kind::Symlink, "gone", "not-there"),
        (Kind::Symlink, "leaves", "../x"),
        (Kind::Symlink, "directory", "a"),
    ]));
    bytes.extend(END_OF_ARCHIVE);
    let source = open(&bytes).unwrap();
    // Seven links lead to eight names.
    assert_eq!(source.resolve("a/2", "x").unwrap(), 9);
    for (name, wanted) in [
        ("a/1", "`a/1` is a link that leads to itself"),
        ("round", "`round` is a link that leads to itself"),
        ("gone", "`gone` links to a missing entry"),
        ("leaves", "`leaves` links outside the archive"),
        (
            "directory/1",
            "`directory` is a link to a directory, which is not followed",
        ),
        ("../x", "../x"),
    ] {
        let told = source.resolve(name, "x").unwrap_err().to_string();
        assert!(told.contains(wanted), "{told}");
        assert!(!told.contains("cp -rL"), "{told}");
    }
    let from = |name: &str| source.links_from(name.to_owned()).join(" ");
    assert_eq!(from("a/7"), "a/7 a/8 a/9");
    assert_eq!(from("gone"), "gone not-there");
    assert_eq!(from("leaves"), "leaves");
    assert_eq!(source.links_from("round".to_owned()).len(), 9);
    assert_eq!(source.links_from("a/1".to_owned()).len(), 9);
}

#[test]
fn a_name_may_come_twice_with_one_content() {
    let long = vec![7; 200_000];
    let mut late = long.clone();
    late[199_999] = 8;
    let link = |target: &str| headers(&[(Kind::Symlink, "a", target)]);
    let file = |content: &[u8]| {
        let mut bytes = tar([("a", content)]);
        bytes.truncate(bytes.len() - END_OF_ARCHIVE.len());
        bytes
    };
    let directory = headers(&[(Kind::Directory, "a/", "")]);
    for (first, second, is_same) in [
        (file(b"x"), file(b"x"), true),
        (file(b""), file(b""), true),
        (file(b"x"), file(b"y"), false),
        (file(b"x"), file(b"xx"), false),
        (file(&long), file(&long), true),
        (file(&long), file(&late), false),
        (link("b"), link("b"), true),
        (link("b"), link("c"), false),
        (link(""), file(b""), false),
        (directory.clone(), directory, true),
    ] {
        let opened = open(&[first, second, END_OF_ARCHIVE.to_vec()].concat());
        assert_eq!(opened.is_ok(), is_same, "{opened:?}");
        if let Err(told) = opened {
            assert!(
                told.contains("appears twice with different content"),
                "{told}"
            );
        }
    }
}

#[test]
fn a_tar_is_told_by_what_is_in_it() {
    for (names, is_ordered) in [
        (&["a", "a/b", "b"][..], true),
        (&["a/b", "a"], false),
        (&["a", "a"], false),
        (&["a"], true),
    ] {
        let source = open(&tar(names.iter().map(|name| (*name, &b"x"[..])))).unwrap();
        assert_eq!(source.is_walk_ordered(), is_ordered, "{names:?}");
    }
    let source = open(&tar([("a", &[1; 5][..]), ("b", &[2; 5])])).unwrap();
    assert_eq!(source.read(1, 5).unwrap(), [2; 5]);
    let told = source.read(1, 4).unwrap_err().to_string();
    assert!(
        told.contains("has 5 bytes; a document of an image has at most 4"),
        "{told}"
    );
    assert_eq!(source.digest(0).unwrap(), Digest::of(&[1; 5]));
    assert_eq!(source.group(1).unwrap(), tar([("b", &[2; 5][..])])[..512]);
    assert!(source.root().is_none() && !source.is_directory());
    assert!(source.first_linked().is_none() && source.linked().is_empty());
    assert_eq!(source.locations().count(), 1);
    let (one, two) = (source.kept(0).unwrap(), source.kept(1).unwrap());
    assert_eq!(one.joined(two).map(|both| both.n_bytes()), Some(2048));
    assert!(two.joined(one).is_none());
    let other = open(&tar([("a", &[1; 5][..]), ("b", &[2; 5])])).unwrap();
    assert!(one.joined(other.kept(1).unwrap()).is_none());
    let mut read = Vec::new();
    one.reader().read_to_end(&mut read).unwrap();
    assert_eq!(read, tar([("a", &[1; 5][..])])[..1024]);
    let blob = source.blob(1).unwrap();
    assert_eq!((blob.n_bytes(), blob.piece().n_bytes()), (5, 5));
    let mut data = Vec::new();
    blob.piece().reader().read_to_end(&mut data).unwrap();
    assert_eq!(data, [2; 5]);
}

#[test]
fn a_tar_may_end_early_and_have_more_around() {
    let whole = tar([("a", &[1; 5][..])]);
    // Without the padding of the last entry.
    let cut = open(&whole[..517]).unwrap();
    assert_eq!(cut.kept(0).unwrap().n_bytes(), 517);
    let (_, behind) = cut.around().unwrap();
    assert!(behind.is_empty());
    assert_eq!(content(&cut.blob(0).unwrap()), [1; 5]);
    let root = headers(&[(Kind::Directory, "./", "")]);
    let source = open(&[&root[..], &whole, b"more"].concat()).unwrap();
    assert_eq!(source.entries().len(), 1);
    let (before, behind) = source.around().unwrap();
    assert_eq!((before.n_bytes(), behind.n_bytes()), (512, 1028));
    for (bytes, wanted) in [
        (vec![], "is empty"),
        (vec![0; 1024], "is a tar without entries"),
        (root.clone(), "is a tar without entries"),
        (
            b"a text, and no tar".repeat(100),
            "is not a tar, plain or compressed",
        ),
        (
            whole[..516].to_vec(),
            "the archive is truncated inside the entry `a`, after 4 of 5 bytes",
        ),
        (
            whole[..512].to_vec(),
            "the archive is truncated inside the entry `a`, after 0 of 5 bytes",
        ),
        ([&whole[..1024], &[7; 512]].concat(), "1024"),
        (
            tar([("../a", &b""[..])]),
            "the entry name `../a` leaves the archive or is not UTF-8",
        ),
        (
            tar([(&*"a".repeat(4097), &b""[..])]),
            "an entry name of over 4096 bytes",
        ),
    ] {
        let told = open(&bytes).unwrap_err();
        assert!(told.contains(wanted), "{told} {wanted}");
    }
    assert!(open(&tar([(&*"a".repeat(4096), &b""[..])])).is_ok());
    assert_eq!(BLOCK_BYTES, 512);
}

#[test]
fn what_was_given_is_told_apart_from_what_was_made_of_it() {
    let home = tempfile::tempdir().unwrap();
    let plain = tar([("a", &b"x"[..])]);
    for (compression, n_given) in [(Compression::None, plain.len()), (Compression::Gzip, 0)] {
        let bytes = compressed(&plain, compression);
        let path = home.path().join("a.tar");
        fs::write(&path, &bytes).unwrap();
        let source = Source::open(&path, home.path()).unwrap();
        assert!(source.location().is_file());
        assert_eq!(source.compression(), compression);
        assert_eq!(source.given().unwrap().n_bytes(), bytes.len() as u64);
        source.check().unwrap();
        source.check_entry(0).unwrap();
        source.check_at(&path).unwrap();
        // Of a stream only the tar is kept.
        let mut input = File::open(&path).unwrap();
        input.seek(io::SeekFrom::Start(0)).unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(&bytes).unwrap();
        drop(writer);
        let reader = File::from(std::os::fd::OwnedFd::from(reader));
        let stream = Source::from_stream(reader, "-".to_owned(), home.path()).unwrap();
        assert_eq!(
            stream.given().map_or(0, |given| given.n_bytes()),
            n_given as u64
        );
        assert_eq!(stream.compression(), compression);
        stream.check().unwrap();
        stream.check_at(&path).unwrap();
        // A file changes, or another takes its name.
        fs::write(home.path().join("other"), &bytes).unwrap();
        fs::rename(home.path().join("other"), &path).unwrap();
        let told = source.check_at(&path).unwrap_err().to_string();
        assert!(told.contains("another file has its name"), "{told}");
        let source = Source::open(&path, home.path()).unwrap();
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"x")
            .unwrap();
        let told = source.check().unwrap_err().to_string();
        assert!(told.contains("its size is"), "{told}");
        assert!(source.check_entry(0).is_err());
        // A file that is read from its middle is a stream too.
        let mut input = File::open(&path).unwrap();
        input.seek(io::SeekFrom::Start(1)).unwrap();
        assert!(Source::from_stream(input, "-".to_owned(), home.path()).is_err());
    }
    let mut behind = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(home.path().join("b"))
        .unwrap();
    behind.write_all(&[&b"head"[..], &plain].concat()).unwrap();
    behind.seek(io::SeekFrom::Start(4)).unwrap();
    let source = Source::from_stream(behind, "-".to_owned(), home.path()).unwrap();
    assert_eq!(content(&source.blob(0).unwrap()), b"x");
}

#[test]
fn a_directory_is_read_in_walk_order_and_watched() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::create_dir_all(at("blobs/sha256")).unwrap();
    for name in ["blobs/sha256/a", "index.json", "blobs.txt"] {
        fs::write(at(name), name).unwrap();
    }
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("file"), "elsewhere").unwrap();
    let linked = format!("blobs/sha256/{}", Digest::of(b"elsewhere").hex());
    let wrong = format!("blobs/sha256/{}", Digest::of(b"something else").hex());
    for name in [&linked, &wrong] {
        symlink(outside.path().join("file"), at(name)).unwrap();
    }
    let source = directory(home.path()).unwrap();
    let names: Vec<&str> = source.entries().iter().map(|entry| &*entry.name).collect();
    assert_eq!(names.first(), Some(&"blobs"));
    assert_eq!(names.last(), Some(&"index.json"));
    assert!(names.is_sorted_by(|a, b| names::walk_order(a, b).is_lt()));
    assert!(source.is_walk_ordered() && source.is_directory() && source.root().is_some());
    assert_eq!(source.compression(), Compression::None);
    assert_eq!((source.linked().len(), source.locations().count()), (2, 3));
    assert!(source.first_linked().is_some());
    let find = |name: &str| source.find(name).unwrap();
    assert!(source.group(0).unwrap().is_empty());
    assert!(source.kept(0).is_none() && source.around().is_none() && source.given().is_none());
    assert_eq!(content(&source.blob(find(&linked)).unwrap()), b"elsewhere");
    let told = source.blob(find(&wrong)).unwrap_err().to_string();
    assert!(
        told.contains("does not have the digest of the name"),
        "{told}"
    );
    assert_eq!(source.read(find("index.json"), 100).unwrap(), b"index.json");
    source.check().unwrap();
    // A file that nobody has read may change.
    fs::write(at("blobs.txt"), "more than it was").unwrap();
    source.check().unwrap();
    assert!(source.check_entry(find("blobs.txt")).is_err());
    assert!(source.blob(find("blobs.txt")).is_err());
    source.check().unwrap();
    fs::write(at("index.json"), "more than it was").unwrap();
    let told = source.check().unwrap_err().to_string();
    assert!(
        told.contains("index.json") && told.contains("its size is"),
        "{told}"
    );
    fs::remove_file(at("index.json")).unwrap();
    let told = source.check().unwrap_err().to_string();
    assert!(told.contains("it no longer exists"), "{told}");
    source.check_at(home.path()).unwrap();
    let told = source.check_at(outside.path()).unwrap_err().to_string();
    assert!(told.contains("another directory has its name"), "{told}");
}

#[test]
fn a_linked_file_is_hashed_once() {
    let home = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("file");
    fs::write(&file, "elsewhere").unwrap();
    symlink(&file, home.path().join(Digest::of(b"elsewhere").hex())).unwrap();
    let source = directory(home.path()).unwrap();
    source.blob(0).unwrap();
    assert!(source.check().is_ok());
    fs::write(&file, "somewhere").unwrap();
    let told = source.check().unwrap_err().to_string();
    assert!(told.contains("time is different"), "{told}");
}

#[test]
fn a_directory_without_an_image_says_what_can_be_done() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::create_dir(at("real")).unwrap();
    fs::write(at("real/file"), "x").unwrap();
    symlink("real", at("way")).unwrap();
    symlink("/etc/hostname", at("leaves")).unwrap();
    let dangles = Digest::of(b"a").hex();
    symlink("/not/there", at(&dangles)).unwrap();
    let source = directory(home.path()).unwrap();
    for (name, wanted) in [
        (
            "way/file",
            "is a link to a directory, which is not followed; copy the files with `cp -rL ",
        ),
        (
            "leaves",
            "its name states no digest of a file there; copy the files with `cp -rL ",
        ),
        (
            &dangles,
            "links outside the archive, where there is no such file",
        ),
    ] {
        let told = source.resolve(name, "x").unwrap_err().to_string();
        assert!(told.contains(wanted), "{told}");
    }
    for (name, wanted) in [
        (&b"a\xff"[..], "has a name that is not UTF-8"),
        (b"a\nb", "has a name of several lines"),
    ] {
        let path = home.path().join(std::ffi::OsStr::from_bytes(name));
        fs::write(&path, "").unwrap();
        let told = directory(home.path()).unwrap_err();
        assert!(told.contains(wanted), "{told}");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_file_is_found_where_it_is_stored_or_by_its_name() {
    let home = tempfile::tempdir().unwrap();
    let root = File::open(home.path()).unwrap();
    fs::write(home.path().join("name"), "x").unwrap();
    let mut entry = on_disk(home.path(), "name");
    let mut find = |stored: &str| {
        entry.on_disk.as_mut().unwrap().stored = Some(stored.to_owned());
        let opened = open_file(&root, &entry, "place").is_ok();
        assert_eq!(opened, state(&root, &entry, "place").is_ok());
        opened
    };
    assert!(find("name"));
    assert!(find("not-there"));
    // What is in its way is no file that it could have.
    assert!(!find("name/below"));
}

#[test]
fn a_stream_from_outside_is_a_regular_file_that_stays_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    mknodat(CWD, at("fifo"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
    for path in [at("fifo"), home.path().to_owned(), "/dev/null".into()] {
        assert!(Import::open(&path).unwrap().is_none(), "{path:?}");
    }
    assert!(Import::open(&at("not-there")).is_err());
    let layer = tar([("etc/motd", &b"hi"[..])]);
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let bytes = compressed(&layer, compression);
        fs::write(at("layer"), &bytes).unwrap();
        let import = Import::open(&at("layer")).unwrap().unwrap();
        assert_eq!(import.compression(), compression);
        assert_eq!(
            (import.diff_id(), import.place()),
            (None, at("layer").to_str().unwrap())
        );
        let mut plain = Vec::new();
        import.tar().unwrap().read_to_end(&mut plain).unwrap();
        assert_eq!(plain, layer);
        assert_eq!(content(&import.blob().unwrap()), bytes);
        let name = import.read_headers(|headers| headers.next().map(|entry| entry.unwrap().name));
        assert_eq!(name.unwrap().unwrap(), b"etc/motd");
        import.check().unwrap();
        File::options()
            .append(true)
            .open(at("layer"))
            .unwrap()
            .write_all(b"x")
            .unwrap();
        assert!(import.check().is_err());
    }
}

#[test]
fn streams_are_written_one_behind_the_other() {
    let home = tempfile::tempdir().unwrap();
    let mut spool = Spool::new(home.path());
    for (i, bytes) in [&b"one"[..], b"", b"two"].into_iter().enumerate() {
        let (file, start) = spool.begin().unwrap();
        assert_eq!(start, [0, 3, 3][i]);
        (&*file).write_all(bytes).unwrap();
    }
    assert_eq!(
        fs::read_dir(home.path()).unwrap().count(),
        0,
        "a file with a name"
    );
    let missing = home.path().join("not-there");
    assert!(Spool::new(&missing).begin().is_err());
}

#[test]
fn a_stream_is_kept_whole() {
    let home = tempfile::tempdir().unwrap();
    // Content that is read on the way and content that is poured, and bytes behind the end.
    let noise: Vec<u8> = (0..300_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect();
    let mut bytes = tar([("a", &noise[..]), ("b", b"x")]);
    bytes.extend(&noise[..5000]);
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let packed = compressed(&bytes, compression);
        for length in [None, Some(packed.len() as u64)] {
            let stream = Interrupted::new(&packed);
            let kept = spool::unpack(stream, length, compression, "a", home.path(), LIMITS);
            let mut kept = kept.unwrap();
            let mut found = Vec::new();
            kept.rewind().unwrap();
            kept.read_to_end(&mut found).unwrap();
            assert!(found == bytes, "{compression:?}");
        }
        let path = home.path().join("packed");
        fs::write(&path, &packed).unwrap();
        let (mut kept, found) =
            spool::keep(&mut File::open(&path).unwrap(), "a", home.path()).unwrap();
        assert_eq!(found, compression);
        let mut read = Vec::new();
        kept.rewind().unwrap();
        kept.read_to_end(&mut read).unwrap();
        assert!(read == bytes, "{compression:?}");
    }
    let error = spool::keep(&mut File::open(home.path()).unwrap(), "a", home.path()).unwrap_err();
    assert!(error.to_string().contains('a'));
}

#[test]
fn a_plain_stream_is_kept_up_to_where_it_is_no_tar() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("stream");
    let mut bytes = tar([("a", &[1; 8000][..])]);
    bytes.truncate(512 + 8192);
    bytes.resize(1 << 20, 7);
    fs::write(&path, &bytes).unwrap();
    let mut input = File::open(&path).unwrap();
    let (kept, _) = spool::keep(&mut input, "a", home.path()).unwrap();
    // The block that says so is kept too, and nothing behind it is read.
    assert_eq!(kept.metadata().unwrap().len(), 512 + 8192 + 512);
    assert_eq!(input.stream_position().unwrap(), 512 + 8192 + 512);
}

/// A pipe that takes the place of a file makes nobody wait.
#[test]
fn a_pipe_in_the_place_of_a_file_is_a_change() {
    let home = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let linked = home.path().join(Digest::of(b"x").hex());
    symlink(outside.path().join("file"), linked).unwrap();
    let files = [outside.path().join("file"), home.path().join("file")];
    for file in &files {
        fs::write(file, "x").unwrap();
    }
    let source = directory(home.path()).unwrap();
    for file in &files {
        fs::remove_file(file).unwrap();
        mknodat(CWD, file, FileType::Fifo, Mode::from(0o600), 0).unwrap();
    }
    for index in 0..2 {
        let told = source.blob(index).unwrap_err();
        assert!(matches!(told, Error::Changed { .. }), "{told}");
        source.check_entry(index).unwrap_err();
    }
}

#[test]
fn a_blob_beside_others_has_its_own_bytes() {
    let files = Files::default().layout(&[]);
    let source = files.source();
    for (name, bytes) in &files.0 {
        let index = source.find(name).unwrap();
        let blob = source.blob(index).unwrap();
        assert_eq!(content(&blob), *bytes);
        let mut read = Vec::new();
        blob.into_reader().read_to_end(&mut read).unwrap();
        assert_eq!(read, *bytes);
        assert!(source.fetched_by(index).is_none());
    }
    assert!(source.repository().is_none() && source.read_name().is_none());
}

#[test]
fn a_blob_of_a_registry_is_fetched_whole() {
    let memory = Memory::default();
    let bytes: Vec<u8> = (0..600_000_u32).flat_map(u32::to_le_bytes).collect();
    let blob = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        memory.put(&format!("r.example/app/blobs/{digest}"), "", bytes);
        json!({"digest": digest.to_string(), "size": bytes.len()})
    };
    let layers = [blob(&bytes), blob(b"small")];
    let image = memory.manifest(MANIFEST, &json!({"mediaType": MANIFEST, "layers": layers}));
    memory.tag("r.example/app", "1", &image);
    let reach = Reach::from(memory.reached());
    let home = tempfile::tempdir().unwrap();
    let source = Source::of_registry(&reach, &image_of("1"), Referrers::Left, home.path()).unwrap();
    let fetched = |bytes: &[u8]| {
        let name = format!("blobs/sha256/{}", Digest::of(bytes).hex());
        let index = source.entries().iter().position(|entry| entry.name == name);
        content(&source.blob(index.unwrap()).unwrap()) == bytes
    };
    // The second begins where the first ends.
    assert!(fetched(&bytes) && fetched(b"small") && fetched(&bytes));
}
