//! `ocipatch cat`

use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use ocipatch::archive::{Source, unpack};
use ocipatch::digest::Digest;
use tempfile::tempdir;

use super::{GREETERS, written};
use crate::binary::{command, fails, ok, run};
use crate::cases::build;
use crate::cases::text::Image;
use crate::edit::{self, fixture};
use crate::raw::{self, Raw};
use crate::stacks::item::{Hand, Item};
use crate::stacks::run as stacks;

const GREETING: &str = "hello from the base layer\n";

#[test]
fn a_file_of_every_form_is_printed() {
    for name in GREETERS {
        assert_eq!(
            ok([
                "cat".as_ref(),
                fixture(name).as_os_str(),
                "/etc/greeting".as_ref()
            ]),
            GREETING,
            "{name}"
        );
    }
    let directory = tempdir().unwrap();
    for name in ["docker20.tar", "docker26.tar", "podman-oci.tar"] {
        let unpacked = directory.path().join(name);
        unpack(
            &Source::open(&fixture(name), directory.path()).unwrap(),
            &unpacked,
        )
        .unwrap();
        assert_eq!(
            ok([
                "cat".as_ref(),
                unpacked.as_os_str(),
                "etc/greeting".as_ref()
            ]),
            GREETING,
            "{name}"
        );
    }
    let gzip = command()
        .args(["cat", "-", "etc/greeting"])
        .stdin(fs::File::open(fixture("docker20.tar.gz")).unwrap())
        .output()
        .unwrap();
    assert_eq!(gzip.stdout, GREETING.as_bytes());
}

const LINKS: &str = r#"
layer: 0755 etc/; 0644 etc/a "a\n"; 0755 usr/; 0755 usr/lib/; 0644 usr/lib/b "b\n"; lib -> usr/lib; 0644 gone "x"; 0755 old/; 0644 old/x "x"
layer: 0755 etc/; etc/link -> ../lib/b; etc/absolute -> /lib/b; etc/name => etc/other; 0644 .wh.gone ""; 0755 old/; 0644 old/.wh..wh..opq ""; 0644 old/y "y"
layer: 0644 lib/c "c\n"; dangling -> etc/nothing; circle -> circle; out -> ../../../../etc/a
"#;

/// A layer for it that hard links need in the right order.
fn links() -> String {
    LINKS.trim_start().replace(
        "etc/name => etc/other",
        "0644 etc/other \"other\\n\"; etc/name => etc/other",
    )
}

#[test]
fn links_are_followed_and_whiteouts_hide() {
    let directory = tempdir().unwrap();
    let image = written(directory.path(), &links());
    let cat = |path: &str| ok(["cat".as_ref(), image.as_os_str(), path.as_ref()]);
    for (path, content) in [
        ("/etc/a", "a\n"),
        ("etc//./a", "a\n"),
        ("etc/link", "b\n"),
        ("etc/absolute", "b\n"),
        ("/lib/b", "b\n"),
        ("/etc/name", "other\n"),
        ("/usr/lib/c", "c\n"),
        ("out", "a\n"),
        ("usr/../etc/a", "a\n"),
        ("/", "circle\ndangling\netc/\nlib\nold/\nout\nusr/\n"),
        ("lib", "b\nc\n"),
        ("old/", "y\n"),
    ] {
        assert_eq!(cat(path), content, "{path}");
    }
    let missing = |path: &str| fails(2, ["cat".as_ref(), image.as_os_str(), path.as_ref()]);
    for (path, message) in [
        ("/gone", "error: the image has no `/gone`\n"),
        (
            "/etc/ohter",
            "error: the image has no `/etc/ohter`\nhelp: did you mean `/etc/other`?\n",
        ),
        (
            "/var/lib/x",
            "error: the image has no `/var/lib/x`\nhelp: there is no `/var` either\n",
        ),
        ("/old/x", "error: the image has no `/old/x`\n"),
        (
            "/dangling",
            "error: the image has no `/dangling`: `/dangling` is a link to `/etc/nothing`, which does not exist\n",
        ),
        (
            "/circle",
            "error: `/circle` leads through too many links, the last one at `/circle`\n",
        ),
        (
            "/etc/a/b",
            "error: the image has no `/etc/a/b`: `/etc/a` is not a directory\n",
        ),
    ] {
        assert_eq!(missing(path), message, "{path}");
    }
}

#[test]
fn one_image_is_selected_as_target_does() {
    let two = fixture("docker26-two-images.tar");
    let cat = |arguments: &[&str]| {
        let output = run([&["cat", two.to_str().unwrap()], arguments].concat());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (
            output.status.code(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let both = "error: 2 images of the archive match\nhelp: select one with `--image`; there is `greeter2:latest`, `greeter:1`\n";
    assert_eq!(cat(&["etc/greeting"]), (Some(2), both.to_owned()));
    assert_eq!(
        cat(&["etc/greeting", "--image", "greeter*"]),
        (Some(2), both.to_owned())
    );
    for pattern in [
        "greeter:1",
        "greeter",
        "docker.io/library/greeter:*",
        "sha256:fba3",
    ] {
        assert_eq!(
            cat(&["etc/greeting", "--image", pattern]),
            (Some(0), GREETING.to_owned()),
            "{pattern}"
        );
    }
    let none = "error: no image of the archive matches `app`\nhelp: there is `greeter2:latest`, `greeter:1`\n";
    assert_eq!(
        cat(&["etc/greeting", "--image", "app"]),
        (Some(2), none.to_owned())
    );
    assert_eq!(cat(&["etc/greeting", "--image", "sha256:zz"]).0, Some(2));

    let multi = fixture("buildx-oci-multi.tar");
    let several = fails(
        2,
        ["cat".as_ref(), multi.as_os_str(), "etc/greeting".as_ref()],
    );
    assert_eq!(
        several,
        "error: `greeter:1` has 2 platforms\nhelp: select one with `--platform`; there is `linux/amd64`, `linux/arm64`\n"
    );
    let one = [
        "cat",
        multi.to_str().unwrap(),
        "etc/greeting",
        "--platform",
        "linux/arm64",
    ];
    assert_eq!(ok(one), GREETING);
    let other = [
        "cat",
        multi.to_str().unwrap(),
        "etc/greeting",
        "--platform",
        "linux/riscv64",
    ];
    assert_eq!(
        fails(2, other),
        "error: no selected image has the platform `linux/riscv64`\nhelp: there is `linux/amd64`, `linux/arm64`\n"
    );
}

#[test]
fn an_image_that_cannot_be_read_is_an_error() {
    let mut archive = edit::Archive::fixture("docker26-two-images.tar");
    let configs: Vec<String> = archive
        .entries
        .iter()
        .filter(|entry| {
            entry
                .data
                .windows(12)
                .any(|bytes| bytes == b"\"diff_ids\":[")
        })
        .map(|entry| entry.name.clone())
        .collect();
    archive.remove("manifest.json");
    archive.entry(&configs[0]).data.truncate(20);
    let directory = tempdir().unwrap();
    let path = directory.path().join("app.tar");
    fs::write(&path, archive.to_bytes()).unwrap();
    // Which one is damaged may be the one that is meant.
    let message = fails(
        3,
        ["cat".as_ref(), path.as_os_str(), "etc/greeting".as_ref()],
    );
    assert!(message.contains("cannot be read: "), "{message}");
}

#[test]
fn a_layer_that_makes_no_tree_is_named() {
    let directory = tempdir().unwrap();
    let good = raw::stream(&[Raw::file("good", b"x")]);
    let bad = raw::stream(&[Raw::hard_link("name", "nothing")]);
    for place in 0..3 {
        let mut streams = vec![good.clone(); 3];
        streams[place].clone_from(&bad);
        let bytes = build::hybrid(&[Image {
            streams,
            ..Image::default()
        }]);
        let path = directory.path().join("app.tar");
        fs::write(&path, bytes).unwrap();
        let message = fails(3, ["cat".as_ref(), path.as_os_str(), "absent".as_ref()]);
        let layer = format!("the entry `blobs/sha256/{}`", Digest::of(&bad).hex());
        let reason = format!("layer {place}: entry `name`: a hard link to something other");
        assert!(
            message.contains(&layer) && message.contains(&reason),
            "{message}"
        );
    }
}

#[test]
fn what_has_no_content_is_refused() {
    let directory = tempdir().unwrap();
    let stream = raw::stream(&[
        Raw::device(b'3', "null", (1, 3)),
        Raw::device(b'4', "sda", (8, 0)),
        Raw::new(b'6', "pipe"),
    ]);
    let image = Image {
        streams: vec![stream],
        ..Image::default()
    };
    let path = directory.path().join("app.tar");
    fs::write(&path, build::hybrid(&[image])).unwrap();
    for (name, kind) in [
        ("null", "a character device"),
        ("sda", "a block device"),
        ("pipe", "a named pipe"),
    ] {
        let message = fails(2, ["cat".as_ref(), path.as_os_str(), name.as_ref()]);
        assert_eq!(
            message,
            format!("error: `/{name}` is {kind} and has no content\n")
        );
    }
}

#[test]
fn names_in_a_directory_are_printable() {
    let directory = tempdir().unwrap();
    let layer = vec![
        Item::file(b"\x1b[31mred\nline", b"x"),
        Item::file(b"\xff", b"bytes"),
        Item::file("::warning::x".as_bytes(), b"x"),
    ];
    let path = directory.path().join("app.tar");
    fs::write(&path, stacks::archive(&[layer], Hand::Plain)).unwrap();
    let listing = ok(["cat".as_ref(), path.as_os_str(), "/".as_ref()]);
    assert_eq!(listing, "\\u{1b}[31mred\\nline\n\\::warning::x\n\\xff\n");
    // The bytes of a file are not.
    let name = std::ffi::OsStr::from_bytes(b"\xff");
    assert_eq!(ok(["cat".as_ref(), path.as_os_str(), name]), "bytes");
}

#[test]
fn lower_layers_need_not_be_readable_for_a_file_above_them() {
    let directory = tempdir().unwrap();
    let image = "layer: 0644 a \"a\"\nlayer: 0755 etc/; 0644 etc/b \"b\"\n";
    let image = written(directory.path(), image);
    let mut archive = edit::Archive::read(&fs::read(&image).unwrap());
    let layer = archive
        .entries
        .iter_mut()
        .find(|entry| entry.data.starts_with(b"a\0"));
    layer.unwrap().data[..512].fill(7);
    fs::write(&image, archive.to_bytes()).unwrap();
    let cat = |path: &str| ["cat".into(), image.clone().into_os_string(), path.into()];
    assert_eq!(ok(cat("etc/b")), "b");
    let message = fails(3, cat("a"));
    assert!(message.contains("is not a readable layer"), "{message}");
}

#[test]
fn a_reader_that_goes_early_has_seen_enough() {
    let directory = tempdir().unwrap();
    let layer = vec![Item::file(b"big", &vec![b'x'; 4 << 20])];
    let path = directory.path().join("app.tar");
    fs::write(&path, stacks::archive(&[layer], Hand::Plain)).unwrap();
    let mut child = command()
        .args(["cat".as_ref(), path.as_os_str(), "big".as_ref()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut some = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    assert_eq!(
        ok(["cat".as_ref(), path.as_os_str(), "big".as_ref()]).len(),
        4 << 20
    );
    let full = command()
        .args(["cat".as_ref(), path.as_os_str(), "big".as_ref()])
        .stdout(
            fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        )
        .output()
        .unwrap();
    assert_eq!(full.status.code(), Some(3));
}
