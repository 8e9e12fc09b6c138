//! Every key and value of a patch, and the name of its file.

use std::collections::BTreeMap;
use std::path::Path;

use ocipatch::patch::{ArgValues, PatchFile};
use ocipatch::plan::contradictions;
use serde_json::{Map, Value, json};

use super::clean::Format;
use super::{AT_ONCE, MARKUP, PAYLOADS, run, run_on};
use crate::binary::write_files;
use crate::consumers::OPERATIONS;
use crate::edit::fixture;
use crate::random::{cases, takes};
use crate::schema::EXPECTED;

/// How a payload is written into YAML.
#[derive(Clone, Copy)]
enum Style {
    /// As it is, so that it is in the lines that reports show.
    Raw,
    /// By escapes, so that it is in the value whatever it is.
    Escaped,
}

/// What a patch says besides.
fn header() -> Value {
    json!({
        "apiVersion": "ocipatch/v1",
        "description": "x",
        "args": { "name": { "default": "a", "pattern": "[a-z]*", "enum": ["a", "b"], "from-env": "NAME" } },
        "target": { "images": ["greeter:*"], "platforms": ["linux/amd64"], "trust": "manifest.json" },
        "attestations": "drop",
        "history": "per-patch",
        "provenance": "none",
    })
}

/// Patches that fit, with every operation and every precondition of the language between them.
fn patches() -> Vec<Value> {
    let value = |text: &&str| -> Value { serde_yaml::from_str(text).unwrap() };
    let mut patches: Vec<Value> = Vec::new();
    for (_, lines) in OPERATIONS {
        let operations: Vec<Value> = lines.iter().map(value).collect();
        patches.push(json!({ "apiVersion": "ocipatch/v1", "operations": operations }));
    }
    let label = json!([{ "set-label": { "a": "${name}" } }]);
    let mut first = header();
    first["operations"] = label.clone();
    patches.push(first);
    for expectation in EXPECTED {
        let expect = json!([value(expectation)]);
        patches.push(json!({ "apiVersion": "ocipatch/v1", "expect": expect, "operations": label }));
    }
    let annotations = json!([
        { "set-annotation": { "com.example.note": "seen" } },
        { "unset-annotation": { "on": "descriptor", "match": ["a"], "if-missing": "ignore" } },
        { "rebase": { "from": "base.tar", "onto": { "archive": "base.tar", "image": "greeter:*" } } },
    ]);
    patches.push(json!({ "apiVersion": "ocipatch/v1", "operations": annotations }));
    patches
}

/// Returns the patch with a payload for its scalar number `n`, keys counted; nothing where there are fewer.
pub(super) fn with_payload(value: &Value, n: usize, payload: &str) -> Option<Value> {
    let mut left = Some(n);
    let changed = replaced(value, &mut left, payload);
    left.is_none().then_some(changed)
}

fn replaced(value: &Value, left: &mut Option<usize>, payload: &str) -> Value {
    match value {
        Value::Array(items) => {
            let items = items.iter().map(|item| replaced(item, left, payload));
            Value::Array(items.collect())
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| {
                let key = if is_next(left) { payload } else { key };
                (key.to_owned(), replaced(value, left, payload))
            });
            Value::Object(members.collect())
        }
        _ if is_next(left) => payload.into(),
        value => value.clone(),
    }
}

/// Counts down; at the end there is nothing left.
fn is_next(left: &mut Option<usize>) -> bool {
    let is_it = *left == Some(0);
    *left = left.and_then(|n| n.checked_sub(1));
    is_it
}

fn yaml(value: &Value, style: Style) -> String {
    let scalar = |text: &str| {
        let escape = |c: char| match (c, style) {
            ('"' | '\\', _) => format!("\\{c}"),
            (c, Style::Escaped) if c != ' ' && !c.is_ascii_graphic() => {
                format!("\\U{:08x}", u32::from(c))
            }
            (c, _) => c.to_string(),
        };
        format!("\"{}\"", text.chars().map(escape).collect::<String>())
    };
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| yaml(item, style)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let pairs = members.iter();
            let pairs: Vec<String> = pairs
                .map(|(key, value)| format!("{}: {}", scalar(key), yaml(value, style)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

/// A line for each operation, as people write it.
fn text(patch: &Value, style: Style) -> String {
    let mut text = String::new();
    for (key, value) in patch.as_object().unwrap() {
        let pair = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
        let pair = yaml(&pair, style);
        let pair = &pair[1..pair.len() - 1];
        match value {
            Value::Array(items) if key == "operations" => {
                text += "operations:\n";
                text.extend(
                    items
                        .iter()
                        .map(|item| format!("  - {}\n", yaml(item, style))),
                );
            }
            _ => text.extend([pair, "\n"]),
        }
    }
    text
}

const CHECKS: [(&str, Format); 4] = [
    ("text", Format::Text),
    ("json", Format::Json),
    ("github", Format::Github),
    ("sarif", Format::Sarif),
];
const PLANS: [(&str, Format); 3] = [
    ("text", Format::Text),
    ("json", Format::Json),
    ("markdown", Format::Markdown),
];

#[test]
fn no_key_or_value_of_a_patch_gets_out_of_its_place() {
    let home = tempfile::tempdir().unwrap();
    write_files(home.path(), &[("rootfs/etc/greeting", "hello\n")]);
    std::fs::copy(fixture("docker26.tar"), home.path().join("app.tar")).unwrap();
    std::fs::copy(fixture("docker26.tar"), home.path().join("base.tar")).unwrap();
    let (mut n_places, mut n_done) = (0, 0);
    for patch in patches() {
        let (mut checked, mut refused) = (Batches::default(), Batches::default());
        for n in 0.. {
            if with_payload(&patch, n, "").is_none() {
                break;
            }
            n_places += 1;
            // In turn half of them; `OCIPATCH_CASES=2` has all meet each place.
            for (p, payload) in PAYLOADS.iter().enumerate() {
                let turn = n_places + p;
                if !takes(turn, 2) {
                    continue;
                }
                let changed = with_payload(&patch, n, payload).unwrap();
                // A format for each place and payload in turn; every payload meets all of them many times.
                let raw = text(&changed, Style::Raw);
                let is_good = is_good(&raw);
                checked.add((turn / 2 % CHECKS.len(), is_good), raw);
                let escaped = text(&changed, Style::Escaped);
                if PatchFile::parse("fix.yaml", escaped.as_bytes()).is_err() {
                    refused.add((turn / 2 % PLANS.len(), false), escaped);
                    continue;
                }
                // A plan for every fourth: a place meets one or two payloads.
                if !takes(turn, 4) {
                    continue;
                }
                let (name, format) = PLANS[turn / 4 % PLANS.len()];
                write_files(home.path(), &[("fix.yaml", &escaped)]);
                let arguments = ["plan", "--format", name, "fix.yaml", "app.tar"];
                let output = run(home.path(), format, &arguments);
                n_done += usize::from(output.status.success());
            }
        }
        checked.run(home.path(), "check", &CHECKS, &[]);
        refused.run(home.path(), "plan", &PLANS, &["app.tar"]);
    }
    println!("{n_places} places, {n_done} plans");
    // With 4 there is one for each.
    let n_wanted = 25 * cases(1).min(4);
    assert!(
        n_places > 300 && n_done > n_wanted as usize,
        "{n_places} {n_done}"
    );
}

/// Whether `check` finds no problem.
fn is_good(text: &str) -> bool {
    let outline = PatchFile::check("fix.yaml", text.as_bytes(), &ArgValues::default());
    outline.is_ok_and(|outline| contradictions(&outline).is_ok())
}

/// Patches that one run reports on: by format, and by whether they are good.
#[derive(Default)]
struct Batches(BTreeMap<(usize, bool), Vec<String>>);

impl Batches {
    fn add(&mut self, kind: (usize, bool), text: String) {
        self.0.entry(kind).or_default().push(text);
    }

    fn run(self, home: &Path, command: &str, formats: &[(&str, Format)], image: &[&str]) {
        for ((format, is_good), texts) in self.0 {
            let (format_name, format) = formats[format];
            for texts in texts.chunks(AT_ONCE) {
                let command = [command, "--format", format_name];
                let output = run_on(home, format, &command, texts, image);
                let code = i32::from(!is_good);
                assert_eq!(output.status.code(), Some(code), "{output:?}");
            }
        }
    }
}

#[test]
fn no_name_of_a_patch_file_gets_out_of_its_place() {
    let home = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("docker26.tar"), home.path().join("app.tar")).unwrap();
    let label = "apiVersion: ocipatch/v1\noperations:\n  - set-label: {a\u{200b}: b}\n";
    let wrong = "apiVersion: ocipatch/v1\noperations:\n  - unset-label: [nothing]\n";
    for payload in PAYLOADS {
        let name = payload.replace('/', "");
        for (text, code) in [(label, 0), (wrong, 1)] {
            write_files(home.path(), &[(&name, text)]);
            // Not taken for an option or a directory.
            let name = format!("./{name}");
            for (format_name, format) in PLANS {
                let arguments = ["plan", "--format", format_name, &name, "app.tar"];
                let output = run(home.path(), format, &arguments);
                assert_eq!(output.status.code(), Some(code));
            }
            run(
                home.path(),
                Format::Text,
                &["apply", &name, "app.tar", "-o", "out.tar"],
            );
            for (format_name, format) in CHECKS {
                run(
                    home.path(),
                    format,
                    &["check", "--format", format_name, &name],
                );
            }
            run(home.path(), Format::Text, &["plan", "app.tar", &name]);
            run(home.path(), Format::Text, &["verify", &name]);
            run(home.path(), Format::Text, &["inspect", &name]);
        }
    }
}

/// What is marked is what is meant, however wide its characters are.
#[test]
fn a_mark_stands_below_what_it_marks() {
    let home = tempfile::tempdir().unwrap();
    for (before, width) in [
        ("abc", 3),
        ("日本語", 6),
        ("e\u{301}e\u{301}", 2),
        ("\u{200b}", 8),
        ("\u{1f600}", 2),
        ("\t", 6),
    ] {
        let line = format!("  - set-label: {{ \"{before}\": a, b: [x] }}");
        let text = format!("apiVersion: ocipatch/v1\noperations:\n{line}\n");
        write_files(home.path(), &[("fix.yaml", &text)]);
        let output = run(home.path(), Format::Text, &["check", "fix.yaml"]);
        let told = String::from_utf8(output.stderr).unwrap();
        let is_mark = |line: &&str| line.contains("───") && line.contains('·');
        let marks = told.lines().rfind(is_mark).unwrap();
        let column = marks.chars().take_while(|c| *c != '─').count();
        // A tab takes what is left to the next stop: there may be a few columns less.
        let expected = "   · ".chars().count() + "  - set-label: { \"\": a, b: ".len() + width;
        let slack = if before == "\t" { 4 } else { 0 };
        assert!(
            column.abs_diff(expected) <= slack,
            "{column} {expected}\n{told}"
        );
        assert_eq!(marks.matches('─').count(), 3, "{told}");
    }
    assert!(
        MARKUP.contains("``````"),
        "a run longer than a fence that fits others"
    );
}
