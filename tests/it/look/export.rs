//! `ocipatch export`

use std::fs;
use std::io::Read as _;
#[cfg(not(ocipatch_portable))]
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ocipatch::archive::{Archive, Source};
use ocipatch::compression::Compression;
use ocipatch::gather::read_trees;
use ocipatch::image_path::ImagePath;
use ocipatch::look::Part;
use ocipatch::tarball::Kind;
use tempfile::tempdir;

use super::made::{check, made_in, open, same_as_tar, tar};
use super::{GREETERS, written};
use crate::binary::{NO_CACHE, command, fails, listing, ok, run};
use crate::cases::build;
use crate::cases::text::Image;
use crate::edit::fixture;
use crate::engine::{is_root, tool};
use crate::random;
use crate::raw::{self, Raw};
use crate::stacks::item::{Hand, Item, items};
use crate::stacks::{honest, run as stacks, wild};

#[test]
fn a_tar_is_the_merged_tree() {
    for name in GREETERS {
        let archive =
            Archive::open(Source::open(&fixture(name), Path::new("/tmp")).unwrap()).unwrap();
        let tar = tar(&archive, "/");
        check(&archive, &tar);
        let printed = run(["export".as_ref(), fixture(name).as_os_str()]);
        assert!(printed.status.success() && printed.stdout == tar, "{name}");
    }
}

#[test]
fn a_tar_of_any_layers_is_the_merged_tree() {
    let test = |layers: Vec<Vec<Item>>| {
        let archive = open(&stacks::archive(&layers, Hand::Plain));
        if read_trees(&archive, &[0]).is_ok() {
            check(&archive, &tar(&archive, "/"));
        }
        Ok(())
    };
    random::check(100, &honest::stack(1..5), test);
    random::check(150, &wild::stack(1..4), test);
}

#[test]
fn each_layer_is_read_once_in_the_order_of_its_stream() {
    let layer = |names: &[&str]| -> Vec<Item> {
        names
            .iter()
            .map(|name| Item::file(name.as_bytes(), name.as_bytes()))
            .collect()
    };
    let layers = [layer(&["z", "b", "m"]), layer(&["c", "b", "a"])];
    let archive = open(&stacks::archive(&layers, Hand::Plain));
    let names = items(&tar(&archive, "/"));
    let names: Vec<&[u8]> = names
        .iter()
        .map(|item| item.entry.name.as_slice())
        .collect();
    assert_eq!(names, [b"z", b"m", b"c", b"b", b"a"]);
}

// Only Linux has a call that makes pipes.
#[cfg(not(ocipatch_portable))]
#[test]
fn a_directory_is_what_root_extracts_of_the_tar() {
    let home = tempdir().unwrap();
    for (i, name) in GREETERS.iter().enumerate() {
        let out = home.path().join(format!("out{i}"));
        ok([
            "export".as_ref(),
            fixture(name).as_os_str(),
            "-o".as_ref(),
            out.as_os_str(),
        ]);
        same_as_tar(
            &out,
            &run(["export".as_ref(), fixture(name).as_os_str()]).stdout,
        );
    }
    let mut number = 0;
    for layers in random::samples(20, &wild::stack(1..4))
        .into_iter()
        .chain(random::samples(20, &honest::stack(1..4)))
    {
        let archive = open(&stacks::archive(&layers, Hand::Plain));
        if read_trees(&archive, &[0]).is_err() {
            continue;
        }
        number += 1;
        let out = home.path().join(format!("random{number}"));
        let part = Part::of(&archive, 0, &ImagePath::root()).unwrap();
        part.write_directory(&out).unwrap();
        same_as_tar(&out, &tar(&archive, "/"));
    }
    assert!(number > random::cases(20), "{number}");
}

const IMAGE: &str = r#"layer: 0755 etc/ 1:2; 0640 etc/a "a\n" 3:4 @5; 04755 etc/su "su"; etc/same => etc/a; 0700 etc/d/; 0644 etc/d/x "x"; lib -> usr/lib; 0755 usr/; 0755 usr/lib/; 0644 usr/lib/b "b"
layer: 0644 etc/.wh.su ""; z => etc/a
"#;

/// Without what needs a file of another layer.
fn image() -> String {
    IMAGE.replace("; z => etc/a", "")
}

fn names(tar: &[u8]) -> Vec<String> {
    let items = items(tar);
    items
        .iter()
        .map(|item| String::from_utf8_lossy(&item.entry.name).into_owned())
        .collect()
}

#[test]
fn a_part_is_relative_to_its_path() {
    let home = tempdir().unwrap();
    let image = written(home.path(), &image());
    let export = |path: &str| run(["export".as_ref(), image.as_os_str(), path.as_ref()]).stdout;
    assert_eq!(names(&export("/etc")), ["d/", "a", "same", "d/x"]);
    assert_eq!(names(&export("etc/d/x")), ["x"]);
    // Links are followed on the way and at the end, and the name is the one that was asked for.
    assert_eq!(names(&export("/lib")), ["b"]);
    assert_eq!(names(&export("/lib/b")), ["b"]);
    // The first name that is exported is the file.
    let same = export("/etc/same");
    assert_eq!(names(&same), ["same"]);
    assert_eq!(items(&same)[0].content, b"a\n");
    let out = home.path().join("out");
    ok([
        "export".as_ref(),
        image.as_os_str(),
        "/etc".as_ref(),
        "-o".as_ref(),
        out.as_os_str(),
    ]);
    same_as_tar(&out, &export("/etc"));
    assert_eq!(
        fails(
            2,
            ["export".as_ref(), image.as_os_str(), "/etc/su".as_ref()]
        ),
        "error: the image has no `/etc/su`\n"
    );
}

#[test]
fn what_out_is_says_its_name_or_what_is_there() {
    let home = tempdir().unwrap();
    let image = written(home.path(), &image());
    let tar = run(["export".as_ref(), image.as_os_str()]).stdout;
    let export = |out: &str| {
        let output = command()
            .current_dir(&home)
            .args(["export", "app.tar", "-o", out])
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    fs::write(home.path().join("old"), "old").unwrap();
    fs::create_dir(home.path().join("empty.tar")).unwrap();
    fs::create_dir(home.path().join("full")).unwrap();
    fs::write(home.path().join("full/x"), "x").unwrap();
    for out in ["new.tar", "NEW.TAR", "old", "-", "/dev/stdout"] {
        assert_eq!(export(out), (Some(0), String::new()), "{out}");
        if !out.contains("stdout") && out != "-" {
            assert!(fs::read(home.path().join(out)).unwrap() == tar, "{out}");
        }
    }
    for out in ["new", "slash.tar/", "empty.tar"] {
        assert_eq!(export(out), (Some(0), String::new()), "{out}");
        same_as_tar(&home.path().join(out), &tar);
    }
    let before = listing(home.path());
    let full = "error: `full` is a directory that is not empty\n";
    assert!(export("full").1.starts_with(full));
    for (out, compression) in [
        ("x.tar.gz", Compression::Gzip),
        ("x.TGZ", Compression::Gzip),
        ("x.tar.zst", Compression::Zstd),
        ("x.tbz2", Compression::Bzip2),
        ("x.xz", Compression::Xz),
    ] {
        assert_eq!(export(out), (Some(0), String::new()), "{out}");
        let path = home.path().join(out);
        let compressed = fs::read(&path).unwrap();
        assert_eq!(Compression::detect(&compressed), compression, "{out}");
        let mut plain = Vec::new();
        let mut decoder = compression.decoder(compressed.as_slice()).unwrap();
        decoder.read_to_end(&mut plain).unwrap();
        assert!(plain == tar, "{out}");
        fs::remove_file(path).unwrap();
    }
    // What is read is never written.
    for out in ["app.tar", "./app.tar"] {
        assert_eq!(export(out).0, Some(2), "{out}");
    }
    assert_eq!(export("missing/x.tar").0, Some(3));
    assert_eq!(listing(home.path()), before);
}

#[cfg(not(ocipatch_portable))] // As above.
#[test]
fn every_kind_of_file_and_name() {
    let home = tempdir().unwrap();
    let long = "n".repeat(90);
    let deep = format!("{long}/{long}/{long}");
    let stream = raw::stream(&[
        Raw::device(b'3', "null", (1, 3)).mode(0o666).owner(5, 6),
        Raw::device(b'4', "disk", (8, 17)),
        Raw::hard_link("null2", "null"),
        Raw::new(b'6', "pipe").mode(0o622),
        Raw::file("set", b"id")
            .mode(0o6755)
            .owner(70_000, 80_000)
            .mtime(-5),
        Raw::file("with", b"xattr").record("SCHILY.xattr.user.note", b"n\0te"),
        Raw::file(&format!("{long}/x"), b"no directory"),
        Raw::file("long", b"name").record("path", deep.as_bytes()),
        Raw::file("bytes", b"name").record("path", b"\xff\xfe"),
        raw::Sparse::V10.file("sparse", 1 << 20, &[(4096, b"piece")]),
        Raw::new(b'7', "contiguous"),
        Raw::new(b'7', "more"),
        Raw::new(b'2', "dangling").link("/nowhere/\u{1b}"),
    ]);
    let image = Image {
        streams: vec![stream],
        ..Image::default()
    };
    let bytes = build::hybrid(&[image]);
    let archive = open(&bytes);
    let tar = tar(&archive, "/");
    check(&archive, &tar);
    let path = home.path().join("app.tar");
    fs::write(&path, bytes).unwrap();
    let out = home.path().join("out");
    let made = run([
        "export".as_ref(),
        path.as_os_str(),
        "-o".as_ref(),
        out.as_os_str(),
    ]);
    let notes = String::from_utf8(made.stderr).unwrap();
    let left_out = "`/contiguous` and 1 more have types that no engine unpacks, and were left out";
    assert!(notes.starts_with(&format!("note: {left_out}\n")), "{notes}");
    let one = "`/contiguous` has a type that no engine unpacks, and was left out";
    for (part, told) in [("/contiguous", one), ("/", left_out)] {
        let made = run(["export".as_ref(), path.as_os_str(), part.as_ref()]);
        let notes = String::from_utf8(made.stderr).unwrap();
        assert!(notes.contains(told), "{part}: {notes}");
    }
    assert!(made.status.success());
    if is_root() && !notes.contains("devices") {
        same_as_tar(&out, &tar);
    }
    // Holes are not filled.
    assert!(out.join("sparse").metadata().unwrap().blocks() < 1024);
    let mut value = [0; 10];
    if let Ok(n) = rustix::fs::getxattr(out.join("with"), "user.note", &mut value) {
        assert_eq!(&value[..n], b"n\0te");
    } else {
        assert!(notes.contains("extended attributes"), "{notes}");
    }
}

#[test]
fn nothing_gets_out_through_links() {
    let home = tempdir().unwrap();
    let outside = home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let link = |name: &str, to: &str| {
        let mut item = Item::new(Kind::Symlink, name.as_bytes());
        item.entry.link_name = to.as_bytes().to_vec();
        item
    };
    let target = outside.to_str().unwrap();
    let up = "../../../../../../../../../..";
    let layers = vec![
        vec![
            link("a", target),
            link("b", &format!("{up}{target}")),
            link("c", ".."),
        ],
        vec![
            Item::file(b"a/x", b"x"),
            Item::file(b"b/y", b"y"),
            Item::file(b"c/z", b"z"),
            Item::file(format!("{up}{target}/w").as_bytes(), b"w"),
        ],
    ];
    let archive = open(&stacks::archive(&layers, Hand::Plain));
    check(&archive, &tar(&archive, "/"));
    let out = home.path().join("out");
    let part = Part::of(&archive, 0, &ImagePath::root()).unwrap();
    part.write_directory(&out).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    same_as_tar(&out, &tar(&archive, "/"));
}

#[test]
fn a_user_gets_what_a_user_can_make() {
    let Some(mut setpriv) = tool("setpriv").filter(|_| is_root()) else {
        return;
    };
    let home = tempdir().unwrap();
    let stream = raw::stream(&[
        Raw::device(b'3', "null", (1, 3)),
        Raw::hard_link("null2", "null"),
        Raw::new(b'5', "closed/").mode(0o000).owner(9, 9),
        Raw::file("closed/x", b"x").mode(0o4070).owner(9, 9),
        Raw::new(b'6', "pipe"),
    ]);
    let image = Image {
        streams: vec![stream],
        ..Image::default()
    };
    fs::write(home.path().join("app.tar"), build::hybrid(&[image])).unwrap();
    fs::set_permissions(
        home.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o777),
    )
    .unwrap();
    setpriv
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            env!("CARGO_BIN_EXE_ocipatch"),
        ])
        .envs(NO_CACHE);
    let output = setpriv
        .current_dir(&home)
        .args(["export", "app.tar", "-o", "out"])
        .output();
    // The build directory may be one that nobody else enters.
    let Ok(output) = output else { return };
    if matches!(output.status.code(), Some(126 | 127)) {
        return;
    }
    let notes = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        notes,
        "note: devices were left out, since only root can make them: 2\n"
    );
    let made = made_in(&home.path().join("out"));
    let shown: Vec<(String, u32, (u64, u64))> = made
        .iter()
        .map(|(name, made)| {
            (
                String::from_utf8_lossy(name).into_owned(),
                made.mode,
                made.owner,
            )
        })
        .filter(|(name, ..)| name != "pipe")
        .collect();
    let owner = (65534, 65534);
    assert_eq!(
        shown,
        [
            ("closed".to_owned(), 0o700, owner),
            ("closed/x".to_owned(), 0o470, owner)
        ]
    );
}

#[test]
fn a_reader_that_goes_early_gets_a_truncated_archive() {
    let home = tempdir().unwrap();
    let layer = vec![Item::file(b"big", &vec![b'x'; 4 << 20])];
    let path = home.path().join("app.tar");
    fs::write(&path, stacks::archive(&[layer], Hand::Plain)).unwrap();
    let mut child = command()
        .args(["export".as_ref(), path.as_os_str()])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(3), Vec::new()));
}
