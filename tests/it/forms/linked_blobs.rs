//! Layouts whose blobs are links to files elsewhere, as Bazel makes them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::fix;
use crate::binary::{fails, listing, ok, run};
use crate::engine::fixture;

const LABEL: &str = "  - set-label: {mylabel: modifiedvalue}\n";

/// How a link for a blob is spelled.
#[derive(Debug, Clone, Copy)]
enum Spelling {
    Absolute,
    Relative,
    /// By way of another link elsewhere.
    Twice,
}

const SPELLINGS: [Spelling; 3] = [Spelling::Absolute, Spelling::Relative, Spelling::Twice];

/// A layout whose blobs are links to files in `elsewhere`.
fn layout(directory: &Path, spelling: Spelling) -> PathBuf {
    let layout = directory.join("layout");
    let to = ["apply", "--quiet", "--to=oci-dir", "-o"].map(AsRef::as_ref);
    let input = fixture("skopeo-oci.tar");
    ok([&to[..], &[layout.as_os_str(), input.as_os_str()]].concat());
    let elsewhere = directory.join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    for (n, blob) in blobs(&layout).into_iter().enumerate() {
        let file = elsewhere.join(format!("file-{n}"));
        std::fs::rename(&blob, &file).unwrap();
        let target = match spelling {
            Spelling::Absolute => file,
            Spelling::Relative => format!("../../../elsewhere/file-{n}").into(),
            Spelling::Twice => {
                let link = elsewhere.join(format!("link-{n}"));
                symlink(&file, &link).unwrap();
                link
            }
        };
        symlink(target, blob).unwrap();
    }
    layout
}

/// The blobs of a layout, sorted.
fn blobs(layout: &Path) -> Vec<PathBuf> {
    let items = std::fs::read_dir(layout.join("blobs/sha256")).unwrap();
    let mut blobs: Vec<PathBuf> = items.map(|item| item.unwrap().path()).collect();
    blobs.sort();
    blobs
}

#[test]
fn a_layout_of_links_is_read_and_the_output_has_the_files() {
    for spelling in SPELLINGS {
        let directory = tempfile::tempdir().unwrap();
        let layout = layout(directory.path(), spelling);
        let before = listing(&layout);
        let report = ok(["verify".as_ref(), layout.as_os_str()]);
        assert!(!report.contains("warning"), "{spelling:?}: {report}");
        ok(["inspect".as_ref(), "--files".as_ref(), layout.as_os_str()]);
        let fix = fix(directory.path(), LABEL);
        let output = directory.path().join("output");
        let tar = directory.path().join("output.tar");
        let arguments = ["apply".as_ref(), fix.as_os_str(), layout.as_os_str()];
        ok([&arguments[..], &["-o".as_ref(), output.as_os_str()]].concat());
        let to = ["--to=oci-archive".as_ref(), "-o".as_ref(), tar.as_os_str()];
        ok([&arguments[..], &to].concat());
        for output in [&output, &tar] {
            let report = ok(["verify".as_ref(), output.as_os_str()]);
            assert!(!report.contains("warning"), "{spelling:?}: {report}");
        }
        assert!(blobs(&output).iter().all(|blob| !blob.is_symlink()));
        let packed = directory.path().join("packed.tar");
        ok(["pack".as_ref(), layout.as_os_str(), packed.as_os_str()]);
        ok(["verify".as_ref(), packed.as_os_str()]);
        assert_eq!(listing(&layout), before, "{spelling:?}");
    }
}

#[test]
fn it_is_not_changed_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let layout = layout(directory.path(), Spelling::Absolute);
    let before = listing(directory.path());
    let patches = tempfile::tempdir().unwrap();
    let fix = fix(patches.path(), LABEL);
    let arguments = ["apply".as_ref(), fix.as_os_str(), "--in-place".as_ref()];
    let stderr = fails(3, [&arguments[..], &[layout.as_os_str()]].concat());
    assert!(stderr.contains("use `-o OUT`"), "{stderr}");
    assert_eq!(listing(directory.path()), before);
}

#[test]
fn nothing_is_read_that_does_not_have_the_digest_of_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let layout = layout(directory.path(), Spelling::Absolute);
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "the secret\n").unwrap();
    let fix = fix(directory.path(), LABEL);
    for blob in blobs(&layout) {
        let target = std::fs::read_link(&blob).unwrap();
        for other in [secret.as_path(), Path::new("/dev/zero"), directory.path()] {
            std::fs::remove_file(&blob).unwrap();
            symlink(other, &blob).unwrap();
            for command in ["inspect", "verify"] {
                let output = run([command.as_ref(), layout.as_os_str()]);
                assert_eq!(output.status.code(), Some(3), "{command} {output:?}");
                let said = [output.stdout, output.stderr].concat();
                assert!(!String::from_utf8(said).unwrap().contains("the secret"));
            }
            let output = directory.path().join("output");
            let arguments = ["apply".as_ref(), fix.as_os_str(), layout.as_os_str()];
            fails(
                3,
                [&arguments[..], &["-o".as_ref(), output.as_os_str()]].concat(),
            );
            assert!(!output.exists());
        }
        std::fs::remove_file(&blob).unwrap();
        symlink(target, &blob).unwrap();
    }
    ok(["verify".as_ref(), layout.as_os_str()]);
}

#[test]
fn a_document_at_the_top_is_not_read_through_a_link_that_leaves() {
    for name in ["index.json", "oci-layout"] {
        let directory = tempfile::tempdir().unwrap();
        let layout = layout(directory.path(), Spelling::Absolute);
        let file = directory.path().join("elsewhere").join(name);
        std::fs::rename(layout.join(name), &file).unwrap();
        symlink(&file, layout.join(name)).unwrap();
        let output = directory.path().join("output");
        let to = ["apply".as_ref(), "--to=docker-dir".as_ref(), "-o".as_ref()];
        let stderr = fails(
            3,
            [&to[..], &[output.as_os_str(), layout.as_os_str()]].concat(),
        );
        assert!(stderr.contains("`cp -rL "), "{stderr}");
    }
}

#[test]
fn a_link_that_leads_nowhere_and_a_linked_directory_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let layout = layout(directory.path(), Spelling::Absolute);
    std::fs::remove_dir_all(directory.path().join("elsewhere")).unwrap();
    let output = run(["inspect".as_ref(), layout.as_os_str()]);
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("where there is no such file"), "{told}");
    let moved = directory.path().join("moved");
    std::fs::rename(layout.join("blobs"), &moved).unwrap();
    symlink(&moved, layout.join("blobs")).unwrap();
    let output = run(["inspect".as_ref(), layout.as_os_str()]);
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("`blobs` is a link to a directory"), "{told}");
    assert!(told.contains("`cp -rL "), "{told}");
}

#[test]
fn an_output_is_not_written_over_a_file_that_a_blob_leads_to() {
    let directory = tempfile::tempdir().unwrap();
    let layout = layout(directory.path(), Spelling::Twice);
    let file = std::fs::canonicalize(&blobs(&layout)[0]).unwrap();
    let before = std::fs::read(&file).unwrap();
    let to = ["apply".as_ref(), "--to=oci-archive".as_ref(), "-o".as_ref()];
    let stderr = fails(
        2,
        [&to[..], &[file.as_os_str(), layout.as_os_str()]].concat(),
    );
    assert!(stderr.contains("the same file as"), "{stderr}");
    // The same where the layout is a base.
    let rebase = "  - rebase: {from: {archive: layout}, onto: {archive: layout}}\n";
    let fix = fix(directory.path(), rebase);
    let image = fixture("skopeo-oci.tar");
    let arguments = ["apply".as_ref(), fix.as_os_str(), image.as_os_str()];
    let stderr = fails(
        2,
        [&arguments[..], &["-o".as_ref(), file.as_os_str()]].concat(),
    );
    assert!(stderr.contains("the same file as"), "{stderr}");
    assert!(std::fs::read(&file).unwrap() == before);
}
