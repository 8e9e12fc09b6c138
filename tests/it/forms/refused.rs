//! What is no archive of images, and what to do about it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::made::before_1_10;
use super::write;
use crate::binary::fails;
use crate::edit::Archive;

#[test]
fn an_archive_older_than_docker_1_10_is_refused_with_a_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let input = write(directory.path(), &before_1_10());
    let stderr = fails(3, ["inspect".as_ref(), input.as_os_str()]);
    let expected = "was saved by Docker before 1.10 (no `manifest.json`); load and save it again with Docker 1.10 to 28";
    assert!(stderr.contains(expected), "{stderr}");
    let found = crate::binary::run(["verify".as_ref(), input.as_os_str()]);
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.contains("load and save it again"), "{found}");
    // Nothing tells what belongs to what, so nothing is said to belong to nothing.
    assert!(!found.contains("orphan"), "{found}");
}

#[test]
fn what_is_no_archive_of_images_is_told_from_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut wrapped = Archive::fixture("docker20.tar");
    for entry in &mut wrapped.entries {
        entry.name.insert_str(0, "image/");
    }
    let mut files = Archive::fixture("docker20.tar");
    files.entries.clear();
    files.add("etc/", b"");
    files.add("usr/", b"");
    for (archive, expected) in [
        (wrapped, "except in `image/`; use that directory"),
        (files, "from `docker export`"),
    ] {
        let input = write(directory.path(), &archive);
        let stderr = fails(3, ["inspect".as_ref(), input.as_os_str()]);
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn the_dir_form_of_skopeo_is_refused_with_a_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let mut archive = Archive::fixture("skopeo-oci.tar");
    let manifest = archive.entry("sha256/2d446a").data.clone();
    archive.remove("index.json");
    archive.remove("oci-layout");
    archive.add("manifest.json", &manifest);
    let input = write(directory.path(), &archive);
    let stderr = fails(3, ["inspect".as_ref(), input.as_os_str()]);
    let way_out = "`skopeo copy dir:DIR oci:LAYOUT`";
    assert!(stderr.contains(way_out), "{stderr}");
    let found = crate::binary::run(["verify".as_ref(), input.as_os_str()]);
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.contains(way_out), "{found}");
    assert!(!found.contains("orphan"), "{found}");
}
