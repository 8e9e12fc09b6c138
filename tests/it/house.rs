//! The rules of the house, as a test: what may import what, what only one place may touch, how files begin. One file because
//! each rule is a table and the few lines that read it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each module of the crate and the modules that it may use; everything else is a leak.
const IMPORTS: &[(&str, &[&str])] = &[
    ("annotation", &["ordered"]),
    (
        "apply",
        &[
            "annotation",
            "archive",
            "compression",
            "digest",
            "error",
            "gather",
            "image",
            "layer",
            "page",
            "plan",
            "printable",
            "reference",
            "secret",
            "tarball",
            "watch",
        ],
    ),
    (
        "archive",
        &[
            "annotation",
            "cache",
            "compression",
            "digest",
            "error",
            "file_state",
            "image",
            "ledger",
            "media_type",
            "platform",
            "printable",
            "reference",
            "registry",
            "system",
            "tarball",
            "timestamp",
            "watch",
        ],
    ),
    ("author", &["edit", "image", "image_path", "patch", "shape"]),
    ("base64", &[]),
    // Records are compressed streams of tars, found by digests.
    ("cache", &["compression", "digest", "tarball"]),
    ("compression", &[]),
    ("config_field", &[]),
    (
        "diff",
        &[
            "annotation",
            "apply",
            "archive",
            "config_field",
            "digest",
            "error",
            "gather",
            "image",
            "image_path",
            "operation",
            "ordered",
            "page",
            "patch",
            "plan",
            "platform",
            "printable",
            "problem",
            "reference",
            "rootfs",
            "tarball",
        ],
    ),
    ("digest", &["printable"]),
    // JSON is edited by the documents that images are made of.
    ("document", &["image"]),
    (
        "edit",
        &[
            "annotation",
            "compression",
            "config_field",
            "digest",
            "image",
            "image_path",
            "layer",
            "ordered",
            "platform",
            "printable",
            "problem",
            "reference",
            "rootfs",
            "shape",
            "tarball",
            "unified_diff",
        ],
    ),
    ("error", &["ledger", "printable"]),
    ("file_state", &["system", "tarball"]),
    // Patches through the door, as the command line does, and reads its own files as patches are read.
    (
        "fleet",
        &[
            "digest",
            "error",
            "gather",
            "job",
            "ledger",
            "patch",
            "platform",
            "printable",
            "problem",
            "reference",
            "registry",
            "shape",
            "timestamp",
        ],
    ),
    (
        "gather",
        &[
            "archive",
            "cache",
            "digest",
            "error",
            "file_state",
            "image_path",
            "layer",
            "ledger",
            "operation",
            "patch",
            "plan",
            "platform",
            "printable",
            "problem",
            "reference",
            "registry",
            "rootfs",
            "tarball",
            "timestamp",
            "unified_diff",
            "watch",
        ],
    ),
    (
        "image",
        &[
            "config_field",
            "digest",
            "platform",
            "printable",
            "timestamp",
        ],
    ),
    ("image_path", &["printable"]),
    (
        "job",
        &[
            "apply",
            "archive",
            "author",
            "cache",
            "compression",
            "diff",
            "error",
            "gather",
            "image",
            "image_path",
            "ledger",
            "look",
            "patch",
            "plan",
            "platform",
            "printable",
            "problem",
            "reference",
            "registry",
            "timestamp",
            "verify",
        ],
    ),
    (
        "layer",
        &[
            "error",
            "file_state",
            "image_path",
            "printable",
            "rootfs",
            "system",
            "tarball",
        ],
    ),
    ("ledger", &["printable", "system"]),
    // Reads what `archive` and `rootfs` give, finds paths by the patterns of operations, and drafts a patch.
    (
        "look",
        &[
            "archive",
            "compression",
            "config_field",
            "digest",
            "edit",
            "error",
            "image",
            "image_path",
            "patch",
            "platform",
            "printable",
            "reference",
            "rootfs",
            "tarball",
        ],
    ),
    ("media_type", &["compression"]),
    (
        "operation",
        &[
            "annotation",
            "base64",
            "compression",
            "config_field",
            "digest",
            "document",
            "edit",
            "image",
            "image_path",
            "layer",
            "ledger",
            "printable",
            "problem",
            "reference",
            "rootfs",
            "shape",
            "tarball",
            "timestamp",
            "unified_diff",
        ],
    ),
    ("ordered", &[]),
    ("page", &["printable"]),
    (
        "patch",
        &[
            "config_field",
            "digest",
            "image_path",
            "operation",
            "platform",
            "printable",
            "problem",
            "reference",
            "secret",
            "shape",
        ],
    ),
    (
        "plan",
        &[
            "annotation",
            "compression",
            "config_field",
            "digest",
            "edit",
            "image",
            "image_path",
            "operation",
            "patch",
            "printable",
            "problem",
            "reference",
            "rootfs",
            "secret",
            "tarball",
            "timestamp",
        ],
    ),
    ("platform", &["reference"]),
    ("printable", &[]),
    ("problem", &["printable", "secret"]),
    ("reference", &["digest"]),
    (
        "registry",
        &[
            "base64",
            "digest",
            "error",
            "media_type",
            "printable",
            "reference",
        ],
    ),
    ("rootfs", &["image_path", "printable", "tarball"]),
    ("secret", &["printable"]),
    (
        "shape",
        &[
            "compression",
            "digest",
            "document",
            "image_path",
            "problem",
            "reference",
            "timestamp",
        ],
    ),
    ("system", &[]),
    ("tarball", &["watch"]),
    ("timestamp", &["printable"]),
    ("unified_diff", &[]),
    // Shares no code with what it checks: of `archive` only the entries, never the documents.
    (
        "verify",
        &[
            "archive",
            "base64",
            "compression",
            "digest",
            "error",
            "printable",
            "reference",
            "tarball",
            "timestamp",
            "watch",
        ],
    ),
    ("watch", &[]),
];

/// Words that only some modules may contain.
const ONLY: &[(&str, &[&str])] = &[
    ("serde_yaml", &["patch", "shape"]),
    ("clap", &["cli"]),
    ("miette", &["cli", "problem"]),
    ("std::env", &["cli"]),
    ("SystemTime", &[]),
    // When a token ends, and how long a request took: nothing of it is in any output but the trace.
    ("Instant::now", &["cli", "registry"]),
    ("ureq", &["registry"]),
    ("rustls", &["registry"]),
    ("docker_credential", &["registry"]),
    (
        "std::fs",
        &[
            "archive",
            "cache",
            "cli",
            "compression",
            "fleet",
            "gather",
            "job",
            "layer",
            "ledger",
            "registry",
            "tarball",
        ],
    ),
    ("std::process", &["cli", "main"]),
    // One module decides what may be printed; messages are escaped whole where they are printed.
    // The type of an entry is one byte, and may be no text.
    ("escape_ascii", &["printable", "tarball"]),
    ("escape_debug", &["printable"]),
    ("escape_default", &["printable"]),
    ("escape_unicode", &["printable"]),
    (".display()", &[]),
];

/// How files are opened and changed, and the only places that may: each enters a path in the ledger first, or is handed
/// one that is in it.
const FILES: &[(&str, &[&str])] = &[
    (
        "OpenOptions File::create fs::write( fs::create_dir fs::rename fs::remove_ fs::hard_link OFlags::CREATE \
         OFlags::TMPFILE mkdirat symlinkat unlinkat",
        &[
            "src/archive/hidden/",
            "src/archive/publish/",
            "src/archive/source/spool.rs",
            // Only files with names that it gives: none of them is an output of a user's.
            "src/cache/directory.rs",
            // What is open in an editor, in a new directory that nobody else has named.
            "src/cli/edit/editor.rs",
        ],
    ),
    (
        "File::open fs::read( fs::open( read_dir(",
        &[
            "src/archive/publish/",
            "src/archive/source/",
            "src/cli/args.rs",
            "src/fleet/open.rs",
            "src/gather/sources.rs",
            "src/job/patches.rs",
            "src/layer/scan.rs",
            "src/ledger/location/mod.rs",
            // Credentials and certificates: what an administrator wrote, and no input of a patch.
            "src/registry/auth/credential.rs",
            "src/registry/certificates.rs",
        ],
    ),
];

/// What tells where the bytes of an archive lie, and the only places that may ask: all others ask for a document, a stream or a
/// blob, which a source without files has too.
const SOURCES: &[(&str, &[&str])] = &[
    (
        "piece::Piece .piece() .around() .kept( .given()",
        &[
            "src/archive/draft/mod.rs",
            "src/archive/publish/",
            "src/archive/source/",
            // A layer that stays what it is, and no piece.
            "src/archive/dialect/state.rs",
            "src/archive/revise/mod.rs",
        ],
    ),
    (
        "source.entries() source().entries() SourceEntry::",
        &["src/archive/", "src/verify/"],
    ),
    ("tar_file .data_offset", &["src/archive/source/"]),
];

/// A file longer than this says why at its top. In lines.
const MAX_LINES: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for item in std::fs::read_dir(directory).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() && !path.ends_with("tests/fuzz/target") {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The source without its comments and its unit tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap()
        .to_owned();
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    let lines: Vec<&str> = text.lines().filter(|line| !is_comment(line)).collect();
    lines.join("\n")
}

/// No test depends on what the cache of whoever runs it holds.
#[test]
fn the_program_is_run_without_a_cache_of_the_user() {
    for path in rust_files(&root().join("tests/it")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let runs = text.matches(concat!("CARGO_BIN_EXE", "_ocipatch")).count();
        let is_kept_away = text.contains("envs(NO_CACHE)") || text.contains("binary::command");
        assert!(runs == 0 || is_kept_away, "{}", path.display());
    }
}

/// The top-level module that a file of `src` belongs to.
fn module(path: &Path) -> String {
    let relative = path.strip_prefix(root().join("src")).unwrap();
    let first = relative
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn is_tests(path: &Path) -> bool {
    path.file_name().unwrap() == "tests.rs" || path.parent().unwrap().ends_with("tests")
}

#[test]
fn modules_use_only_what_stands_below_them() {
    let mut leaks = Vec::new();
    for path in rust_files(&root().join("src")) {
        let module = module(&path);
        if is_tests(&path) || matches!(module.as_str(), "cli" | "lib" | "main") {
            continue;
        }
        let (_, allowed) = IMPORTS
            .iter()
            .find(|(name, _)| *name == module)
            .expect("every module has a row");
        let text = code(&path);
        for after in text.split("crate::").skip(1) {
            let used: String = after
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if used != module && !allowed.contains(&used.as_str()) {
                leaks.push(format!(
                    "{} uses {used}",
                    path.strip_prefix(root()).unwrap().display()
                ));
            }
        }
    }
    assert_eq!(leaks, Vec::<String>::new());
}

/// The rooms of operations: what of `src/operation` has an operation in it.
fn rooms() -> Vec<(String, String)> {
    let mut rooms: Vec<(String, String)> = Vec::new();
    let directory = root().join("src/operation");
    for path in rust_files(&directory) {
        let relative = path.strip_prefix(&directory).unwrap().to_str().unwrap();
        let name = relative.split('/').next().unwrap().trim_end_matches(".rs");
        if name == "mod" {
            continue;
        }
        match rooms.iter_mut().find(|(known, _)| known == name) {
            Some((_, text)) => text.push_str(&code(&path)),
            None => rooms.push((name.to_owned(), code(&path))),
        }
    }
    rooms.retain(|(_, text)| text.contains("impl Room for "));
    rooms
}

#[test]
fn no_room_of_an_operation_looks_into_another() {
    let rooms = rooms();
    assert!(rooms.len() > 15, "{}", rooms.len());
    for (name, text) in &rooms {
        let others = rooms.iter().filter(|(other, _)| other != name);
        for (other, _) in others {
            for path in [format!("super::{other}::"), format!("operation::{other}::")] {
                assert!(!text.contains(&path), "{name} uses {other}");
            }
        }
    }
}

#[test]
fn only_the_registry_tells_operations_apart() {
    for path in rust_files(&root().join("src")) {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        let text = code(&path);
        let variants = text.split(" Operation::").skip(1);
        let named = variants.filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
        assert!(
            name == "src/operation/mod.rs" || named.count() == 0,
            "{name} names an operation of the registry"
        );
    }
}

#[test]
fn a_row_of_the_table_is_needed() {
    let mut used = BTreeSet::new();
    for path in rust_files(&root().join("src"))
        .iter()
        .filter(|path| !is_tests(path))
    {
        for after in code(path).split("crate::").skip(1) {
            let name: String = after
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            used.insert((module(path), name));
        }
    }
    for (module, allowed) in IMPORTS {
        for name in *allowed {
            assert!(
                used.contains(&((*module).to_owned(), (*name).to_owned())),
                "{module} does not use {name}"
            );
        }
    }
}

#[test]
fn only_some_places_touch_the_world() {
    let mut leaks = Vec::new();
    for path in rust_files(&root().join("src")) {
        let (module, text) = (module(&path), code(&path));
        for (word, allowed) in ONLY {
            if !is_tests(&path) && text.contains(word) && !allowed.contains(&module.as_str()) {
                leaks.push(format!(
                    "{}: {word}",
                    path.strip_prefix(root()).unwrap().display()
                ));
            }
        }
    }
    assert_eq!(leaks, Vec::<String>::new());
}

/// Returns which words of a table are used where they may not be.
fn misplaced(table: &[(&str, &[&str])]) -> Vec<String> {
    let mut leaks = Vec::new();
    for path in rust_files(&root().join("src")) {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        let text = code(&path);
        for (words, allowed) in table {
            let is_allowed = allowed.iter().any(|place| name.starts_with(place));
            let words = words.split_whitespace();
            let used = words.filter(|word| text.contains(word));
            if !is_tests(&path) && !is_allowed {
                leaks.extend(used.map(|word| format!("{name}: {word}")));
            }
        }
    }
    leaks
}

#[test]
fn files_are_opened_where_the_ledger_knows_of_them() {
    assert_eq!(misplaced(FILES), Vec::<String>::new());
}

#[test]
fn a_source_hides_where_bytes_lie() {
    assert_eq!(misplaced(SOURCES), Vec::<String>::new());
}

#[test]
fn verify_reads_entries_and_no_documents_of_ours() {
    for path in rust_files(&root().join("src/verify")) {
        let text = code(&path);
        for word in ["Archive::", "archive::revise", "archive::Image"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}

/// The files of dialects, and what each calls its own.
fn dialects() -> Vec<(String, String)> {
    let mut dialects = Vec::new();
    for path in rust_files(&root().join("src/archive/dialect")) {
        let text = code(&path);
        let own = text.split("impl Dialect for ").skip(1);
        let own = own.map(|after| after.split(' ').next().unwrap().to_owned());
        let file = path.file_stem().unwrap().to_str().unwrap();
        dialects.extend(own.map(|own| (file.to_owned(), own)));
    }
    dialects
}

#[test]
fn only_its_own_room_knows_which_dialect_an_archive_is_in() {
    let dialects = dialects();
    assert!(dialects.len() > 5, "{dialects:?}");
    let mut leaks = Vec::new();
    for path in rust_files(&root().join("src")) {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        if name.starts_with("src/archive/dialect/") {
            continue;
        }
        let text = code(&path);
        let words: BTreeSet<&str> = text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .collect();
        for (file, own) in &dialects {
            if name.starts_with("src/archive/") && words.contains(own.as_str())
                || text.contains(&format!("dialect::{file}"))
            {
                leaks.push(format!("{name}: {own}"));
            }
        }
        let asked = ["if dialect ==", "matches!(dialect", "dyn Any"];
        let asked = asked.iter().filter(|asked| text.contains(*asked));
        if text.contains("Dialect") {
            leaks.extend(asked.map(|asked| format!("{name}: {asked}")));
        }
    }
    assert_eq!(leaks, Vec::<String>::new());
}

#[test]
fn a_dialect_is_one_file_and_one_line_of_the_registry() {
    let text = code(&root().join("src/archive/dialect/mod.rs"));
    let (_, registry) = text.split_once("const FAMILIES").unwrap();
    let (registry, _) = registry.split_once("\n];").unwrap();
    for (file, own) in dialects() {
        assert!(
            registry.contains(&format!("{file}::")),
            "{own} is in no family"
        );
    }
}

#[test]
fn files_say_what_they_are_and_stay_short() {
    let mut wrong = Vec::new();
    for path in ["src", "tests"]
        .iter()
        .flat_map(|directory| rust_files(&root().join(directory)))
    {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        if !text.starts_with("//! ") && !is_tests(&path) {
            wrong.push(format!("{name}: no module comment"));
        }
        let top: String = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        if text.lines().count() > MAX_LINES && !top.contains("One file because") {
            wrong.push(format!(
                "{name}: {} lines and no reason",
                text.lines().count()
            ));
        }
        if text.lines().any(|line| line.ends_with([' ', '\t'])) {
            wrong.push(format!("{name}: white space at the end of a line"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_test_file_is_mounted() {
    let main = std::fs::read_to_string(root().join("tests/it/main.rs")).unwrap();
    for item in std::fs::read_dir(root().join("tests/it")).unwrap() {
        let name = item.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        assert!(
            name == "main" || main.contains(&format!("mod {name};")),
            "{name} is not mounted"
        );
    }
}

/// The paths in backticks and in the code blocks of a document: words with a `/` that begin at the top of the repository.
fn named_paths(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| c.is_whitespace() || "`|,;()".contains(c));
    words
        .map(|word| word.trim_end_matches(['.', ':']))
        .filter(|word| {
            [".ci/", ".github/", "patches/", "schema/", "src/", "tests/"]
                .iter()
                .any(|top| word.starts_with(top) && !word.contains('*'))
        })
        .collect()
}

#[test]
fn the_guide_for_contributors_names_what_is_there() {
    let text = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let paths = named_paths(&text);
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        assert!(root().join(path).exists(), "{path}");
    }
    let main = std::fs::read_to_string(root().join("tests/it/main.rs")).unwrap();
    for (before, _) in text.match_indices("::`").map(|(at, _)| text.split_at(at)) {
        let (_, command) = before.rsplit_once("-- ").unwrap();
        let is_unit = before.ends_with("--lib -- reference");
        for module in command.split(' ').map(|word| word.trim_end_matches("::")) {
            assert!(
                is_unit || main.contains(&format!("mod {module};")),
                "{module} is no module of the tests"
            );
        }
    }
}

#[test]
fn the_package_is_what_a_user_builds() {
    let output = std::process::Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["package", "--list", "--allow-dirty", "--locked"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let files = String::from_utf8(output.stdout).unwrap();
    let is_generated = |file: &&str| {
        matches!(
            *file,
            ".cargo_vcs_info.json" | "Cargo.toml.orig" | "Cargo.lock"
        )
    };
    let tops: BTreeSet<&str> = files
        .lines()
        .filter(|file| !is_generated(file))
        .map(|file| file.split('/').next().unwrap())
        .collect();
    let expected = [
        "CHANGELOG.md",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "THIRD-PARTY-NOTICES",
        "patches",
        "schema",
        "src",
    ];
    assert_eq!(tops, BTreeSet::from(expected));
    let sources = rust_files(&root().join("src"));
    for path in sources {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        assert!(files.lines().any(|file| file == name), "{name}");
    }
}
