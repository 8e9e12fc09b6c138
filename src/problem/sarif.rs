//! Problems and notes for code scanners (SARIF 2.1.0), with all that GitHub asks of such a file.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Note, Problem, Rejected};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One result of a run.
struct SarifResult {
    /// Its rule, what that means, and how bad it is.
    rule: (&'static str, &'static str, &'static str),
    text: String,
    uri: String,
    /// Line and column, from 1; a file as a whole is shown by its first line.
    start: (usize, usize),
    end: (usize, usize),
}

/// Returns the log of a run that found these problems, or these notes in files of these names.
#[must_use]
pub fn sarif(rejected: Option<&Rejected>, notes: &[(&str, &Note)]) -> Value {
    let problems = rejected.into_iter().flat_map(Rejected::placed);
    let problems = problems.map(|(problem, file, place)| SarifResult {
        rule: (problem.code().as_str(), problem.code().meaning(), "error"),
        text: text(problem),
        uri: uri(file),
        start: place.map_or((1, 1), |place| place.start),
        end: place.map_or((1, 1), |place| place.end),
    });
    let notes = notes.iter().map(|(file, note)| SarifResult {
        rule: (note.kind().as_str(), note.kind().meaning(), "note"),
        text: unlinked(&note.message()),
        uri: uri(file),
        start: note.start,
        end: note.end,
    });
    let findings: Vec<SarifResult> = problems.chain(notes).collect();
    let mut rules = Vec::new();
    for finding in &findings {
        if !rules.contains(&finding.rule) {
            rules.push(finding.rule);
        }
    }
    let results = findings.iter().map(|finding| {
        let index = rules.iter().position(|rule| *rule == finding.rule);
        result(finding, index)
    });
    let results: Vec<Value> = results.collect();
    let rules: Vec<Value> = rules.into_iter().map(rule).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "ocipatch",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                },
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(finding: &SarifResult, rule: Option<usize>) -> Value {
    let (id, _, level) = finding.rule;
    json!({
        "ruleId": id,
        "ruleIndex": rule,
        "level": level,
        "message": { "text": finding.text },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": finding.uri },
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

fn rule((id, meaning, level): (&str, &str, &str)) -> Value {
    let meaning = json!({ "text": meaning });
    json!({
        "id": id,
        "shortDescription": meaning,
        "fullDescription": meaning,
        "help": meaning,
        "defaultConfiguration": { "level": level },
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

/// A path as a reference: relative to the directory of the run, or absolute.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
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
