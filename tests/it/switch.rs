//! An OCI layout that is changed where it lies: whoever comes, whenever, finds the old images or the new ones.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use ocipatch::digest::Digest;
use serde_json::Value;

use crate::binary::{command, listing};
use crate::engine::tool;
use crate::nothing_lost::{copy, each_failure, expected, home, run, traced};

const LINE: &str = "apply fix.yaml app --in-place";
const JOURNAL: &str = ".journal.ocipatch";
const NOTHING: &str = "apiVersion: ocipatch/v1\noperations:\n  - unset-label: { match: [nothing], if-missing: ignore }\n";

/// Everything that `index.json` leads to is there and is what its descriptor says.
fn is_complete(layout: &Path, what: &str) {
    fn follow(layout: &Path, value: &Value, what: &str) {
        if let (Some(digest), Some(size)) = (value["digest"].as_str(), value["size"].as_u64()) {
            let path = layout.join("blobs").join(digest.replace(':', "/"));
            let blob = fs::read(&path).expect(what);
            assert_eq!(Digest::of(&blob).to_string(), digest, "{what}");
            assert_eq!(blob.len() as u64, size, "{what}");
            if let Ok(document) = serde_json::from_slice(&blob) {
                follow(layout, &document, what);
            }
        }
        for inner in value.as_object().into_iter().flat_map(|map| map.values()) {
            follow(layout, inner, what);
        }
        for inner in value.as_array().into_iter().flatten() {
            follow(layout, inner, what);
        }
    }
    let index = fs::read(layout.join("index.json")).expect(what);
    let index: Value = serde_json::from_slice(&index).expect(what);
    assert!(index["manifests"][0]["digest"].is_string(), "{what}");
    follow(layout, &index, what);
}

fn index(home: &Path) -> Vec<u8> {
    fs::read(home.join("app/index.json")).unwrap()
}

/// A layout in which a run was killed right before (`false`) or right after the document was renamed.
fn cut_short(is_renamed: bool) -> Option<tempfile::TempDir> {
    tool("strace")?;
    let copy = copy(&home("skopeo-oci.tar"));
    let call = if is_renamed { "unlinkat" } else { "rename" };
    let inject = format!("inject={call}:signal=KILL:when=1");
    traced(
        &copy,
        &["-e", &format!("trace={call}"), "-e", &inject],
        LINE,
    );
    assert!(copy.path().join("home/app").join(JOURNAL).exists());
    Some(copy)
}

#[test]
fn a_layout_is_old_or_new_at_every_failure_and_the_next_run_ends_it() {
    for archive in ["skopeo-oci.tar", "buildx-oci.tar"] {
        let old = home(archive);
        let (new_home, new) = expected(archive, LINE);
        let (old_index, new_index) = (index(old.path()), index(new_home.path()));
        let old = listing(old.path());
        assert_ne!(old_index, new_index);
        each_failure(archive, LINE, |place, what| {
            is_complete(&place.join("app"), what);
            let found = index(place);
            assert!(found == old_index || found == new_index, "{what}");
            // A reader needs nothing to be ended first, and sees nothing of ours.
            let plan = run(place, "inspect app");
            assert!(!String::from_utf8_lossy(&plan.stdout).contains(".ocipatch"));
            run(place, "verify app");
            if what.contains("error=") && found == old_index {
                assert_eq!(listing(place), old, "nothing is left: {what}");
            }
            run(
                place,
                if found == old_index {
                    LINE
                } else {
                    "apply label.yaml app --in-place"
                },
            );
            assert_eq!(listing(place), new, "{what}");
        });
    }
}

#[test]
fn one_document_of_a_docker_archive_is_switched_too() {
    // Only `manifest.json` names the configuration of an archive by crane.
    let line = "apply label.yaml app --in-place";
    let (_home, new) = expected("crane.tar", line);
    each_failure("crane.tar", line, |place, what| {
        run(place, line);
        assert_eq!(listing(place), new, "{what}");
    });
}

#[test]
fn a_journal_that_was_cut_short_began_nothing() {
    let home = home("skopeo-oci.tar");
    fs::write(home.path().join("nothing.yaml"), NOTHING).unwrap();
    let app = home.path().join("app");
    let before = listing(&app);
    for journal in ["", "= sha256:00", "- oci-layout\nend\n"] {
        fs::write(app.join(JOURNAL), journal).unwrap();
        fs::write(app.join(".index.json.ocipatch"), "{").unwrap();
        run(home.path(), "inspect app");
        let output = command()
            .current_dir(home.path())
            .args(["apply", "nothing.yaml", "app", "--in-place"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(listing(&app), before, "{journal}");
    }
}

#[test]
fn a_journal_leads_nowhere_else() {
    let home = home("skopeo-oci.tar");
    let app = home.path().join("app");
    let digest = Digest::of(&index(home.path()));
    let before = listing(home.path());
    for line in ["+ ../fix.yaml", "+ /etc/hostname", "+ a/../../fix.yaml"] {
        let other = Digest::of(b"");
        let journal = format!("= {digest} {other} index.json\n{line}\nend\n");
        fs::write(app.join(JOURNAL), journal).unwrap();
        run(home.path(), "apply label.yaml app --in-place --verify");
        assert!(home.path().join("fix.yaml").exists() && Path::new("/etc/hostname").exists());
        assert!(!app.join(JOURNAL).exists());
    }
    assert_eq!(listing(home.path()).len(), before.len());
}

#[test]
fn what_somebody_else_has_written_since_stays() {
    for is_renamed in [false, true] {
        let Some(copy) = cut_short(is_renamed) else {
            return;
        };
        let place = copy.path().join("home");
        let app = place.join("app");
        fs::write(place.join("nothing.yaml"), NOTHING).unwrap();
        // The same images by another text: what it names must not go, whichever they are.
        let text = [index(&place), b"\n".to_vec()].concat();
        fs::remove_file(app.join("index.json")).unwrap();
        fs::write(app.join("index.json"), &text).unwrap();
        let output = command()
            .current_dir(&place)
            .args(["apply", "nothing.yaml", "app", "--in-place"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(index(&place), text);
        is_complete(&app, "after the next run");
        assert!(!listing(&app).iter().any(|line| line.contains("ocipatch")));
    }
}

#[test]
fn a_change_that_was_cut_short_shows_in_no_output() {
    let expected = expected("skopeo-oci.tar", "apply fix.yaml app -o out/").0;
    let Some(copy) = cut_short(false) else {
        return;
    };
    let place = copy.path().join("home");
    run(&place, "apply fix.yaml app -o out/");
    let mut found = listing(&place.join("out"));
    // The blobs of the run before are there, and nobody names them but the same change.
    found.retain(|line| !line.contains("ocipatch"));
    assert_eq!(found.len(), listing(&place.join("out")).len());
    let wanted = listing(&expected.path().join("out"));
    assert!(wanted.iter().all(|line| found.contains(line)), "{found:#?}");
}

#[test]
fn two_runs_do_not_change_one_layout_at_once() {
    let home = home("skopeo-oci.tar");
    let before = listing(home.path());
    let held = fs::File::open(home.path().join("app")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let output = command()
        .current_dir(home.path())
        .args(LINE.split(' '))
        .output()
        .unwrap();
    let message = "error: `app` is being changed by another run\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), message);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(listing(home.path()), before);
    drop(held);
    run(home.path(), LINE);
}

#[test]
fn many_runs_at_once_leave_a_complete_layout() {
    let home = home("skopeo-oci.tar");
    let run = |_| {
        let mut command = command();
        command.current_dir(home.path()).args(LINE.split(' '));
        command.stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(run).collect();
    let codes = children
        .into_iter()
        .map(|mut child| child.wait().unwrap().code());
    let codes: Vec<_> = codes.collect();
    assert!(codes.contains(&Some(0)), "{codes:?}");
    // 1: one that came after another, and found the image renamed. 3: one that came while another was at it.
    let told = |code: &Option<i32>| matches!(code, Some(0 | 1 | 3));
    assert!(codes.iter().all(told), "{codes:?}");
    is_complete(&home.path().join("app"), "after all of them");
}
