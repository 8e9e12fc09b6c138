//! What patches take from the host. One file because all of it is about a directory beside a patch.

use std::fs::{self, File, hard_link};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::host_path::is_of_the_path;
use super::unusable::Unusable;
use super::{Base, OpenSources, Patches, sources};
use crate::error::Error;
use crate::layer::SourceDirectory;
use crate::ledger::Ledger;
use crate::operation::Sources;
use crate::patch::PatchFile;
use crate::plan::{HostSource, LayerSource};
use crate::problem::{Address, Problem};
use crate::tarball::{END_OF_ARCHIVE, Entry, header_group};

fn base(directory: &Path) -> Base {
    Base {
        patch_file: None,
        directory: directory.to_owned(),
        allow_outside: false,
    }
}

fn patches(operations: &str, directory: &Path) -> Patches {
    let text = format!("apiVersion: ocipatch/v1\noperations:\n{operations}\n");
    let file = PatchFile::parse("fix.yaml", text.as_bytes()).unwrap();
    (file, base(directory)).into()
}

/// Looks at what one `add-layer` takes.
fn layer(value: &str, base: &Base) -> (Result<HostSource, Error>, OpenSources) {
    let patches = patches(&format!("  - add-layer: {value}"), &base.directory);
    let operation = &patches.files()[0].patches()[0].operations[0];
    let Sources::Layer { add, .. } = operation.needs().sources else {
        panic!("a layer has sources")
    };
    let mut opened = OpenSources::default();
    let address = Address::operation(0, 0);
    let found = sources::find(add, base, &address, &mut opened);
    (found, opened)
}

fn problems(host: &HostSource) -> String {
    let problems = host.problems.iter().map(Problem::message);
    problems.collect::<Vec<_>>().join("\n")
}

/// The paths that a layer takes from a directory, and those that are in its way.
fn scanned(value: &str, directory: &Path) -> [String; 2] {
    let (host, _) = layer(value, &base(directory));
    let Some(LayerSource::Directory(_, scan)) = host.unwrap().from else {
        panic!("{value} is no directory")
    };
    let joined = |paths: Vec<&Vec<u8>>| {
        let paths = paths.into_iter().map(|path| String::from_utf8_lossy(path));
        paths.collect::<Vec<_>>().join(" ")
    };
    [
        joined(scan.entries.iter().map(|entry| &entry.path).collect()),
        joined(scan.problems.iter().map(|(path, _)| path).collect()),
    ]
}

#[test]
fn what_is_excluded_is_neither_taken_nor_in_the_way() {
    let home = TempDir::new().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::create_dir_all(at("site/d")).unwrap();
    for name in ["site/a", "site/d/b", "site/d/keep"] {
        fs::write(at(name), name).unwrap();
    }
    let _socket = UnixListener::bind(at("site/d/socket")).unwrap();
    for (exclude, entries, in_the_way) in [
        ("", "a d d/b d/keep", "d/socket"),
        (", exclude: [d]", "a", ""),
        (", exclude: [d, '!d/keep']", "a d/keep", ""),
        (", exclude: [d, '!d/socket']", "a", "d/socket"),
        (", exclude: [a]", "d d/b d/keep", "d/socket"),
    ] {
        let found = scanned(&format!("{{ from: site{exclude} }}"), home.path());
        assert_eq!(found, [entries, in_the_way], "{exclude}");
    }
}

#[test]
fn a_layer_is_taken_from_a_directory_or_a_tar() {
    let home = TempDir::new().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::create_dir(at("directory")).unwrap();
    fs::write(at("text"), "no tar at all").unwrap();
    fs::write(at("empty.tar"), END_OF_ARCHIVE).unwrap();
    let entry = header_group(&Entry {
        name: b"a".to_vec(),
        ..Entry::file()
    });
    fs::write(at("layer.tar"), [&entry[..], &END_OF_ARCHIVE].concat()).unwrap();
    fs::write(at("cut.tar"), &entry[..300]).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&entry).unwrap();
    let gzip = gzip.finish().unwrap();
    fs::write(at("cut.tar.gz"), &gzip[..gzip.len() / 2]).unwrap();
    mknodat(CWD, at("fifo"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
    for (value, wanted) in [
        ("{ from: directory }", ""),
        ("{ from: layer.tar }", ""),
        ("{ from: layer.tar, as-is: true }", ""),
        ("{ from: empty.tar, as-is: true }", ""),
        (
            "{ from: directory, as-is: true }",
            "is a directory, but `as-is` requires a tar",
        ),
        ("{ from: empty.tar }", "`empty.tar` is an empty tar"),
        ("{ from: text }", "`text` is a file, but not a tar: "),
        (
            "{ from: cut.tar }",
            "`cut.tar` is a file, but not a tar: a truncated header",
        ),
        (
            "{ from: cut.tar.gz }",
            "`cut.tar.gz` is a file, but not a tar: ",
        ),
        ("{ from: fifo }", "is neither a directory nor a file"),
        ("{ from: gone }", "there is no file or directory `gone`"),
        ("{ from: text/below }", "`text/below` cannot be opened: "),
    ] {
        let (host, opened) = layer(value, &base(home.path()));
        let host = host.unwrap();
        let told = problems(&host);
        assert_eq!(told.is_empty(), wanted.is_empty(), "{value} {told}");
        assert!(told.contains(wanted), "{told}");
        assert_eq!(host.from.is_some(), wanted.is_empty(), "{value}");
        opened.check().unwrap();
    }
    let (host, opened) = layer("{ from: layer.tar }", &base(home.path()));
    assert!(host.is_ok() && opened.imports.len() == 1 && opened.roots.is_empty());
    fs::write(at("layer.tar"), &entry).unwrap();
    assert!(opened.check().is_err());
}

#[test]
fn files_below_the_patch_share_one_directory() {
    let home = TempDir::new().unwrap();
    let outside = TempDir::new().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::create_dir_all(at("d/e")).unwrap();
    for name in ["a", "d/b", "d/e/c"] {
        fs::write(at(name), name).unwrap();
    }
    let other = outside.path().join("o");
    fs::write(&other, "o").unwrap();
    let files = |paths: &[&str]| {
        let files = paths
            .iter()
            .map(|from| format!("{{ path: /x/{}, from: {from} }}", from.len()));
        format!("{{ files: [{}] }}", files.collect::<Vec<_>>().join(", "))
    };
    let outsider = other.to_str().unwrap();
    let (host, _) = layer(&files(&["a", outsider]), &base(home.path()));
    let host = host.unwrap();
    assert!(problems(&host).contains("is outside the patch file's directory"));
    let mut allowed = base(home.path());
    allowed.allow_outside = true;
    let (host, opened) = layer(&files(&["a", "d/b", "d/e/c", outsider]), &allowed);
    let host = host.unwrap();
    assert_eq!(problems(&host), "");
    let found = host
        .files
        .iter()
        .flatten()
        .map(|(root, entry)| (*root, entry.path.as_slice()));
    let found: Vec<_> = found.collect();
    assert_eq!(
        found,
        [(0, &b"a"[..]), (0, b"d/b"), (0, b"d/e/c"), (1, b"o")]
    );
    assert_eq!(opened.roots.len(), 2);
    for (from, wanted) in [
        ("d", "is a directory; expected a file"),
        (".", "is a directory; expected a file"),
    ] {
        let (host, _) = layer(&files(&[from]), &base(home.path()));
        assert!(problems(&host.unwrap()).contains(wanted), "{from}");
    }
    // A link is what it leads to, wherever it is.
    symlink(&other, at("link")).unwrap();
    symlink("link-2", at("link-2")).unwrap();
    let (host, _) = layer(&files(&["link"]), &base(home.path()));
    assert!(problems(&host.unwrap()).contains("is outside the patch file's directory"));
    let (host, _) = layer(&files(&["link-2"]), &base(home.path()));
    assert!(problems(&host.unwrap()).contains("`link-2` cannot be opened"));
}

#[test]
fn what_takes_the_place_of_a_file_is_told_by_its_kind() {
    let home = TempDir::new().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::write(at("file"), "a").unwrap();
    fs::create_dir(at("directory")).unwrap();
    symlink("file", at("link")).unwrap();
    mknodat(CWD, at("fifo"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    let root = SourceDirectory::open(home.path()).unwrap();
    let address = Address::operation(0, 0);
    for (name, wanted) in [
        ("file", ""),
        ("directory", "`x` is a directory; expected a file"),
        ("", "`x` is a directory; expected a file"),
        ("link", "`x` is not a regular file"),
        ("fifo", "`x` is not a regular file"),
        ("socket", "`x` is not to be used: "),
    ] {
        let found = sources::file_at(&root, name.as_bytes(), "x", false, &address);
        let told = match &found {
            Ok(entry) => {
                assert_eq!(entry.path, name.as_bytes());
                String::new()
            }
            Err(Unusable::Problem(problem)) => problem.message(),
            Err(Unusable::Failed(error)) => panic!("{error}"),
        };
        assert_eq!(told.is_empty(), wanted.is_empty(), "{name} {told}");
        assert!(told.starts_with(wanted), "{name} {told}");
    }
    let gone = sources::file_at(&root, b"gone", "x", false, &address);
    assert!(matches!(gone, Err(Unusable::Failed(_))));
}

type FindText = fn(&str, &Base, &Address, &mut Ledger) -> Result<HostSource, Error>;

#[test]
fn a_text_is_read_whole_or_the_reason_is_told() {
    const LIMIT: u64 = 64 << 20;
    let home = TempDir::new().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::write(at("text"), "hello\n").unwrap();
    fs::write(at("diff"), "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n").unwrap();
    fs::create_dir(at("directory")).unwrap();
    for (name, n_bytes) in [("long", LIMIT), ("too-long", LIMIT + 1)] {
        File::create(at(name)).unwrap().set_len(n_bytes).unwrap();
    }
    let mut allowed = base(home.path());
    allowed.allow_outside = true;
    let found = |find: FindText, from: &str| {
        let mut ledger = Ledger::default();
        find(from, &allowed, &Address::operation(0, 0), &mut ledger)
    };
    for (from, wanted) in [
        ("text", ""),
        ("diff", ""),
        ("long", ""),
        ("directory", "`directory` cannot be read: "),
        (
            "too-long",
            "`too-long` cannot be read: it is larger than 64 MiB",
        ),
        ("gone", "there is no file or directory `gone`"),
    ] {
        let host = found(sources::find_content, from).unwrap();
        let told = problems(&host);
        assert_eq!(told.is_empty(), wanted.is_empty(), "{from} {told}");
        assert!(told.contains(wanted), "{told}");
        assert_eq!(host.content.is_some(), wanted.is_empty());
        assert_eq!(host.text.is_some(), wanted.is_empty());
    }
    let host = found(sources::find_diff, "diff").unwrap();
    assert!(host.diff.is_some() && host.problems.is_empty());
    for from in ["text", "directory"] {
        let host = found(sources::find_diff, from).unwrap();
        assert!(host.diff.is_none(), "{from}");
        assert!(
            problems(&host).contains("is not a unified diff: "),
            "{from}"
        );
    }
    // A file that the system cannot read is no mistake of the author.
    for find in [sources::find_content, sources::find_diff] {
        let failed = found(find, "/proc/self/mem");
        assert!(failed.is_err_and(|error| error.to_string().contains("/mem")));
    }
}

#[test]
fn only_some_refusals_are_about_the_path() {
    for (kind, is) in [
        (ErrorKind::NotFound, true),
        (ErrorKind::PermissionDenied, true),
        (ErrorKind::NotADirectory, true),
        (ErrorKind::IsADirectory, true),
        (ErrorKind::InvalidInput, true),
        (ErrorKind::InvalidFilename, true),
        (ErrorKind::TimedOut, false),
        (ErrorKind::Other, false),
        (ErrorKind::StorageFull, false),
    ] {
        assert_eq!(is_of_the_path(&kind.into()), is, "{kind}");
    }
    let of = |errno: rustix::io::Errno| io::Error::from_raw_os_error(errno.raw_os_error());
    assert!(is_of_the_path(&of(rustix::io::Errno::LOOP)));
    assert!(!is_of_the_path(&of(rustix::io::Errno::IO)));
}

#[test]
fn inputs_are_what_gets_into_an_image() {
    let home = TempDir::new().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::create_dir(at("d")).unwrap();
    fs::write(at("d/a"), "a").unwrap();
    fs::write(at("d/run"), "b").unwrap();
    fs::set_permissions(at("d/a"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(at("d/run"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(at("d"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("a", at("d/link")).unwrap();
    hard_link(at("d/a"), at("d/same")).unwrap();
    fs::write(at("text"), "hello\n").unwrap();
    let of = |operations: &str| -> Vec<String> {
        let patches = patches(operations, home.path());
        let lines = patches.inputs(&Ledger::default()).unwrap();
        lines.into_iter().skip(1).collect()
    };
    let digest = |text: &str| crate::digest::Digest::of(text.as_bytes());
    let (a, b) = (digest("a"), digest("b"));
    assert_eq!(
        of("  - add-layer: { from: d }"),
        [
            "directory".to_owned(),
            format!(r#"file "a" {a} same="a""#),
            r#"symlink "link" "a""#.to_owned(),
            format!(r#"file "run" {b} executable"#),
            format!(r#"file "same" {a} same="a""#),
        ]
    );
    let kept = of("  - add-layer: { from: d, mode: keep }");
    assert_eq!(kept[1], format!(r#"file "a" {a} same="a" mode=640"#));
    assert_eq!(kept[3], format!(r#"file "run" {b} mode=755"#));
    let (uid, gid) = (
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
    );
    let kept = of("  - add-layer: { from: d, owner: keep }");
    assert_eq!(
        kept[3],
        format!(r#"file "run" {b} executable owner={uid}:{gid}"#)
    );
    let kept = of("  - add-layer: { from: d, mtime: keep }");
    assert!(
        kept[3].starts_with(&format!(r#"file "run" {b} executable mtime="#)),
        "{}",
        kept[3]
    );
    assert_eq!(
        of("  - append-text: { path: /x, from: text }"),
        [
            r#"source "text""#.to_owned(),
            format!("file {}", digest("hello\n")),
        ]
    );
    assert_eq!(
        of("  - add-layer: { files: [{ path: /x, from: text }] }"),
        [format!(r#"file "text" {}"#, digest("hello\n")),]
    );
    let patches = patches("  - append-text: { path: /x, from: gone }", home.path());
    assert!(patches.inputs(&Ledger::default()).is_err());
}

#[test]
fn paths_are_relative_to_the_directory_of_the_patch() {
    for (file, directory) in [
        ("fix.yaml", "."),
        ("a/fix.yaml", "a"),
        ("/fix.yaml", "/"),
        ("/", "."),
    ] {
        let base = Base::of(Path::new(file));
        assert_eq!(base.directory, PathBuf::from(directory), "{file}");
        assert!(!base.allow_outside);
    }
}
