//! What is no archive of images, and what to do about it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::write;
use crate::binary::fails;
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
    for (archive, expected) in [
        (wrapped, "except in `image/`; extract it with `tar -xf`"),
        (deep, "except in `build/image/`; extract it with `tar -xf`"),
        (storage, "`skopeo copy docker://HOST/NAME:TAG oci:LAYOUT`"),
        (nothing, "expected an archive of `docker save`"),
        (files, "from `docker export`"),
    ] {
        let input = write(directory.path(), &archive);
        let stderr = fails(3, ["inspect".as_ref(), input.as_os_str()]);
        assert!(stderr.contains(expected), "{stderr}");
    }
}
