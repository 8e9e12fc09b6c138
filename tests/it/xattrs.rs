//! The extended attributes of sources are in a layer if the patch says so, and those that label the host never are.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{XattrFlags, lsetxattr};
use rustix::io::Errno;

use crate::binary::write_files;
use crate::cases::build;
use crate::cases::text::Image;
use crate::raw::{Raw, stream};
use crate::stacks::run;

type Named = BTreeMap<String, Vec<(String, Vec<u8>)>>;
/// A path, and the attributes that are expected there.
type Row<'a> = (&'a str, &'a [(&'a str, &'a [u8])]);

/// Sets attributes of files below `directory`; tells why if that cannot be done here.
fn set(directory: &Path, attributes: &[(&str, &str, &[u8])]) -> Result<(), Errno> {
    attributes.iter().try_for_each(|(path, name, value)| {
        lsetxattr(directory.join(path), *name, value, XattrFlags::empty())
    })
}

/// Tells that a test is skipped.
fn skip(attributes: &str, errno: Errno) {
    println!("skipped: {attributes} cannot be set here: {errno}");
}

fn base() -> Vec<u8> {
    build::v1_directories(&[Image {
        tags: vec!["app:1".to_owned()],
        streams: vec![stream(&[Raw::file("base", b"")])],
        ..Image::default()
    }])
}

/// The entries that have attributes in the layer that an operation adds.
fn added(operation: &str, directory: &Path) -> Named {
    let patch = run::patch(&[operation.to_owned()]);
    let once = run::apply(&base(), &patch, directory).unwrap();
    let layers = run::seen_with_sparse(&once);
    let of_entry = |(entry, _): &(ocipatch::tarball::Entry, Vec<u8>)| {
        let text = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
        let xattrs = entry.xattrs.iter();
        let xattrs = xattrs.map(|(name, value)| (text(name), value.clone()));
        (text(&entry.name), xattrs.collect::<Vec<_>>())
    };
    let named = layers[1].iter().map(of_entry);
    named.filter(|(_, xattrs)| !xattrs.is_empty()).collect()
}

fn named(expected: &[Row<'_>]) -> Named {
    let xattr = |(name, value): &(&str, &[u8])| ((*name).to_owned(), value.to_vec());
    let of_entry =
        |(path, xattrs): &Row<'_>| ((*path).to_owned(), xattrs.iter().map(xattr).collect());
    expected.iter().map(of_entry).collect()
}

#[test]
fn attributes_of_host_files_are_kept_if_that_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    write_files(
        directory.path(),
        &[("site/d/f", "f"), ("site/plain", ""), ("other", "o")],
    );
    let site = directory.path().join("site");
    std::fs::hard_link(site.join("d/f"), site.join("d/same")).unwrap();
    // What a link leads to has attributes, the link has none.
    symlink("d/f", site.join("link")).unwrap();
    let bytes = b"a=b\n\0\xff";
    if let Err(errno) = set(
        directory.path(),
        &[
            ("site/d/f", "user.text", b"1"),
            ("site/d/f", "user.empty", b""),
            ("site/d/f", "user.bytes", bytes),
            ("site/d", "user.d", b"directory"),
            ("other", "user.o", b"other"),
        ],
    ) {
        return skip("attributes of users", errno);
    }
    let add = |xattrs: &str| {
        let files = "files: [{ path: /o, from: other }]";
        let operation = format!("add-layer: {{ from: site, {files}{xattrs} }}");
        added(&operation, directory.path())
    };
    let of_file: [(&str, &[u8]); 3] = [
        ("user.bytes", bytes),
        ("user.empty", b""),
        ("user.text", b"1"),
    ];
    assert_eq!(
        add(", xattrs: keep"),
        named(&[
            ("d/", &[("user.d", b"directory")]),
            ("d/f", &of_file),
            ("d/same", &of_file),
            ("o", &[("user.o", b"other")]),
        ])
    );
    for none in [", xattrs: none", ""] {
        assert_eq!(add(none), Named::new(), "{none}");
    }
}

#[test]
fn attributes_of_the_host_stay_there() {
    let directory = tempfile::tempdir().unwrap();
    write_files(directory.path(), &[("site/f", "f"), ("site/g", "g")]);
    let revision = |n: u8| [&[1, 0, 0, n, 0, 4][..], &[0; 14]].concat();
    let of_namespace = [&revision(3)[..], &1000_u32.to_le_bytes()].concat();
    if let Err(errno) = set(
        directory.path(),
        &[
            ("site/f", "security.capability", &revision(2)),
            ("site/g", "security.capability", &of_namespace),
            ("site/g", "trusted.overlay.opaque", b"y"),
            ("site/g", "security.ima", b"\x04sum"),
            ("site", "trusted.md5sum", b"0"),
        ],
    ) {
        return skip("attributes of root", errno);
    }
    // A kernel with a policy of its own takes no label of ours.
    let _ = set(
        directory.path(),
        &[("site/f", "security.selinux", b"u:r:t:s0\0")],
    );
    let capability: [(&str, &[u8]); 1] = [("security.capability", &revision(2))];
    assert_eq!(
        added("add-layer: { from: site, xattrs: keep }", directory.path()),
        named(&[("f", &capability), ("g", &capability)])
    );
}

#[test]
fn attributes_in_a_tar_are_kept_unless_that_is_not_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let capability = Raw::file("f", b"f").record("SCHILY.xattr.security.capability", b"\x01");
    let tar = stream(&[
        capability.record("SCHILY.xattr.user.empty", b""),
        Raw::file("g", b"g"),
    ]);
    std::fs::write(directory.path().join("site.tar"), tar).unwrap();
    let add = |rest: &str| {
        let operation = format!("add-layer: {{ from: site.tar{rest} }}");
        added(&operation, directory.path())
    };
    let kept = named(&[(
        "f",
        &[("security.capability", b"\x01"), ("user.empty", b"")],
    )]);
    for keep in ["", ", xattrs: keep", ", as-is: true"] {
        assert_eq!(add(keep), kept, "{keep}");
    }
    assert_eq!(add(", xattrs: none"), Named::new());
}

#[test]
fn a_layer_that_only_changes_an_attribute_of_a_directory_stays() {
    let directory = tempfile::tempdir().unwrap();
    let name = "SCHILY.xattr.user.a";
    let layer = |records: &[(&str, &[u8])]| {
        let etc = Raw::new(b'5', "etc/").mode(0o755);
        let etc = records
            .iter()
            .fold(etc, |etc, (key, value)| etc.record(key, value));
        stream(&[etc, Raw::file("etc/key", b"secret")])
    };
    let streams = vec![
        stream(&[Raw::new(b'5', "etc/").mode(0o755), Raw::file("f", b"f")]),
        layer(&[(name, b"1")]),
        layer(&[(name, b"1")]),
        layer(&[(name, b"2")]),
        layer(&[(name, b"")]),
        layer(&[]),
        layer(&[]),
        layer(&[("SCHILY.xattr.user.b", b"")]),
    ];
    let image = build::v1_directories(&[Image {
        tags: vec!["app:1".to_owned()],
        streams,
        ..Image::default()
    }]);
    let purge = "remove-path: { match: [/etc/key], purge: true, drop-empty-layers: true }";
    let patch = run::patch(&[purge.to_owned()]);
    let purged = run::apply(&image, &patch, directory.path()).unwrap();
    let layers = run::seen_with_sparse(&purged);
    let left = layers[1..].iter().map(|layer| {
        let xattrs = &layer[0].0.xattrs;
        xattrs
            .iter()
            .map(|(name, value)| [name, &b"="[..], value].concat())
    });
    let left: Vec<Vec<Vec<u8>>> = left.map(Iterator::collect).collect();
    let expected: [&[&[u8]]; 5] = [
        &[b"user.a=1"],
        &[b"user.a=2"],
        &[b"user.a="],
        &[],
        &[b"user.b="],
    ];
    assert_eq!(left, expected);
}
