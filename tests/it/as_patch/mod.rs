//! `diff --as-patch`: the patch that it writes turns the one archive into the other, or it says what no patch can.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod images;
mod layers;
mod random;

use std::fs;
use std::path::{Path, PathBuf};

use ocipatch::diff::{DifferencePatch, PatchStyle};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::binary::{command, fails, ok, write_files};
use crate::diff::without_attestations;
use crate::edit::fixture;
use images::Image;
use random::{image, wild_image};

/// Writes the patch that turns `old` into `new`, applies it, and returns the image that comes out.
fn turned(old: &Image, new: &Image) -> Result<Image, DifferencePatch> {
    let (before, after) = (old.open(), new.open());
    let patch = DifferencePatch::between(&before, &after, &PatchStyle::default()).unwrap();
    if !patch.missing.is_empty() {
        return Err(patch);
    }
    if patch.text.lines().all(|line| line.starts_with('#')) {
        return Ok(old.clone());
    }
    Ok(old.patched(&patch.text))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::random::cases(75)))]

    #[test]
    fn what_operations_can_say_is_said_in_full(old in image(), new in image()) {
        let turned = turned(&old, &new);
        let turned = turned.map_err(|patch| format!("{:#?}\n{}", patch.missing, patch.text)).unwrap();
        prop_assert_eq!(turned.meaning(), new.meaning());
    }

    #[test]
    fn a_patch_is_complete_or_refused_by_name(old in wild_image(), new in wild_image()) {
        match turned(&old, &new) {
            Ok(turned) => prop_assert_eq!(turned.meaning(), new.meaning()),
            Err(patch) => {
                // What it does say is true, and what is left out is there.
                let differences = old.patched_or_same(&patch.text).differences(&new);
                prop_assert!(differences > 0, "{:#?}\n{}", patch.missing, patch.text);
                prop_assert!(differences <= old.differences(&new), "{}", patch.text);
            }
        }
    }
}

struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Patches a fixture.
    fn patched(&self, name: &str, patch: &str) -> PathBuf {
        write_files(self.0.path(), &[("made.yaml", patch)]);
        self.apply(&self.path("made.yaml"), &fixture(name), "made.tar")
    }

    fn apply(&self, patch: &Path, image: &Path, out: &str) -> PathBuf {
        let out = self.path(out);
        ok([
            Path::new("apply"),
            Path::new("-q"),
            patch,
            image,
            Path::new("-o"),
            &out,
        ]);
        out
    }

    /// Turns `old` into `new` by the patch that leads there; returns it.
    #[track_caller]
    fn turn(&self, old: &Path, new: &Path) -> String {
        let text = as_patch(old, new, &[]);
        fs::write(self.path("turn.yaml"), &text).unwrap();
        let out = self.apply(&self.path("turn.yaml"), old, "turned.tar");
        let rest = ok(["diff".as_ref(), out.as_os_str(), new.as_os_str()]);
        let is_rest = |line: &&str| {
            let line = line.trim_start();
            !line.starts_with("image ")
                && !line.starts_with("was ")
                // The history is part of what these digest.
                && !line.starts_with("manifest ")
                && !line.starts_with("index ")
                && !line.starts_with("history")
                && !line.contains(" history.")
                && !line.is_empty()
        };
        let rest: Vec<&str> = rest.lines().filter(is_rest).collect();
        assert!(
            rest.iter()
                .all(|line| line.contains("do not differ") || *line == "nothing differs"),
            "{rest:#?}\n{text}"
        );
        text
    }
}

#[track_caller]
fn as_patch(old: &Path, new: &Path, options: &[&str]) -> String {
    let mut all: Vec<&std::ffi::OsStr> = ["diff", "--as-patch"].map(AsRef::as_ref).to_vec();
    all.extend(options.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
    ok(all.into_iter().chain([old.as_os_str(), new.as_os_str()]))
}

const OPERATIONS: &str = "apiVersion: ocipatch/v1
operations:
  - set-label: { mylabel: 1.10, \"a $${b}\": \"no\", maintainer: \" x\\n\" }
  - set-env: { GREETING_FILE: /x, NEW: \"\" }
  - set-cmd: [serve, \"\", --flag=1]
  - unset: [user]
  - remove-port: [8080]
  - add-port: [80/udp]
  - set-healthcheck: { interval: 90s }
  - add-onbuild: [RUN make]
  - set-platform: { architecture: arm64, variant: v8 }
  - retag: [\"greeter:2\", \"registry.example.com/greeter:2\"]
";

const PATCH: &str =
    "# Made by `ocipatch diff --as-patch`. The history of the new image is not part of it.
# Turns greeter:1 (sha256:fba3ad4aca61) into greeter:2 (sha256:ID).
apiVersion: ocipatch/v1
operations:
  - unset: [user]
  - set-label:
      \"a $${b}\": \"no\"
      maintainer: \" x\\n\"
      mylabel: \"1.10\"
  - set-env:
      GREETING_FILE: /x
      NEW: \"\"
  - set-cmd: [serve, \"\", --flag=1]
  - remove-port: [8080/tcp]
  - add-port: [80/udp]
  - set-healthcheck:
      interval: 1m30s
  - add-onbuild: [RUN make]
  - set-platform:
      architecture: arm64
      variant: v8
  - retag: [\"greeter:2\", \"registry.example.com/greeter:2\"]
";

#[test]
fn the_patch_is_one_that_a_person_would_write() {
    let home = Home::new();
    let (old, new) = (
        fixture("docker20.tar"),
        home.patched("docker20.tar", OPERATIONS),
    );
    let text = home.turn(&old, &new);
    let id = ok(["inspect".as_ref(), new.as_os_str()]);
    let id = id.split("image id sha256:").nth(1).unwrap()[..12].to_owned();
    assert_eq!(text, PATCH.replace("ID", &id));
    // And back again, which is another patch.
    home.turn(&new, &old);
}

#[test]
fn a_patch_names_the_images_and_platforms_that_it_is_about() {
    let home = Home::new();
    let head = "apiVersion: ocipatch/v1\n";
    let both = "attestations: drop\noperations:\n- set-label: { a: b }\n- set-annotation: { on: index, set: { c: d } }\n- add-tag: [\"x:1\"]\n";
    let multi = fixture("buildx-oci-multi.tar");
    let new = home.patched("buildx-oci-multi.tar", &format!("{head}{both}"));
    let text = home.turn(&multi, &new);
    assert!(!text.contains("platforms:"), "{text}");
    assert!(text.contains("\nattestations: drop\n"), "{text}");
    let one = "target: { platforms: [linux/arm64] }\n";
    let new = home.patched("buildx-oci-multi.tar", &format!("{head}{one}{both}"));
    let text = home.turn(&multi, &new);
    assert!(
        text.contains("\ntarget:\n  platforms: [linux/arm64]\n"),
        "{text}"
    );
    assert_eq!(text.matches("set-label").count(), 1, "{text}");

    let two = fixture("docker26-two-images.tar");
    let new = home.patched(
        "docker26-two-images.tar",
        &format!("{head}target: {{ images: [\"greeter2:latest\"] }}\noperations:\n- set-label: {{ a: b }}\n"),
    );
    let text = home.turn(&two, &new);
    assert!(
        text.contains("\ntarget:\n  images: [\"greeter2:latest\"]\n"),
        "{text}"
    );
}

#[test]
fn what_tells_of_patches_is_no_part_of_another() {
    let home = Home::new();
    let patch =
        "apiVersion: ocipatch/v1\nprovenance: annotate\noperations:\n- set-label: { a: b }\n";
    let old = fixture("docker26.tar");
    let new = home.patched("docker26.tar", patch);
    let text = as_patch(&old, &new, &[]);
    assert!(!text.contains("annotation"), "{text}");
    // The image goes on telling of its patches, and so of this one.
    let text = as_patch(&new, &old, &[]);
    assert!(
        text.ends_with("operations:\n  - unset-label: [a]\n"),
        "{text}"
    );
}

#[test]
fn a_tag_goes_from_one_image_to_another() {
    let home = Home::new();
    let head = "apiVersion: ocipatch/v1\ntarget: { images: [\"greeter:1\"] }\noperations:\n";
    home.patched(
        "docker26-two-images.tar",
        &format!("{head}- add-tag: [\"b:1\"]\n"),
    );
    let old = home.path("old.tar");
    fs::rename(home.path("made.tar"), &old).unwrap();
    let other = head.replace("greeter:1", "greeter2:latest");
    let moved = format!("{head}- remove-tag: [\"b:1\"]\n---\n{other}- add-tag: [\"b:1\"]\n");
    write_files(home.0.path(), &[("move.yaml", &moved)]);
    let new = home.apply(&home.path("move.yaml"), &old, "new.tar");
    let text = home.turn(&old, &new);
    let documents: Vec<&str> = text.split("---\n").collect();
    let [first, second] = documents.as_slice() else {
        panic!("{text}");
    };
    assert!(first.contains("remove-tag: [\"b:1\"]"), "{text}");
    assert!(second.contains("add-tag: [\"b:1\"]"), "{text}");
    home.turn(&new, &old);
}

#[test]
fn what_no_operation_says_is_told_and_may_be_left_out() {
    let home = Home::new();
    let (old, new) = (fixture("docker20.tar"), fixture("docker20-nasty.tar"));
    let paths = [old.as_os_str(), new.as_os_str()];
    let out = home.path("turn.yaml");
    let arguments = [
        "diff".as_ref(),
        "--as-patch".as_ref(),
        "-o".as_ref(),
        out.as_os_str(),
    ];
    let told = fails(1, arguments.into_iter().chain(paths));
    let lines: Vec<&str> = told.lines().collect();
    let n_told = lines.iter().filter(|line| line.starts_with("  image "));
    let n_told = n_told.count();
    assert!(n_told > 10, "{told}");
    assert_eq!(
        lines[0],
        format!("error: {n_told} differences that no operation can express:")
    );
    assert!(
        lines.contains(&"  image greeter:1: config.UnknownKey: 1"),
        "{told}"
    );
    assert!(
        lines.contains(&"  image greeter:1: container_config: 23 differences"),
        "{told}"
    );
    // Instead of each of them.
    let of_one_key = lines
        .iter()
        .filter(|line| line.contains(": container_config"));
    assert_eq!(of_one_key.count(), 1, "{told}");
    assert!(
        told.ends_with("help: `--partial` writes a patch without these\nnothing was written\n"),
        "{told}"
    );
    assert!(!out.exists());
    let text = as_patch(&old, &new, &["--partial", "-q"]);
    assert!(
        text.contains("#   image greeter:1: config.UnknownKey: 1\n"),
        "{text}"
    );
    fs::write(&out, &text).unwrap();
    home.apply(&out, &old, "out.tar");
}

#[test]
fn a_patch_may_defend_itself() {
    let home = Home::new();
    let old = fixture("docker20.tar");
    let new = home.patched(
        "docker20.tar",
        "apiVersion: ocipatch/v1\noperations:\n- set-label: { a: b }\n",
    );
    let text = as_patch(&old, &new, &["--expect"]);
    write_files(home.0.path(), &[("turn.yaml", &text)]);
    let patch = home.path("turn.yaml");
    home.apply(&patch, &old, "out.tar");
    let told = fails(1, ["plan".as_ref(), patch.as_os_str(), new.as_os_str()]);
    assert!(told.contains("expectation-failed"), "{told}");
    // Of an index its digest, of one of its images the image id.
    let multi = fixture("buildx-oci-multi.tar");
    let one = "target: { platforms: [linux/arm64] }\n";
    for (target, expected) in [
        ("", "manifest-digest: \"sha256:3b80aeb9093d"),
        (one, "image-id: \"sha256:b777ee1b2497"),
    ] {
        let new = home.patched(
            "buildx-oci-multi.tar",
            &format!("apiVersion: ocipatch/v1\n{target}attestations: drop\noperations:\n- set-label: {{ a: b }}\n"),
        );
        let text = as_patch(&multi, &new, &["--expect"]);
        let expected = format!("\nexpect:\n  - {expected}");
        assert!(text.contains(&expected), "{text}");
        write_files(home.0.path(), &[("turn.yaml", &text)]);
        home.apply(&patch, &multi, "out.tar");
    }
}

#[test]
fn what_is_said_about_images_that_stay_is_told() {
    let home = Home::new();
    let without = home.path("without.tar");
    fs::write(&without, without_attestations().to_bytes()).unwrap();
    let with = fixture("buildx-oci-multi.tar");
    for (old, new, place) in [(&with, &without, "old"), (&without, &with, "new")] {
        let told = fails(1, [Path::new("diff"), Path::new("--as-patch"), old, new]);
        let lines: Vec<&str> = told.lines().filter(|line| line.starts_with("  ")).collect();
        let expected = ["8cd939952924", "2ea0ddcbe411"]
            .map(|digest| format!("  attestation sha256:{digest}: is only in the {place} archive"));
        assert_eq!(lines, expected, "{told}");
    }
}

#[test]
fn nothing_to_change_is_no_patch() {
    let home = Home::new();
    let (old, new) = (fixture("docker20.tar"), fixture("docker26.tar"));
    let text = as_patch(&old, &new, &["--exit-code"]);
    let expected = "# Made by `ocipatch diff --as-patch`. The history of the new image is not part of it.\n# There is nothing to change.\n";
    assert_eq!(text, expected);
    write_files(home.0.path(), &[("turn.yaml", &text)]);
    let told = fails(1, ["check".as_ref(), home.path("turn.yaml").as_os_str()]);
    assert!(told.contains("no-patch"), "{told}");
}

#[test]
fn layers_that_differ_are_told() {
    let home = Home::new();
    write_files(home.0.path(), &[("rootfs/a", "b")]);
    let operations = "- add-layer: { from: rootfs }\n- set-label: { a: b }\n";
    let new = home.patched(
        "docker20.tar",
        &format!("apiVersion: ocipatch/v1\noperations:\n{operations}"),
    );
    let output = command()
        .args(["diff", "--as-patch"])
        .args([fixture("docker20.tar"), new])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(
        text(&output.stderr),
        "note: the patch does not include the layers, which differ too; use `--layers DIR` to include them\n"
    );
    let comment = "\n# The layers differ too, and stay as they are.\n";
    assert!(text(&output.stdout).contains(comment));
}

#[test]
fn options_of_a_patch_are_about_a_patch() {
    let (old, new) = (fixture("docker20.tar"), fixture("docker26.tar"));
    for options in [
        &["-o", "x.yaml"][..],
        &["--partial"],
        &["--expect"],
        &["--layers", "x"],
        &["--as-patch", "--files"],
        &["--as-patch", "--format=json"],
    ] {
        let options = options.iter().map(AsRef::<std::ffi::OsStr>::as_ref);
        let paths = [old.as_os_str(), new.as_os_str()];
        fails(2, ["diff".as_ref()].into_iter().chain(options).chain(paths));
    }
}
