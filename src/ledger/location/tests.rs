//! Locations: which are one file, and which are below others.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::{Location, LocationKind};

#[test]
fn a_stream_is_itself_and_no_other() {
    let (output, error) = (Location::standard_output(), Location::standard_error());
    let other = Location::of_open(&std::io::stdout(), "x");
    assert!(output.is_same_stream(&Location::standard_output()));
    assert!(error.is_same_stream(&Location::standard_error()));
    assert!(
        !output.is_same_stream(&error)
            && !other.is_same_stream(&other)
            && !output.is_same_stream(&other)
    );
    assert!(error.is_standard_error() && !output.is_standard_error() && !other.is_standard_error());
    assert_eq!(
        (output.shown(), error.shown()),
        ("standard output", "standard error")
    );
    assert!(output.is_open() && other.is_open());
}

#[test]
fn what_is_not_there_yet_is_below_what_its_name_says() {
    let home = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        std::fs::create_dir(home.path().join(name)).unwrap();
    }
    let at = |name: &str| Location::of(&home.path().join(name));
    for (name, directory, below) in [
        ("one/new/a/b", "one/new", Some("a/b")),
        ("one/new/a", "one", Some("new/a")),
        ("one/new", "one/new", None),
        ("one/new", "one/new/a", None),
        ("one/new/a/b", "two/new", None),
        ("one/newer/a", "one/new", None),
    ] {
        let found = at(name).path_below(&at(directory));
        let found = found.as_ref().map(|path| path.to_str().unwrap());
        assert_eq!(found, below, "{name} {directory}");
    }
}

#[test]
fn a_file_is_the_one_that_was_opened_while_it_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for name in ["a", "b"] {
        std::fs::write(at(name), "").unwrap();
    }
    let (a, b) = (Location::of(&at("a")), Location::of(&at("b")));
    assert!(a.is(&Location::of(&at("a"))) && !a.is(&b));
    assert!(a.is_file() && !a.is_open() && !Location::of(directory.path()).is_file());
    let file = std::fs::File::open(at("a")).unwrap();
    let open = Location::opened_at(&at("a"), &file);
    assert!(open.is(&a) && a.is(&open) && !open.is(&b));
    // The one that is open has another name, and its old name another file.
    std::fs::rename(at("a"), at("c")).unwrap();
    std::fs::rename(at("b"), at("a")).unwrap();
    let (now, moved) = (Location::of(&at("a")), Location::of(&at("c")));
    assert!(open.is(&moved) && Location::of_open(&file, "x").is(&moved));
    assert!(!Location::of_open(&file, "x").is(&now));
    // What was found by its name alone is another file now.
    assert!(!a.is(&moved) && !moved.is(&a) && a.is(&now));
    // Two names of files that are not there yet are one file if the names are.
    assert!(Location::of(&at("new")).is(&Location::of(&directory.path().join("./new"))));
    assert!(!Location::of(&at("new")).is(&Location::of(&at("newer"))));
    assert_eq!(
        Location::of(directory.path()).kind(),
        Some(LocationKind::Directory)
    );
}

#[test]
fn each_kind_of_file_is_known() {
    use std::os::unix::net::UnixListener;

    let home = tempfile::tempdir().unwrap();
    let _listener = UnixListener::bind(home.path().join("socket")).unwrap();
    std::fs::write(home.path().join("file"), "").unwrap();
    for (name, kind) in [
        ("socket", LocationKind::Socket),
        ("file", LocationKind::File),
        ("", LocationKind::Directory),
    ] {
        let location = Location::of(&home.path().join(name));
        assert_eq!(location.kind(), Some(kind), "{name}");
    }
    let null = Location::of(std::path::Path::new("/dev/null"));
    assert_eq!(null.kind(), Some(LocationKind::CharDevice));
    let (reader, _writer) = std::io::pipe().unwrap();
    let pipe = Location::of_open(&reader, "pipe");
    assert_eq!(pipe.kind(), Some(LocationKind::Pipe));
}
