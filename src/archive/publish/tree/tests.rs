//! What is made of entries by somebody who is not root.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::{Gid, Uid};
use tempfile::TempDir;

use super::{CHUNK, NotMade, TreeWriter, owner, split, write_tree};
use crate::tarball::{Entry, Kind, Mtime};

/// Other systems have no call for pipes and devices that takes the handle of a directory.
const HAS_NODES: bool = cfg!(all(target_os = "linux", not(ocipatch_portable)));

fn home() -> (TempDir, TreeWriter) {
    let home = tempfile::tempdir().unwrap();
    let writer = TreeWriter {
        root: File::open(home.path()).unwrap(),
        path: "out".into(),
        // Whoever runs this: what it may do differs.
        is_root: false,
        parent: None,
        directories: Vec::new(),
        not_made: NotMade::default(),
    };
    (home, writer)
}

fn entry(name: &str, kind: Kind, mode: u32) -> Entry {
    Entry {
        name: name.into(),
        kind,
        mode,
        mtime: Mtime::of_seconds(7),
        uid: 1,
        gid: 1,
        ..Entry::file()
    }
}

#[test]
fn who_is_not_root_gets_what_can_be_read_and_entered() {
    let (home, mut writer) = home();
    let mut put = |name: &str, kind, mode| writer.put(&entry(name, kind, mode), None).unwrap();
    put("closed", Kind::Directory, 0o4055);
    put("closed/a", Kind::File, 0o6444);
    put("closed/b", Kind::File, 0o044);
    put("open", Kind::Directory, 0o755);
    if HAS_NODES {
        put("open/pipe", Kind::Fifo, 0o640);
    }
    put("top", Kind::File, 0o751);
    put("global", Kind::Global, 0o751);
    let link = Entry {
        link_name: b"closed/a".to_vec(),
        ..entry("link", Kind::Symlink, 0o777)
    };
    writer.put(&link, None).unwrap();
    let same = Entry {
        link_name: b"closed/a".to_vec(),
        ..entry("same", Kind::HardLink, 0o777)
    };
    writer.put(&same, None).unwrap();
    assert_eq!(writer.finish().unwrap(), NotMade::default());
    let there = |name: &str| home.path().join(name).symlink_metadata().unwrap();
    for (name, mode) in [
        ("closed", 0o755),
        ("closed/a", 0o444),
        ("closed/b", 0o444),
        ("open", 0o755),
        ("top", 0o751),
    ] {
        assert_eq!(there(name).mode() & 0o7777, mode, "{name}");
        assert_eq!(there(name).mtime(), 7, "{name}");
    }
    if HAS_NODES {
        let pipe = there("open/pipe");
        assert!(pipe.file_type().is_fifo());
        assert_eq!((pipe.mode() & 0o137, pipe.mtime()), (0, 7));
    }
    assert_eq!(
        fs::read_link(home.path().join("link")).unwrap(),
        Path::new("closed/a")
    );
    assert_eq!(there("link").mtime(), 7);
    assert_eq!(there("same").ino(), there("closed/a").ino());
    assert!(!home.path().join("global").exists());
}

/// Root in a container may be one that makes no devices.
#[test]
fn root_gets_owners_all_permissions_and_devices() {
    if !HAS_NODES || !rustix::process::geteuid().is_root() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    let not_made = write_tree(&out, |writer| {
        for entry in [
            entry("d", Kind::Directory, 0o1755),
            entry("d/file", Kind::File, 0o6750),
            entry("d/pipe", Kind::Fifo, 0o2711),
            Entry {
                device: (1, 3),
                ..entry("d/null", Kind::CharDevice, 0o666)
            },
            Entry {
                device: (7, 0),
                ..entry("d/disk", Kind::BlockDevice, 0o660)
            },
            Entry {
                link_name: b"file".to_vec(),
                ..entry("d/link", Kind::Symlink, 0o777)
            },
        ] {
            writer.put(&entry, None)?;
        }
        Ok(())
    })
    .unwrap();
    let there = |name: &str| out.join(name).symlink_metadata().unwrap();
    for (name, mode) in [
        ("d", 0o1755),
        ("d/file", 0o6750),
        ("d/pipe", 0o2711),
        ("d/link", 0o777),
    ] {
        let found = there(name);
        assert_eq!(
            (found.mode() & 0o7777, found.uid(), found.gid()),
            (mode, 1, 1),
            "{name}"
        );
    }
    if not_made.n_devices == 0 {
        let (null, disk) = (there("d/null"), there("d/disk"));
        assert!(null.file_type().is_char_device() && disk.file_type().is_block_device());
        assert_eq!(null.rdev(), rustix::fs::makedev(1, 3));
        assert_eq!(disk.mode() & 0o7777, 0o660);
    }
    assert!(matches!(not_made.n_devices, 0 | 2));
}

#[test]
fn what_cannot_be_made_is_counted_or_told() {
    let (_home, mut writer) = home();
    let same = Entry {
        link_name: b"device".to_vec(),
        ..entry("same", Kind::HardLink, 0o777)
    };
    let told = writer.put(&same, None).unwrap_err().to_string();
    assert_eq!(told, "`out/same`: No such file or directory (os error 2)");
    writer.not_made.n_devices = 1;
    writer.put(&same, None).unwrap();
    // No file system has attributes of that name.
    let xattrs = vec![(b"nothing".to_vec(), b"x".to_vec())];
    let file = Entry {
        xattrs: xattrs.clone(),
        ..entry("file", Kind::File, 0o644)
    };
    writer.put(&file, None).unwrap();
    let link = Entry {
        xattrs: [xattrs.clone(), xattrs].concat(),
        link_name: b"file".to_vec(),
        ..entry("link", Kind::Symlink, 0o777)
    };
    writer.put(&link, None).unwrap();
    let told = writer.put(&file, None).unwrap_err().to_string();
    assert_eq!(told, "`out/file`: File exists (os error 17)");
    let inside = entry("link/x", Kind::File, 0o644);
    writer.put(&inside, None).unwrap_err();
    let not_made = NotMade {
        n_devices: 2,
        n_xattrs: 3,
    };
    assert_eq!(writer.finish().unwrap(), not_made);
}

struct Unreadable;

impl Read for Unreadable {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Other.into())
    }
}

#[test]
fn zeros_become_holes_and_nothing_else_does() {
    let (home, mut writer) = home();
    let pieces = [vec![0; CHUNK], vec![7; CHUNK], vec![0; 2 * CHUNK + 1]];
    let mut last = pieces.concat();
    last.extend([0, 1]);
    for (number, text) in [pieces.concat(), last, vec![0; CHUNK], Vec::new()]
        .iter()
        .enumerate()
    {
        let name = number.to_string();
        let file = Entry {
            size: text.len() as u64,
            ..entry(&name, Kind::File, 0o644)
        };
        let mut content = text.as_slice();
        writer.put(&file, Some((&mut content, "layer"))).unwrap();
        assert!(fs::read(home.path().join(&name)).unwrap() == *text);
    }
    let file = entry("unreadable", Kind::File, 0o644);
    let told = writer
        .put(&file, Some((&mut Unreadable, "layer")))
        .unwrap_err();
    assert_eq!(told.to_string(), "`layer`: other error");
    let blocks = |name: &str| home.path().join(name).metadata().unwrap().blocks();
    assert!(blocks("2") < blocks("0"));
}

#[test]
fn names_have_a_directory_and_ids_have_a_limit() {
    assert_eq!(split(b"a"), (&b""[..], &b"a"[..]));
    assert_eq!(split(b"a/b/"), (&b"a"[..], &b"b"[..]));
    assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
    let of = |uid, gid| {
        let (uid, gid) = owner(&Entry {
            uid,
            gid,
            ..Entry::file()
        });
        (uid.map(Uid::as_raw), gid.map(Gid::as_raw))
    };
    assert_eq!(of(0, 4_294_967_294), (Some(0), Some(4_294_967_294)));
    // That number leaves the owner as it is.
    assert_eq!(of(u64::from(u32::MAX), 1 << 32), (None, None));
}
