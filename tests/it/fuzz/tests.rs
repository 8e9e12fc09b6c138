//! The targets over seeds and changes of them, on stable Rust.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use ocipatch::patch::{Operation, PatchFile};

use super::archive::{N_PATCHED, OPERATIONS};
use super::{any_archive, any_bytes, any_diff, any_document, any_patch, any_tree, fixture};
use crate::random::cases;

/// `SplitMix64`: the same numbers in every run.
struct Random(u64);

impl Random {
    fn new(stream: u64) -> Self {
        let seed = std::env::var("OCIPATCH_SEED").map_or(0, |text| text.parse().unwrap());
        Self(seed ^ (stream << 32))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// Runs a target on random decisions; bytes that fail are kept, for the target of the fuzz package.
fn decide(stream: u64, n_cases: u32, max_bytes: usize, target: fn(&[u8])) {
    let mut random = Random::new(stream);
    for case in 0..cases(n_cases) {
        let n = 1 + random.below(max_bytes);
        let bytes = random.bytes(n);
        attempt(case, &bytes, target);
    }
}

/// Runs a target on texts with random changes.
fn change(stream: u64, n_cases: u32, seeds: &[Vec<u8>], words: &[&str], target: fn(&[u8])) {
    for (i, seed) in seeds.iter().enumerate() {
        attempt(u32::try_from(i).unwrap(), seed, target);
    }
    let mut random = Random::new(stream);
    for case in 0..cases(n_cases) {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            let start = random.below(bytes.len() + 1);
            let end = (start + random.below(12)).min(bytes.len());
            let new = match random.below(4) {
                0 => Vec::new(),
                1 => {
                    let other = &seeds[random.below(seeds.len())];
                    let from = random.below(other.len() + 1);
                    other[from..(from + random.below(40)).min(other.len())].to_vec()
                }
                2 => random.bytes(2),
                _ => words[random.below(words.len())].as_bytes().to_vec(),
            };
            bytes.splice(start..end, new);
        }
        attempt(case, &bytes, target);
    }
}

fn attempt(case: u32, bytes: &[u8], target: fn(&[u8])) {
    if let Err(reason) = std::panic::catch_unwind(|| target(bytes)) {
        let test = std::thread::current()
            .name()
            .map(|name| name.replace(':', "-"));
        let name = format!("ocipatch-found-{}", test.unwrap_or_default());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, bytes).unwrap();
        println!("case {case}, whose bytes are in {}", path.display());
        std::panic::resume_unwind(reason);
    }
}

/// Files below a directory of the repository that end so.
fn files(directory: &str, end: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let items = fs::read_dir(directory)
        .unwrap()
        .map(|item| item.unwrap().path());
    let mut paths: Vec<PathBuf> = items
        .filter(|path| path.to_str().unwrap().ends_with(end))
        .collect();
    paths.sort();
    let files = paths.iter().map(|path| fs::read(path).unwrap());
    files.filter(|bytes| bytes.len() < 20_000).collect()
}

#[test]
fn any_text_is_a_patch_or_told_why_not() {
    let seeds = [files("patches", ".yaml"), files("tests/patch", ".yaml")].concat();
    let words = [
        "\n",
        "  ",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "|\n",
        ">\n",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "#",
        "---\n",
        "${x}",
        "${",
        "~",
        "null",
        "\u{200b}",
        "\u{feff}",
        "\u{1b}",
        "\t",
        "args:\n",
        "expect:\n",
        "set-label: ",
        "add-layer: ",
        "\\u0000",
        "\u{85}",
    ];
    change(1, 750, &seeds, &words, any_patch);
}

#[test]
fn any_document_keeps_its_bytes() {
    let mut seeds = Vec::new();
    for name in [
        "docker20.tar",
        "docker26.tar",
        "buildx-oci-multi.tar",
        "podman-oci.tar",
    ] {
        let archive = crate::edit::Archive::read(&fixture(name));
        let documents = archive.entries.into_iter().map(|entry| entry.data);
        seeds.extend(documents.filter(|data| matches!(data.first(), Some(b'{' | b'['))));
    }
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\u0000",
        "\\ud800",
        "\\udc00",
        "null",
        "true",
        "1e400",
        "-0",
        "0.1",
        "01",
        " ",
        "\n",
        "\u{feff}",
        "\"a\":1,",
        "\u{2028}",
        "\\u003c",
        "history",
        "diff_ids",
        "\"config\":",
    ];
    change(2, 1_500, &seeds, &words, any_document);
}

#[test]
fn any_diff_fits_or_is_told_why_not() {
    let text = "\u{14}\u{0}one\ntwo\nthree\nfour\nfive\nsix\n--- a\n+++ b\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n@@ -5 +5,2 @@\n five\n+more\n\\ No newline at end of file\n";
    let seeds = [
        text.as_bytes().to_vec(),
        text.replace('\n', "\r\n").into_bytes(),
        text.replace("one\n", "").into_bytes(),
    ];
    let words = [
        "\n",
        "@@",
        "@@ -1 +1 @@\n",
        "-",
        "+",
        " ",
        "\\ No newline at end of file\n",
        "--- ",
        "+++ ",
        "0",
        "99999999999999999999",
        "one\n",
        "two\n",
        ",",
    ];
    change(3, 1_500, &seeds, &words, any_diff);
}

#[test]
fn any_stack_of_layers_is_a_tree_or_told_why_not() {
    decide(4, 1_000, 600, any_tree);
}

#[test]
fn any_archive_is_patched_and_no_worse_or_told_why_not() {
    for name in Operation::names() {
        let start = format!("{name}: ");
        assert!(
            OPERATIONS.iter().any(|line| line.starts_with(&start)),
            "{name}"
        );
    }
    for operation in OPERATIONS.iter() {
        let patch = format!("apiVersion: ocipatch/v1\noperations:\n- {operation}\n");
        let file = PatchFile::parse("x", patch.as_bytes());
        assert!(file.is_ok(), "{operation}");
    }
    decide(5, 375, 200, any_archive);
    let n_patched = N_PATCHED.load(Ordering::Relaxed);
    println!("{n_patched} patched");
    assert!(n_patched > cases(75), "{n_patched}");
}

#[test]
fn any_bytes_are_an_archive_or_told_why_not() {
    let seeds = [
        fixture("docker26.tar"),
        fixture("crane.tar"),
        fixture("docker20.tar.gz"),
    ];
    change(
        6,
        150,
        &seeds,
        &["ustar", "\u{0}", "0000", "x", "L"],
        any_bytes,
    );
}
