//! Plain English: words and phrases that no text for a person contains, as `CONTRIBUTING.md` asks.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::house::rust_files;
use crate::readme::PAGES;

/// What not to write, and what to write.
const PHRASES: &[(&str, &str)] = &[
    ("anew", "again, rebuilt"),
    ("are no", "are not"),
    ("become another", "change"),
    ("becomes another", "changes"),
    ("begin with", "start with"),
    ("begins with", "starts with"),
    ("by way of", "through"),
    ("come to", "result in, have"),
    ("comes to", "results in, has"),
    ("cut short", "truncated, interrupted"),
    ("if left out", "by default"),
    ("if not given", "by default"),
    ("in a circle", "a loop"),
    ("is a text", "is a string"),
    ("is gone", "is removed, does not exist"),
    ("is no", "is not a"),
    ("is not there", "does not exist, is missing"),
    ("is told", "is reported"),
    ("is wanted", "expected"),
    ("no problem", "allowed"),
    ("said about", "says"),
    ("says nothing of", "does not mention"),
    ("speak of", "describe"),
    ("speaks of", "describes"),
    ("stand for", "mean, refer to"),
    ("stands for", "means, refers to"),
    ("stands in", "is in"),
    ("stands there", "is"),
    ("take for", "treat as"),
    ("tell of", "show, describe"),
    ("tells of", "shows, describes"),
    ("the one who", "the author, the user"),
    ("was wanted", "expected"),
    ("what becomes of", "what to do with"),
    ("what it means that", "what to do if"),
];

/// Phrases that contain one of the above and are plain.
const PLAIN: &[&str] = &[
    "there is no",
    "there are no",
    "is no longer",
    "are no longer",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Returns the phrases that a text contains, as whole words.
fn found(text: &str) -> Vec<&'static (&'static str, &'static str)> {
    // Placeholders have the names of variables.
    let mut is_name = false;
    let text = text.replace(
        |c: char| {
            is_name = c == '{' || (is_name && c != '}');
            is_name
        },
        " ",
    );
    let words: String = text
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut text = format!(" {} ", words.join(" "));
    for plain in PLAIN {
        text = text.replace(&format!(" {plain} "), " ");
    }
    let is_in = |phrase: &str| text.contains(&format!(" {phrase} "));
    PHRASES.iter().filter(|(phrase, _)| is_in(phrase)).collect()
}

/// Reports each phrase in the texts of a file, which come with their lines.
fn check<'a>(name: &str, texts: impl IntoIterator<Item = (usize, &'a str)>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, text) in texts {
        for (phrase, better) in found(text) {
            wrong.push(format!(
                "{name}:{line}: `{phrase}` (better: {better}): {text}"
            ));
        }
    }
    wrong
}

/// The paragraphs and table rows of a document, with the lines at which they start. A phrase may go over a line break.
fn paragraphs(text: &str) -> Vec<(usize, String)> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            is_open = false;
        } else if is_open && !line.starts_with('|') {
            let (_, paragraph) = paragraphs.last_mut().unwrap();
            paragraph.push(' ');
            paragraph.push_str(line.trim());
        } else {
            paragraphs.push((i + 1, line.to_owned()));
            is_open = true;
        }
    }
    paragraphs
}

/// The string literals of a source that are messages, with their lines: no comments, no unit tests, no reasons of `expect`.
fn messages(source: &str) -> Vec<(usize, &str)> {
    let mut messages = Vec::new();
    for (i, line) in source.lines().enumerate() {
        if line.starts_with("mod tests {") {
            break;
        }
        let code = line.trim_start();
        if code.starts_with("//") || code.contains("expect(") || code.contains("reason = ") {
            continue;
        }
        let mut rest = code;
        while let Some(start) = rest.find('"') {
            let text = &rest[start + 1..];
            let is_quote = |(at, _): &(usize, &str)| !text[..*at].ends_with('\\');
            let Some((end, _)) = text.match_indices('"').find(is_quote) else {
                break;
            };
            // One word is a key or a name.
            if text[..end].contains(' ') {
                messages.push((i + 1, &text[..end]));
            }
            rest = &text[end + 1..];
        }
    }
    messages
}

fn descriptions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value.as_str() {
                    Some(text) if key == "description" || key == "title" => {
                        found.push(text.to_owned());
                    }
                    _ => descriptions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| descriptions(item, found)),
        _ => {}
    }
}

#[test]
fn documents_and_help_are_plain_english() {
    let mut wrong = Vec::new();
    let others = [
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "tests/help.txt",
    ];
    for name in PAGES.into_iter().chain(others) {
        let paragraphs = paragraphs(&read(&root().join(name)));
        assert!(!paragraphs.is_empty(), "{name}");
        let texts = paragraphs.iter().map(|(line, text)| (*line, text.as_str()));
        wrong.extend(check(name, texts));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn recipes_are_plain_english() {
    let (mut wrong, mut n_recipes) = (Vec::new(), 0);
    for entry in std::fs::read_dir(root().join("patches")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = read(&path);
        // A comment may go on in the next line.
        let lines = text
            .lines()
            .map(|line| line.trim_start().trim_start_matches("# "));
        let text: Vec<&str> = lines.collect();
        let paragraphs = paragraphs(&text.join("\n"));
        let texts = paragraphs.iter().map(|(line, text)| (*line, text.as_str()));
        wrong.extend(check(path.file_name().unwrap().to_str().unwrap(), texts));
        n_recipes += 1;
    }
    assert!(n_recipes > 20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_schema_is_plain_english() {
    let schema = serde_json::from_str(&read(&root().join("schema/patch.schema.json"))).unwrap();
    let mut texts = Vec::new();
    descriptions(&schema, &mut texts);
    assert!(texts.len() > 100, "{texts:?}");
    let texts = texts.iter().map(|text| (0, text.as_str()));
    let wrong = check("schema/patch.schema.json", texts);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn messages_are_plain_english() {
    let (mut wrong, mut n_messages) = (Vec::new(), 0);
    let is_source = |path: &PathBuf| path.file_name().unwrap() != "tests.rs";
    let sources = rust_files(&root().join("src"));
    for path in sources.into_iter().filter(is_source) {
        let source = read(&path);
        let messages = messages(&source);
        n_messages += messages.len();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        wrong.extend(check(name, messages));
    }
    assert!(n_messages > 500, "{n_messages}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_phrase_is_found_whatever_stands_around_it() {
    let phrases = |text| {
        found(text)
            .iter()
            .map(|(phrase, _)| *phrase)
            .collect::<Vec<_>>()
    };
    assert_eq!(phrases("`{}` is no port"), ["is no"]);
    assert_eq!(phrases("Layers are laid anew."), ["anew"]);
    assert_eq!(
        phrases("`to` is about `from`, which is not there"),
        ["is not there"]
    );
    assert_eq!(
        phrases("there is no port; it is no longer is notable"),
        [""; 0]
    );
    assert_eq!(paragraphs("a is\nno b\n\n| c |\n| d |").len(), 3);
    let source = "/// is no\nlet a = \"it is \\\"no\\\" text\"; x.expect(\"is no\");\nf(\"a b\", \"c d\");\n";
    assert_eq!(messages(source), [(3, "a b"), (3, "c d")]);
}
