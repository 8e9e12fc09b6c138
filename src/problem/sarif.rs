//! Problems and notes for code scanners (SARIF 2.1.0), with all that GitHub asks of such a file.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Code, Note, NoteKind, Problem, Rejected};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The page of this version, and its documentation.
const INFORMATION: &str = concat!("https://docs.rs/crate/ocipatch/", env!("CARGO_PKG_VERSION"));
const DOCUMENTATION: &str = concat!(
    "https://docs.rs/ocipatch/",
    env!("CARGO_PKG_VERSION"),
    "/ocipatch/problem/"
);

/// What GitHub calls the directory that relative paths start from. Where that is stays out of the log: the same problems give
/// the same bytes on every machine (3.14.14 allows that).
const SOURCE_ROOT: &str = "%SRCROOT%";

/// One result of a run.
struct SarifResult {
    rule: Rule,
    text: String,
    /// The path of the file: relative to the source root, or absolute.
    path: String,
    /// Line and column, from 1; a file as a whole is shown by its first line.
    start: (usize, usize),
    end: (usize, usize),
}

/// What kind of result this is.
#[derive(Clone, PartialEq, Eq)]
struct Rule {
    id: &'static str,
    meaning: &'static str,
    advice: &'static str,
    level: &'static str,
    /// Its item in the documentation.
    item: String,
}

impl Rule {
    fn of(code: Code) -> Self {
        Self {
            id: code.as_str(),
            meaning: code.meaning(),
            advice: code.advice(),
            level: "error",
            item: format!("enum.Code.html#variant.{code:?}"),
        }
    }

    fn note(kind: NoteKind) -> Self {
        Self {
            id: kind.as_str(),
            meaning: kind.meaning(),
            advice: kind.advice(),
            level: "note",
            item: format!("enum.NoteKind.html#variant.{kind:?}"),
        }
    }
}

/// Returns the log of a run that found these problems, or these notes in files of these names.
///
/// `in_sources` returns the path of a file relative to the root of the sources, or its absolute path if it is outside.
#[must_use]
pub fn sarif(
    rejected: Option<&Rejected>,
    notes: &[(&str, &Note)],
    in_sources: impl Fn(&str) -> String,
) -> Value {
    let problems = rejected.into_iter().flat_map(Rejected::placed);
    let problems = problems.map(|(problem, file, place)| SarifResult {
        rule: Rule::of(problem.code()),
        text: text(problem),
        path: in_sources(file),
        start: place.map_or((1, 1), |place| place.start),
        end: place.map_or((1, 1), |place| place.end),
    });
    let notes = notes.iter().map(|(file, note)| SarifResult {
        rule: Rule::note(note.kind()),
        text: unlinked(&note.message()),
        path: in_sources(file),
        start: note.start,
        end: note.end,
    });
    let findings: Vec<SarifResult> = problems.chain(notes).collect();
    let mut rules = Vec::new();
    for finding in &findings {
        if !rules.contains(&finding.rule) {
            rules.push(finding.rule.clone());
        }
    }
    let results = findings.iter().map(|finding| {
        let index = rules.iter().position(|rule| *rule == finding.rule);
        result(finding, index)
    });
    let results: Vec<Value> = results.collect();
    let rules: Vec<Value> = rules.iter().map(rule).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "ocipatch",
                    "informationUri": INFORMATION,
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                },
            },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {
                SOURCE_ROOT: {
                    "description": { "text": "The root of the git work tree, or the current directory." },
                },
            },
            "results": results,
        }],
    })
}

fn result(finding: &SarifResult, rule: Option<usize>) -> Value {
    json!({
        "ruleId": finding.rule.id,
        "ruleIndex": rule,
        "level": finding.rule.level,
        "message": { "text": finding.text },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": artifact(&finding.path),
                "region": {
                    "startLine": finding.start.0,
                    "startColumn": finding.start.1,
                    "endLine": finding.end.0,
                    "endColumn": finding.end.1,
                },
            },
        }],
    })
}

fn rule(rule: &Rule) -> Value {
    let meaning = json!({ "text": rule.meaning });
    json!({
        "id": rule.id,
        "helpUri": format!("{DOCUMENTATION}{}", rule.item),
        "shortDescription": meaning,
        "fullDescription": meaning,
        "help": { "text": format!("{} {}", rule.meaning, rule.advice) },
        "defaultConfiguration": { "level": rule.level },
    })
}

fn text(problem: &Problem) -> String {
    let message = unlinked(&problem.message());
    match problem.help() {
        Some(help) => format!("{message}\n{}", unlinked(&help)),
        None => message,
    }
}

/// A message may have links, `[text](destination)` (3.11.6); what it quotes has none.
fn unlinked(text: &str) -> String {
    text.replace("](", "]\\(")
}

/// Where a file is: below the source root, or anywhere.
fn artifact(path: &str) -> Value {
    if path.starts_with('/') {
        return json!({ "uri": format!("file://{}", reference(path)) });
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    json!({ "uri": reference(path), "uriBaseId": SOURCE_ROOT })
}

/// A path as the path of a URI.
fn reference(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            byte => write!(uri, "%{byte:02X}").expect("writing to a String succeeds"),
        }
    }
    uri
}
