//! What is written into `repositories`, and which times new entries get.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::Derivation;
use super::dating::{mtime_of, redated};
use super::repositories::repositories;
use crate::archive::dialect::Facts;
use crate::archive::dialect::state::{Derived, Files as DerivedFiles, Part, Paths, Role, Stamp};
use crate::archive::draft::Content;
use crate::archive::tests::{Files, parsed};
use crate::archive::{Archive, Contents, Described, Source};
use crate::digest::Digest;
use crate::image::Config;
use crate::image::json::Document;
use crate::reference::Reference;
use crate::tarball::{END_OF_ARCHIVE, Entry, Mtime, header_group};

/// One image: its names, as `app:1 b:2`, and what `repositories` says of them; nothing if the writer's ids are not known.
type Told<'a> = (&'a str, &'a str);

fn tags(text: &str) -> Vec<Reference> {
    let tags = text.split_whitespace();
    tags.map(|tag| Reference::parse(tag).unwrap()).collect()
}

/// What each image has a layer with: its directory is `d0`, or `n0` once it is changed.
fn files(images: &[Told<'_>], directory: &str) -> DerivedFiles {
    let mut files = DerivedFiles::default();
    for (i, (_, top)) in images.iter().enumerate() {
        files.paths.push(Paths {
            config: String::new(),
            layers: vec![format!("{directory}{i}/layer.tar")],
            top: (*top).to_owned(),
        });
    }
    files
}

struct Case {
    /// As Docker's own store has it.
    is_docker: bool,
    is_repair: bool,
    /// The names of what cannot be read.
    unread: &'static str,
}

const DOCKER: Case = Case {
    is_docker: true,
    is_repair: false,
    unread: "",
};
const OTHER: Case = Case {
    is_docker: false,
    ..DOCKER
};
const REPAIR: Case = Case {
    is_repair: true,
    ..DOCKER
};

/// The archive with an image of one layer for each.
fn contents(n_images: usize, unread: &str) -> (Contents, &'static Facts) {
    let mut archive = Files::default();
    let mut items = Vec::new();
    for i in 0..n_images {
        let layer = vec![0; 1024 + 512 * i];
        let config = json!({"author": i.to_string(), "rootfs": {
            "type": "layers", "diff_ids": [Digest::of(&layer).to_string()],
        }});
        let (name, path) = (format!("{i}.json"), format!("d{i}/layer.tar"));
        archive.put(&name, config.to_string().as_bytes());
        archive.put(&path, &layer);
        items.push(json!({"Config": name, "RepoTags": null, "Layers": [path]}));
    }
    archive.put("manifest.json", json!(items).to_string().as_bytes());
    let archive = archive.archive().unwrap();
    let facts = archive.dialect.facts();
    let mut contents = archive.contents;
    contents.items.push(Described {
        images: Vec::new(),
        tags: tags(unread),
        held: Vec::new(),
    });
    (contents, facts)
}

/// Returns `repositories` after a change, and whether it was said to be wrong. A new id that ends in `!` is of an image that
/// changes, and so has another layer.
fn revised(
    case: &Case,
    document: Option<&Json>,
    old: &[Told<'_>],
    new: &[Told<'_>],
) -> (String, bool) {
    let (contents, facts) = contents(old.len(), case.unread);
    assert_eq!(contents.images.len(), old.len());
    let facts: &'static Facts = Box::leak(Box::new(Facts {
        is_of_dockers_store: case.is_docker,
        ..*facts
    }));
    let mut before = contents.states();
    for (state, (names, _)) in before.iter_mut().zip(old) {
        state.tags = tags(names);
    }
    let mut after = before.clone();
    let mut told = Vec::new();
    for (state, (names, top)) in after.iter_mut().zip(new) {
        state.tags = tags(names);
        if let Some(top) = top.strip_suffix('!') {
            state.image_id = Digest::of(b"new");
            let diff_id = Digest::of(b"new layer").to_string();
            state.layers[0].diff_id = crate::digest::DiffId::parse(&diff_id).unwrap();
            told.push((*names, top));
        } else {
            told.push((*names, *top));
        }
    }
    let is_changed = new.iter().any(|(_, top)| top.ends_with('!'));
    let (old_files, new_files) = (
        files(old, "d"),
        files(&told, if is_changed { "n" } else { "d" }),
    );
    let derivation = Derivation {
        contents: &contents,
        facts,
        old: &before,
        new: &after,
        old_files: &old_files,
        new_files: &new_files,
        is_repair: case.is_repair,
    };
    let mut notes = Vec::new();
    let document: Option<Document> = document.map(parsed);
    let found = repositories(&derivation, document.as_ref(), &mut notes);
    let text = found.map(|document| String::from_utf8(document.to_bytes()).unwrap());
    (text.unwrap_or_default(), !notes.is_empty())
}

#[test]
fn repositories_follows_the_names_and_ids_of_images() {
    let diff_id = |i: usize| Digest::of(&vec![0; 1024 + 512 * i]).hex();
    let new_diff_id = Digest::of(b"new layer").hex();
    let one = json!({"app": {"1": "t"}});
    let unread = Case {
        unread: "u:1",
        ..DOCKER
    };
    for (case, document, old, new, wanted, is_wrong) in [
        // Names and ids.
        (
            &DOCKER,
            Some(one.clone()),
            &[("app:1", "t")][..],
            &[("app:1", "t")][..],
            one.to_string(),
            false,
        ),
        (
            &DOCKER,
            Some(one.clone()),
            &[("app:1", "t")],
            &[("app:1", "n!")],
            r#"{"app":{"1":"n"}}"#.to_owned(),
            false,
        ),
        (
            &DOCKER,
            Some(one.clone()),
            &[("app:1", "t")],
            &[("app:2", "t")],
            r#"{"app":{"2":"t"}}"#.to_owned(),
            false,
        ),
        (
            &DOCKER,
            Some(one.clone()),
            &[("app:1", "t")],
            &[("app:1 b:2", "t")],
            r#"{"app":{"1":"t"},"b":{"2":"t"}}"#.to_owned(),
            false,
        ),
        (
            &DOCKER,
            Some(one.clone()),
            &[("app:1", "t")],
            &[("", "t")],
            String::new(),
            false,
        ),
        (
            &OTHER,
            Some(one.clone()),
            &[("app:1", "t")],
            &[("", "t")],
            "{}".to_owned(),
            false,
        ),
        (
            &DOCKER,
            Some(json!({"app": {"1": "t", "2": "u"}})),
            &[("app:1", "t"), ("app:2", "u")],
            &[("app:2", "t"), ("app:1", "u")],
            r#"{"app":{"1":"u","2":"t"}}"#.to_owned(),
            false,
        ),
        (
            &DOCKER,
            Some(json!({"docker.io/library/app": {"1": "t"}})),
            &[("app:1", "t")],
            &[("app:1", "n!")],
            r#"{"docker.io/library/app":{"1":"n"}}"#.to_owned(),
            false,
        ),
        // Where there is none.
        (
            &DOCKER,
            None,
            &[("", "t")],
            &[("app:1", "t")],
            "{\"app\":{\"1\":\"t\"}}\n".to_owned(),
            false,
        ),
        (
            &DOCKER,
            None,
            &[("", "t")],
            &[("", "t")],
            String::new(),
            false,
        ),
        (
            &DOCKER,
            None,
            &[("b:1", "t")],
            &[("app:1", "t")],
            String::new(),
            false,
        ),
        (
            &OTHER,
            None,
            &[("", "t")],
            &[("app:1", "t")],
            String::new(),
            false,
        ),
        // Wrong, which matters once an image changes.
        (
            &DOCKER,
            Some(json!({"app": {"1": "x"}})),
            &[("app:1", "t")],
            &[("app:1", "t")],
            r#"{"app":{"1":"x"}}"#.to_owned(),
            false,
        ),
        (
            &DOCKER,
            Some(json!({"app": {"1": "x"}})),
            &[("app:1", "t")],
            &[("app:1", "n!")],
            r#"{"app":{"1":"n"}}"#.to_owned(),
            true,
        ),
        (
            &DOCKER,
            Some(json!({"app": {"1": "x"}})),
            &[("app:1", "t")],
            &[("app:2", "t")],
            r#"{"app":{"2":"t"}}"#.to_owned(),
            true,
        ),
        (
            &DOCKER,
            Some(json!({"app": {"1": "t", "9": "z"}, "b": {"1": "z"}})),
            &[("app:1", "t")],
            &[("app:1", "n!")],
            r#"{"app":{"1":"n"}}"#.to_owned(),
            true,
        ),
        (
            &DOCKER,
            Some(json!({"app": {"1": "t"}})),
            &[("app:1", "t"), ("b:1", "u")],
            &[("app:1", "n!"), ("b:1", "u")],
            r#"{"app":{"1":"n"},"b":{"1":"u"}}"#.to_owned(),
            true,
        ),
        // What cannot be read keeps its names.
        (
            &unread,
            Some(json!({"app": {"1": "t"}, "u": {"1": "z"}})),
            &[("app:1", "t")],
            &[("app:1", "n!")],
            r#"{"app":{"1":"n"},"u":{"1":"z"}}"#.to_owned(),
            false,
        ),
        (
            &unread,
            Some(json!({"app": {"1": "t"}, "u": {"1": "z", "2": "z"}})),
            &[("app:1", "t")],
            &[("app:1", "n!")],
            r#"{"app":{"1":"n"},"u":{"1":"z"}}"#.to_owned(),
            true,
        ),
        // Ids of an unknown writer stay, unless they are those of the top layer.
        (
            &OTHER,
            Some(one.clone()),
            &[("app:1", "")],
            &[("app:1", "!")],
            one.to_string(),
            false,
        ),
        (
            &OTHER,
            Some(one.clone()),
            &[("app:1", "")],
            &[("app:2", "!")],
            r#"{"app":{"2":"t"}}"#.to_owned(),
            false,
        ),
        (
            &OTHER,
            Some(json!({"app": {"1": "d0"}})),
            &[("app:1", "")],
            &[("app:1", "!")],
            r#"{"app":{"1":"n0"}}"#.to_owned(),
            false,
        ),
        (
            &OTHER,
            Some(json!({"app": {"1": diff_id(0)}})),
            &[("app:1", "")],
            &[("app:1", "!")],
            json!({"app": {"1": new_diff_id}}).to_string(),
            false,
        ),
        // A repair asks for what is meant.
        (
            &REPAIR,
            Some(one.clone()),
            &[("app:1", "t")],
            &[("app:1", "t")],
            one.to_string(),
            false,
        ),
        (
            &REPAIR,
            Some(json!({"docker.io/library/app": {"1": "t"}})),
            &[("app:1", "t")],
            &[("app:1", "t")],
            r#"{"docker.io/library/app":{"1":"t"}}"#.to_owned(),
            false,
        ),
        (
            &REPAIR,
            Some(one.clone()),
            &[("app:1", "t")],
            &[("app:1", "n!")],
            r#"{"app":{"1":"n"}}"#.to_owned(),
            true,
        ),
        (
            &REPAIR,
            Some(json!({"docker.io/library/app": {"1": "x"}, "app": {"1": "t"}})),
            &[("app:1", "t")],
            &[("app:1", "t")],
            one.to_string(),
            true,
        ),
        (
            &REPAIR,
            Some(json!({"app": {"1": "t"}, "b": {"1": "u"}})),
            &[("app:1", "t"), ("b:1", "u")],
            &[("app:1", "t"), ("b:1", "v")],
            r#"{"app":{"1":"t"},"b":{"1":"v"}}"#.to_owned(),
            true,
        ),
        (
            &REPAIR,
            Some(json!({"app": {"1": "t"}, "b": {"1": "u"}})),
            &[("app:1", "t")],
            &[("app:1", "t")],
            one.to_string(),
            true,
        ),
        (
            &REPAIR,
            Some(json!({"app": {"1": 5}})),
            &[("app:1", "t")],
            &[("app:1", "t")],
            one.to_string(),
            true,
        ),
        // Of an unknown writer any id will do, and the likeliest where there is none.
        (
            &REPAIR,
            Some(one.clone()),
            &[("app:1", "")],
            &[("app:1", "")],
            one.to_string(),
            false,
        ),
        (
            &REPAIR,
            Some(one.clone()),
            &[("app:1 app:2", "")],
            &[("app:1 app:2", "")],
            r#"{"app":{"1":"t","2":"t"}}"#.to_owned(),
            true,
        ),
        (
            &REPAIR,
            Some(json!({})),
            &[("app:1", "")],
            &[("app:1", "")],
            r#"{"app":{"1":"d0"}}"#.to_owned(),
            true,
        ),
    ] {
        let found = revised(case, document.as_ref(), old, new);
        assert_eq!(found, (wanted, is_wrong), "{document:?} {old:?} {new:?}");
    }
}

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
