//! Drafts as they are written to files, pipes and directories.
//! One file because all are made of the same few entries.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod packed;

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use tempfile::TempDir;

use super::destination::{Destination, publish, publish_if_changed, publish_with};
use super::file::SideFile;
use super::in_place::Replaced;
use super::write::{Sink, write_tar};
use crate::archive::draft::{Content, Draft, DraftEntry};
use crate::archive::source::Source;
use crate::archive::tests::names;
use crate::compression::Compression;
use crate::ledger::WrittenAs;
use crate::tarball::{END_OF_ARCHIVE, Entry, Kind, Mtime, TypeFlag, header_group};

/// What a tar may have before its first entry.
const ROOT: &str = "./";

fn header(name: &str, kind: Kind, size: usize, link_name: &str) -> Vec<u8> {
    header_group(&Entry {
        name: name.into(),
        link_name: link_name.into(),
        kind,
        size: size as u64,
        mode: 0o640,
        mtime: Mtime::of_seconds(7),
        ..Entry::file()
    })
}

fn padded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// A tar of entries out of order, with something before them and behind them.
fn tar(behind: &[u8]) -> Vec<u8> {
    let mut bytes = header(ROOT, Kind::Directory, 0, "");
    bytes.extend(header("d/", Kind::Directory, 0, ""));
    for (name, text) in [("d/b", "text of b"), ("a", ""), ("c", &"c".repeat(1024))] {
        bytes.extend(header(name, Kind::File, text.len(), ""));
        bytes.extend(padded(text));
    }
    bytes.extend(header("link", Kind::Symlink, 0, "d/b"));
    bytes.extend(header("same", Kind::HardLink, 0, "c"));
    bytes.extend(header("last", Kind::File, 4, ""));
    bytes.extend(padded("last"));
    bytes.extend_from_slice(behind);
    bytes
}

struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Source {
        fs::write(self.at(name), bytes).unwrap();
        self.open(name)
    }

    fn open(&self, name: &str) -> Source {
        Source::open(&self.at(name), self.0.path()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        names(self.0.path())
    }

    /// Writes a draft to a file and to a stream, which get the same bytes.
    fn written(&self, draft: &Draft<'_>, name: &str) -> Vec<u8> {
        let out = self.at(name);
        publish(draft, &Destination::File(out.clone())).unwrap();
        let bytes = fs::read(&out).unwrap();
        let compression = Compression::of_name(&out).unwrap_or(draft.compression());
        if (compression, draft.compression()) == (Compression::None, Compression::None) {
            let file = File::create(&out).unwrap();
            publish(draft, &Destination::Stream(file)).unwrap();
            assert!(fs::read(&out).unwrap() == bytes);
        }
        fs::remove_file(out).unwrap();
        bytes
    }
}

fn plain(bytes: &[u8], compression: Compression) -> Vec<u8> {
    let mut reader = compression.decoder(bytes).unwrap();
    let mut plain = Vec::new();
    reader.read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn an_unchanged_tar_is_written_as_it_is_in_either_compression() {
    let home = Home::new();
    let padding = vec![0; 3000];
    for behind in [&END_OF_ARCHIVE[..], &[], &padding] {
        let bytes = tar(behind);
        let source = home.write("app.tar", &bytes);
        let draft = Draft::keep_all(&source);
        assert!(home.written(&draft, "out.tar") == bytes);
        let compressed = home.written(&draft, "out.tar.gz");
        let now = plain(&compressed, Compression::Gzip);
        assert!(now.starts_with(&bytes) && now.len() >= bytes.len());
        // Another time in its header: nobody else would write these bytes.
        let mut compressed = compressed;
        compressed[4] ^= 1;
        let source = home.write("app.tar.gz", &compressed);
        let draft = Draft::keep_all(&source);
        assert!(home.written(&draft, "out") == compressed);
        let other = home.written(&draft, "out.tar.zst");
        assert!(plain(&other, Compression::Zstd) == now);
    }
}

#[test]
fn kept_entries_are_copied_with_what_stands_around_them() {
    let home = Home::new();
    let whole = tar(&[]);
    let padding = vec![0; 3000];
    // The last block of a tar that was cut may lack its end.
    let cut = &whole[..whole.len() - 500];
    for (entries, behind) in [
        (&whole[..], &END_OF_ARCHIVE[..]),
        (&whole, &padding),
        (&whole, &[]),
        (cut, &[]),
    ] {
        let bytes = [entries, behind].concat();
        let source = home.write("app.tar", &bytes);
        let n = source.entries().len();
        for (at, left_out) in (0..=n).flat_map(|at| (0..=n).map(move |left_out| (at, left_out))) {
            let mut draft = Draft::keep_all(&source);
            draft.push("new", Content::Bytes(b"new".to_vec()));
            let new = draft.entries.pop().unwrap();
            draft.entries.insert(at, new);
            let is_there =
                |entry: &DraftEntry| !matches!(entry, DraftEntry::Kept(i) if *i == left_out);
            draft.entries.retain(is_there);
            let mut expected = header(ROOT, Kind::Directory, 0, "");
            for entry in &draft.entries {
                match entry {
                    DraftEntry::Kept(index) => {
                        let kept = source.kept(*index).unwrap();
                        let [start, end] =
                            [kept.start, kept.end].map(|n| usize::try_from(n).unwrap());
                        expected.extend_from_slice(&bytes[start..end]);
                        expected.resize(expected.len().next_multiple_of(512), 0);
                    }
                    DraftEntry::New(new) => {
                        expected.extend(draft.header(new).unwrap());
                        expected.extend(padded("new"));
                    }
                }
            }
            expected.extend_from_slice(if behind.is_empty() {
                &END_OF_ARCHIVE
            } else {
                behind
            });
            let file = File::create(home.at("out.tar")).unwrap();
            write_tar(&draft, &mut Sink::Plain(file), "out.tar").unwrap();
            assert!(
                fs::read(home.at("out.tar")).unwrap() == expected,
                "{at} {left_out}"
            );
        }
    }
}

#[test]
fn a_tar_becomes_a_directory_and_that_a_tar() {
    let home = Home::new();
    let source = home.write("app.tar", &tar(&END_OF_ARCHIVE));
    let mut draft = Draft::keep_all(&source);
    draft.push("new", Content::Directory);
    draft.push("new/link", Content::Symlink("../d/b".to_owned()));
    draft.push("new/copy", Content::Entry(source.find("d/b").unwrap()));
    draft.push("deep/er/text", Content::Bytes(b"text".to_vec()));
    let out = home.at("out");
    publish(&draft, &Destination::Directory(out.clone())).unwrap();
    let text = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    for (name, expected) in [
        ("d/b", "text of b"),
        ("a", ""),
        ("same", &"c".repeat(1024)),
        ("link", "text of b"),
        ("new/link", "text of b"),
        ("new/copy", "text of b"),
        ("deep/er/text", "text"),
        ("last", "last"),
    ] {
        assert_eq!(text(name), expected, "{name}");
    }
    let there = |name: &str| out.join(name).symlink_metadata().unwrap();
    for (name, mode, mtime) in [
        ("d", 0o755, 7),
        ("d/b", 0o640, 7),
        ("new", 0o755, 0),
        ("new/copy", 0o644, 0),
        ("link", 0o777, 7),
        ("same", 0o640, 7),
    ] {
        let found = there(name);
        assert_eq!(
            (found.mode() & 0o777, found.mtime()),
            (mode, mtime),
            "{name}"
        );
    }
    // What is there already is not written into.
    let again = publish(&draft, &Destination::Directory(out.clone()));
    let message = format!("`{}` is a directory that is not empty", out.display());
    assert_eq!(again.unwrap_err().to_string(), message);

    let source = home.open("out");
    let draft = Draft::keep_all(&source);
    let bytes = home.written(&draft, "again.tar");
    let again = home.write("again.tar", &bytes);
    assert_eq!(again.entries().len(), source.entries().len());
    for (one, other) in source.entries().iter().zip(again.entries()) {
        let facts = |entry: &crate::archive::SourceEntry| {
            let entry = entry.clone();
            (
                entry.name,
                entry.kind,
                entry.size,
                entry.link_name,
                entry.mode & 0o7777,
                entry.mtime,
            )
        };
        assert_eq!(facts(one), facts(other));
        if one.kind == Kind::File {
            let read =
                |source: &Source| source.read(source.find(&one.name).unwrap(), 4096).unwrap();
            assert!(read(&source) == read(&again));
        }
    }
    assert!(bytes.ends_with(&END_OF_ARCHIVE) && bytes.len().is_multiple_of(512));
}

#[test]
fn what_no_archive_has_is_not_written_as_files() {
    let home = Home::new();
    for (entry, told) in [
        (
            header("x", Kind::Fifo, 0, ""),
            "the entry `x` is a device or a pipe, which image archives do not contain",
        ),
        (
            header("x", Kind::Unsupported(TypeFlag(b'Z')), 0, ""),
            "the entry `x` has type `Z` (unknown), which image archives do not contain",
        ),
        (
            header("x", Kind::Symlink, 0, "../y"),
            "the entry `x` links outside the archive",
        ),
    ] {
        let source = home.write("app.tar", &[entry, END_OF_ARCHIVE.to_vec()].concat());
        let draft = Draft::keep_all(&source);
        let published = publish(&draft, &Destination::Directory(home.at("out")));
        assert_eq!(published.unwrap_err().to_string(), told);
        assert_eq!(home.names(), ["app.tar"]);
    }
    // The same entry twice is one.
    let twice = [
        header("x", Kind::File, 1, ""),
        padded("x"),
        header("l", Kind::Symlink, 0, "x"),
        header("d/", Kind::Directory, 0, ""),
    ]
    .concat();
    let source = home.write("app.tar", &[&twice[..], &twice, &END_OF_ARCHIVE].concat());
    let draft = Draft::keep_all(&source);
    publish(&draft, &Destination::Directory(home.at("out"))).unwrap();
    assert_eq!(fs::read(home.at("out/x")).unwrap(), b"x");
}

#[test]
fn only_what_differs_is_written() {
    let home = Home::new();
    let source = home.write("app.tar", &tar(&END_OF_ARCHIVE));
    let id = |text: &str| {
        [SideFile::text(
            WrittenAs::Iidfile,
            home.at("id"),
            text.to_owned(),
        )]
    };
    let inode = |name: &str| home.at(name).metadata().unwrap().ino();
    for name in ["out.tar", "out.tar.gz"] {
        let destination = Destination::File(home.at(name));
        let mut draft = Draft::keep_all(&source);
        assert!(publish_if_changed(&draft, &destination, &id("one")).unwrap());
        let first = (inode(name), inode("id"));
        assert!(!publish_if_changed(&draft, &destination, &id("one")).unwrap());
        assert_eq!((inode(name), inode("id")), first);
        assert!(!publish_if_changed(&draft, &destination, &id("two")).unwrap());
        assert_eq!(fs::read(home.at("id")).unwrap(), b"two");
        assert_eq!(inode(name), first.0);
        draft.push("new", Content::Directory);
        assert!(publish_if_changed(&draft, &destination, &id("two")).unwrap());
        assert!(!publish_if_changed(&draft, &destination, &id("two")).unwrap());
        // One byte more, less, or another one.
        let right = fs::read(home.at(name)).unwrap();
        let mut other = right.clone();
        other[right.len() / 2] ^= 1;
        for wrong in [
            [&right[..], b"\0"].concat(),
            right[..right.len() - 1].to_vec(),
            other,
        ] {
            fs::write(home.at(name), wrong).unwrap();
            assert!(publish_if_changed(&draft, &destination, &[]).unwrap());
            assert!(fs::read(home.at(name)).unwrap() == right);
        }
        fs::remove_file(home.at(name)).unwrap();
        fs::remove_file(home.at("id")).unwrap();
    }
    let longer = [&tar(&END_OF_ARCHIVE)[..], &[0; 512]].concat();
    fs::write(home.at("out.tar"), longer).unwrap();
    let draft = Draft::keep_all(&source);
    let destination = Destination::File(home.at("out.tar"));
    assert!(publish_if_changed(&draft, &destination, &[]).unwrap());
}

#[test]
fn an_output_is_no_input_and_no_other_output() {
    let home = Home::new();
    let source = home.write("app.tar", &tar(&END_OF_ARCHIVE));
    let draft = Draft::keep_all(&source);
    let before = home.names();
    let file = |name: &str| SideFile::text(WrittenAs::Iidfile, home.at(name), "id".to_owned());
    for (destination, side_file) in [
        (Destination::File(home.at("app.tar")), file("id")),
        (Destination::Directory(home.0.path().to_owned()), file("id")),
        (Destination::File(home.at("out.tar")), file("app.tar")),
        (Destination::File(home.at("out.tar")), file("out.tar")),
    ] {
        publish_with(&draft, &destination, &[side_file]).unwrap_err();
        assert_eq!(home.names(), before);
    }
    let bytes = fs::read(home.at("app.tar")).unwrap();
    assert!(bytes == tar(&END_OF_ARCHIVE));
    // What comes after the archive says so.
    let full = SideFile::text(WrittenAs::Iidfile, "/dev/full".into(), "id".to_owned());
    let out = home.at("out.tar");
    let stream = File::create(home.at("stream")).unwrap();
    for (destination, shown) in [
        (
            Destination::File(out.clone()),
            format!("`{}`", out.display()),
        ),
        (Destination::Stream(stream), "standard output".to_owned()),
    ] {
        let told = publish_with(&draft, &destination, std::slice::from_ref(&full)).unwrap_err();
        let expected = format!(
            "`/dev/full`: No space left on device (os error 28)\nwritten: {shown}\nnot written: `/dev/full` (`--iidfile`)"
        );
        assert_eq!(told.to_string(), expected);
    }
    // In its own place it is replaced by a rename.
    let mut draft = Draft::keep_all(&source);
    draft.push("new", Content::Directory);
    let in_place = Destination::InPlace(home.at("app.tar"), Replaced::Removed);
    fs::hard_link(home.at("app.tar"), home.at("old.tar")).unwrap();
    // A second name is another time of change.
    let source = home.open("app.tar");
    let mut again = Draft::keep_all(&source);
    again.push("new", Content::Directory);
    publish(&draft, &in_place).unwrap_err();
    publish(&again, &in_place).unwrap();
    assert!(home.open("app.tar").find("new").is_some());
    assert!(home.open("old.tar").find("new").is_none());
}
