//! Descriptors of an index: which there are, in which order, and under which names. One file because all of it is about these.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::tags;
use crate::annotation::{AnnotationEdit, AnnotationPlace};
use crate::archive::OciManifest;
use crate::archive::dialect::Index;
use crate::archive::dialect::state::State;
use crate::archive::documents::graph::Graph;
use crate::archive::documents::store::Store;
use crate::archive::revise::annotations::{Annotated, revise_manifest};
use crate::archive::revise::cascade::follow_platform;
use crate::archive::revise::index::Listing;
use crate::archive::revise::new_index::{descriptor, named};
use crate::archive::tests::parsed;
use crate::digest::Digest;
use crate::image::Config;
use crate::image::json::Document;
use crate::media_type::{DOCKER_MANIFEST, INDEX, MANIFEST};
use crate::reference::Reference;

const NAME: &str = "io.containerd.image.name";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

pub(super) fn digest(letter: &str) -> Digest {
    Digest::of(letter.as_bytes())
}

/// A descriptor such as `app:1@a`: a name, as containerd spells it if it is whole, and a document.
pub(super) fn listed(text: &str) -> Json {
    let (name, letter) = text.split_once('@').unwrap();
    let mut listed =
        json!({"mediaType": MANIFEST, "digest": digest(letter).to_string(), "size": 1});
    match name.split_once('/') {
        _ if name == "-" => {}
        Some((_, short)) => listed["annotations"] = json!({NAME: name, REF_NAME: short}),
        None => listed["annotations"] = json!({REF_NAME: name}),
    }
    listed
}

/// The same of a document, with `+` between two names.
pub(super) fn told(index: &Document) -> String {
    let index: Json = serde_json::from_slice(&index.to_bytes()).unwrap();
    let told = index["manifests"].as_array().unwrap().iter().map(|it| {
        let names = [NAME, REF_NAME].map(|key| it["annotations"][key].as_str());
        let names: Vec<&str> = names.into_iter().flatten().collect();
        let letters = ["a", "b", "c", "n"].into_iter();
        let mut letters = letters.filter(|letter| it["digest"] == digest(letter).to_string());
        format!("{}@{}", names.join("+"), letters.next().unwrap_or("?"))
    });
    told.collect::<Vec<_>>().join(" ")
}

#[test]
#[allow(clippy::too_many_lines, reason = "it is one table")]
fn a_group_has_its_entries_where_they_were() {
    let document = parsed(&json!({"mediaType": MANIFEST}));
    let new = Digest::of(&document.to_bytes());
    // Roots and tags of each group, the group that is revised, whether nameless images are listed, its new tags.
    for (list, groups, group, lists_nameless, new_tags, wanted) in [
        (
            "app:1@a app:2@b",
            &[(Some("a"), "app:1"), (Some("b"), "app:2")][..],
            0,
            false,
            "app:1",
            "app:1@? app:2@b",
        ),
        (
            "app:1@a app:2@b",
            &[(Some("a"), "app:1"), (Some("b"), "app:2")],
            0,
            false,
            "app:1 app:3",
            "app:1@? app:3@? app:2@b",
        ),
        (
            "app:1@a app:2@b",
            &[(Some("a"), "app:1"), (Some("b"), "app:2")],
            1,
            false,
            "app:4 app:2",
            "app:1@a app:4@? app:2@?",
        ),
        // Without a name.
        (
            "app:1@a app:2@b",
            &[(Some("a"), "app:1"), (Some("b"), "app:2")],
            0,
            false,
            "",
            "@? app:2@b",
        ),
        (
            "app:1@a app:2@b",
            &[(Some("a"), "app:1"), (Some("b"), "app:2")],
            1,
            false,
            "",
            "app:1@a",
        ),
        (
            "app:1@a app:2@b",
            &[(Some("a"), "app:1"), (Some("b"), "app:2")],
            1,
            true,
            "",
            "app:1@a @?",
        ),
        (
            "-@a -@b",
            &[(Some("a"), ""), (Some("b"), "")],
            1,
            true,
            "app:1",
            "@a app:1@?",
        ),
        // Listed nowhere.
        (
            "app:1@a",
            &[(Some("a"), "app:1"), (None, "")],
            1,
            false,
            "app:5",
            "app:1@a app:5@?",
        ),
        (
            "app:1@a",
            &[(Some("a"), "app:1"), (None, "")],
            1,
            false,
            "",
            "app:1@a",
        ),
        // Another name stays, and an entry that is there twice.
        (
            "./path@a app:1@b",
            &[(Some("a"), ""), (Some("b"), "app:1")],
            0,
            false,
            "",
            "./path+path@? app:1@b",
        ),
        (
            "app:1@a app:1@a app:2@b",
            &[(Some("a"), "app:1"), (Some("b"), "app:2")],
            0,
            false,
            "app:1",
            "app:1@? app:1@? app:2@b",
        ),
        // Twins are told by their names.
        (
            "app:1@a app:2@a",
            &[(Some("a"), "app:1"), (Some("a"), "app:2")],
            1,
            false,
            "app:2",
            "app:1@a app:2@?",
        ),
        (
            "app:1@a app:2@a",
            &[(Some("a"), "app:1"), (Some("a"), "app:2")],
            0,
            false,
            "app:1",
            "app:1@? app:2@a",
        ),
    ] {
        let manifests: Vec<Json> = list.split(' ').map(listed).collect();
        let mut index = parsed(&json!({"manifests": manifests}));
        let roots: Vec<Option<Digest>> = groups.iter().map(|(root, _)| root.map(digest)).collect();
        let old: Vec<Vec<Reference>> = groups.iter().map(|(_, names)| tags(names)).collect();
        let old: Vec<&[Reference]> = old.iter().map(Vec::as_slice).collect();
        let style = Index {
            says_which_images: true,
            lists_nameless,
            has_whole_names: false,
            store: Store::Blobs,
        };
        index.edit_array(&[], "manifests", &[], |items| {
            let mut listing = Listing::new(items, &roots, &old);
            listing.revise(group, (new, &document), &tags(new_tags), style, &|_, _| ());
        });
        assert_eq!(told(&index), wanted, "{list} {group} {new_tags}");
    }
}

#[test]
fn a_new_name_is_spelled_as_its_writer_does() {
    let document = parsed(&json!({"mediaType": MANIFEST}));
    let app = "docker.io/library/app:1";
    for (there, has_whole_names, wanted) in [
        ("b:1@a", false, "b:2@?"),
        ("b:1@a", true, "docker.io/library/b:2+2@?"),
        (&*format!("{app}@a"), false, "docker.io/library/b:2+2@?"),
        ("-@a", true, "docker.io/library/b:2+2@?"),
        ("-@a", false, "b:2@?"),
    ] {
        let mut index = parsed(&json!({"manifests": [listed(there)]}));
        let style = Index {
            says_which_images: true,
            lists_nameless: true,
            has_whole_names,
            store: Store::Blobs,
        };
        let new = Digest::of(&document.to_bytes());
        index.edit_array(&[], "manifests", &[], |items| {
            let mut listing = Listing::new(items, &[Some(digest("a"))], &[&[]]);
            listing.revise(0, (new, &document), &tags("b:2"), style, &|_, _| ());
        });
        assert_eq!(told(&index), wanted, "{there} {has_whole_names}");
    }
}

pub(super) fn state(letter: &str, names: &str, group: usize) -> State {
    let config = json!({"rootfs": {"type": "layers", "diff_ids": []}}).to_string();
    let config = Config::parse(config.as_bytes()).unwrap();
    State {
        image_id: config.digest(),
        config,
        layers: Vec::new(),
        tags: tags(names),
        manifest: Some(OciManifest {
            digest: digest(letter),
            document: parsed(&json!({})),
        }),
        group,
        annotations: Vec::new(),
        keeps_referrers: true,
    }
}

#[test]
fn names_of_a_new_index_are_whole_and_tags_alone() {
    for (states, written, is_bare, wanted) in [
        (
            &[("app:1", 0), ("b:2", 1)][..],
            &[0, 1][..],
            true,
            "docker.io/library/app:1+1@a docker.io/library/b:2+2@b other:1@c",
        ),
        (
            &[("app:1", 0), ("b:1", 1)],
            &[0, 1],
            true,
            "docker.io/library/app:1+app:1@a docker.io/library/b:1+b:1@b other:1@c",
        ),
        (
            &[("app:1", 0), ("b:1", 1)],
            &[0, 1],
            false,
            "docker.io/library/app:1+1@a docker.io/library/b:1+1@b other:1@c",
        ),
        (
            &[("app:1", 0), ("b:1", 1)],
            &[0],
            true,
            "docker.io/library/app:1+1@a b:1@b other:1@c",
        ),
        (
            &[("app:1", 0), ("app:1", 0)],
            &[0, 1],
            true,
            "docker.io/library/app:1+1@a app:1@b other:1@c",
        ),
        (&[("", 0), ("", 1)], &[0, 1], true, "@a @b other:1@c"),
    ] {
        let new: Vec<State> = states
            .iter()
            .zip(["a", "b"])
            .map(|((names, group), letter)| state(letter, names, *group))
            .collect();
        let name = |i: usize| {
            if states[i].0.is_empty() {
                "-"
            } else {
                states[i].0
            }
        };
        let mut manifests = vec![
            listed(&format!("{}@a", name(0))),
            listed(&format!("{}@b", name(1))),
        ];
        manifests.push(listed("other:1@c"));
        let graph = Graph {
            index: parsed(&json!({"manifests": manifests})),
            nodes: BTreeMap::new(),
            store: Store::Blobs,
        };
        let graph = named(graph, written, &new, is_bare);
        let found = told(&graph.index);
        // Both images of a group have the same names.
        let wanted = if states == [("app:1", 0), ("app:1", 0)] {
            wanted.replace(" app:1@b", " docker.io/library/app:1+1@b")
        } else {
            wanted.to_owned()
        };
        assert_eq!(found, wanted, "{states:?} {written:?}");
    }
}

#[test]
fn a_new_descriptor_has_the_platform_and_type_that_are_stated() {
    for (stated, more, has_platform) in [
        (MANIFEST, json!({}), None),
        (DOCKER_MANIFEST, json!({"os": "linux"}), None),
        ("", json!({"architecture": "arm"}), None),
        (INDEX, json!({"architecture": "arm", "os": ""}), None),
        (MANIFEST, json!({"architecture": null, "os": "linux"}), None),
        (
            MANIFEST,
            json!({"architecture": "arm", "os": "linux", "variant": ""}),
            Some(json!({"architecture": "arm", "os": "linux"})),
        ),
        (
            "",
            json!({"variant": "v7", "os": "linux", "architecture": "arm"}),
            Some(json!({"architecture": "arm", "os": "linux", "variant": "v7"})),
        ),
    ] {
        let mut config = more.clone();
        config["rootfs"] = json!({"type": "layers", "diff_ids": []});
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        let manifest = match stated {
            "" => json!({}),
            stated => json!({"mediaType": stated}),
        };
        let manifest = parsed(&manifest);
        let tag = Reference::parse("app:1").unwrap();
        for tag in [None, Some(&tag)] {
            let found = descriptor(&manifest, digest("a"), &config, tag);
            let found: Json = serde_json::from_str(&found.compact()).unwrap();
            let media_type = match stated {
                MANIFEST | DOCKER_MANIFEST => stated,
                _ => MANIFEST,
            };
            assert_eq!(found["mediaType"], media_type, "{more}");
            assert_eq!(found.get("platform"), has_platform.as_ref(), "{more}");
            let name = tag.map(|_| json!({REF_NAME: "docker.io/library/app:1"}));
            assert_eq!(found.get("annotations"), name.as_ref(), "{more}");
            assert_eq!(found["size"], manifest.to_bytes().len());
        }
    }
}

#[test]
fn a_platform_follows_the_configuration() {
    let config = |more: &Json| {
        let mut config = more.clone();
        config["rootfs"] = json!({"type": "layers", "diff_ids": []});
        Config::parse(config.to_string().as_bytes()).unwrap()
    };
    let amd = json!({"architecture": "amd64", "os": "linux"});
    let arm = json!({"architecture": "arm", "os": "linux", "variant": "v7"});
    for (there, before, after, wanted) in [
        (
            json!({"platform": amd}),
            &amd,
            &arm,
            json!({"platform": arm}),
        ),
        (
            json!({"platform": arm}),
            &arm,
            &amd,
            json!({"platform": amd}),
        ),
        (
            json!({"platform": {"os": "x"}}),
            &amd,
            &amd,
            json!({"platform": {"os": "x"}}),
        ),
        (
            json!({"platform": arm}),
            &arm,
            &json!({"architecture": "arm", "os": "linux", "variant": null}),
            json!({"platform": {"architecture": "arm", "os": "linux"}}),
        ),
        (
            json!({"platform": null}),
            &amd,
            &arm,
            json!({"platform": null}),
        ),
        (json!({"size": 1}), &amd, &arm, json!({"size": 1})),
    ] {
        let mut index = parsed(&json!({"manifests": [there]}));
        index.edit_array(&[], "manifests", &[], |items| {
            follow_platform(items, 0, &config(before), &config(after));
        });
        let found: Json = serde_json::from_slice(&index.to_bytes()).unwrap();
        assert_eq!(found["manifests"][0], wanted, "{there} {after}");
    }
}

#[test]
fn annotations_change_in_the_documents_that_edits_name() {
    use AnnotationPlace::{Descriptor, Index as Top, Manifest};
    let edit = |on, key: &str, new: Option<&str>| AnnotationEdit {
        on,
        key: key.to_owned(),
        old: None,
        new: new.map(str::to_owned),
    };
    let edits = [
        edit(Manifest, "m", Some("1")),
        edit(Top, "t", Some("2")),
        edit(Descriptor, "d", Some("3")),
        edit(Manifest, "x", None),
        edit(Top, "x", None),
        edit(Descriptor, "x", None),
    ];
    let json =
        |document: &Document| -> Json { serde_json::from_slice(&document.to_bytes()).unwrap() };
    for (there, wanted) in [
        (
            json!({"annotations": {"x": "y"}}),
            json!({"annotations": {"m": "1"}}),
        ),
        (json!({"a": 1}), json!({"a": 1, "annotations": {"m": "1"}})),
    ] {
        let manifest = OciManifest {
            digest: digest("a"),
            document: parsed(&there),
        };
        let found = revise_manifest(manifest, &edits);
        assert_eq!(json(&found.document), wanted);
        assert_eq!(found.digest, Digest::of(&found.document.to_bytes()));
    }
    let gone = OciManifest {
        digest: digest("a"),
        document: parsed(&json!({"annotations": {"x": "y"}, "b": 1})),
    };
    let gone = revise_manifest(gone, &[edit(Manifest, "x", None)]);
    assert_eq!(json(&gone.document), json!({"b": 1}));
    let before = state("a", "app:1", 0);
    let mut after = before.clone();
    after.annotations = edits.to_vec();
    let group = [(&before, &after)];
    for (root, is_listed) in [
        (Some(digest("a")), true),
        (Some(digest("b")), false),
        (None, false),
    ] {
        let annotated = Annotated::new(root, &group);
        assert_eq!(annotated.is_listed(), is_listed);
        let mut index = parsed(
            &json!({"manifests": [{"annotations": {"x": "y"}}, {"annotations": {"x": "y"}}]}),
        );
        index.edit_array(&[], "manifests", &[], |items| {
            annotated.revise_listed(items, 0);
            annotated.revise_descriptor(items, 1, digest("a"));
            annotated.revise_descriptor(items, 1, digest("b"));
        });
        let index = json(&index);
        let is_revised = |i: usize| index["manifests"][i]["annotations"]["d"] == "3";
        assert_eq!((is_revised(0), is_revised(1)), (is_listed, true));
        let mut top = parsed(&json!({"annotations": {"x": "y", "z": "z"}}));
        annotated.revise_index(&mut top, digest("b"));
        let is_top = root == Some(digest("b"));
        let wanted = if is_top {
            json!({"z": "z", "t": "2"})
        } else {
            json!({"x": "y", "z": "z"})
        };
        assert_eq!(json(&top)["annotations"], wanted);
    }
    let unedited = [(&before, &before)];
    assert!(!Annotated::new(Some(digest("a")), &unedited).is_listed());
}
