//! What new entries wear, and how much is written.

use std::fs;
use std::path::Path;

use super::super::drafting::Drafting;
use super::super::{Content, Draft, DraftEntry};
use super::{of, tar};
use crate::archive::source::Source;
use crate::compression::Compression;
use crate::tarball::{Entry, Kind, Mtime, Stream, TarReader};

/// Docker before 25 wrote the bits of the file type too.
#[test]
fn a_new_entry_has_the_mode_of_its_model_and_the_type_bits_if_that_has() {
    for bits in [false, true] {
        let mode = |mode: u32| if bits { mode } else { mode & 0o7777 };
        let at = |name: &str, kind, mode: u32| Entry {
            name: name.as_bytes().to_vec(),
            link_name: if kind == Kind::Symlink {
                b"file".to_vec()
            } else {
                Vec::new()
            },
            kind,
            size: if kind == Kind::File { 3 } else { 0 },
            mode,
            ..Entry::file()
        };
        let source = tar(&[
            at("directory/", Kind::Directory, mode(0o40_700)),
            at("file", Kind::File, mode(0o100_604)),
            at("link", Kind::Symlink, mode(0o120_755)),
        ]);
        let file = source.find("file").unwrap();
        let text = || Content::Bytes(Vec::new());
        let link = || Content::Symlink("file".to_owned());
        for (content, model, expected) in [
            (Content::Directory, "directory", 0o40_700),
            (Content::Directory, "file", 0o40_755),
            (text(), "file", 0o100_604),
            (text(), "directory", 0o100_644),
            (Content::Stored(0), "file", 0o100_604),
            (Content::Stored(0), "link", 0o100_644),
            (link(), "link", 0o120_755),
            (link(), "file", 0o120_777),
            (Content::Entry(file), "link", 0o100_604),
        ] {
            let mut drafting = Drafting::new(&source);
            drafting.put("new", content.clone(), source.find(model).unwrap(), 9);
            let draft = drafting.finish();
            let Some(DraftEntry::New(new)) = draft.entries.last() else {
                panic!("{content:?}");
            };
            assert_eq!(new.mode, mode(expected), "{content:?} {model}");
            assert_eq!((new.mtime, new.model), (9, source.find(model)));
        }
    }
}

#[test]
fn a_draft_knows_how_much_it_writes_and_whether_it_changes_anything() {
    let source = of(&["./a", "./b"]);
    let mut draft = Draft::keep_all(&source);
    assert!(draft.is_unchanged());
    assert_eq!(draft.tar_bytes(), Some(4 * 512 + 1024));
    assert_eq!(draft.n_bytes(), 4 * 512 + 1024);
    draft.push("new", Content::Bytes(vec![0; 513]));
    draft.push("copy", Content::Entry(0));
    draft.push("directory", Content::Directory);
    assert_eq!(
        draft.tar_bytes(),
        Some(4 * 512 + 1024 + 9 * 512 + 1024 + 512)
    );
    assert!(!draft.is_unchanged());
    draft.entries.truncate(1);
    assert!(!draft.is_unchanged());
    let anew = Draft::anew(&source);
    assert!(!anew.is_unchanged() && anew.around().is_none() && draft.around().is_some());
    assert_eq!(anew.compression(), Compression::None);
    let mut draft = Draft::anew(&source);
    draft.push("new", Content::Bytes(vec![0; 3]));
    assert_eq!(draft.tar_bytes(), Some(4 * 512));
    draft.check_form().unwrap();
    draft.lacks_form = true;
    draft.check_form().unwrap_err();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("file"), "old").unwrap();
    let source = Source::open(home.path(), home.path()).unwrap();
    let mut draft = Draft::keep_all(&source);
    draft.push("new", Content::Bytes(vec![0; 9]));
    assert_eq!((draft.tar_bytes(), draft.n_bytes()), (None, 12));
}

fn read(header: &[u8]) -> Entry {
    let read = TarReader::new(Stream(header)).next();
    read.unwrap().unwrap()
}

#[test]
fn a_new_header_is_dressed_as_its_model() {
    let source = of(&["./a", "b"]);
    for (model, content, name) in [
        ("a", Content::Bytes(b"12".to_vec()), "./new"),
        ("b", Content::Bytes(b"12".to_vec()), "new"),
        ("a", Content::Directory, "./new/"),
        ("b", Content::Directory, "new/"),
        ("b", Content::Symlink("a".to_owned()), "new"),
        ("b", Content::Entry(0), "new"),
    ] {
        let mut drafting = Drafting::new(&source);
        drafting.put("new", content.clone(), source.find(model).unwrap(), 9);
        let draft = drafting.finish();
        let Some(DraftEntry::New(new)) = draft.entries.last() else {
            panic!("{name}");
        };
        let found = read(&draft.header(new).unwrap());
        assert_eq!(
            (found.name.as_slice(), found.mtime.seconds),
            (name.as_bytes(), 9)
        );
        let target = match content {
            Content::Symlink(_) => &b"a"[..],
            _ => b"",
        };
        assert_eq!(found.kind, content.kind());
        assert_eq!(found.link_name, target);
        let size = match content {
            Content::Bytes(_) => 2,
            Content::Entry(_) => 3,
            _ => 0,
        };
        assert_eq!((found.size, found.mode), (size, new.mode));
    }
}

#[test]
fn a_file_of_a_directory_gets_the_header_that_tar_would_give_it() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::create_dir(at("d")).unwrap();
    fs::write(at("file"), "old").unwrap();
    symlink("file", at("link")).unwrap();
    let file = fs::File::options().write(true).open(at("file")).unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o604))
        .unwrap();
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(9);
    file.set_modified(time).unwrap();
    fs::set_permissions(at("d"), fs::Permissions::from_mode(0o750)).unwrap();
    let source = Source::open(home.path(), Path::new("/")).unwrap();
    let draft = Draft::keep_all(&source);
    let header = |name: &str| read(&draft.header_on_disk(source.find(name).unwrap()));
    let (directory, file, link) = (header("d"), header("file"), header("link"));
    assert_eq!(
        (directory.name.as_slice(), directory.kind, directory.size),
        (&b"d/"[..], Kind::Directory, 0)
    );
    assert_eq!(directory.mode & 0o7777, 0o750);
    assert_eq!(
        (file.name.as_slice(), file.kind, file.size),
        (&b"file"[..], Kind::File, 3)
    );
    assert_eq!(
        (file.mode & 0o7777, file.mtime),
        (0o604, Mtime::of_seconds(9))
    );
    assert_eq!(
        (link.name.as_slice(), link.kind),
        (&b"link"[..], Kind::Symlink)
    );
    assert_eq!((link.link_name.as_slice(), link.size), (&b"file"[..], 0));
}
