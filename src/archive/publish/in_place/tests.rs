//! Changes of a directory, up to each of their steps.
//! One file because all start from one directory and one draft.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::{
    Preparation, Rank, Replaced, claim, has_begun, make_home, rename_new, revise_directory,
};
use crate::archive::change::{Line, TARGET};
use crate::archive::draft::{Content, Draft, DraftEntry, NewEntry, StoredLayer};
use crate::archive::publish::content::set_mtime;
use crate::archive::publish::recover::Root;
use crate::archive::source::Source;
use crate::compression::Compression;
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::tarball::Mtime;

/// When everything that is there was made.
const OLD: i64 = 1_000;
/// When everything new was made.
const NEW: i64 = 2_000;

/// A directory with files of both kinds that can be replaced and removed, all dated.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    for name in ["app/blobs/sha256", "app/gone/inner", "app/kept", "spool"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    for name in [
        "manifest.json",
        "index.json",
        "version",
        "blobs/sha256/a",
        "blobs/sha256/orphan",
        "gone/inner/old",
        "gone/renamed",
        "kept/file",
    ] {
        fs::write(at("app").join(name), format!("old {name}")).unwrap();
    }
    symlink("kept/file", at("app/link")).unwrap();
    for name in [
        "gone/inner/old",
        "gone/inner",
        "gone/renamed",
        "gone",
        "blobs/sha256",
        "blobs",
        "kept/file",
        "kept",
        "version",
    ] {
        let file = File::open(at("app").join(name)).unwrap();
        set_mtime(&file, Mtime::of_seconds(OLD)).unwrap();
    }
    home
}

fn open(home: &TempDir) -> Source {
    Source::open(&home.path().join("app"), &home.path().join("spool")).unwrap()
}

fn new(name: &str, content: Content) -> DraftEntry {
    let mode = match content {
        Content::Directory => 0o40_750,
        _ => 0o100_640,
    };
    DraftEntry::New(NewEntry {
        name: name.to_owned(),
        content,
        mode,
        mtime: NEW,
        model: None,
    })
}

fn bytes(name: &str) -> DraftEntry {
    new(name, Content::Bytes(format!("new {name}").into_bytes()))
}

/// A layer of one word, which is written after `meanwhile` was done.
fn layer<'a>(meanwhile: impl Fn() -> Result<(), Error> + Sync + 'a) -> StoredLayer<'a> {
    let write = move |out: &mut dyn io::Write| {
        meanwhile()?;
        out.write_all(b"layer").map_err(Error::in_place("a layer"))
    };
    StoredLayer {
        diff_id: DiffId::parse_hex(&Digest::of(b"layer").hex()).unwrap(),
        digest: Digest::of(b"layer"),
        size: 5,
        compression: Compression::None,
        write: Box::new(write),
    }
}

/// A change that does everything that one can do; `meanwhile` is done when its layer is written.
fn draft<'a>(
    source: &'a Source,
    meanwhile: impl Fn() -> Result<(), Error> + Sync + 'a,
) -> Draft<'a> {
    let at = |name: &str| source.find(name).unwrap();
    let mut draft = Draft::keep_all(source);
    let is_kept = |name: &str| {
        let is_replaced = ["manifest.json", "index.json", "version", "link"].contains(&name);
        !is_replaced && !name.starts_with("gone") && name != "blobs/sha256/orphan"
    };
    let entries = source.entries();
    draft
        .entries
        .retain(|entry| matches!(entry, DraftEntry::Kept(index) if is_kept(&entries[*index].name)));
    draft.entries.extend([
        new("made", Content::Directory),
        new("made/layer", Content::Stored(0)),
        new("made/link", Content::Symlink("layer".to_owned())),
        new("kept/renamed", Content::Entry(at("gone/renamed"))),
        new("link", Content::Symlink("made/layer".to_owned())),
        bytes("repositories"),
        bytes("index.json"),
        bytes("version"),
        bytes("manifest.json"),
    ]);
    draft.layers.push(layer(meanwhile));
    draft
}

/// What is in a directory: each file with its permissions, its time unless it is the clock's, and its text.
fn seen(home: &TempDir) -> Vec<String> {
    fn walk(root: &Path, name: &str, lines: &mut Vec<String>) {
        for item in fs::read_dir(root.join(name)).unwrap() {
            let file_name = item.unwrap().file_name().into_string().unwrap();
            let name = format!("{name}{file_name}");
            let path = root.join(&name);
            let there = path.symlink_metadata().unwrap();
            let date = match there.mtime() {
                date @ (OLD | NEW) => date,
                _ => 0,
            };
            let mode = there.mode() & 0o7777;
            if there.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                lines.push(format!("{name} {date} -> {}", target.display()));
            } else if there.is_dir() {
                lines.push(format!("{name}/ {mode:o} {date}"));
                walk(root, &format!("{name}/"), lines);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                lines.push(format!("{name} {mode:o} {date} {text}"));
            }
        }
    }
    let mut lines = Vec::new();
    walk(&home.path().join("app"), "", &mut lines);
    lines.sort();
    lines
}

const AFTER: [&str; 14] = [
    "blobs/ 755 1000",
    "blobs/sha256/ 755 1000",
    "blobs/sha256/a 644 0 old blobs/sha256/a",
    "index.json 640 2000 new index.json",
    "kept/ 755 1000",
    "kept/file 644 1000 old kept/file",
    "kept/renamed 644 1000 old gone/renamed",
    "link 2000 -> made/layer",
    "made/ 750 2000",
    "made/layer 640 2000 layer",
    "made/link 2000 -> layer",
    "manifest.json 640 2000 new manifest.json",
    "repositories 640 2000 new repositories",
    "version 640 2000 new version",
];

#[test]
fn a_directory_becomes_what_the_draft_says() {
    for replaced in [Replaced::Removed, Replaced::Kept] {
        let home = home();
        let source = open(&home);
        let draft = draft(&source, || Ok(()));
        let path = home.path().join("app");
        revise_directory(&draft, &path, replaced).unwrap();
        let mut expected = AFTER.to_vec();
        if replaced == Replaced::Kept {
            expected.insert(3, "blobs/sha256/orphan 644 0 old blobs/sha256/orphan");
        }
        assert_eq!(seen(&home), expected);
    }
}

#[test]
fn a_draft_that_changes_nothing_leaves_the_directory_alone() {
    let home = home();
    let before = seen(&home);
    let source = open(&home);
    let path = home.path().join("app");
    revise_directory(&Draft::keep_all(&source), &path, Replaced::Removed).unwrap();
    assert_eq!(seen(&home), before);
}

/// The change up to the first switch: what it lists, in which order, and what is in place.
#[test]
fn documents_come_last_and_in_their_order() {
    let home = home();
    let source = open(&home);
    let draft = draft(&source, || Ok(()));
    let path = home.path().join("app");
    let root = Root {
        handle: source.root().unwrap(),
        path: &path,
    };
    let made = claim(root.handle, TARGET.as_ref(), |name| {
        make_home(root.handle, name)
    });
    let (change_home, name): (File, OsString) = made.unwrap();
    let preparation = Preparation {
        draft: &draft,
        root,
        home: &change_home,
        name: &name,
    };
    let ranked = preparation.ranked();
    let ranked: Vec<(Rank, &str)> = ranked
        .iter()
        .map(|(rank, entry)| (*rank, entry.name.as_str()))
        .collect();
    assert_eq!(
        ranked,
        [
            (Rank::Directory, "made"),
            (Rank::Created, "made/layer"),
            (Rank::Created, "made/link"),
            (Rank::Created, "kept/renamed"),
            (Rank::Replaced, "version"),
            (Rank::ReplacedLink, "link"),
            (Rank::Document(0), "manifest.json"),
            (Rank::Document(1), "index.json"),
            (Rank::Document(2), "repositories"),
        ]
    );
    assert!(!has_begun(&root, &name));
    let change = preparation.prepare(Replaced::Removed).unwrap();
    let lines: Vec<String> = change
        .lines
        .iter()
        .map(|line| match line {
            Line::Made(name) => format!("made {name}"),
            Line::Created(name, _) => format!("created {name}"),
            Line::Switched { name, old, .. } => format!("switched {name} {}", old.is_some()),
            Line::Obsolete(name, _) => format!("obsolete {name}"),
            Line::Emptied(name) => format!("emptied {name}"),
            Line::Dated { name, old, new } => format!("dated {name} {old} {new}"),
        })
        .collect();
    assert_eq!(
        lines,
        [
            "made made",
            "created made/layer",
            "created made/link",
            "created kept/renamed",
            "switched version true",
            "switched link true",
            "switched manifest.json true",
            "switched index.json true",
            "switched repositories false",
            "obsolete blobs/sha256/orphan",
            "emptied gone",
            "emptied gone/inner",
            "obsolete gone/inner/old",
            "obsolete gone/renamed",
            "dated blobs/sha256 1000 1000",
            "dated kept 1000 1000",
            "dated made 2000 2000",
        ]
    );
    let placed = ["made/layer", "made/link", "kept/renamed"];
    assert!(
        placed
            .iter()
            .all(|name| path.join(name).symlink_metadata().is_ok())
    );
    assert_eq!(fs::read(path.join("version")).unwrap(), b"old version");
    assert!(!has_begun(&root, &name));
    // The first switch is the change.
    fs::rename(path.join(&name).join("4"), path.join("version")).unwrap();
    assert!(has_begun(&root, &name));
    root.settle(&name).unwrap();
    assert!(seen(&home).contains(&"index.json 640 2000 new index.json".to_owned()));
}

#[test]
fn what_fails_before_the_first_switch_is_taken_back() {
    type Meanwhile = fn(&Path) -> Result<(), Error>;
    let cases: [(Meanwhile, &str, &str); 4] = [
        (
            |_| Err(Error::io(Path::new("x"), io::ErrorKind::Other.into())),
            "`x`: other error",
            "",
        ),
        (
            |app| {
                fs::create_dir(app.join("made")).unwrap();
                fs::write(app.join("made/layer"), "of another").unwrap();
                Ok(())
            },
            "`app/made/layer`: File exists (os error 17)",
            "made",
        ),
        (
            |app| {
                symlink("kept", app.join("made")).unwrap();
                Ok(())
            },
            "`app/made`: Not a directory (os error 20)",
            "made",
        ),
        (
            |app| {
                fs::write(app.join("index.json"), "of another").unwrap();
                Ok(())
            },
            "`app/index.json` changed while it was read: its size is 10 bytes, not 14",
            "index.json",
        ),
    ];
    for (meanwhile, told, of_another) in cases {
        let home = home();
        let app = home.path().join("app");
        let before = seen(&home);
        let source = open(&home);
        let draft = draft(&source, || meanwhile(&app));
        let error = revise_directory(&draft, &app, Replaced::Removed).unwrap_err();
        let place = home.path().display().to_string() + "/";
        assert_eq!(error.to_string().replace(&place, ""), told);
        // What somebody else has made meanwhile stays.
        let is_ours = |line: &String| of_another.is_empty() || !line.starts_with(of_another);
        let ours = |mut lines: Vec<String>| {
            lines.retain(is_ours);
            lines
        };
        assert_eq!(ours(seen(&home)), ours(before), "{told}");
        assert!(of_another.is_empty() || app.join(of_another).exists());
    }
}

#[test]
fn whoever_may_read_the_directory_may_read_the_change() {
    for (mode, expected) in [
        (0o700, 0o700),
        (0o2775, 0o755),
        (0o751, 0o751),
        (0o050, 0o750),
    ] {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(mode)).unwrap();
        let root = File::open(home.path()).unwrap();
        let made = make_home(&root, "change".as_ref()).unwrap();
        assert_eq!(made.metadata().unwrap().mode() & 0o777, expected);
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn a_name_that_something_has_is_not_taken() {
    let home = tempfile::tempdir().unwrap();
    let root = File::open(home.path()).unwrap();
    for name in ["a", "b"] {
        fs::write(home.path().join(name), name).unwrap();
    }
    rename_new(&root, "a", &root, "b").unwrap_err();
    assert_eq!(fs::read(home.path().join("b")).unwrap(), b"b");
    rename_new(&root, "a", &root, "c").unwrap();
    assert_eq!(fs::read(home.path().join("c")).unwrap(), b"a");
    rename_new(&root, "a", &root, "d").unwrap_err();
}
