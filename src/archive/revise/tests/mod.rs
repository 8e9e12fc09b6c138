//! What the documents of a revised archive say. One file because `repositories` and `manifest.json` are derived of the same.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cascade;
mod dating;
mod lists;
mod notes;

use serde_json::{Value as Json, json};

use super::Derivation;
use super::manifest_json::manifest_json;
use super::repositories::repositories;
use crate::archive::dialect::Facts;
use crate::archive::dialect::state::{Files as DerivedFiles, Paths};
use crate::archive::tests::{Files, parsed};
use crate::archive::{Contents, Described};
use crate::digest::{DiffId, Digest};
use crate::image::Config;
use crate::image::json::Document;
use crate::reference::Reference;

/// One image: its names, as `app:1 b:2`, and what `repositories` says of them; nothing if the writer's ids are not known.
type Told<'a> = (&'a str, &'a str);

fn tags(text: &str) -> Vec<Reference> {
    let tags = text.split_whitespace();
    tags.map(|tag| Reference::parse(tag).unwrap()).collect()
}

/// What each image has a layer with: its directory is `d0`, or `n0` once it is changed.
fn files(images: &[Told<'_>], directory: impl Fn(usize) -> &'static str) -> DerivedFiles {
    let mut files = DerivedFiles::default();
    for (i, (_, top)) in images.iter().enumerate() {
        files.paths.push(Paths {
            config: format!("{}{i}.json", directory(i)),
            layers: vec![format!("{}{i}/layer.tar", directory(i))],
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

/// Returns `repositories` after a change, and whether it was said to be wrong.
fn revised(
    case: &Case,
    document: Option<&Json>,
    old: &[Told<'_>],
    new: &[Told<'_>],
) -> (String, bool) {
    let (contents, facts) = contents(old.len(), case.unread);
    assert_eq!(contents.images.len(), old.len());
    derived(&contents, facts, case, (old, new), |derivation| {
        let mut notes = Vec::new();
        let document: Option<Document> = document.map(parsed);
        let found = repositories(derivation, document.as_ref(), &mut notes);
        let text = found.map(|document| String::from_utf8(document.to_bytes()).unwrap());
        (text.unwrap_or_default(), !notes.is_empty())
    })
}

/// Derives something of a change. A new id that ends in `!` is of an image that changes, and so has another layer.
fn derived<T>(
    contents: &Contents,
    facts: &Facts,
    case: &Case,
    (old, new): (&[Told<'_>], &[Told<'_>]),
    derive: impl FnOnce(&Derivation<'_>) -> T,
) -> T {
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
        let new_top = top.strip_suffix('!');
        if new_top.is_some() {
            let diff_id = Digest::of(b"new layer").to_string();
            let config = json!({"author": top, "history": [{}, {}], "rootfs": {
                "type": "layers", "diff_ids": [diff_id],
            }});
            state.config = Config::parse(config.to_string().as_bytes()).unwrap();
            state.image_id = state.config.digest();
            state.layers[0].diff_id = DiffId::parse(&diff_id).unwrap();
            state.layers[0].digest = Some(Digest::of(b"new layer"));
        }
        told.push((*names, new_top.unwrap_or(top)));
    }
    let directory = |i: usize| if new[i].1.ends_with('!') { "n" } else { "d" };
    derive(&Derivation {
        contents,
        facts,
        old: &before,
        new: &after,
        old_files: &files(old, |_| "d"),
        new_files: &files(&told, directory),
        is_repair: case.is_repair,
    })
}

#[test]
#[allow(clippy::too_many_lines, reason = "it is one table")]
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

/// What `manifest.json` becomes: the names of each item with its configuration, and the notes.
fn items(
    list: &Json,
    described: &[(&[usize], &str)],
    (old, new): (&[Told<'_>], &[Told<'_>]),
) -> (Json, Vec<String>) {
    let (mut contents, facts) = contents(old.len(), "");
    for (image, (names, _)) in contents.images.iter_mut().zip(old) {
        image.tags = tags(names);
    }
    let described = described.iter().map(|(images, names)| Described {
        images: images.to_vec(),
        tags: tags(names),
        held: Vec::new(),
    });
    contents.items = described.collect();
    derived(&contents, facts, &DOCKER, (old, new), |derivation| {
        let mut notes = Vec::new();
        let document = manifest_json(derivation, &parsed(list), &mut notes);
        let document = serde_json::from_slice(&document.to_bytes()).unwrap();
        (document, notes)
    })
}

fn item(config: &str, names: &str, layer: &str) -> Json {
    let names: Vec<&str> = names.split_whitespace().collect();
    json!({"Config": config, "RepoTags": names, "Layers": [format!("{layer}/layer.tar")]})
}

#[test]
fn items_say_what_their_images_have_become() {
    let one = |names| item("0.json", names, "d0");
    let changed = |names| item("n0.json", names, "n0");
    for (list, described, old, new, wanted) in [
        // An image of its own.
        (
            json!([one("app:1"), item("1.json", "b:1", "d1")]),
            &[(&[0][..], "app:1"), (&[1], "b:1")][..],
            &[("app:1", "t"), ("b:1", "u")][..],
            &[("app:1", "n!"), ("b:1", "u")][..],
            json!([changed("app:1"), item("1.json", "b:1", "d1")]),
        ),
        (
            json!([one("app:1")]),
            &[(&[0], "app:1")],
            &[("app:1", "t")],
            &[("app:1 app:2", "t")],
            json!([one("app:1 app:2")]),
        ),
        (
            json!([one("docker.io/library/app:1")]),
            &[(&[0], "app:1")],
            &[("app:1", "t")],
            &[("app:1 app:2", "t")],
            json!([one("docker.io/library/app:1 app:2")]),
        ),
        // What has no names goes on having none.
        (
            json!([one("")]),
            &[(&[0], "")],
            &[("app:1", "t")],
            &[("app:1", "n!")],
            json!([changed("")]),
        ),
        (
            json!([one("")]),
            &[(&[0], "")],
            &[("app:1", "t")],
            &[("app:2", "t")],
            json!([one("app:2")]),
        ),
        // Two items of one image share its names; new ones go to the first.
        (
            json!([one("app:1"), one("app:2")]),
            &[(&[0], "app:1"), (&[0], "app:2")],
            &[("app:1 app:2", "t")],
            &[("app:1 app:2 app:3", "t")],
            json!([one("app:1 app:3"), one("app:2")]),
        ),
        // One item of two images that are alike: it is parted once they differ.
        (
            json!([one("app:1 b:1"), item("1.json", "c:1", "d1")]),
            &[(&[0, 1], "app:1 b:1")],
            &[("app:1", "t"), ("b:1", "u")],
            &[("app:1", "n!"), ("b:1", "u")],
            json!([changed("app:1"), one("b:1"), item("1.json", "c:1", "d1")]),
        ),
    ] {
        let (found, notes) = items(&list, described, (old, new));
        assert_eq!(found, wanted, "{list} {new:?}");
        assert!(notes.is_empty(), "{notes:?}");
    }
}

#[test]
fn names_by_digest_and_sources_of_layers_go_with_the_image() {
    let by_digest = format!("app@{}", Digest::of(b"x"));
    let own = Digest::of(&vec![0; 1024]).to_string();
    let new = Digest::of(b"new layer").to_string();
    let mut with = item("0.json", &format!("app:1 {by_digest}"), "d0");
    with["LayerSources"] = json!({&own: {"size": 1}, "other": {}});
    let list = json!([with]);
    let (found, notes) = items(
        &list,
        &[(&[0], "app:1")],
        (&[("app:1", "t")], &[("app:1", "t")]),
    );
    assert_eq!((found, notes), (list.clone(), Vec::new()));
    let (found, notes) = items(
        &list,
        &[(&[0], "app:1")],
        (&[("app:1", "t")], &[("app:1", "n!")]),
    );
    assert_eq!(found[0]["RepoTags"], json!(["app:1"]));
    assert_eq!(
        notes,
        [format!(
            "`{by_digest}` is removed: the image has another digest"
        )]
    );
    let sources = found[0]["LayerSources"].as_object().unwrap();
    assert!(
        sources.contains_key(&new) && sources.contains_key("other") && !sources.contains_key(&own)
    );
    assert_eq!(
        sources[&new]["mediaType"],
        "application/vnd.oci.image.layer.v1.tar"
    );
}

#[test]
fn a_parent_is_named_while_its_history_is_that_of_the_child() {
    // The parent has one entry less than what changed images have.
    let mut files = Files::default();
    let layer = vec![0; 1024];
    let config = |n: usize, author: &str| {
        json!({"author": author, "history": vec![json!({}); n], "rootfs": {
            "type": "layers", "diff_ids": [Digest::of(&layer).to_string()],
        }})
        .to_string()
    };
    for (n_parent, n_child, child, wanted) in [
        (1, 2, "t", "kept"),
        (1, 2, "n!", "kept"),
        (2, 2, "n!", "gone"),
        (0, 2, "n!", "gone"),
        (2, 2, "t", "kept"),
    ] {
        files.put("0.json", config(n_parent, "parent").as_bytes());
        files.put("1.json", config(n_child, "child").as_bytes());
        files.put("d0/layer.tar", &layer);
        files.put("d1/layer.tar", &layer);
        let parent = Digest::of(config(n_parent, "parent").as_bytes()).to_string();
        let mut below = item("1.json", "b:1", "d1");
        below["Parent"] = json!(parent);
        let list = json!([item("0.json", "a:1", "d0"), below]);
        files.put("manifest.json", list.to_string().as_bytes());
        let archive = files.archive().unwrap();
        let facts = archive.dialect.facts();
        let (old, new) = ([("a:1", "t"), ("b:1", "u")], [("a:1", "t"), ("b:1", child)]);
        let contents = archive.contents;
        assert_eq!(contents.images.len(), 2);
        let (found, notes) = derived(&contents, facts, &DOCKER, (&old, &new), |derivation| {
            let mut notes = Vec::new();
            let document = manifest_json(derivation, &parsed(&list), &mut notes);
            let document: Json = serde_json::from_slice(&document.to_bytes()).unwrap();
            (document, notes)
        });
        let case = format!("{n_parent} {n_child} {child}");
        let is_named = found[1]["Parent"].as_str() == Some(parent.as_str());
        assert_eq!(is_named, wanted == "kept", "{case} {found}");
        assert_eq!(notes.is_empty(), is_named, "{case}");
        // The parent itself becomes another.
        let new = [("a:1", "n!"), ("b:1", "u")];
        let found = derived(&contents, facts, &DOCKER, (&old, &new), |derivation| {
            let document = manifest_json(derivation, &parsed(&list), &mut Vec::new());
            serde_json::from_slice::<Json>(&document.to_bytes()).unwrap()
        });
        assert_ne!(found[1]["Parent"], json!(parent), "{case}");
    }
}
