//! Patch texts and what is said about them; `UPDATE=1` rewrites the expected reports in `tests/patch`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod hostile;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use miette::{GraphicalReportHandler, GraphicalTheme};
use ocipatch::digest::Digest;
use ocipatch::image_path::ImagePath;
use ocipatch::patch::{IfMissing, ImagePattern, Operation, PatchFile};
use ocipatch::problem::{Address, Code, Problem, Rejected};
use ocipatch::reference::{Glob, Reference};

const VALID: &str = r#"apiVersion: ocipatch/v1
description: Mark the release
target: { images: ["app:*", "sha256:4fdc"] }
operations:
  - set-label: { mylabel: modifiedvalue, version: 1.10 }
  - unset-label: ["com.vendor.*"]
  - unset-label: { match: [a, b], if-missing: ignore }
  - add-layer: { from: ./rootfs, to: /srv//www/ }
  - add-layer: { from: rootfs.tar }
  - retag: ["app:2"]
  - add-tag: [registry.example.com/app:2]
  - remove-tag: [old]
"#;

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn yaml_files(name: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} has no patch");
    paths
}

pub(crate) fn render(rejected: &Rejected) -> String {
    let mut report = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut report, rejected)
        .unwrap();
    let lines = report.lines().map(str::trim_end);
    lines.fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").unwrap();
        text
    })
}

fn operations(text: &str) -> Vec<Operation> {
    let text = format!("apiVersion: ocipatch/v1\noperations:\n{text}");
    match PatchFile::parse("fix.yaml", text.as_bytes()) {
        Ok(file) => file.patches()[0].operations.clone(),
        Err(rejected) => panic!("{}", render(&rejected)),
    }
}

#[test]
fn every_mistake_is_told_under_its_line() {
    let mut wrong = String::new();
    for path in yaml_files("tests/patch") {
        let bytes = fs::read(&path).unwrap();
        let found = match PatchFile::parse("fix.yaml", &bytes) {
            Ok(file) => panic!("{} is accepted: {file:?}", path.display()),
            Err(rejected) => render(&rejected),
        };
        let expected_path = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected_path, &found).unwrap();
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if found != expected {
            writeln!(wrong, "{}:\n{found}", path.display()).unwrap();
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn every_expected_report_has_its_patch() {
    for entry in fs::read_dir(directory("tests/patch")).unwrap() {
        let path = entry.unwrap().path().with_extension("yaml");
        assert!(path.exists(), "{} is gone", path.display());
    }
}

#[test]
fn a_valid_patch_is_what_its_author_wrote() {
    let file = PatchFile::parse("fix.yaml", VALID.as_bytes()).unwrap();
    assert_eq!(file.name(), "fix.yaml");
    assert_eq!(file.digest(), Digest::of(VALID.as_bytes()));
    assert_eq!(file.text(), VALID);
    let [patch] = file.patches() else {
        panic!("one document");
    };
    assert_eq!(patch.description.as_deref(), Some("Mark the release"));
    assert_eq!(
        patch.target.images,
        [
            ImagePattern::Name(Glob::new("app:*")),
            ImagePattern::Id("4fdc".to_owned())
        ]
    );
    let names: Vec<&str> = patch.operations.iter().map(Operation::name).collect();
    assert_eq!(
        names,
        [
            "set-label",
            "unset-label",
            "unset-label",
            "add-layer",
            "add-layer",
            "retag",
            "add-tag",
            "remove-tag"
        ]
    );
    let Operation::UnsetLabel(removal) = &patch.operations[2] else {
        panic!("the third operation is `unset-label`");
    };
    assert_eq!(removal.globs, [Glob::new("a"), Glob::new("b")]);
    assert_eq!(removal.if_missing, IfMissing::Ignore);
    let added = |operation: &Operation| match operation {
        Operation::AddLayer(add) => (add.from.clone().unwrap(), add.to.clone()),
        other => panic!("{other:?}"),
    };
    let srv = ImagePath::parse("/srv/www").unwrap();
    assert_eq!(added(&patch.operations[3]), ("./rootfs".to_owned(), srv));
    let rootfs = ("rootfs.tar".to_owned(), ImagePath::root());
    assert_eq!(added(&patch.operations[4]), rootfs);
    let tag = |text| Reference::parse(text).unwrap();
    assert_eq!(patch.operations[5], Operation::Retag(vec![tag("app:2")]));
    assert_eq!(
        patch.operations[6],
        Operation::AddTag(vec![tag("registry.example.com/app:2")])
    );
}

#[test]
fn plain_scalars_keep_their_characters() {
    for scalar in [
        "1.10",
        "no",
        "0644",
        "2024-01-01",
        "1_000",
        "0x10",
        "0o17",
        "0b1",
        "true",
        "TRUE",
        "on",
        ".inf",
        "-.INF",
        ".nan",
        "1e999",
        "-0",
        "+1",
        "1:30",
        "123456789012345678901234567890123456789012345",
        "1.",
        "null-ish",
        "y",
        "=",
        "12e03",
        "a b  c",
        "a#b",
        "http://x/?y=z",
    ] {
        let found = operations(&format!("  - set-label:\n      {scalar}: {scalar}\n"));
        let label = (scalar.to_owned(), scalar.to_owned());
        assert_eq!(found, [Operation::SetLabel(vec![label])], "{scalar}");
    }
}

#[test]
fn an_alias_has_the_text_of_its_anchor() {
    let found =
        operations("  - set-label: &a { x: &v 1.10, y: *v, z: \"*v\" }\n  - set-label: *a\n");
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let labels = vec![label("x", "1.10"), label("y", "1.10"), label("z", "*v")];
    assert_eq!(
        found,
        [
            Operation::SetLabel(labels.clone()),
            Operation::SetLabel(labels)
        ]
    );
}

#[test]
fn quoted_and_block_texts_are_read_as_yaml_says() {
    let text = "  - set-label:\n      a: \"x\\ny\"\n      b: |\n        one\n        two\n      c: ''\n      d: \"~\"\n";
    let operations = operations(text);
    let [Operation::SetLabel(labels)] = operations.as_slice() else {
        panic!("one `set-label`");
    };
    let values: Vec<&str> = labels.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["x\ny", "one\ntwo\n", "", "~"]);
}

#[test]
fn each_document_is_a_patch() {
    let text = format!("---\n{VALID}---\n# nothing\n---\n{VALID}...\n");
    let file = PatchFile::parse("fix.yaml", text.as_bytes()).unwrap();
    assert_eq!(file.patches().len(), 2);
    assert_eq!(file.patches()[0], file.patches()[1]);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    let text = format!("\u{feff}{}", VALID.replace('\n', "\r\n"));
    let windows = PatchFile::parse("fix.yaml", text.as_bytes()).unwrap();
    let unix = PatchFile::parse("fix.yaml", VALID.as_bytes()).unwrap();
    assert_eq!(windows.patches(), unix.patches());
}

#[test]
fn problems_are_also_data() {
    let one = PatchFile::parse(
        "a.yaml",
        b"apiVersion: ocipatch/v1\noperations:\n  - retag: [\xc3\xa9, b]\n",
    );
    let two = PatchFile::parse("b.yaml", b"");
    let rejected = one.unwrap_err().and(two.unwrap_err());
    assert_eq!(rejected.to_string(), "2 problems in a.yaml and b.yaml");
    let expected = r#"[
  {
    "file": "a.yaml",
    "line": 3,
    "column": 13,
    "code": "invalid-reference",
    "message": "`é` is not a tag of an image: a repository is lower-case letters and digits, joined by `.`, `_`, `__` or `-` and separated by `/`",
    "help": "write `name:tag`, as in `app:2` or `registry.example.com:5000/team/app:2`",
    "operation": 0
  },
  {
    "file": "b.yaml",
    "line": null,
    "column": null,
    "code": "no-patch",
    "message": "`b.yaml` contains no patch",
    "help": "start it with `apiVersion: ocipatch/v1`"
  }
]"#;
    assert_eq!(
        serde_json::to_string_pretty(&rejected.to_json()).unwrap(),
        expected
    );
}

#[test]
fn a_planner_points_into_the_file_by_address() {
    let file = PatchFile::parse("fix.yaml", VALID.as_bytes()).unwrap();
    let Operation::UnsetLabel(long) = &file.patches()[0].operations[2] else {
        panic!("the third operation is `unset-label`");
    };
    let Operation::UnsetLabel(short) = &file.patches()[0].operations[1] else {
        panic!("the second operation is `unset-label`");
    };
    let operation = |i| Address::operation(0, i);
    let places = [
        (operation(0), "5:5"),
        (operation(0).key("mylabel"), "5:27"),
        (operation(0).key("mylabel").on_key(), "5:18"),
        (short.glob_address(operation(1), 0), "6:19"),
        (long.glob_address(operation(2), 1), "7:31"),
        (operation(3).key("from"), "8:24"),
        // `to` is not written; its operation is.
        (operation(4).key("to"), "9:16"),
        (
            Address::document(0).key("target").key("images").index(1),
            "3:29",
        ),
    ];
    for (address, place) in places {
        let problem = Problem::new(Code::Empty, address, "x");
        let json = file.reject(vec![problem]).to_json();
        assert_eq!(format!("{}:{}", json[0]["line"], json[0]["column"]), place);
    }
}

#[test]
fn codes_are_distinct_kebab_case_words() {
    let mut words: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let is_kebab = |word: &&str| {
        word.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    assert!(words.iter().all(is_kebab));
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Code::ALL.len());
}
