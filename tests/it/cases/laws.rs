//! What is true of every case, whatever it is about.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::Path;
use std::process::{Command, Output};

use ocipatch::archive::{self, Source};
use ocipatch::verify::verify;
use serde_json::Value;
use tempfile::TempDir;

use super::describe::{Described, describe};
use super::text::History;
use super::{Case, build};
use crate::binary::{NO_CACHE, command, listing};
use crate::edit::Archive;
use crate::random::cases;

const PLAN: [&str; 3] = ["plan", "fix.yaml", "app.tar"];
const APPLY: [&str; 5] = ["apply", "fix.yaml", "app.tar", "-o", "out.tar"];

/// One archive form of a case, after a run.
struct Outcome {
    /// The text of the plan without the line that only one form has, or of the problems.
    told: String,
    /// Nothing where the patch is rejected.
    images: Option<Vec<Described>>,
}

/// Checks all laws; returns the sections that the case should end with.
pub(super) fn check(case: &Case) -> String {
    // In turn one of the forms, unless `OCIPATCH_CASES` asks for more; the other one only has to come to the same.
    let turn = case.patch.len() % 2;
    let is_full = |form| cases(1) > 1 || form == turn;
    let v1 = check_form(case, &build::v1_directories(&case.images), is_full(0));
    let hybrid = check_form(case, &build::hybrid(&case.images), is_full(1));
    assert_eq!(v1.told, hybrid.told, "both forms tell the same");
    assert_eq!(v1.images, hybrid.images, "both forms hold the same images");
    let Some(images) = v1.images else {
        return format!("-- problems --\n{}", v1.told);
    };
    let result: Vec<String> = images
        .into_iter()
        .map(|image| format!("image: {}\n{}", image.image_id, image.text))
        .collect();
    format!("-- plan --\n{}-- result --\n{}", v1.told, result.concat())
}

fn run(case: &Case, directory: &Path, arguments: &[&str]) -> Output {
    let mut command = command();
    command.current_dir(directory).args(arguments);
    for (key, value) in &case.environment {
        command.env(key, value);
    }
    command.output().unwrap()
}

/// The same as another user would run it: umask, time zone, language.
fn run_elsewhere(case: &Case, directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command
        .current_dir(directory)
        .args(["-c", "umask 077; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_ocipatch"))
        .envs(NO_CACHE)
        .args(arguments)
        .env_remove("SOURCE_DATE_EPOCH")
        .env("NO_COLOR", "1")
        .env("TZ", "Asia/Kathmandu")
        .env("LC_ALL", "tr_TR.UTF-8");
    for (key, value) in &case.environment {
        command.env(key, value);
    }
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let status = output.status;
    assert!(status.success(), "{status:?}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

fn prepare(case: &Case, archive: &[u8], is_reversed: bool) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    case.write(directory.path(), is_reversed);
    std::fs::write(directory.path().join("app.tar"), archive).unwrap();
    directory
}

fn check_form(case: &Case, archive: &[u8], is_full: bool) -> Outcome {
    let home = prepare(case, archive, false);
    let home = home.path();
    assert_sound(case, home, "app.tar");
    if !is_full {
        return check_result(case, archive, home);
    }
    packs_back(case, home, archive);

    let plan = ["plan", "--format=json", "fix.yaml", "app.tar"];
    let plan = json(&run(case, home, &plan));
    check_knows_no_more(case, home, &plan);

    let before = listing(home);
    let first = run(case, home, &PLAN);
    let other = prepare(case, archive, true);
    let elsewhere = run_elsewhere(case, other.path(), &PLAN);
    assert_eq!(first, elsewhere, "a plan elsewhere");
    let extracted = run(case, home, &["plan", "fix.yaml", "unpacked"]);
    assert_eq!(first, extracted, "a plan of the extracted directory");

    if first.status.code() == Some(1) {
        assert_eq!(first.stdout, b"");
        for arguments in [
            &APPLY[..],
            &["apply", "fix.yaml", "app.tar", "--in-place"],
            &["apply", "fix.yaml", "unpacked", "--in-place"],
            &["apply", "fix.yaml", "app.tar", "-o", "out/"],
            &["apply", "fix.yaml", "app.tar"],
        ] {
            // Only what would have written says that it did not.
            let mut told = run(case, home, arguments);
            let last = b"nothing was written\n";
            assert!(told.stderr.ends_with(last), "{arguments:?}");
            told.stderr.truncate(told.stderr.len() - last.len());
            assert_eq!(told, first, "{arguments:?}");
        }
        assert_eq!(listing(home), before, "a rejected patch leaves no trace");
        return rejected(first);
    }
    let applied = run(case, home, &APPLY);
    let told = stdout(&first);
    let bytes = std::fs::read(home.join("out.tar")).unwrap();
    let talk = String::from_utf8(applied.stderr.clone()).unwrap();
    let (plan_again, written) = talk.split_at(told.len());
    assert_eq!(plan_again, told);
    assert!(
        written.starts_with("wrote `out.tar`: ") && written.lines().count() == 1,
        "{written}"
    );
    stdout(&run_elsewhere(case, other.path(), &APPLY));
    let elsewhere = std::fs::read(other.path().join("out.tar")).unwrap();
    assert!(bytes == elsewhere, "an apply elsewhere");
    assert_eq!(bytes == archive, plan["changed"] == false, "{plan:#}");

    let images = describe(&bytes);
    for (image, planned) in images.iter().zip(plan["images"].as_array().unwrap()) {
        assert_eq!(planned["imageId"], image.image_id.as_str());
        let layers = planned["layers"].as_array().unwrap().iter();
        let layers = layers.filter(|layer| layer["change"] != "removed");
        let diff_ids: Vec<&Value> = layers.map(|layer| &layer["diffId"]).collect();
        assert_eq!(diff_ids, image.diff_ids.iter().collect::<Vec<_>>());
    }
    assert_sound(case, home, "out.tar");
    assert_kept(archive, &bytes);
    if is_idempotent(case) {
        again_changes_nothing(case, home);
    }
    other_outputs_hold_the_same(case, home, &images);
    done(&told, images)
}

/// What is told of a patch and what it makes, and nothing else.
fn check_result(case: &Case, archive: &[u8], home: &Path) -> Outcome {
    let planned = run(case, home, &PLAN);
    if planned.status.code() == Some(1) {
        return rejected(planned);
    }
    stdout(&run(case, home, &APPLY));
    let bytes = std::fs::read(home.join("out.tar")).unwrap();
    assert_sound(case, home, "out.tar");
    assert_kept(archive, &bytes);
    done(&stdout(&planned), describe(&bytes))
}

fn rejected(planned: Output) -> Outcome {
    Outcome {
        told: String::from_utf8(planned.stderr).unwrap(),
        images: None,
    }
}

fn done(told: &str, images: Vec<Described>) -> Outcome {
    let lines = told.lines().filter(|line| !line.starts_with("manifest "));
    Outcome {
        told: lines.fold(String::new(), |told, line| told + line + "\n"),
        images: Some(images),
    }
}

/// Tells whether a patch says only how things are to be, and nothing of how they were.
fn is_idempotent(case: &Case) -> bool {
    // What was expected or selected may be another by then.
    let is_said = |word: &str| case.patch.contains(word);
    if is_said("expect:") || is_said("target:") {
        return false;
    }
    let adds = ["retag", "add-tag", "add-port", "add-volume", "add-onbuild"];
    let mut lines = case.patch.lines();
    let operations = lines.by_ref().skip_while(|line| *line != "operations:");
    operations.skip(1).all(|line| {
        let Some(operation) = line.strip_prefix("  - ") else {
            return line.starts_with("    ");
        };
        let name = operation.split(':').next().unwrap();
        let removes = name.starts_with("unset") || name.starts_with("remove-");
        name.starts_with("set-")
            || adds.contains(&name)
            || removes && operation.contains("if-missing: ignore")
    })
}

fn again_changes_nothing(case: &Case, home: &Path) {
    let plan = ["plan", "--detailed-exitcode", "fix.yaml", "out.tar"];
    let planned = stdout(&run(case, home, &plan));
    assert!(planned.contains("nothing changes"), "{planned}");
    stdout(&run(
        case,
        home,
        &["apply", "fix.yaml", "out.tar", "-o", "twice.tar"],
    ));
    let [once, twice] =
        ["out.tar", "twice.tar"].map(|name| std::fs::read(home.join(name)).unwrap());
    assert!(once == twice, "the same patch again");
    std::fs::remove_file(home.join("twice.tar")).unwrap();
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Without an image nothing is found to be wrong that is not wrong with one; operations that fight are found.
fn check_knows_no_more(case: &Case, home: &Path, plan: &Value) {
    let problems =
        |told: &Value| -> Vec<Value> { told["problems"].as_array().cloned().unwrap_or_default() };
    let checked = run(case, home, &["check", "--format=json", "fix.yaml"]);
    let (checked, planned) = (problems(&json(&checked)), problems(plan));
    assert!(checked.iter().all(|problem| planned.contains(problem)));
    let is_fight = |problem: &Value| problem["code"] == "contradiction";
    let is_about_layers = ["-layer:", "-path:"]
        .iter()
        .any(|part| case.patch.contains(part));
    if planned.iter().all(is_fight) && !is_about_layers {
        assert_eq!(checked, planned, "what fights needs no image to be seen");
    }
}

fn assert_sound(case: &Case, home: &Path, archive: &str) {
    let source = Source::open(&home.join(archive), home).unwrap();
    let verified = verify(&source).unwrap().to_string();
    let (warnings, end) = verified
        .trim_end()
        .rsplit_once('\n')
        .unwrap_or(("", &verified));
    let agree = "all digests, sizes, diff ids, ids and references agree";
    assert!(end.contains(agree), "{archive}: {verified}");
    // A history that was too short stays so, and that is the only thing to be said against an archive.
    let is_short = case
        .images
        .iter()
        .any(|image| image.history == History::Short);
    let is_fine = |line: &str| is_short && line.starts_with("warning[history] ");
    assert!(warnings.lines().all(is_fine), "{archive}: {verified}");
    let form = archive::Archive::open(source).unwrap().form();
    assert!(!form.contains("unknown writer"), "{form}");
}

fn packs_back(case: &Case, home: &Path, archive: &[u8]) {
    stdout(&run(case, home, &["unpack", "app.tar", "unpacked"]));
    stdout(&run(case, home, &["pack", "unpacked", "packed.tar"]));
    let packed = std::fs::read(home.join("packed.tar")).unwrap();
    assert!(packed == archive, "unpack and pack give the archive back");
    std::fs::remove_file(home.join("packed.tar")).unwrap();
}

/// What keeps its name keeps its bytes, header included, and stays in order; only documents change under their name.
fn assert_kept(old: &[u8], new: &[u8]) {
    let (old, new) = (Archive::read(old), Archive::read(new));
    let documents = ["manifest.json", "index.json", "repositories"];
    let mut last = None;
    for entry in &old.entries {
        let Some(at) = new.entries.iter().position(|e| e.name == entry.name) else {
            continue;
        };
        assert!(Some(at) > last, "`{}` moved", entry.name);
        last = Some(at);
        let kept = &new.entries[at];
        // A link leads elsewhere, or becomes a file, when the directory that it led to gets another name.
        let is_link = entry.header.entry_type() == tar::EntryType::Symlink;
        if !documents.contains(&entry.name.as_str()) && !is_link {
            assert!(kept.data == entry.data, "{}", entry.name);
            let is_same = kept.header.as_bytes() == entry.header.as_bytes();
            assert!(is_same, "the header of {}", entry.name);
        }
    }
}

/// A directory, a changed directory, a changed file and a stream hold the images that the file holds.
fn other_outputs_hold_the_same(case: &Case, home: &Path, images: &[Described]) {
    let out = std::fs::read(home.join("out.tar")).unwrap();
    let streamed = run(case, home, &["apply", "fix.yaml", "app.tar", "-o", "-"]);
    assert!(streamed.stdout == out, "a stream is the file");
    stdout(&run(
        case,
        home,
        &["apply", "fix.yaml", "app.tar", "--in-place"],
    ));
    let changed = std::fs::read(home.join("app.tar")).unwrap();
    assert!(changed == out, "a change in place is the file");
    stdout(&run(
        case,
        home,
        &["apply", "fix.yaml", "unpacked", "--in-place"],
    ));
    stdout(&run(case, home, &["unpack", "out.tar", "out"]));
    for directory in ["unpacked", "out"] {
        assert_sound(case, home, directory);
        let tar = home.join("again.tar");
        stdout(&run(case, home, &["pack", directory, "again.tar"]));
        assert_eq!(
            describe(&std::fs::read(&tar).unwrap()),
            images,
            "{directory}"
        );
    }
    let ignored = |lines: Vec<String>| -> Vec<String> {
        let lines = lines.into_iter();
        lines.filter(|line| !line.contains(".ocipatch")).collect()
    };
    let listings = ["unpacked", "out"].map(|name| ignored(listing(&home.join(name))));
    assert_eq!(
        listings[0], listings[1],
        "a changed directory is the new one"
    );
}
