//! Changes that were cut short at any moment: what a reader sees of them, and what the next run makes of them.
//! One file because both are asked the same questions.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Change, Identity, LINES, Line, TARGET, format};
use crate::archive::hidden::Place;
use crate::archive::hidden::claim::hold;
use crate::archive::publish::recover::Root;
use crate::archive::source::directory::{open_file, walk};
use crate::archive::source::entry::SourceEntry;
use crate::tarball::Kind;

/// A directory in which a run that changes it was killed.
struct Killed {
    home: TempDir,
    handle: File,
    /// The hidden name of the change.
    name: OsString,
    lines: Vec<Line>,
}

impl Killed {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let handle = File::open(home.path()).unwrap();
        let name = Place::of(&handle).unwrap().name(OsStr::new(TARGET));
        fs::create_dir(home.path().join(&name)).unwrap();
        let lines = Vec::new();
        Self {
            home,
            handle,
            name,
            lines,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Makes a file, and the directories above it.
    fn file(&self, name: &str, text: &str) -> Identity {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
        self.identity(name)
    }

    fn identity(&self, name: &str) -> Identity {
        let entry = SourceEntry::on_disk(&self.handle, OsStr::new(name), String::new());
        entry.unwrap().identity().unwrap()
    }

    /// Where the new file of the next line waits.
    fn next(&self) -> String {
        format!("{}/{}", self.name.to_str().unwrap(), self.lines.len())
    }

    /// Replaces a file, which is done already or not.
    fn switched(&mut self, name: &str, old: Option<&str>, is_done: bool) {
        let old = old.map(|old| self.file(name, old));
        let staged = self.next();
        let new = self.file(&staged, &format!("new {name}"));
        if is_done {
            fs::rename(self.path(&staged), self.path(name)).unwrap();
        }
        let name = name.to_owned();
        self.lines.push(Line::Switched { name, old, new });
    }

    fn line(&mut self, line: impl FnOnce(String) -> Line, name: &str) {
        self.lines.push(line(name.to_owned()));
    }

    /// A file that the change has made, or is to remove.
    fn about(&mut self, line: impl FnOnce(String, Identity) -> Line, name: &str) {
        let identity = self.file(name, name);
        self.lines.push(line(name.to_owned(), identity));
    }

    fn dated(&mut self, name: &str) {
        let (old, new) = (5, 9);
        self.line(|name| Line::Dated { name, old, new }, name);
    }

    fn list(&self) {
        fs::write(
            self.path(&self.home_name()).join(LINES),
            format(&self.lines),
        )
        .unwrap();
    }

    fn home_name(&self) -> String {
        self.name.to_str().unwrap().to_owned()
    }

    /// Ends the change as the next run does.
    fn recover(&self) -> Result<(), String> {
        let root = Root {
            handle: &self.handle,
            path: Path::new("app"),
        };
        root.recover().map_err(|error| error.to_string())
    }

    /// What a reader sees, and whether in the middle of a change: files with their text, links with their target,
    /// directories with the time that the change gives them.
    fn seen(&self) -> (Vec<String>, bool) {
        let walk = walk(&self.handle, Path::new("app")).unwrap();
        let text = |entry: &SourceEntry| {
            let name = &entry.name;
            match entry.kind {
                Kind::Directory if entry.mtime < 10 => format!("{name}/ {}", entry.mtime),
                Kind::Directory => format!("{name}/"),
                Kind::Symlink => {
                    let target = String::from_utf8(entry.link_name.clone()).unwrap();
                    format!("{name} -> {target}")
                }
                _ => {
                    let file = open_file(&self.handle, entry, "app").unwrap();
                    format!("{name}: {}", io::read_to_string(file).unwrap())
                }
            }
        };
        (walk.entries.iter().map(text).collect(), walk.is_mid_change)
    }

    /// Looks at the directory before and after the next run.
    #[track_caller]
    fn becomes(&self, expected: &[&str]) {
        self.list();
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(self.seen(), (expected.clone(), true));
        self.recover().unwrap();
        assert_eq!(self.seen(), (expected.clone(), false));
        assert!(!self.path(&self.home_name()).exists());
        self.recover().unwrap();
        assert_eq!(self.seen(), (expected, false));
    }
}

#[test]
fn what_has_not_begun_is_taken_back() {
    let mut killed = Killed::new();
    killed.line(Line::Made, "made");
    killed.about(Line::Created, "made/new");
    killed.about(Line::Created, "kept/new");
    // Somebody else has taken the place of one.
    killed.line(Line::Made, "taken");
    killed.about(Line::Created, "taken/new");
    fs::remove_file(killed.path("taken/new")).unwrap();
    killed.file("taken/new", "of another");
    killed.switched("index.json", Some("old"), false);
    killed.switched("repositories", None, false);
    killed.about(Line::Obsolete, "gone/old");
    killed.line(Line::Emptied, "gone");
    killed.dated("kept");
    killed.dated("made");
    killed.becomes(&[
        "gone/",
        "gone/old: gone/old",
        "index.json: old",
        "kept/ 5",
        "taken/",
        "taken/new: of another",
    ]);
}

#[test]
fn what_has_begun_is_ended() {
    let mut killed = Killed::new();
    killed.line(Line::Made, "made");
    killed.about(Line::Created, "made/new");
    killed.switched("manifest.json", Some("old"), true);
    killed.switched("deep/file", Some("old"), true);
    killed.switched("index.json", Some("old"), false);
    killed.switched("repositories", None, false);
    killed.about(Line::Obsolete, "gone/inner/old");
    killed.about(Line::Obsolete, "left/old");
    killed.file("left/other", "of another");
    killed.about(Line::Obsolete, "taken");
    fs::remove_file(killed.path("taken")).unwrap();
    killed.file("taken", "of another");
    killed.about(Line::Obsolete, "removed");
    fs::remove_file(killed.path("removed")).unwrap();
    fs::create_dir_all(killed.path("filled/by-another")).unwrap();
    for name in ["gone", "gone/inner", "left", "filled", "absent"] {
        killed.line(Line::Emptied, name);
    }
    for name in ["made", "left", "gone"] {
        killed.dated(name);
    }
    killed.becomes(&[
        "deep/",
        "deep/file: new deep/file",
        "filled/",
        "filled/by-another/",
        "index.json: new index.json",
        "left/ 9",
        "left/other: of another",
        "made/ 9",
        "made/new: made/new",
        "manifest.json: new manifest.json",
        "repositories: new repositories",
        "taken: of another",
    ]);
}

#[test]
fn what_somebody_else_has_changed_meanwhile_stays() {
    let mut killed = Killed::new();
    killed.switched("manifest.json", Some("old"), true);
    killed.switched("index.json", Some("old"), false);
    killed.switched("repositories", None, false);
    killed.file("repositories", "of another");
    killed.switched("removed", Some("old"), false);
    fs::remove_file(killed.path("removed")).unwrap();
    killed.about(Line::Obsolete, "gone/old");
    killed.file("index.json", "of another");
    killed.line(Line::Emptied, "gone");
    killed.dated("gone");
    // Perhaps something names it still.
    killed.becomes(&[
        "gone/ 9",
        "gone/old: gone/old",
        "index.json: of another",
        "manifest.json: new manifest.json",
        "repositories: of another",
    ]);
}

#[test]
fn what_somebody_else_has_changed_before_is_forgotten() {
    let mut killed = Killed::new();
    killed.line(Line::Made, "made");
    killed.about(Line::Created, "made/new");
    killed.switched("index.json", Some("old"), false);
    killed.file("index.json", "of another");
    killed.about(Line::Obsolete, "old");
    killed.dated("made");
    killed.becomes(&[
        "index.json: of another",
        "made/",
        "made/new: made/new",
        "old: old",
    ]);
}

#[test]
fn without_a_document_all_counts_or_nothing() {
    let mut placed = Killed::new();
    placed.about(Line::Created, "new");
    placed.about(Line::Obsolete, "old");
    placed.becomes(&["new: new"]);
    let mut waiting = Killed::new();
    waiting.about(Line::Created, "new");
    waiting.about(Line::Obsolete, "old");
    let staged = waiting.next();
    waiting.about(Line::Created, "other");
    fs::rename(waiting.path("other"), waiting.path(&staged)).unwrap();
    waiting.becomes(&["old: old"]);
}

#[test]
fn a_second_name_of_a_file_is_not_left_beside_it() {
    let mut killed = Killed::new();
    killed.switched("manifest.json", Some("old"), true);
    let new = killed.file("same", "same");
    let old = Some(new);
    fs::hard_link(killed.path("same"), killed.path(&killed.next())).unwrap();
    killed.line(|name| Line::Switched { name, old, new }, "same");
    let staged = killed.next();
    symlink("same", killed.path(&staged)).unwrap();
    let new = killed.identity(&staged);
    let old = Some(killed.file("link", ""));
    killed.line(|name| Line::Switched { name, old, new }, "link");
    killed.becomes(&[
        "link -> same",
        "manifest.json: new manifest.json",
        "same: same",
    ]);
}

/// What is to be removed or dated lies in a directory that is gone, or is none any more.
#[test]
fn what_is_in_no_directory_is_not_there() {
    let mut killed = Killed::new();
    killed.switched("manifest.json", Some("old"), true);
    for parent in ["gone", "file", "link"] {
        let name = |name: &str| format!("{parent}/{name}");
        killed.about(Line::Obsolete, &name("old"));
        killed.line(Line::Emptied, &name("inner"));
        killed.line(Line::Emptied, parent);
        killed.dated(&name("inner"));
        killed.dated(parent);
        fs::remove_dir_all(killed.path(parent)).unwrap();
    }
    killed.file("file", "of another");
    killed.file("elsewhere/old", "of another");
    symlink("elsewhere", killed.path("link")).unwrap();
    killed.becomes(&[
        "elsewhere/",
        "elsewhere/old: of another",
        "file: of another",
        "link -> elsewhere",
        "manifest.json: new manifest.json",
    ]);
}

/// Another reason than that it is gone is told, and nothing goes on.
#[test]
fn what_cannot_be_looked_at_is_told() {
    let long = "x".repeat(300);
    let identity = Killed::new().file("any", "");
    let lines: [fn(String, Identity) -> Line; 3] = [
        |name, _| Line::Emptied(name),
        |name, identity| Line::Obsolete(name, identity),
        |name, _| Line::Dated {
            name,
            old: 5,
            new: 9,
        },
    ];
    for line in lines {
        let mut killed = Killed::new();
        killed.switched("index.json", Some("old"), true);
        killed.line(|name| line(name, identity), &long);
        killed.list();
        let told = format!("`app/{long}`: File name too long (os error 36)");
        assert_eq!(killed.recover().unwrap_err(), told);
        assert!(killed.path(&killed.home_name()).exists());
    }
}

#[test]
fn a_list_that_is_not_whole_began_nothing() {
    for text in [
        None,
        Some(&b""[..]),
        Some(b"ocipatch change 1\nmade x\n"),
        Some(b"ocipatch change 1\nmade \xff\nend\n"),
    ] {
        let killed = Killed::new();
        killed.file(&killed.next(), "new");
        killed.file("index.json", "old");
        if let Some(text) = text {
            fs::write(killed.path(&killed.home_name()).join(LINES), text).unwrap();
        }
        let seen = vec!["index.json: old".to_owned()];
        assert_eq!(killed.seen(), (seen.clone(), true));
        assert!(
            Change::read(&killed.handle, &killed.name)
                .unwrap()
                .is_none()
        );
        killed.recover().unwrap();
        assert_eq!(killed.seen(), (seen, false));
    }
}

#[test]
fn only_files_of_lines_wait_for_their_place() {
    let mut killed = Killed::new();
    killed.switched("index.json", Some("old"), false);
    let home = killed.home_name();
    for other in ["1", "-1", "lines.new", "x"] {
        killed.file(&format!("{home}/{other}"), "");
    }
    killed.list();
    let change = Change::read(&killed.handle, &killed.name).unwrap().unwrap();
    assert_eq!(change.staged.keys().collect::<Vec<_>>(), [&0]);
    assert!(change.is_staged(0) && !change.is_staged(1));
}

#[test]
fn a_change_that_is_under_way_is_left_alone() {
    let mut killed = Killed::new();
    killed.switched("index.json", Some("old"), true);
    killed.list();
    let living = File::open(killed.path(&killed.home_name())).unwrap();
    assert!(hold(&living).unwrap());
    assert_eq!(
        killed.recover().unwrap_err(),
        "`app` is being changed by another run"
    );
    drop(living);
    killed.becomes(&["index.json: new index.json"]);
}
