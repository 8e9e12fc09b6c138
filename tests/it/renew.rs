//! Parts of pages that the program knows: they are compared, or with `UPDATE=1` written.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::sync::Mutex;

use crate::readme::{root, text};

/// Compares the rows of the first table below a heading; `UPDATE=1` rewrites.
#[track_caller]
pub(crate) fn check_table(page: &str, heading: &str, expected: &str) {
    let text = text(page);
    let (_, section) = text.split_once(&format!("\n{heading}\n")).unwrap();
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
        rewrite(page, &[(table(found), table(expected))]);
        return;
    }
    assert_eq!(found, expected, "run with UPDATE=1 to rewrite {page}");
}

/// Checks what a section starts with, up to the line of its example; `UPDATE=1` rewrites.
#[track_caller]
pub(crate) fn check_lead(page: &str, heading: &str, expected: &str) {
    let text = text(page);
    let (_, rest) = text.split_once(&format!("\n{heading}\n\n")).unwrap();
    let (section, _) = rest.split_once("\n#").unwrap_or((rest, ""));
    let example = section.find("` turns `").expect(heading);
    let end = example + section[example..].find('\n').expect(heading);
    let found = &section[..=end];
    if found != expected && std::env::var_os("UPDATE").is_some() {
        let lead = |text: &str| format!("\n{heading}\n\n{text}");
        rewrite(page, &[(lead(found), lead(expected))]);
        return;
    }
    assert_eq!(found, expected, "run with UPDATE=1 to rewrite {page}");
}

/// Checks the sentence of a page that begins with `start`, or rewrites it.
pub(crate) fn check_sentence(page: &str, start: &str, expected: &str) {
    let text = text(page);
    let (_, rest) = text.split_once(&format!("\n{start}")).unwrap();
    let (found, _) = rest.split_once(". ").unwrap();
    let words: Vec<&str> = found.split_whitespace().collect();
    if words.join(" ") != expected && std::env::var_os("UPDATE").is_some() {
        rewrite(
            page,
            &[(format!("{start}{found}"), format!("{start}{expected}"))],
        );
        return;
    }
    assert_eq!(
        words.join(" "),
        expected,
        "run with UPDATE=1 to rewrite {page}"
    );
}

/// Replaces texts of a page; tests that run at once take turns.
pub(crate) fn rewrite(page: &str, replacements: &[(String, String)]) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap();
    let mut text = text(page);
    for (old, new) in replacements {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, new, 1);
    }
    fs::write(root().join(page), text).unwrap();
}
