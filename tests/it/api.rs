//! Every public item of the library, held against a list: it grows on purpose or not at all.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;
use std::path::Path;

use crate::house::rust_files;

/// What may follow `pub`; fields have a name there.
const KINDS: &[&str] = &[
    "const", "enum", "fn", "mod", "struct", "trait", "type", "use",
];

/// Returns the public items of a file: the block that each is in, its kind, and its name.
fn items(text: &str) -> Vec<String> {
    // Tests are the last part of a file; `mod tests;` may stand anywhere.
    let is_of_tests = |(at, mark): &(usize, &str)| {
        let next = text[at + mark.len()..].trim_start().lines().next();
        next.is_some_and(|line| line.ends_with('{'))
    };
    let tests = text.match_indices("#[cfg(test)]").find(is_of_tests);
    let text = &text[..tests.map_or(text.len(), |(at, _)| at)];
    let mut block = String::new();
    let mut items = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("impl") {
            block = line.trim_end_matches([' ', '{', '}']).to_owned() + ": ";
        } else if line == "}" {
            block.clear();
        }
        let Some(rest) = line.trim_start().strip_prefix("pub ") else {
            continue;
        };
        let rest = rest
            .strip_prefix("const fn ")
            .map_or_else(|| rest.to_owned(), |function| format!("fn {function}"));
        let Some((kind, name)) = rest.split_once(' ') else {
            continue;
        };
        if !KINDS.contains(&kind) {
            continue;
        }
        let mut name = name.to_owned();
        while kind == "use" && !name.ends_with(';') {
            name.push_str(lines.next().unwrap().trim());
        }
        let end = if kind == "use" {
            name.len()
        } else {
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            name.find(|c| !is_name(c)).unwrap_or(name.len())
        };
        items.push(format!("{block}{kind} {}", &name[..end]));
    }
    items
}

fn listing() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut listing = BTreeSet::new();
    for path in rust_files(&source) {
        let name = path.strip_prefix(&source).unwrap().to_str().unwrap();
        if name.ends_with("tests.rs") || name.contains("/tests/") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        listing.extend(items(&text).iter().map(|item| format!("{name}: {item}")));
    }
    listing
}

/// A moved file moves lines of the list. To accept a change, run the test with `UPDATE=1` and read the difference.
#[test]
fn the_public_items_are_those_of_the_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api.txt");
    let found = listing();
    if std::env::var_os("UPDATE").is_some() {
        let lines: Vec<String> = found.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, lines.concat()).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let listed: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let added: Vec<&String> = found.difference(&listed).collect();
    let removed: Vec<&String> = listed.difference(&found).collect();
    assert!(
        added.is_empty() && removed.is_empty(),
        "`tests/api.txt` lacks {added:#?} and still lists {removed:#?}"
    );
}

#[test]
fn items_are_found_wherever_they_are() {
    let text = "pub mod a;\npub use b::{\n    C,\n    D,\n};\npub struct E<'a> {\n    pub field: u8,\n}\nimpl<'a> E<'a> {\n    pub const fn f(&self) {}\n    fn g() {}\n    pub(crate) fn h() {}\n}\npub fn i() {}\n";
    let wanted = [
        "mod a",
        "use b::{C,D,};",
        "struct E",
        "impl<'a> E<'a>: fn f",
        "fn i",
    ];
    assert_eq!(items(text), wanted);
}
