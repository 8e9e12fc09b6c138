//! The library without the command line: nobody can publish over what was read.

use std::path::{Path, PathBuf};

use ocipatch::apply::{Prepared, prepare};
use ocipatch::archive::{
    Archive, Destination, SideFile, Source, pack, publish, publish_with, unpack, unpack_with_layers,
};
use ocipatch::error::Error;
use ocipatch::gather::{Base, Conditions, Patches, gather};
use ocipatch::ledger::WrittenAs;
use ocipatch::patch::PatchFile;

use super::home::Home;

/// Prepares a patch of a home for an image of it.
fn prepared(home: &Home, patch: &str, image: &str, check: impl Fn(&Prepared<'_>)) {
    let path = home.path(patch);
    let file = PatchFile::parse("fix.yaml", &std::fs::read(&path).unwrap()).unwrap();
    let patches = Patches::from((file, Base::of(&path)));
    let spool = std::env::temp_dir();
    let source = Source::open(&home.path(image), &spool).unwrap();
    let archive = Archive::open(source).unwrap();
    let conditions = Conditions {
        spool: spool.clone(),
        ..Conditions::default()
    };
    let gathered = gather(&patches, &archive, &conditions).unwrap();
    let plan = gathered.plan().unwrap();
    check(&prepare(&plan, &archive, &gathered.opened, &spool).unwrap());
}

#[track_caller]
fn is_conflict(result: Result<(), Error>) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
}

#[test]
fn publishing_over_an_input_is_an_error() {
    let home = Home::new();
    let path = |name: &str| home.path(name);
    let inputs = [
        (
            "patch/sources.yaml",
            "image/in.tar",
            vec!["image/in.tar", "patch/sources.yaml"],
        ),
        (
            "patch/sources.yaml",
            "directory/in",
            vec![
                "directory/in/new",
                "patch/rootfs/files/deep/hello",
                "patch/rootfs/files/new",
                "patch/tars/layer.tar",
                "patch/single/file",
                "patch/diffs/fix.diff",
                "patch/texts/more.txt",
            ],
        ),
        (
            "patch/rebase.yaml",
            "image/app.tar",
            vec!["patch/bases/old.tar", "patch/bases/new/index.json"],
        ),
    ];
    let before = home.state();
    for (patch, image, targets) in inputs {
        prepared(&home, patch, image, |prepared| {
            let draft = &prepared.revision.draft;
            for target in &targets {
                is_conflict(publish(draft, &Destination::File(path(target))));
                let side = SideFile::text(WrittenAs::Iidfile, path(target), "id".to_owned());
                let destination = Destination::File(path("output/out"));
                is_conflict(publish_with(draft, &destination, &[side]));
                let opened = std::fs::OpenOptions::new().append(true).open(path(target));
                if let Ok(file) = opened {
                    is_conflict(publish(draft, &Destination::Stream(file)));
                }
            }
            is_conflict(publish(draft, &Destination::Directory(path("patch"))));
        });
    }
    assert_eq!(home.state(), before);
}

#[test]
fn publishing_twice_into_one_file_is_an_error() {
    let home = Home::new();
    let out = home.path("output/out");
    let side = |role, path: &PathBuf| SideFile::text(role, path.clone(), "text".to_owned());
    prepared(&home, "patch/label.yaml", "image/in.tar", |prepared| {
        let draft = &prepared.revision.draft;
        let destination = Destination::File(out.clone());
        is_conflict(publish_with(
            draft,
            &destination,
            &[side(WrittenAs::Iidfile, &out)],
        ));
        let id = home.path("iid/id");
        // The same role twice is no way around it.
        for role in [WrittenAs::MetadataFile, WrittenAs::Iidfile] {
            let files = [side(WrittenAs::Iidfile, &id), side(role, &id)];
            is_conflict(publish_with(draft, &destination, &files));
        }
        assert!(!out.exists() && !id.exists());
        // One draft may go to several places.
        publish(draft, &destination).unwrap();
        publish(draft, &Destination::File(home.path("output/other"))).unwrap();
        publish(draft, &destination).unwrap();
    });
}

#[test]
fn packing_and_unpacking_over_the_input_is_an_error() {
    let home = Home::new();
    let open = |path: &str| Source::open(&home.path(path), &std::env::temp_dir()).unwrap();
    let directory = home.path("directory/in");
    let before = home.state();
    for output in [
        "directory/in/new",
        "directory/in/index.json",
        "directory/in/.ocipatch",
    ] {
        is_conflict(pack(&open("directory/in"), &directory, &home.path(output)));
    }
    for output in ["directory/in/new", "directory/in", "directory"] {
        is_conflict(unpack(&open("directory/in"), &home.path(output)));
        let unpacked = unpack_with_layers(open("directory/in"), &home.path(output));
        is_conflict(unpacked.map(drop));
    }
    is_conflict(unpack(
        &open("image/in.tar"),
        Path::new(&home.path("image/in.tar")),
    ));
    assert_eq!(home.state(), before);
}
