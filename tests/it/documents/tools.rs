//! Random edits of the JSON, TOML and YAML files of this machine and of this repository, made again by Python's `json` and
//! `tomllib`, by `PyYAML` and by `jq`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ocipatch::document::Format;
use serde_json::{Value as Json, json};

use super::naive::Plain;
use super::random::Dice;
use super::{n_lost, random_edit, try_read};
use crate::engine::{absent, tool};

/// How many edits of each format.
const N_EDITS: usize = 200;
/// How many files of each format.
const N_FILES: usize = 60;
/// Longer files are edited by other tests. In bytes.
const MAX_BYTES: u64 = 20_000;

struct Case {
    format: Format,
    path: PathBuf,
    old: String,
    new: String,
    edit: Plain,
}

fn files(directory: &Path, extensions: &[&str], all: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let is_ours = path
            .file_name()
            .is_some_and(|name| name != "target" && name != ".git");
        if kind.is_dir() && is_ours {
            files(&path, extensions, all);
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_wanted = extension.is_some_and(|extension| extensions.contains(&extension));
        if kind.is_file() && is_wanted && entry.metadata().is_ok_and(|it| it.len() < MAX_BYTES) {
            all.push(path);
        }
    }
}

/// The files of a format, each with its values; those that the format's own reader does not take are left out.
fn documents(format: Format) -> Vec<(PathBuf, String, Json)> {
    let extensions: &[&str] = match format {
        Format::Json => &["json"],
        Format::Toml => &["toml"],
        Format::Yaml => &["yaml", "yml"],
    };
    let mut paths = Vec::new();
    for root in ["/etc", "/usr/share", "/usr/lib", env!("CARGO_MANIFEST_DIR")] {
        files(Path::new(root), extensions, &mut paths);
    }
    paths.sort();
    // Evenly out of all of them: a package has many files that are alike.
    let step = (paths.len() / N_FILES).max(1);
    let paths: Vec<PathBuf> = paths.into_iter().step_by(step).collect();
    let document = |path: PathBuf| {
        let text = fs::read_to_string(&path).ok()?;
        // What no edit changes is not a document of the format, if it is refused.
        format.edit(&text, &Plain::default().edit()).ok()?;
        let json = try_read(format, &text)?;
        (json.is_object() || json.is_array()).then_some((path, text, json))
    };
    paths.into_iter().filter_map(document).collect()
}

fn cases(format: Format) -> Vec<Case> {
    let documents = documents(format);
    if documents.is_empty() {
        return Vec::new();
    }
    let mut dice = Dice(20);
    let mut cases = Vec::new();
    for _ in 0..N_EDITS * 20 {
        let (path, old, json) = &documents[dice.below(documents.len())];
        let edit = random_edit(&mut dice, json, format != Format::Toml);
        // What does not fit, or what an alias stands for, is for other tests.
        if edit.apply(json).is_none() {
            continue;
        }
        if let Ok(Some(new)) = format.edit(old, &edit.edit()) {
            let (path, old) = (path.clone(), old.clone());
            cases.push(Case {
                format,
                path,
                old,
                new,
                edit,
            });
        }
        if cases.len() == N_EDITS {
            return cases;
        }
    }
    panic!("{} of {N_EDITS} edits of {format:?}", cases.len());
}

fn as_json(case: &Case) -> Json {
    json!({
        "format": case.format.name(),
        "old": case.old,
        "new": case.new,
        "unset": case.edit.unset,
        "merge": case.edit.merge,
        "set": case.edit.set,
    })
}

fn python(cases: &[Case]) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/documents/same_edit.py");
    let mut child = Command::new("python3")
        .arg(script)
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = cases.iter().map(|case| as_json(case).to_string()).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all((lines.join("\n") + "\n").as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if stderr.starts_with("no ") {
        return Err(stderr);
    }
    assert!(output.status.success(), "{stderr}");
    Ok(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn python_makes_the_same_values_of_the_same_edits() {
    if tool("python3").is_none() {
        return;
    }
    for format in [Format::Json, Format::Toml, Format::Yaml] {
        let cases = cases(format);
        assert!(!cases.is_empty(), "the repository has files of {format:?}");
        match python(&cases) {
            Ok(different) => assert_eq!(different, "", "{format:?}"),
            Err(missing) => return absent("a module of Python", &missing),
        }
    }
}

/// What `jq` calls a place: indexes are numbers.
fn jq_path(json: &Json, steps: &[String]) -> Json {
    let mut json = json;
    let mut path = Vec::new();
    for step in steps {
        match json {
            Json::Array(items) => {
                let index: usize = step.parse().unwrap();
                path.push(json!(index));
                json = items.get(index).unwrap_or(&Json::Null);
            }
            other => {
                path.push(json!(step));
                json = other.get(step).unwrap_or(&Json::Null);
            }
        }
    }
    path.into()
}

#[test]
fn jq_makes_the_same_values_of_the_same_edits() {
    if tool("jq").is_none() {
        return;
    }
    let mut n_compared = 0;
    for case in cases(Format::Json) {
        let old: Json = serde_json::from_str(&case.old).unwrap();
        let is_simple = case.edit.unset.is_empty() && case.edit.merge.is_none();
        let [(steps, value)] = &case.edit.set[..] else {
            continue;
        };
        if !is_simple || steps.iter().any(|step| step == "-") {
            continue;
        }
        let directory = tempfile::tempdir().unwrap();
        let (old_file, new_file) = (directory.path().join("old"), directory.path().join("new"));
        fs::write(&old_file, &case.old).unwrap();
        fs::write(&new_file, &case.new).unwrap();
        let output = Command::new("jq")
            .args(["-n", "--slurpfile", "old"])
            .arg(&old_file)
            .args(["--slurpfile", "new"])
            .arg(&new_file)
            .args(["--argjson", "path", &jq_path(&old, steps).to_string()])
            .args(["--argjson", "value", &value.to_string()])
            .arg("($old[0] | setpath($path; $value)) == $new[0]")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.stdout,
            b"true\n",
            "{} {:?} {stderr}",
            case.path.display(),
            case.edit
        );
        n_compared += 1;
    }
    assert!(n_compared > N_EDITS / 10, "{n_compared}");
}

#[test]
fn lines_that_an_edit_is_not_about_stay() {
    for format in [Format::Json, Format::Toml, Format::Yaml] {
        let mut n_edits = 0;
        for (path, old, json) in documents(format) {
            let Some(map) = json.as_object() else {
                continue;
            };
            for (key, value) in map.iter().take(12) {
                let set = |steps: &[&str], value| Plain {
                    set: vec![(steps.iter().map(|step| (*step).to_owned()).collect(), value)],
                    ..Plain::default()
                };
                let unset = Plain {
                    unset: vec![vec![key.clone()]],
                    ..Plain::default()
                };
                let added = if value.is_object() {
                    set(&[key, "quite new"], json!(1))
                } else {
                    set(&["quite new"], json!([1, { "a": "b" }]))
                };
                // A comma comes or goes on the line before.
                for (edit, most_lost, most_new) in [(added, 1, usize::MAX), (unset, usize::MAX, 3)]
                {
                    let Ok(Some(new)) = format.edit(&old, &edit.edit()) else {
                        continue;
                    };
                    // A file on one line is one line.
                    if old.lines().count() < 3 {
                        continue;
                    }
                    assert!(
                        n_lost(&old, &new) <= most_lost,
                        "{} {edit:?}\n{new}",
                        path.display()
                    );
                    assert!(
                        n_lost(&new, &old) <= most_new,
                        "{} {edit:?}\n{new}",
                        path.display()
                    );
                    n_edits += 1;
                }
            }
        }
        assert!(n_edits >= N_EDITS / 10, "{n_edits} of {format:?}");
    }
}
