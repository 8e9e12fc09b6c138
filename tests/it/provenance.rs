//! `provenance: annotate`: a changed image names its patches and what they were applied to, and nothing else does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use ocipatch::archive::Archive;
use ocipatch::digest::Digest;
use tempfile::TempDir;

use crate::binary::{fails, ok, write_files};
use crate::edit::{self, fixture};

const PATCH: &str = "apiVersion: ocipatch/v1
provenance: annotate
operations:
  - set-label: { a: b }
";

struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Applies patches, each of which is a name and a text, at once.
    #[track_caller]
    fn apply(&self, patches: &[(&str, &str)], image: &Path, out: &str) -> PathBuf {
        write_files(self.0.path(), patches);
        let out = self.path(out);
        let names = patches.iter().map(|(name, _)| self.path(name));
        let before = [PathBuf::from("apply"), PathBuf::from("-q")].into_iter();
        let after = [image.to_owned(), PathBuf::from("-o"), out.clone()];
        ok(before.chain(names).chain(after));
        ok([Path::new("verify"), &out]);
        out
    }
}

fn annotations(path: &Path) -> Vec<(String, String)> {
    let bytes = std::fs::read(path).unwrap();
    let archive = Archive::open(edit::open(&bytes).unwrap()).unwrap();
    archive.annotations(0).manifest.unwrap().to_vec()
}

fn manifest(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let archive = Archive::open(edit::open(&bytes).unwrap()).unwrap();
    archive.images()[0].manifest_digest().unwrap().to_string()
}

fn named(name: &str, text: &str) -> String {
    format!("{name}@{}", Digest::of(text.as_bytes()))
}

/// What is said of an image that was made of `base`.
fn told(base: &str, patches: &[String]) -> Vec<(String, String)> {
    vec![
        ("ocipatch.base.digest".to_owned(), base.to_owned()),
        ("ocipatch.patches".to_owned(), patches.join(",")),
    ]
}

#[test]
fn an_image_names_its_patches_and_what_they_were_applied_to() {
    let other = PATCH.replace("a: b", "c: d");
    for name in ["docker26.tar", "podman-oci.tar", "buildx-docker.tar"] {
        let home = Home::new();
        let base = manifest(&fixture(name));
        let once = home.apply(&[("one.yaml", PATCH)], &fixture(name), "once.tar");
        let one = named("one.yaml", PATCH);
        assert_eq!(annotations(&once), told(&base, std::slice::from_ref(&one)));
        // The same again changes nothing.
        let again = home.apply(&[("one.yaml", PATCH)], &once, "again.tar");
        assert!(std::fs::read(&once).unwrap() == std::fs::read(again).unwrap());
        // Another one is told of behind it, as if both had come at once.
        let two = named("two.yaml", &other);
        let twice = home.apply(&[("two.yaml", &other)], &once, "twice.tar");
        assert_eq!(
            annotations(&twice),
            told(&base, &[one.clone(), two.clone()])
        );
        let both = [("one.yaml", PATCH), ("two.yaml", &other)];
        let both = home.apply(&both, &fixture(name), "both.tar");
        assert_eq!(annotations(&both), told(&base, &[one, two]));
    }
}

#[test]
fn nothing_is_told_unless_asked_and_of_nothing() {
    let home = Home::new();
    for patch in [
        PATCH.replace("provenance: annotate\n", ""),
        PATCH.replace("annotate", "none"),
        PATCH.replace("a: b", "mylabel: myvalue"),
        PATCH.replace("set-label: { a: b }", "add-tag: [\"app:2\"]"),
    ] {
        let out = home.apply(&[("fix.yaml", &patch)], &fixture("docker26.tar"), "out.tar");
        assert_eq!(annotations(&out), [], "{patch}");
    }
}

#[test]
fn what_is_told_stays_true() {
    let home = Home::new();
    let silent = PATCH
        .replace("provenance: annotate\n", "")
        .replace("a: b", "c: d");
    let image = fixture("docker26.tar");
    let base = manifest(&image);
    let [one, two] = [("one.yaml", PATCH), ("two.yaml", silent.as_str())];
    let names = [one, two].map(|(name, text)| named(name, text));
    // All patches of a run make the image, and so does one that comes later.
    let at_once = home.apply(&[one, two], &image, "at-once.tar");
    assert_eq!(annotations(&at_once), told(&base, &names));
    let first = home.apply(&[one], &image, "first.tar");
    let later = home.apply(&[two], &first, "later.tar");
    assert_eq!(annotations(&later), told(&base, &names));
    let reversed = home.apply(&[two, one], &image, "reversed.tar");
    let [first, second] = names;
    assert_eq!(annotations(&reversed), told(&base, &[second, first]));
    // Who takes it out does not get it back.
    let clean = "apiVersion: ocipatch/v1\noperations:\n  - unset-annotation: [\"ocipatch.*\"]\n";
    let clean = home.apply(&[("clean.yaml", clean)], &later, "clean.tar");
    assert_eq!(annotations(&clean), []);
}

#[test]
fn a_file_of_several_documents_is_one_patch() {
    let home = Home::new();
    let text = PATCH.to_owned() + "---\n" + &PATCH.replace("a: b", "c: d");
    let image = fixture("docker26.tar");
    let out = home.apply(&[("fix.yaml", &text)], &image, "out.tar");
    let expected = told(&manifest(&image), &[named("fix.yaml", &text)]);
    assert_eq!(annotations(&out), expected);
}

#[test]
fn each_platform_is_told_of_by_itself() {
    let home = Home::new();
    let text = PATCH.replace(
        "operations",
        "attestations: drop\ntarget: { platforms: [linux/arm64] }\noperations",
    );
    let image = fixture("buildx-oci-multi.tar");
    let out = home.apply(&[("fix.yaml", &text)], &image, "out.tar");
    let archives = [image, out].map(|path| {
        let bytes = std::fs::read(path).unwrap();
        Archive::open(edit::open(&bytes).unwrap()).unwrap()
    });
    let [before, after] = &archives;
    for (i, image) in before.images().iter().enumerate() {
        let expected = match image.platform().to_string().as_str() {
            "linux/arm64" => told(
                &image.manifest_digest().unwrap().to_string(),
                &[named("fix.yaml", &text)],
            ),
            _ => before.annotations(i).manifest.unwrap().to_vec(),
        };
        assert_eq!(after.annotations(i).manifest.unwrap().to_vec(), expected);
    }
}

#[test]
fn a_form_without_manifests_has_no_place_for_it() {
    let home = Home::new();
    write_files(home.0.path(), &[("fix.yaml", PATCH)]);
    let patch = home.path("fix.yaml");
    for name in ["docker20.tar", "podman-docker.tar", "crane.tar"] {
        let image = fixture(name);
        let told = fails(1, ["plan".as_ref(), patch.as_os_str(), image.as_os_str()]);
        assert!(told.contains("no-such-document"), "{told}");
        assert!(told.contains("fix.yaml:2:13"), "{told}");
    }
}
