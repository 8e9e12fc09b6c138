//! What an output may have in it, by its bytes.

use std::process::Output;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// What a command was asked to print on standard output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Format {
    Text,
    Json,
    Sarif,
    Github,
    Markdown,
    /// A patch.
    Yaml,
}

/// Unicode's own classes, and not the program's table.
static INVISIBLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Zs}\p{Default_Ignorable_Code_Point}&&[^ \n]]")
        .unwrap()
});
/// `ActionCommand.cs` of GitHub's runner takes these for commands, at the start of a line and anywhere; others have words
/// before the bracket.
static COMMANDS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^\s*::|##[A-Za-z0-9]*\[").unwrap());
/// The last line of a plan is bold, and has numbers of ours alone.
static TOTAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\n\*\*(Plan: [a-zA-Z0-9 ,;.()+-]+)\*\*\n$").unwrap());
static ANNOTATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^::(error|notice) file=[^:,]*,line=[0-9]+,col=[0-9]+,title=[a-z0-9-]+::.*$")
        .unwrap()
});

#[track_caller]
pub(super) fn check(output: &Output, format: Format) {
    // An archive is what it is.
    let is_archive = output.stdout.get(257..262) == Some(b"ustar");
    let stdout = if is_archive {
        &[]
    } else {
        output.stdout.as_slice()
    };
    let stdout = std::str::from_utf8(stdout).unwrap();
    let stderr = std::str::from_utf8(&output.stderr).unwrap();
    let code = output.status.code();
    assert!(code.is_some_and(|code| code <= 3), "{code:?}\n{stderr}");
    assert_eq!(fault_of_text(stderr), None, "{stderr}");
    // Without a plan there is no document.
    if stdout.is_empty() {
        return;
    }
    let fault = match format {
        Format::Text | Format::Yaml => fault_of_text(stdout),
        Format::Json => json(stdout).err(),
        Format::Sarif => json(stdout).map_or_else(Some, |log| fault_of_sarif(&log)),
        Format::Github => fault_of_annotations(stdout),
        Format::Markdown => fault_of_text(stdout).or_else(|| fault_of_markdown(stdout)),
    };
    assert_eq!(fault, None, "{stdout}");
}

fn invisible(text: &str) -> Option<String> {
    let found = INVISIBLE
        .find(text)
        .map(|found| format!("{:?}", found.as_str()));
    let mut lines = text.lines();
    let is_injected = lines.any(|line| line.trim_start().starts_with("INJECTED"));
    found.or_else(|| is_injected.then(|| "a line of its own".to_owned()))
}

fn fault_of_text(text: &str) -> Option<String> {
    let command = || COMMANDS.find(text).map(|found| found.as_str().to_owned());
    invisible(text).or_else(command)
}

fn fault_of_annotations(text: &str) -> Option<String> {
    let mut lines = text.lines();
    let other = lines.find(|line| !ANNOTATION.is_match(line));
    invisible(text).or_else(|| other.map(str::to_owned))
}

/// JSON is exact data, in characters that do nothing to who prints it.
fn json(text: &str) -> Result<Value, String> {
    match fault_of_text(text) {
        Some(fault) => Err(fault),
        None => serde_json::from_str(text).map_err(|error| error.to_string()),
    }
}

fn fault_of_sarif(log: &Value) -> Option<String> {
    let results = log["runs"][0]["results"].as_array().unwrap().iter();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/%:".contains(c);
    let mut faults = results.filter_map(|result| {
        let message = result["message"]["text"].as_str().unwrap();
        let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        let is_wrong = message.contains("](")
            || invisible(message).is_some()
            || message.lines().count() > 2
            || !uri.as_str().unwrap().chars().all(is_plain);
        is_wrong.then(|| result.to_string())
    });
    faults.next()
}

/// What stands outside of fences and code spans (`CommonMark` 4.5, 6.1) is ours.
fn fault_of_markdown(text: &str) -> Option<String> {
    let mut fence: Option<usize> = None;
    let mut outside = String::new();
    for line in text.lines() {
        let behind = line.trim_start_matches('`');
        let n_ticks = line.len() - behind.len();
        match fence {
            Some(n) if n_ticks >= n && behind.trim().is_empty() => fence = None,
            Some(_) => {}
            None if n_ticks >= 3 && !behind.contains('`') => fence = Some(n_ticks),
            None => match without_spans(line) {
                Some(rest) => outside.extend([&rest, "\n"]),
                None => return Some(format!("a code span that does not end: {line}")),
            },
        }
    }
    if fence.is_some() {
        return Some("a fence that does not end".to_owned());
    }
    let outside = TOTAL.replace(&outside, "\n").into_owned();
    let is_ours = |c: char| c.is_ascii_alphanumeric() || "#. ,()\n".contains(c);
    let mut headings = outside.lines().filter(|line| line.contains('#'));
    let is_clean = outside.chars().all(is_ours) && headings.all(|line| line.starts_with("### "));
    (!is_clean).then_some(outside)
}

fn without_spans(line: &str) -> Option<String> {
    let mut result = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        result += &rest[..at];
        let behind = rest[at..].trim_start_matches('`');
        let n_ticks = rest.len() - at - behind.len();
        rest = &behind[end_of_run(behind, n_ticks)?..];
    }
    Some(result + rest)
}

/// Returns where the first run of exactly `n` backticks ends.
fn end_of_run(text: &str, n: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = text[at..].find('`').map(|start| at + start) {
        let behind = text[start..].trim_start_matches('`');
        let end = text.len() - behind.len();
        if end - start == n {
            return Some(end);
        }
        at = end;
    }
    None
}

/// The checks find what they are for.
#[test]
fn what_is_unclean_is_found() {
    for text in [
        "a\u{1b}",
        "a\u{9b}",
        "a\u{7f}",
        "a\tb",
        "a\rb",
        "\u{202e}",
        "\u{200b}",
        "\u{a0}",
        "\u{e0041}",
        "x\n ::error::y",
        "a ##[error]",
        "##vso[x",
        " INJECTED",
    ] {
        assert!(fault_of_text(text).is_some(), "{text:?}");
    }
    for text in [
        "@a",
        "<b>",
        "[a](b)",
        "x\n# y",
        "```\na",
        "```\na\n```\n@b",
        "````\n```\n@x",
        "### `a` *b*",
    ] {
        assert!(fault_of_markdown(text).is_some(), "{text:?}");
    }
    for text in [
        "### ``a`@b``\n\n````text\n```\n@b\n````\n",
        "2 of 3 images stay as they are.\n",
        "### `a`\n\n**Plan: 1 field, 1 layer (+2.56 kB); 1 note**\n",
    ] {
        assert_eq!(fault_of_markdown(text), None);
    }
}
