//! What is no archive of images, and what to do about it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::write;
use crate::binary::{fails, write_files};
use crate::edit::Archive;

#[test]
fn what_is_no_archive_of_images_is_told_from_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut wrapped = Archive::fixture("docker20.tar");
    for entry in &mut wrapped.entries {
        entry.name.insert_str(0, "image/");
    }
    let mut deep = wrapped.clone();
    for entry in &mut deep.entries {
        entry.name.insert_str(0, "build/");
    }
    let mut storage = Archive::fixture("docker20.tar");
    storage.entries.clear();
    storage.add("docker/registry/v2/blobs/sha256/1f/1fd9/data", b"x");
    let mut nothing = Archive::fixture("docker20.tar");
    nothing.entries.clear();
    nothing.add("notes.txt", b"");
    let mut files = Archive::fixture("docker20.tar");
    files.entries.clear();
    files.add("etc/", b"");
    files.add("usr/", b"");
    let mut settings = Archive::fixture("docker20.tar");
    settings.entries.clear();
    settings.add("etc/", b"");
    let mut empty = Archive::fixture("skopeo-oci.tar");
    empty.entry("index.json").data = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
    for (archive, expected) in [
        (wrapped, "except in `image/`; extract it with `tar -xf`"),
        (deep, "except in `build/image/`; extract it with `tar -xf`"),
        (storage, "`skopeo copy docker://HOST/NAME:TAG oci:LAYOUT`"),
        (nothing, "expected an archive of `docker save`"),
        (files, "from `docker export`"),
        (settings, "expected an archive of `docker save`"),
    ] {
        let input = write(directory.path(), &archive);
        let stderr = fails(3, ["inspect".as_ref(), input.as_os_str()]);
        assert!(stderr.contains(expected), "{stderr}");
    }
    let input = write(directory.path(), &empty);
    let patch = directory.path().join("fix.yaml");
    let operation = "apiVersion: ocipatch/v1\noperations: [set-label: { a: b }]\n";
    write_files(directory.path(), &[("fix.yaml", operation)]);
    let stderr = fails(3, ["plan".as_ref(), patch.as_os_str(), input.as_os_str()]);
    assert!(
        stderr.contains("the list of manifests is empty"),
        "{stderr}"
    );
    let extracted = directory.path().join("extracted");
    let files = [("image/manifest.json", ""), ("notes.txt", "")];
    write_files(&extracted, &files);
    let stderr = fails(3, ["inspect".as_ref(), extracted.as_os_str()]);
    assert!(
        stderr.contains("except in `image/`; use that directory"),
        "{stderr}"
    );
}
