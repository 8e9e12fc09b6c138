//! The library as another program uses it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use ocipatch::apply::prepare;
use ocipatch::archive::{Archive, Destination, Replaced, Source};
use ocipatch::gather::{Base, Conditions, NotPlanned, Patches, gather};
use ocipatch::patch::PatchFile;
use ocipatch::{Error, Form, Half, Job, PatchTexts, Timestamp};

use crate::edit;

/// Each needs something else of the inventory: documents, the tree, contents of files, what layers hold, expected contents.
const OPERATIONS: &[&str] = &[
    "set-label: {a: b}",
    "set-annotation: {on: manifest, set: {a: b}}",
    "remove-path: ['/etc/**']",
    "add-layer: {files: [{path: /etc/new, content: x}]}",
    "patch-file: {path: /etc/greeting, diff: \"@@ -1 +1 @@\\n-hello from the base layer\\n+x\\n\"}",
    "patch-file: {path: /etc/greeting, in: layer, diff: \"@@ -1 +1 @@\\n-hello from the base layer\\n+x\\n\"}",
    "squash: all",
    "remove-path: {match: ['/etc/**'], purge: true}",
    "set-mode: {set: {'/etc/**': go-w}, in: layer}",
    "add-tag: ['app:2']",
    // These do not fit.
    "unset-label: ['absent']",
    "remove-path: ['/absent']",
    "patch-file: {path: /etc/greeting, diff: \"@@ -1 +1 @@\\n-absent\\n+x\\n\"}",
];

fn fixture(name: &str) -> Archive {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    Archive::open(Source::open(&path.join(name), &std::env::temp_dir()).unwrap()).unwrap()
}

fn patch(operation: &str) -> Patches {
    let text = format!("apiVersion: ocipatch/v1\noperations:\n- {operation}\n");
    let file = PatchFile::parse("fix.yaml", text.as_bytes()).unwrap();
    Patches::from((file, Base::of(Path::new("./fix.yaml"))))
}

#[test]
fn planning_twice_gives_the_same_plan() {
    let spool = std::env::temp_dir();
    let mut n_planned = 0;
    for name in ["docker26.tar", "docker20.tar", "skopeo-oci.tar"] {
        let archive = fixture(name);
        for operation in OPERATIONS {
            let patches = patch(operation);
            let gathered = gather(&patches, &archive, &Conditions::default()).unwrap();
            let planned = || match gathered.plan() {
                Ok(plan) => {
                    let prepared = prepare(&plan, &archive, &gathered.opened, &spool).unwrap();
                    Ok(serde_json::to_string(&prepared.summary).unwrap())
                }
                Err(NotPlanned::Rejected(rejected)) => Err(rejected.to_json().to_string()),
                Err(NotPlanned::Failed(error)) => panic!("{operation}: {error}"),
            };
            let first = planned();
            assert_eq!(first, planned(), "{name}: {operation}");
            n_planned += usize::from(first.is_ok());
        }
    }
    assert!(n_planned > 12, "{n_planned} plans");
}

/// Copies a fixture into a directory.
fn copy(name: &str, home: &Path) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let path = home.join(name);
    std::fs::copy(fixtures.join(name), &path).unwrap();
    path
}

/// Writes a patch of one operation.
fn write(home: &Path, name: &str, operation: &str) -> PathBuf {
    let path = home.join(name);
    let text = format!("apiVersion: ocipatch/v1\noperations:\n- {operation}\n");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_plan_is_printed_and_published() {
    let home = tempfile::tempdir().unwrap();
    let patch = write(home.path(), "fix.yaml", "set-label: {a: b}");
    let archive = ocipatch::Archive::open(copy("docker26.tar", home.path())).unwrap();
    let patches = Patches::read([&patch]).unwrap().parse().unwrap();
    let plan = archive.plan(&patches).unwrap();
    let again = archive.plan(&patches).unwrap();
    assert_eq!(plan.to_string(), again.to_string());
    let id = plan.summary().images[0].image_id;
    assert!(plan.to_string().contains(&id.short()));
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["images"][0]["imageId"], id.to_string());
    let (one, two) = (home.path().join("one.tar"), home.path().join("two.tar"));
    plan.publish(&one).unwrap();
    again.publish(&two).unwrap();
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    let written = ocipatch::Archive::open(&one).unwrap();
    assert_eq!(written.images()[0].image_id(), id);
    assert!(written.verify().unwrap().is_ok());
    assert!(archive.difference(&written, false).unwrap().changed);
}

#[test]
fn a_plan_outlives_its_patches_and_job() {
    let home = tempfile::tempdir().unwrap();
    let operation = "add-layer: {files: [{path: /etc/new, content: x}]}";
    let patch = write(home.path(), "fix.yaml", operation);
    let archive = ocipatch::Archive::open(copy("docker26.tar", home.path())).unwrap();
    let plan = {
        let patches = Patches::read([&patch]).unwrap().parse().unwrap();
        archive.plan(&patches).unwrap()
    };
    std::fs::remove_file(patch).unwrap();
    plan.publish(home.path().join("out.tar")).unwrap();
}

#[test]
fn nothing_that_was_read_is_published_over() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), "x").unwrap();
    let operation = "add-layer: {files: [{path: /etc/new, from: file}]}";
    let patch = write(home.path(), "fix.yaml", operation);
    let image = copy("docker26.tar", home.path());
    let archive = ocipatch::Archive::open(&image).unwrap();
    let patches = Patches::read([&patch]).unwrap().parse().unwrap();
    let plan = archive.plan(&patches).unwrap();
    for path in [&image, &patch, &home.path().join("file")] {
        let before = std::fs::read(path).unwrap();
        let error = plan.publish(path).unwrap_err();
        assert!(matches!(error, Error::Conflict(_)), "{error}");
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
    let in_place = Destination::InPlace(image.clone(), Replaced::Removed);
    for published in [plan.publish_in_place(), plan.publish_with(&in_place, &[])] {
        let error = published.unwrap_err().to_string();
        assert!(
            error.contains("was not opened to be changed in place"),
            "{error}"
        );
    }
}

#[test]
fn a_repair_is_published_in_place_only_where_it_was_opened_for_that() {
    let home = tempfile::tempdir().unwrap();
    let place = |name: &str| home.path().join(name);
    let in_place = |path: &Path| Destination::InPlace(path.to_owned(), Replaced::Removed);
    let mut archive = edit::Archive::fixture("docker26.tar");
    archive.replace("fba3ad4a", "amd64", "arm64");
    let (image, other) = (place("app.tar"), place("other.tar"));
    for path in [&image, &other] {
        std::fs::write(path, archive.to_bytes()).unwrap();
    }
    let refused = "was not opened to be changed in place";
    let repair = Job::new().repair(&*image, Half::Index).unwrap();
    let told = repair.to_string();
    assert_eq!(told.lines().count(), repair.corrections().len() + 1);
    for published in [
        repair.publish_in_place(),
        repair.publish_with(&in_place(&image)),
    ] {
        let error = published.unwrap_err().to_string();
        assert!(error.contains(refused), "{error}");
    }
    drop(repair);
    let repair = Job::new().repair_in_place(&image, Half::Index).unwrap();
    let error = repair.publish_with(&in_place(&other)).unwrap_err();
    assert!(error.to_string().contains(refused), "{error}");
    assert!(std::fs::read(&other).unwrap() == archive.to_bytes());
    repair.publish(place("out.tar")).unwrap();
    let busy = Job::new().repair_in_place(&image, Half::Index).unwrap_err();
    assert!(busy.to_string().contains("another run"), "{busy}");
    repair.publish_in_place().unwrap();
    let read = |path: &Path| std::fs::read(path).unwrap();
    assert!(read(&image) == read(&place("out.tar")) && read(&image) != read(&other));
    drop(repair);
    let repair = Job::new().repair_in_place(&image, Half::Index).unwrap();
    assert_eq!(repair.to_string(), "nothing to repair");
}

#[test]
fn an_archive_is_locked_while_it_is_changed_in_place() {
    let home = tempfile::tempdir().unwrap();
    let patch = write(home.path(), "fix.yaml", "set-label: {a: b}");
    let image = copy("docker26.tar", home.path());
    let patches = Patches::read([&patch]).unwrap().parse().unwrap();
    let archive = Job::new().open_in_place(&image, &patches).unwrap();
    let Err(NotPlanned::Failed(error)) = Job::new().open_in_place(&image, &patches) else {
        panic!("the archive was locked");
    };
    assert!(error.to_string().contains("another run"), "{error}");
    let plan = archive.plan(&patches).unwrap();
    plan.publish_in_place().unwrap();
    let id = plan.summary().images[0].image_id;
    drop(plan);
    drop(archive);
    let archive = Job::new().open_in_place(&image, &patches).unwrap();
    assert_eq!(archive.images()[0].image_id(), id);
    assert!(!archive.plan(&patches).unwrap().is_change());
}

#[test]
fn a_job_sets_the_form_and_the_time() {
    let home = tempfile::tempdir().unwrap();
    let patch = write(home.path(), "fix.yaml", "set-label: {a: b}");
    let patches = Patches::read([&patch]).unwrap().parse().unwrap();
    let archive = ocipatch::Archive::open(copy("docker26.tar", home.path())).unwrap();
    let time = Timestamp::from_unix_seconds(1_700_000_000).unwrap();
    let job = Job::new().spool(home.path()).to(Form::OCI_DIRECTORY);
    let plan = job
        .source_date_epoch(time)
        .plan(&archive, &patches)
        .unwrap();
    let out = home.path().join("layout");
    plan.publish(&out).unwrap();
    assert!(out.join("oci-layout").is_file() && !out.join("manifest.json").exists());
    let written = ocipatch::Archive::open(&out).unwrap();
    let created = written.images()[0].config().created().unwrap().to_string();
    assert_eq!(created, "2023-11-14T22:13:20Z");
}

#[test]
fn problems_of_all_files_come_together_and_apart_from_errors() {
    let home = tempfile::tempdir().unwrap();
    let wrong = ["set-lable: {a: b}", "set-label: {}"];
    let paths = [0, 1].map(|i| write(home.path(), &format!("{i}.yaml"), wrong[i]));
    let rejected = Patches::read(&paths).unwrap().parse().unwrap_err();
    assert_eq!(rejected.problems().count(), 2);
    let unfit = ["unset-label: ['absent']", "remove-tag: ['absent:1']"];
    let paths = [2, 3].map(|i| write(home.path(), &format!("{i}.yaml"), unfit[i - 2]));
    let patches = Patches::read(&paths).unwrap().parse().unwrap();
    let archive = ocipatch::Archive::open(copy("docker26.tar", home.path())).unwrap();
    match archive.plan(&patches) {
        Err(NotPlanned::Rejected(rejected)) => assert_eq!(rejected.problems().count(), 2),
        other => panic!("{other:?}"),
    }
    let image = copy("docker20.tar", home.path());
    let error = Patches::read([&image]).unwrap_err();
    assert!(matches!(error, Error::NotPatch { .. }), "{error}");
    let archive = ocipatch::Archive::open(&image).unwrap();
    std::fs::write(&image, "").unwrap();
    let patch = write(home.path(), "fix.yaml", "set-label: {a: b}");
    let patches = Patches::read([&patch]).unwrap().parse().unwrap();
    match archive.plan(&patches) {
        Err(NotPlanned::Failed(Error::Changed { .. })) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_patch_says_which_half_of_an_archive_is_right() {
    let home = tempfile::tempdir().unwrap();
    let mut archive = edit::Archive::fixture("docker26.tar");
    let entry = archive.entry("manifest.json");
    let mut items: serde_json::Value = serde_json::from_slice(&entry.data).unwrap();
    items[0]["RepoTags"] = serde_json::json!(["other:1"]);
    entry.data = items.to_string().into_bytes();
    let image = home.path().join("app.tar");
    std::fs::write(&image, archive.to_bytes()).unwrap();
    let error = ocipatch::Archive::open(&image).unwrap_err();
    let text = |trust: &str| {
        format!(
            "apiVersion: ocipatch/v1\ntarget: {{trust: {trust}}}\noperations: [set-label: {{a: b}}]\n"
        )
    };
    let patches = |trusts: &[&str]| {
        let mut texts = PatchTexts::default();
        for trust in trusts {
            texts.push("fix.yaml", text(trust).into(), ".").unwrap();
        }
        texts.parse().unwrap()
    };
    let trusting = patches(&["index.json"]);
    let archive = Job::new().open_for(&image, &trusting);
    assert!(matches!(error, Error::Halves(_)), "{error}");
    let archive = archive.unwrap();
    assert!(archive.plan(&trusting).unwrap().is_change());
    let torn = patches(&["index.json", "manifest.json"]);
    let rejected = Job::new().open_for(&image, &torn).unwrap_err();
    assert!(matches!(rejected, NotPlanned::Rejected(_)), "{rejected}");
}
