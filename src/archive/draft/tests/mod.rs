//! Where new entries go, and what goes with what is removed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dressed;

use std::fs;

use super::drafting::Drafting;
use super::parents::Directories;
use super::{Content, Draft, DraftEntry};
use crate::archive::source::Source;
use crate::tarball::{END_OF_ARCHIVE, Entry, Kind, Mtime, header_group};

/// An entry by its name: of a directory if it ends in `/`, of a link if `->` is in it, of a hard link if `=` is.
fn entry(text: &str) -> Entry {
    let (name, kind, link_name) = match (text.split_once(" -> "), text.split_once(" = ")) {
        (Some((name, target)), _) => (name, Kind::Symlink, target),
        (_, Some((name, target))) => (name, Kind::HardLink, target),
        _ if text.ends_with('/') => (text, Kind::Directory, ""),
        _ => (text, Kind::File, ""),
    };
    Entry {
        name: name.as_bytes().to_vec(),
        link_name: link_name.as_bytes().to_vec(),
        kind,
        size: if kind == Kind::File { 3 } else { 0 },
        mode: 0o640,
        mtime: Mtime::of_seconds(7),
        ..Entry::file()
    }
}

fn tar(entries: &[Entry]) -> Source {
    let mut bytes = Vec::new();
    for entry in entries {
        let mut header = header_group(entry);
        // Type bits too, which we never write.
        header[100..108].copy_from_slice(format!("{:07o}\0", entry.mode).as_bytes());
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend(header);
        if entry.kind == Kind::File {
            bytes.extend_from_slice(b"old");
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
    }
    bytes.extend_from_slice(&END_OF_ARCHIVE);
    Source::from_bytes(&bytes, "app.tar".to_owned(), &std::env::temp_dir()).unwrap()
}

fn of(names: &[&str]) -> Source {
    tar(&names.iter().map(|name| entry(name)).collect::<Vec<_>>())
}

fn put(drafting: &mut Drafting<'_>, name: &str, model: &str) {
    let model = drafting.source.find(model).unwrap();
    drafting.put(name, Content::Bytes(name.into()), model, 9);
}

/// The names of a draft, new ones with a `+`.
fn names(draft: &Draft<'_>) -> String {
    let name = |entry: &DraftEntry| match entry {
        DraftEntry::Kept(index) => draft.source.entries()[*index].name.clone(),
        DraftEntry::New(new) => format!("+{}", new.name),
    };
    draft.entries.iter().map(name).collect::<Vec<_>>().join(" ")
}

#[test]
fn in_an_archive_in_order_new_entries_are_too() {
    let source = of(&["a", "b/", "b/x", "d", "e"]);
    assert!(source.is_walk_ordered());
    let mut drafting = Drafting::new(&source);
    for name in ["c", "b/y", "b/w", "bb", "f", "0", "b/y/z", "d"] {
        put(&mut drafting, name, "e");
    }
    drafting.remove("a");
    let all = "+0 b +b/w b/x +b/y +b/y/z +bb +c +d e +f";
    assert_eq!(names(&drafting.finish()), all);
}

#[test]
fn what_was_put_can_be_put_again_and_removed() {
    for names_there in [&["a", "b", "c"][..], &["c", "b", "a"]] {
        let source = of(names_there);
        let mut drafting = Drafting::new(&source);
        put(&mut drafting, "b", "b");
        put(&mut drafting, "d", "c");
        put(&mut drafting, "dd", "c");
        drafting.put("b", Content::Bytes(b"again".to_vec()), 0, 9);
        drafting.remove("d");
        drafting.remove("never");
        let draft = drafting.finish();
        let is_last = names_there[2] == "c";
        assert_eq!(
            names(&draft),
            if is_last { "a +b c +dd" } else { "c +dd +b a" }
        );
        let contents = draft.entries.iter().filter_map(|entry| match entry {
            DraftEntry::New(new) if new.name == "b" => Some(new.content.clone()),
            _ => None,
        });
        assert_eq!(
            contents.collect::<Vec<_>>(),
            [Content::Bytes(b"again".to_vec())]
        );
        let mut drafting = Drafting::new(&source);
        put(&mut drafting, "b", "b");
        drafting.remove("b");
        put(&mut drafting, "e", "c");
        drafting.remove("e");
        drafting.remove("a");
        assert_eq!(names(&drafting.finish()), "c");
        // What was removed may come back, at the place that its name has now.
        let mut drafting = Drafting::new(&source);
        put(&mut drafting, "b", "b");
        drafting.remove("b");
        put(&mut drafting, "b", "a");
        assert_eq!(
            names(&drafting.finish()),
            if is_last { "a +b c" } else { "c a +b" }
        );
    }
}

#[test]
fn without_order_new_entries_stand_behind_those_of_their_directory_or_their_model() {
    let source = of(&["m.json", "y/", "y/2", "x/", "x/1", "top", "y/1", "last"]);
    assert!(!source.is_walk_ordered());
    for (removed, new, expected) in [
        (
            &[][..],
            &[("y/3", "y/2"), ("y/0", "y/2"), ("x/9", "y/2")][..],
            "m.json y y/2 x x/1 +x/9 top y/1 +y/3 +y/0 last",
        ),
        // Behind the model and what shares its directory.
        (
            &[],
            &[
                ("z/1", "x/1"),
                ("n", "top"),
                ("z/2", "m.json"),
                ("o", "y/2"),
                ("p", "top"),
            ],
            "m.json y y/2 x x/1 +z/1 +z/2 top +n y/1 +o +p last",
        ),
        // Of a directory that is gone only the place is left.
        (
            &["x", "x/1", "y/1"],
            &[("x/2", "x/1"), ("q", "x/1"), ("y/5", "m.json")],
            "m.json y y/2 +y/5 +x/2 +q top last",
        ),
        (
            &["m.json"],
            &[("a", "m.json"), ("b", "m.json")],
            "+a +b y y/2 x x/1 top y/1 last",
        ),
        (
            &["top", "y/1"],
            &[("a", "last"), ("b", "top"), ("c", "m.json"), ("d", "last")],
            "m.json +c y y/2 x x/1 +b last +a +d",
        ),
    ] {
        let mut drafting = Drafting::new(&source);
        for name in removed {
            drafting.remove(name);
        }
        for (name, model) in new {
            put(&mut drafting, name, model);
        }
        assert_eq!(names(&drafting.finish()), expected);
    }
}

#[test]
fn an_entry_that_stands_twice_is_one() {
    for names_there in [&["a", "b", "b", "c"][..], &["c", "b", "a", "b"]] {
        let source = of(names_there);
        let mut drafting = Drafting::new(&source);
        drafting.remove("b");
        assert_eq!(names(&drafting.finish()).replace(' ', "").len(), 2);
        let mut drafting = Drafting::new(&source);
        put(&mut drafting, "b", "c");
        let expected = if names_there[0] == "a" {
            "a +b c"
        } else {
            "c +b a"
        };
        assert_eq!(names(&drafting.finish()), expected);
    }
}

#[test]
fn a_hard_link_whose_target_went_is_a_file_of_its_own() {
    let source = of(&["a", "b = a", "c = b", "d -> a", "e = d", "f"]);
    let freed = |removed: &[&str], put_at: &[&str]| {
        let mut drafting = Drafting::new(&source);
        for name in removed {
            drafting.remove(name);
        }
        for name in put_at {
            put(&mut drafting, name, "f");
        }
        let mut draft = drafting.finish();
        draft.free_links();
        names(&draft)
    };
    assert_eq!(freed(&[], &[]), "a b c d e f");
    assert_eq!(freed(&["a"], &[]), "+b c d e f");
    assert_eq!(freed(&["a", "d"], &[]), "+b c +e f");
    assert_eq!(freed(&["b"], &[]), "a +c d e f");
    assert_eq!(freed(&[], &["a"]), "+a +b c d e f");
    // Under its old name and with its old content it can be linked to.
    let mut drafting = Drafting::new(&source);
    drafting.put("a", Content::Entry(0), 0, 9);
    let mut draft = drafting.finish();
    draft.free_links();
    assert_eq!(names(&draft), "+a b c d e f");
    let mut drafting = Drafting::new(&source);
    drafting.remove("d");
    let mut draft = drafting.finish();
    draft.free_links();
    let freed = draft.entries.iter().find_map(|entry| match entry {
        DraftEntry::New(new) => Some((new.content.clone(), new.mode, new.mtime, new.model)),
        DraftEntry::Kept(_) => None,
    });
    let link = Content::Symlink("a".to_owned());
    assert_eq!(freed, Some((link, 0o640, 7, Some(4))));
}

#[test]
fn directories_come_and_go_with_their_files() {
    let source = of(&["a/", "a/b/", "a/b/x", "a/y", "empty/", "z/", "z/w"]);
    let fitted = |removed: &[&str], new: &[&str]| {
        let mut drafting = Drafting::new(&source);
        for name in removed {
            drafting.remove(name);
        }
        for name in new {
            put(&mut drafting, name, "a/y");
        }
        drafting.fit_directories();
        names(&drafting.finish())
    };
    assert_eq!(fitted(&[], &[]), "a a/b a/b/x a/y empty z z/w");
    assert_eq!(fitted(&["a/b/x"], &[]), "a a/y empty z z/w");
    assert_eq!(fitted(&["a/b/x", "a/y", "z/w"], &[]), "empty");
    assert_eq!(
        fitted(&["a/b/x", "a/y"], &["a/b/n"]),
        "a a/b +a/b/n empty z z/w"
    );
    // A tar need not name them.
    assert_eq!(
        fitted(&[], &["n/m/o"]),
        "a a/b a/b/x a/y empty +n/m/o z z/w"
    );

    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("a")).unwrap();
    fs::write(home.path().join("a/y"), "").unwrap();
    let source = Source::open(home.path(), home.path()).unwrap();
    let mut drafting = Drafting::new(&source);
    for name in ["a/n", "n/m/o", "n/m/p", "q/r", "s/t"] {
        put(&mut drafting, name, "a/y");
    }
    drafting.put("q", Content::Directory, 0, 3);
    drafting.fit_directories();
    let draft = drafting.finish();
    assert_eq!(
        names(&draft),
        "a +a/n a/y +n +n/m +n/m/o +n/m/p +q +q/r +s +s/t"
    );
}

#[test]
fn only_directories_above_files_are_found() {
    let named = ["a", "a/b", "c"].into_iter().enumerate();
    let directories = Directories::new(named);
    let above = |files: &[&str]| {
        let mut found: Vec<usize> = directories
            .above(files.iter().copied())
            .into_iter()
            .collect();
        found.sort_unstable();
        found
    };
    assert_eq!(above(&["a/b/x"]), [0, 1]);
    assert_eq!(above(&["a/b", "x", "c"]), [0]);
    assert_eq!(above(&["c/d/x", "a/x/b/y"]), [0, 2]);
    assert_eq!(above(&[]), Vec::<usize>::new());
}
