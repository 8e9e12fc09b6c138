//! Problems for code scanners (SARIF 2.1.0), with all that GitHub asks of such a file.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Code, Problem, Rejected};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Returns the log of a run that found these problems, or none.
#[must_use]
pub fn sarif(rejected: Option<&Rejected>) -> Value {
    let placed = || rejected.into_iter().flat_map(Rejected::placed);
    let mut codes: Vec<Code> = Vec::new();
    for (problem, ..) in placed() {
        if !codes.contains(&problem.code()) {
            codes.push(problem.code());
        }
    }
    let results = placed().map(|(problem, file, place)| {
        let rule = codes.iter().position(|code| *code == problem.code());
        // A file as a whole is shown by its first line.
        let ((line, column), end) = match place {
            Some(place) => (place.start, place.end),
            None => ((1, 1), (1, 1)),
        };
        json!({
            "ruleId": problem.code().as_str(),
            "ruleIndex": rule,
            "level": "error",
            "message": { "text": text(problem) },
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": { "uri": uri(file) },
                    "region": {
                        "startLine": line,
                        "startColumn": column,
                        "endLine": end.0,
                        "endColumn": end.1,
                    },
                },
            }],
        })
    });
    let results: Vec<Value> = results.collect();
    let rules: Vec<Value> = codes.iter().copied().map(rule).collect();
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

fn rule(code: Code) -> Value {
    let meaning = json!({ "text": code.meaning() });
    json!({
        "id": code.as_str(),
        "shortDescription": meaning,
        "fullDescription": meaning,
        "help": meaning,
        "defaultConfiguration": { "level": "error" },
    })
}

fn text(problem: &Problem) -> String {
    match problem.help() {
        Some(help) => format!("{}\n{help}", problem.message()),
        None => problem.message().to_owned(),
    }
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
