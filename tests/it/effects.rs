//! What operations do to small images, one line each: `UPDATE=1` rewrites what `tests/effects.txt` says of them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::path::Path;

use ocipatch::apply::prepare;
use ocipatch::archive::Archive;
use ocipatch::gather::{Base, Conditions, NotPlanned, Patches, gather};
use ocipatch::patch::PatchFile;
use ocipatch::plan::Change;
use ocipatch::timestamp::Timestamp;

use crate::cases::build;
use crate::cases::text::Image;
use crate::edit;

/// Returns effects, notes, changed layers and the id of the image; or the problems.
fn told(archive: &Archive, row: &str, home: &Path) -> String {
    let mut conditions = Conditions::default();
    let operations = match row.strip_prefix("at ").and_then(|row| row.split_once(": ")) {
        Some((time, operations)) => {
            conditions.source_date_epoch = Timestamp::from_unix_seconds(time.parse().unwrap());
            operations
        }
        None => row,
    };
    let text = format!("apiVersion: ocipatch/v1\noperations: [{operations}]\n");
    told_of(archive, &text, &conditions, home)
}

fn told_of(archive: &Archive, text: &str, conditions: &Conditions, home: &Path) -> String {
    let file = match PatchFile::parse("fix.yaml", text.as_bytes()) {
        Ok(file) => file,
        Err(rejected) => return problems(&rejected),
    };
    let patches = Patches::from((file, Base::of(&home.join("fix.yaml"))));
    let gathered = gather(&patches, archive, conditions).unwrap();
    let plan = match gathered.plan() {
        Ok(plan) => plan,
        Err(NotPlanned::Rejected(rejected)) => return problems(&rejected),
        Err(NotPlanned::Failed(error)) => return format!("error: {error}\n"),
    };
    let spool = std::env::temp_dir();
    let prepared = prepare(&plan, archive, &gathered.opened, &spool).unwrap();
    let summary = prepared.summary;
    let mut told = String::new();
    for image in &summary.images {
        let effects = image.steps.iter().flat_map(|step| &step.effects);
        for effect in effects {
            writeln!(told, "{}", serde_json::to_string(effect).unwrap()).unwrap();
        }
        let layers = image.layers.iter();
        for layer in layers.filter(|layer| layer.change != Change::Kept) {
            writeln!(told, "{}", serde_json::to_string(layer).unwrap()).unwrap();
        }
        for note in &image.notes {
            writeln!(told, "note: {note}").unwrap();
        }
        let id = if image.changed {
            image.image_id.short()
        } else {
            "unchanged".to_owned()
        };
        writeln!(told, "image {}: {id}", image.name).unwrap();
    }
    told
}

fn problems(rejected: &ocipatch::problem::Rejected) -> String {
    let told = rejected.problems().map(|problem| {
        let help = problem.help().unwrap_or_default();
        format!(
            "{}: {}; {help}\n",
            problem.code().as_str(),
            problem.message()
        )
    });
    told.collect()
}

fn archive(image: &str) -> Archive {
    let bytes = build::hybrid(&[Image::parse(image)]);
    Archive::open(edit::open(&bytes).unwrap()).unwrap()
}

/// Writes the archives that stand below an image: several images of one name are in one.
fn write_bases(bases: &[(&str, &str)], home: &Path) {
    for (name, _) in bases {
        let images = bases.iter().filter(|(other, _)| other == name);
        let images: Vec<Image> = images.map(|(_, image)| Image::parse(image)).collect();
        std::fs::write(home.join(name), build::hybrid(&images)).unwrap();
    }
}

/// Lines with `> ` are operations, perhaps with a time of the environment, as in `> at 7: …`; an image stands above those that are about it, and archives that they name.
#[test]
fn each_operation_has_the_effects_that_are_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/effects.txt");
    let expected = std::fs::read_to_string(&path).unwrap();
    let mut found = String::new();
    for section in expected.split("-- image --\n").skip(1) {
        let (head, rest) = section.split_once("-- operations --\n").unwrap();
        write!(found, "-- image --\n{head}-- operations --\n").unwrap();
        let (image, bases) = head.split_once("-- base ").unwrap_or((head, ""));
        let bases = bases.split("-- base ").filter(|base| !base.is_empty());
        let bases: Vec<(&str, &str)> = bases.map(|it| it.split_once(" --\n").unwrap()).collect();
        let home = tempfile::tempdir().unwrap();
        write_bases(&bases, home.path());
        let archive = archive(image);
        for operations in rest.lines().filter_map(|line| line.strip_prefix("> ")) {
            let told = told(&archive, operations, home.path());
            write!(found, "> {operations}\n{told}").unwrap();
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, found).unwrap();
    } else {
        assert_eq!(found, expected, "run with UPDATE=1 to rewrite");
    }
}

/// A repository that has lost its last tag is no name of an image any more, and one that has another tag still is.
#[test]
fn a_target_is_named_by_the_tags_that_are_left() {
    let archive = archive("tags: app:1 app:2 other:1\nlayer: 0644 a \"a\"\n");
    for (removed, is_left) in [
        ("app:1", true),
        ("app:1, app:2", false),
        ("other:1", true),
        ("app:2", true),
    ] {
        let text = format!(
            "apiVersion: ocipatch/v1\noperations: [remove-tag: [{removed}]]\n---\n\
             apiVersion: ocipatch/v1\ntarget: {{ images: [app] }}\noperations: [set-label: {{ a: b }}]\n"
        );
        let told = told_of(&archive, &text, &Conditions::default(), Path::new("."));
        assert_eq!(told.contains("set-label"), is_left, "{removed}: {told}");
        assert_eq!(
            told.contains("no-such-image"),
            !is_left,
            "{removed}: {told}"
        );
    }
}

#[test]
fn a_number_is_expected_as_a_number() {
    let archive = archive("tags: app:1\nconfig: StopTimeout=7\nlayer: 0644 a \"a\"\n");
    for (expected, told) in [("7", ""), ("8", "of `app:1` is `7`; expected `8`")] {
        let text = format!(
            "apiVersion: ocipatch/v1\nexpect: [config: {{ stop-timeout: {expected} }}]\noperations: [set-label: {{ a: b }}]\n"
        );
        let found = told_of(&archive, &text, &Conditions::default(), Path::new("."));
        assert!(found.contains(told), "{found}");
        assert_eq!(found.contains("set-label"), told.is_empty(), "{found}");
    }
}

/// No engine pushes layers that are not compressed.
#[test]
fn layers_are_compressed_on_their_way_to_a_registry_with_a_note() {
    for (fixture, note) in [
        (
            "docker20.tar",
            Some("2 layers are compressed with gzip, as in other images of registries"),
        ),
        ("podman-oci.tar", None),
    ] {
        let archive = edit::Archive::fixture(fixture).open().unwrap();
        let archive = Archive::open(archive).unwrap();
        let patches = Patches::default();
        let conditions = Conditions {
            is_pushed: true,
            ..Conditions::default()
        };
        let gathered = gather(&patches, &archive, &conditions).unwrap();
        let plan = gathered.plan().unwrap();
        let mut notes = plan.images[0].notes.iter();
        let found = notes.find(|it| it.contains("compressed with"));
        assert_eq!(found.map(ToString::to_string).as_deref(), note);
    }
}
