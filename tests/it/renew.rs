//! Parts of `README.md` that the program knows: they are compared, or with `UPDATE=1` written.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::sync::Mutex;

use crate::readme::{root, text};

/// Compares the rows of the first table below a heading; `UPDATE=1` rewrites.
#[track_caller]
pub(crate) fn check_table(heading: &str, expected: &str) {
    let readme = text("README.md");
    let (_, section) = readme.split_once(&format!("\n{heading}\n")).unwrap();
    let rule = |line: &&str| line.starts_with("|---");
    let rule = section.split_inclusive('\n').find(rule).unwrap();
    let (head, rows) = section.split_once(rule).unwrap();
    let length: usize = rows
        .split_inclusive('\n')
        .take_while(|line| line.starts_with('|'))
        .map(str::len)
        .sum();
    let found = &rows[..length];
    if found != expected && std::env::var_os("UPDATE").is_some() {
        let table = |rows: &str| format!("{head}{rule}{rows}\n");
        rewrite(&[(table(found), table(expected))]);
        return;
    }
    assert_eq!(found, expected, "run with UPDATE=1 to rewrite README.md");
}

/// Checks the sentence of `README.md` that begins with `start`, or rewrites it.
pub(crate) fn check_sentence(start: &str, expected: &str) {
    let readme = text("README.md");
    let (_, rest) = readme.split_once(&format!("\n{start}")).unwrap();
    let (found, _) = rest.split_once(". ").unwrap();
    let words: Vec<&str> = found.split_whitespace().collect();
    if words.join(" ") != expected && std::env::var_os("UPDATE").is_some() {
        rewrite(&[(format!("{start}{found}"), format!("{start}{expected}"))]);
        return;
    }
    assert_eq!(
        words.join(" "),
        expected,
        "run with UPDATE=1 to rewrite README.md"
    );
}

/// Replaces texts of `README.md`; tests that run at once take turns.
pub(crate) fn rewrite(replacements: &[(String, String)]) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap();
    let mut readme = text("README.md");
    for (old, new) in replacements {
        assert!(readme.contains(old), "{old}");
        readme = readme.replacen(old, new, 1);
    }
    fs::write(root().join("README.md"), readme).unwrap();
}
