//! What archives seldom hold: names that no path can be, links that are edited, compressions that no form has a name for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use ocipatch::tarball::{Entry, Kind, header_group};

use crate::binary::{fails, ok};
use crate::engine::fixture;
use crate::forms::bzip2_and_xz;

fn patch(home: &Path, operation: &str) -> String {
    let path = home.join("fix.yaml");
    let text = format!("apiVersion: ocipatch/v1\noperations:\n  - {operation}\n");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_path_that_linux_does_not_have_is_a_problem() {
    let home = tempfile::tempdir().unwrap();
    let long = format!("/{}", "directory/".repeat(410));
    let image = fixture("docker20.tar");
    let operation = format!("add-layer: {{ files: [{{ path: {long}x, content: a }}] }}");
    let patch = patch(home.path(), &operation);
    let stderr = fails(1, ["plan", &patch, image.to_str().unwrap()]);
    assert!(stderr.contains("layer-conflict"), "{stderr}");
    assert!(stderr.contains("path of over 4096 bytes"), "{stderr}");
}

/// `unpack --layers` puts file trees there, which are as deep as programs make them.
#[test]
fn a_directory_is_packed_however_deep_it_is() {
    let home = tempfile::tempdir().unwrap();
    let [plain, packed, unpacked] =
        ["plain", "packed.tar", "unpacked"].map(|name| home.path().join(name));
    let deep = plain.join("d/".repeat(500));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "x").unwrap();
    ok(["pack".as_ref(), plain.as_os_str(), packed.as_os_str()]);
    ok(["unpack".as_ref(), packed.as_os_str(), unpacked.as_os_str()]);
    let file = unpacked.join("d/".repeat(500)).join("file");
    assert_eq!(fs::read(file).unwrap(), b"x");
    // A path that no program could open by its name.
    let further = home.path().join("further");
    fs::create_dir_all(further.join("d/".repeat(1700))).unwrap();
    fs::rename(further, deep.join("further")).unwrap();
    let stderr = fails(3, ["pack".as_ref(), plain.as_os_str(), packed.as_os_str()]);
    assert!(stderr.contains("has a path of over 4096 bytes"), "{stderr}");
    fs::rename(deep.join("further"), home.path().join("further")).unwrap();
}

#[test]
fn an_entry_name_that_linux_does_not_have_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let deep = Entry {
        name: b"a/".repeat(100_000),
        ..Entry::file()
    };
    let mut tar = header_group(&deep);
    tar.extend(fs::read(fixture("docker20.tar")).unwrap());
    let path = home.path().join("deep.tar");
    fs::write(&path, tar).unwrap();
    let stderr = fails(3, ["inspect".as_ref(), path.as_os_str()]);
    assert!(
        stderr.contains("an entry name of over 4096 bytes"),
        "{stderr}"
    );
}

#[test]
fn an_edit_of_what_was_a_hard_link_is_packed() {
    let home = tempfile::tempdir().unwrap();
    let link = Entry {
        name: b"again.json".to_vec(),
        kind: Kind::HardLink,
        link_name: b"manifest.json".to_vec(),
        ..Entry::file()
    };
    let mut tar = fs::read(fixture("docker20.tar")).unwrap();
    let end = tar.len() - tar.iter().rev().take_while(|&&byte| byte == 0).count();
    let end = end.next_multiple_of(512);
    tar.splice(end..end, header_group(&link));
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("app.tar"), &tar).unwrap();
    ok(["unpack", &path("app.tar"), &path("app")]);
    ok(["pack", &path("app"), &path("same.tar")]);
    assert!(fs::read(path("same.tar")).unwrap() == tar);
    fs::write(path("app/again.json"), "edited").unwrap();
    ok(["pack", &path("app"), &path("edited.tar")]);
    ok(["unpack", &path("edited.tar"), &path("edited")]);
    let text = fs::read_to_string(path("edited/again.json")).unwrap();
    assert_eq!(text, "edited");
}

#[test]
fn a_name_of_several_lines_is_refused_before_anything_is_written_down() {
    let home = tempfile::tempdir().unwrap();
    let image = home.path().join("image");
    let image = image.to_str().unwrap();
    ok(["unpack", fixture("docker20.tar").to_str().unwrap(), image]);
    fs::create_dir(format!("{image}/x\n- manifest.json")).unwrap();
    let patch = patch(home.path(), "set-label: { a: b }");
    let stderr = fails(3, ["apply", "--in-place", &patch, image]);
    assert!(stderr.contains("has a name of several lines"), "{stderr}");
    assert!(Path::new(image).join("manifest.json").exists());
}

#[test]
fn layers_of_a_base_that_no_form_has_a_name_for_get_that_of_their_neighbours() {
    let home = tempfile::tempdir().unwrap();
    let base = home.path().join("base.tar");
    fs::write(&base, bzip2_and_xz().to_bytes()).unwrap();
    fs::copy(fixture("skopeo-oci.tar"), home.path().join("old.tar")).unwrap();
    let patch = patch(home.path(), "rebase: { from: old.tar, onto: base.tar }");
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    ok([
        "apply",
        "-q",
        &patch,
        &path("old.tar"),
        "-o",
        &path("new.tar"),
    ]);
    ok(["verify", &path("new.tar")]);
}
