//! Texts that nobody writes by mistake: refused in good time, in few words, and without a panic.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use ocipatch::patch::{MAX_FILE_BYTES, PatchFile};
use ocipatch::problem::{Code, MAX_PROBLEMS, Problem};
use proptest::prelude::*;

use super::{VALID, render};

fn codes(text: &str) -> Vec<&'static str> {
    match PatchFile::parse("fix.yaml", text.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(rejected) => rejected.problems().map(|p| p.code().as_str()).collect(),
    }
}

#[test]
fn a_large_file_is_refused_unread() {
    let text = "# a comment\n".repeat(1024 * 1024);
    let start = Instant::now();
    let rejected = PatchFile::parse("fix.yaml", text.as_bytes()).unwrap_err();
    assert!(start.elapsed() < Duration::from_millis(500));
    assert_eq!(
        rejected
            .problems()
            .map(Problem::message)
            .collect::<Vec<_>>(),
        ["`fix.yaml` has 12582912 bytes; a patch has at most 1048576"]
    );
    let largest = format!("{VALID}{}", "#".repeat(MAX_FILE_BYTES - VALID.len()));
    assert_eq!(codes(&largest), [""; 0]);
    assert_eq!(codes(&(largest + "#")), ["file-too-large"]);
}

#[test]
fn what_expands_or_nests_without_end_is_refused() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..10 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        writeln!(laughs, "a{i}: &a{i} [{items}]").unwrap();
    }
    let block = (0..2_000).fold(String::new(), |mut text, depth| {
        writeln!(text, "{}- ", " ".repeat(depth % 400)).unwrap();
        text
    });
    let mut nested_aliases = "a0: &a0 [[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]\n".to_owned();
    for i in 1..100 {
        writeln!(
            nested_aliases,
            "a{i}: &a{i} [[[[[[[[[[[[[[[[[[[[*a{}]]]]]]]]]]]]]]]]]]]]",
            i - 1
        )
        .unwrap();
    }
    let nested = "lists and maps are nested too deeply";
    let many = "the file has too many values";
    for (name, text, message) in [
        (
            "laughs",
            laughs,
            "the file's aliases expand to too many values",
        ),
        ("aliases", nested_aliases, nested),
        ("lists", "[".repeat(50_000), nested),
        ("maps", "{a: ".repeat(50_000), nested),
        ("keys", "{? ".repeat(50_000), nested),
        ("block lists", "- ".repeat(50_000), nested),
        ("block keys", "? ".repeat(50_000), nested),
        ("indented lists", block, nested),
        ("values", format!("a: [{}]", "x,".repeat(400_000)), many),
        (
            "documents",
            "---\na: b\n".repeat(20_000),
            "the file has too many documents",
        ),
    ] {
        let start = Instant::now();
        let rejected = PatchFile::parse("fix.yaml", text.as_bytes()).unwrap_err();
        let elapsed = start.elapsed();
        assert!(elapsed < Duration::from_secs(5), "{name} took {elapsed:?}");
        let found: Vec<(Code, String)> = rejected
            .problems()
            .map(|problem| (problem.code(), problem.message()))
            .collect();
        assert_eq!(found, [(Code::TooComplex, message.to_owned())], "{name}");
    }
}

#[test]
fn a_report_is_never_much_longer_than_its_problems() {
    let keys = (0..40_000).fold(String::new(), |mut text, i| {
        writeln!(text, "k{i}: x").unwrap();
        text
    });
    for (name, text) in [
        (
            "operations",
            format!("operations: [{}]", "{x: y},".repeat(14_000)),
        ),
        ("unknown keys", keys),
        ("same keys", "a: x\n".repeat(40_000)),
        ("long value", format!("a: {}", "x".repeat(1_000_000))),
        ("long key", format!("{}: x", "x".repeat(1_000))),
        (
            "long line",
            format!(
                "apiVersion: ocipatch/v1\noperations: [retag: [{}, App]]",
                "ø,".repeat(20_000)
            ),
        ),
        (
            "long text",
            format!(
                "apiVersion: ocipatch/v1\noperations: [retag: [\"{}\"]]",
                "ø\n".repeat(200_000)
            ),
        ),
        ("long syntax", "]".repeat(1_000_000)),
    ] {
        let start = Instant::now();
        let rejected = PatchFile::parse("fix.yaml", text.as_bytes()).unwrap_err();
        let report = render(&rejected);
        let elapsed = start.elapsed();
        assert!(elapsed < Duration::from_secs(5), "{name} took {elapsed:?}");
        let n_problems = rejected.problems().count();
        assert!(n_problems <= MAX_PROBLEMS);
        assert!(
            report.len() < 4_000 * n_problems,
            "{name}: {} bytes",
            report.len()
        );
    }
}

#[test]
fn more_problems_than_anyone_reads_are_cut() {
    let text = format!(
        "apiVersion: ocipatch/v1\noperations: [{}]",
        "{x: y},".repeat(MAX_PROBLEMS + 1)
    );
    let rejected = PatchFile::parse("fix.yaml", text.as_bytes()).unwrap_err();
    assert_eq!(rejected.problems().count(), MAX_PROBLEMS);
    assert_eq!(rejected.to_string(), "more than 200 problems in fix.yaml");
}

fn parse_and_render(bytes: &[u8]) {
    if let Err(rejected) = PatchFile::parse("fix.yaml", bytes) {
        assert!(rejected.problems().count() > 0);
        let report = render(&rejected);
        assert!(!report.contains(|c: char| c.is_control() && c != '\n'));
        let json = rejected.to_json();
        assert_eq!(json.as_array().unwrap().len(), rejected.problems().count());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        parse_and_render(&bytes);
    }

    #[test]
    fn no_yaml_like_text_makes_it_panic(text in "[-a&*!?:,{}\\[\\]'\"|>#%@~<0. \t\r\n\u{1b}øé\u{feff}\u{85}]{0,60}") {
        parse_and_render(text.as_bytes());
    }

    #[test]
    fn no_mutation_of_a_patch_makes_it_panic(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..30, "[-a&*!?:,{}\\[\\]'\"|>#~<\t\r\n\u{1b}ø ]{0,4}"), 1..6),
    ) {
        let mut bytes = VALID.as_bytes().to_vec();
        for (at, removed, inserted) in edits {
            let start = at.index(bytes.len() + 1);
            let end = (start + removed).min(bytes.len());
            bytes.splice(start..end, inserted.bytes());
        }
        parse_and_render(&bytes);
    }
}
