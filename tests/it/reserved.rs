//! Names that are ours, in archives and directories of strangers: refused or carried along, and never acted on.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use ocipatch::digest::Digest;

use crate::binary::{command, listing, write_files};
use crate::edit::Archive;
use crate::random::takes;

/// The shape of a hidden name, for a directory that nobody knows.
const FOREIGN: &str = "0123456789abcdef.fedcba9876543210.ocipatch";
const REJECTED: &str = "apiVersion: ocipatch/v1\noperations: [unset-label: [nonexist]]\n";
const LABEL: &str = "apiVersion: ocipatch/v1\noperations: [set-label: {mylabel: x}]\n";

struct Said {
    code: Option<i32>,
    stderr: String,
}

fn say(home: &Path, line: &str) -> Said {
    let mut command = command();
    let output = command.current_dir(home).args(line.split(' ')).output();
    let output = output.unwrap();
    Said {
        code: output.status.code(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    write_files(
        home.path(),
        &[
            ("rejected.yaml", REJECTED),
            ("label.yaml", LABEL),
            ("precious", "mine\n"),
        ],
    );
    home
}

/// Writes `archive` as a tar and as a directory that `tar` extracted.
fn lay_out(home: &Path, archive: &Archive) {
    fs::write(home.join("app.tar"), archive.to_bytes()).unwrap();
    let app = home.join("app");
    fs::create_dir(&app).unwrap();
    tar::Archive::new(fs::File::open(home.join("app.tar")).unwrap())
        .unpack(&app)
        .unwrap();
}

/// A list that removes and replaces what is there, as a run of ours would write it.
fn list(archive: &Archive) -> Vec<u8> {
    let entries = archive.entries.iter();
    let lines =
        entries.map(|entry| format!("obsolete 1:{}:0:0 {}\n", entry.data.len(), entry.name));
    let lines: String = lines.collect();
    format!("ocipatch change 1\n{lines}obsolete 1:5:0:0 precious\nend\n").into_bytes()
}

#[test]
fn an_archive_with_a_name_of_ours_is_refused_everywhere() {
    let archives = ["docker20.tar", "docker26.tar", "skopeo-oci.tar"];
    for (a, archive) in archives.into_iter().enumerate() {
        for (n, (name, reason)) in [
            (".ocipatch".to_owned(), "reserved for what `unpack` keeps"),
            (
                ".ocipatch/headers".to_owned(),
                "reserved for what `unpack` keeps",
            ),
            (
                ".ocipatch/undo/journal".to_owned(),
                "reserved for what `unpack` keeps",
            ),
            (
                "./.OCIPATCH/headers".to_owned(),
                "reserved for what `unpack` keeps",
            ),
            (format!(".x.{FOREIGN}"), "reserved for temporary files"),
            (
                format!(".change.{FOREIGN}"),
                "interrupted change of another directory",
            ),
            (
                format!(".change.{FOREIGN}/lines"),
                "interrupted change of another directory",
            ),
            (
                format!("blobs/.change.{FOREIGN}/lines"),
                "interrupted change of another directory",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let home = home();
            let mut images = Archive::fixture(archive);
            let list = list(&images);
            images.add(&name, &list);
            lay_out(home.path(), &images);
            fs::write(home.path().join("app/precious"), "mine\n").unwrap();
            let before = listing(home.path());
            for image in ["app.tar", "app"] {
                // In a directory it is what `unpack` leaves there.
                let is_own_directory = image == "app" && name.starts_with(".ocipatch/");
                for (i, line) in [
                    "inspect IMAGE",
                    "verify IMAGE",
                    "plan label.yaml IMAGE",
                    "diff IMAGE IMAGE",
                    "apply label.yaml IMAGE -o out/",
                    "apply label.yaml IMAGE -o -",
                    "apply label.yaml IMAGE --to docker-archive -o out.tar",
                    "apply label.yaml IMAGE --to oci-dir -o out",
                    "apply rejected.yaml IMAGE --in-place",
                    "apply label.yaml IMAGE --in-place",
                    "unpack IMAGE out",
                    "unpack --layers IMAGE out",
                    "pack IMAGE out.tar",
                ]
                .into_iter()
                .enumerate()
                {
                    if is_own_directory || image == "app.tar" && line.starts_with("pack") {
                        continue;
                    }
                    // In turn half of them: each command meets each name. `OCIPATCH_CASES=2` has all meet in each archive.
                    if !takes(a + n + i, 2) {
                        continue;
                    }
                    let said = say(home.path(), &line.replace("IMAGE", image));
                    let what = format!("{archive} {name} {line} {image}: {}", said.stderr);
                    assert_eq!(said.code, Some(3), "{what}");
                    assert!(said.stderr.contains(reason), "{what}");
                    assert_eq!(listing(home.path()), before, "{what}");
                }
            }
        }
    }
}

/// What earlier versions, or other programs, could have called their files is an entry as any other.
#[test]
fn names_that_only_look_like_ours_are_carried_along() {
    for name in [
        ".journal.ocipatch",
        ".index.json.ocipatch",
        ".x.ocipatch",
        "blobs/.ocipatch",
        ".change.0123456789abcdef.ocipatch",
    ] {
        for archive in ["docker20.tar", "skopeo-oci.tar"] {
            let home = home();
            let mut images = Archive::fixture(archive);
            let digest = Digest::of(b"");
            let journal = format!("= {digest} {digest} index.json\n- precious\nend\n");
            images.add(name, journal.as_bytes());
            lay_out(home.path(), &images);
            for line in ["unpack app.tar unpacked", "pack app packed.tar"] {
                assert_eq!(say(home.path(), line).code, Some(0), "{name} {line}");
            }
            fs::write(home.path().join("app/precious"), "mine\n").unwrap();
            let before = listing(home.path());
            let line = "apply rejected.yaml app --in-place";
            assert_eq!(say(home.path(), line).code, Some(1), "{name}");
            assert_eq!(listing(home.path()), before, "{name}");
            for line in [
                "apply label.yaml app --in-place",
                "apply label.yaml app.tar --in-place",
                "apply label.yaml unpacked --in-place",
                "unpack app.tar again",
            ] {
                assert_eq!(say(home.path(), line).code, Some(0), "{name} {line}");
            }
            for directory in ["app", "unpacked", "again"] {
                let kept = fs::read(home.path().join(directory).join(name));
                assert_eq!(kept.unwrap(), journal.as_bytes(), "{directory}");
            }
            let packed = Archive::read(&fs::read(home.path().join("packed.tar")).unwrap());
            assert!(packed.entries.iter().any(|entry| entry.name == name));
            let precious = fs::read(home.path().join("app/precious"));
            assert_eq!(precious.unwrap(), b"mine\n");
        }
    }
}

/// What `unpack` keeps below `.ocipatch` in a directory is not looked into by a run that changes it.
#[test]
fn what_stands_in_our_own_directory_is_not_acted_on() {
    let home = home();
    let images = Archive::fixture("docker20.tar");
    lay_out(home.path(), &images);
    let list = list(&images);
    for name in ["undo/journal", "done/journal", "lines", "change/lines"] {
        let path = home.path().join("app/.ocipatch").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &list).unwrap();
    }
    fs::write(home.path().join("app/precious"), "mine\n").unwrap();
    let before = listing(home.path());
    let line = "apply rejected.yaml app --in-place";
    assert_eq!(say(home.path(), line).code, Some(1));
    assert_eq!(listing(home.path()), before);
    let line = "apply label.yaml app --in-place";
    assert_eq!(say(home.path(), line).code, Some(0));
    let ours = |lines: Vec<String>| {
        let ours = lines.into_iter().filter(|line| line.contains(".ocipatch"));
        ours.collect::<Vec<_>>()
    };
    assert_eq!(ours(listing(home.path())), ours(before));
    assert!(home.path().join("app/precious").exists());
}

/// A link in the place of our own directory would lead `pack` and `unpack` elsewhere.
#[test]
fn our_own_directory_is_no_link_and_no_file() {
    let home = home();
    lay_out(home.path(), &Archive::fixture("docker20.tar"));
    fs::create_dir(home.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", home.path().join("app/.ocipatch")).unwrap();
    let before = listing(home.path());
    for line in [
        "inspect app",
        "pack app out.tar",
        "apply label.yaml app --in-place",
    ] {
        let said = say(home.path(), line);
        assert_eq!(said.code, Some(3), "{line}: {}", said.stderr);
        assert_eq!(listing(home.path()), before);
    }
}

/// `pack` gives back the tar that `unpack` took apart, and nothing that only the kept headers show.
#[test]
fn kept_headers_hide_no_entries() {
    let hidden = {
        let mut archive = Archive {
            entries: Vec::new(),
        };
        archive.add("hidden", b"");
        archive.to_bytes()[..512].to_vec()
    };
    let header_of = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
    for place in ["prelude", "tail", "group", "zeros before"] {
        let home = home();
        let app = Archive::fixture("docker20.tar").to_bytes();
        fs::write(home.path().join("app.tar"), app).unwrap();
        assert_eq!(say(home.path(), "unpack app.tar app").code, Some(0));
        let path = home.path().join("app/.ocipatch/headers");
        let kept = fs::read(&path).unwrap();
        let first = b"ocipatch headers 1\nnone\n".len();
        assert!(kept.starts_with(b"ocipatch headers 1\nnone\n"));
        // Groups follow with their lengths, and behind an empty one what stands before and behind the entries.
        let mut at = first;
        loop {
            let length = u32::from_le_bytes(kept[at..at + 4].try_into().unwrap());
            at += 4;
            if length == 0 {
                break;
            }
            at += usize::try_from(length).unwrap();
        }
        let around = |prelude: &[u8], tail: &[u8]| {
            let mut bytes = kept[..at].to_vec();
            for part in [prelude, tail] {
                bytes.extend((part.len() as u64).to_le_bytes());
                bytes.extend(part);
            }
            bytes
        };
        let planted = match place {
            "prelude" => around(&hidden, &[0; 1024]),
            "zeros before" => around(&[0; 1024], &[0; 1024]),
            "tail" => around(b"", &[&hidden[..], &[0; 1024]].concat()),
            _ => {
                let length = u32::from_le_bytes(kept[first..first + 4].try_into().unwrap());
                let end = first + 4 + usize::try_from(length).unwrap();
                let group = [&kept[first + 4..end], &hidden].concat();
                [
                    &kept[..first],
                    &header_of(group.len()),
                    &group,
                    &kept[end..],
                ]
                .concat()
            }
        };
        fs::write(&path, planted).unwrap();
        let said = say(home.path(), "pack app out.tar");
        assert_eq!(said.code, Some(3), "{place}: {}", said.stderr);
        assert!(
            said.stderr.contains("is damaged"),
            "{place}: {}",
            said.stderr
        );
        assert!(!home.path().join("out.tar").exists());
    }
}
