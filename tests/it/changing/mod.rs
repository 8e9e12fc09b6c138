//! Inputs that change between planning and writing, or while they are copied: an error that names the file and what
//! changed, and nothing is written.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod stopped;

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use ocipatch::apply::prepare;
use ocipatch::archive::{self, Archive, Destination, Replaced, Source, publish};
use ocipatch::compression::Compression;
use ocipatch::diff::{Difference, DifferencePatch, PatchStyle};
use ocipatch::error::Error;
use ocipatch::gather::{self, Base, Conditions, Patches};
use ocipatch::patch::PatchFile;

use crate::binary::{listing, write_files};
use crate::nothing_lost::{home, run};

const LABEL: &str = "  - set-label: { mylabel: other }\n";

/// Changes the first byte and puts both times back: only the time that nobody can set tells of it.
fn change_slyly(path: &Path) {
    let metadata = fs::metadata(path).unwrap();
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut first = [0];
    file.read_exact_at(&mut first, 0).unwrap();
    file.write_all_at(&[first[0] ^ 1], 0).unwrap();
    let times = fs::FileTimes::new()
        .set_accessed(metadata.accessed().unwrap())
        .set_modified(metadata.modified().unwrap());
    file.set_times(times).unwrap();
    let now = fs::metadata(path).unwrap();
    assert_eq!((now.len(), now.mtime()), (metadata.len(), metadata.mtime()));
}

fn append(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes.push(0);
    fs::write(path, bytes).unwrap();
}

fn replace(path: &Path) {
    let other = path.with_extension("other");
    fs::copy(path, &other).unwrap();
    fs::rename(other, path).unwrap();
}

fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

type Change = fn(&Path);

/// What somebody may do to a file, and what is said then: of one that is open, and of one that is looked up.
const CHANGES: [(Change, &str, &str); 4] = [
    (
        change_slyly,
        "its status change time is different",
        "its status change time is different",
    ),
    (append, "its size is ", "its size is "),
    // Whoever has it open reads the old one to its end.
    (replace, "", "another file has its name"),
    (remove, "", "it no longer exists"),
];

/// Plans `operations` for `image`, has `change` change something, and publishes.
fn publish_after(
    home: &Path,
    operations: &str,
    image: &str,
    destination: &Destination,
    change: impl FnOnce(),
) -> Result<(), Error> {
    let text = format!("apiVersion: ocipatch/v1\noperations:\n{operations}");
    let file = PatchFile::parse("fix.yaml", text.as_bytes()).unwrap();
    let patches = Patches::from((file, Base::of(&home.join("fix.yaml"))));
    let archive = Archive::open(Source::open(&home.join(image), home)?)?;
    let conditions = Conditions {
        spool: home.to_owned(),
        ..Conditions::default()
    };
    let gathered = gather::gather(&patches, &archive, &conditions)?;
    let plan = gathered.plan().unwrap();
    let prepared = prepare(&plan, &archive, &gathered.opened, home)?;
    change();
    publish(&prepared.revision.draft, destination)
}

/// Whether an error says that `path` changed, and how.
#[track_caller]
fn assert_told(result: Result<(), Error>, path: &Path, what: &str) {
    let error = result.expect_err(what).to_string();
    let start = format!("`{}` changed while it was read: {what}", path.display());
    assert!(error.starts_with(&start), "{error}\nnot {start}");
}

/// Files of an input are tried with every change: `changed` is the file, `operations` what reads it.
fn each_change(operations: &str, image: &str, changed: &str, is_open: bool) {
    for (change, of_open, of_name) in CHANGES {
        let what = if is_open { of_open } else { of_name };
        if what.is_empty() {
            continue;
        }
        for output in ["out.tar", "out"] {
            let home = furnished();
            let place = |name: &str| home.path().join(name);
            let destination = if output == "out" {
                Destination::Directory(place(output))
            } else {
                Destination::File(place(output))
            };
            let before = listing(home.path());
            let mut after = Vec::new();
            let result = publish_after(home.path(), operations, image, &destination, || {
                change(&place(changed));
                after = listing(home.path());
            });
            assert_told(
                result,
                &place(changed).canonicalize().unwrap_or(place(changed)),
                what,
            );
            assert_eq!(listing(home.path()), after, "{changed} {what}");
            let is_same = after == before;
            assert!(
                !is_same || what.contains("another file"),
                "{changed} {what}"
            );
        }
    }
}

fn furnished() -> tempfile::TempDir {
    let home = home("skopeo-oci.tar");
    write_files(
        home.path(),
        &[
            ("rootfs/etc/large", &"x".repeat(100_000)),
            ("single", "a file\n"),
        ],
    );
    let bytes = fs::read(home.path().join("app.tar")).unwrap();
    let mut encoder = Compression::Gzip.encoder(Vec::new()).unwrap();
    std::io::Write::write_all(&mut encoder, &bytes).unwrap();
    fs::write(home.path().join("app.tar.gz"), encoder.finish().unwrap()).unwrap();
    let mut layer = tar::Builder::new(Vec::new());
    layer
        .append_dir_all("tree", home.path().join("rootfs"))
        .unwrap();
    fs::write(home.path().join("layer.tar"), layer.into_inner().unwrap()).unwrap();
    run(home.path(), "apply label.yaml app.tar -o base/");
    // A base with a layer more.
    run(home.path(), "apply fix.yaml app.tar -o base.tar");
    run(home.path(), "apply fix.yaml app.tar -o onto/");
    home
}

fn layer_of(home: &Path, layout: &str) -> String {
    let blobs = fs::read_dir(home.join(layout).join("blobs/sha256")).unwrap();
    let mut names: Vec<String> = blobs
        .map(|blob| blob.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("0e70106a"))
        .collect();
    format!(
        "{layout}/blobs/sha256/{}",
        names.pop().expect("the larger layer")
    )
}

#[test]
fn a_tar_that_changes_is_told() {
    each_change(LABEL, "app.tar", "app.tar", true);
    each_change(LABEL, "app.tar.gz", "app.tar.gz", true);
}

#[test]
fn a_file_of_a_directory_that_changes_is_told() {
    each_change(LABEL, "app", "app/index.json", false);
    each_change(LABEL, "app", &layer_of(furnished().path(), "app"), false);
}

/// Plain layers are read once more when they are written, by what planning saw of their sources.
#[test]
fn a_source_of_a_layer_that_changes_is_told() {
    let of_a_directory = "  - add-layer: { from: rootfs, compression: none }\n";
    let of_a_file = "  - add-layer: { files: [{ path: /x, from: single }], compression: none }\n";
    for (operations, changed) in [(of_a_directory, "rootfs/etc/large"), (of_a_file, "single")] {
        for (change, _, what) in [CHANGES[0], CHANGES[1], CHANGES[2]] {
            let home = furnished();
            let place = home.path().join(changed);
            let destination = Destination::File(home.path().join("out.tar"));
            let result = publish_after(home.path(), operations, "app.tar", &destination, || {
                change(&place);
            });
            assert_told(result, &place.canonicalize().unwrap(), what);
            assert!(!home.path().join("out.tar").exists());
        }
    }
    let of_a_tar = "  - add-layer: { from: layer.tar, to: /, compression: none }\n";
    each_change(of_a_tar, "app.tar", "layer.tar", true);
    let as_is = "  - add-layer: { from: layer.tar, as-is: true, compression: none }\n";
    each_change(as_is, "app.tar", "layer.tar", true);
}

/// What only reads tells nothing of a mixture.
#[test]
fn an_archive_that_changes_is_neither_compared_nor_planned_for() {
    for image in ["app.tar", "app.tar.gz"] {
        let home = furnished();
        let place = home.path().join(image);
        let open = |name: &str| {
            let source = Source::open(&home.path().join(name), home.path()).unwrap();
            Archive::open(source).unwrap()
        };
        let (old, new) = (open(image), open("base.tar"));
        change_slyly(&place);
        let what = "its status change time is different";
        let told = |result: Result<(), Error>| assert_told(result, &place, what);
        told(Difference::between(&old, &new, true).map(drop));
        told(Difference::between(&new, &old, true).map(drop));
        let style = PatchStyle {
            expects_old: false,
            layers: Some("layers".to_owned()),
        };
        told(DifferencePatch::between(&old, &new, &style).map(drop));
        told(gather::gather(&Patches::default(), &old, &Conditions::default()).map(drop));
    }
}

#[test]
fn a_base_that_changes_is_told() {
    let onto_a_tar = "  - rebase: { from: base, onto: base.tar }\n";
    each_change_of_base(onto_a_tar, "base.tar", true);
    let onto_a_directory = "  - rebase: { from: base, onto: onto }\n";
    let home = furnished();
    let blobs = fs::read_dir(home.path().join("onto/blobs/sha256")).unwrap();
    let mut names = blobs.map(|blob| blob.unwrap().file_name().into_string().unwrap());
    // The layer that only the new base has; it begins as gzip does.
    let is_new = |name: &String| {
        let bytes = fs::read(home.path().join("onto/blobs/sha256").join(name)).unwrap();
        bytes.starts_with(&[0x1f, 0x8b])
            && !home.path().join("app/blobs/sha256").join(name).exists()
    };
    let layer = format!("onto/blobs/sha256/{}", names.find(is_new).unwrap());
    each_change_of_base(onto_a_directory, &layer, false);
}

fn each_change_of_base(operations: &str, changed: &str, is_open: bool) {
    for (change, of_open, of_name) in CHANGES {
        let what = if is_open { of_open } else { of_name };
        if what.is_empty() {
            continue;
        }
        let home = furnished();
        let place = home.path().join(changed);
        let destination = Destination::File(home.path().join("out.tar"));
        let operations = format!("{operations}{LABEL}");
        let result = publish_after(home.path(), &operations, "base", &destination, || {
            change(&place);
        });
        let error = result.expect_err(what).to_string();
        assert!(error.contains("changed while it was read"), "{error}");
        assert!(error.contains(what), "{error}");
        assert!(!home.path().join("out.tar").exists());
    }
}

#[test]
fn what_is_changed_in_place_is_still_what_was_read() {
    for image in ["app.tar", "app.tar.gz", "app"] {
        let changes: [(Change, &str); 3] = [
            (change_slyly, "its status change time is different"),
            (append, "its size is "),
            // The file that is open has lost its name, which dates it.
            (
                replace,
                if image == "app" {
                    "another file has its name"
                } else {
                    "its status"
                },
            ),
        ];
        for (change, what) in changes {
            let home = furnished();
            let place = |name: &str| home.path().join(name);
            let changed = if image == "app" {
                "app/index.json"
            } else {
                image
            };
            let destination = Destination::InPlace(place(image), Replaced::Removed);
            let mut after = Vec::new();
            let result = publish_after(home.path(), LABEL, image, &destination, || {
                change(&place(changed));
                after = listing(home.path());
            });
            assert_told(result, &place(changed), what);
            assert_eq!(listing(home.path()), after, "{image} {what}");
        }
    }
}

#[test]
fn a_directory_that_was_moved_away_is_not_changed() {
    let home = furnished();
    let place = |name: &str| home.path().join(name);
    let destination = Destination::InPlace(place("app"), Replaced::Removed);
    let mut after = Vec::new();
    let result = publish_after(home.path(), LABEL, "app", &destination, || {
        fs::rename(place("app"), place("moved")).unwrap();
        fs::rename(place("base"), place("app")).unwrap();
        after = listing(home.path());
    });
    assert_told(result, &place("app"), "another directory has its name");
    assert_eq!(listing(home.path()), after);
}

/// The writer waits for the reader of a pipe, which changes the input before it reads on.
#[test]
fn what_changes_while_it_is_copied_is_told() {
    for image in ["app.tar", "app"] {
        let home = home("docker26.tar");
        let mut large = crate::edit::Archive::fixture("docker26.tar");
        // More than a pipe holds.
        large.entry("e389ba").data.resize(1 << 20, 0);
        large.repair();
        fs::write(home.path().join("app.tar"), large.to_bytes()).unwrap();
        fs::remove_dir_all(home.path().join("app")).unwrap();
        run(home.path(), "unpack app.tar app");
        let changed: PathBuf = if image == "app" {
            let blobs = fs::read_dir(home.path().join("app/blobs/sha256")).unwrap();
            let mut blobs = blobs.map(|blob| blob.unwrap().path());
            blobs
                .find(|blob| fs::metadata(blob).unwrap().len() == 1 << 20)
                .unwrap()
        } else {
            home.path().join(image)
        };
        let (mut reader, writer) = std::io::pipe().unwrap();
        let destination = Destination::Stream(File::from(std::os::fd::OwnedFd::from(writer)));
        let result = std::thread::scope(|scope| {
            let place = changed.clone();
            let reading = scope.spawn(move || {
                let mut first = [0; 1000];
                reader.read_exact(&mut first).unwrap();
                change_slyly(&place);
                std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
            });
            let result = publish_after(home.path(), LABEL, image, &destination, || ());
            drop(destination);
            reading.join().unwrap();
            result
        });
        assert_told(result, &changed, "its status change time is different");
    }
}

/// What a patch takes a diff from is read once, and must stay the same meanwhile.
#[test]
fn a_source_is_opened_as_it_was_found() {
    let home = furnished();
    let source = Source::open(&home.path().join("app.tar"), home.path()).unwrap();
    source.check().unwrap();
    change_slyly(&home.path().join("app.tar"));
    assert_told(
        source.check(),
        &home.path().join("app.tar"),
        "its status change time is different",
    );
    let unpacked = archive::unpack(&source, &home.path().join("out"));
    assert_told(
        unpacked,
        &home.path().join("app.tar"),
        "its status change time is different",
    );
    assert!(!home.path().join("out").exists());
}
