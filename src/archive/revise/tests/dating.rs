//! Which times new entries get.

use std::collections::HashMap;

use serde_json::json;

use crate::archive::dialect::state::{Derived, Part, Role, Stamp};
use crate::archive::draft::Content;
use crate::archive::revise::dating::{mtime_of, redated};
use crate::archive::{Archive, Contents, Source};
use crate::image::Config;
use crate::tarball::{END_OF_ARCHIVE, Entry, Mtime, header_group};

/// An archive whose configuration, of that creation, and whose other file have these times.
fn dated(created: i64, of_config: i64, of_file: i64) -> Contents {
    let config = with_creation(created);
    let list = json!([{"Config": "config.json", "RepoTags": null, "Layers": []}]).to_string();
    let mut bytes = Vec::new();
    for (name, content, mtime) in [
        ("config.json", config.as_str(), of_config),
        ("file", "", of_file),
        ("manifest.json", list.as_str(), 0),
    ] {
        let entry = Entry {
            name: name.into(),
            size: content.len() as u64,
            mtime: Mtime::of_seconds(mtime),
            ..Entry::file()
        };
        bytes.extend(header_group(&entry));
        bytes.extend_from_slice(content.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend(END_OF_ARCHIVE);
    let source = Source::from_bytes(&bytes, "a.tar".to_owned(), &std::env::temp_dir());
    Archive::open(source.unwrap()).unwrap().contents
}

fn with_creation(seconds: i64) -> String {
    let created = format!("1970-01-01T00:00:{seconds:02}Z");
    json!({"created": created, "rootfs": {"type": "layers", "diff_ids": []}}).to_string()
}

fn derived(stamp: Stamp) -> Derived {
    let role = Role {
        image: 0,
        part: Part::Config,
    };
    Derived {
        name: "file".to_owned(),
        content: Content::Bytes(Vec::new()),
        role,
        stamp,
    }
}

#[test]
fn times_follow_the_creation_of_an_image_where_they_did() {
    use Stamp::{Created, Fixed, Saved};
    // The image was made at 10 and is made at 20; the configuration and the other file have these times.
    for (of_config, of_file, was, is, as_new, as_kept) in [
        (10, 10, Created, Created, 20, Some(20)),
        (10, 7, Created, Created, 20, None),
        (7, 10, Created, Created, 10, Some(20)),
        (7, 8, Created, Created, 8, None),
        (10, 20, Created, Created, 20, None),
        (10, 10, Fixed, Fixed, 10, None),
        (10, 10, Created, Fixed, 10, None),
        (10, 10, Fixed, Created, 20, None),
        (10, 7, Saved, Saved, 7, None),
        (10, 7, Created, Saved, 20, None),
        (10, 10, Created, Saved, 20, None),
        (7, 8, Created, Saved, 8, None),
        (10, 7, Saved, Created, 20, Some(20)),
        (7, 7, Saved, Created, 7, None),
        (10, 20, Saved, Created, 20, None),
    ] {
        let contents = dated(10, of_config, of_file);
        let mut new = contents.states();
        new[0].config = Config::parse(with_creation(20).as_bytes()).unwrap();
        let index = contents.source.find("file").unwrap();
        let (before, after) = (derived(was), derived(is));
        let parts = HashMap::from([(before.role, &before)]);
        let case = format!("{of_config} {of_file} {was:?} {is:?}");
        let found = mtime_of(&contents, index, &parts, &after, &new);
        assert_eq!(found, as_new, "{case}");
        assert_eq!(
            redated(&contents, index, &before, &after, &new),
            as_kept,
            "{case}"
        );
        // Of what nothing is the model of.
        let found = mtime_of(&contents, index, &HashMap::new(), &after, &new);
        let wanted = if is == Saved && of_config == 10 {
            20
        } else {
            as_new
        };
        assert_eq!(found, wanted, "{case}");
    }
    let contents = dated(10, 10, 7);
    let new = contents.states();
    let index = contents.source.find("file").unwrap();
    let elsewhere = Derived {
        role: Role {
            image: 1,
            part: Part::Config,
        },
        ..derived(Created)
    };
    let found = mtime_of(&contents, index, &HashMap::new(), &elsewhere, &new);
    assert_eq!(found, 7);
    assert_eq!(
        redated(&contents, index, &elsewhere, &derived(Created), &new),
        None
    );
}
